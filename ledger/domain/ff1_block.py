"""FF1 where each round is one AES block: radix 32, eight bytes of tweak, 4 to 22 numerals.

Source: NIST SP 800-38G, algorithms 7 and 8; `ledger.domain.ff1` is the plain form that this is held
to. P is constant for a length, so its block is encrypted once, and with this tweak Q is one block.
Moduli are powers of two, so only the low 64 bits of a round's output matter. Halves are integers:
the first ⌊n/2⌋ numerals and the rest, five bits each.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from numpy.typing import NDArray

_ROUNDS = 10
_BITS = 5  # of a numeral
Halves = tuple[NDArray[np.uint64], NDArray[np.uint64]]


class BlockFF1:
    """One key, tweak and length. Not for threads to share: the cipher's buffer is one."""

    def __init__(self, key: bytes, tweak: int, numerals: int) -> None:
        """key: 32 bytes (AES-256); tweak: uint64. Raises ValueError outside the ranges."""
        if len(key) != 32:
            raise ValueError(f"a code key has 32 bytes, not {len(key)}")
        if not 4 <= numerals <= 22:
            raise ValueError(f"{numerals} numerals are not 4 to 22")
        self.left_bits = _BITS * (numerals // 2)
        self.right_bits = _BITS * (numerals - numerals // 2)
        # FF1 is built from single AES blocks, which is what ECB gives.
        self._aes = Cipher(algorithms.AES(key), modes.ECB()).encryptor()  # noqa: S305
        p = bytes([1, 2, 1, 0, 0, 32, _ROUNDS, numerals // 2])
        p += numerals.to_bytes(4, "big") + (8).to_bytes(4, "big")
        self._start = int.from_bytes(self._aes.update(p), "big") ^ tweak << 64
        self._width = (self.right_bits + 7) // 8  # b of the standard; d is 4 · ⌈b / 4⌉ + 4
        self._end = 4 * ((self._width + 3) // 4) + 4

    def encrypt(self, left: int, right: int) -> tuple[int, int]:
        """Return the encrypted halves."""
        for i in range(_ROUNDS):
            left, right = right, (left + self._number(i, right)) & self._mask(i)
        return left, right

    def decrypt(self, left: int, right: int) -> tuple[int, int]:
        """Return the halves that `encrypt` was given."""
        for i in reversed(range(_ROUNDS)):
            left, right = (right - self._number(i, left)) & self._mask(i), left
        return left, right

    def encrypt_many(self, left: NDArray[np.uint64], right: NDArray[np.uint64]) -> Halves:
        """Return the encrypted halves of many numbers; all of shape (n,)."""
        output = self._outputs(len(left))
        for i in range(_ROUNDS):
            y = output(i, right)
            left, right = right, (left + y) & np.uint64(self._mask(i))
        return left, right

    def decrypt_many(self, left: NDArray[np.uint64], right: NDArray[np.uint64]) -> Halves:
        """Return the halves that `encrypt_many` was given."""
        output = self._outputs(len(left))
        for i in reversed(range(_ROUNDS)):
            y = output(i, left)
            left, right = (right - y) & np.uint64(self._mask(i)), left
        return left, right

    def _outputs(self, n: int) -> Callable[[int, NDArray[np.uint64]], NDArray[np.uint64]]:
        """Return what gives the low 64 bits of y in round i, for n halves."""
        blocks = np.empty((n, 2), ">u8")
        blocks[:, 0] = self._start >> 64
        low = self._start & (1 << 64) - 1
        output = np.empty(16 * n + 15, np.uint8)  # update_into wants a block less one byte to spare
        words = output[: 16 * n].view(">u4").reshape(n, 4)
        high, end = self._end // 4 - 2, self._end // 4 - 1

        def of(i: int, half: NDArray[np.uint64]) -> NDArray[np.uint64]:
            blocks[:, 1] = half ^ np.uint64(i << 8 * self._width ^ low)
            self._aes.update_into(blocks.view(np.uint8).reshape(-1).data, output.data)
            y = words[:, high].astype(np.uint64) << np.uint64(32)
            y |= words[:, end]
            return y

        return of

    def _mask(self, i: int) -> int:
        return (1 << (self.right_bits if i % 2 else self.left_bits)) - 1

    def _number(self, i: int, half: int) -> int:
        """Return the low 64 bits of y in round i."""
        block = self._start ^ (i << 8 * self._width | half)
        end = self._end
        return int.from_bytes(self._aes.update(block.to_bytes(16, "big"))[end - 8 : end], "big")
