"""What each class of history says of the devices that scanned one code (`ledger.detect.clones`).

A code is genuine (one item: its owner, perhaps a second person), on display (one place, many
phones), viral (a photo of it: everywhere at once, for days) or cloned (many items with one code,
sold in a few places). Each class predicts where and how soon every further device comes. A genuine
item is mostly seen where its lot may be sold; copies are sold anywhere.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from ledger.detect.frame import LOC_SOURCES, Bools, Lots, Scans

GENUINE, DISPLAY, VIRAL, CLONE = range(4)
PRIOR = (1.0, 1e-4, 5e-6, 1e-5)
SECOND, FURTHER = 0.1, 0.02  # a genuine item meets a second, and each further, device
GOES_ON = 0.9  # in the other classes
SAME_KM = 15.0  # what counts as one place
SEEN = ("day", "loc_src", "lat", "lon", "region")  # columns of a `Seen`
PLACES, NEIGHBOURS = 50.0, 3.0  # places in all and in one region, when nothing binds a scan to one
# P(stated place is the true one, another in its region); the rest is anywhere
STATED = {
    "gps": (0.98, 0.0),
    "ip_fixed": (0.92, 0.02),
    "ip_mobile": (0.45, 0.33),
    "none": (0.0, 0.0),
}
# P(a genuine item's first place, a further one that it was moved to, lies outside its territory)
STRAY, FURTHER_STRAY = 0.25, 0.5
GENUINE_STAYS = 0.5  # a genuine item's further devices are in the place of the first
SPREAD = 3.0  # how readily clones turn up in new places (concentration of a Chinese restaurant)
ELSEWHERE = 0.3  # copies from a source known are sold in a place not known yet
SOON, VIRAL_SOON, OTHER_SOON = 0.5, 0.92, 0.4  # days; P(gap below) of viral and of the others


@dataclass(frozen=True)
class Seen:
    """One device's first scan of a code. source: one of LOC_SOURCES; region: -1 where unknown."""

    day: float
    source: str
    lat: float
    lon: float
    region: int


@dataclass(frozen=True)
class Home:
    """Where the goods of a lot may be sold: its regions; none where that says nothing, because they
    may be sold anywhere."""

    regions: frozenset[int] = frozenset()

    def density(self, region: int, stray: float) -> float:
        """How much likelier a place of this region is than if all were alike; stray: P(outside)."""
        if not self.regions or region < 0:
            return 1.0
        share = min(0.5, len(self.regions) * NEIGHBOURS / PLACES)
        return (1 - stray) / share if region in self.regions else stray / (1 - share)


def home_of(lots: Lots, row: int) -> Home:
    """The home of the goods of a row of lots."""
    if not lots.restricted[row]:
        return Home()
    return Home(frozenset(np.flatnonzero(lots.territory[row]).tolist()))


ANYWHERE = Home()


def bayes_factor(seen: list[Seen], sold: Sequence[Seen] = (), home: Home = ANYWHERE) -> float:
    """P(history | cloned) over P(history | not cloned), the other classes by their priors. sold:
    devices that scanned other copies from the same source. home: of the lot."""
    log = [_genuine(seen, home), _display(seen, home), _viral(seen), _clone(seen, sold)]
    highest = max(log)
    others = sum(PRIOR[kind] * math.exp(log[kind] - highest) for kind in (GENUINE, DISPLAY, VIRAL))
    return math.exp(log[CLONE] - highest) / max(others, 1e-300)


def _genuine(seen: list[Seen], home: Home) -> float:
    """Log-likelihood of one item that a few people handle, mostly where it was first seen, which is
    mostly where it may be sold."""
    log = math.log(SECOND) + (len(seen) - 2) * math.log(FURTHER)
    log += math.log(home.density(seen[0].region, STRAY))
    for one in seen[1:]:
        stays, moved = _stated(one, seen[0]), home.density(one.region, FURTHER_STRAY) / PLACES
        log += math.log(GENUINE_STAYS * stays + (1 - GENUINE_STAYS) * moved)
    return log + _gaps(seen, OTHER_SOON)


def _display(seen: list[Seen], home: Home) -> float:
    """Log-likelihood of many phones in one place, averaged over the places it may be."""
    logs = [
        math.log(home.density(place.region, STRAY))
        + sum(math.log(_stated(one, place)) for one in seen)
        for place in distinct(seen)
    ]
    highest = max(logs)
    total = sum(math.exp(log - highest) for log in logs) / PLACES
    first = math.log(PLACES)  # the other classes take the first scan's place as given
    return highest + math.log(total) + first + _goes_on(seen) + _gaps(seen, OTHER_SOON)


def _viral(seen: list[Seen]) -> float:
    """Log-likelihood of a picture that people anywhere scan, at once."""
    return (1 - len(seen)) * math.log(PLACES) + _goes_on(seen) + _gaps(seen, VIRAL_SOON)


def _clone(seen: list[Seen], others: Sequence[Seen]) -> float:
    """Log-likelihood of goods sold in a few places, each scan of another item. A new place is one
    where other copies from the same source were scanned, or any."""
    log = 0.0
    for count, one in enumerate(seen[1:], 1):
        fresh = 1 / PLACES
        if others:
            near = sum(_stated(one, other) for other in others) / len(others)
            fresh = ELSEWHERE * fresh + (1 - ELSEWHERE) * near
        sold = sum(_stated(one, other) for other in seen[:count]) + SPREAD * fresh
        log += math.log(sold / (count + SPREAD))
    return log + _goes_on(seen) + _gaps(seen, OTHER_SOON)


def _stated(one: Seen, place: Seen) -> float:
    """P(the place that a scan states | it was made at `place`)."""
    right, near = STATED[one.source]
    rest = (1 - right - near) / PLACES
    if _close(one, place):
        return right + rest
    return near / NEIGHBOURS + rest if one.region == place.region else rest


def _close(one: Seen, other: Seen) -> bool:
    north = (one.lat - other.lat) * 111.2
    east = (one.lon - other.lon) * 111.2 * math.cos(math.radians(one.lat))
    return north * north + east * east <= SAME_KM * SAME_KM


def distinct(seen: list[Seen]) -> list[Seen]:
    places: list[Seen] = []
    for one in seen:
        if not any(_close(one, place) for place in places):
            places.append(one)
    return places


def _goes_on(seen: list[Seen]) -> float:
    return (len(seen) - 1) * math.log(GOES_ON)


def _gaps(seen: list[Seen], soon: float) -> float:
    gaps = [after.day - before.day for before, after in pairwise(seen)]
    return sum(math.log(soon if gap < SOON else 1 - soon) for gap in gaps)


def placed(scans: Scans) -> Bools:
    """Which scans say where they were made, bool (n,): no class can be told by the others."""
    where: Bools = scans.loc_src != LOC_SOURCES.index("none")
    return where


def seen_at(scans: Scans, row: int) -> Seen:
    """What a scan says of where and when."""
    return as_seen([float(getattr(scans, name)[row]) for name in SEEN])


def as_seen(columns: Sequence[float]) -> Seen:
    day, source, lat, lon, region = columns
    return Seen(day, LOC_SOURCES[int(source)], lat, lon, int(region))
