"""Leaves, inner commitments, tree nodes and children, many at once: the fast path of minting and
packing.

The bytes are those of `ledger.domain.leaf`, `code.inner_commitment`, `merkle.hash_pair` and
`merkle.children_leaf`, which the tests hold this to. Hashes are rows of four
little-endian uint64 words (32 bytes in order), so an array of n hashes has shape (n, 4). The
functions release the GIL. Needs numba, as `ledger.domain.lanes` does.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from ledger.domain import keccak_lanes, lanes

Hashes = NDArray[np.uint64]
"""Shape (n, 4): each row is one hash of 32 bytes."""

_NONE, _ONE = np.uint64(0), np.uint64(1)  # keccak's padding begins with the byte 0x01
_LAST_BIT = np.uint64(1 << 63)  # and ends in the top bit of word 16 (rate 136 bytes)
_U8, _U16, _U32 = np.uint64(8), np.uint64(16), np.uint64(32)
_BYTES, _PAIRS = np.uint64(0x00FF00FF00FF00FF), np.uint64(0x0000FFFF0000FFFF)


@dataclass(frozen=True, slots=True)
class LaneHashes:
    """Functions compiled for one vector width: `width` keccak states side by side."""

    width: int
    _compression: lanes.Compiled
    _leaves: lanes.Compiled
    _commitments: lanes.Compiled
    _pairs: lanes.Compiled
    _children: lanes.Compiled

    def leaves(self, gtin: int, first: int, serials: NDArray[np.bytes_]) -> Hashes:
        """Return the leaves of consecutive items, from index `first` on; serials: S20, (n,)."""
        return self.leaves_at(
            gtin, np.arange(first, first + len(serials), dtype=np.uint32), serials
        )

    def leaves_at(
        self, gtin: int, indices: NDArray[np.uint32], serials: NDArray[np.bytes_]
    ) -> Hashes:
        """Return the leaves of any items; indices: (n,), serials: S20, (n,)."""
        out = self._rows(len(serials))
        self._leaves(_words(serials), np.uint64(gtin), indices, out)
        return out[: len(serials)]

    def children(
        self,
        kinds: NDArray[np.uint32],
        positions: NDArray[np.uint32],
        ids: Hashes,
        roots: Hashes,
        counts: NDArray[np.uint32],
    ) -> Hashes:
        """Return the leaves of children in their units' trees; all of n rows."""
        out = np.empty((len(ids), 4), np.uint64)
        self._children(kinds, positions, ids, roots, counts, out)
        return out

    def commitments(self, key: bytes, batch: int, first: int, codes: NDArray[np.bytes_]) -> Hashes:
        """Return the inner commitments of consecutive items; codes: S20, shape (n,).

        key: the inner key, from which the salts come.
        """
        out = self._rows(len(codes))
        start, end = self._hmac_states(key)
        self._commitments(_words(codes), start, end, _salt_block(batch), np.uint64(first), out)
        return out[: len(codes)]

    def pairs(self, nodes: Hashes) -> Hashes:
        """Return the parents of neighbouring nodes: (2n, 4) -> (n, 4), the smaller hashed first."""
        count = len(nodes) // 2
        out = self._rows(count)
        if len(out) > count:
            nodes = np.concatenate([nodes, np.zeros((2 * (len(out) - count), 4), np.uint64)])
        self._pairs(np.ascontiguousarray(nodes), out)
        return out[:count]

    def _rows(self, count: int) -> Hashes:
        """Return room for so many hashes, and for those that fill the last vector."""
        return np.empty((-(-count // self.width) * self.width, 4), np.uint64)

    def _hmac_states(self, key: bytes) -> tuple[NDArray[np.uint32], NDArray[np.uint32]]:
        """Return SHA-256's chaining values after the inner and the outer pad (RFC 2104)."""
        secret = hmac.digest(bytes(32), key, "sha256")  # HKDF-Extract without a salt
        block = np.zeros((lanes.SHA_WORDS, 2 * self.width), np.uint32)
        for lane, pad in enumerate((0x36, 0x5C)):
            padded = bytes(byte ^ pad for byte in secret.ljust(64, b"\0"))
            block[:, lane] = np.frombuffer(padded, ">u4")
        out = np.empty((8, 2 * self.width), np.uint32)
        self._compression(block, np.array(lanes.sha256_constants()[1], np.uint32), out)
        return out[:, 0].copy(), out[:, 1].copy()


def compile_hashes(width: int) -> LaneHashes:
    """Return the functions for `width` states side by side (4 or 8 on today's processors).

    numba compiles each at its first call; all of them take about two seconds.
    """
    permutation, twice = keccak_lanes.permutation(width), keccak_lanes.twice(width)
    compression = lanes.sha256_compression(2 * width)
    return LaneHashes(
        width,
        compression,
        lanes.jit(_leaf_loop(twice, width)),
        lanes.jit(_commitment_loop(twice, compression, width)),
        lanes.jit(_pair_loop(keccak_lanes.pairs(width), width)),
        lanes.jit(_child_loop(permutation, width)),
    )


def _words(codes: NDArray[np.bytes_]) -> NDArray[np.uint32]:
    return np.ascontiguousarray(codes).view("<u4").reshape(-1, 5)


def _salt_block(batch: int) -> NDArray[np.uint32]:
    """Return the HMAC's block "touchstone-inner/1" ‖ batch ‖ index 0 ‖ 1 with its padding."""
    info = b"touchstone-inner/1" + batch.to_bytes(8, "big") + bytes(4) + b"\x01"
    bits = 8 * (64 + len(info))
    block = (info + b"\x80").ljust(56, b"\0") + bits.to_bytes(8, "big")
    return np.frombuffer(block, ">u4").astype(np.uint32)


# What follows is compiled: plain loops over lanes, one state array used again and again.


def _swap(x: Any) -> Any:
    """Return a uint64 with its bytes reversed."""
    x = (x & _BYTES) << _U8 | x >> _U8 & _BYTES
    x = (x & _PAIRS) << _U16 | x >> _U16 & _PAIRS
    return x << _U32 | x >> _U32


_swap_bytes = njit(inline="always")(_swap)


def _leaf_loop(twice: lanes.Compiled, width: int) -> Callable[..., None]:
    def leaf_loop(serials: Any, gtin: Any, indices: Any, out: Any) -> None:
        message = np.empty((12, width), np.uint64)
        for lane in range(width):
            for word in range(12):
                message[word, lane] = _NONE
            message[3, lane] = _swap_bytes(gtin)
        count = len(serials)
        for at in range(0, count, width):
            for lane in range(width):
                row = min(at + lane, count - 1)
                message[7, lane] = _swap_bytes(np.uint64(indices[row]))
                message[8, lane] = np.uint64(serials[row, 0]) | np.uint64(serials[row, 1]) << _U32
                message[9, lane] = np.uint64(serials[row, 2]) | np.uint64(serials[row, 3]) << _U32
                message[10, lane] = np.uint64(serials[row, 4])
            twice(message, out, at)

    return leaf_loop


def _commitment_loop(
    twice: lanes.Compiled, compression: lanes.Compiled, width: int
) -> Callable[..., None]:
    half, full = width, 2 * width  # SHA-256 has words of half the size, so twice the lanes

    def commitment_loop(
        codes: Any, start: Any, end: Any, salt_block: Any, first: Any, out: Any
    ) -> None:
        message = np.empty((12, half), np.uint64)
        for word in range(12):
            for lane in range(half):
                message[word, lane] = _NONE
        block = np.empty((16, full), np.uint32)
        salts = np.empty((8, full), np.uint32)
        count = len(codes)
        for at in range(0, count, full):
            for word in range(16):
                for lane in range(full):
                    block[word, lane] = salt_block[word]
            for lane in range(full):
                index = np.uint32(first + np.uint64(at + lane))
                block[6, lane] |= index >> np.uint32(16)  # the index is bytes 26 to 29
                block[7, lane] |= index << np.uint32(16)
            compression(block, start, salts)
            for word in range(8):
                for lane in range(full):
                    block[word, lane] = salts[word, lane]
                    block[word + 8, lane] = np.uint32(0)
            for lane in range(full):
                block[8, lane] = np.uint32(0x80000000)
                block[15, lane] = np.uint32(8 * (64 + 32))
            compression(block, end, salts)
            for part in range(at, min(at + full, count), half):
                for lane in range(half):
                    row = min(part + lane, count - 1)
                    message[3, lane] = _swap_bytes(first + np.uint64(row))
                    message[4, lane] = np.uint64(codes[row, 0]) | np.uint64(codes[row, 1]) << _U32
                    message[5, lane] = np.uint64(codes[row, 2]) | np.uint64(codes[row, 3]) << _U32
                    message[6, lane] = np.uint64(codes[row, 4])
                    for word in range(4):
                        high = np.uint64(salts[2 * word, row - at])
                        low = np.uint64(salts[2 * word + 1, row - at])
                        message[8 + word, lane] = _swap_bytes(high << _U32 | low)
                twice(message, out, part)

    return commitment_loop


def _pair_loop(pairs: lanes.Compiled, width: int) -> Callable[..., None]:
    def pair_loop(nodes: Any, out: Any) -> None:
        for at in range(0, len(out), width):
            pairs(nodes, out, at)

    return pair_loop


def _child_loop(permutation: lanes.Compiled, width: int) -> Callable[..., None]:
    def child_loop(kinds: Any, positions: Any, ids: Any, roots: Any, counts: Any, out: Any) -> None:
        state = np.empty((25, width), np.uint64)
        count = len(out)
        for at in range(0, count, width):
            for word in range(17, 25):
                for lane in range(width):
                    state[word, lane] = _NONE
            for lane in range(width):
                row = min(at + lane, count - 1)
                for word in range(3):
                    state[word, lane] = _NONE
                    state[word + 4, lane] = _NONE
                state[3, lane] = _swap_bytes(np.uint64(kinds[row]))
                state[7, lane] = _swap_bytes(np.uint64(positions[row]))
                for word in range(4):
                    state[word + 8, lane] = ids[row, word]
                    state[word + 12, lane] = roots[row, word]
                state[16, lane] = _NONE
            permutation(state)  # 17 of the 20 words are one block, the count ends the next
            for lane in range(width):
                row = min(at + lane, count - 1)
                state[2, lane] ^= _swap_bytes(np.uint64(counts[row]))
                state[3, lane] ^= _ONE
                state[16, lane] ^= _LAST_BIT
            permutation(state)
            for word in range(4, 25):
                for lane in range(width):
                    state[word, lane] = _NONE
            for lane in range(width):
                state[4, lane] = _ONE
                state[16, lane] = _LAST_BIT
            permutation(state)
            for row in range(at, min(at + width, count)):
                for word in range(4):
                    out[row, word] = state[word, row - at]

    return child_loop
