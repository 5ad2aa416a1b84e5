"""From a link to what the ledger knows of its code: decoded, not looked up."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from ledger.db.models import ChainBatch, ChainEvent, ChainLot, ChainRun, UnitChild, UnitRun
from ledger.domain import code, digital_link, ids
from ledger.domain.verbs import Verb
from ledger.domain.verdict import ChainFacts
from ledger.errors import Rejected
from ledger.services.mint import COMMISSIONED
from ledger.services.site import Site

RECALLED = 2


@dataclass(frozen=True)
class Link:
    """A link as read. canonical: set where only the spelling of the serial is off."""

    host: str
    gtin: str
    serial: str
    canonical: str | None = None


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
    lot: ChainLot | None


def read_link(text: str) -> Link:
    """Return what a link says. Raises Rejected MALFORMED.

    A serial in lower case, or with O, I or L, is read with `canonical` set: it is redirected.
    """
    found = digital_link.parse(text.strip())
    if found.gtin is None or found.serial is None:
        raise Rejected("MALFORMED", "The link names no single item: it needs /01/GTIN/21/SERIAL.")
    canonical = code.normalise_variant(found.serial)
    if canonical is None:
        raise Rejected("MALFORMED", "The serial has characters that no code of ours has.")
    other = canonical if canonical != found.serial else None
    return Link(found.host, found.gtin, found.serial, other)


def find_item(site: Site, session: Session, gtin: str, serial: str) -> Item | None:
    """Return the item of a canonical serial; None where no batch on the ledger holds it."""
    decoded = site.keeper.decode(int(gtin), serial)
    if decoded is None:
        return None
    batch = session.get(ChainBatch, decoded.batch)
    if batch is None or batch.status != COMMISSIONED or decoded.index >= batch.count:
        return None
    if (batch.brand, batch.epoch, batch.gtin) != (decoded.brand, decoded.epoch, int(gtin)):
        return None  # a guess under a wrong key, or a copied ledger's code
    run = run_of(session, batch.number, decoded.index)
    lot = session.get(ChainLot, run.lot) if run is not None and run.lot else None
    leaf = code.leaf(batch.gtin, decoded.index, serial)
    return Item(batch.brand, batch.gtin, serial, batch.number, decoded.index, leaf, run, lot)


def run_of(session: Session, batch: int, index: int) -> ChainRun | None:
    """Return the run that holds an index, None if it is in no run."""
    query = (
        select(ChainRun)
        .where(ChainRun.batch == batch, ChainRun.first <= index)
        .order_by(ChainRun.first.desc())
        .limit(1)
    )
    run = session.scalars(query).first()
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
    )


def containers(session: Session, batch: int, index: int) -> list[bytes]:
    """Return the units an item was packed into, innermost first, as the packers state it."""
    query = select(UnitRun.unit).where(
        UnitRun.batch == batch, UnitRun.first <= index, UnitRun.to > index
    )
    found: list[bytes] = []
    unit = session.scalars(query).first()
    while unit is not None and unit not in found:
        found.append(unit)
        unit = session.scalars(select(UnitChild.unit).where(UnitChild.child == unit)).first()
    return found


def history(session: Session, item: Item) -> list[ChainEvent]:
    """Return the events that concern an item, in order of time: its codes', and its units'."""
    units = [item.leaf, *containers(session, item.batch, item.index)]
    subjects = [ids.subject("unit", unit) for unit in units]
    subjects.append(ids.subject("batch", item.batch))
    query = (
        select(ChainEvent)
        .where(ChainEvent.subject.in_(subjects))
        .order_by(ChainEvent.block, ChainEvent.log_index)
    )
    return [event for event in session.scalars(query) if _concerns(event, item)]


def _concerns(event: ChainEvent, item: Item) -> bool:
    if event.verb not in (Verb.ACTIVATE, Verb.BIND_LOT):
        return True
    return bool(event.args["from"] <= item.index < event.args["to"])
