"""Which case of which consignment a code lies in: packing and shipments, kept up to date.

Read once, then only the shipments that came since; a scan's case is found by bisection, whatever
the size of the history. Consignments are numbered as they come and keep their numbers. The cases of
one may still change until the first scan of it is looked at; goods of the same lot that the same
party is sent after that are a consignment of their own, since a test that runs must not be given
other cases.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from ledger.db.models import ChainEvent, ChainLot, ChainParty, LotName
from ledger.domain.contents import Codes, Picked, find_item
from ledger.domain.verbs import Role, Verb
from ledger.services.alerting.watch_packing import Inside, cases_in, lots_inside
from ledger.services.site import Site

Numbers = NDArray[np.int64]


@dataclass(frozen=True)
class Case:
    """A case of a lot: unit, SSCC, codes, the pallet it lies on, who got that first and when."""

    unit: bytes
    sscc: str
    codes: Codes | Picked
    pallet: bytes
    consignee: int
    shipped: int

    @property
    def batch(self) -> int:
        """The batch of its codes."""
        return self.codes.batch

    @property
    def first(self) -> int:
        """The lowest index of its codes."""
        return int(self.codes.indices[0]) if isinstance(self.codes, Picked) else self.codes.first

    def holds(self, batch: int | None, index: int | None) -> bool:
        """Say whether a code is in it."""
        if batch != self.codes.batch or index is None:
            return False
        return find_item([self.codes], batch, index) is not None


@dataclass
class _Spans:
    """Which case each code of a batch is in: [first, to) in rising order, and the case's number."""

    first: Numbers = field(default_factory=lambda: np.zeros(0, np.int64))
    to: Numbers = field(default_factory=lambda: np.zeros(0, np.int64))
    case: Numbers = field(default_factory=lambda: np.zeros(0, np.int64))

    def add(self, first: Sequence[Numbers], to: Sequence[Numbers], case: Sequence[Numbers]) -> None:
        """Take in more, which are disjoint from what is there."""
        starts = np.concatenate([self.first, *first])
        order = np.argsort(starts, kind="stable")
        self.first = starts[order]
        self.to = np.concatenate([self.to, *to])[order]
        self.case = np.concatenate([self.case, *case])[order]

    def find(self, index: int) -> int | None:
        """Return the number of the case that a code is in."""
        at = int(np.searchsorted(self.first, index, "right")) - 1
        return int(self.case[at]) if at >= 0 and index < self.to[at] else None


@dataclass(frozen=True)
class Consignment:
    """The cases of one lot that one first consignee got, in order of their codes.

    name: the lot's, as printed. first: number within the lot of its first case, on a pallet's edge;
    with it a finding's cases name one consignment.
    """

    lot: ChainLot
    name: str
    consignee: int
    cases: tuple[Case, ...]
    first: int

    def per_pallet(self) -> int:
        """Cases of its fullest pallet."""
        return max(Counter(case.pallet for case in self.cases).values())

    def per_case(self) -> int:
        """Items of a case, on average: cases need not be alike."""
        return round(sum(len(case.codes) for case in self.cases) / len(self.cases)) or 1

    def case_of(self, batch: int | None, index: int | None) -> Case | None:
        """The case that a code lies in, None for one of other goods."""
        if batch is None or index is None:
            return None
        at = bisect_right(self.cases, (batch, index), key=lambda case: (case.batch, case.first))
        if at and self.cases[at - 1].holds(batch, index):
            return self.cases[at - 1]
        # Codes that were packed in no order: the cases' ranges lie over each other.
        return next((case for case in self._picked if case.holds(batch, index)), None)

    @cached_property
    def _picked(self) -> tuple[Case, ...]:
        return tuple(case for case in self.cases if isinstance(case.codes, Picked))

    def holds(self, numbers: Sequence[int]) -> bool:
        """Say whether all cases of these numbers within the lot are its own."""
        own = range(self.first, self.first + len(self.cases))
        return all(number in own for number in numbers)


@dataclass(frozen=True)
class Place:
    """Where a code lies: number of its consignment, and of the case in it."""

    row: int
    case: int


