"""The evidence of one cell (lot, region), kept up to date by one observation at a time.

The statistic and why it is valid: `ledger.detect.diversion`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ledger.detect.frame import Floats, Ints
from ledger.detect.runs import Runs

GIFT_DAYS = 14.0
BURST_CASES = 3  # new groups of one day this near to each other count once
EPOCH_DAYS = 28.0  # a diversion may begin at each
EPOCHS = 4  # and goods of one are looked for during so many
STRENGTHS = np.tile([0.03, 0.1, 0.3, 0.6, 0.9], 2)
BY_SIZE = np.repeat([False, True], 5)  # strengths that heed the sizes of groups too
HUGE = 1e200  # products stop here: no level asks for more

# P(a gift has at least k items scanned), k = 1, 2, …: rounded up from honest development worlds
GIFT_TAIL = (1.0, 0.02, 0.011, 0.0075, 0.0042, 0.0016, 0.0006, 0.0002, 0.00006, 0.00002, 0.000007)
SIZE_WEIGHTS = np.array([0.3, 0.15, 0.1, 0.1, 0.1, 0.05, 0.05, 0.05, 0.05, 0.05])
CROWDS = (0.0, 0.03, 0.1, 0.2, 0.4, 0.8)  # expected strangers that join a group, grid


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
    """g(S) for S = 0, 1, …: the e-value of a group's size under `gift_tail`, float64."""
    terms = SIZE_WEIGHTS / gift_tail(strangers)[: len(SIZE_WEIGHTS)]
    return np.concatenate(([0.0], np.cumsum(terms)))


# by crowd (the last: too crowded, a size says nothing), size and strength
_EVIDENCE = np.where(
    BY_SIZE,
    np.array([gift_evidence(crowd) for crowd in CROWDS] + [[0.0] + [1.0] * len(SIZE_WEIGHTS)])[
        :, :, None
    ],
    1.0,
)


@dataclass
class _Group:
    """A group being followed: its case, first day, the last day counted, and its present factor.

    odds, factor: float64 (runs of members, 1, strengths). epochs: the starts it counts for.
    crowd: row of the size evidence.
    """

    case: int
    start: float
    last_day: int
    size: int
    members: Ints
    epochs: slice
    crowd: int
    odds: Floats
    factor: Floats


