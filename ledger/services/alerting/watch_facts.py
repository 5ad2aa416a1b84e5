"""What the rules may know of one scan: its case, the custody of that, and what its lot was told."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from ledger.db.models import ChainEvent, ChainLot, ChainParty, ChainUnit, Scan
from ledger.domain import ids
from ledger.domain.thresholds import DAY_S
from ledger.domain.verbs import Role, Verb
from ledger.services.alerting.markets import stated
from ledger.services.alerting.watch_consignments import Case, Consignment
from ledger.services.alerting.watch_goods import Goods
from ledger.services.alerting.watch_looks import Move
from ledger.services.alerting.watch_places import Places
from ledger.services.alerting.watch_scan import ScanRow
from ledger.services.following.project_units import IN_TRANSIT
from ledger.services.lookup import RECALLED

SETTLING_S = 7 * DAY_S  # a shipment is not called unconfirmed before
MOST_LEVELS = 8  # of units in units that are looked through
MOST_WAITING, MOST_COUNTED = 1_000, 20_000  # that are counted, of one party
CHUNK = 500
_SENT = (Verb.SHIP, Verb.RETURN_TO)
_TAKEN = (
    Verb.RECEIVE_FROM, Verb.REPORT_EXCEPTION, Verb.TAKE_BACK, Verb.UNPACKED_FROM, Verb.WITHDRAW,
)  # fmt: skip
_MOVES = (*_SENT, *_TAKEN, Verb.REFUSE, Verb.REPORT_LOST)


def moves_of(session: Session, goods: Goods, rows: Iterable[ScanRow]) -> dict[bytes, list[Move]]:
    """Return how the scanned items, their cases and pallets moved, by unit, in order.

    What was packed again moved as what it is in, until it is taken out.
    """
    units: set[bytes] = set()
    for row in rows:
        place = goods.place(row.batch, row.index)
        if place is not None and row.code_leaf is not None:
            case = goods.consignments[place.row].cases[place.case]
            units |= {row.code_leaf, case.unit, case.pallet}
    steps: dict[bytes, list[_Step]] = {}
    asked, left = set(units), MOST_LEVELS
    while asked and left:
        packed = _read_steps(session, asked, steps)
        asked, left = packed - steps.keys(), left - 1
    return {unit: moves for unit in units if (moves := _whole(unit, steps))}


_Step = tuple[int, Move | bytes]
"""When a unit moved and how, or what it was packed into."""


def _read_steps(
    session: Session, units: Iterable[bytes], steps: dict[bytes, list[_Step]]
) -> set[bytes]:
    """Add the steps of some units; return what they were packed into."""
    subjects = [ids.subject("unit", unit) for unit in units]
    packed = set()
    for start in range(0, len(subjects), CHUNK):
        query = (
            select(
                ChainEvent.identity,
                ChainEvent.time,
                ChainEvent.verb,
                ChainEvent.actor,
                ChainEvent.counterparty,
                ChainEvent.args,
            )
            .where(ChainEvent.subject.in_(subjects[start : start + CHUNK]))
            .where(ChainEvent.verb.in_((*_MOVES, Verb.PACKED_INTO)))
            .order_by(ChainEvent.subject, ChainEvent.seq)
        )
        for unit, time, verb, actor, other, args in session.execute(query):
            if verb == Verb.PACKED_INTO:
                parent = bytes.fromhex(args["parent"][2:])
                packed.add(parent)
                steps.setdefault(unit, []).append((time, parent))
            else:
                move = _move(unit, time, verb, actor, other)
                steps.setdefault(unit, []).append((time, move))
    return packed


def _whole(unit: bytes, steps: Mapping[bytes, Sequence[_Step]]) -> list[Move]:
    """All moves of a unit, those of what it was packed into before the next of its own: of those
    that are past at some time, the last is its newest."""
    found: list[Move] = []
    for time, step in steps.get(unit, ()):
        if isinstance(step, Move):
            found.append(step)
        else:
            found += [move for move in _whole(step, steps) if move.time >= time]
    return found


def _move(unit: bytes, time: int, verb: int, actor: int, other: int) -> Move:
    if verb in _SENT:
        return Move(time, True, actor, other, unit)
    if verb == Verb.REFUSE:
        return Move(time, False, other, 0, unit)  # whoever sent it has it as before
    return Move(time, False, 0 if verb == Verb.REPORT_LOST else actor, 0, unit)


@dataclass
class Facts:
    """What the rules of one pass share (`watch_looks.Known`); looked up once, and remembered.

    moves: of `moves_of`. places: where the brand's goods may be sold. confirmed: (received,
    waiting) by party. recalled: by lot.
    """

    session: Session
    goods: Goods
    moves: Mapping[bytes, Sequence[Move]]
    brand: int
    now: int
    places: Places
    confirmed: dict[int, tuple[int, int]] = field(default_factory=dict)
    recalled: dict[int, int | None] = field(default_factory=dict)
    roles: dict[int, int] = field(default_factory=dict)
    markets: dict[int, frozenset[int]] | None = None

    def afresh(self, rows: Iterable[ScanRow]) -> Facts:
        """What is known now of some scans, looked up again."""
        moves = moves_of(self.session, self.goods, rows)
        return Facts(self.session, self.goods, moves, self.brand, self.now, self.places)

    def case_of(self, row: ScanRow) -> tuple[Consignment, Case] | None:
        """The consignment and case of a scan's code."""
        place = self.goods.place(row.batch, row.index)
        if place is None:
            return None
        consignment = self.goods.consignments[place.row]
        return consignment, consignment.cases[place.case]

    def last_move(self, row: ScanRow, case: Case) -> Move | None:
        """The newest move before a scan: of the item if it travels alone, of its case, or of its
        pallet."""
        return newest(self.moves, (row.code_leaf, case.unit, case.pallet), row.time)

    def confirms(self, party: int) -> float:
        """Share of the shipments to a party that it has confirmed, of those a week old or older."""
        if party not in self.confirmed:
            events = (
                select(ChainEvent.block)
                .where(ChainEvent.actor == party, ChainEvent.verb == Verb.RECEIVE_FROM)
                .limit(MOST_COUNTED)
            )
            received = self.session.scalar(select(func.count()).select_from(events.subquery()))
            units = self.session.scalars(
                select(ChainUnit.id)
                .where(ChainUnit.addressee == party, ChainUnit.state == IN_TRANSIT)
                .limit(MOST_WAITING)
            )
            shipped = (
                select(func.max(ChainEvent.time))
                .where(ChainEvent.subject.in_([ids.subject("unit", unit) for unit in units]))
                .where(ChainEvent.verb == Verb.SHIP)
                .group_by(ChainEvent.subject)
            )
            waiting = sum(at < self.now - SETTLING_S for at in self.session.scalars(shipped))
            self.confirmed[party] = (received or 0, waiting)
        return share(*self.confirmed[party])

    def sells(self, party: int) -> bool:
        """Say whether a party sells to consumers, as far as its roles on the ledger go."""
        if party not in self.roles:
            row = self.session.get(ChainParty, party)
            self.roles[party] = row.roles if row is not None else 0
        return may_sell(self.roles[party])

    def recalled_at(self, consignment: Consignment) -> int | None:
        """When a lot was recalled (unix seconds), None if it is not."""
        lot = consignment.lot.number
        if lot not in self.recalled:
            status = select(ChainLot.status).where(ChainLot.number == lot)
            self.recalled[lot] = None
            if self.session.scalar(status) == RECALLED:
                told = select(func.max(ChainEvent.time)).where(
                    ChainEvent.subject == ids.subject("lot", lot),
                    ChainEvent.verb == Verb.SET_LOT_STATE,
                )
                self.recalled[lot] = self.session.scalar(told) or 0
        return self.recalled[lot]

    def scanned_before(self, row: ScanRow) -> bool:
        """Say whether an earlier scan of the same code is in the log."""
        query = (
            select(Scan.id)
            .where(Scan.batch == row.batch, Scan.index == row.index, Scan.time < row.time)
            .limit(1)
        )
        return self.session.scalar(query) is not None

    def districts(self, rows: Sequence[ScanRow]) -> dict[int, list[int]]:
        """The codes of the districts that some scans tell, by id, as far as any are asked about."""
        found: dict[int, list[int]] = {}
        fixed = [row for row in rows if row.loc_src == "gps" and row.lat is not None]
        if not fixed or not self.places.depth:
            return found
        at = np.array([[row.lat for row in fixed], [row.lon for row in fixed]], dtype=np.float64)
        acc_km = np.array([row.acc_km for row in fixed], dtype=np.float64)
        region = np.array([-1 if row.region is None else row.region for row in fixed])
        source = np.zeros(len(fixed), dtype=np.int64)
        for labels, centres in zip(self.places.labels, self.places.centres, strict=True):
            told = centres.told(at, source, acc_km, region)
            for row, place in zip(fixed, told.tolist(), strict=True):
                if place >= 0:
                    found.setdefault(row.id, []).append(labels[place])
        return found

    def market(self, number: int) -> frozenset[int] | None:
        """The regions of a market outside which resale is prohibited, None where none is."""
        if self.markets is None:
            self.markets = dict(stated(self.session, self.brand))
        return self.markets.get(number)


def newest(
    moves: Mapping[bytes, Sequence[Move]], units: Iterable[bytes | None], time: int
) -> Move | None:
    """Return the newest move of the first of some units that had moved by a time."""
    for unit in units:
        before = [move for move in moves.get(unit, ()) if move.time <= time] if unit else []
        if before:
            return before[-1]
    return None


def share(received: int, waiting: int) -> float:
    """What a party has confirmed of what it was sent; nothing before the first."""
    return received / (received + waiting) if received else 0.0


def may_sell(roles: int) -> bool:
    """Say whether a party of these roles sells to consumers; one without any may."""
    return bool(roles & (Role.STORE | Role.BRAND)) or not roles
