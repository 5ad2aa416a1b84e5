"""What a detector reads: scans, lots and custody as parallel numpy arrays.

Whoever builds a frame (the backtest from files, the worker from the database, a test from a made
world) maps its own names to small integers; a detector never sees where the rows came from.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

CHANNELS = ("web", "wechat", "script", "app", "pos")
NEVER_ISSUED, NO_LOT = -1, -2
LOC_SOURCES = ("gps", "ip_fixed", "ip_mobile", "none")


@dataclass(frozen=True)
class Scans:
    """n scans in order of time; all arrays have shape (n,).

    day: float64, days since an origin of the caller's choice, never decreasing. unit: int64, index
    into `codes`. lot: int64, row of `Lots`, NEVER_ISSUED, or NO_LOT for a code that was
    issued and belongs to no row of `Lots` (not shipped yet). case: int64, number of the case within
    its row of `Lots` (the packing), -1 if unknown. device: int64, index into
    `devices`. channel: int64, index into CHANNELS. loc_src: int64, index into LOC_SOURCES. lat,
    lon: float64, degrees. acc_km: float64, the stated radius. region: int64, number of the province
    of the stated place, -1 where it is unknown. codes, devices: their printed names, for findings
    only. places: for each of the first levels of `Lots.levels` int64, number of the stated place at
    that level, -1 where the location does not tell it (an address never does).
    """

    day: Floats
    unit: Ints
    lot: Ints
    case: Ints
    device: Ints
    channel: Ints
    loc_src: Ints
    lat: Floats
    lon: Floats
    acc_km: Floats
    region: Ints
    codes: Sequence[str]
    devices: Sequence[str]
    places: tuple[Ints, ...] = ()

    def __len__(self) -> int:
        return len(self.day)

    def take(self, rows: slice | Ints | Bools) -> Scans:
        """The same frame with some rows only; codes and devices keep their numbers."""
        columns = {name: getattr(self, name)[rows] for name in (*_FLOATS, *_INTS)}
        places = tuple(place[rows] for place in self.places)
        return Scans(**columns, codes=self.codes, devices=self.devices, places=places)


_FLOATS = ("day", "lat", "lon", "acc_km")
_INTS = ("unit", "lot", "case", "device", "channel", "loc_src", "region")


def joined(parts: Sequence[Scans], codes: Sequence[str], devices: Sequence[str]) -> Scans:
    """Frames that follow each other in time as one, whose numbers already mean the same names.
    Places below the region are not known yet."""
    floats = {
        name: np.concatenate([getattr(part, name) for part in parts] or [np.empty(0)])
        for name in _FLOATS
    }
    ints = {
        name: np.concatenate(
            [getattr(part, name) for part in parts] or [np.empty(0, dtype=np.int64)]
        )
        for name in _INTS
    }
    columns: dict[str, Any] = {**floats, **ints}
    return Scans(**columns, codes=codes, devices=devices)


@dataclass(frozen=True)
class Level:
    """c places of a level of the region tree below the region: cities, or counties.

    label: int64 (c,), the caller's numbers of them (what a finding names). above: int64 (c,), the
    region of each city; the number of each county's city among the cities. sold: bool (m, c), may
    the goods of each lot be sold there, if in a part of it only.
    """

    label: Ints
    above: Ints
    sold: Bools


@dataclass(frozen=True)
class Lots:
    """m consignments: runs of cases of a lot that went to one first consignee. Arrays of shape (m,)
    unless said; a lot that went to several is several rows.

    label: int64, the caller's number of the lot (what a finding names). distributor: int64, the
    first consignee. territory: bool (m, r), may the goods be sold in region j. ship_day: float64.
    items, case_size, cases_per_pallet: int64, the packing as planned. first_case: int64, number
    within the lot of the row's case 0, on a pallet's edge. restricted: bool, is resale
    outside the territory prohibited at all; a lot that is not restricted is never tested.

    counted: int64 (m,), how many cases there are, where they are not alike and case_size is their
    average; None: as many as items and case_size give.

    levels: cities, and counties, where a territory is narrower than its regions; (): no lot's is. A
    lot with a city of a region of its territory may be sold in those cities of it only, and one
    with a county of such a city in those counties of it only.
    """

    label: Ints
    distributor: Ints
    territory: Bools
    ship_day: Floats
    items: Ints
    case_size: Ints
    cases_per_pallet: Ints
    restricted: Bools
    first_case: Ints
    levels: tuple[Level, ...] = ()
    counted: Ints | None = None

    def __len__(self) -> int:
        return len(self.label)

    def cases(self) -> Ints:
        """Number of cases of each lot, int64 (m,); the last one may be short."""
        return -(-self.items // self.case_size) if self.counted is None else self.counted


@dataclass(frozen=True)
class Custody:
    """k runs of cases that are known to have gone to a store; arrays of shape (k,).

    lot: int64, row of `Lots`. case_from, case_to: int64, half open. place: int64, the caller's
    number of the store's city or of the store.
    """

    lot: Ints
    case_from: Ints
    case_to: Ints
    place: Ints
