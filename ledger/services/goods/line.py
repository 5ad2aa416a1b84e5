"""Packing from a stream: a line's boxes as they are closed, each acknowledged once it is kept.

A closed box is kept here until a unit that travels alone is closed with it inside; then that unit
goes on the ledger, and the box is part of it. Whatever was acknowledged survives a kill; what was
not is sent again, and what was is then acknowledged again: nothing is lost, nothing done twice.

In one module, since what is read, judged, written and answered of an event is one promise.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeGuard

import numpy as np
import orjson
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from ledger.chain.account import Account
from ledger.db.engine import reading, transaction
from ledger.db.packing import LineBox
from ledger.domain import contents
from ledger.domain.contents import Inner, Part, walk
from ledger.errors import Rejected, Unavailable
from ledger.services.goods import packing_checks, places
from ledger.services.goods.line_boxes import Boxes, Parts, build, join, key_of
from ledger.services.goods.line_codes import read_codes
from ledger.services.goods.line_rows import forget, keep
from ledger.services.goods.packing import Box, Refused, pack_many
from ledger.services.goods.packing_checks import Load
from ledger.services.goods.units import inner_of
from ledger.services.site import Site

CLOSED, PACKED, REFUSED = "closed", "packed", "refused"
AT_ONCE = 2_000  # events that are kept in one go
MAX_INSIDE = 10_000  # texts of one event
TRIES = 20  # to keep boxes while other lines keep others


@dataclass(frozen=True)
class Event:
    """A box was closed. row: of the stream, from 1; inside: what was read, as `line_codes` has it.

    alone: it travels by itself, so it goes on the ledger with all that is in it. again: the box was
    opened, and this is what is in it now.
    """

    row: int
    sscc: str
    inside: tuple[str, ...]
    lot: str | None = None
    alone: bool = False
    again: bool = False


@dataclass(frozen=True)
class Ack:
    """What became of an event: closed (kept here), packed (on its way to the ledger), refused."""

    row: int
    sscc: str
    state: str
    submission: int | None = None
    error: Rejected | None = None

    def to_json(self) -> dict[str, Any]:
        """Return it as a line of JSON has it."""
        told: dict[str, Any] = {"row": self.row, "sscc": self.sscc, "state": self.state}
        if self.submission is not None:
            told["submission"] = self.submission
        if self.error is not None:
            told |= {"code": self.error.code, "error": self.error.message}
        return told


def read_event(row: int, line: bytes) -> Event | Ack:
    """Return the event that a line of JSON is, or why it is none."""
    try:
        value = orjson.loads(line.removeprefix(b"\xef\xbb\xbf"))
        return _event(row, value)
    except orjson.JSONDecodeError as error:
        return _no_event(row, f"it is no JSON ({error})")
    except (KeyError, TypeError, ValueError) as error:
        return _no_event(row, str(error).strip("'\""))


def take(
    site: Site, actor: int, events: Sequence[Event | Ack], signer: Account | None = None
) -> list[Ack]:
    """Keep what a line has closed; return what became of each event, in their order.

    All that is said to be closed or packed is durable when this returns.
    """
    acks: dict[int, Ack] = {event.row: event for event in events if isinstance(event, Ack)}
    for part in _distinct([event for event in events if isinstance(event, Event)]):
        boxes = _read(site, part, acks)
        packed = _pack(site, actor, [e for e in part if e.alone], boxes, acks, signer)
        _close(site, actor, [e for e in part if not e.alone], boxes, packed, acks)
    return [acks[event.row] for event in events]


def reopen(site: Site, actor: int, sscc: str) -> None:
    """Forget a box that is on no ledger yet: it was opened. Raises Rejected UNKNOWN_UNIT."""
    with transaction(site.engine) as session:
        if session.get(LineBox, (actor, sscc)) is None:
            raise Rejected("UNKNOWN_UNIT", f"No box {sscc} is closed and waits for its unit.")
        forget(session, actor, [sscc])


def waiting(session: Session, actor: int) -> list[tuple[str, int, int]]:
    """Return the closed boxes that are in no unit yet: (SSCC, items in it, unix seconds)."""
    rows = session.scalars(
        select(LineBox).where(LineBox.actor == actor).order_by(LineBox.created, LineBox.sscc)
    )
    return [
        (row.sscc, contents.items_in(contents.decode(row.contents)), row.created) for row in rows
    ]


def _distinct(events: Sequence[Event]) -> list[list[Event]]:
    """Return events in parts in which each box is closed once."""
    parts: list[list[Event]] = []
    seen: set[str] = set()
    for event in events:
        if not parts or event.sscc in seen:
            parts.append([])
            seen.clear()
        parts[-1].append(event)
        seen.add(event.sscc)
    return parts


def _event(row: int, value: Any) -> Event:
    if not isinstance(value, Mapping):
        raise TypeError("it is no object")
    unknown = set(value) - {"sscc", "inside", "lot", "alone", "again"}
    if unknown:
        raise ValueError(f"nobody knows its member {sorted(unknown)[0]}")
    sscc, inside, lot = value["sscc"], value["inside"], value.get("lot")
    if not isinstance(sscc, str) or not isinstance(lot, str | None):
        raise TypeError("sscc and lot are texts")
    if not isinstance(inside, list) or not all(isinstance(each, str) for each in inside):
        raise TypeError("inside is a list of texts")
    if not 0 < len(inside) <= MAX_INSIDE:
        raise ValueError(f"inside has 1 to {MAX_INSIDE:,} texts")
    flags = [value.get(name, False) for name in ("alone", "again")]
    if not all(isinstance(flag, bool) for flag in flags):
        raise TypeError("alone and again are true or false")
    return Event(row, sscc, tuple(inside), lot, *flags)


def _no_event(row: int, fault: str) -> Ack:
    error = Rejected("BAD_ROW", f"Row {row} is no event of a line: {fault}. Send it again, whole.")
    return Ack(row, "", REFUSED, error=error)


def _read(site: Site, events: Sequence[Event], acks: dict[int, Ack]) -> Boxes:
    """Return what is in each box of these events, and note what is wrong with the others."""
    texts = [text for event in events for text in event.inside]
    sizes = [len(event.inside) for event in events]
    rows = np.repeat([event.row for event in events], sizes).astype(np.int64)
    owners = np.repeat(np.arange(len(events)), sizes)
    names = {event.sscc: event.row for event in events}
    with reading(site.engine) as session:
        read = read_codes(site, session, texts)
        boxes, faults = build(site, session, read, rows, owners, list(names))
    for fault in faults:
        row = names[fault.sscc]
        acks.setdefault(row, Ack(row, fault.sscc, REFUSED, error=fault.error))
    return boxes


def _pack(
    site: Site,
    actor: int,
    events: Sequence[Event],
    boxes: Boxes,
    acks: dict[int, Ack],
    signer: Account | None,
) -> set[str]:
    """Pack what travels alone; return the boxes that are on their way with it."""
    wanted: list[tuple[Box, str]] = []
    asked: list[Event] = []
    with reading(site.engine) as session:
        for event in events:
            if event.row in acks:
                continue
            try:
                parts = join(session, actor, event.sscc, boxes)
            except Rejected as error:
                acks[event.row] = Ack(event.row, event.sscc, REFUSED, error=error)
                continue
            wanted.append((Box(event.sscc, parts, event.lot), key_of(actor, event.sscc, parts)))
            asked.append(event)
    packed: set[str] = set()
    for event, (box, _), result in zip(
        asked, wanted, pack_many(site, actor, wanted, signer), strict=True
    ):
        if isinstance(result, Refused):
            acks[event.row] = Ack(event.row, event.sscc, REFUSED, error=result.error)
            continue
        acks[event.row] = Ack(event.row, event.sscc, PACKED, result[1])
        inside = [part for part in box.inside if not isinstance(part, Box)]
        packed |= {part.sscc for part in walk(inside) if _is_box(part)}
    return packed


def _close(
    site: Site,
    actor: int,
    events: Sequence[Event],
    boxes: Boxes,
    packed: set[str],
    acks: dict[int, Ack],
) -> None:
    """Keep boxes until the unit around them is closed; one inside another is kept as part of it."""
    for event in events:
        if event.sscc in packed:
            acks.setdefault(event.row, Ack(event.row, event.sscc, PACKED))
    todo = [event for event in events if event.row not in acks]
    while todo:
        own = {event.sscc: boxes[event.sscc] for event in todo}
        inside = {part.sscc for parts in own.values() for part in walk(parts) if _is_box(part)}
        outer = [event for event in todo if event.sscc not in inside] or todo
        kept = _close_outer(site, actor, outer, boxes, acks)
        for event in todo:
            if event.sscc in kept:
                acks.setdefault(event.row, Ack(event.row, event.sscc, CLOSED))
        todo = [event for event in todo if event.row not in acks]


def _close_outer(
    site: Site,
    actor: int,
    events: Sequence[Event],
    boxes: Boxes,
    acks: dict[int, Ack],
    tries: int = TRIES,
) -> set[str]:
    """Keep boxes that are in no other of these; return them and what is in them.

    Raises Unavailable DATABASE_BUSY when other lines are faster again and again.
    """
    fresh: list[tuple[Event, Parts]] = []
    with reading(site.engine) as session:
        for event in events:
            try:
                parts = join(session, actor, event.sscc, boxes)
                known = _kept(session, actor, event, parts)
            except Rejected as error:
                acks[event.row] = Ack(event.row, event.sscc, REFUSED, error=error)
                boxes.pop(event.sscc)
                continue
            if known is not None:
                acks[event.row] = Ack(event.row, event.sscc, known)
            else:
                fresh.append((event, parts))
        loads = [Load(event.sscc, parts, event.lot) for event, parts in fresh]
        checked = packing_checks.check(site, session, actor, loads)
    good = []
    for (event, parts), fault in zip(fresh, checked.faults, strict=True):
        if fault is None:
            good.append((event, parts))
            acks[event.row] = Ack(event.row, event.sscc, CLOSED)
        else:
            acks[event.row] = Ack(event.row, event.sscc, REFUSED, error=fault)
            boxes.pop(event.sscc)
    if not good:
        return set()
    try:
        _write(site, actor, good, boxes, checked.dead)
    except (Rejected, IntegrityError):  # another line was faster: what it took is refused by name
        if not tries:
            raise Unavailable(
                "DATABASE_BUSY", "Other lines close the same boxes all the time: send it again."
            ) from None
        return _close_outer(site, actor, [event for event, _ in good], boxes, acks, tries - 1)
    return {part.sscc for _, parts in good for part in walk(parts) if isinstance(part, Inner)}


def _write(
    site: Site,
    actor: int,
    good: Sequence[tuple[Event, Parts]],
    boxes: Boxes,
    dead: frozenset[bytes],
) -> None:
    """Keep boxes, all or none. Raises Rejected when what was judged has changed since."""
    loads = [Load(event.sscc, parts, event.lot) for event, parts in good]
    new = [event.sscc for event, _ in good if not event.again]
    with transaction(site.engine) as session:
        places.lock(session, places.by_batch([part for load in loads for part in load.parts]))
        for at in range(0, len(new), places.CHUNK):
            some = LineBox.sscc.in_(new[at : at + places.CHUNK])
            if session.scalars(select(LineBox.sscc).where(LineBox.actor == actor, some)).first():
                raise Rejected("TWICE_PACKED", "Another line has closed a box of this SSCC.")
        for load in loads:
            nested = any(isinstance(part, Inner) for part in load.parts)
            if nested and join(session, actor, load.sscc, boxes) != load.parts:
                raise Rejected("BOX_DIFFERS", "Another line has opened a box that is in one.")
        packing_checks.again(session, actor, loads, dead)
        keep(session, actor, [(x.sscc, x.parts, x.lot) for x in loads], site.clock())


def _is_box(part: Part) -> TypeGuard[Inner]:
    return isinstance(part, Inner)


def _kept(session: Session, actor: int, event: Event, parts: Parts) -> str | None:
    """Return what became of a box that is known already, None for a new one.

    Raises Rejected BOX_DIFFERS, NESTED_UNIT.
    """
    if any(isinstance(part, bytes) for part in walk(parts)):
        raise Rejected(
            "NESTED_UNIT",
            f"Box {event.sscc} holds what has travelled alone: close it as one that travels alone.",
        )
    row = session.get(LineBox, (actor, event.sscc))
    if row is not None and not event.again:
        if contents.decode(row.contents) == parts:
            return CLOSED
        raise Rejected(
            "BOX_DIFFERS",
            f"Box {event.sscc} was closed with something else in it: say `again` if it was opened.",
        )
    for holder in places.box_of(session, event.sscc):
        if inner_of(holder, event.sscc).inside == parts:
            return PACKED
        raise Rejected(
            "TWICE_PACKED",
            f"Box {event.sscc} lies in {holder.epc[-18:]} already: take it out first.",
        )
    return None


def dumps(ack: Ack) -> bytes:
    """Return an acknowledgement as a line."""
    return json.dumps(ack.to_json(), ensure_ascii=False).encode() + b"\n"
