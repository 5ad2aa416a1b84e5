"""Merkle proofs of accounts and storage slots at any block (EIP-1186)."""

from __future__ import annotations

from dataclasses import dataclass

import rlp
from eth.constants import BLANK_ROOT_HASH, EMPTY_SHA3
from eth.rlp.accounts import Account

from ledger.chain import trie
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
    encoded, nodes = _way(store, block.header.state_root, keccak(address))
    account = rlp.decode(encoded, sedes=Account) if encoded else None
    storage_root = account.storage_root if account else BLANK_ROOT_HASH
    return AccountProof(
        balance=account.balance if account else 0,
        nonce=account.nonce if account else 0,
        code_hash=account.code_hash if account else EMPTY_SHA3,
        storage_hash=storage_root,
        nodes=nodes,
        slots=tuple(_prove_slot(store, storage_root, slot) for slot in slots),
    )


def _prove_slot(store: Store, root: bytes, slot: int) -> SlotProof:
    encoded, nodes = _way(store, root, keccak(slot.to_bytes(32, "big")))
    value = int.from_bytes(rlp.decode(encoded), "big") if encoded else 0
    return SlotProof(slot, value, nodes)


def _way(store: Store, root: bytes, key: bytes) -> tuple[bytes, tuple[bytes, ...]]:
    """Return the value at `key`, b"" for none, and the encoded nodes from the root to it; no node
    for an empty trie.

    Nodes shorter than 32 bytes stand inside their parent and are not listed again.
    """
    nodes: list[bytes] = []

    def take(reference: bytes) -> bytes:
        nodes.append(store.node(reference))
        return nodes[-1]

    value = b"" if root == BLANK_ROOT_HASH else trie.walk(root, key, take)
    return value, tuple(nodes)
