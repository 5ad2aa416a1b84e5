"""Thresholds that a person sets on the scans of one code: so many in a time, too far, too fast.

They are not calibrated: nothing is promised of how often they are wrong. Each is judged at a scan,
over that scan and those before it, and holds exactly from its number on: at N, not at N - 1.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
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
class History:
    """Scans of one code, at least one, in order of time: what several thresholds ask of them at the
    newest is worked out once."""

    scans: Sequence[Seen]

    def first(self, days: float) -> int:
        """The number of the oldest scan within so many days; one just as old is too old."""
        return bisect_right(self._times, self._times[-1] - days * DAY_S)

    @cached_property
    def last_by_device(self) -> list[int]:
        """The numbers of each device's newest scan, rising."""
        return sorted({scan.device: number for number, scan in enumerate(self.scans)}.values())

    @cached_property
    def away(self) -> list[tuple[int, float]]:
        """The numbers of the scans certainly made away from the newest, and kilometres."""
        now = self.scans[-1]
        if now.place is None:
            return []
        places = {scan.place: scan for scan in self.scans}  # many scans are made at one
        km = {place: apart(scan, now) for place, scan in places.items()}
        each = ((number, km[scan.place]) for number, scan in enumerate(self.scans))
        return [(number, away) for number, away in each if away]

    @cached_property
    def farthest(self) -> float:
        """Kilometres to the one that is farthest away."""
        return max((km for _, km in self.away), default=0.0)

    @cached_property
    def _times(self) -> list[int]:
        return [scan.time for scan in self.scans]


Terms = Mapping[str, Any]


@dataclass(frozen=True)
class Kind:
    """A kind of threshold: its numbers with their bounds (lowest, highest), and how it is judged.

    holds: (terms, history, number of the first scan within the time) -> those that it rests on, or
    none. of_pairs: each of two scans, so no third makes it hold between them.
    """

    terms: Mapping[str, tuple[float, float]]
    holds: Callable[[Terms, History, int], Sequence[Seen]]
    sentence: str
    of_pairs: bool = False


def _count(terms: Terms, history: History, first: int) -> Sequence[Seen]:
    enough = len(history.scans) - first >= terms["n"]
    return history.scans[first:] if enough else ()


def _devices(terms: Terms, history: History, first: int) -> Sequence[Seen]:
    if not _count(terms, history, first):
        return ()
    last = history.last_by_device
    enough = len(last) - bisect_left(last, first) >= terms["n"]
    return history.scans[first:] if enough else ()


def _radius(terms: Terms, history: History, first: int) -> Sequence[Seen]:
    """Other scans that are certainly farther than `km` from the newest."""
    scans, km = history.scans, terms["km"]
    if history.farthest <= km:
        return ()
    far = [scans[number] for number, away in history.away if away > km and number >= first]
    return (*far, scans[-1]) if far else ()


def _speed(terms: Terms, history: History, first: int) -> Sequence[Seen]:
    """The newest scan and the last by another device from which nobody travels there so fast."""
    now, km = history.scans[-1], terms["km"]
    if history.farthest <= km:
        return ()
    for number, away in reversed(history.away):
        if number < first:
            break
        scan = history.scans[number]
        hours = max(now.time - scan.time, 1) / 3600
        if away > km and away / hours > terms["kmh"] and scan.device != now.device:
            return (scan, now)
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
        " than {km:g} km apart within {within}", of_pairs=True,
    ),
    "speed": Kind(
        {"km": (1, 20_000), "kmh": (1, 100_000), "days": (1 / 24, 366)}, _speed, "One code was"
        " scanned by two devices more than {km:g} km apart, faster than {kmh:g} km/h",
        of_pairs=True,
    ),
}  # fmt: skip


def fired(test: str, terms: Terms, scans: Sequence[Seen]) -> Sequence[Seen]:
    """Return the scans on which a threshold rests at the newest of them; none if it does not hold.

    scans: of one code, in order of time; those older than `days` are left out here.
    """
    return holds(test, terms, History(scans)) if scans else ()


def holds(test: str, terms: Terms, history: History) -> Sequence[Seen]:
    """The same, of scans that other thresholds are asked about too."""
    return TESTS[test].holds(terms, history, history.first(terms["days"]))


def may_tip(test: str, terms: Terms, pair: History) -> bool:
    """Say whether a scan that came late can make a threshold hold at one that was made later."""
    if TESTS[test].of_pairs:
        return bool(holds(test, terms, pair))
    return pair.first(terms["days"]) == 0


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
