"""Clones: which class of history explains the devices that scanned one code?

A code is genuine (one item: its owner, perhaps a second person), on display (one place, many
phones), viral (a photo of it: everywhere at once, for days) or cloned (many items with one code,
sold in a few places). Each class predicts where and how soon every further device comes; the
posterior over classes is Bayes' rule with the priors below. A code is raised once the posterior of
`cloned` reaches 1 − fdr, so among the codes raised the expected share of false ones is at most fdr
*if the model is right*: unlike that of diversion, this rate is only as good as the rates below.

Several clones usually come from one source, so each code raised in a lot makes the others of the
lot more likely beforehand, and tells where its copies are sold; those that have been seen by a few
devices already are asked about again. Devices that scan many items of a lot in a day (shops, farms)
are left out: they meet codes of goods that others will buy.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np

from ledger.detect.finding import Evidence, Finding, rounded
from ledger.detect.frame import LOC_SOURCES, Lots, Scans
from ledger.detect.sightings import BUSY_UNITS
from ledger.detect.tables import Counts, Table

FEWEST_DEVICES = 3
MOST_DEVICES = 80  # a code that is not raised by then is followed no more
GENUINE, DISPLAY, VIRAL, CLONE = range(4)
PRIOR = (1.0, 1e-4, 5e-6, 1e-5)
RAISED_PRIOR = 0.001  # added to the prior of `cloned` for each code of the lot raised, up to 0.02
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
GENUINE_STAYS = 0.5  # a genuine item's further devices are in the place of the first
SPREAD = 3.0  # how readily clones turn up in new places (concentration of a Chinese restaurant)
ELSEWHERE = 0.3  # copies from a source known are sold in a place not known yet
MOST_SOLD = 60
SOON, VIRAL_SOON, OTHER_SOON = 0.5, 0.92, 0.4  # days; P(gap below) of viral and of the others


@dataclass(frozen=True)
class Seen:
    """One device's first scan of a code. source: one of LOC_SOURCES; region: -1 where unknown."""

    day: float
    source: str
    lat: float
    lon: float
    region: int


@dataclass
class _History:
    """A code being followed, from its second device on."""

    unit: int
    seen: list[Seen]
    raised: bool = False


@dataclass
class _Source:
    """What the codes of a lot that were raised tell of those that were not: where they are sold,
    one row a device, at most MOST_SOLD."""

    raised: int = 0
    sold: list[Seen] = field(default_factory=list)
    codes: list[_History] = field(default_factory=list)


@dataclass(frozen=True)
class Basis:
    """What the finding on a code rests on: the devices counted, and what the codes of the lot that
    were raised before told: how many they were, and where they are sold (`_Source`)."""

    seen: tuple[Seen, ...]
    raised: int
    sold: tuple[Seen, ...]


class Clones:
    """The state of all codes; `feed` takes scans once, in order. bases: by code raised."""

    def __init__(self, lots: Lots, fdr: float) -> None:
        self.lots = lots
        self.bases: dict[str, Basis] = {}
        self._fdr = fdr
        self._first = Table(SEEN)
        self._scans = Counts()
        self._histories: dict[int, _History] = {}
        self._sources: dict[int, _Source] = {}

    def feed(self, scans: Scans, nth: Sequence[int], busy: Sequence[int]) -> list[Finding]:
        """Codes that were copied, each raised at the device that makes it sure enough. nth, busy:
        of `Sightings`."""
        counts = (np.array(nth) > 0) & (np.array(busy) < BUSY_UNITS) & (scans.lot >= 0)
        rows = np.flatnonzero(counts)
        rows = rows[~self._first.keep(scans, rows)]
        found = []
        columns = [rows, *(getattr(scans, name)[rows] for name in ("unit", "lot", *SEEN))]
        for row, unit, lot, *place in zip(*(column.tolist() for column in columns), strict=True):
            source = self._sources.setdefault(lot, _Source())
            history = self._histories.get(unit)
            if history is None:
                history = _History(unit, [_as_seen(self._first.of(unit))])
                self._histories[unit] = history
            if history.raised or len(history.seen) >= MOST_DEVICES:
                continue
            history.seen.append(_as_seen(place))
            if len(history.seen) == FEWEST_DEVICES:
                source.codes.append(history)
            asked = [history] if len(history.seen) >= FEWEST_DEVICES else []
            while asked:
                told = [one for one in (self._told(h, source, scans, row) for h in asked) if one]
                found += told
                asked = [one for one in source.codes if not one.raised] if told else []
        self._scans.add(scans.unit)
        return found

    def _told(self, history: _History, source: _Source, scans: Scans, row: int) -> Finding | None:
        """The finding on a code, if it is sure enough now; the lot then knows of it."""
        factor = bayes_factor(history.seen, source.sold)
        needed = needed_factor(source.raised, self._fdr)
        if history.raised or factor < needed:
            return None
        history.raised = True
        basis = Basis(tuple(history.seen), source.raised, tuple(source.sold))
        self.bases[scans.codes[history.unit]] = basis
        source.raised += 1
        source.sold = (source.sold + history.seen)[-MOST_SOLD:]
        told = Told(
            code=scans.codes[history.unit],
            lot=int(self.lots.label[scans.lot[row]]),
            day=float(scans.day[row]),
            scans=self._scans.until(scans.unit, row, history.unit),
            seen=history.seen,
        )
        return finding_of(told, factor, 1 / needed, self._fdr)


