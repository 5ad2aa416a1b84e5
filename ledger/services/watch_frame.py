"""From stored rows to the arrays that detectors read: one brand's scans and consignments."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ledger.db.models import Scan
from ledger.detect.frame import CHANNELS, LOC_SOURCES, Lots, Scans
from ledger.domain.regions import REGIONS
from ledger.services.watch_goods import Consignment, Goods

DAY = 86_400.0
LAST_REGION = max(REGIONS)


@dataclass
class Columns:
    """A brand's scans as columns, which only grow; a scan that comes late keeps its own time.

    origin: unix seconds of day 0, the first midnight (UTC) before the first scan taken in.
    """

    origin: int = 0
    time: list[int] = field(default_factory=list)
    id: list[int] = field(default_factory=list)
    where: list[tuple[int | None, int | None]] = field(default_factory=list)
    numbers: list[tuple[int, int, int, int, int]] = field(default_factory=list)
    places: list[tuple[float, float, float]] = field(default_factory=list)
    codes: dict[str, int] = field(default_factory=dict)
    devices: dict[str, int] = field(default_factory=dict)

    def add(self, row: Scan) -> None:
        """Take in a scan."""
        if not self.time:
            self.origin = row.time - row.time % 86_400 - 8 * 86_400  # offline ones may be older
        self.time.append(row.time)
        self.id.append(row.id)
        self.where.append((row.batch, row.index))
        code = code_of(row)
        self.numbers.append(
            (
                self.codes.setdefault(code, len(self.codes)),
                self.devices.setdefault(row.device, len(self.devices)),
                CHANNELS.index(row.channel) if row.channel in CHANNELS else 0,
                LOC_SOURCES.index(row.loc_src) if row.loc_src in LOC_SOURCES else 0,
                row.region or 0,
            )
        )
        self.places.append((row.lat or 0.0, row.lon or 0.0, row.acc_km or 0.0))

    def frame(self, goods: Goods, rows: Mapping[int, int]) -> Scans:
        """Return them in order of time. rows: number of a consignment -> its row in `Lots`."""
        order = np.lexsort((np.array(self.id), np.array(self.time)))
        found = [goods.place(batch, index) for batch, index in self.where]
        lot = np.array([-1 if p is None else rows.get(p.row, -1) for p in found], dtype=np.int64)
        case = np.array([-1 if p is None else p.case for p in found], dtype=np.int64)
        case[lot < 0] = -1
        numbers = np.array(self.numbers, dtype=np.int64)[order]
        places = np.array(self.places)[order]
        return Scans(
            day=(np.array(self.time)[order] - self.origin) / DAY,
            unit=numbers[:, 0],
            lot=lot[order],
            case=case[order],
            device=numbers[:, 1],
            channel=numbers[:, 2],
            loc_src=numbers[:, 3],
            region=numbers[:, 4],
            lat=places[:, 0],
            lon=places[:, 1],
            acc_km=places[:, 2],
            codes=list(self.codes),
            devices=list(self.devices),
        )


def code_of(row: Scan) -> str:
    """Return the code of a scan: GTIN-14/serial."""
    return f"{row.gtin:014d}/{row.serial}"


def lots_of(
    consignments: Sequence[Consignment], regions: Mapping[int, list[Any]], origin: int
) -> Lots:
    """Return consignments as detectors read them. regions: territory of each consignee."""
    count = len(consignments)
    territory = np.zeros((count, LAST_REGION + 1), dtype=np.bool_)
    restricted = np.zeros(count, dtype=np.bool_)
    for row, consignment in enumerate(consignments):
        sold_in = regions.get(consignment.consignee, [])
        territory[row, sold_in] = True
        restricted[row] = bool(sold_in)  # without a territory it may sell anywhere
    cases = [consignment.cases for consignment in consignments]

    def column(values: list[int]) -> np.ndarray[Any, np.dtype[np.int64]]:
        return np.array(values, dtype=np.int64)

    return Lots(
        label=column([c.lot.number for c in consignments]),
        distributor=column([c.consignee for c in consignments]),
        territory=territory,
        ship_day=np.array([(min(c.shipped for c in part) - origin) / DAY for part in cases]),
        items=column([sum(c.to - c.first for c in part) for part in cases]),
        case_size=column([max(c.to - c.first for c in part) for part in cases]),
        cases_per_pallet=column([c.per_pallet() for c in consignments]),
        restricted=restricted,
        first_case=column([c.first for c in consignments]),
    )
