"""Which case of which consignment a code lies in: packing and shipments, kept up to date.

Read once, then only the shipments that came since; a scan's case is found by bisection, whatever
the size of the history. Consignments are numbered as they come and keep their numbers. The cases of
one may still change until the first scan of it is looked at; what the same party is sent of the lot
after that scan is a consignment of its own, since a test that runs must not be given other cases.
By the time of the scan, not by when we looked at it: a worker that starts finds the consignments
that the one before it had.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from ledger.db.models import ChainEvent, ChainLot, ChainParty, LotName
from ledger.domain.contents import Codes
from ledger.domain.verbs import Role, Verb
from ledger.services.alerting.watch_consignments import GROWING, Case, Consignment, by_pallet
from ledger.services.alerting.watch_packing import Inside, cases_in, lots_inside
from ledger.services.site import Site

Numbers = NDArray[np.int64]
Lot = tuple[ChainLot, str]
"""A lot and its name as printed."""


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
class Place:
    """Where a code lies: number of its consignment, and of the case in it."""

    row: int
    case: int


class Goods:
    """All consignments of the ledger, and what is still to be placed.

    A shipped unit waits here until its codes belong to a lot. stores: which store a case was
    shipped to in the end, by unit. sold: the same by number of the consignment and of the case in
    it. news: by brand, its consignments that are new or have changed since somebody took them from
    here. Each shipment is taken in whole or not at all.
    """

    def __init__(self) -> None:
        self.consignments: list[Consignment] = []
        self.stores: dict[bytes, int] = {}
        self.sold: dict[int, dict[int, int]] = {}
        self.news: dict[int, set[int]] = {}
        self._after = (-1, -1)
        self._waiting: list[tuple[bytes, int, int]] = []
        self._placed: dict[bytes, Place] = {}
        self._growing: dict[tuple[int, int], int] = {}  # (lot, consignee) -> row, until it is fixed
        self._parts = Counter[tuple[int, int]]()  # consignments by lot and consignee
        self._next_case, self._next_pallet = Counter[int](), Counter[int]()  # by lot
        self._units: list[bytes] = []  # of cases, by the number that spans name them by
        self._spans: dict[int, _Spans] = {}  # by batch

    def refresh(self, site: Site, session: Session) -> None:
        """Take in the shipments that came since."""
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
        known: dict[int, Lot] = {}
        grown: dict[tuple[int, int], list[Case]] = {}
        try:
            for shipped in list(self._waiting):
                if self._ship(site, session, known, grown, *shipped):
                    self._waiting.remove(shipped)
            for event in session.scalars(query):
                shipped = (event.identity, event.counterparty, event.time)
                if not self._ship(site, session, known, grown, *shipped):
                    self._waiting.append(shipped)
                self._after = (event.block, event.log_index)
        finally:  # what was taken in stays so if the next could not be read
            for (number, consignee), more in grown.items():
                self._grow(known[number], consignee, more)

    def place(self, batch: int | None, index: int | None) -> Place | None:
        """Return where a code lies, None if no shipped case of a lot holds it."""
        if batch is None or index is None or batch not in self._spans:
            return None
        case = self._spans[batch].find(index)
        return None if case is None else self._placed[self._units[case]]

    def looked_at(self, batch: int | None, index: int | None, seen: int) -> Place | None:
        """Return where the code of a scan lies that is looked at, None if nobody had been sent it
        by then. The cases of its consignment stay as they are from then on.

        seen: unix seconds, by the frames' clock.
        """
        place = self.place(batch, index)
        if place is None or self.consignments[place.row].cases[place.case].shipped > seen:
            return None
        if self.consignments[place.row].first == GROWING:
            self._fix(place.row, seen)
            place = self.place(batch, index)
        return place

    def _fix(self, row: int, seen: int) -> None:
        """Give the cases of a consignment their numbers; what was shipped later is another's."""
        one = self.consignments[row]
        number = one.lot.number
        del self._growing[number, one.consignee]
        later = [case for case in one.cases if case.shipped > seen]
        one = replace(one, cases=by_pallet([case for case in one.cases if case.shipped <= seen]))
        first = -(-self._next_case[number] // one.per_pallet) * one.per_pallet
        one = replace(one, first=first, first_pallet=self._next_pallet[number])
        self._next_case[number] = first + len(one.cases)
        self._next_pallet[number] += len(one.pallets)
        self.sold.pop(row, None)
        self._put(row, one)
        if later:
            self._grow((one.lot, one.name), one.consignee, later)

    def _ship(
        self,
        site: Site,
        session: Session,
        known: dict[int, Lot],
        grown: dict[tuple[int, int], list[Case]],
        unit: bytes,
        party: int,
        time: int,
    ) -> bool:
        """Take in a shipment; return whether it need not wait. All is asked before anything is
        changed. known: lots that were asked for. grown: cases by lot and consignee, to which those
        of a unit's first shipment are added."""
        inside = list(cases_in(site, session, unit))
        fresh = [one for one in inside if one.unit not in self._placed]
        numbers = lots_inside(session, fresh)
        if not all(numbers):
            return False
        for number in numbers:
            assert number is not None  # all are bound
            if number not in known:
                known[number] = _lot(session, number)
        to_store = not fresh and _is_store(session, party)
        for one, number in zip(fresh, numbers, strict=True):
            case = Case(one.unit, one.sscc, one.items, unit, party, time)
            self._placed[one.unit] = Place(-1, -1)  # _grow says where
            grown.setdefault((number or 0, party), []).append(case)
        self._span(fresh)
        if to_store:
            for one in inside:
                self.stores[one.unit] = party
                self._sell(one.unit)
        return True

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

    def _sell(self, unit: bytes) -> None:
        place = self._placed[unit]
        if place.row >= 0:
            self.sold.setdefault(place.row, {})[place.case] = self.stores[unit]
            self._tell(place.row)

    def _tell(self, row: int) -> None:
        self.news.setdefault(self.consignments[row].lot.brand, set()).add(row)

    def _grow(self, lot: Lot, consignee: int, more: Sequence[Case]) -> None:
        """Add cases to the consignment that still grows, or begin another."""
        key = (lot[0].number, consignee)
        row = self._growing.get(key)
        if row is None:
            row = self._growing[key] = len(self.consignments)
            self.consignments.append(Consignment(*lot, consignee, (), GROWING, self._parts[key]))
            self._parts[key] += 1
        one = self.consignments[row]
        self._put(row, replace(one, cases=(*one.cases, *more)), len(one.cases))

    def _put(self, row: int, one: Consignment, since: int = 0) -> None:
        """Let a consignment be as it is now. since: cases before this one are where they were."""
        self.consignments[row] = one
        for at in range(since, len(one.cases)):
            unit = one.cases[at].unit
            self._placed[unit] = Place(row, at)
            if unit in self.stores:
                self._sell(unit)
        self._tell(row)


def _lot(session: Session, number: int) -> Lot:
    lot = session.scalars(select(ChainLot).where(ChainLot.number == number)).one()
    name = session.get(LotName, lot.id)
    return lot, name.lot if name else f"number {number}"


def _is_store(session: Session, party: int) -> bool:
    row = session.get(ChainParty, party)
    return row is not None and bool(row.roles & Role.STORE)