class CellState:
    """The e-process of one cell, updated by one observation at a time.

    Kept: for every run, start and strength the product over groups of 1 + s / (1 - s) · g / q
    (float64 (runs, starts, strengths)) and its average over runs; the factors (1 - s) of all groups
    come in at the end. An update touches only the runs that hold the group's case.
    """

    def __init__(self, runs: Runs, cases: Ints, first_day: float, last_day: float) -> None:
        """cases: all that will be added, so that only runs holding one of them take memory."""
        self.runs = runs
        touched = np.zeros(len(runs.start), dtype=np.bool_)
        touched[np.concatenate([runs.holding(int(case)) for case in cases])] = True
        held, slot = np.flatnonzero(touched), np.cumsum(touched) - 1
        self.slot = {int(case): slot[runs.holding(int(case))] for case in cases}
        self.held = held
        self.prior = runs.prior[held]
        self.first_epoch = int(np.floor(first_day / EPOCH_DAYS))
        starts = int(np.floor(last_day / EPOCH_DAYS)) - self.first_epoch + 1
        self.products = np.ones((len(held), starts, len(STRENGTHS)))
        self.average = np.ones((starts, len(STRENGTHS)))
        self.alive = np.zeros((starts, 1))
        at = np.arange(1, starts + 1)
        self.weight = 1 / (at * (at + 1))
        self.groups: list[_Group] = []
        self.open: list[_Group] = []  # those that may still grow
        self.of: dict[int, _Group] = {}  # observation → its group
        self.visited = np.zeros(int(runs.stop[0]), dtype=np.bool_)  # within a case of a group

    def add(self, number: int, case: int, day: float, elsewhere: Floats) -> bool:
        """Count an observation; False if the evidence does not change."""
        today = int(np.floor(day))
        self.open = [g for g in self.open if day - g.start <= GIFT_DAYS]
        near = [g for g in self.open if g.size]
        for group in near:
            if abs(group.case - case) <= 1:
                if group.last_day == today:
                    return False
                group.last_day = today
                self.of[number] = group
                self._resize(group, group.size + 1)
                return True
        if any(g.last_day == today and abs(g.case - case) <= BURST_CASES for g in near):
            return False
        members = self.runs.holding(case)
        start, stop = self.runs.start[members], self.runs.stop[members]
        scanned = (elsewhere[stop] - elsewhere[start]) / elsewhere[-1]
        free = max(0.0, 1 - 3 * len(near) / (len(elsewhere) - 1))  # not near an open group
        share = np.maximum(self.runs.share[members], scanned)
        place = 1 / share
        place[members == 0] = self._again(case, elsewhere)
        odds = np.outer(free * place, STRENGTHS / (1 - STRENGTHS))[:, None, :]
        epoch = int(np.floor(day / EPOCH_DAYS)) - self.first_epoch
        epochs = slice(max(0, epoch - EPOCHS + 1), epoch + 1)
        strangers = 3 * (2 + 1.5 * len(near)) / (len(elsewhere) - 1)
        crowd = int(np.searchsorted(CROWDS, strangers))
        group = _Group(
            case, day, today, 0, self.slot[case], epochs, crowd, odds, np.ones_like(odds)
        )
        self.groups.append(group)
        self.open.append(group)
        self.of[number] = group
        self.alive[epochs] += 1
        self._resize(group, 1)
        return True

    def remove(self, number: int) -> bool:
        """Withdraw an observation counted before; False if it never counted."""
        group = self.of.pop(number, None)
        if group is None:
            return False
        self._resize(group, group.size - 1)
        if not group.size:
            self.alive[group.epochs] -= 1
        return True

    def log_e(self) -> float:
        """Natural logarithm of the e-process now."""
        each = (self.average * (1 - STRENGTHS) ** self.alive).mean(axis=1)
        rest = 1 - self.weight.sum()  # starts still to come stand at 1
        return float(np.log(self.weight @ each + rest))

    def _again(self, case: int, elsewhere: Floats) -> float:
        """Evidence of place for the whole lot: half none, half for a return to earlier cases.

        Goods mixed from single cases come back to the same cases later than any gift would. The
        set of cases is known before the group comes: mean at most 1 if groups come at random.
        """
        among = self.visited
        returns, share = bool(among[case]), float(among.mean())
        scanned = float(np.diff(elsewhere)[among].sum() / elsewhere[-1]) if returns else 1.0
        among[max(0, case - 1) : case + 2] = True
        return 0.5 + 0.5 / max(share, scanned) if returns else 0.5

    def _resize(self, group: _Group, size: int) -> None:
        had, group.size = group.size, size
        evidence = _EVIDENCE[group.crowd, min(size, len(SIZE_WEIGHTS))]
        factor = 1 + group.odds * evidence if size else np.ones_like(group.odds)
        before = self.products[group.members, group.epochs]
        after = np.minimum(before * (factor / group.factor), HUGE)
        group.factor = factor
        self.products[group.members, group.epochs] = after
        if size > had:
            gain = self.prior[group.members] @ (after - before).reshape(len(after), -1)
            self.average[group.epochs] += gain.reshape(-1, len(STRENGTHS))
        else:  # a difference of large numbers would leave only noise
            self.average = 1 - self.prior.sum() + np.tensordot(self.prior, self.products, axes=1)

    def support(self) -> Floats:
        """How much of the average each run of `held` contributes, float64 (len(held),)."""
        scale = self.weight[:, None] * (1 - STRENGTHS) ** self.alive
        support: Floats = self.prior * np.einsum("rjs,js->r", self.products, scale)
        return support
