"""From stored rows to the arrays that detectors read: one brand's scans and consignments."""

from __future__ import annotations

from array import array
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ledger.db.models import Scan
from ledger.detect.frame import CHANNELS, LOC_SOURCES, NEVER_ISSUED, NO_LOT, Custody, Lots, Scans
from ledger.domain.regions import REGIONS
from ledger.services.alerting.watch_goods import Consignment, Goods

DAY = 86_400.0
LAST_REGION = max(REGIONS)
MOST = 100  # scans of one device that are remembered
MOST_OF_ONE = 1_000  # scans of one code that detectors are given: all is said long before
Number = np.ndarray[Any, np.dtype[np.int64]]


@dataclass
class Names:
    """The numbers that a brand's codes and devices have in its frames, which only grow.

    items: batch and index of each code, None where it was never issued. origin: unix seconds of day
    0. seen: when the newest scan was looked at last, by the frames' clock. late: scans that came
    after newer ones, with the time that they are given instead of their own. strange: by device,
    its first scans of codes that were never issued. full: the last scan given of each code that was
    scanned MOST_OF_ONE times: what comes after it costs no memory.
    """

    origin: int
    seen: int = 0
    codes: list[str] = field(default_factory=list)
    items: list[tuple[int, int] | None] = field(default_factory=list)
    devices: list[str] = field(default_factory=list)
    late: dict[int, int] = field(default_factory=dict)
    strange: dict[str, list[int]] = field(default_factory=dict)
    full: dict[str, int] = field(default_factory=dict)
    _times: array[int] = field(default_factory=lambda: array("H"))
    _code: dict[str, int] = field(default_factory=dict)
    _device: dict[str, int] = field(default_factory=dict)

    @classmethod
    def since(cls, first: int) -> Names:
        """Begin with the day (UTC) of the first scan."""
        return cls(first - first % 86_400)

    def wanted(self, rows: Sequence[Scan]) -> list[Scan]:
        """Return the scans that detectors are given: those of an issued code by devices with a
        lasting name, the first of each code, and the first that a device guessed."""
        found = []
        for row in rows:
            if row.weak and row.batch is not None:
                continue
            code = code_of(row)
            if code in self.full or (row.batch is None and not self._tries(row)):
                continue
            number = self._number(row)
            if number == len(self._times):
                self._times.append(0)
            self._times[number] += 1
            if self._times[number] == MOST_OF_ONE:
                self.full[code] = row.id
            found.append(row)
        return found

    def _tries(self, row: Scan) -> bool:
        """Remember a scan of a code that was never issued, if it is among its device's first."""
        tried = self.strange.setdefault(row.device, [])
        if len(tried) >= MOST:
            return False
        tried.append(row.id)
        return True

    def frame(self, rows: Sequence[Scan], goods: Goods, own: Mapping[int, int]) -> Scans:
        """Return the next scans as they came. own: number of a consignment -> its row in `Lots`.

        A scan that comes late (made offline) is seen when it comes: what was said before stands.
        """
        days, numbers = np.empty(len(rows)), np.empty((len(rows), 7), dtype=np.int64)
        places = np.empty((len(rows), 3))
        for at, row in enumerate(rows):
            if row.time < self.seen:
                self.late[row.id] = self.seen
            self.seen = max(self.seen, row.time)
            place = goods.place(row.batch, row.index)
            unplaced = NEVER_ISSUED if row.batch is None else NO_LOT
            lot = unplaced if place is None else own.get(place.row, unplaced)
            if place is not None:
                goods.fix(place.row)
            days[at] = (self.seen - self.origin) / DAY
            numbers[at] = (
                self._number(row),
                lot,
                place.case if place is not None and lot >= 0 else -1,
                self._of_device(row.device),
                CHANNELS.index(row.channel) if row.channel in CHANNELS else 0,
                LOC_SOURCES.index(row.loc_src) if row.loc_src in LOC_SOURCES else 0,
                -1 if row.region is None else row.region,
            )
            places[at] = (row.lat or 0.0, row.lon or 0.0, row.acc_km or 0.0)
        unit, lots, case, device, channel, source, region = numbers.T
        return Scans(
            day=days,
            unit=unit,
            lot=lots,
            case=case,
            device=device,
            channel=channel,
            loc_src=source,
            region=region,
            lat=places[:, 0],
            lon=places[:, 1],
            acc_km=places[:, 2],
            codes=self.codes,
            devices=self.devices,
        )

    def item(self, code: str) -> tuple[int, int] | None:
        """Return batch and index of a code that was scanned."""
        return self.items[self._code[code]]

    def _number(self, row: Scan) -> int:
        code = code_of(row)
        if code not in self._code:
            self._code[code] = len(self.codes)
            self.codes.append(code)
            issued = row.batch is not None and row.index is not None
            self.items.append((row.batch or 0, row.index or 0) if issued else None)
        return self._code[code]

    def _of_device(self, device: str) -> int:
        if device not in self._device:
            self._device[device] = len(self.devices)
            self.devices.append(device)
        return self._device[device]


def code_of(row: Scan) -> str:
    """Return the code of a scan: GTIN-14/serial."""
    return f"{row.gtin:014d}/{row.serial}"


@dataclass(frozen=True)
class Places:
    """Where goods may be sold. territories: regions of each party's, none for one that may sell
    anywhere. markets, free: of the brand's (`ledger.services.alerting.markets`)."""

    territories: Mapping[int, frozenset[int]]
    markets: Mapping[int, frozenset[int]]
    free: frozenset[int]

    def of(self, consignment: Consignment) -> frozenset[int]:
        """The regions outside which a consignment may not be sold; none: it may be sold anywhere.

        Those of its first consignee, else those of its market. Where resale outside the market may
        not be prohibited, no territory binds either.
        """
        if consignment.lot.market in self.free:
            return frozenset()
        own = self.territories.get(consignment.consignee)
        return own or self.markets.get(consignment.lot.market, frozenset())


def lots_of(consignments: Sequence[Consignment], places: Places, origin: int) -> Lots:
    """Return consignments as detectors read them."""
    count = len(consignments)
    territory = np.zeros((count, LAST_REGION + 1), dtype=np.bool_)
    restricted = np.zeros(count, dtype=np.bool_)
    for row, consignment in enumerate(consignments):
        sold_in = places.of(consignment)
        territory[row, list(sold_in)] = True
        restricted[row] = bool(sold_in)
    cases = [consignment.cases for consignment in consignments]
    return Lots(
        label=_column([c.lot.number for c in consignments]),
        distributor=_column([c.consignee for c in consignments]),
        territory=territory,
        ship_day=np.array([(min(c.shipped for c in part) - origin) / DAY for part in cases]),
        items=_column([sum(len(c.codes) for c in part) for part in cases]),
        case_size=_column([c.per_case() for c in consignments]),
        cases_per_pallet=_column([c.per_pallet() for c in consignments]),
        restricted=restricted,
        first_case=_column([c.first for c in consignments]),
        counted=_column([len(part) for part in cases]),
    )


def custody_of(consignments: Sequence[Consignment], stores: Mapping[bytes, int]) -> Custody:
    """Return which cases are known to have gone to a store, by the store's party number."""
    rows = [
        (row, at, at + 1, stores[case.unit])
        for row, one in enumerate(consignments)
        for at, case in enumerate(one.cases)
        if case.unit in stores
    ]
    lot, first, to, place = (_column([row[part] for row in rows]) for part in range(4))
    return Custody(lot, first, to, place)


def _column(values: Sequence[int]) -> Number:
    return np.array(values, dtype=np.int64)
