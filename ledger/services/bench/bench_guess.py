"""`touchstone bench guess`: does a well-formed serial that nobody issued ever decode to an item?

Guesses have an epoch that exists and 19 random numerals: the best that can be done without a key. A
count of no hits shows nothing unless the same check can hit, so beside it the same cipher is tried
on 7 numerals: a counter of 23 bits, all issued, and 12 zero bits, so that one guess in 4,096
is a hit.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from ledger.domain import code
from ledger.domain.ff1_block import BlockFF1
from ledger.errors import Broken
from ledger.services.keys.keeper import CodeKeeper

GUESSES, ISSUED = 1_000_000, 10_000_000
_NUMERALS, _ZERO_BITS = 7, 12  # of the control: 35 bits, 23 of them a counter
_STEP = 10_000

Entropy = Callable[[int], bytes]
Tick = Callable[[int], None]


def hits(
    keeper: CodeKeeper,
    gtin: int,
    batch: int,
    issued: int,
    guesses: int,
    entropy: Entropy,
    tick: Tick,
) -> int:
    """Return how many of `guesses` random serials are items 0 … issued − 1 of a batch.

    tick is called with the number of guesses just made. Raises Broken BENCH_FAILED unless a serial
    that was issued is recognised.
    """
    found = 0
    for at in range(0, guesses, _STEP):
        count = min(_STEP, guesses - at)
        numerals = entropy(19 * count)
        for start in range(0, 19 * count, 19):
            text = "".join(code.ALPHABET[byte & 31] for byte in numerals[start : start + 19])
            decoded = keeper.decode(gtin, "0" + text)
            found += decoded is not None and decoded.batch == batch and decoded.index < issued
        tick(count)
    return found


def check_issued(keeper: CodeKeeper, gtin: int, batch: int, serials: dict[int, str]) -> None:
    """Raise Broken BENCH_FAILED unless each issued serial decodes to its index."""
    for index, serial in serials.items():
        decoded = keeper.decode(gtin, serial)
        if decoded is None or (decoded.batch, decoded.index) != (batch, index):
            raise Broken("BENCH_FAILED", f"The issued serial {index} is not found. Report this.")


def control_hits(key: bytes, guesses: int, entropy: Entropy, tick: Tick) -> int:
    """Return how many of `guesses` random numbers of 7 numerals decrypt to 12 zero bits."""
    cipher = BlockFF1(key, 1 << 56, _NUMERALS)
    left, right = (1 << cipher.left_bits) - 1, (1 << cipher.right_bits) - 1
    found = 0
    for at in range(0, guesses, _STEP):
        count = min(_STEP, guesses - at)
        drawn = entropy(8 * count)
        for start in range(0, 8 * count, 8):
            number = int.from_bytes(drawn[start : start + 8], "big")
            _, low = cipher.decrypt(number >> 32 & left, number & right)
            found += not low & (1 << _ZERO_BITS) - 1
        tick(count)
    return found


def control_expected(guesses: int) -> float:
    """Return the hits to be expected: one guess in 2¹²."""
    return guesses / (1 << _ZERO_BITS)


def control_tolerance(guesses: int) -> float:
    """Return three standard deviations of that count (binomial); an honest run is within 99.7 %."""
    p = 1 / (1 << _ZERO_BITS)
    return 3.0 * math.sqrt(guesses * p * (1 - p))
