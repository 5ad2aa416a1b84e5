"""What a proof bundle says of a code, from rows; and the places in storage that prove it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from sqlalchemy import bindparam, select
from sqlalchemy.orm import Session

from ledger.chain.bundle_format import write_step
from ledger.db.engine import plain_rows
from ledger.db.models import ChainBatch, ChainLot, ChainRun, ChainUnit, LotName
from ledger.domain import ids
from ledger.domain.history import Event
from ledger.domain.leaf import leaf
from ledger.services.codes import decode, leaf_proof, prefix_of
from ledger.services.goods.ways import INSIDE, Way, find_way, lot_of_units
from ledger.services.keys.keeper import BatchRef
from ledger.services.proving.prove_custody import events_of, steps_of, unit_histories
from ledger.services.proving.prove_frame import Json, Place
from ledger.services.site import Site

COMMISSIONED = 2
MOVING = (2, 4)  # on its way, or lost on it
MAX_BATCH_EVENTS = 256  # with more, a batch's history is left out; nothing in a verdict rests on it

# Built once, since every proof asks them.
_BATCH = select(
    ChainBatch.brand,
    ChainBatch.epoch,
    ChainBatch.gtin,
    ChainBatch.count,
    ChainBatch.status,
    ChainBatch.seq,
).where(ChainBatch.number == bindparam("number"))
_RUN = (
    select(ChainRun.first, ChainRun.to, ChainRun.lot)
    .where(ChainRun.batch == bindparam("batch"), ChainRun.first <= bindparam("index"))
    .order_by(ChainRun.first.desc())
    .limit(1)
)


@dataclass(frozen=True)
class Part:
    """What the bundle says of the code, and the places in storage that prove it. lot: its text."""

    code: Json | None = None
    units: list[Json] | None = None
    histories: tuple[Sequence[Event], ...] = ()
    bound: bool = False  # to a lot, by its run
    lot: str | None = None
    parties: frozenset[int] = frozenset()  # whose slots are shown
    places: tuple[Place, ...] = ()


def gather(site: Site, session: Session, gtin: int, serial: str) -> Part:
    """Return all that the rows say of a code. Raises Broken as `prove.build`."""
    found = decode(site, session, gtin, serial)
    if found is None:
        return Part()
    number, index = found.batch, found.index
    code: Json = {
        "batch": number,
        "index": index,
        "siblings": [],
        "prefix_length": None,
        "run": None,
    }
    rows = plain_rows(session, _BATCH, number=number)
    places: tuple[Place, ...] = (("batches", (number,), "status"),)
    if not rows:
        return Part(code=code, places=places)
    brand, epoch, batch_gtin, count, status, seq = rows[0]
    if status != COMMISSIONED or batch_gtin != gtin or index >= count:
        return Part(code=code, places=places)
    if (brand, epoch) != (found.brand, found.epoch):
        return Part()  # a guess that decodes under another key: it stands for nothing
    ref = BatchRef(brand, epoch, gtin, number, count)
    code["siblings"] = ["0x" + node.hex() for node in leaf_proof(site, session, ref, index)]
    prefix = prefix_of(session, gtin)
    assert prefix is not None  # a brand commissions under its own prefix only
    code["prefix_length"] = prefix.length
    places += (
        ("batches", (number,), "root"),
        ("prefixes", (prefix.length << 64 | prefix.prefix,), ""),
        ("parties", (brand,), "status"),
        ("items", (leaf(gtin, index, serial),), "state"),
        ("claims", (number, index), "time"),
    )
    history = (
        events_of(session, ids.subject("batch", number), seq) if seq <= MAX_BATCH_EVENTS else None
    )
    if history:
        places += (("batches", (number,), "head"),)
    part = Part(
        code=code,
        histories=(history,) if history else (),
        parties=frozenset({brand}),
        places=places,
    )
    part = _run(session, part, number, index)
    return _custody(site, session, part, gtin, leaf(gtin, index, serial), number, index)


def _run(session: Session, part: Part, batch: int, index: int) -> Part:
    """Add the last run that starts at or before the code: it covers it, or shows that none does."""
    found = plain_rows(session, _RUN, batch=batch, index=index)
    if not found:
        return part
    run = found[0]
    part = replace(
        part,
        code={**(part.code or {}), "run": run.first},
        bound=index < run.to and run.lot != 0,
        places=(*part.places, ("runs", (batch, run.first), "to")),
    )
    return _lot(session, part, session.get(ChainLot, run.lot)) if part.bound else part


def _lot(session: Session, part: Part, lot: ChainLot | None) -> Part:
    if lot is None:
        return part
    places: tuple[Place, ...] = (*part.places, ("lots", (lot.number,), "expiry"))
    name = session.get(LotName, lot.id)
    if name is not None:
        places += (("lots", (lot.number,), "id"),)
    return replace(part, lot=name.lot if name else None, places=places)


def _custody(
    site: Site, session: Session, part: Part, gtin: int, item: bytes, batch: int, index: int
) -> Part:
    part = replace(part, places=(*part.places, ("units", (item,), "state")))
    way = find_way(site, session, item, batch, index)
    if way is None:
        return part
    if not part.bound:
        part = _lot(session, part, lot_of_units(session, way.stored, gtin))
    outermost = way.stored[-1]
    parties = {outermost.holder} | ({outermost.addressee} if outermost.state in MOVING else set())
    return replace(
        part,
        units=[write_step(step) for step in steps_of(site, session, way)],
        histories=(*part.histories, *unit_histories(session, way.stored)),
        parties=part.parties | parties,
        places=(
            *part.places,
            *_unit_places(way),
            *(("parties", (party,), "status") for party in sorted(parties)),
        ),
    )


def _unit_places(way: Way) -> list[Place]:
    places: list[Place] = [("units", (unit,), "state") for unit, _ in way.steps]
    if way.steps:
        places.append(("units", (way.stored[0].id,), "childrenRoot"))
    for unit in way.stored:
        places += [("units", (unit.id,), member) for member in _members(unit)]
    return places


def _members(unit: ChainUnit) -> tuple[str, ...]:
    return ("state", "head", "parent") if unit.state == INSIDE else ("state", "head")
