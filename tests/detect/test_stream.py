"""The stream of tests: its budget, its rule, and its rate of false alarms under the null."""

from __future__ import annotations

import math

import numpy as np

from ledger.detect.stream import rejections, weight


def test_weights_never_spend_more_than_the_whole_level() -> None:
    """The first 100,000 weights and a bound on the rest sum to at most one."""
    spent = sum(weight(k) for k in range(1, 100_001))
    rest = math.sqrt(500.0) / math.sqrt(100_000 + 500.0)  # integral of the tail
    assert spent + rest <= 1


def test_the_bar_is_one_over_the_level_of_the_hypothesis() -> None:
    """Just below 1 / (α γ_1) nothing is rejected, at it the first hypothesis is."""
    bar = -math.log(0.05 * weight(1))
    assert list(rejections([(0, 9, bar - 1e-6)], 0.05)) == []
    assert [r.name for r in rejections([(0, 9, bar + 1e-9)], 0.05)] == [9]


def test_a_rejection_lowers_the_bar_for_the_others_and_stays() -> None:
    """A second hypothesis just below its bar follows as soon as the first is rejected."""
    near = -math.log(0.05 * weight(1)) - 0.5
    looks = [(0, 1, near), (1, 2, 50.0), (2, 2, -5.0)]
    assert [(r.name, r.row) for r in rejections(looks, 0.05)] == [(2, 1), (1, 1)]


def test_what_was_once_high_does_not_count_later() -> None:
    """A maximum in the past is no evidence when another rejection lowers the bar."""
    near = -math.log(0.05 * weight(1)) - 0.5
    looks = [(0, 1, near), (1, 1, -3.0), (2, 2, 50.0)]
    assert [r.name for r in rejections(looks, 0.05)] == [2]


def test_false_alarms_stay_below_the_level_with_a_look_at_every_step() -> None:
    """Under the null, streams of 20 likelihood ratios watched at each of 40 steps raise an alarm in
    at most one world of twenty; without the correction nearly every world has one."""
    rng = np.random.default_rng(1)
    worlds, corrected, naive = 400, 0, 0
    for _ in range(worlds):
        steps = rng.normal(size=(40, 20)) - 0.5  # log-likelihood ratios of N(1,1) to N(0,1)
        paths = np.cumsum(steps, axis=0)
        looks = [(t, k, float(paths[t, k])) for t in range(40) for k in range(20)]
        corrected += any(True for _ in rejections(looks, 0.05))
        naive += bool(np.exp(paths.max()) >= 20)
    assert corrected / worlds <= 0.05
    assert naive / worlds > 0.15
