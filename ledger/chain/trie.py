"""Merkle Patricia tries: check proofs against a root, and build the root of an ordered list.

A root comes from a sealed header; everything else here may come from a liar, so a proof is exactly
the nodes on the way from the root to the key, in order, each in its only form. Anything else is
Rejected(BAD_PROOF). Source: Ethereum yellow paper, appendix D; EIP-1186 for the shape of proofs.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import groupby

from ledger.chain import rlp
from ledger.domain.keccak import keccak
from ledger.errors import Rejected

EMPTY_ROOT = keccak(b"\x80")
EMPTY_CODE = keccak(b"")
_LARGEST = 1024  # bytes of a node that is kept: a full one has 532, and a liar's any number


@dataclass(frozen=True)
class Account:
    """An account as the state trie stores it; the balance is in wei."""

    nonce: int
    balance: int
    storage_root: bytes
    code_hash: bytes


def verify(root: bytes, key: bytes, proof: Sequence[bytes]) -> bytes:
    """Return the value that the trie under `root` holds at `key`, b"" if it provably holds none.

    proof: the encoded nodes from the root down; nodes under 32 bytes lie inside their parents.
    An empty trie is proved by no node at all (or by the encoding of the empty node, as some
    clients answer). Raises Rejected(BAD_PROOF) for a missing, altered, superfluous, reordered or
    non-canonical node.
    """
    if root == EMPTY_ROOT and list(proof) in ([], [b"\x80"]):
        return b""
    left = iter(proof)

    def take(reference: bytes) -> bytes:
        encoded = next(left, None)
        if encoded is None:
            raise _bad("a node is missing")
        if (_hashed(encoded) if len(encoded) <= _LARGEST else keccak(encoded)) != reference:
            raise _bad("a node does not hash to what its parent (or the header) names")
        return encoded

    try:
        value = walk(root, key, take)
    except Rejected as error:
        raise _bad(error.message) if error.code == "BAD_RLP" else error from None
    if next(left, None) is not None:
        raise _bad("it holds nodes that are not on the way to the key")
    return value


def walk(root: bytes, key: bytes, take: Callable[[bytes], bytes]) -> bytes:
    """Return the value that the trie under `root` holds at `key`, b"" if it holds none.

    take: returns the encoded node of a hash; asked for each node from the root (which is not that
    of the empty trie) down, but for those that lie inside their parents. Raises what `take` raises,
    Rejected BAD_PROOF or BAD_RLP for a node that is not in its only form.
    """
    reference: rlp.Decoded = root
    path, at, is_root = _nibbles(key), 0, True
    while reference != b"":
        if isinstance(reference, bytes):
            encoded = take(reference)
            if len(encoded) < 32 and not is_root:
                raise _bad("a node under 32 bytes is not inside its parent")
            node = _items(encoded)
        else:
            node = reference
            if len(rlp.encode(node)) >= 32:
                raise _bad("a node of 32 bytes or more lies inside its parent")
        is_root = False
        if len(node) == 17:
            if at == len(path):
                return _value(node[16])
            reference = node[path[at]]
            at += 1
            continue
        if len(node) != 2:
            raise _bad("a node has neither 2 nor 17 items")
        part, is_leaf = _unpack(node[0])
        if is_leaf:
            value = _value(node[1])
            if not value:
                raise _bad("a leaf without a value")
            return value if part == path[at:] else b""
        if not part or not node[1]:
            raise _bad("an extension that leads nowhere")
        if path[at : at + len(part)] != part:
            return b""
        at += len(part)
        reference = node[1]
    return b""


def account(state_root: bytes, address: bytes, proof: Sequence[bytes]) -> Account | None:
    """Return the account at `address` (20 bytes) under a state root, None if it provably has none.

    Raises Rejected(BAD_PROOF).
    """
    value = verify(state_root, keccak(address), proof)
    if not value:
        return None
    try:
        nonce, balance, storage_root, code_hash = rlp.items(rlp.decode(value), 4)
        return Account(
            rlp.uint(nonce, 8),
            rlp.uint(balance, 32),
            rlp.fixed(storage_root, 32),
            rlp.fixed(code_hash, 32),
        )
    except Rejected as error:
        raise _bad(error.message) from None


def storage_word(storage_root: bytes, slot: int, proof: Sequence[bytes]) -> int:
    """Return the 256-bit word in a slot; 0 only by a proof that the slot is not in the trie.

    Raises Rejected(BAD_PROOF).
    """
    value = verify(storage_root, keccak(slot.to_bytes(32, "big")), proof)
    if not value:
        return 0
    try:
        word = rlp.uint(rlp.decode(value), 32)
    except Rejected as error:
        raise _bad(error.message) from None
    if word == 0:
        raise _bad("a zero word is stored, which no client does")
    return word


def ordered_root(values: Sequence[bytes]) -> bytes:
    """Return the root of the trie rlp(index) -> value, as headers use it for transactions,
    receipts.

    Built top-down over the sorted keys, without a database: about 4 times faster than inserting
    one by one.
    """
    if not values:
        return EMPTY_ROOT
    leaves = sorted(
        (_nibbles(rlp.encode(rlp.from_uint(index))), value) for index, value in enumerate(values)
    )
    return keccak(rlp.encode(_node(leaves, 0)))


@lru_cache(maxsize=1024)
def _hashed(encoded: bytes) -> bytes:
    """Return the hash of a node; the upper ones are in every proof."""
    return keccak(encoded)


@lru_cache(maxsize=1024)
def _items(encoded: bytes) -> list[rlp.Decoded]:
    """Return the items of a node; the upper ones are on the way to every key. Not to be changed."""
    return rlp.items(rlp.decode(encoded))


def _value(item: rlp.Decoded) -> bytes:
    if not isinstance(item, bytes):
        raise _bad("a value is a list")
    return item


def _nibbles(data: bytes) -> bytes:
    """Return one byte (0..15) for each half byte."""
    return bytes.fromhex("".join([f"0{digit}" for digit in data.hex()]))


def _unpack(item: rlp.Decoded) -> tuple[bytes, bool]:
    """Read a hex-prefixed path: (nibbles, ends in a leaf)."""
    nibbles = _nibbles(_value(item))
    if not nibbles or nibbles[0] > 3 or (nibbles[0] in (0, 2) and nibbles[1]):
        raise _bad("a path has an unknown prefix")
    return nibbles[1 if nibbles[0] & 1 else 2 :], nibbles[0] >= 2


def _pack(nibbles: bytes, is_leaf: bool) -> bytes:
    """Write a hex-prefixed path."""
    odd = len(nibbles) & 1
    full = bytes((2 * is_leaf + odd,)) + (b"" if odd else b"\0") + nibbles
    return bytes(high << 4 | low for high, low in zip(full[::2], full[1::2], strict=True))


def _node(leaves: list[tuple[bytes, bytes]], depth: int) -> list[rlp.Item]:
    """Return the node over sorted (path, value) pairs that share their first `depth` nibbles.

    No key rlp(index) is a prefix of another, so a branch never holds a value of its own.
    """
    first, value = leaves[0]
    if len(leaves) == 1:
        return [_pack(first[depth:], True), value]
    last = leaves[-1][0]
    fork = depth
    while first[fork] == last[fork]:
        fork += 1
    if fork > depth:
        return [_pack(first[depth:fork], False), _reference(_node(leaves, fork))]
    children: list[rlp.Item] = [b""] * 17
    for nibble, group in groupby(leaves, key=lambda leaf: leaf[0][depth]):
        children[nibble] = _reference(_node(list(group), depth + 1))
    return children


def _reference(node: list[rlp.Item]) -> rlp.Item:
    encoded = rlp.encode(node)
    return node if len(encoded) < 32 else keccak(encoded)


def _bad(what: str) -> Rejected:
    return Rejected("BAD_PROOF", f"The proof does not hold ({what}): ask for a new one.")
