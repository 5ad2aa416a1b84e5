"""Serials and inner codes: a batch number and an index, encrypted into 20 characters.

Formats "Code": serial = epoch character ‖ 19 characters. The 95-bit number
batch · 2⁶⁴ + index · 2³² (32 zero bits below) as 19 numerals of radix 32 is encrypted with FF1
(NIST SP 800-38G, AES-256) under the tweak 0x01 ‖ uint56(GTIN-14). An inner code is alike under the
inner key and the tweak 0x02 ‖ seven zero bytes.

A scan is decoded, not looked up: 32 zero bits must come back. Here GTINs are integers (the value of
the 14 digits). `ledger.domain.ff1_block` encrypts; `ledger.domain.ff1` is the plain form that it is
held to.
"""

from __future__ import annotations

import hmac

import numpy as np
from numpy.typing import NDArray

from ledger.domain import abi
from ledger.domain.ff1_block import BlockFF1
from ledger.domain.keccak import keccak
from ledger.domain.leaf import inner_leaf
from ledger.domain.leaf import leaf as leaf  # part of this module's face

ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
SERIAL_LENGTH = 20
EPOCHS = 32
IMPORTED_EPOCH = 31  # has no key: batches of codes that were printed elsewhere
MAX_BATCH = (1 << 31) - 1
MAX_INDEX = (1 << 32) - 1

_VALUES = {character: value for value, character in enumerate(ALPHABET)}
_VARIANTS = str.maketrans({"O": "0", "I": "1", "L": "1"})
_NUMERALS = SERIAL_LENGTH - 1
_LEFT_BITS, _RIGHT_BITS = 45, 50  # 9 and 10 numerals
_RIGHT_MASK = (1 << _RIGHT_BITS) - 1
INNER_TWEAK = 2 << 56
_CHUNK = 1 << 14  # serials whose working arrays fit the second-level cache
_NUMERAL_OF = np.full(256, 255, np.uint8)  # by character
_NUMERAL_OF[[ord(character) for character in ALPHABET]] = np.arange(len(ALPHABET))
# Two characters for each pair of numerals.
_PAIRS = np.array([a + b for a in ALPHABET for b in ALPHABET], "S2").view("<u2")


def encode_serial(key: bytes, epoch: int, gtin: int, batch: int, index: int) -> str:
    """Return the serial of item `index` of `batch`, under the outer key of `epoch`.

    key: 32 bytes; epoch 0 to 31, batch 0 to 2³¹ − 1, index 0 to 2³² − 1. Raises ValueError outside
    these ranges.
    """
    return _encode(key, serial_tweak(gtin), epoch, batch, index)


def decode_serial(key: bytes, gtin: int, serial: str) -> tuple[int, int] | None:
    """Return (batch, index) of a canonical serial, or None if this key never made it.

    The caller chooses the key by `serial_epoch`.
    """
    return _decode(key, serial_tweak(gtin), serial)


def encode_inner(key: bytes, epoch: int, batch: int, index: int) -> str:
    """Return the inner code of item `index` of `batch`, under the inner key of `epoch`."""
    return _encode(key, INNER_TWEAK, epoch, batch, index)


def decode_inner(key: bytes, code: str) -> tuple[int, int] | None:
    """Return (batch, index) of a canonical inner code, or None if this key never made it."""
    return _decode(key, INNER_TWEAK, code)


def encode_serials(
    key: bytes, epoch: int, gtin: int, batch: int, indices: NDArray[np.unsignedinteger]
) -> NDArray[np.bytes_]:
    """Return the serials of many items of a batch: shape (n,), dtype S20, in the order given.

    indices: shape (n,), any unsigned dtype, each below 2³². Otherwise as `encode_serial`.
    """
    return encode_codes(key, serial_tweak(gtin), epoch, batch, indices)


def encode_inners(
    key: bytes, epoch: int, batch: int, indices: NDArray[np.unsignedinteger]
) -> NDArray[np.bytes_]:
    """Return the inner codes of many items of a batch; shapes as `encode_serials`."""
    return encode_codes(key, INNER_TWEAK, epoch, batch, indices)


