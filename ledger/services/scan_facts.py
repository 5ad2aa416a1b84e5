"""What earlier scans of a code say for a scan: the same facts live, and in `bench honest`.

Counts are of devices with a lasting name. The class model of `ledger.detect.clones` looks at where
and when the first of them came: it needs no count to be high, and forgives what one place explains.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from ledger.detect.clones import FEWEST_DEVICES
from ledger.detect.history import Seen, bayes_factor
from ledger.domain.regions import great_circle_km
from ledger.domain.verdict import Limits, ScanFacts

MAX_LOOKS = 500  # of one code; more say nothing new
MAX_SEEN = 24  # devices for the class model: all is said by then, and it costs 0.1 ms
CERTAIN = frozenset({"gps", "ip_fixed"})  # a mobile network names a wrong province too often
FAR_KM = 100.0
PHOTO_DAYS, PHOTO_SHARE = 4.0, 0.8
DAY = 86_400.0
UNKNOWN = -1  # region of a place, for the detectors
# What is kept of a place: hundredths of a degree, about 1 km. The finest that anything asks of two
# places is whether they are one: within 15 km (`ledger.detect.history`), or for an inner code that
# was uncovered a moment ago, within 1 km (`ledger.services.claims`).
PLACE_DIGITS, PLACE_KM = 2, 1.0


@dataclass(frozen=True, slots=True)
class Place:
    """Where a scan was made. source: gps, ip_fixed, ip_mobile; acc_km: its stated radius."""

    source: str
    lat: float
    lon: float
    acc_km: float
    region: int | None = None


def kept_of(place: Place) -> Place:
    """Return as much of a place as may be kept of it, whoever stated it and however exactly."""
    return replace(
        place,
        lat=round(place.lat, PLACE_DIGITS),
        lon=round(place.lon, PLACE_DIGITS),
        acc_km=max(place.acc_km, PLACE_KM),
    )


@dataclass(frozen=True, slots=True)
class Look:
    """A stored scan. time: unix seconds. weak: the device has a stand-in's name for the day."""

    time: int
    device: str
    weak: bool
    place: Place | None


def scan_facts(looks: Sequence[Look], device: str | None, place: Place | None) -> ScanFacts:
    """Return what earlier scans count up to, for a device at a place.

    looks: the first MAX_LOOKS scans of the code, in order of time, none by scripts.
    """
    counted = [look for look in looks if not look.weak]
    others = [look for look in counted if look.device != device]
    here = place if place is not None and place.source in CERTAIN else None
    certain = [(o.device, o.place) for o in others if o.place and o.place.source in CERTAIN]
    far = [(d, p) for d, p in certain if here is not None and _apart(p, here) > FAR_KM]
    regions = {p.region for _, p in certain} | ({here.region} if here else set())
    return ScanFacts(
        by_this_device=len(counted) - len(others),
        other_devices=len({o.device for o in others}),
        far_devices=len({d for d, _ in far}),
        far_regions=len({p.region for _, p in far}),
        regions=len(regions - {None}),
        impossible_pairs=_impossible_pairs(counted),
        first_at=looks[0].time if looks else None,
        last_at=looks[-1].time if looks else None,
    )


def copy_factor(looks: Sequence[Look], asking: Look | None) -> float | None:
    """Return how much better copies explain the scans than any honest class of history.

    From the first scan of each of the first MAX_SEEN devices that say where they are; None for too
    few of them. asking: the scan that is judged, if it may be evidence itself.
    """
    first: dict[str, Seen] = {}
    for look in looks if asking is None else (*looks, asking):
        if look.weak or look.place is None or look.device in first:
            continue
        place = look.place
        region = UNKNOWN if place.region is None else place.region
        first[look.device] = Seen(look.time / DAY, place.source, place.lat, place.lon, region)
        if len(first) == MAX_SEEN:
            break
    return bayes_factor(list(first.values())) if len(first) >= FEWEST_DEVICES else None


def went_round(looks: Sequence[Look], factor: float | None) -> bool:
    """Say whether the scans look like those of a photo that went round: people everywhere, nearly
    all of them within PHOTO_DAYS. factor: `copy_factor` of the same scans.

    Copies sold fast begin like that; they go on.
    """
    if factor is None or factor >= 1:
        return False
    times = [look.time for look in looks]
    end = most = 0
    for start, time in enumerate(times):
        while end < len(times) and times[end] <= time + PHOTO_DAYS * DAY:
            end += 1
        most = max(most, end - start)
    return most >= PHOTO_SHARE * len(times)


def _apart(one: Place, other: Place) -> float:
    """Kilometres that certainly lie between two places."""
    away = great_circle_km(one.lat, one.lon, other.lat, other.lon)
    return away - one.acc_km - other.acc_km


def _impossible_pairs(looks: Sequence[Look]) -> int:
    """Consecutive scans by two phones, both placed by GPS, that no traveller could have made."""
    limits = Limits()
    placed = [(look, look.place) for look in looks if look.place and look.place.source == "gps"]
    pairs = 0
    for (before, there), (after, here) in pairwise(placed):
        if before.device != after.device:
            km = _apart(there, here)
            hours = max(after.time - before.time, 1) / 3600
            pairs += km > limits.impossible_km and km / hours > limits.impossible_kmh
    return pairs
