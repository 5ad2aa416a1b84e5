"""Thresholds hold from their number on, and not one before."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.domain.thresholds import DAY_S, TESTS, Seen, apart, fired, sentence

BEIJING, SHANGHAI = (39.904, 116.407, 0.1), (31.230, 121.474, 0.1)  # 1,068 km apart


def seen(times: list[int], place: tuple[float, float, float] | None = None) -> list[Seen]:
    """Scans by a device each."""
    return [Seen(n, time, f"device {n}", place) for n, time in enumerate(times)]


@pytest.mark.parametrize("test", ["scans", "devices"])
@given(n=st.integers(2, 30))
def test_it_fires_at_n_and_not_at_n_less_one(test: str, n: int) -> None:
    """Whatever the number."""
    scans, terms = seen(list(range(n))), {"n": n, "days": 1}
    assert len(fired(test, terms, scans)) == n
    assert fired(test, terms, scans[:-1]) == ()


def test_devices_are_counted_once() -> None:
    """A phone that looks ten times is one device."""
    scans = [Seen(i, i, "a") for i in range(10)]
    assert fired("devices", {"n": 2, "days": 1}, scans) == ()
    assert fired("scans", {"n": 10, "days": 1}, scans) == scans


def test_the_time_is_exact() -> None:
    """A scan just as old as the time is too old, a second less is not."""
    terms = {"n": 2, "days": 3}
    assert fired("scans", terms, seen([0, 3 * DAY_S])) == ()
    assert len(fired("scans", terms, seen([1, 3 * DAY_S]))) == 2


@pytest.mark.parametrize(("km", "holds"), [(1067, True), (1069, False)])
def test_radius_counts_what_lies_outside_both_radii(km: int, holds: bool) -> None:
    """Great circle less both stated radii; a scan without a place says nothing."""
    scans = [*seen([0], BEIJING), Seen(7, 60, "b", SHANGHAI)]
    assert bool(fired("radius", {"km": km, "days": 1}, scans)) is holds
    assert 1067 < apart(*scans) < 1069
    assert fired("radius", {"km": km, "days": 1}, [scans[0], Seen(8, 60, "b")]) == ()


@pytest.mark.parametrize(
    ("minutes", "device", "holds"), [(30, "b", True), (60, "b", False), (30, "device 0", False)]
)
def test_speed_needs_two_devices_and_a_faster_way_than_any(
    minutes: int, device: str, holds: bool
) -> None:
    """1,068 km in half an hour is too fast, in an hour it is a flight; one phone is one journey."""
    scans = [*seen([0], BEIJING), Seen(1, minutes * 60, device, SHANGHAI)]
    terms = {"km": 100, "kmh": 1200, "days": 1}
    assert bool(fired("speed", terms, scans)) is holds


@pytest.mark.parametrize("test", TESTS)
def test_each_says_what_it_is_and_that_it_is_not_calibrated(test: str) -> None:
    """One sentence, with the person's numbers in it."""
    terms: dict[str, Any] = dict.fromkeys(TESTS[test].terms, 3)
    text = sentence(test, terms, seen([0, 1]))
    assert "3" in text and "not a calibrated test" in text


def test_nothing_is_judged_without_a_scan() -> None:
    """No scan, no alert."""
    assert fired("scans", {"n": 2, "days": 1}, []) == ()
