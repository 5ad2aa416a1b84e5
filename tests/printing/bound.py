"""How many scattered modules a QR code can bear at all, by its standard.

A codeword is eight modules. A block of n codewords, k of them data, is repaired with up to
(n − k) / 2 wrong ones, a few less in versions 1 to 3 (ISO/IEC 18004, 7.5.1 and table 9). Finder
patterns, timing and format information are taken to be right, so nothing reads more than this.
"""

from __future__ import annotations

from math import comb, prod

from qrcode import base, constants

from ledger.domain.print_uses import Level

LEVELS: dict[Level, int] = {
    "L": constants.ERROR_CORRECT_L,
    "M": constants.ERROR_CORRECT_M,
    "Q": constants.ERROR_CORRECT_Q,
    "H": constants.ERROR_CORRECT_H,
}


def readable(version: int, level: Level, share: float) -> float:
    """Return how likely all blocks can be repaired. share: how likely a module is wrong."""
    wrong = 1 - (1 - share) ** 8
    return prod(
        _at_most((block.total_count - block.data_count) // 2, block.total_count, wrong)
        for block in base.rs_blocks(version, LEVELS[level])
    )


def most(version: int, level: Level, wanted: float = 0.99) -> float:
    """Return up to which share of wrong modules that likely all blocks can be repaired."""
    low, high = 0.0, 0.5
    for _ in range(40):
        middle = (low + high) / 2
        low, high = (middle, high) if readable(version, level, middle) >= wanted else (low, middle)
    return low


def _at_most(most: int, of: int, chance: float) -> float:
    return sum(comb(of, n) * chance**n * (1 - chance) ** (of - n) for n in range(most + 1))
