"""Has a rule broken its promise? A test that may be looked at after every outcome.

Of a rule's judged alerts, n in order, k were false; it promised a share of at most p. Against the
promise stands every share q above it, equally weighted: the average over q in (p, 1) of

    (q / p)^k · ((1 − q) / (1 − p))^(n − k)

is a martingale with mean 1 if the share is p and falls below that if it is less, so by Ville's
inequality it ever reaches 20 with probability at most 1/20, however often it is looked at (Ramdas,
Grünwald, Vovk, Shafer 2023, "Game-theoretic statistics and safe anytime-valid inference", §3).
"""

from __future__ import annotations

import math

BROKEN = 20.0
WIDEST = 0.5  # share that may be promised: no rule is to be wrong more often than right
_GRID = 400  # points of the average


def doubt(false: int, judged: int, promise: float) -> float:
    """Evidence that more than `promise` of a rule's alerts are false: an e-value.

    promise: above 0 and below 1. Raises ValueError where it is not, or where there are more false
    than judged.
    """
    if not 0 <= false <= judged or not 0 < promise < 1:
        raise ValueError("0 <= false <= judged and 0 < promise < 1")
    total = 0.0
    for step in range(_GRID):
        part = (step + 0.5) / _GRID  # of the way from p to 1, which q itself may round to
        q = promise + part * (1 - promise)
        log = false * (math.log(q) - math.log(promise))  # the quotient may be no number
        log += (judged - false) * math.log1p(-part)
        total += math.exp(min(log, 700.0))
    return total / _GRID


def is_broken(false: int, judged: int, promise: float) -> bool:
    """Say whether a rule's promise is to be called broken."""
    return doubt(false, judged, promise) >= BROKEN
