"""Which city a place lies in, as far as the cities' centres tell."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ledger.detect.frame import LOC_SOURCES, Floats, Ints, Scans

REACH_KM = 40.0  # from a city's centre
SURE_KM = 5.0  # stated radius of a place that may tell a city
CLEARLY = 0.5  # a city is told if its centre is this much nearer than the next one's
_GPS = LOC_SOURCES.index("gps")


@dataclass(frozen=True)
class Cities:
    """Cities; arrays of shape (c,). label: the caller's numbers. lat, lon: centres, degrees."""

    label: Ints
    region: Ints
    lat: Floats
    lon: Floats

    def of(self, scans: Scans) -> Ints:
        """The row of each scan's city, int64 (n,); -1 where its place does not tell it: it is no
        satellite's fix, lies far from all centres of its region, or between two of any region. So
        a store beside a border counts for neither city."""
        found = np.full(len(scans), -1, dtype=np.int64)
        if not len(self.region):
            return found
        rows = np.flatnonzero((scans.loc_src == _GPS) & (scans.acc_km <= SURE_KM))
        place = np.stack([scans.lat[rows], scans.lon[rows]])
        distinct, number = np.unique(place, axis=1, return_inverse=True)
        number = number.ravel()
        nearest, near, next_near = self._nearest(distinct)
        is_clear = (near <= REACH_KM) & (near <= CLEARLY * next_near)
        city = np.where(is_clear, nearest, -1)[number]
        found[rows] = np.where(self.region[city] == scans.region[rows], city, -1)
        return found

    def _nearest(self, place: Floats) -> tuple[Ints, Floats, Floats]:
        """The nearest centre of each place (2, k), its distance and that of the next, km on a flat
        map: near enough over some tens of kilometres."""
        many = place.shape[1]
        nearest = np.zeros(many, dtype=np.int64)
        near, after = np.full((2, many), np.inf)
        narrow = np.cos(np.radians(place[0]))
        for city, (lat, lon) in enumerate(zip(self.lat.tolist(), self.lon.tolist(), strict=True)):
            away = 111.2 * np.hypot(place[0] - lat, (place[1] - lon) * narrow)
            is_nearer = away < near
            after = np.where(is_nearer, near, np.minimum(after, away))
            nearest = np.where(is_nearer, city, nearest)
            near = np.where(is_nearer, away, near)
        return nearest, near, after