def needed_factor(raised: int, fdr: float) -> float:
    """The factor from which on a code is raised in a lot where `raised` others were before."""
    prior = PRIOR[CLONE] + min(0.02, RAISED_PRIOR * raised)
    return (1 - fdr) / fdr / prior


def bayes_factor(seen: list[Seen], sold: Sequence[Seen] = ()) -> float:
    """P(history | cloned) over P(history | not cloned), the other classes by their priors. sold:
    devices that scanned other copies from the same source."""
    log = [_genuine(seen), _display(seen), _viral(seen), _clone(seen, sold)]
    highest = max(log)
    others = sum(PRIOR[kind] * math.exp(log[kind] - highest) for kind in (GENUINE, DISPLAY, VIRAL))
    return math.exp(log[CLONE] - highest) / max(others, 1e-300)


def _genuine(seen: list[Seen]) -> float:
    """Log-likelihood of one item that a few people handle, mostly where it was first seen."""
    log = math.log(SECOND) + (len(seen) - 2) * math.log(FURTHER)
    for one in seen[1:]:
        stays = _stated(one, seen[0])
        log += math.log(GENUINE_STAYS * stays + (1 - GENUINE_STAYS) / PLACES)
    return log + _gaps(seen, OTHER_SOON)


def _display(seen: list[Seen]) -> float:
    """Log-likelihood of many phones in one place, averaged over the places it may be."""
    logs = [sum(math.log(_stated(one, place)) for one in seen) for place in _distinct(seen)]
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


def _distinct(seen: list[Seen]) -> list[Seen]:
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


def seen_at(scans: Scans, row: int) -> Seen:
    """What a scan says of where and when."""
    return _as_seen([float(getattr(scans, name)[row]) for name in SEEN])


def _as_seen(columns: Sequence[float]) -> Seen:
    day, source, lat, lon, region = columns
    return Seen(day, LOC_SOURCES[int(source)], lat, lon, int(region))


@dataclass(frozen=True)
class Told:
    """What a finding says of a code: its lot's label, its scans, its devices' first ones."""

    code: str
    lot: int
    day: float
    scans: int
    seen: list[Seen]


def finding_of(told: Told, factor: float, level: float, fdr: float) -> Finding:
    """The finding on a code. factor: `bayes_factor` of what was seen; level: 1 over the least."""
    seen, code = told.seen, told.code
    return Finding(
        kind="clone",
        lot=told.lot,
        code=code,
        day=told.day,
        evidence=Evidence(scans=told.scans, scans_of=len(seen), codes=(code,)),
        e_value=rounded(factor),
        level=rounded(level),
        fdr=fdr,
        sentence=(
            f"{len(seen)} devices scanned code {code} in {len(_distinct(seen))} places; copies of"
            f" it explain this about {int(rounded(factor)):,} times better than any honest history"
        ),
    )
