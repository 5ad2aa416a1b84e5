"""Thresholds that a person sets on the scans of one code: so many in a time, too far, too fast.

They are not calibrated: nothing is promised of how often they are wrong. Each is judged at a scan,
over that scan and those before it, and holds exactly from its number on: at N, not at N - 1.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ledger.domain.regions import great_circle_km

DAY_S = 86_400
CERTAIN = frozenset({"gps", "ip_fixed"})  # a mobile network names a wrong province too often


@dataclass(frozen=True)
class Seen:
    """One scan. time: unix seconds. place: lat, lon (degrees), radius (km); None if uncertain."""

    id: int
    time: int
    device: str
    place: tuple[float, float, float] | None = None


@dataclass(frozen=True)
class Kind:
    """A kind of threshold: its numbers with their bounds (lowest, highest), and how it is judged.

    holds: (terms, scans within the time, in order, the newest last) -> those that it rests on, or
    none.
    """

    terms: Mapping[str, tuple[float, float]]
    holds: Callable[[Mapping[str, Any], Sequence[Seen]], Sequence[Seen]]
    sentence: str


def _count(terms: Mapping[str, Any], scans: Sequence[Seen]) -> Sequence[Seen]:
    return scans if len(scans) >= terms["n"] else ()


def _devices(terms: Mapping[str, Any], scans: Sequence[Seen]) -> Sequence[Seen]:
    return scans if len({scan.device for scan in scans}) >= terms["n"] else ()


def _radius(terms: Mapping[str, Any], scans: Sequence[Seen]) -> Sequence[Seen]:
    """Other scans that are certainly farther than `km` from the newest."""
    *before, now = scans
    far = [scan for scan in before if apart(scan, now) > terms["km"]]
    return (*far, now) if far else ()


def _speed(terms: Mapping[str, Any], scans: Sequence[Seen]) -> Sequence[Seen]:
    """The newest scan and another device's last one, if nobody travels so fast between them."""
    *before, now = scans
    for scan in reversed(before):
        if scan.device != now.device and scan.place is not None:
            km, hours = apart(scan, now), max(now.time - scan.time, 1) / 3600
            return (scan, now) if km > terms["km"] and km / hours > terms["kmh"] else ()
    return ()


TESTS: Mapping[str, Kind] = {
    "scans": Kind(
        {"n": (2, 1000), "days": (1 / 24, 366)}, _count, "{found} scans of one code within"
        " {within}, where {n:g} are the threshold",
    ),
    "devices": Kind(
        {"n": (2, 1000), "days": (1 / 24, 366)}, _devices, "{devices} devices scanned one code"
        " within {within}, where {n:g} are the threshold",
    ),
    "radius": Kind(
        {"km": (1, 20_000), "days": (1 / 24, 366)}, _radius, "One code was scanned in places more"
        " than {km:g} km apart within {within}",
    ),
    "speed": Kind(
        {"km": (1, 20_000), "kmh": (1, 100_000), "days": (1 / 24, 366)}, _speed, "One code was"
        " scanned by two devices more than {km:g} km apart, faster than {kmh:g} km/h",
    ),
}  # fmt: skip


def fired(test: str, terms: Mapping[str, Any], scans: Sequence[Seen]) -> Sequence[Seen]:
    """Return the scans on which a threshold rests at the newest of them; none if it does not hold.

    scans: of one code, in order of time; those older than `days` are left out here.
    """
    if not scans:
        return ()
    since = scans[-1].time - terms["days"] * DAY_S
    return TESTS[test].holds(terms, [scan for scan in scans if scan.time > since])


def sentence(test: str, terms: Mapping[str, Any], scans: Sequence[Seen]) -> str:
    """Return what a threshold that holds says, for people."""
    devices = len({scan.device for scan in scans})
    within = counted(terms["days"], "day")
    text = TESTS[test].sentence.format(found=len(scans), devices=devices, within=within, **terms)
    return f"{text}; a threshold that a person set, not a calibrated test"


def counted(number: float, noun: str) -> str:
    """Say how many of something: '1 day', '7 days'."""
    shown = f"{number:g}" if isinstance(number, float) else str(number)
    return f"{shown} {noun}{'' if number == 1 else 's'}"


def apart(one: Seen, other: Seen) -> float:
    """Kilometres that certainly lie between two scans: outside both stated radii; 0 if unknown."""
    if one.place is None or other.place is None:
        return 0.0
    away = great_circle_km(*one.place[:2], *other.place[:2])
    return max(0.0, away - one.place[2] - other.place[2])
