"""Where the files of a scan world say that something is, and what of it cannot be true.

Raises Rejected BAD_WORLD as `csv_blocks` does.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import reduce
from pathlib import Path

import numpy as np

from ledger.detect.frame import LOC_SOURCES, Floats, Ints, Scans
from ledger.services.worlds.csv_blocks import Block, read_table

MOST_REGIONS = 4096
MISPLACED = -2  # for the region of a row whose location contradicts it
FAR_KM = 1500.0  # from every city of a region: no address errs so within one
NEAR_DEGREES = 9.0  # as much north and as much east: under FAR_KM at any latitude
EARTH_KM = 6371.0
NOWHERE = LOC_SOURCES.index("none")


def degrees(table: Block, empty: float | None = None) -> tuple[Floats, Floats]:
    """The columns lat and lon. empty: what an empty cell says; None: it is refused."""
    lat, lon = table.floats("lat", empty), table.floats("lon", empty)
    for name, column, most in (("lat", lat, 90), ("lon", lon, 180)):
        on_globe = np.isnan(column) | (np.abs(column) <= most)
        table.require(name, on_globe, f"must be degrees from -{most} to {most}")
    return lat, lon


def locations(block: Block) -> tuple[Floats, Floats, Floats, Ints]:
    """lat, lon, acc_km and loc_src (index into LOC_SOURCES) of rows of events.csv. Where lat and
    lon are empty the source is none, whatever it is said to be."""
    lat, lon = degrees(block, empty=np.nan)
    acc_km = block.floats("acc_km", empty=np.nan)
    source = block.words("loc_src", LOC_SOURCES)
    no_lat, no_lon = np.isnan(lat), np.isnan(lon)
    block.require("lat", no_lon | ~no_lat, "is empty where lon is not: give both or neither")
    block.require("lon", no_lat | ~no_lon, "is empty where lat is not: give both or neither")
    block.require("acc_km", no_lat | (acc_km >= 0), "must be kilometres, 0 or more")
    if no_lat.any():
        lat, lon, acc_km = (np.where(no_lat, 0.0, column) for column in (lat, lon, acc_km))
        source = np.where(no_lat, NOWHERE, source)
    return lat, lon, acc_km, source


@dataclass(frozen=True)
class Cities:
    """c cities. region: int64 (c,). lat, lon: degrees (c,), or None where the file has none."""

    region: Ints
    centre: tuple[Floats, Floats] | None

    @classmethod
    def read(cls, path: Path) -> Cities:
        """Of cities.csv: region_id and, if both are there, lat and lon."""
        table = read_table(path, ("region_id",), optional=("lat", "lon"))
        region = table.ints("region_id")
        table.require("region_id", (region >= 0) & (region < MOST_REGIONS), "is no region number")
        return cls(region, degrees(table) if "lat" in table and "lon" in table else None)

    def placed(self, scans: Scans) -> Scans:
        """With region -1 where no city lies in it (it is no place of this country, and tells
        nothing of where goods are sold), and with MISPLACED and no location where that lies FAR_KM
        and its radius from every city of its region: one of the two is wrong."""
        one = np.full(MOST_REGIONS + 1, -1, dtype=np.int64)  # a city of each region; -1: of none
        one[self.region] = np.arange(len(self.region))
        city = one[scans.region]
        region = np.where(city >= 0, scans.region, -1)
        far = self._far(scans, city)
        region[far] = MISPLACED
        source = scans.loc_src.copy()
        source[far] = NOWHERE
        return replace(scans, region=region, loc_src=source)

    def _far(self, scans: Scans, city: Ints) -> Ints:
        """Rows whose location contradicts their region. city: one of the region, -1 if it has none
        (n,): nearly all scans lie near it, and are not compared with the others."""
        rows = np.flatnonzero((city >= 0) & (scans.loc_src != NOWHERE))
        if self.centre is None or not len(rows):
            return rows[:0]
        lat, lon = self.centre
        north, east = scans.lat[rows] - lat[city[rows]], scans.lon[rows] - lon[city[rows]]
        rows = rows[(np.abs(north) > NEAR_DEGREES) | (np.abs(east) > NEAR_DEGREES)]
        rows = rows[np.argsort(scans.region[rows], kind="stable")]
        edges = np.flatnonzero(np.diff(scans.region[rows])) + 1
        far = [rows[:0]]
        for own in np.split(rows, edges) if len(rows) else ():
            at = _directions(scans.lat[own], scans.lon[own])
            there = self.region == scans.region[own[0]]
            cosines = (at @ each for each in _directions(lat[there], lon[there]))
            reach = np.minimum((FAR_KM + scans.acc_km[own]) / EARTH_KM, np.pi)
            far.append(own[reduce(np.maximum, cosines) < np.cos(reach)])
        return np.concatenate(far)


def _directions(lat: Floats, lon: Floats) -> Floats:
    """Unit vectors (n, 3) from the middle of the Earth."""
    north, east = np.radians(lat), np.radians(lon)
    found: Floats = np.stack(
        [np.cos(north) * np.cos(east), np.cos(north) * np.sin(east), np.sin(north)], axis=1
    )
    return found
