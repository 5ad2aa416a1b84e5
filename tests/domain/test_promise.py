"""When a rule is said to have broken its promise."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.domain.promise import BROKEN, doubt, is_broken


def test_one_false_alert_alone_breaks_no_promise() -> None:
    """Of one judged alert anything may be; two false of two are too many for 5 %."""
    assert [is_broken(k, k, 0.05) for k in (0, 1, 2)] == [False, False, True]


@given(st.integers(0, 40), st.sampled_from([0.01, 0.05, 0.1]))
def test_what_is_kept_is_never_called_broken(judged: int, promise: float) -> None:
    """No false alert, however many were judged."""
    assert not is_broken(0, judged, promise)


@pytest.mark.parametrize("promise", [0.05, 0.1, 0.5])
def test_a_rule_that_keeps_its_promise_is_muted_at_most_once_in_twenty(promise: float) -> None:
    """Over thirty outcomes, counted by how many were false: the chance of ever being called so."""
    going, ever = {0: 1.0}, 0.0  # false so far -> chance of being there, never having been muted
    for judged in range(1, 31):
        ahead: dict[int, float] = {}
        for false, chance in going.items():
            ahead[false] = ahead.get(false, 0) + chance * (1 - promise)
            ahead[false + 1] = ahead.get(false + 1, 0) + chance * promise
        ever += sum(c for k, c in ahead.items() if is_broken(k, judged, promise))
        going = {k: c for k, c in ahead.items() if not is_broken(k, judged, promise)}
    assert 0 < ever <= 1 / BROKEN


@given(st.integers(1, 60), st.data(), st.sampled_from([0.05, 0.1]))
def test_each_false_alert_adds_to_the_doubt(judged: int, data: st.DataObject, p: float) -> None:
    """And each right one takes from it."""
    false = data.draw(st.integers(0, judged - 1))
    assert doubt(false + 1, judged, p) > doubt(false, judged, p)


@pytest.mark.parametrize("promise", [5e-324, 0.5, 1 - 1e-15, 1 - 2**-53])
def test_no_promise_is_too_small_or_too_large_to_be_judged(promise: float) -> None:
    """What was promised before there was a bound, too: no share between it and 1 is lost."""
    assert 0 < doubt(0, 40, promise) < 1
    assert is_broken(40, 40, promise) is (promise <= 0.5)


@pytest.mark.parametrize("counts", [(2, 1, 0.1), (-1, 1, 0.1), (0, 1, 0.0), (0, 1, 1.0)])
def test_impossible_counts_are_refused(counts: tuple[int, int, float]) -> None:
    """More false than judged, or a promise that is none."""
    with pytest.raises(ValueError, match="promise"):
        doubt(*counts)
