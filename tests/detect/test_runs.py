"""Candidate runs: a prior that sums to one, and the right members."""

from __future__ import annotations

import numpy as np
import pytest

from ledger.detect.runs import candidate_runs


@pytest.mark.parametrize(("cases", "per_pallet"), [(1, 20), (2, 1), (7, 3), (60, 20), (1483, 40)])
def test_runs_are_a_prior_over_parts_of_the_lot(cases: int, per_pallet: int) -> None:
    """The prior sums to one, and each run lies in the lot and has its share of it."""
    runs = candidate_runs(cases, per_pallet)
    assert runs.prior.sum() == pytest.approx(1)
    assert runs.start.min() == 0 and runs.stop.max() == cases
    assert runs.share == pytest.approx((runs.stop - runs.start) / cases)


def test_holding_names_exactly_the_runs_around_a_case() -> None:
    """The index from cases to runs agrees with the runs themselves."""
    runs = candidate_runs(45, 20)
    for case in range(45):
        expected = np.flatnonzero((runs.start <= case) & (case < runs.stop))
        assert sorted(runs.holding(case).tolist()) == expected.tolist()


def test_every_pallet_is_a_candidate_even_a_short_last_one() -> None:
    """A lot of 45 cases has pallets 0–20, 20–40 and 40–45."""
    runs = candidate_runs(45, 20)
    found = set(zip(runs.start.tolist(), runs.stop.tolist(), strict=True))
    assert found >= {(0, 45), (0, 20), (20, 40), (40, 45)}
