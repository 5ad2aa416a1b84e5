"""From a link to what the ledger knows of its code: decoded, or looked up if it was imported."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from sqlalchemy import bindparam, select
from sqlalchemy.orm import Session

from ledger.db.chain_states import ChainClaim, ChainItem
from ledger.db.models import (
    ChainBatch,
    ChainEvent,
    ChainLot,
    ChainRun,
    ChainUnit,
    UnitName,
)
from ledger.db.packing import UnitChild
from ledger.domain import code, digital_link, ids
from ledger.domain.verbs import Verb
from ledger.domain.verdict import ChainFacts
from ledger.errors import Rejected
from ledger.services.codes import decode
from ledger.services.goods.places import holder_of
from ledger.services.goods.ways import lot_of_units, units_of
from ledger.services.goods.whereabouts import way_of_box, way_of_item
from ledger.services.mint import COMMISSIONED
from ledger.services.site import Site

RECALLED = 2

# Built once: building a query takes three times as long as running it, and a scan needs them all.
_RUN = (
    select(ChainRun)
    .where(ChainRun.batch == bindparam("batch"), ChainRun.first <= bindparam("index"))
    .order_by(ChainRun.first.desc())
    .limit(1)
)
_AROUND = select(UnitChild.unit).where(UnitChild.child == bindparam("child"))
_EVENTS = (
    select(ChainEvent).where(ChainEvent.subject == bindparam("subject")).order_by(ChainEvent.seq)
)

_STATE = select(ChainItem.state).where(ChainItem.leaf == bindparam("leaf"))
_OPENED = select(ChainClaim.time).where(
    ChainClaim.batch == bindparam("batch"), ChainClaim.index == bindparam("index")
)


@dataclass(frozen=True)
class Link:
    """A link as read. canonical: set where only the spelling of a serial of ours is off.

    ours: whether the serial has the form of those that the ledger makes.
    """

    host: str
    gtin: str
    serial: str
    canonical: str | None = None
    ours: bool = True

    @property
    def fault(self) -> str | None:
        """Why the serial is not one that the ledger makes; it may have been imported."""
        if self.ours:
            return None
        if self.canonical is None:
            return "The serial has characters that no code of ours has."
        return "The serial is written in another way than printed."


@dataclass(frozen=True)
class Item:
    """A code that is on the ledger."""

    brand: int
    gtin: int
    serial: str
    batch: int
    index: int
    leaf: bytes
    run: ChainRun | None
    lot: ChainLot | None  # its code's, else that of the unit that it lies in
    state: int = 0  # as the chain has set it, 0 never
    opened: int | None = None  # when its inner code was uncovered, unix seconds
    imported: bool = False  # printed before it joined the ledger


def read_link(text: str) -> Link:
    """Return what a link says. Raises Rejected MALFORMED.

    A serial in lower case, or with O, I or L, is read with `canonical` set: it is redirected,
    unless it was imported as it is.
    """
    found = digital_link.parse(text.strip())
    if found.gtin is None or found.serial is None:
        raise Rejected("MALFORMED", "The link names no single item: it needs /01/GTIN/21/SERIAL.")
    canonical = code.normalise_variant(found.serial)
    ours = canonical == found.serial
    return Link(found.host, found.gtin, found.serial, None if ours else canonical, ours)


def find_item(site: Site, session: Session, gtin: str, serial: str) -> Item | None:
    """Return the item of a serial as it is written; None where no batch on the ledger holds it."""
    decoded = decode(site, session, int(gtin), serial)
    if decoded is None:
        return None
    batch = session.get(ChainBatch, decoded.batch)
    if batch is None or batch.status != COMMISSIONED or decoded.index >= batch.count:
        return None
    if (batch.brand, batch.epoch, batch.gtin) != (decoded.brand, decoded.epoch, int(gtin)):
        return None  # a guess under a wrong key, or a copied ledger's code
    run = run_of(session, batch.number, decoded.index)
    leaf = code.leaf(batch.gtin, decoded.index, serial)
    place = {"batch": batch.number, "index": decoded.index}
    return Item(
        batch.brand,
        batch.gtin,
        serial,
        batch.number,
        decoded.index,
        leaf,
        run,
        _lot_of(site, session, run, leaf, batch, decoded.index),
        session.scalar(_STATE, {"leaf": leaf}) or 0,
        session.scalar(_OPENED, place),
        batch.epoch == code.IMPORTED_EPOCH,
    )


def find_linked(site: Site, session: Session, link: Link) -> Item | None:
    """Return the item of a link: as it is written, or as it was meant."""
    item = find_item(site, session, link.gtin, link.serial)
    if item is None and link.canonical is not None:
        item = find_item(site, session, link.gtin, link.canonical)
    return item


def _lot_of(
    site: Site, session: Session, run: ChainRun | None, leaf: bytes, batch: ChainBatch, index: int
) -> ChainLot | None:
    """Return the lot that a code is bound to, else that of the unit that the item lies in."""
    if run is not None and run.lot:
        return session.get(ChainLot, run.lot)
    return lot_of_units(session, units_of(site, session, leaf, batch.number, index), batch.gtin)


def run_of(session: Session, batch: int, index: int) -> ChainRun | None:
    """Return the run that holds an index, None if it is in no run."""
    run = session.scalars(_RUN, {"batch": batch, "index": index}).first()
    return run if run is not None and index < run.to else None


def chain_facts(item: Item) -> ChainFacts:
    """Return what the rules may know of the chain's state."""
    run, lot = item.run, item.lot
    return ChainFacts(
        active_from=(run.active_from or None) if run else None,
        void=bool(run and run.voided),
        recalled=bool(lot and lot.status == RECALLED),
        expires=(lot.expiry or None) if lot else None,
        best_before=(lot.best_before or None) if lot else None,
        item_state=item.state,
        opened=item.opened,
    )


