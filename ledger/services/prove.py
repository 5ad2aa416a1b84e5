"""Build a proof bundle `touchstone-proof/1` of one code, as of the follower's checkpoint.

Rows say what to ask for, the node gives the proofs, and the checker's own rules say what follows:
a bundle that would not stand is never handed out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import orjson
from sqlalchemy import select
from sqlalchemy.orm import Session

from ledger.chain import artifact, bundle_format
from ledger.chain.bundle import Conclusion, conclude
from ledger.chain.bundle_events import write_event
from ledger.chain.reader import fetch_headers
from ledger.chain.rpc import Rpc
from ledger.chain.storage import Layout
from ledger.db.models import (
    ChainBatch,
    ChainCheckpoint,
    ChainLot,
    ChainParty,
    ChainRun,
    ChainUnit,
    LotName,
    Mint,
    Product,
    Profile,
)
from ledger.domain import ids, merkle
from ledger.domain.history import Event
from ledger.domain.leaf import leaf
from ledger.domain.verdict import Outcome, ScanFacts
from ledger.errors import Broken, Rejected, Unavailable
from ledger.services.keeper import BatchRef, CodeKeeper
from ledger.services.network import Network
from ledger.services.prove_custody import (
    INSIDE,
    LeavesOf,
    Way,
    events_of,
    find_way,
    steps_json,
    unit_histories,
)

COMMISSIONED = 2
IN_TRANSIT = 2
MAX_BATCH_EVENTS = 256  # with more, a batch's history is left out; nothing in a verdict rests on it

Json = dict[str, Any]
Place = tuple[str, tuple[int | bytes, ...], str]  # label, keys and member of the layout


@dataclass(frozen=True)
class _Part:
    """What the bundle says of the code, and the places in storage that prove it."""

    code: Json | None = None
    units: list[Json] | None = None
    histories: tuple[Sequence[Event], ...] = ()
    lot: str | None = None
    parties: frozenset[int] = frozenset()  # whose slots are shown
    places: tuple[Place, ...] = field(default=())


def build(
    session: Session,
    rpc: Rpc,
    network: Network,
    keeper: CodeKeeper,
    leaves_of: LeavesOf,
    *,
    gtin: str,
    serial: str,
    scans: ScanFacts,
    made: int,
    documents: Mapping[bytes, Json] | None = None,
) -> Json:
    """Return the bundle of a code as JSON values.

    gtin: 14 digits; serial: canonical. scans: what the operator's log says, as the verdict had it.
    made: now, in unix seconds. documents: EPCIS documents by event hash that the asker may see;
    those of events in the bundle are included.
    Raises Unavailable LEDGER_BEHIND (nothing followed yet) or what the node raises; Broken
    CHAIN_FORKED, MINT_MISSING, UNIT_ROWS_DIFFER, TREE_MISMATCH, or PROOF_REFUSED when the node's
    proofs do not hold.
    """
    checkpoint = session.get(ChainCheckpoint, 1)
    if checkpoint is None:
        raise Unavailable("LEDGER_BEHIND", "No block was followed yet: try again in a moment.")
    part = _code(session, keeper, leaves_of, int(gtin), serial)
    (header,) = fetch_headers(rpc, range(checkpoint.number, checkpoint.number + 1))
    if header.hash != checkpoint.hash:
        raise Broken("CHAIN_FORKED", f"The node's block {checkpoint.number} is not the one taken.")
    proof = _prove(rpc, network.contract, part.places, checkpoint.number)
    events = [event for history in part.histories for event in history]
    shown = {event.event_hash for event in events}
    document = {
        "format": bundle_format.FORMAT,
        "made": made,
        "chain_id": network.chain_id,
        "contract": network.contract.lower(),
        "layout": artifact.layout(),
        "gtin": gtin,
        "serial": serial,
        "headers": {"settled": "0x" + header.encode().hex(), "changes": checkpoint.changes},
        **proof,
        "code": part.code,
        "units": part.units,
        "histories": [_history(history) for history in part.histories],
        "documents": {
            "0x" + key.hex(): body for key, body in (documents or {}).items() if key in shown
        },
        "stated": {
            "scans": bundle_format.write_scans(scans),
            "lot": part.lot,
            **_names(session, int(gtin), part.parties, events),
        },
    }
    return {**document, "verdict": _verdict(_concluded(document))}


def _code(
    session: Session, keeper: CodeKeeper, leaves_of: LeavesOf, gtin: int, serial: str
) -> _Part:
    found = keeper.decode(gtin, serial)
    if found is None:
        return _Part()
    number, index = found.batch, found.index
    code: Json = {
        "batch": number,
        "index": index,
        "siblings": [],
        "prefix_length": None,
        "run": None,
    }
    batch = session.get(ChainBatch, number)
    places: tuple[Place, ...] = (("batches", (number,), "status"),)
    known = batch is not None and batch.status == COMMISSIONED and batch.gtin == gtin
    if batch is None or not known or index >= batch.count:
        return _Part(code=code, places=places)
    if (batch.brand, batch.epoch) != (found.brand, found.epoch):
        return _Part()  # a guess that decodes under another key: it stands for nothing
    code["siblings"] = _siblings(session, keeper, batch, index)
    party = session.get(ChainParty, batch.brand)
    assert party is not None  # a brand that commissioned is registered
    code["prefix_length"] = party.prefix_length
    digits = int(f"{gtin:014d}"[1 : 1 + party.prefix_length])
    places += (
        ("batches", (number,), "root"),
        ("prefixes", (party.prefix_length << 64 | digits,), ""),
        ("parties", (batch.brand,), "status"),
    )
    history = (
        events_of(session, ids.subject("batch", number), batch.seq)
        if batch.seq <= MAX_BATCH_EVENTS
        else None
    )
    if history:
        places += (("batches", (number,), "head"),)
    part = _Part(
        code=code,
        histories=(history,) if history else (),
        parties=frozenset({batch.brand}),
        places=places,
    )
    part = _run(session, part, number, index)
    return _custody(session, part, leaves_of, leaf(gtin, index, serial), number, index)


def _siblings(session: Session, keeper: CodeKeeper, batch: ChainBatch, index: int) -> list[str]:
    mint = session.scalars(select(Mint).where(Mint.batch == batch.number)).one_or_none()
    if mint is None or mint.kept is None:
        raise Broken(
            "MINT_MISSING",
            f"The tree of batch {batch.number} is not stored: restore a backup of the database.",
        )
    ref = BatchRef(batch.brand, batch.epoch, batch.gtin, batch.number, batch.count)
    node, siblings = keeper.siblings(ref, index)
    upper = merkle.upper_tree(mint.kept)
    proof = merkle.join_proof(upper, merkle.kept_node(batch.count, index), node, siblings)
    return ["0x" + sibling.hex() for sibling in proof]


def _run(session: Session, part: _Part, batch: int, index: int) -> _Part:
    """Add the last run that starts at or before the code: it covers it, or shows that none does."""
    query = (
        select(ChainRun)
        .where(ChainRun.batch == batch, ChainRun.first <= index)
        .order_by(ChainRun.first.desc())
        .limit(1)
    )
    run = session.scalars(query).first()
    if run is None:
        return part
    places: tuple[Place, ...] = (*part.places, ("runs", (batch, run.first), "to"))
    name = None
    if index < run.to and run.lot:
        places += (("lots", (run.lot,), "expiry"),)
        lot = session.get(ChainLot, run.lot)
        name = session.get(LotName, lot.id) if lot else None
        if name is not None:
            places += (("lots", (run.lot,), "id"),)
    code = {**(part.code or {}), "run": run.first}
    return replace(part, code=code, lot=name.lot if name else None, places=places)


def _custody(
    session: Session, part: _Part, leaves_of: LeavesOf, item: bytes, batch: int, index: int
) -> _Part:
    places: tuple[Place, ...] = (*part.places, ("units", (item,), "state"))
    way = find_way(session, item, batch, index)
    if way is None:
        return replace(part, places=places)
    outermost = way.stored[-1]
    parties = {outermost.holder} | (
        {outermost.addressee} if outermost.state == IN_TRANSIT else set()
    )
    return replace(
        part,
        units=steps_json(session, way, leaves_of),
        histories=(*part.histories, *unit_histories(session, way)),
        parties=part.parties | parties,
        places=(
            *places,
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


def _prove(rpc: Rpc, contract: str, places: Sequence[Place], number: int) -> Json:
    """Return `account_proof` and `storage` of a bundle; what the node answers is checked later."""
    layout = Layout(artifact.layout())
    slots = sorted({_slot(layout, place) for place in places})
    asked = [f"0x{slot:064x}" for slot in slots]
    answer = rpc.call("eth_getProof", contract, asked, hex(number))
    try:
        return {
            "account_proof": answer["accountProof"],
            "storage": {
                slot: part["proof"]
                for slot, part in zip(asked, answer["storageProof"], strict=True)
            },
        }
    except (KeyError, TypeError, ValueError):
        raise _refused("its answer has another form") from None


def _slot(layout: Layout, place: Place) -> int:
    label, keys, member = place
    found = layout.place(label, *keys)
    return found.slot_of(member) if member else found.slot


def _history(events: Sequence[Event]) -> Json:
    identity = events[0].identity
    return {
        "kind": events[0].kind,
        "id": str(identity) if isinstance(identity, int) else "0x" + identity.hex(),
        "events": [write_event(event) for event in events],
    }


def _names(
    session: Session, gtin: int, parties: frozenset[int], events: Sequence[Event]
) -> dict[str, Any]:
    """Return what the product and all parties shown are called here."""
    product = session.get(Product, gtin)
    named = parties | {event.actor for event in events} | {event.counterparty for event in events}
    profiles = session.scalars(select(Profile).where(Profile.party.in_(named)))
    return {
        "product": {"en": product.name_en, "zh": product.name_zh} if product else None,
        "names": {str(p.party): {"en": p.name_en, "zh": p.name_zh} for p in profiles},
    }


def _concluded(document: Json) -> Conclusion:
    nothing = {"outcome": Outcome.NOT_CONFIRMED, "reasons": [], "proved": [], "stated": []}
    try:
        return conclude(bundle_format.read(orjson.dumps({**document, "verdict": nothing})))
    except Rejected as fault:
        raise _refused(f"{fault.code}: {fault.message}") from None


def _verdict(found: Conclusion) -> Json:
    return {
        "outcome": str(found.outcome),
        "reasons": list(found.reasons),
        "proved": list(found.proved),
        "stated": list(found.stated),
    }


def _refused(why: str) -> Broken:
    return Broken(
        "PROOF_REFUSED", f"The node's proofs do not show what was followed ({why}): check the node."
    )
