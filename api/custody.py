"""The API under /v1 of those who handle goods and scan them, and the relay of signed messages."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path
from sqlalchemy import select

from api import verb_orders
from api.bodies import (
    MAX_INT,
    HandoffIn,
    JsonRoute,
    MessageIn,
    PackIn,
    ScanBody,
    SignedIn,
    UnpackIn,
)
from api.deps import CustodyDep, Key, KeyDep, PartyDep, ReadDep, ScanDep, SiteDep
from api.limits import Limited
from api.views import event_json, submission_json, verdict_json
from ledger.db.engine import reading
from ledger.db.models import ChainEvent, ChainUnit
from ledger.domain import ids
from ledger.errors import Rejected
from ledger.services import moved, relaying
from ledger.services.act import act, act_on_list, state_of
from ledger.services.device_names import Device
from ledger.services.goods import packing, unpacking
from ledger.services.scan_facts import Place
from ledger.services.scans import ScanIn, store

router = APIRouter(prefix="/v1", tags=["custody"], route_class=JsonRoute)
relay_router = APIRouter(tags=["relay"], route_class=JsonRoute)
Json = dict[str, Any]


@router.post("/packs", status_code=202)
def pack(site: SiteDep, caller: CustodyDep, key: KeyDep, body: PackIn) -> Json:
    """Pack a unit, and send it on its way by the same signature if asked to (scope custody).

    Signed by the actor's hosted key, or by its own: then `signed` is what it made of the message
    that `POST /v1/messages` wrote for the same `pack`. Answers `unit` (its id) and `submission`;
    packed and shipped is all or nothing.
    """
    caller.act_for(body.actor)
    box = verb_orders.box_of(site, caller, body.box)
    if body.signed is not None:
        signed = body.signed.model_dump()
        unit, submission = packing.pack_signed(site, body.actor, box, signed, key, body.ship_to)
    else:
        unit, submission = packing.pack(site, body.actor, box, key, ship_to=body.ship_to)
    return {"unit": "0x" + unit.hex(), "submission": submission}


@router.post("/unpacks", status_code=202)
def unpack(site: SiteDep, caller: CustodyDep, key: KeyDep, body: UnpackIn) -> Json:
    """Take children out of a unit, signed by the actor's hosted key (scope custody).

    Answers `units` (the ids of what was taken out) and `submission`.
    """
    caller.act_for(body.actor)
    unit = verb_orders.units_of(site, caller, [body.unit])[0]
    children, submission = unpacking.unpack(site, body.actor, unit, body.positions, key)
    return {"units": ["0x" + child.hex() for child in children], "submission": submission}


@router.post("/handoffs", status_code=202)
def hand_over(site: SiteDep, caller: CustodyDep, key: KeyDep, body: HandoffIn) -> Json:
    """Move units between two parties, signed by the actor's hosted key (scope custody).

    Answers `submission`. Several units, to ship or receive, are one signature: all or nothing, or
    with `skip_stale` all that have not moved before it lands, one at least.
    """
    order, units = verb_orders.handoff(site, caller, body, key)
    if len(units) > 1:
        return {"submission": act_on_list(site, order, units)}
    return {"submission": act(site, order)}


@router.post("/messages")
def write_message(site: SiteDep, caller: CustodyDep, body: MessageIn) -> Json:
    """Write the message of a verb for a party to sign with its own key (scope custody).

    Answers a message of the form `touchstone-message/1` over the newest heads. What is signed is
    its EIP-712 hash (docs/formats.md); recompute it from `args` before signing. A unit's content is
    told to its holder only. Send what was signed to `/relay`; a `pack` with its box to `/v1/packs`,
    since only then is known here what is in it.
    """
    order, units = verb_orders.message(site, caller, body)
    signer = verb_orders.address(body.signer) if body.signer is not None else None
    return relaying.write(site, order, units, signer)


@relay_router.post("/relay", status_code=202, dependencies=[Depends(Limited("relay"))])
def relay(site: SiteDep, key: Key, body: SignedIn) -> Json:
    """Relay a signed message, 120 a minute from one address. Needs no API key: the signature says
    whose it is.

    Answers `submission`, once the contract, asked by a call, would take the message; else its error
    by name. The state is told to keys of the message's actor.
    """
    return {"submission": relaying.accept(site, body.model_dump(), key)}


@router.get("/submissions/{number}")
def show_submission(
    site: SiteDep, caller: PartyDep, number: Annotated[int, Path(ge=1, le=MAX_INT)]
) -> Json:
    """What became of a submission of the key's own party (scope read, custody or brand).

    Answers `id`, `state` (QUEUED, SENT, CONFIRMED, REJECTED, NEEDS_SIGNATURE), `verb`, `actor`,
    `error` and `detail` (the contract's name and sentence), `block`, `deadline`, `skipped` (ids of
    the units that the contract skipped). `verb` is the first of a group.
    """
    row = state_of(site, number)
    if not caller.may_see(row.actor):
        raise Rejected("UNKNOWN_SUBMISSION", f"There is no submission {number}.")
    with reading(site.engine) as session:
        return submission_json(row, moved.skipped(session, row))


@router.get("/units/{unit}")
def show_unit(site: SiteDep, caller: ReadDep, unit: str) -> Json:
    """A unit with its history, told to those who had a part in it (scope read).

    unit: SSCC (18 digits) or id (0x and 64 hex digits). Answers `id`, `epc`, `count`, `gone`,
    `holder`, `addressee`, `state` (1 held, 2 in transit, 3 inside another, 4 lost in transit;
    null: it never moved alone) and `events`.
    """
    with reading(site.engine) as session:
        name = verb_orders.find(site, session, caller, unit)
        row = session.get(ChainUnit, name.id)
        events = session.scalars(
            select(ChainEvent)
            .where(ChainEvent.subject == ids.subject("unit", name.id))
            .order_by(ChainEvent.seq)
        ).all()
    return {
        "id": "0x" + name.id.hex(),
        "epc": name.epc,
        "count": name.count,
        "holder": row.holder if row else None,
        "addressee": (row.addressee or None) if row else None,
        "state": row.state if row else None,
        "gone": row.gone if row else None,
        "events": [event_json(event) for event in events],
    }


@router.post("/scans", status_code=201)
def store_scan(site: SiteDep, _: ScanDep, key: KeyDep, body: ScanBody) -> Json:
    """Store a scan and answer with its verdict in one go (scope scan).

    Answers as the verdict's JSON (GET /01/{gtin}/21/{serial}), and a `receipt`: the log key's
    signature over `leaf` and `time`, which shows that the scan was taken in.
    """
    place = Place(**body.place.model_dump()) if body.place else None
    device = Device(body.device or key, site.device_key)
    scan = ScanIn(body.link, key, device, not body.device, body.channel, place, at=body.at)
    stored = store(site, scan)
    with reading(site.engine) as session:
        verdict = verdict_json(site, session, stored.checked)
    receipt = stored.receipt
    return {
        **verdict,
        "receipt": {
            "leaf": "0x" + receipt.leaf.hex(),
            "time": receipt.time,
            "signature": "0x" + receipt.signature.hex(),
        },
    }
