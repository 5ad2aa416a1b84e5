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
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from ledger.db.models import (
    ChainEvent,
    ChainLot,
    ChainParty,
    ChainRun,
    LotName,
    UnitChild,
    UnitName,
    UnitRun,
)
from ledger.domain.verbs import Role, Verb

_LEVELS = 6  # of packing; more would be a unit in itself


@dataclass(frozen=True)
class Case:
    """A case of a lot: unit, SSCC, codes, the pallet it lies on, who got that first and when."""

    unit: bytes
    sscc: str
    batch: int
    first: int
    to: int
    pallet: bytes
    consignee: int
    shipped: int


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

    def case_of(self, batch: int | None, index: int | None) -> Case | None:
        """The case that a code lies in, None for one of other goods."""
        if batch is None or index is None:
            return None
        at = bisect_right(self.cases, (batch, index), key=lambda case: (case.batch, case.first)) - 1
        case = self.cases[at] if at >= 0 else None
        return case if case and case.batch == batch and index < case.to else None

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
        self._starts: dict[int, list[int]] = {}
        self._spans: dict[int, list[tuple[int, bytes]]] = {}  # (to, case), beside the starts

    def refresh(self, session: Session) -> bool:
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
            cases = self._cases(session, unit, party, time)
            for lot, case in cases:
                grown.setdefault((lot, party), []).append(case)
            moved |= not cases and self._to_store(session, unit, party)
        for (lot, party), more in grown.items():
            self._grow(session, lot, party, more)
        return moved or bool(grown)

    def place(self, batch: int | None, index: int | None) -> Place | None:
        """Return where a code lies, None if no shipped case of a lot holds it."""
        if batch is None or index is None or batch not in self._starts:
            return None
        at = bisect_right(self._starts[batch], index) - 1
        if at < 0:
            return None
        to, case = self._spans[batch][at]
        return self._placed[case] if index < to else None

    def fix(self, row: int) -> None:
        """A scan of a consignment is looked at: its cases stay as they are."""
        one = self.consignments[row]
        key = (one.lot.number, one.consignee)
        if self._growing.get(key) == row:
            del self._growing[key]

    def _cases(
        self, session: Session, unit: bytes, consignee: int, time: int
    ) -> list[tuple[int, Case]]:
        """The cases of a unit's first shipment with their lots; none that was shipped before."""
        runs = [run for run in _runs_in(session, unit) if run.unit not in self._placed]
        lots = [_lot_of(session, run.batch, run.first) for run in runs]
        if not all(lots):
            self._waiting.append((unit, consignee, time))
            return []
        wanted = {run.unit for run in runs}
        names = {
            row.id: row.epc.rsplit("/", 1)[-1]
            for row in session.scalars(select(UnitName).where(UnitName.id.in_(wanted)))
        }
        found = []
        for run, lot in zip(runs, lots, strict=True):
            assert lot is not None  # all are bound
            sscc = names.get(run.unit, "0x" + run.unit.hex())
            case = Case(run.unit, sscc, run.batch, run.first, run.to, unit, consignee, time)
            self._placed[run.unit] = Place(-1, -1)  # _grow says where
            found.append((lot, case))
        return found

    def _to_store(self, session: Session, unit: bytes, party: int) -> bool:
        """Note that the cases of a unit, shipped on, went to a store."""
        row = session.get(ChainParty, party)
        cases = [run.unit for run in _runs_in(session, unit) if run.unit in self._placed]
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
        for case in more:
            starts = self._starts.setdefault(case.batch, [])
            spans = self._spans.setdefault(case.batch, [])
            at = bisect_right(starts, case.first)
            starts.insert(at, case.first)
            spans.insert(at, (case.to, case.unit))


def _runs_in(session: Session, unit: bytes) -> Iterator[UnitRun]:
    """Yield the runs of codes packed in a unit and in all that is in it."""
    units = [unit]
    for _ in range(_LEVELS):
        found = (
            select(UnitRun).where(UnitRun.unit.in_(units)).order_by(UnitRun.batch, UnitRun.first)
        )
        yield from session.scalars(found).all()
        inside = select(UnitChild.child).where(UnitChild.unit.in_(units))
        units = list(session.scalars(inside.order_by(UnitChild.position)))
        if not units:
            return


def _lot_of(session: Session, batch: int, index: int) -> int | None:
    query = (
        select(ChainRun.lot)
        .where(ChainRun.batch == batch, ChainRun.first <= index, ChainRun.to > index)
        .order_by(ChainRun.first.desc())
        .limit(1)
    )
    return session.scalars(query).first() or None
