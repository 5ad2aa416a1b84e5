"""From stored rows to the arrays that detectors read: one brand's scans and consignments."""

from __future__ import annotations

from array import array
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ledger.detect.frame import (
    CHANNELS,
    LOC_SOURCES,
    NEVER_ISSUED,
    NO_LOT,
    Custody,
    Lots,
    Scans,
)
from ledger.detect.guessers import UNKNOWN
from ledger.domain.regions import REGIONS, region_of
from ledger.services.alerting.watch_consignments import GROWING, Consignment
from ledger.services.alerting.watch_goods import Goods, Place
from ledger.services.alerting.watch_places import Places
from ledger.services.alerting.watch_scan import ScanRow

DAY = 86_400.0
LAST_REGION = max(REGIONS)
MOST, HELD = 100, 10_000  # scans of a device that may be a guesser; such devices, the last ones
MOST_OF_ONE = 1_000  # scans of one code that detectors are given: all is said long before
Number = np.ndarray[Any, np.dtype[np.int64]]
Looked = tuple[ScanRow, int, Place | None]
"""A scan, when it is seen, unix seconds, and where its code lies."""


@dataclass
class Names:
    """The numbers that a brand's codes and devices have in its frames, which only grow.

    items: batch and index of each code, None where it was never issued. origin: unix seconds of day
    0. seen: when the newest scan was looked at last, by the frames' clock. late: scans that came
    after newer ones, with the time that they are given instead of their own. strange: by device,
    its first scans of codes that were never issued, up to the one that names it a guesser. full:
    the last scan given of each code that was scanned MOST_OF_ONE times: what comes after it costs
    no memory.

    Who tries fewer codes is given no number, and is forgotten when HELD others have tried since:
    whoever takes a new name for each try costs no memory.
    """

    origin: int
    seen: int = 0
    codes: list[str] = field(default_factory=list)
    items: list[tuple[int, int] | None] = field(default_factory=list)
    devices: list[str] = field(default_factory=list)
    late: dict[int, int] = field(default_factory=dict)
    strange: dict[str, list[int]] = field(default_factory=dict)
    full: dict[str, int] = field(default_factory=dict)
    _held: dict[str, list[ScanRow]] = field(default_factory=dict)
    _times: array[int] = field(default_factory=lambda: array("H"))
    _code: dict[str, int] = field(default_factory=dict)
    _device: dict[str, int] = field(default_factory=dict)

    @classmethod
    def since(cls, first: int) -> Names:
        """Begin with the day (UTC) of the first scan."""
        return cls(first - first % 86_400)

    def wanted(self, rows: Sequence[ScanRow]) -> list[ScanRow]:
        """Return the scans that detectors may be given: those of an issued code by devices with a
        lasting name, the first of each code, and those of codes that were never issued."""
        found = []
        for row in rows:
            if row.batch is not None:
                code = code_of(row)
                if row.weak or code in self.full:
                    continue
                number = self._number(row)
                while number >= len(self._times):
                    self._times.append(0)
                self._times[number] += 1
                if self._times[number] == MOST_OF_ONE:
                    self.full[code] = row.id
            found.append(row)
        return found

    def _tried(self, row: ScanRow) -> list[ScanRow]:
        """Return a device's scans of codes that were never issued when it has tried so many that it
        is named; none before, and none after."""
        if row.device in self.strange:
            return []
        held = self._held[row.device] = self._held.pop(row.device, [])
        if len(held) == MOST:
            self.late.pop(row.id, None)
            return []
        held.append(row)
        if len({code_of(one) for one in held}) == UNKNOWN:
            self.strange[row.device] = [one.id for one in held]
            return self._held.pop(row.device)
        if len(self._held) > HELD:
            for one in self._held.pop(next(iter(self._held))):
                self.late.pop(one.id, None)
        return []

    def look(self, rows: Sequence[ScanRow], goods: Goods) -> list[Looked]:
        """Return the next scans as they came, with when each is seen and where its code lies; those
        of a guesser when it is named.

        A scan that comes late (made offline) is seen when it comes: what was said before stands.
        """
        found: list[Looked] = []
        for row in rows:
            if row.time < self.seen:
                self.late[row.id] = self.seen
            self.seen = max(self.seen, row.time)
            if row.batch is None:
                found += [(one, self.seen, None) for one in self._tried(row)]
                continue
            found.append((row, self.seen, goods.looked_at(row.batch, row.index, self.seen)))
        return found

    def frame(self, looked: Sequence[Looked], own: Mapping[int, int]) -> Scans:
        """Return scans as detectors read them. own: number of a consignment -> its row in `Lots`,
        which has all that `look` has told of."""
        days, numbers = np.empty(len(looked)), np.empty((len(looked), 7), dtype=np.int64)
        places = np.empty((len(looked), 3))
        for at, (row, seen, place) in enumerate(looked):
            unplaced = NEVER_ISSUED if row.batch is None else NO_LOT
            lot = unplaced if place is None else own.get(place.row, unplaced)
            days[at] = (seen - self.origin) / DAY
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

    def _number(self, row: ScanRow) -> int:
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


def code_of(row: ScanRow) -> str:
    """Return the code of a scan: GTIN-14/serial."""
    return f"{row.gtin:014d}/{row.serial}"


def lots_of(consignments: Sequence[Consignment], places: Places, origin: int) -> Lots:
    """Return consignments as detectors read them. Of one that still grows nothing is read before
    its cases have numbers, so nothing is told."""
    count = len(consignments)
    territory = np.zeros((count, LAST_REGION + 1), dtype=np.bool_)
    sold = [frozenset[int]()] * count
    restricted = np.zeros(count, dtype=np.bool_)
    ship_day, packing = np.zeros(count), np.ones((count, 5), dtype=np.int64)
    for row, one in enumerate(consignments):
        if one.first == GROWING:
            continue
        sold[row] = places.of(one)
        territory[row, [region_of(code) for code in sold[row]]] = True
        restricted[row] = bool(sold[row])
        ship_day[row] = (one.shipped - origin) / DAY
        packing[row] = one.items, one.per_case, one.per_pallet, one.first, len(one.cases)
    items, case_size, cases_per_pallet, first_case, counted = packing.T
    return Lots(
        label=_column([c.lot.number for c in consignments]),
        distributor=_column([c.consignee for c in consignments]),
        territory=territory,
        ship_day=ship_day,
        items=items,
        case_size=case_size,
        cases_per_pallet=cases_per_pallet,
        restricted=restricted,
        first_case=first_case,
        levels=places.levels(sold),
        counted=counted,
    )


Sold = tuple[Number, Number]
"""Cases that went to stores, and the party number of the store of each."""


def sold_of(stores: Mapping[int, int]) -> Sold:
    """Return the cases of a consignment that went to stores. stores: by case."""
    return _column(list(stores)), _column(list(stores.values()))


def custody_of(sold: Mapping[int, Sold]) -> Custody:
    """Return which cases are known to have gone to a store. sold: by row of `Lots`."""
    none = _column([])
    cases = np.concatenate([none, *(case for case, _ in sold.values())])
    return Custody(
        lot=np.repeat(_column(list(sold)), _column([len(case) for case, _ in sold.values()])),
        case_from=cases,
        case_to=cases + 1,
        place=np.concatenate([none, *(store for _, store in sold.values())]),
    )


def _column(values: Sequence[int]) -> Number:
    return np.array(values, dtype=np.int64)
