"""What a proof bundle needs of units: the way from an item to its unit, and whole histories."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, TypeVar, cast

from sqlalchemy import Row, bindparam, select
from sqlalchemy.orm import Session

from ledger.chain.bundle_format import Step
from ledger.db.engine import plain_rows
from ledger.db.models import ChainEvent, ChainUnit, UnitName
from ledger.domain import ids, merkle
from ledger.domain.history import Event, args_struct
from ledger.domain.ids import SubjectKind
from ledger.domain.typed_json import from_json
from ledger.domain.verbs import Verb
from ledger.services.goods.packed import Packed, load
from ledger.services.goods.ways import Way, differ
from ledger.services.site import Site

T = TypeVar("T")

# Built once, since every proof asks it.
_EVENTS = (
    select(ChainEvent)
    .where(ChainEvent.subject == bindparam("subject"), ChainEvent.seq <= bindparam("upto"))
    .order_by(ChainEvent.seq)
)
_ALL = (1 << 63) - 1  # no subject has as many events


def steps_of(site: Site, session: Session, way: Way) -> tuple[Step, ...]:
    """Return the way's steps, each with its proof in the packer's tree.

    Raises Broken UNIT_ROWS_DIFFER when the rows do not give the packed root.
    """
    steps: list[Step] = []
    outer: Packed | None = None
    for unit, position in reversed(way.steps):
        inside = next((one for one in outer.inner if one.id == unit), None) if outer else None
        outer = inside or load(site, session, _need(session.get(UnitName, unit)))
        siblings = tuple(merkle.proof(outer.nodes(), position))
        steps.append(Step(unit, position, outer.root, outer.count, siblings))
    return tuple(reversed(steps))


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


def events_of(session: Session, subject: bytes, upto: int = _ALL) -> list[Event]:
    """Return the first `upto` events of a subject, all of them without it."""
    return [_event(row) for row in plain_rows(session, _EVENTS, subject=subject, upto=upto)]


def _event(row: Row[*tuple[Any, ...]]) -> Event:
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
        raise differ()
    return row
