"""What each class of history says of the devices that scanned one code (`ledger.detect.clones`).

A code is genuine (one item: its owner, perhaps a second person), on display (one place, many
phones), viral (a photo of it: everywhere at once, for days) or cloned (many items with one code,
sold in a few places). Each class predicts where and how soon every further device comes. A genuine
item is mostly seen where its lot may be sold; copies are sold anywhere.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from ledger.detect.frame import LOC_SOURCES, Bools, Floats, Ints, Lots, Scans

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

_SOURCE, _LAT, _LON, _NARROW, _REGION = range(5)
_CLOSE, _NEAR, _FAR = range(3)
_KINDS = 3


def _by_kind(right: float, near: float) -> tuple[float, float, float]:
    """P(the place that a scan states | the place it was made at): that place, another in its
    region, and any other."""
    rest = (1 - right - near) / PLACES
    return right + rest, near / NEIGHBOURS + rest, rest


_STATED = np.array([_by_kind(*STATED[source]) for source in LOC_SOURCES]).ravel()
_LOG_STATED = np.array([math.log(stated) for stated in _STATED.tolist()])


def bayes_factor(seen: Sequence[Seen], sold: Sequence[Seen] = (), home: Home = ANYWHERE) -> float:
    """P(history | cloned) over P(history | not cloned), the other classes by their priors. sold:
    devices that scanned other copies from the same source. home: of the lot."""
    ways = _ways(seen, seen)
    gaps = [after.day - before.day for before, after in pairwise(seen)]
    goes_on = (len(seen) - 1) * math.log(GOES_ON)
    slow, fast = _gaps(gaps, OTHER_SOON), _gaps(gaps, VIRAL_SOON)
    log = [
        _genuine(seen, ways, home) + slow,
        _display(seen, ways, home) + goes_on + slow,
        (1 - len(seen)) * math.log(PLACES) + goes_on + fast,  # viral: anywhere, at once
        _clone(seen, ways, sold) + goes_on + slow,
    ]
    highest = max(log)
    others = _sum(PRIOR[kind] * math.exp(log[kind] - highest) for kind in (GENUINE, DISPLAY, VIRAL))
    return math.exp(log[CLONE] - highest) / max(others, 1e-300)


def _genuine(seen: Sequence[Seen], ways: Ints, home: Home) -> float:
    """Log-likelihood of the places of one item that a few people handle, mostly where it was first
    seen, which is mostly where it may be sold."""
    log = math.log(SECOND) + (len(seen) - 2) * math.log(FURTHER)
    log += math.log(home.density(seen[0].region, STRAY))
    for one, stays in zip(seen[1:], _STATED[ways[1:, 0]].tolist(), strict=True):
        moved = home.density(one.region, FURTHER_STRAY) / PLACES
        log += math.log(GENUINE_STAYS * stays + (1 - GENUINE_STAYS) * moved)
    return log


def _display(seen: Sequence[Seen], ways: Ints, home: Home) -> float:
    """Log-likelihood of many phones in one place, averaged over the places it may be."""
    places = _distinct(ways)
    by_place: list[float] = _sums(_LOG_STATED[ways[:, places].T])[:, -1].tolist()
    logs = [
        math.log(home.density(seen[place].region, STRAY)) + log
        for place, log in zip(places, by_place, strict=True)
    ]
    highest = max(logs)
    total = _sum(math.exp(log - highest) for log in logs) / PLACES
    first = math.log(PLACES)  # the other classes take the first scan's place as given
    return highest + math.log(total) + first


def _clone(seen: Sequence[Seen], ways: Ints, others: Sequence[Seen]) -> float:
    """Log-likelihood of the places of goods sold in a few, each scan of another item. A new place
    is one where other copies from the same source were scanned, or any."""
    log, anywhere = 0.0, 1 / PLACES
    fresh: list[float] = [anywhere] * len(seen)
    if others:
        near = _sums(_STATED[_ways(seen, others)])[:, -1] / len(others)
        fresh = (ELSEWHERE * anywhere + (1 - ELSEWHERE) * near).tolist()
    before: list[float] = np.diagonal(_sums(_STATED[ways]), -1).tolist()
    for count, stated in enumerate(before, 1):
        log += math.log((stated + SPREAD * fresh[count]) / (count + SPREAD))
    return log


def _ways(seen: Sequence[Seen], places: Sequence[Seen]) -> Ints:
    """How each scan states each place, if it was made there: a row of `_STATED`, int64 (seen,
    places)."""
    one, place = _columns(seen)[:, :, None], _columns(places)[:, None]
    north = (one[_LAT] - place[_LAT]) * 111.2
    east = (one[_LON] - place[_LON]) * 111.2 * one[_NARROW]
    is_close = north * north + east * east <= SAME_KM * SAME_KM
    is_near = one[_REGION] == place[_REGION]
    kind = np.where(is_close, _CLOSE, np.where(is_near, _NEAR, _FAR))
    ways: Ints = one[_SOURCE].astype(np.int64) * _KINDS + kind
    return ways


def _columns(seen: Sequence[Seen]) -> Floats:
    """float64 (5, n), by _SOURCE, _LAT and so on."""
    return np.array(
        [
            [LOC_SOURCES.index(one.source) for one in seen],
            [one.lat for one in seen],
            [one.lon for one in seen],
            [math.cos(math.radians(one.lat)) for one in seen],
            [one.region for one in seen],
        ]
    )


def _sum(terms: Iterable[float]) -> float:
    """Added one after the other: the same bits on any machine. From Python 3.12 on `sum` is not."""
    total = 0.0
    for term in terms:
        total += term
    return total


def _sums(terms: Floats) -> Floats:
    """Of each row its sums so far, added in the same way."""
    sums: Floats = terms.cumsum(axis=1)
    return sums


def _distinct(ways: Ints) -> list[int]:
    """The first of each place, near ones as one. ways: of `_ways(seen, seen)`."""
    is_close = (ways % _KINDS == _CLOSE).tolist()
    places: list[int] = []
    for one, row in enumerate(is_close):
        if not any(row[place] for place in places):
            places.append(one)
    return places


def places_of(seen: Sequence[Seen]) -> int:
    """In how many places the scans were made, near ones as one."""
    return len(_distinct(_ways(seen, seen)))


def _gaps(gaps: Sequence[float], soon: float) -> float:
    below, above = math.log(soon), math.log(1 - soon)
    return _sum(below if gap < SOON else above for gap in gaps)


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
