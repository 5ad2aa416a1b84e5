"""Moments as people read them, and the zone that a lot's dates were meant in."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.domain.moments import day, iso, offset, utc, wall, zone_of_days
from ledger.services.runs import end_of

ZONES = st.integers(-840, 840)
DAYS = st.dates(date(2000, 1, 1), date(2199, 12, 31))


@given(zone=ZONES, last=DAYS)
def test_the_last_day_is_the_one_that_was_bound(zone: int, last: date) -> None:
    """In its own zone, to the second."""
    assert day(end_of(last, zone), zone) == last.isoformat()


@given(zone=st.integers(-719, 720), last=DAYS, usual=ZONES)
def test_dates_tell_their_zone(zone: int, last: date, usual: int) -> None:
    """Of UTC-11:59 to UTC+12; where the usual one fits as well, it is that."""
    told = zone_of_days([end_of(last, zone), end_of(last + timedelta(1), zone)], usual)
    assert told == (usual if (usual - zone) % 1440 == 0 else zone)


@pytest.mark.parametrize("ends", [[], [1_798_732_801], [1_798_732_800, 1_798_736_400]])
def test_no_days_or_none_that_end_together_are_of_the_usual_zone(ends: list[int]) -> None:
    """Whoever signs may bind any second."""
    assert zone_of_days(ends, 60) == 60


@given(at=st.integers(-(1 << 33), (1 << 64) - 1), zone=ZONES)
def test_any_number_of_seconds_has_words(at: int, zone: int) -> None:
    """A moment of the calendar, which reads back; else the number itself."""
    if wall(at, zone) is None:
        assert iso(at, zone) == f"{at} s after 1970"
        assert at > 253_402_300_799 - 60 * 840
    else:
        assert datetime.fromisoformat(iso(at, zone)).timestamp() == at
    assert utc(at)


def test_zones_are_written_as_people_write_them() -> None:
    """Half hours and zero included, as Python's own clocks have them."""
    assert [offset(zone) for zone in (480, 330, -210, 0)] == [
        "UTC+8",
        "UTC+5:30",
        "UTC-3:30",
        "UTC",
    ]
    there = datetime(2026, 11, 18, 19, 6, 40, tzinfo=timezone(timedelta(hours=8)))
    assert iso(1_795_000_000, 480) == there.isoformat()
    assert utc(1_795_000_000) == f"{there.astimezone(UTC):%Y-%m-%d %H:%M:%SZ}"
