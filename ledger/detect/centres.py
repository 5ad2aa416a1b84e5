"""Which city, or county, a scan was made in, as far as the centres of such places tell."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ledger.detect.frame import LOC_SOURCES, Floats, Ints, Scans

REACH_KM = 40.0  # from a place's centre
SURE_KM = 5.0  # stated radius of a location that may tell a place
CLEARLY = 0.5  # a place is told if a centre of it is this much nearer than any of the others
KM = 111.2  # of a degree of latitude
_GPS = LOC_SOURCES.index("gps")


@dataclass(frozen=True)
class Centres:
    """k centres of the c places of one level; a place may have several (a city those of its
    counties). place: int64 (k,), number of the place. lat, lon: degrees (k,). region: int64 (c,),
    the region of each place."""

    place: Ints
    lat: Floats
    lon: Floats
    region: Ints

    def of(self, scans: Scans) -> Ints:
        """The place of each scan, int64 (n,); -1 where its location does not tell it: it is no
        satellite's fix, lies far from all centres of its region, or between those of two places of
        any region. So a store beside a border counts for neither."""
        at = np.stack([scans.lat, scans.lon])
        return self.told(at, scans.loc_src, scans.acc_km, scans.region)

    def told(self, at: Floats, source: Ints, acc_km: Floats, region: Ints) -> Ints:
        """The same for n locations (2, n), degrees; the others as those of `Scans`."""
        found = np.full(at.shape[1], -1, dtype=np.int64)
        if not len(self.place):
            return found
        rows = np.flatnonzero((source == _GPS) & (acc_km <= SURE_KM))
        distinct, number = np.unique(at[:, rows], axis=1, return_inverse=True)
        place = self.nearest(distinct)[number.ravel()]
        found[rows] = np.where(self.region[place] == region[rows], place, -1)
        return found

    def nearest(self, at: Floats) -> Ints:
        """The place whose centre is clearly the nearest to each of n locations (2, n), degrees;
        int64 (n,), -1 where none is. Distances are those of a flat map: near enough over some tens
        of kilometres."""
        found = np.full(at.shape[1], -1, dtype=np.int64)
        # What lies beyond the next square can make no difference, so each square asks its own.
        side = REACH_KM / CLEARLY / KM
        squares = np.floor(at / np.array([[side], [2 * side]])).astype(np.int64)
        rows, number = np.unique(squares, axis=1, return_inverse=True)
        number = number.ravel()
        order = np.argsort(number, kind="stable")
        edges = np.flatnonzero(np.diff(number[order], prepend=-1)).tolist()
        for square, start, stop in zip(rows.T, edges, [*edges[1:], len(order)], strict=True):
            here = order[start:stop]
            found[here] = self._clear(at[:, here], np.array([1, 2]) * side * square, side)
        return found

    def _clear(self, at: Floats, corner: Floats, side: float) -> Ints:
        """The same for locations of one square. corner: its least latitude and longitude."""
        poleward = min(max(abs(corner[0]), abs(corner[0] + side)), 89.0)
        wide = side / np.cos(np.radians(poleward))
        east = np.abs((self.lon - corner[1] - side + 180) % 360 - 180)
        near = (np.abs(self.lat - corner[0] - side / 2) <= 1.5 * side) & (east <= side + wide)
        place = self.place[near]
        if not len(place):
            return np.full(at.shape[1], -1, dtype=np.int64)
        narrow = np.cos(np.radians(at[0]))[:, None]
        across = (at[1][:, None] - self.lon[near] + 180) % 360 - 180
        away = KM * np.hypot(at[0][:, None] - self.lat[near], across * narrow)
        best = away.argmin(axis=1)
        nearest, km = place[best], away.min(axis=1)
        next_km = np.where(place == nearest[:, None], np.inf, away).min(axis=1)
        is_clear = (km <= REACH_KM) & (km <= CLEARLY * next_km)
        told: Ints = np.where(is_clear, nearest, -1)
        return told
