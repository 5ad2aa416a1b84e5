"""The candidate runs of cases of a lot, over which diversion evidence is averaged."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ledger.detect.frame import Floats, Ints

PALLETS = 0.25  # part of the prior that goes to whole pallets
GROWTH = 2**0.25  # of the lengths looked for
STEPS = 8  # starts of a run, by its length


@dataclass(frozen=True)
class Holding:
    """Candidate runs that hold one case: start, stop int64 (k,), half open; log_prior float64.
    edges: all starts, then all stops."""

    start: Ints
    stop: Ints
    edges: Ints
    log_prior: Floats


class Runs:
    """The candidate runs of a lot of `cases` cases, `per_pallet` a pallet.

    Each pallet, and runs of 1, 2, 3 … cases, lengths growing by GROWTH up to half the lot, at steps
    of an eighth of their length. Prior: PALLETS to the pallets, the rest equal for each length and
    then for each start. So a run has at least its share of the prior mass however many cases the
    lot has: averaging costs the logarithm of the number of runs at most.
    """

    def __init__(self, cases: int, per_pallet: int) -> None:
        self.cases, self.per_pallet = cases, per_pallet
        self._length = np.array(run_lengths(cases), dtype=np.int64)
        self._step = np.maximum(1, self._length // STEPS)
        self._count = (cases - self._length) // self._step + 1
        self._log = np.log((1 - PALLETS) / len(self._length) / self._count)
        self._held: dict[int, Holding] = {}

    def holding(self, case: int) -> Holding:
        """The runs that hold a case; kept, since evidence comes back to the same cases."""
        found = self._held.get(case)
        if found is None:
            found = self._held[case] = self._holding(case)
        return found

    def _holding(self, case: int) -> Holding:
        pallet = case // self.per_pallet * self.per_pallet
        pallets = -(-self.cases // self.per_pallet)
        first = np.maximum(0, -((self._length - 1 - case) // self._step))
        many = np.maximum(0, np.minimum(case // self._step, self._count - 1) - first + 1)
        which = np.repeat(np.arange(len(many)), many)
        number = np.arange(len(which)) - np.repeat(np.cumsum(many) - many, many)
        start = np.concatenate(([pallet], (first[which] + number) * self._step[which]))
        stop = start + np.concatenate(
            ([min(self.per_pallet, self.cases - pallet)], self._length[which])
        )
        log_prior = np.concatenate(([np.log(PALLETS / pallets)], self._log[which]))
        return Holding(start, stop, np.concatenate((start, stop)), log_prior)


def run_lengths(cases: int) -> list[int]:
    """1, 2, 3 … growing by GROWTH up to half of `cases`."""
    lengths = [1]
    while (longer := max(lengths[-1] + 1, round(lengths[-1] * GROWTH))) <= cases // 2:
        lengths.append(longer)
    return lengths