class Goods:
    """All consignments of the ledger, and what is still to be placed.

    A shipped unit waits here until its codes belong to a lot. stores: which store a case was
    shipped to in the end, by unit.
    """

    def __init__(self) -> None:
        self.consignments: list[Consignment] = []
        self.stores: dict[bytes, int] = {}
        self._after = (-1, -1)
        self._waiting: list[tuple[bytes, int, int]] = []
        self._placed: dict[bytes, Place] = {}
        self._growing: dict[tuple[int, int], int] = {}  # (lot, consignee) -> row, until it is fixed
        self._next_case = Counter[int]()  # by lot
        self._units: list[bytes] = []  # of cases, by the number that spans name them by
        self._spans: dict[int, _Spans] = {}  # by batch

    def refresh(self, site: Site, session: Session) -> bool:
        """Take in the shipments that came since; return whether anything has changed."""
        query = (
            select(ChainEvent)
            .where(
                ChainEvent.verb == Verb.SHIP,
                or_(
                    ChainEvent.block > self._after[0],
                    (ChainEvent.block == self._after[0]) & (ChainEvent.log_index > self._after[1]),
                ),
            )
            .order_by(ChainEvent.block, ChainEvent.log_index)
        )
        shipped, self._waiting = self._waiting, []
        for event in session.scalars(query):
            self._after = (event.block, event.log_index)
            shipped.append((event.identity, event.counterparty, event.time))
        grown: dict[tuple[int, int], list[Case]] = {}
        moved = False
        for unit, party, time in shipped:
            inside = list(cases_in(site, session, unit))
            cases = self._cases(session, inside, unit, party, time)
            for lot, case in cases:
                grown.setdefault((lot, party), []).append(case)
            moved |= not cases and self._to_store(session, inside, party)
        for (lot, party), more in grown.items():
            self._grow(session, lot, party, more)
        return moved or bool(grown)

    def place(self, batch: int | None, index: int | None) -> Place | None:
        """Return where a code lies, None if no shipped case of a lot holds it."""
        if batch is None or index is None or batch not in self._spans:
            return None
        case = self._spans[batch].find(index)
        return None if case is None else self._placed[self._units[case]]

    def fix(self, row: int) -> None:
        """A scan of a consignment is looked at: its cases stay as they are."""
        one = self.consignments[row]
        key = (one.lot.number, one.consignee)
        if self._growing.get(key) == row:
            del self._growing[key]

    def _cases(
        self, session: Session, inside: Sequence[Inside], unit: bytes, consignee: int, time: int
    ) -> list[tuple[int, Case]]:
        """The cases of a unit's first shipment with their lots; none that was shipped before."""
        fresh = [one for one in inside if one.unit not in self._placed]
        lots = lots_inside(session, fresh)
        if not all(lots):
            self._waiting.append((unit, consignee, time))
            return []
        found = []
        for one, lot in zip(fresh, lots, strict=True):
            assert lot is not None  # all are bound
            case = Case(one.unit, one.sscc, one.items, unit, consignee, time)
            self._placed[one.unit] = Place(-1, -1)  # _grow says where
            found.append((lot, case))
        self._span(fresh)
        return found

    def _span(self, fresh: Sequence[Inside]) -> None:
        """Note which codes are in which case."""
        spans: dict[int, list[tuple[Numbers, Numbers, Numbers]]] = {}
        for one in fresh:
            items, number = one.items, len(self._units)
            self._units.append(one.unit)
            if isinstance(items, Codes):
                first, to = np.array([items.first]), np.array([items.to])
            else:
                first = items.indices.astype(np.int64)
                to = first + 1
            case = np.full(len(first), number)
            spans.setdefault(items.batch, []).append((first, to, case))
        for batch, parts in spans.items():
            first_of, to_of, case_of = zip(*parts, strict=True)
            self._spans.setdefault(batch, _Spans()).add(first_of, to_of, case_of)

    def _to_store(self, session: Session, inside: Sequence[Inside], party: int) -> bool:
        """Note that the cases of a unit, shipped on, went to a store."""
        row = session.get(ChainParty, party)
        cases = [one.unit for one in inside if one.unit in self._placed]
        if row is None or not row.roles & Role.STORE or not cases:
            return False
        self.stores.update(dict.fromkeys(cases, party))
        return True

    def _grow(self, session: Session, number: int, consignee: int, more: list[Case]) -> None:
        """Add cases to the consignment that still grows, or begin another."""
        lot = session.scalars(select(ChainLot).where(ChainLot.number == number)).one()
        name = session.get(LotName, lot.id)
        row = self._growing.get((number, consignee))
        before = self.consignments[row].cases if row is not None else ()
        cases = tuple(sorted((*before, *more), key=lambda case: (case.batch, case.first)))
        one = Consignment(lot, name.lot if name else f"number {number}", consignee, cases, 0)
        edge = one.per_pallet()
        first = -(-self._next_case[number] // edge) * edge
        self._next_case[number] = first + len(cases)
        one = replace(one, first=first)
        if row is None:
            row = self._growing[number, consignee] = len(self.consignments)
            self.consignments.append(one)
        else:
            self.consignments[row] = one
        for at, case in enumerate(cases):
            self._placed[case.unit] = Place(row, at)
