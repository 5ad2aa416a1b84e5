"""The e-process of one cell: calibrated under its null, and able to take back."""

from __future__ import annotations

import numpy as np
import pytest

from ledger.detect.cell import BY_SIZE, CROWDS, GIFT_TAIL, CellState, gift_evidence, gift_tail
from ledger.detect.runs import candidate_runs

CASES = 400


def _state(cases: list[int], days: list[float]) -> CellState:
    runs = candidate_runs(CASES, 20)
    return CellState(runs, np.unique(cases), min(days), max(days))


def _final(cases: list[int], days: list[float]) -> tuple[float, float]:
    """(ln E at the end, its maximum) when the observations come in order of day."""
    elsewhere = np.arange(CASES + 1, dtype=np.float64)
    order = np.argsort(days, kind="stable")
    state = _state(cases, days)
    highest = 0.0
    for i in order.tolist():
        state.add(i, cases[i], days[i], elsewhere)
        highest = max(highest, state.log_e())
    return state.log_e(), highest


def _gifts(rng: np.random.Generator, groups: int) -> tuple[list[int], list[float]]:
    """Groups at random cases of the lot, with sizes from the tail that the null allows."""
    cases: list[int] = []
    days: list[float] = []
    for _ in range(groups):
        size = 1 + int(np.sum(rng.random() < np.array(GIFT_TAIL[1:])))
        case, day = int(rng.integers(CASES)), float(rng.uniform(0, 120))
        cases += [case] * size
        days += [day + i for i in range(size)]
    return cases, days


def test_gifts_at_random_give_no_evidence() -> None:
    """Under the null the e-value averages at most one and seldom passes twenty at any time."""
    rng = np.random.default_rng(2)
    runs = [_final(*_gifts(rng, 30)) for _ in range(300)]
    assert np.mean([np.exp(end) for end, _ in runs]) <= 1.0
    assert np.mean([np.exp(top) >= 20 for _, top in runs]) <= 0.05


def test_goods_of_one_pallet_among_strangers_give_evidence() -> None:
    """Twenty observations of one pallet among twenty at random are far from chance."""
    rng = np.random.default_rng(3)
    cases = [*rng.integers(100, 120, 20).tolist(), *rng.integers(CASES, size=20).tolist()]
    assert _final(cases, rng.uniform(0, 60, 40).tolist())[0] > np.log(1e3)


def test_mixed_single_cases_show_by_their_sizes() -> None:
    """Eight items each from six cases all over the lot are more than gifts explain."""
    rng = np.random.default_rng(4)
    cases = [case for case in range(20, 380, 60) for _ in range(8)]
    assert _final(cases, rng.uniform(0, 20, len(cases)).tolist())[0] > np.log(1e6)


def test_mixed_goods_sold_slowly_show_by_coming_back() -> None:
    """Eight items each of ten cases, over two months and among 30 travellers, pass any level."""
    rng = np.random.default_rng(5)
    cases = [case for case in rng.integers(CASES, size=10).tolist() for _ in range(8)]
    days = rng.uniform(0, 60, 80).tolist() + rng.uniform(0, 90, 30).tolist()
    assert _final(cases + rng.integers(CASES, size=30).tolist(), days)[0] > np.log(1e5)


def test_two_gifts_are_no_diversion() -> None:
    """Eight items from one case and five from its pallet stay far from any level in use."""
    cases = [100] * 8 + [110] * 5
    days = [float(i) for i in range(8)] + [float(i) for i in range(5)]
    assert _final(cases, days)[1] < np.log(1e4)


def test_what_is_withdrawn_leaves_no_trace() -> None:
    """After adding and withdrawing one observation the evidence is what it was."""
    elsewhere = np.arange(CASES + 1, dtype=np.float64)
    state = _state([5, 6, 9, 300], [0.0, 1.0, 2.0, 3.0])
    for i, case in enumerate([5, 300, 9]):
        state.add(i, case, float(i), elsewhere)
    before = state.log_e()
    assert state.add(3, 6, 3.0, elsewhere)
    assert state.log_e() != before
    assert state.remove(3)
    assert state.log_e() == pytest.approx(before)
    assert not state.remove(3)


def test_a_second_item_of_the_same_day_and_place_counts_nothing() -> None:
    """A box opened at one table is one event."""
    elsewhere = np.arange(CASES + 1, dtype=np.float64)
    state = _state([5, 6, 8], [0.0, 0.5])
    assert state.add(0, 5, 0.1, elsewhere)
    assert [state.add(1, 6, 0.2, elsewhere), state.add(2, 8, 0.3, elsewhere)] == [False, False]


def test_a_run_scanned_more_elsewhere_too_is_less_evidence() -> None:
    """Where the same cases are scanned everywhere, their being scanned here says little."""
    sold = np.ones(CASES)
    sold[100:120] = 200.0
    evidence = []
    for counts in (np.ones(CASES), sold):
        elsewhere = np.concatenate(([0.0], np.cumsum(counts)))
        state = _state([100, 104, 108, 112, 116], [0.0, 5.0])
        for i, case in enumerate([100, 104, 108, 112, 116]):
            state.add(i, case, float(i), elsewhere)
        evidence.append(state.log_e())
    assert evidence[1] < evidence[0] - 3


@pytest.mark.parametrize("strangers", CROWDS)
def test_the_evidence_of_a_size_is_an_e_value(strangers: float) -> None:
    """Averaged over the sizes that the null allows it is at most one."""
    tail = gift_tail(strangers)
    chance = tail - np.append(tail[1:], 0.0)
    sizes = np.minimum(np.arange(1, len(tail) + 1), len(gift_evidence(strangers)) - 1)
    assert float(chance @ gift_evidence(strangers)[sizes]) <= 1 + 1e-9
    assert BY_SIZE.sum() > 0
