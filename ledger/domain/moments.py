"""Unix seconds as people read them, in a zone, as far as the calendar goes.

The chain keeps 40 bits of seconds, which end in the year 36812; Python's calendar ends with 9999. A
zone is a number of minutes east of UTC.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

DAY_S = 86_400


def wall(seconds: int, zone: int = 0) -> datetime | None:
    """Return a moment as the clocks of a zone show it, None beyond the calendar."""
    try:
        return datetime.fromtimestamp(seconds, UTC).astimezone(timezone(timedelta(minutes=zone)))
    except (OverflowError, ValueError, OSError):
        return None


def iso(seconds: int, zone: int) -> str:
    """Return a moment in ISO 8601 with its zone, or as what it is beyond the calendar."""
    found = wall(seconds, zone)
    return beyond(seconds) if found is None else found.isoformat()


def day(end: int, zone: int) -> str:
    """Return the last day before `end`, the first second after it, or what `iso` says."""
    found = wall(end - 1, zone)
    return beyond(end) if found is None else found.date().isoformat()


def utc(seconds: int) -> str:
    """Return a moment as date and time of day in UTC, or as what it is beyond the calendar."""
    found = wall(seconds)
    return beyond(seconds) if found is None else f"{found:%Y-%m-%d %H:%M:%SZ}"


def beyond(seconds: int) -> str:
    """Return what is said of a moment that no calendar here reaches."""
    return f"{seconds} s after 1970"


def offset(zone: int) -> str:
    """Return `UTC+8`, `UTC-3:30` or `UTC`."""
    hours, rest = divmod(abs(zone), 60)
    if not zone:
        return "UTC"
    return f"UTC{'+' if zone > 0 else '-'}{hours}" + (f":{rest:02}" if rest else "")


def zone_of_days(ends: list[int], usual: int) -> int:
    """Return a zone in which all these moments end a day: the usual one if it is such, or there is
    none, else the one from UTC-11:59 to UTC+12."""
    zone = usual
    if ends and (ends[0] + 60 * usual) % DAY_S:
        zone = (-ends[0] // 60) % 1440
        zone -= 1440 if zone > 720 else 0
    return zone if all((end + 60 * zone) % DAY_S == 0 for end in ends) else usual
