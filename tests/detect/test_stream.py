"""The stream of tests: its budget, its rule, and its rate of false alarms under the null."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest

from ledger.detect import stream
from ledger.detect.frame import Floats
from ledger.detect.stream import (
    FIRST,
    FIRST_SCALE,
    PROMISE,
    PROMISING,
    PROMISING_SCALE,
    Rejection,
    Stream,
)


@pytest.mark.parametrize("scale", [FIRST_SCALE, PROMISING_SCALE])
def test_weights_never_spend_more_than_the_whole_level(scale: float) -> None:
    """The first 100,000 weights and a bound on the rest sum to at most one; so do both lists."""
    spent = sum(stream.weight(k, scale) for k in range(1, 100_001))
    rest = math.sqrt(scale) / math.sqrt(100_000 + scale)  # integral of the tail
    assert spent + rest <= 1
    assert FIRST + PROMISING <= 1


def _bar(number: int = 1) -> float:
    return -math.log(0.05 * FIRST * stream.weight(number, FIRST_SCALE))


def test_the_bar_is_one_over_the_level_of_the_hypothesis() -> None:
    """Just below 1 / (α γ_1) a hypothesis is not rejected, at it it is."""
    assert Stream(0.05).look(9, 0, _bar() - 1e-6) is None
    rejected = Stream(0.05).look(9, 0, _bar() + 1e-9)
    assert rejected is not None
    assert (rejected.name, rejected.row, rejected.log_price) == (9, 0, 0.0)


def test_a_promising_one_pays_its_evidence_and_gets_a_low_bar() -> None:
    """From the look at which it is promising on only what comes on top counts."""
    state = Stream(0.05)
    bar = -math.log(0.05 * PROMISING * stream.weight(1, PROMISING_SCALE))
    assert bar + PROMISE < _bar()
    assert state.look(1, 0, PROMISE - 0.01) is None and state.promising() == []
    assert state.look(1, 1, PROMISE) is None and state.promising() == [1]
    assert state.look(1, 2, PROMISE + bar - 1e-6) is None
    rejected = state.look(1, 3, PROMISE + bar + 1e-9)
    assert rejected is not None
    assert rejected.log_price == PROMISE
    assert rejected.log_e == pytest.approx(bar)
    assert state.promising() == []


def test_a_look_at_a_part_pays_for_the_whole() -> None:
    """What a part of the evidence leaves out at entry is paid for too: it may count later."""
    state, bar = Stream(0.05), -math.log(0.05 * PROMISING * stream.weight(1, PROMISING_SCALE))
    assert state.look(1, 0, PROMISE, lambda: PROMISE + 0.7) is None
    assert state.look(1, 1, PROMISE + 0.7 + bar - 1e-6, lambda: 0.0) is None
    rejected = state.look(1, 2, PROMISE + 0.7 + bar + 1e-9, lambda: 0.0)
    assert rejected is not None and rejected.log_price == PROMISE + 0.7


def test_a_rejection_lowers_the_bar_for_the_others() -> None:
    """A second hypothesis just below its bar is rejected when it is looked at again."""
    state = Stream(0.05)
    assert state.look(1, 0, _bar() - 0.5) is None
    assert state.look(2, 1, 50.0) is not None
    assert state.look(1, 1, _bar() - 0.5) is not None


def _alarms(state: Stream, paths: Floats) -> int:
    open_ = set(range(paths.shape[1]))
    for t in range(len(paths)):
        for k in sorted(open_):
            if state.look(k, t, float(paths[t, k])) is not None:
                open_.discard(k)
    return int(paths.shape[1]) - len(open_)


class _NoPrice(Stream):
    """Entry to the list of promising ones for nothing."""

    def look(
        self, name: int, row: int, log_e: float, whole: Callable[[], float] | None = None
    ) -> Rejection | None:
        rejected = super().look(name, row, log_e, whole)
        for entry in self._open.values():
            entry.log_price = 0.0
        return rejected


def _false_alarms(worlds: int, make: type[Stream] = Stream, many: int = 20) -> float:
    """Share of worlds with an alarm: 40 looks at `many` log-likelihoods of N(1,1) over N(0,1)."""
    rng = np.random.default_rng(1)
    paths = [np.cumsum(rng.normal(size=(40, many)) - 0.5, axis=0) for _ in range(worlds)]
    return sum(_alarms(make(0.05), path) > 0 for path in paths) / worlds


def test_false_alarms_stay_below_the_level_with_a_look_at_every_step() -> None:
    """Under the null, streams of 20 likelihood ratios watched at each of 40 steps raise an alarm in
    at most one world of twenty."""
    assert _false_alarms(300) <= 0.05


def test_without_the_weights_false_alarms_pass_the_level(monkeypatch: pytest.MonkeyPatch) -> None:
    """With full weight for everyone, the same paths raise more alarms than stated."""
    monkeypatch.setattr(stream, "weight", lambda k, scale: 1.0)
    assert _false_alarms(300) > 0.15


def test_without_the_price_false_alarms_pass_the_level(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where few enter, entry for nothing raises more alarms than stated; with the price not."""
    monkeypatch.setattr(stream, "PROMISE", 4.0)
    monkeypatch.setattr(stream, "PROMISING_SCALE", 1.0)
    assert _false_alarms(100, Stream, 80) <= 0.05
    assert _false_alarms(100, _NoPrice, 80) > 0.1
