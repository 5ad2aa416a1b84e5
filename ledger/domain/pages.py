"""In which unit each item of a batch lies: pages of 4,096 codes, a number for each, few bits wide.

Only items that were packed in no order have a place here; runs are kept as runs. A page holds the
numbers of the units that occur in it, rising, and for each code which of them it is.
"""

from __future__ import annotations

import numpy as np

from ledger.domain.bits import Numbers, Reader, fixed, rising

SIZE = 4096


def encode(numbers: Numbers) -> bytes:
    """Return a page. numbers: of units, shape (4096,); 0 where a code is in none."""
    units, which = np.unique(numbers, return_inverse=True)
    return rising(units.astype(np.uint32)) + fixed(which.astype(np.uint32), _width(len(units)))


def decode(page: bytes) -> Numbers:
    """Return the numbers that `encode` was given. Raises Broken CONTENTS_DAMAGED."""
    reader = Reader(page)
    units = reader.rising()
    return units[reader.fixed(SIZE, _width(len(units)))]


def _width(count: int) -> int:
    return max(0, count - 1).bit_length()
