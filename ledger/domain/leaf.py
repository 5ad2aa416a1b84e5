"""The leaf of an item: what its batch's Merkle tree says of a code.

Apart from `ledger.domain.code`, so that a proof can be checked with neither keys nor arrays.
"""

from __future__ import annotations

from ledger.domain import abi
from ledger.domain.keccak import keccak


def leaf(gtin: int, index: int, serial: str) -> bytes:
    """Return the leaf of an item in its batch's tree.

    keccak(keccak(abi(uint64 gtin, uint32 index, bytes32 serial))), serial ASCII, left-aligned.
    Imported serials may have up to 32 characters here.
    """
    return keccak(code_hash(gtin, index, serial))


def code_hash(gtin: int, index: int, serial: str) -> bytes:
    """Return what a leaf is the hash of: keccak(abi(gtin, index, serial)), types as in `leaf`."""
    return keccak(
        abi.encode(abi.uint(gtin, 64), abi.uint(index, 32), abi.ascii32(serial)),
    )


def inner_leaf(index: int, inner_code: bytes, salt: bytes) -> bytes:
    """Return the leaf of an inner code in its batch's inner tree (formats "Inner commitment").

    inner_code, salt: 32 bytes each, the code as ASCII, left-aligned.
    """
    words = abi.encode(abi.uint(index, 32), abi.bytes32(inner_code), abi.bytes32(salt))
    return keccak(keccak(words))
