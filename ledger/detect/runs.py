"""The candidate runs of cases of a lot, over which diversion evidence is averaged."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from ledger.detect.frame import Floats, Ints

PALLETS = 0.25  # part of the prior that goes to whole pallets
GROWTH = 2**0.25  # of the lengths looked for
STEPS = 8  # starts of a run, by its length


@dataclass(frozen=True)
class Holding:
    """Candidate runs, such as those that hold one case: start, stop int64 (k,), half open;
    log_prior float64. edges: all starts, then all stops."""

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
        length = np.array(run_lengths(cases), dtype=np.int64)
        step = np.maximum(1, length // STEPS)
        count = (cases - length) // step + 1
        log = np.log((1 - PALLETS) / len(length) / count)
        # as many starts of each length as can hold a case, and how far before the last of them
        many = (length - 1) // step + 1
        self._back = np.repeat(np.cumsum(many), many) - 1 - np.arange(many.sum())
        self._length, self._step = np.repeat(length, many), np.repeat(step, many)
        self._log = np.repeat(log, many)
        self._held: dict[int, Holding] = {}

    def holding(self, case: int) -> Holding:
        """The runs that hold a case; kept, since evidence comes back to the same cases."""
        found = self._held.get(case)
        if found is None:
            found = self._held[case] = self._holding(case)
        return found

    def every(self) -> Iterator[Holding]:
        """All runs, in parts: the pallets, then those of each length."""
        pallets = np.arange(0, self.cases, self.per_pallet)
        ends = np.minimum(pallets + self.per_pallet, self.cases)
        yield _alike(pallets, ends, np.log(PALLETS / len(pallets)))
        for at in np.unique(self._length, return_index=True)[1].tolist():
            length = int(self._length[at])
            start = np.arange(0, self.cases - length + 1, self._step[at])
            yield _alike(start, start + length, float(self._log[at]))

    def _holding(self, case: int) -> Holding:
        pallet = case // self.per_pallet * self.per_pallet
        pallets = -(-self.cases // self.per_pallet)
        starts = (case // self._step - self._back) * self._step
        stops = starts + self._length
        runs = np.flatnonzero((starts >= 0) & (stops > case) & (stops <= self.cases))
        many = len(runs) + 1
        edges, log_prior = np.empty(2 * many, dtype=np.int64), np.empty(many)
        start, stop = edges[:many], edges[many:]
        start[0], stop[0] = pallet, min(pallet + self.per_pallet, self.cases)
        log_prior[0] = np.log(PALLETS / pallets)
        start[1:], stop[1:], log_prior[1:] = starts[runs], stops[runs], self._log[runs]
        return Holding(start, stop, edges, log_prior)


def _alike(start: Ints, stop: Ints, log_prior: float) -> Holding:
    """Runs of one prior."""
    return Holding(start, stop, np.concatenate([start, stop]), np.full(len(start), log_prior))


def run_lengths(cases: int) -> list[int]:
    """1, 2, 3 … growing by GROWTH up to half of `cases`."""
    lengths = [1]
    while (longer := max(lengths[-1] + 1, round(lengths[-1] * GROWTH))) <= cases // 2:
        lengths.append(longer)
    return lengths