def history(site: Site, session: Session, item: Item) -> list[ChainEvent]:
    """Return the events that concern an item, in order of time.

    Its codes' events, its lot's, its own, and those of the units it lay in, as their packers state
    it: each only until the item (or the unit that it lay in) was taken out.
    """
    codes = _events(session, "batch", item.batch)
    own = _events(session, "unit", item.leaf)
    told = {event for event in codes if _concerns(event, item)} | set(own)
    told |= set(_events(session, "item", item.leaf))
    told |= set(_events(session, "lot", item.lot.number)) if item.lot is not None else set()
    told |= set(_around(session, _units_around(site, session, item), own, _NEVER))
    return sorted(told, key=_place)


def parties_of(site: Site, session: Session, name: UnitName) -> set[int]:
    """Return who may see a unit: its packer, the brand, and all who had a part in its way."""
    own = session.get(ChainUnit, name.id)
    found = {name.creator, name.brand} | ({own.holder, own.addressee} if own else set())
    chain = [name.id, *(unit for unit, _ in way_of_box(site, session, name))]
    for event in _around(session, chain, [], _NEVER):
        found |= {event.actor, event.counterparty}
    return found - {0}


_Place = tuple[float, float]
_NEVER: _Place = (float("inf"), 0)


def _units_around(site: Site, session: Session, item: Item) -> list[bytes]:
    """Return the units around an item that may have a history, from inside out."""
    holder = holder_of(session, item.batch, item.index)
    if holder is None:
        return []
    own = session.get(ChainUnit, holder.id)
    if own is not None and not own.gone:
        return [holder.id]  # nothing has left it, so no box in it was ever on the ledger
    return [unit for unit, _ in way_of_item(site, session, item.batch, item.index)]


def _around(
    session: Session, units: Sequence[bytes], inside: Sequence[ChainEvent], until: _Place
) -> Iterator[ChainEvent]:
    """Yield what happened to units, each around the one before, until what was inside left them.

    inside: the events of what lies in the first of them.
    """
    for unit in units:
        last = _left(inside, unit)
        events = [
            event
            for event in _events(session, "unit", unit)
            if (last is None or event.seq <= last) and _place(event) <= until
        ]
        yield from events
        if last is not None and events:
            until = _place(events[-1])
        for parent in session.scalars(_AROUND, {"child": unit}).all():
            yield from _around(session, [parent], events, until)
        inside = events


def _left(events: Sequence[ChainEvent], unit: bytes) -> int | None:
    """Return the event of `unit` by which it was left, by what was in it; None if it was not."""
    return next(
        (
            event.args["parentSeq"]
            for event in events
            if event.verb == Verb.UNPACKED_FROM and event.args["parent"] == "0x" + unit.hex()
        ),
        None,
    )


def _events(session: Session, kind: ids.SubjectKind, identity: bytes | int) -> list[ChainEvent]:
    return list(session.scalars(_EVENTS, {"subject": ids.subject(kind, identity)}))


def _place(event: ChainEvent) -> _Place:
    return event.block, event.log_index


def _concerns(event: ChainEvent, item: Item) -> bool:
    if event.verb not in (Verb.ACTIVATE, Verb.VOID, Verb.BIND_LOT):
        return True
    return bool(event.args["from"] <= item.index < event.args["to"])
