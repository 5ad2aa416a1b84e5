"""Scan farms: boxes of goods scanned one after the other, before or instead of being sold.

A rule with thresholds, not a calibrated test: DENSE distinct units out of WINDOW neighbouring cases
scanned within an hour, and then MANY in all. A shop that unpacks a case or two scans dozens in a
day; whoever scans more goes through boxes. Where so many of the lot are scanned in that hour that
these cases may have their share of them by chance (a lot of few cases, or one whose packing is not
known), it is goods on sale. For review, never for punishment.

A farm is told when it has scanned MANY, and again when it has been quiet for an hour, with the
devices that are new: one alert a farm, brought up to date once a session. Sessions near each other
within LASTING days are one farm.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from ledger.detect.finding import Evidence, Finding, cases_in_words
from ledger.detect.frame import Bools, Floats, Ints, Lots, Scans
from ledger.domain.thresholds import counted

DAYS = 1 / 24
WINDOW = 3
DENSE = 9
MANY = 72
LASTING = 5.0
CHANCE = 1e-9  # that the cases of a window have so large a share of the lot's scans of the hour
REACH = 2  # cases beyond those reached that still belong to a farm

_Seen = tuple[float, int, int, int]  # a scan of the last hour: day, case, unit, device


@dataclass(eq=False)
class _Hour:
    """The last hour of a lot: its scans in order, and of each case how often each unit was scanned
    in it. A scan costs the same however many there are."""

    seen: deque[_Seen] = field(default_factory=deque)
    units: dict[int, dict[int, int]] = field(default_factory=dict)

    def add(self, seen: _Seen) -> None:
        day, case, unit, _ = seen
        self.seen.append(seen)
        own = self.units.setdefault(case, {})
        own[unit] = own.get(unit, 0) + 1
        while self.seen[0][0] < day - DAYS:
            _, case, unit, _ = self.seen.popleft()
            own = self.units[case]
            own[unit] -= 1
            if not own[unit]:
                del own[unit]
                if not own:
                    del self.units[case]

    def dense_window(self, case: int) -> tuple[int, int] | None:
        """First case of a window that holds `case` and enough distinct units, and how many; None
        where there is none."""
        counts = [len(self.units.get(c, ())) for c in range(case - WINDOW + 1, case + WINDOW)]
        for at in range(WINDOW):
            many = sum(counts[at : at + WINDOW])
            if many >= DENSE:
                return case - WINDOW + 1 + at, many
        return None


@dataclass(eq=False)
class _Farm:
    """One farm being followed: the cases it reached, who was named, when seen and told."""

    lot: int
    first_case: int
    last_case: int
    last_day: float
    region: int
    devices: dict[int, None] = field(default_factory=dict)
    units: dict[int, None] = field(default_factory=dict)
    named: int = 0
    told: float | None = None

    def is_near(self, case: int) -> bool:
        return self.first_case - REACH <= case <= self.last_case + REACH


def near_dense(lot: Ints, case: Ints, day: Floats, before: float) -> Bools:
    """Which of n scans, in order of day, have to be looked at one by one, bool (n,): each that may
    make a window dense, since DENSE scans of its hour came from cases as near; those of its lot in
    the hour before it; and the first and the last hour, to which other feeds may add. before: day
    of the last scan of the feed before.

    Sorting finds them all at once: the many that lie near no dense window cost next to nothing.
    """
    dense: Bools = day - DAYS <= before
    for shift in (0, 1):  # any window lies in one block of one of the two divisions
        block = (case // WINDOW + shift) // 2
        order = np.lexsort((block, lot))
        early, late = order[: 1 - DENSE], order[DENSE - 1 :]
        together = (lot[early] == lot[late]) & (block[early] == block[late])
        dense[late] |= together & (day[early] >= day[late] - DAYS)
    asked: Bools = dense | (day >= day[-1] - DAYS)
    order = lot.argsort(kind="stable")
    place = np.where(dense[order], np.arange(len(order)), len(order))
    following = np.minimum.accumulate(place[::-1])[::-1]  # the dense one that comes next
    own = order[following < len(order)]
    dense_one = order[following[following < len(order)]]
    asked[own] |= (lot[own] == lot[dense_one]) & (day[own] >= day[dense_one] - DAYS)
    return asked


class Farms:
    """The state of all farms; `feed` takes scans once, in order."""

    def __init__(self, lots: Lots, fdr: float) -> None:
        self.lots = lots
        self._fdr = fdr
        self._hours: dict[int, _Hour] = {}  # by lot
        self._farms: dict[int, list[_Farm]] = {}
        self._running: list[_Farm] = []
        self._last_day = -math.inf

    def feed(self, scans: Scans, nth: Ints) -> tuple[list[Finding], dict[int, list[int]]]:
        """Findings that these scans tip; and position in `scans` → units then known as a farm's."""
        found: list[Finding] = []
        farmed: dict[int, list[int]] = {}
        kept = np.flatnonzero((nth > 0) & (scans.lot >= 0) & (scans.case >= 0))
        if not len(kept):
            return found, farmed
        asked = near_dense(scans.lot[kept], scans.case[kept], scans.day[kept], self._last_day)
        self._last_day = float(scans.day[kept[-1]])
        columns = (scans.lot, scans.case, scans.day, scans.unit, scans.device, scans.region)
        told = (column[kept].tolist() for column in columns)
        for is_asked, at, lot, case, day, unit, device, region in zip(
            asked.tolist(), kept.tolist(), *told, strict=True
        ):
            if not (is_asked or self._running):
                continue
            if self._running:
                found += self._ended(day, scans.devices, scans.codes)
            joined = self._joined(lot, region, (day, case, unit, device))
            if joined is None:
                continue
            farm, members = joined
            for _, member, item, phone in members:
                farm.devices[phone] = None
                farm.units[item] = None
                farm.first_case = min(farm.first_case, member)
                farm.last_case = max(farm.last_case, member)
            farm.last_day = day
            farmed[at] = [item for _, _, item, _ in members]
            if not farm.named and len(farm.units) >= MANY:
                found.append(self._finding(farm, day, scans.devices, scans.codes))
            if farm not in self._running:
                self._running.append(farm)
        return found, farmed

    def _joined(self, lot: int, region: int, seen: _Seen) -> tuple[_Farm, list[_Seen]] | None:
        """The farm that a scan belongs to, and the scans that this adds to it."""
        day, case, _, _ = seen
        hour = self._hours.get(lot)
        if hour is None:
            hour = self._hours[lot] = _Hour()
        hour.add(seen)
        for farm in self._running:
            if farm.lot == lot and farm.is_near(case):
                return farm, [seen]
        window = hour.dense_window(case)
        if window is None or not self._is_odd(lot, window[1], len(hour.seen)):
            return None
        start = window[0]
        members = [one for one in hour.seen if start <= one[1] < start + WINDOW]
        return self._farm(lot, start, day, region), members

    def _is_odd(self, lot: int, many: int, scans: int) -> bool:
        """Say whether a window with so many units has a larger share of the lot's scans of the hour
        than chance explains: P(at least so many of n) ≤ exp(−n · KL) (Chernoff 1952)."""
        found, stated = many / scans, min(1.0, WINDOW / int(self.lots.cases()[lot]))
        if found <= stated:
            return False
        log = found * math.log(found / stated)
        if found < 1:
            log += (1 - found) * math.log((1 - found) / (1 - stated))
        return scans * log >= -math.log(CHANCE)

    def _farm(self, lot: int, start: int, day: float, region: int) -> _Farm:
        farms = self._farms.setdefault(lot, [])
        for farm in farms:
            near = farm.is_near(start) or farm.is_near(start + WINDOW - 1)
            if near and day - farm.last_day <= LASTING:
                return farm
        farm = _Farm(lot, start, start + WINDOW - 1, day, region)
        farms.append(farm)
        return farm

    def _ended(self, day: float, devices: Sequence[str], codes: Sequence[str]) -> list[Finding]:
        """Tell the farms that have been quiet for an hour, if they have new devices."""
        quiet = [farm for farm in self._running if day - farm.last_day > DAYS]
        if quiet:
            self._running = [farm for farm in self._running if farm not in quiet]
        grown = [farm for farm in quiet if 0 < farm.named < len(farm.devices)]
        return [self._finding(farm, day, devices, codes) for farm in grown]

    def _finding(
        self, farm: _Farm, day: float, devices: Sequence[str], codes: Sequence[str]
    ) -> Finding:
        fresh = list(farm.devices)[farm.named :]
        told = farm.told
        farm.told = day if told is None else told
        farm.named = len(farm.devices)
        units = list(farm.units)
        per_pallet = int(self.lots.cases_per_pallet[farm.lot])
        first = int(self.lots.first_case[farm.lot])
        cases = tuple(range(first + max(0, farm.first_case), first + farm.last_case + 1))
        label = int(self.lots.label[farm.lot])
        return Finding(
            kind="farm",
            lot=label,
            region=farm.region,
            day=day,
            devices=tuple(devices[device] for device in fresh),
            evidence=Evidence(
                scans=len(units),
                scans_of=len(units),
                cases=cases,
                pallets=tuple(sorted({case // per_pallet for case in cases})),
                pallets_of=-(-int(self.lots.cases()[farm.lot]) // per_pallet),
                codes=tuple(codes[unit] for unit in units[:100]),
            ),
            fdr=self._fdr,
            update_of=told,
            sentence=(
                f"{len(units)} items of {cases_in_words(cases[0], cases[-1])} of lot {label} were"
                f" scanned by {counted(len(farm.devices), 'device')}, many within an hour; goods on"
                " sale are not"
            ),
        )
