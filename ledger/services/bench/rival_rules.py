"""The rules that are sold today, as scores: so many scans in a time, too far apart, too fast.

Each function gives, for each key (a code, a device, a lot in a region), the highest threshold at
which the rule would have fired at some scan: so one pass shows every threshold at once. On codes
they are the thresholds of `ledger.domain.thresholds`, which a test compares; but speed, as it is
sold, is from the last other device, and there from any.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ledger.detect.frame import LOC_SOURCES, Bools, Floats, Ints, Lots, Scans
from ledger.domain.regions import REGIONS
from ledger.domain.thresholds import CERTAIN

EARTH_KM = 6371.0
LAGS = 60  # earlier scans of a key that a scan is compared with
SPEED_KM = 100.0  # nearer pairs are wrong places, not speed
FAR_SCANS = 3  # scans so far from the territory


@dataclass(frozen=True)
class Keyed:
    """Scans by what a rule counts them under; arrays of shape (n,), ordered by key, then day.

    key: int64. row: int64, of the frame. first: int64, where the row's key begins here.
    """

    key: Ints
    row: Ints
    first: Ints
    day: Floats


def keyed(scans: Scans, key: Ints, counts: Bools) -> Keyed:
    """Scans that count, by key."""
    rows = np.flatnonzero(counts)
    rows = rows[np.argsort(key[rows], kind="stable")]
    sorted_key = key[rows]
    return Keyed(sorted_key, rows, np.searchsorted(sorted_key, sorted_key), scans.day[rows])


def count(by: Keyed, days: float) -> dict[int, float]:
    """Most scans of a key within so many days."""
    at = np.arange(len(by.key))
    width = days + float(by.day.max(initial=0.0)) + 1
    place = np.unique(by.first, return_inverse=True)[1] * (2 * width) + by.day
    since = np.searchsorted(place, place - days, "right")
    return _highest(by, (at - np.maximum(since, by.first) + 1).astype(np.float64))


def radius(by: Keyed, scans: Scans, days: float) -> dict[int, float]:
    """Most kilometres that certainly lie between two scans of a key within so many days."""
    by = _certain(by, scans)
    best = np.zeros(len(by.key))
    for lag in range(1, min(LAGS, len(by.key) - 1) + 1):
        now = np.flatnonzero(np.arange(len(by.key)) - lag >= by.first)
        before = now - lag
        near = by.day[before] > by.day[now] - days
        now, before = now[near], before[near]
        best[now] = np.maximum(best[now], _apart(scans, by.row[now], by.row[before]))
    return _highest(by, best)


def speed(by: Keyed, scans: Scans, *, others: bool) -> dict[int, float]:
    """Highest km/h from the scan before to a scan. others: the last scan by another device."""
    by = _certain(by, scans)
    at = np.arange(len(by.key))
    begins = by.first
    if others:
        device = scans.device[by.row]
        fresh = np.concatenate(([True], (device[1:] != device[:-1]) | (by.first[1:] == at[1:])))
        begins = np.maximum.accumulate(np.where(fresh, at, 0))
    before = (begins if others else at) - 1
    now = np.flatnonzero(before >= by.first)
    km = _apart(scans, by.row[now], by.row[before[now]])
    hours = np.maximum(by.day[now] - by.day[before[now]], 1 / 86_400) * 24
    best = np.zeros(len(by.key))
    best[now] = np.where(km > SPEED_KM, km / hours, 0.0)
    return _highest(by, best)


def beyond(by: Keyed, scans: Scans, lots: Lots) -> dict[int, float]:
    """Kilometres from the territory's nearest capital that FAR_SCANS scans of a key exceed."""
    places = np.array([[r.lat, r.lon] for r in REGIONS.values()])
    sold = lots.territory[:, list(REGIONS)]
    lat, lon = scans.lat[by.row, None], scans.lon[by.row, None]
    away = _distance(lat, lon, places[None, :, 0], places[None, :, 1])
    km = np.where(sold[scans.lot[by.row]], away, np.inf).min(axis=1)
    order = np.lexsort((-km, by.key))  # by.first stays true: the key comes first
    rank = np.arange(len(order)) - by.first
    third = rank == FAR_SCANS - 1
    return dict(zip(by.key[order][third].tolist(), km[order][third].tolist(), strict=True))


def _certain(by: Keyed, scans: Scans) -> Keyed:
    sure = [number for number, name in enumerate(LOC_SOURCES) if name in CERTAIN]
    kept = np.isin(scans.loc_src[by.row], sure)
    key = by.key[kept]
    return Keyed(key, by.row[kept], np.searchsorted(key, key), by.day[kept])


def _highest(by: Keyed, score: Floats) -> dict[int, float]:
    names, start = np.unique(by.key, return_index=True)
    if not len(names):
        return {}
    return dict(zip(names.tolist(), np.maximum.reduceat(score, start).tolist(), strict=True))


def _apart(scans: Scans, one: Ints, other: Ints) -> Floats:
    """Kilometres that certainly lie between scans: outside both stated radii."""
    away = _distance(scans.lat[one], scans.lon[one], scans.lat[other], scans.lon[other])
    return np.maximum(0.0, away - scans.acc_km[one] - scans.acc_km[other])


def _distance(lat_a: Floats, lon_a: Floats, lat_b: Floats, lon_b: Floats) -> Floats:
    """Great circles (haversine), degrees to kilometres."""
    phi_a, phi_b = np.radians(lat_a), np.radians(lat_b)
    half = np.sin((phi_b - phi_a) / 2) ** 2
    half = half + np.cos(phi_a) * np.cos(phi_b) * np.sin(np.radians(lon_b - lon_a) / 2) ** 2
    return np.asarray(2 * EARTH_KM * np.arcsin(np.sqrt(half)))
