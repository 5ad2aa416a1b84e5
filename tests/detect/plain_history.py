"""The classes of a code's history by their definition: one pair of scans after the other, sharing
nothing with the fast path but its constants."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from itertools import pairwise

from ledger.detect import history
from ledger.detect.history import Home, Seen


def plain_factor(seen: Sequence[Seen], sold: Sequence[Seen], home: Home) -> float:
    """P(history | cloned) over P(history | not cloned)."""
    log = [_genuine(seen, home), _display(seen, home), _viral(seen), _clone(seen, sold)]
    highest = max(log)
    others = _sum(history.PRIOR[kind] * math.exp(log[kind] - highest) for kind in range(3))
    return math.exp(log[3] - highest) / max(others, 1e-300)


def plain_places(seen: Sequence[Seen]) -> list[Seen]:
    """The first of each place, near ones as one."""
    places: list[Seen] = []
    for one in seen:
        if not any(_close(one, place) for place in places):
            places.append(one)
    return places


def _genuine(seen: Sequence[Seen], home: Home) -> float:
    log = math.log(history.SECOND) + (len(seen) - 2) * math.log(history.FURTHER)
    log += math.log(home.density(seen[0].region, history.STRAY))
    for one in seen[1:]:
        moved = home.density(one.region, history.FURTHER_STRAY) / history.PLACES
        stays = history.GENUINE_STAYS * _stated(one, seen[0])
        log += math.log(stays + (1 - history.GENUINE_STAYS) * moved)
    return log + _gaps(seen, history.OTHER_SOON)


def _display(seen: Sequence[Seen], home: Home) -> float:
    logs = []
    for place in plain_places(seen):
        stated = _sum(math.log(_stated(one, place)) for one in seen)
        logs.append(math.log(home.density(place.region, history.STRAY)) + stated)
    highest = max(logs)
    total = _sum(math.exp(log - highest) for log in logs) / history.PLACES
    told = highest + math.log(total) + math.log(history.PLACES)
    return told + _goes_on(seen) + _gaps(seen, history.OTHER_SOON)


def _viral(seen: Sequence[Seen]) -> float:
    anywhere = (1 - len(seen)) * math.log(history.PLACES)
    return anywhere + _goes_on(seen) + _gaps(seen, history.VIRAL_SOON)


def _clone(seen: Sequence[Seen], sold: Sequence[Seen]) -> float:
    log = 0.0
    for count in range(1, len(seen)):
        fresh = 1 / history.PLACES
        if sold:
            near = _sum(_stated(seen[count], other) for other in sold) / len(sold)
            fresh = history.ELSEWHERE * fresh + (1 - history.ELSEWHERE) * near
        stated = _sum(_stated(seen[count], other) for other in seen[:count])
        log += math.log((stated + history.SPREAD * fresh) / (count + history.SPREAD))
    return log + _goes_on(seen) + _gaps(seen, history.OTHER_SOON)


def _sum(terms: Iterable[float]) -> float:
    """One after the other, as evidence is computed again to the last bit."""
    total = 0.0
    for term in terms:
        total += term
    return total


def _stated(one: Seen, place: Seen) -> float:
    """P(the place that a scan states | it was made at `place`)."""
    right, near = history.STATED[one.source]
    rest = (1 - right - near) / history.PLACES
    if _close(one, place):
        return right + rest
    return near / history.NEIGHBOURS + rest if one.region == place.region else rest


def _close(one: Seen, place: Seen) -> bool:
    north = (one.lat - place.lat) * 111.2
    east = (one.lon - place.lon) * 111.2 * math.cos(math.radians(one.lat))
    return north * north + east * east <= history.SAME_KM**2


def _goes_on(seen: Sequence[Seen]) -> float:
    return (len(seen) - 1) * math.log(history.GOES_ON)


def _gaps(seen: Sequence[Seen], soon: float) -> float:
    gaps = [after.day - before.day for before, after in pairwise(seen)]
    return _sum(math.log(soon if gap < history.SOON else 1 - soon) for gap in gaps)