def serial_tweak(gtin: int) -> int:
    """Return the tweak of a GTIN's serials: 0x01 ‖ uint56(GTIN-14). Raises ValueError."""
    if not 0 <= gtin < 10**14:
        raise ValueError(f"{gtin} is not the value of 14 digits")
    return 1 << 56 | gtin


def decode_serials(
    key: bytes, gtin: int, serials: NDArray[np.bytes_]
) -> tuple[NDArray[np.uint32], NDArray[np.uint32]]:
    """Return (batches, indices) of many canonical serials; batch 0 where this key made none.

    serials: dtype S20, shape (n,). No batch on a ledger has the number 0.
    """
    return _decode_many(key, serial_tweak(gtin), serials)


def serial_epoch(serial: str) -> int | None:
    """Return the key epoch of a canonical serial or inner code, None if it is not canonical."""
    if len(serial) != SERIAL_LENGTH or not _VALUES.keys() >= set(serial):
        return None
    return _VALUES[serial[0]]


def normalise_variant(serial: str) -> str | None:
    """Return the canonical serial that a person or a reader meant, or None.

    Lower case is raised, O is read as 0, I and L as 1. A canonical serial is its own result; only
    it decodes, a variant is redirected there.
    """
    if not serial.isascii():
        return None
    canonical = serial.upper().translate(_VARIANTS)
    return None if serial_epoch(canonical) is None else canonical


def leaves(gtin: int, first: int, serials: NDArray[np.bytes_]) -> list[bytes]:
    """Return the leaves of consecutive items, from index `first` on; serials as S20, shape (n,)."""
    return leaves_at(gtin, np.arange(first, first + len(serials), dtype=np.uint32), serials)


def leaves_at(gtin: int, indices: NDArray[np.uint32], serials: NDArray[np.bytes_]) -> list[bytes]:
    """Return the leaves of any items; indices of shape (n,), serials as S20, shape (n,)."""
    head = abi.uint(gtin, 64) + bytes(28)
    return [
        keccak(keccak(head + index.to_bytes(4, "big") + serial.ljust(32, b"\0")))
        for index, serial in zip(indices.tolist(), serials.tolist(), strict=True)
    ]


def inner_salt(key: bytes, batch: int, index: int) -> bytes:
    """Return the salt of an inner commitment: 32 bytes of HKDF-SHA256 (RFC 5869) of the inner key.

    No HKDF salt; info = "touchstone-inner/1" ‖ uint64 batch ‖ uint32 index, big-endian.
    """
    info = b"touchstone-inner/1" + batch.to_bytes(8, "big") + index.to_bytes(4, "big")
    pseudorandom_key = hmac.digest(bytes(32), key, "sha256")
    return hmac.digest(pseudorandom_key, info + b"\x01", "sha256")


def inner_commitment(index: int, inner_code: str, salt: bytes) -> bytes:
    """Return the leaf of an inner code in the tree under the batch's inner root.

    keccak(keccak(abi(uint32 index, bytes32 innerCode, bytes32 salt))).
    """
    return inner_leaf(index, abi.ascii32(inner_code), salt)


def _check_range(epoch: int, batch: int) -> None:
    if not 0 <= epoch < EPOCHS:
        raise ValueError(f"epoch {epoch} is not 0 to {EPOCHS - 1}")
    if not 0 <= batch <= MAX_BATCH:
        raise ValueError(f"batch {batch} is not 0 to {MAX_BATCH}")


def _encode(key: bytes, tweak: int, epoch: int, batch: int, index: int) -> str:
    _check_range(epoch, batch)
    if not 0 <= index <= MAX_INDEX:
        raise ValueError(f"index {index} is not 0 to {MAX_INDEX}")
    plain = batch << 64 | index << 32
    cipher = BlockFF1(key, tweak, _NUMERALS)
    left, right = cipher.encrypt(plain >> _RIGHT_BITS, plain & _RIGHT_MASK)
    number = (epoch << _LEFT_BITS | left) << _RIGHT_BITS | right
    return "".join(ALPHABET[number >> shift & 31] for shift in range(95, -1, -5))


