"""Small frames for tests: rows given by what matters, the rest filled in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ledger.detect import Custody, Lots, Scans
from ledger.detect.frame import CHANNELS, LOC_SOURCES

NO_CUSTODY = Custody(*(np.empty(0, dtype=np.int64) for _ in range(4)))


@dataclass(frozen=True)
class Row:
    """One scan of a test; code None means: named after lot, case and position."""

    day: float
    case: int = 0
    device: str = "d"
    code: str = "c"
    lot: int = 0
    region: int = 5
    channel: str = "web"
    source: str = "gps"
    lat: float = 30.0
    lon: float = 110.0


def scans_of(rows: Sequence[Row]) -> Scans:
    """A frame of the rows, ordered by day."""
    rows = sorted(rows, key=lambda row: row.day)
    codes: dict[str, int] = {}
    devices: dict[str, int] = {}
    return Scans(
        day=np.array([row.day for row in rows], dtype=np.float64),
        unit=np.array([codes.setdefault(row.code, len(codes)) for row in rows], dtype=np.int64),
        lot=np.array([row.lot for row in rows], dtype=np.int64),
        case=np.array([row.case for row in rows], dtype=np.int64),
        device=np.array(
            [devices.setdefault(row.device, len(devices)) for row in rows], dtype=np.int64
        ),
        channel=np.array([CHANNELS.index(row.channel) for row in rows], dtype=np.int64),
        loc_src=np.array([LOC_SOURCES.index(row.source) for row in rows], dtype=np.int64),
        lat=np.array([row.lat for row in rows], dtype=np.float64),
        lon=np.array([row.lon for row in rows], dtype=np.float64),
        acc_km=np.ones(len(rows)),
        region=np.array([row.region for row in rows], dtype=np.int64),
        codes=list(codes),
        devices=list(devices),
    )


def one_lot(cases: int = 400, *, restricted: bool = True) -> Lots:
    """One lot of cases of 24, 20 a pallet, sold in region 0."""
    return Lots(
        label=np.array([7]),
        distributor=np.array([1]),
        territory=np.array([[True, False]]),
        ship_day=np.array([0.0]),
        items=np.array([cases * 24]),
        case_size=np.array([24]),
        cases_per_pallet=np.array([20]),
        restricted=np.array([restricted]),
        first_case=np.array([0]),
    )
