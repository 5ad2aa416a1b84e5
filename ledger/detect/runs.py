"""The candidate runs of cases of a lot, over which diversion evidence is averaged."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ledger.detect.frame import Floats, Ints


@dataclass(frozen=True)
class Runs:
    """k candidate runs of the cases 0…n-1 of one lot.

    start, stop: int64 (k,), half open; run 0 is the whole lot. prior: float64 (k,), sums to 1.
    share: float64 (k,), part of the lot's items that is in the run. offsets: int64 (n + 1,) and
    members: int64: the runs that hold case c are members[offsets[c]:offsets[c + 1]].
    """

    start: Ints
    stop: Ints
    prior: Floats
    share: Floats
    offsets: Ints
    members: Ints

    def holding(self, case: int) -> Ints:
        """Numbers of the runs that hold a case, int64."""
        return self.members[self.offsets[case] : self.offsets[case + 1]]


def candidate_runs(cases: int, per_pallet: int) -> Runs:
    """Whole lot (for goods mixed from single cases), each pallet, and runs of 1, 2, 3, 4, 6, 8 …
    cases up to half the lot at steps of a quarter of their length.

    Prior: a quarter to the whole lot, a quarter to the pallets, half to the runs, equal for each
    length and then for each start. Every run has at least its share of the prior mass however many
    cases the lot has, which is what makes averaging over runs cheap: log(number of runs) at most.
    """
    lengths = _lengths(cases)
    starts = [np.array([0])]
    stops = [np.array([cases])]
    priors = [np.array([0.25])]
    pallets = np.arange(0, cases, per_pallet)
    starts.append(pallets)
    stops.append(np.minimum(pallets + per_pallet, cases))
    priors.append(np.full(len(pallets), 0.25 / len(pallets)))
    for length in lengths:
        first = np.arange(0, cases - length + 1, max(1, length // 4))
        starts.append(first)
        stops.append(first + length)
        priors.append(np.full(len(first), 0.5 / len(lengths) / len(first)))
    start, stop = np.concatenate(starts), np.concatenate(stops)
    sizes = stop - start
    run = np.repeat(np.arange(len(start)), sizes)
    case = np.arange(len(run)) - np.repeat(np.cumsum(sizes) - sizes, sizes) + start[run]
    order = np.argsort(case, kind="stable")
    return Runs(
        start=start,
        stop=stop,
        prior=np.concatenate(priors),
        share=sizes / cases,
        offsets=np.concatenate(([0], np.cumsum(np.bincount(case, minlength=cases)))),
        members=run[order],
    )


def _lengths(cases: int) -> list[int]:
    lengths = [1]
    for power in range(1, 20):
        lengths += [2**power, 3 * 2 ** (power - 1)]
    return [length for length in sorted(lengths) if length == 1 or length <= cases // 2]
