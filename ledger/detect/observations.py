"""Which scans outside a lot's territory count as observations, and from when on they no longer do.

Left out, from the row on at which it shows: units scanned by MANY_DEVICES (display, viral,
copied), devices that scan BUSY_UNITS of a lot in a day (waiters, shops), scans of a farm, the
channel `script`, and all but the first observation of a device or a unit in a cell (lot, region).
Whether a scan is left out says nothing about its case if nobody cheats.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ledger.detect.farms import farmed_from
from ledger.detect.frame import CHANNELS, Bools, Floats, Ints, Lots, Scans
from ledger.detect.grouping import filled_at, firsts, ids

MANY_DEVICES = 3
BUSY_UNITS = 3


@dataclass(frozen=True)
class Observations:
    """What counts, in order of rows; arrays of shape (n,). row: the scan that shows it. gone: the
    scan from which on it counts no more, or NEVER. lot, region, case, unit: int64. day: float64."""

    row: Ints
    gone: Ints
    lot: Ints
    region: Ints
    case: Ints
    unit: Ints
    day: Floats


def outside(scans: Scans, lots: Lots) -> Bools:
    """Which scans are of a known case, in a region where its lot may not be sold; bool (n,)."""
    known = (scans.lot >= 0) & (scans.region >= 0) & (scans.case >= 0)
    known &= scans.channel != CHANNELS.index("script")
    lot = np.where(known, scans.lot, 0)
    known &= lots.restricted[lot] & (scans.case < lots.cases()[lot])
    inside = np.zeros(len(scans), dtype=np.bool_)
    named = known & (scans.region < lots.territory.shape[1])
    inside[named] = lots.territory[scans.lot[named], scans.region[named]]
    return known & ~inside


def busy_from(scans: Scans) -> Ints:
    """The row from which on a scan's device is known to be busy with its lot that day, or NEVER;
    int64 (n,)."""
    session = ids(scans.device, scans.lot, np.floor(scans.day).astype(np.int64))
    return filled_at(session, firsts(ids(session, scans.unit)), BUSY_UNITS)


def observations(scans: Scans, lots: Lots) -> Observations:
    """Distinct (unit, device) outside the territory, with the rows at which each is withdrawn."""
    many = filled_at(scans.unit, firsts(ids(scans.unit, scans.device)), MANY_DEVICES)
    busy = np.minimum(busy_from(scans), farmed_from(scans))
    rows = np.flatnonzero(outside(scans, lots))
    cell = ids(scans.lot[rows], scans.region[rows])
    rows = rows[firsts(ids(cell, scans.unit[rows])) & firsts(ids(cell, scans.device[rows]))]
    gone = np.minimum(many[rows], busy[rows])
    rows, gone = rows[gone > rows], gone[gone > rows]
    return Observations(
        row=rows, gone=gone, lot=scans.lot[rows], region=scans.region[rows],
        case=scans.case[rows], unit=scans.unit[rows], day=scans.day[rows],
    )  # fmt: skip