def _decode(key: bytes, tweak: int, code: str) -> tuple[int, int] | None:
    if serial_epoch(code) is None:
        return None
    number = 0
    for character in code[1:]:
        number = number << 5 | _VALUES[character]
    cipher = BlockFF1(key, tweak, _NUMERALS)
    left, right = cipher.decrypt(number >> _RIGHT_BITS, number & _RIGHT_MASK)
    plain = left << _RIGHT_BITS | right
    if plain & 0xFFFFFFFF:
        return None
    return plain >> 64, plain >> 32 & MAX_INDEX


def encode_codes(
    key: bytes, tweak: int, epoch: int, batch: int, indices: NDArray[np.unsignedinteger]
) -> NDArray[np.bytes_]:
    """Return codes under a key and its tweak, serials' or inner codes'; as `encode_serials`."""
    _check_range(epoch, batch)
    if indices.size and int(indices.max()) > MAX_INDEX:
        raise ValueError(f"an index is over {MAX_INDEX}")
    cipher = BlockFF1(key, tweak, _NUMERALS)
    codes = np.empty((len(indices), SERIAL_LENGTH // 2), "<u2")
    for at in range(0, len(indices), _CHUNK):
        chunk = indices[at : at + _CHUNK].astype(np.uint64)
        left, right = cipher.encrypt_many(
            np.uint64(batch << 14) | chunk >> np.uint64(18),
            (chunk & np.uint64((1 << 18) - 1)) << np.uint64(32),
        )
        _write_characters(epoch, left, right, codes[at : at + _CHUNK])
    return codes.view(f"S{SERIAL_LENGTH}").reshape(-1)


def _decode_many(
    key: bytes, tweak: int, codes: NDArray[np.bytes_]
) -> tuple[NDArray[np.uint32], NDArray[np.uint32]]:
    cipher = BlockFF1(key, tweak, _NUMERALS)
    batches, indices = np.zeros(len(codes), np.uint32), np.zeros(len(codes), np.uint32)
    for at in range(0, len(codes), _CHUNK):
        chunk = np.ascontiguousarray(codes[at : at + _CHUNK])
        values = _NUMERAL_OF[chunk.view(np.uint8).reshape(-1, SERIAL_LENGTH)].astype(np.uint64)
        canonical = (values < 32).all(1)
        left, right = cipher.decrypt_many(_number(values[:, 1:10]), _number(values[:, 10:]))
        ours = canonical & (right & np.uint64(0xFFFFFFFF) == 0)
        # 45 bits left, 50 right: batch 31, then index 14 and 18, then the 32 zeros.
        index = (left & np.uint64((1 << 14) - 1)) << np.uint64(18) | right >> np.uint64(32)
        batches[at : at + _CHUNK] = np.where(ours, left >> np.uint64(14), 0)
        indices[at : at + _CHUNK] = np.where(ours, index, 0)
    return batches, indices


def _number(numerals: NDArray[np.uint64]) -> NDArray[np.uint64]:
    found = np.zeros(len(numerals), np.uint64)
    for column in range(numerals.shape[1]):
        found = found << np.uint64(5) | numerals[:, column] & np.uint64(31)
    return found


def _write_characters(
    epoch: int, left: NDArray[np.uint64], right: NDArray[np.uint64], out: NDArray[np.uint16]
) -> None:
    """Write 20 characters a row into `out` (n, 10), two at a time."""
    left = left | np.uint64(epoch << _LEFT_BITS)
    for column in range(5):
        shift = np.uint64(40 - 10 * column)
        out[:, column] = _PAIRS[left >> shift & np.uint64(1023)]
        out[:, 5 + column] = _PAIRS[right >> shift & np.uint64(1023)]
