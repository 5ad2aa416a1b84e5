"""Candidate runs: a prior that sums to at most one, and the right members."""

from __future__ import annotations

import numpy as np
import pytest

from ledger.detect.runs import Runs, run_lengths

LOTS = [(1, 20), (2, 1), (7, 3), (60, 20), (483, 40)]


def _all(cases: int, per_pallet: int) -> set[tuple[str, int, int, float]]:
    """Every run, as the union of what holds each case; a pallet may equal a run."""
    runs = Runs(cases, per_pallet)
    found = set()
    for case in range(cases):
        held = runs.holding(case)
        assert np.all((held.start <= case) & (case < held.stop))
        for number, (start, stop, log) in enumerate(
            zip(held.start.tolist(), held.stop.tolist(), held.log_prior.tolist(), strict=True)
        ):
            found.add(("run" if number else "pallet", start, stop, round(log, 9)))
    return found


@pytest.mark.parametrize(("cases", "per_pallet"), LOTS)
def test_runs_are_a_prior_over_parts_of_the_lot(cases: int, per_pallet: int) -> None:
    """The prior of all runs together sums to one, and each lies in the lot."""
    runs = _all(cases, per_pallet)
    assert sum(np.exp(log) for *_, log in runs) == pytest.approx(1)
    assert all(0 <= start < stop <= cases for _, start, stop, _ in runs)


@pytest.mark.parametrize(("cases", "per_pallet"), LOTS)
def test_all_runs_are_those_that_hold_some_case(cases: int, per_pallet: int) -> None:
    """No more and no fewer, each once, with the same prior."""
    found = []
    for part in Runs(cases, per_pallet).every():
        rows = zip(part.start.tolist(), part.stop.tolist(), part.log_prior.tolist(), strict=True)
        found += [(start, stop, round(log, 9)) for start, stop, log in rows]
        assert part.edges.tolist() == [*part.start, *part.stop]
    assert sorted(found) == sorted(row[1:] for row in _all(cases, per_pallet))


def test_every_pallet_is_a_candidate_even_a_short_last_one() -> None:
    """A lot of 45 cases has pallets 0–20, 20–40 and 40–45."""
    pallets = {(start, stop) for kind, start, stop, _ in _all(45, 20) if kind == "pallet"}
    assert pallets == {(0, 20), (20, 40), (40, 45)}


def test_lengths_grow_from_one_to_half_the_lot() -> None:
    """All short lengths, then fewer and fewer."""
    assert run_lengths(1) == [1]
    assert run_lengths(24) == [1, 2, 3, 4, 5, 6, 7, 8, 10, 12]
