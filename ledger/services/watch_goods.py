"""Which case of which consignment a code lies in: packing and first shipments, kept up to date.

Built once from the tables, then only from the shipments that came since: a scan's case is found by
bisection, whatever the size of the history.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from ledger.db.models import ChainEvent, ChainLot, ChainRun, LotName, UnitChild, UnitName, UnitRun
from ledger.domain.verbs import Verb

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

    def holds(self, numbers: Sequence[int]) -> bool:
        """Say whether all cases of these numbers within the lot are its own."""
        own = range(self.first, self.first + len(self.cases))
        return all(number in own for number in numbers)


@dataclass(frozen=True)
class Place:
    """Where a code lies: row of its consignment, number of the case in it."""

    row: int
    case: int


class Goods:
    """All consignments of the ledger, and what is still to be placed.

    A shipped unit waits here until its codes belong to a lot.
    """

    def __init__(self) -> None:
        self.consignments: list[Consignment] = []
        self._after = (-1, -1)
        self._waiting: list[tuple[bytes, int, int]] = []
        self._placed: set[bytes] = set()
        self._groups: dict[tuple[int, int], list[Case]] = {}
        self._starts: dict[int, list[int]] = {}
        self._places: dict[int, list[tuple[int, Place]]] = {}

    def refresh(self, session: Session) -> bool:
        """Take in the shipments that came since; return whether there are new cases."""
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
        for event in session.scalars(query):
            self._after = (event.block, event.log_index)
            self._waiting.append((event.identity, event.counterparty, event.time))
        waiting, self._waiting = self._waiting, []
        found = sum(self._place(session, *shipment) for shipment in waiting)
        if found:
            self._number(session)
        return found > 0

    def place(self, batch: int | None, index: int | None) -> Place | None:
        """Return where a code lies, None if no shipped case of a lot holds it."""
        if batch is None or index is None or batch not in self._starts:
            return None
        at = bisect_right(self._starts[batch], index) - 1
        if at < 0:
            return None
        to, place = self._places[batch][at]
        return place if index < to else None

    def _place(self, session: Session, unit: bytes, consignee: int, time: int) -> int:
        """Add the cases of a unit's first shipment; one inside another was shipped with it."""
        runs = [run for run in _runs_in(session, unit) if run.unit not in self._placed]
        lots = [_lot_of(session, run.batch, run.first) for run in runs]
        if not all(lots):
            self._waiting.append((unit, consignee, time))
            return 0
        wanted = {run.unit for run in runs}
        names = {
            row.id: row.epc.rsplit("/", 1)[-1]
            for row in session.scalars(select(UnitName).where(UnitName.id.in_(wanted)))
        }
        for run, lot in zip(runs, lots, strict=True):
            assert lot is not None  # all are bound
            sscc = names.get(run.unit, "0x" + run.unit.hex())
            case = Case(run.unit, sscc, run.batch, run.first, run.to, unit, consignee, time)
            self._groups.setdefault((lot, consignee), []).append(case)
            self._placed.add(run.unit)
        return len(runs)

    def _number(self, session: Session) -> None:
        """Number the cases of each lot, one consignment after the other by their first codes."""
        lots = {row.number: row for row in session.scalars(select(ChainLot))}
        names = {row.id: row.lot for row in session.scalars(select(LotName))}
        for cases in self._groups.values():
            cases.sort(key=lambda case: (case.batch, case.first))
        order = sorted(self._groups, key=lambda key: (key[0], _start(self._groups[key]), key[1]))
        self.consignments, next_case = [], Counter[int]()
        spans: dict[int, list[tuple[int, int, Place]]] = {}
        for row, (number, consignee) in enumerate(order):
            lot, own = lots[number], tuple(self._groups[number, consignee])
            name = names.get(lot.id, f"number {number}")
            one = Consignment(lot, name, consignee, own, 0)
            per_pallet = one.per_pallet()
            first = -(-next_case[number] // per_pallet) * per_pallet
            next_case[number] = first + len(own)
            self.consignments.append(Consignment(lot, name, consignee, own, first))
            for at, case in enumerate(own):
                spans.setdefault(case.batch, []).append((case.first, case.to, Place(row, at)))
        for batch, found in spans.items():
            found.sort(key=lambda span: span[:2])
            self._starts[batch] = [first for first, _, _ in found]
            self._places[batch] = [(to, place) for _, to, place in found]


def _start(cases: Sequence[Case]) -> tuple[int, int]:
    return cases[0].batch, cases[0].first


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
