"""Thresholds hold from their number on, and not one before."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.domain.thresholds import (
    DAY_S,
    TESTS,
    History,
    Seen,
    apart,
    fired,
    holds,
    may_tip,
    sentence,
)

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


def on_the_way(*minutes_and_km: tuple[int, float], device: str = "") -> list[Seen]:
    """Scans on one parallel, by a device each or by one, so many kilometres east of the first."""
    degree = 111.195 * 0.8  # at a latitude whose cosine is 0.8
    return [
        Seen(number, minutes * 60, device or f"device {number}", (36.8699, km / degree, 0.0))
        for number, (minutes, km) in enumerate(minutes_and_km)
    ]


@pytest.mark.parametrize(
    ("scans", "rests"),
    [
        (on_the_way((0, 0), (1, 400), (2, 810)), [0, 2]),  # one halfway hides nothing
        (on_the_way((0, 0), (1, 300), (2, 520)), [0, 2]),
        (on_the_way((0, 0), (1, 300), (2, 499)), []),
        (on_the_way((0, 0), (1, 5), (2, 810)), [1, 2]),  # the last of those that are too fast
        (on_the_way((0, 0), (29, 810), (60, 810)), []),  # 810 km/h
        (on_the_way((0, 0), (0, 400), (48, 810)), [0, 2]),  # 1,012 km/h
        (on_the_way((0, 0), (1, 400), (2, 810), device="one phone"), []),
        (on_the_way((0, 0), (24 * 60 - 1, 5_000), (24 * 60, 0)), [1, 2]),
    ],
)
def test_speed_is_between_any_two_devices(scans: list[Seen], rests: list[int]) -> None:
    """The newest scan and any before it, whoever scanned in between."""
    found = fired("speed", {"km": 500, "kmh": 1000, "days": 1}, scans)
    assert [scan.id for scan in found] == rests


@pytest.mark.parametrize(("second", "holds_then"), [(0, False), (1, True)])
@pytest.mark.parametrize("test", ["radius", "speed"])
def test_pairs_are_within_the_time_too(test: str, second: int, holds_then: bool) -> None:
    """A scan just as old as the time is too old, a second less is not."""
    scans = [*seen([second], BEIJING), Seen(1, 3600, "b", SHANGHAI)]
    terms = {"km": 100, "kmh": 1, "days": 1 / 24}
    assert bool(fired(test, terms, scans)) is holds_then


def test_devices_count_by_their_newest_scan_within_the_time() -> None:
    """One that scanned before is none of those within, one that did so again is."""
    scans = [Seen(0, 0, "a"), Seen(1, 1, "b"), Seen(2, 10, "a"), Seen(3, DAY_S + 1, "c")]
    terms = {"n": 2, "days": 1}
    assert [scan.id for scan in fired("devices", terms, scans)] == [2, 3]
    assert fired("devices", {**terms, "n": 3}, scans) == ()


PLACES = st.sampled_from([None, BEIJING, SHANGHAI, (39.5, 116.9, 30.0)])


@given(
    scans=st.lists(st.tuples(st.integers(0, 3 * DAY_S), st.sampled_from("abc"), PLACES), min_size=1)
)
def test_thresholds_that_share_a_history_say_what_each_says_alone(
    scans: list[tuple[int, str, tuple[float, float, float] | None]],
) -> None:
    """Whichever are asked, in whatever order."""
    made = [Seen(number, *scan) for number, scan in enumerate(sorted(scans, key=lambda s: s[0]))]
    history = History(made)
    for test in [*TESTS, *reversed(TESTS)]:
        for days in (1 / 24, 1, 3):
            terms = {"n": 2, "km": 50, "kmh": 30, "days": days}
            assert holds(test, terms, history) == fired(test, terms, made)


@pytest.mark.parametrize(
    ("test", "later", "may"),
    [
        ("scans", Seen(1, DAY_S - 1, "b"), True),
        ("scans", Seen(1, DAY_S, "b"), False),
        ("devices", Seen(1, DAY_S - 1, "b"), True),
        ("devices", Seen(1, DAY_S, "b"), False),
        ("radius", Seen(1, DAY_S - 1, "b", SHANGHAI), True),
        ("radius", Seen(1, DAY_S, "b", SHANGHAI), False),
        ("radius", Seen(1, DAY_S - 1, "b", BEIJING), False),
        ("speed", Seen(1, 60, "b", SHANGHAI), True),
        ("speed", Seen(1, 60, "device 0", SHANGHAI), False),
        ("speed", Seen(1, DAY_S - 1, "b", SHANGHAI), False),
    ],
)
def test_what_comes_late_tips_those_that_it_counts_for(test: str, later: Seen, may: bool) -> None:
    """Within the time; of a pair only by being one of it."""
    terms = {"n": 9, "km": 100, "kmh": 1000, "days": 1}
    assert may_tip(test, terms, History([*seen([0], BEIJING), later])) is may


@pytest.mark.parametrize("test", TESTS)
def test_each_says_what_it_is_and_that_it_is_not_calibrated(test: str) -> None:
    """One sentence, with the person's numbers in it."""
    terms: dict[str, Any] = dict.fromkeys(TESTS[test].terms, 3)
    text = sentence(test, terms, seen([0, 1]))
    assert "3" in text and "not a calibrated test" in text


def test_nothing_is_judged_without_a_scan() -> None:
    """No scan, no alert."""
    assert fired("scans", {"n": 2, "days": 1}, []) == ()
