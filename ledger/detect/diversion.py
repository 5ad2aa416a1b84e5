"""Diversion: do items of a run of cases speak from a region where their lot may not be sold, and
from nowhere else?

The test is made per cell = (lot with its first consignee, region outside the territory). It is
conditional on which items of the lot speak and when (an item speaks once, by its first scan with a
known place), so scan rates, seasons of sale and stocks of single stores cancel: what is tested is
only *where* they speak from.

Null. Given the past, the chance that the next item of the lot to speak opens a group here is at
most the leak rate p, whatever its case. A group is a gift: items of one case or a neighbour,
scanned within GIFT_DAYS; how many is independent of its case, with at most the tail `gift_tail`.
Travellers, parcels and wrong places are groups of one. p is what the cell itself shows (`Cell`):
the larger of its rate so far and of late, times SAFETY, times what the source of the location is
known to err; a rate that is higher at the same time for all cases is no evidence.

Statistic. An observation within GIFT_CASES and GIFT_DAYS of a group's first joins that group, at
most one a day; any other opens a group. For a candidate run R of cases with groups j of size S_j
in it, and with m items of R that spoke elsewhere, by sources s:

    E(R) = Π_j (1 − q_j) / p_j · g(S_j) · Π_m q_m,    g(S) = Σ_k w_k · 1[S ≥ k] / tail(k)

q is the chance that a diverted item's scan states another region all the same. Under the null each
item of R that speaks has a factor of expectation at most p · (1 − q) / p + (1 − p) · q ≤ 1, and
g(S) at most 1. g only grows while a group grows, so E(R) at any time is at most the conditional
expectation of its final value, which is a martingale: an e-process (Ramdas, Grünwald, Vovk, Shafer
2023, "Game-theoretic statistics and safe anytime-valid inference", §4), valid however often it is
looked at. Averages over runs (`Runs`), values of q and bets w are e-processes as well.

Goods mixed from single cases: half of the evidence is of cases one by one. A quarter is
Π_c (1 − π + π · E(c)) over all cases c, where p is at least the rate of the last few groups: else a
wave of goods from all over a lot that is not yet sold elsewhere, as copies come, would count before
p has learned of it. A quarter is Π_c (1 − π_c + π_c · E'(c)) over the cases seen here, where E' is
E begun anew when the case's first group opens: neither that group's place nor what the case sold
elsewhere before is counted, but returns to the case, large groups and silence from then on are. The
stake π_c may be anything known by then, since a part of the product that begins at one keeps its
expectation from there on. It is what is left of π after the m items missed before, by sources s:
π_c = π Π_m q_m / (1 − π + π Π_m q_m). Both are averaged over values of π.

Left out, from the scan on at which it shows: units scanned by MANY_DEVICES (display, viral,
copied), devices that scan BUSY_UNITS of a lot in a day (waiters, shops), items that a farm scanned,
the channel `script`, and all but the first item of a device in a cell. Whether a scan is left out
says nothing about its case if nobody cheats. What was counted before is withdrawn. By the scan of a
busy device an item does not speak at all: it may yet, and a dealer who scans goods at home before
they are sold on does not silence them.

A look is made at an observation that may have raised the evidence (`Cell.is_near`), and takes only
the runs that hold its case: less than the whole average, so still valid; what a cell pays to enter
the list of promising ones is the whole. The cells are one stream of tests: `ledger.detect.stream`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np

from ledger.detect.account import account
from ledger.detect.cell import Cell, Group
from ledger.detect.farms import Farms
from ledger.detect.finding import Finding
from ledger.detect.frame import CHANNELS, Bools, Custody, Ints, Lots, Scans
from ledger.detect.levels import lots_at, scans_at
from ledger.detect.lot_count import LotCount
from ledger.detect.sightings import BUSY_UNITS, Sightings
from ledger.detect.stream import PROMISE, Rejection, Stream
from ledger.detect.tables import grown

MANY_DEVICES = 3
SCRIPT = CHANNELS.index("script")


@dataclass
class _Lot:
    """A lot that has spoken, and its cells by region."""

    row: int
    count: LotCount
    cells: dict[int, Cell] = field(default_factory=dict)


class Diversion:
    """The state of all cells; `feed` takes scans once, in order."""

    def __init__(
        self,
        lots: Lots,
        custody: Custody,
        fdr: float,
        stream: Stream | None = None,
        depth: int = 0,
    ) -> None:
        """depth: the level whose places the regions of the frames are (`ledger.detect.levels`)."""
        self.lots, self.custody = lots, custody
        self._fdr = fdr
        self._depth = depth
        self._stream = stream or Stream(fdr)
        self._raised: set[int] = set()
        self._lots: dict[int, _Lot] = {}
        self._cells: list[Cell] = []
        self._of: list[tuple[int, int]] = []  # cell → (lot, region)
        self._spoken = np.zeros(0, dtype=np.int64)
        self._counted: dict[int, tuple[Cell, Group]] = {}  # by unit
        self._session: dict[tuple[int, int], list[int]] = {}
        self._today = -1

    def know(self, lots: Lots, custody: Custody) -> None:
        """Take frames in which rows were added, or have more cases than before."""
        self.lots, self.custody = lots, custody
        cases = lots.cases()
        for row, known in self._lots.items():
            if cases[row] > known.count.cases:
                known.count.grow(int(cases[row]))

    def feed(
        self,
        scans: Scans,
        nth: Ints,
        busy: Ints,
        farmed: Mapping[int, Sequence[int]],
    ) -> list[Finding]:
        """Findings that these scans tip. nth, busy: of `Sightings`. farmed: position in `scans` →
        units known from there on to be scanned by a farm."""
        known, outside = places(scans, self.lots)
        known &= busy < BUSY_UNITS  # busy devices do not make an item speak
        fresh = self._fresh(scans, known)
        spoke = self._take(scans, fresh, outside)
        new = fresh & outside
        act = new | (nth == MANY_DEVICES) | (busy == BUSY_UNITS)
        act[list(farmed)] = True
        rows = np.flatnonzero(act)
        columns = (scans.day, scans.unit, scans.lot, scans.case, scans.device, scans.loc_src,
                   scans.region, new, nth, busy)  # fmt: skip
        taken = [column[rows] for column in columns]
        whole_days = np.floor(taken[0]).astype(np.int64)
        columns_of_rows = zip(*(c.tolist() for c in (rows, whole_days, *taken)), strict=True)
        found: list[Finding] = []
        for (at, today, day, unit, lot, case, device, source, region, is_new, devices,
             units) in columns_of_rows:  # fmt: skip
            if today != self._today:
                self._today, self._session = today, {}
            if at in farmed:
                for member in farmed[at]:
                    self._withdraw(member)
            if devices == MANY_DEVICES:
                self._withdraw(unit)
            if units == BUSY_UNITS:
                for member in self._session.pop((device, lot), ()):
                    self._withdraw(member)
            if not is_new:
                continue
            known_lot = self._lots[lot]
            known_lot.count.listen(at)
            cell = known_lot.cells.get(region) or self._new_cell(known_lot, region)
            cell.hear(unit, case, source)
            if device in cell.devices or devices >= MANY_DEVICES or units >= BUSY_UNITS:
                continue
            if at in farmed and unit in farmed[at]:
                continue
            cell.devices.add(device)
            group = cell.add(case, day, today, source)
            if group is None:
                continue
            self._counted[unit] = cell, group
            self._session.setdefault((device, lot), []).append(unit)
            if cell.is_near(group):
                found += self._look(cell, group, at, scans)
        for count in spoke:
            count.settle()
        return found

    def cells(self) -> list[Cell]:
        """All cells, in order of their first scans."""
        return self._cells

    def _fresh(self, scans: Scans, known: Bools) -> Bools:
        """Which scans are the first of `known` of their unit; they are remembered."""
        self._spoken = grown(self._spoken, int(scans.unit.max(initial=-1)) + 1)
        rows = np.flatnonzero(known)
        rows = rows[self._spoken[scans.unit[rows]] == 0]
        rows = rows[np.unique(scans.unit[rows], return_index=True)[1]]
        self._spoken[scans.unit[rows]] = 1
        fresh = np.zeros(len(scans), dtype=np.bool_)
        fresh[rows] = True
        return fresh

    def _take(self, scans: Scans, fresh: Bools, outside: Bools) -> list[LotCount]:
        """Hand the items that speak to the counts of their lots; which lots those are."""
        rows = np.flatnonzero(fresh)
        rows = rows[np.argsort(scans.lot[rows], kind="stable")]
        today = np.floor(scans.day[rows]).astype(np.int64)
        spoke = []
        edges = np.flatnonzero(np.diff(scans.lot[rows], prepend=-1)).tolist()
        for start, stop in pairwise([*edges, len(rows)]):
            own = rows[start:stop]
            lot = int(scans.lot[own[0]])
            count = (self._lots.get(lot) or self._new_lot(lot)).count
            count.take(own, scans.case[own], scans.loc_src[own], today[start:stop], outside[own])
            spoke.append(count)
        return spoke

    def _look(self, cell: Cell, group: Group, at: int, scans: Scans) -> list[Finding]:
        """Test a cell, and after each rejection those whose bar it lowered."""
        if cell.name in self._raised:
            return []
        cell.last = group
        found = []
        names = [cell.name]
        while names:
            rejected = self._first_rejected(names, at)
            if rejected is None:
                break
            found.append(self.finding(rejected, scans, at))
            self._raised.add(rejected.name)
            names = self._stream.promising()
        return found

    def _first_rejected(self, names: Sequence[int], at: int) -> Rejection | None:
        for name in names:
            cell = self._cells[name]
            cell.lot.listen(at)
            rejected = self._stream.look(name, at, cell.log_e(), cell.whole_log_e)
            if rejected is not None:
                return rejected
        return None

    def finding(self, rejected: Rejection, scans: Scans, at: int) -> Finding:
        """The finding that a rejection at a row of `scans` is."""
        lot, region = self._of[rejected.name]
        cell = self._cells[rejected.name]
        return account(
            cell,
            [one for one in cell.heard if one[0] in self._counted],
            rejected,
            lots=self.lots,
            custody=self.custody,
            lot=lot,
            region=region,
            day=float(scans.day[at]),
            codes=scans.codes,
            fdr=self._fdr,
            depth=self._depth,
        )

    def _withdraw(self, unit: int) -> None:
        counted = self._counted.pop(unit, None)
        if counted is not None:
            cell, group = counted
            cell.remove(group)

    def _new_lot(self, lot: int) -> _Lot:
        count = LotCount(int(self.lots.cases()[lot]), int(self.lots.cases_per_pallet[lot]))
        self._lots[lot] = _Lot(lot, count)
        return self._lots[lot]

    def _new_cell(self, lot: _Lot, region: int) -> Cell:
        cell = lot.cells[region] = Cell(lot.count, len(self._cells))
        self._cells.append(cell)
        self._of.append((lot.row, region))
        return cell


class _Trace(Stream):
    """A stream that rejects nothing and remembers every look, (name, row, ln E), and what each name
    paid to enter the list of promising ones."""

    def __init__(self) -> None:
        super().__init__(0.5)
        self.looks: list[tuple[int, int, float]] = []
        self.prices: dict[int, float] = {}

    def look(
        self, name: int, row: int, log_e: float, whole: Callable[[], float] | None = None
    ) -> None:
        self.looks.append((name, row, log_e))
        if log_e >= PROMISE and name not in self.prices:
            self.prices[name] = whole() if whole is not None else log_e


@dataclass(frozen=True)
class Traced:
    """The evidence of one cell computed again. looks: (row of scans, ln E) of every look, and of
    the last row. log_price: ln of the price of entry, 0 where it did not enter. state: as it is
    then; name: number of the cell in it."""

    looks: list[tuple[int, float]]
    log_price: float
    state: Diversion
    name: int


def looks(scans: Scans, lots: Lots, lot: int, region: int) -> list[tuple[int, float]]:
    """Compute the evidence of one cell again: (row of scans, ln E) of every look, and of the last
    row. scans: all of the lot, or of more; nothing of other lots is used. lot: row of Lots."""
    nothing = np.empty(0, dtype=np.int64)
    again = traced(scans, lots, Custody(nothing, nothing, nothing, nothing), lot, region)
    return again.looks if again is not None else []


def traced(
    scans: Scans, lots: Lots, custody: Custody, lot: int, region: int, depth: int = 0
) -> Traced | None:
    """The same as `looks`, with what else is known then; None if the cell has not spoken. depth:
    the level whose number `region` is (`ledger.detect.levels`)."""
    trace = _Trace()
    state = Diversion(lots_at(lots, depth), custody, 0.5, trace, depth)
    nth, busy = Sightings().feed(scans)
    state.feed(scans_at(scans, depth), nth, busy, Farms(lots, 0.5).feed(scans, nth)[1])
    known = state._lots.get(lot)
    cell = known.cells.get(region) if known else None
    if cell is None:
        return None
    found = [(row, log_e) for name, row, log_e in trace.looks if name == cell.name]
    if found and found[-1][0] < len(scans) - 1:
        found.append((len(scans) - 1, cell.log_e()))
    return Traced(found, trace.prices.get(cell.name, 0.0), state, cell.name)


def places(scans: Scans, lots: Lots) -> tuple[Bools, Bools]:
    """Which scans are by people, of a known case and from a known region; and which of these lie
    where the lot may not be sold. bool (n,) each."""
    known = (scans.lot >= 0) & (scans.region >= 0) & (scans.case >= 0) & (scans.channel != SCRIPT)
    lot = np.where(scans.lot >= 0, scans.lot, 0)
    if len(lots):
        known &= scans.case < lots.cases()[lot]
        outside = known & lots.restricted[lot]
    else:
        outside = known = np.zeros(len(scans), dtype=np.bool_)
    inside = np.zeros(len(scans), dtype=np.bool_)
    named = outside & (scans.region < lots.territory.shape[1])
    inside[named] = lots.territory[scans.lot[named], scans.region[named]]
    return known, outside & ~inside
