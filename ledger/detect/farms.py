"""Scan farms: boxes of goods scanned one after the other, before or instead of being sold.

A rule with thresholds, not a calibrated test: DENSE distinct units out of WINDOW neighbouring cases
scanned within an hour. A bar or a shop empties a case in days; whoever scans that much within the
hour goes through boxes. For review, never for punishment.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

from ledger.detect.finding import Evidence, Finding
from ledger.detect.frame import Bools, Custody, Ints, Lots, Scans
from ledger.detect.grouping import NEVER, firsts, ids

DAYS = 1 / 24
WINDOW = 3
DENSE = 9
GROWTH = 1.15  # a farm is told again when its devices have grown by this factor


@dataclass
class _Farm:
    """One farm being followed in a lot: the cases it reached, who was named, when last seen."""

    first_case: int
    last_case: int
    last_day: float
    devices: dict[int, None] = field(default_factory=dict)
    units: dict[int, None] = field(default_factory=dict)
    named: int = 0


def findings(scans: Scans, lots: Lots, custody: Custody, fdr: float) -> list[Finding]:
    """Farms, told when first seen and again as they grow, with the devices not yet named."""
    del custody
    found: list[Finding] = []
    for farm, row, _ in _farms(scans):
        if len(farm.devices) > farm.named * GROWTH:
            found.append(_finding(scans, lots, row, farm, fdr))
            farm.named = len(farm.devices)
    return found


def farmed_from(scans: Scans) -> Ints:
    """The row from which on a scan is known to be a farm's, or NEVER; int64 (n,)."""
    known = np.full(len(scans), NEVER, dtype=np.int64)
    for _, row, members in _farms(scans):
        known[members] = np.minimum(known[members], row)
    return known


def _farms(scans: Scans) -> Iterator[tuple[_Farm, int, list[int]]]:
    """Every growth of a farm: the farm, the row that shows it, the rows that join it."""
    rows = np.flatnonzero((scans.lot >= 0) & (scans.case >= 0))
    rows = rows[firsts(ids(scans.unit[rows], scans.device[rows]))]
    crowded = np.zeros(len(scans.lot) and int(scans.lot.max()) + 1, dtype=np.bool_)
    dense = _ever_dense(scans, rows)
    crowded[scans.lot[rows[dense]]] = True
    keep = crowded[scans.lot[rows]]
    rows, dense = rows[keep], dense[keep]
    order = np.argsort(scans.lot[rows], kind="stable")
    cuts = np.flatnonzero(np.diff(scans.lot[rows[order]])) + 1
    for part in np.split(order, cuts):
        if len(part):
            yield from _in_lot(scans, rows[part], dense[part])


def _in_lot(scans: Scans, rows: Ints, dense: Bools) -> Iterator[tuple[_Farm, int, list[int]]]:
    recent: deque[int] = deque()
    by_case: dict[int, dict[int, int]] = {}  # case → unit → its scans in the last DAYS
    farms: list[_Farm] = []
    for row, may_start in zip(rows.tolist(), dense.tolist(), strict=True):
        if not may_start and not farms:
            continue
        day, case = float(scans.day[row]), int(scans.case[row])
        farm = _near(farms, case, day)
        if farm is None and not may_start:
            continue
        while recent and scans.day[recent[0]] < day - DAYS:
            _forget(by_case, scans, recent.popleft())
        recent.append(row)
        units = by_case.setdefault(case, {})
        unit = int(scans.unit[row])
        units[unit] = units.get(unit, 0) + 1
        if farm is None:
            start = _dense_window(by_case, case)
            if start is None:
                continue
            farm = _Farm(start, start + WINDOW - 1, day)
            farms.append(farm)
            members = [r for r in recent if start <= scans.case[r] < start + WINDOW]
        else:
            members = [row]
        for member in members:
            farm.devices[int(scans.device[member])] = None
            farm.units[int(scans.unit[member])] = None
        farm.first_case, farm.last_case = min(farm.first_case, case), max(farm.last_case, case)
        farm.last_day = day
        yield farm, row, members


def _ever_dense(scans: Scans, rows: Ints) -> Bools:
    """Rows around which a window may be dense; never wrongly False. bool (len(rows),).

    Counts in blocks of WINDOW cases and an hour, with the blocks around: what is False lies in no
    dense window, so that leaving it out of the windows changes nothing.
    """
    block = scans.case[rows] // WINDOW + 1
    hour = np.floor(scans.day[rows] / DAYS).astype(np.int64) + 1
    blocks, hours = int(block.max(initial=0)) + 2, int(hour.max(initial=0)) + 2
    key = (scans.lot[rows] * blocks + block) * hours + hour
    known, count = np.unique(key, return_counts=True)
    around = np.zeros(len(rows), dtype=np.int64)
    for step in (-hours, 0, hours):
        for then in (-1, 0, 1):
            at = np.minimum(np.searchsorted(known, key + step + then), max(len(known) - 1, 0))
            around += np.where(known[at] == key + step + then, count[at], 0)
    dense: Bools = around >= DENSE
    return dense


def _forget(by_case: dict[int, dict[int, int]], scans: Scans, row: int) -> None:
    units = by_case[int(scans.case[row])]
    unit = int(scans.unit[row])
    units[unit] -= 1
    if not units[unit]:
        del units[unit]


def _near(farms: list[_Farm], case: int, day: float) -> _Farm | None:
    for farm in farms:
        if day - farm.last_day <= DAYS and farm.first_case - 2 <= case <= farm.last_case + 2:
            return farm
    return None


def _dense_window(by_case: dict[int, dict[int, int]], case: int) -> int | None:
    """First case of a window that holds `case` and enough distinct units, or None."""
    counts = [len(by_case.get(c, ())) for c in range(case - WINDOW + 1, case + WINDOW)]
    for at in range(WINDOW):
        if sum(counts[at : at + WINDOW]) >= DENSE:
            return case - WINDOW + 1 + at
    return None


def _finding(scans: Scans, lots: Lots, row: int, farm: _Farm, fdr: float) -> Finding:
    lot = int(scans.lot[row])
    fresh = list(farm.devices)[farm.named :]
    units = list(farm.units)
    per_pallet = int(lots.cases_per_pallet[lot])
    first = int(lots.first_case[lot])
    cases = tuple(range(first + max(0, farm.first_case), first + farm.last_case + 1))
    label = int(lots.label[lot])
    return Finding(
        kind="farm",
        lot=label,
        region=int(scans.region[row]),
        day=float(scans.day[row]),
        devices=tuple(scans.devices[device] for device in fresh),
        evidence=Evidence(
            scans=len(units),
            scans_of=len(units),
            cases=cases,
            pallets=tuple(sorted({case // per_pallet for case in cases})),
            pallets_of=-(-int(lots.cases()[lot]) // per_pallet),
            codes=tuple(scans.codes[unit] for unit in units[:100]),
        ),
        fdr=fdr,
        sentence=(
            f"{len(units)} items of cases {cases[0] + 1} to {cases[-1] + 1} of lot {label} were"
            f" scanned by {len(farm.devices)} devices within days; goods on sale are not"
        ),
    )
