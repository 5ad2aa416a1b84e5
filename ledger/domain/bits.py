"""Whole numbers in few bits: varints, fixed widths, and rising numbers (Elias-Fano).

Source of the last: P. Elias, "Efficient storage and retrieval by content and address of static
files" (1974); R. Fano, "On the number of bits required to implement an associative memory" (1971).
n rising numbers below u take about 2 + log2(u / n) bits each, within half a bit of the least that
any code needs.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ledger.errors import Broken

Numbers = NDArray[np.uint32]


def varints(numbers: list[int]) -> bytes:
    """Return non-negative numbers in groups of seven bits each, lowest first (LEB128)."""
    out = bytearray()
    for number in numbers:
        while number > 127:
            out.append(number & 127 | 128)
            number >>= 7
        out.append(number)
    return bytes(out)


def zigzag(number: int) -> int:
    """Return a number of either sign as one that is not negative, small for small ones."""
    return number << 1 if number >= 0 else (-number << 1) - 1


def unzigzag(number: int) -> int:
    """Return the number that `zigzag` was given."""
    return number >> 1 if not number & 1 else -(number + 1 >> 1)


@dataclass
class Reader:
    """Reads what this module writes, from the front. Raises Broken CONTENTS_DAMAGED at an end."""

    data: bytes
    at: int = 0

    def varint(self) -> int:
        """Return the next varint."""
        number = shift = 0
        while True:
            byte = self.take(1)[0]
            number |= (byte & 127) << shift
            if byte < 128:
                return number
            shift += 7

    def take(self, count: int) -> bytes:
        """Return the next bytes."""
        part = self.data[self.at : self.at + count]
        if len(part) != count:
            raise Broken(
                "CONTENTS_DAMAGED", "What is stored of a unit's content is cut: restore a backup."
            )
        self.at += count
        return part

    def fixed(self, count: int, width: int) -> Numbers:
        """Return the next numbers of `width` bits, as `fixed` wrote them."""
        if not width:
            return np.zeros(count, np.uint32)
        data = np.frombuffer(self.take((count * width + 7) // 8), np.uint8)
        table = np.unpackbits(data, count=count * width, bitorder="little").reshape(count, width)
        found: Numbers = np.zeros(count, np.uint32)
        for bit in range(width):
            found |= table[:, bit].astype(np.uint32) << np.uint32(bit)
        return found

    def rising(self) -> Numbers:
        """Return the next rising numbers, as `rising` wrote them."""
        count = self.varint()
        if not count:
            return np.zeros(0, np.uint32)
        first, width, last = self.varint(), self.varint(), self.varint()
        low = self.fixed(count, width)
        data = np.frombuffer(self.take((last + count + 7) // 8), np.uint8)
        places = np.flatnonzero(np.unpackbits(data, count=last + count, bitorder="little"))
        high = (places - np.arange(count)).astype(np.uint32)
        return np.uint32(first) + (high << np.uint32(width) | low)


def fixed(numbers: Numbers, width: int) -> bytes:
    """Return numbers below 2^width in that many bits each."""
    table = numbers[:, None] >> np.arange(width, dtype=np.uint32) & np.uint32(1)
    return np.packbits(table.astype(np.uint8), bitorder="little").tobytes()


def rising(numbers: Numbers) -> bytes:
    """Return distinct numbers in rising order by Elias and Fano's code."""
    if not len(numbers):
        return varints([0])
    count, first = len(numbers), int(numbers[0])
    rest = numbers - np.uint32(first)
    width = max(0, ((int(rest[-1]) + 1) // count).bit_length() - 1)
    high = rest >> np.uint32(width)
    last = int(high[-1]) + 1
    marks = np.zeros(last + count, np.uint8)
    marks[high + np.arange(count, dtype=np.uint32)] = 1
    low = fixed(rest & np.uint32((1 << width) - 1), width)
    head = varints([count, first, width, last])
    return head + low + np.packbits(marks, bitorder="little").tobytes()
