"""What a proof bundle needs of units: the way from an item to its unit, and whole histories."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TypeVar, cast

from sqlalchemy import select
from sqlalchemy.orm import Session

from ledger.chain.bundle_format import Step
from ledger.db.models import ChainEvent, ChainUnit, UnitChild, UnitName, UnitRun
from ledger.domain import ids, merkle
from ledger.domain.history import Event, args_struct
from ledger.domain.ids import SubjectKind
from ledger.domain.typed_json import from_json
from ledger.domain.verbs import Verb
from ledger.errors import Broken
from ledger.services.site import Site
from ledger.services.units import child_leaf, children_of

T = TypeVar("T")
INSIDE = 3


@dataclass(frozen=True)
class Way:
    """From an item up. steps: (unit, position in it) until a unit with a slot of its own; none if
    the item has one itself. stored: that unit and those around it, innermost first."""

    steps: tuple[tuple[bytes, int], ...]
    stored: tuple[ChainUnit, ...]


def find_way(session: Session, leaf: bytes, batch: int, index: int) -> Way | None:
    """Return the way from an item to its outermost unit, None if no known unit on chain has it."""
    return next(find_ways(session, leaf, batch, index), None)


def find_ways(session: Session, leaf: bytes, batch: int, index: int) -> Iterator[Way]:
    """Yield every way from an item to an outermost unit; honest packers leave at most one."""
    own = session.get(ChainUnit, leaf)
    if own is not None:
        yield Way((), _around(session, own))
        return
    packed = select(UnitRun).where(
        UnitRun.batch == batch, UnitRun.first <= index, UnitRun.to > index
    )
    for run in session.scalars(packed):
        yield from _climb(session, run.unit, run.position + index - run.first)


def steps_of(site: Site, session: Session, way: Way) -> tuple[Step, ...]:
    """Return the way's steps, each with its proof in the packer's tree.

    Raises Broken UNIT_ROWS_DIFFER when the rows do not give the packed root.
    """
    steps = []
    for unit, position in way.steps:
        name = _need(session.get(UnitName, unit))
        nodes = merkle.tree([child_leaf(child) for child in children_of(site, session, unit)])
        if nodes[0] != name.children_root:
            raise _differ()
        siblings = tuple(merkle.proof(nodes, position))
        steps.append(Step(unit, position, name.children_root, name.count, siblings))
    return tuple(steps)


def unit_histories(session: Session, stored: Iterable[ChainUnit]) -> list[list[Event]]:
    """Return the events of units with a slot, and of those they came out of up to then."""
    todo = [(unit.id, unit.seq) for unit in stored]
    whole: dict[bytes, list[Event]] = {}
    while todo:
        unit, upto = todo.pop(0)
        if upto <= len(whole.get(unit, ())):
            continue
        whole[unit] = events_of(session, ids.subject("unit", unit), upto)
        todo += [
            (event.args["parent"], event.args["parentSeq"])
            for event in whole[unit]
            if event.verb is Verb.UNPACKED_FROM
        ]
    return list(whole.values())


def events_of(session: Session, subject: bytes, upto: int | None = None) -> list[Event]:
    """Return the first `upto` events of a subject, all of them without it."""
    query = select(ChainEvent).where(ChainEvent.subject == subject).order_by(ChainEvent.seq)
    if upto is not None:
        query = query.where(ChainEvent.seq <= upto)
    return [_event(row) for row in session.scalars(query)]


def _around(session: Session, unit: ChainUnit) -> tuple[ChainUnit, ...]:
    around = [unit]
    while around[-1].state == INSIDE and around[-1].parent is not None:
        around.append(_need(session.get(ChainUnit, around[-1].parent)))
    return tuple(around)


def _climb(session: Session, unit: bytes, position: int) -> Iterator[Way]:
    stored = session.get(ChainUnit, unit)
    if stored is not None:
        yield Way(((unit, position),), _around(session, stored))
        return
    for above in session.scalars(select(UnitChild).where(UnitChild.child == unit)):
        for way in _climb(session, above.unit, above.position):
            yield Way(((unit, position), *way.steps), way.stored)


def _event(row: ChainEvent) -> Event:
    verb = Verb(row.verb)
    number = row.kind not in ("unit", "item")
    return Event(
        kind=cast(SubjectKind, row.kind),
        identity=int.from_bytes(row.identity, "big") if number else row.identity,
        seq=row.seq,
        verb=verb,
        actor=row.actor,
        args=from_json(args_struct(verb), row.args),
        event_hash=row.event_hash,
        signer=row.signer,
        key_mode=row.key_mode,
        time=row.time,
    )


def _need(row: T | None) -> T:
    if row is None:
        raise _differ()
    return row


def _differ() -> Broken:
    return Broken(
        "UNIT_ROWS_DIFFER",
        "What is stored of a unit's content is not what was packed: restore a backup.",
    )
