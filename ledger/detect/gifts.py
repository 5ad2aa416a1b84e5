"""Gifts: how large a group of items from one case is, that leaves honestly and together."""

from __future__ import annotations

import numpy as np

from ledger.detect.frame import Floats

GIFT_DAYS = 14.0  # items of one gift are scanned within so many days
GIFT_CASES = 1  # and come from one case or from a neighbour of its first item's
BURST_CASES = 3  # new groups of one day this near to each other count once

# P(a gift has at least k items scanned), k = 1, 2, …: rounded up from honest development worlds
GIFT_TAIL = (1.0, 0.02, 0.011, 0.0075, 0.0042, 0.0016, 0.0006, 0.0002, 0.00006, 0.00002, 0.000007)
# by how much of its stake a bet on the size of a group backs "at least k", k = 1 … 10: none at all,
# goods that sell slowly, goods of which a second item soon follows, goods that sell fast
BETS = np.array(
    [
        [1.0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
        [0.7, 0.15, 0.05, 0.03, 0.02, 0.01, 0.01, 0.01, 0.01, 0.01],
        [0.45, 0.35, 0.08, 0.04, 0.02, 0.02, 0.01, 0.01, 0.01, 0.01],
        [0.3, 0.15, 0.1, 0.1, 0.1, 0.05, 0.05, 0.05, 0.05, 0.05],
    ]
)
# expected strangers that join a group, grid
CROWDS = (0.0, *(0.002 * 1.25**k for k in range(28)))


def gift_tail(strangers: float) -> Floats:
    """P(a group counts at least k observations), k = 1 … len(GIFT_TAIL), float64.

    A gift, and beside it a Poisson number (mean `strangers`) of other gifts' items that fall near
    it by chance, each a gift of its own size.
    """
    most = len(GIFT_TAIL)
    size = -np.diff(np.array([1.0, *GIFT_TAIL, 0.0]))  # P(size = k), k = 0 …
    joined = np.zeros(most + 1)
    power, chance = np.eye(1, most + 1)[0], float(np.exp(-strangers))
    for others in range(1, most + 2):
        joined += chance * power
        power = np.convolve(power, size)[: most + 1]
        chance *= strangers / others
    total = np.convolve(joined, size)[: most + 1]
    return np.minimum(1.0, 1 - np.cumsum(total)[:-1] + 1e-12)


def gift_evidence(strangers: float) -> Floats:
    """g(S) for each bet and S = 0, 1, … 10, float64 (bets, 11): the e-value of a group's size under
    `gift_tail`."""
    terms = BETS / gift_tail(strangers)[: BETS.shape[1]]
    return np.concatenate((np.zeros((len(BETS), 1)), np.cumsum(terms, axis=1)), axis=1)


# ln g by crowd (the last: too crowded, a size says nothing), bet and size
LOG_EVIDENCE = np.log(
    np.maximum(
        np.array(
            [gift_evidence(crowd) for crowd in CROWDS]
            + [np.concatenate((np.zeros((len(BETS), 1)), np.ones(BETS.shape)), axis=1)]
        ),
        1e-300,
    )
)


def log_size(strangers: float, size: int) -> Floats:
    """ln g(size) of each bet for a group near which `strangers` are expected, float64 (bets,)."""
    crowd = int(np.searchsorted(CROWDS, strangers))
    row: Floats = LOG_EVIDENCE[crowd, :, min(size, BETS.shape[1])]
    return row
