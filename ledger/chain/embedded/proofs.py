"""Merkle proofs of accounts and storage slots at any block (EIP-1186)."""

from __future__ import annotations

from dataclasses import dataclass

import rlp
from eth.constants import BLANK_ROOT_HASH, EMPTY_SHA3
from eth.rlp.accounts import Account
from trie import HexaryTrie

from ledger.chain.embedded.nodes import NodeOverlay
from ledger.chain.embedded.records import Block
from ledger.chain.embedded.store import Store
from ledger.domain.keccak import keccak


@dataclass(frozen=True)
class SlotProof:
    """A slot's value and the RLP nodes from the storage root to it, or to where it is absent."""

    slot: int
    value: int
    nodes: tuple[bytes, ...]


@dataclass(frozen=True)
class AccountProof:
    """An account and the RLP nodes from the state root to it, or to where it is absent."""

    balance: int
    nonce: int
    code_hash: bytes
    storage_hash: bytes
    nodes: tuple[bytes, ...]
    slots: tuple[SlotProof, ...]


def prove(store: Store, block: Block, address: bytes, slots: list[int]) -> AccountProof:
    """Return the proof of `address` and its `slots` against the state root of `block`."""
    nodes = NodeOverlay(store.node)
    accounts = HexaryTrie(nodes, block.header.state_root)
    key = keccak(address)
    encoded = accounts[key]
    account = rlp.decode(encoded, sedes=Account) if encoded else None
    storage_root = account.storage_root if account else BLANK_ROOT_HASH
    storage = HexaryTrie(nodes, storage_root)
    return AccountProof(
        balance=account.balance if account else 0,
        nonce=account.nonce if account else 0,
        code_hash=account.code_hash if account else EMPTY_SHA3,
        storage_hash=storage_root,
        nodes=_path(accounts, key),
        slots=tuple(_prove_slot(storage, slot) for slot in slots),
    )


def _prove_slot(storage: HexaryTrie, slot: int) -> SlotProof:
    key = keccak(slot.to_bytes(32, "big"))
    encoded = storage[key]
    value = int.from_bytes(rlp.decode(encoded), "big") if encoded else 0
    return SlotProof(slot, value, _path(storage, key))


def _path(trie: HexaryTrie, key: bytes) -> tuple[bytes, ...]:
    """Return the encoded nodes from the root to `key`; none for an empty trie.

    Nodes shorter than 32 bytes stand inside their parent and are not listed again.
    """
    if trie.root_hash == BLANK_ROOT_HASH:
        return ()
    encoded = [rlp.encode(node) for node in trie.get_proof(key) if node != b""]
    return tuple(node for place, node in enumerate(encoded) if place == 0 or len(node) >= 32)
