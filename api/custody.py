"""The API under /v1 of those who handle goods and read alerts, and the relay of signed messages."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query
from sqlalchemy import select

from api.bodies import BoxIn, CodesIn, HandoffIn, MessageIn, PackIn, ScanBody, SignedIn, UnpackIn
from api.deps import CallerDep, KeyDep, SiteDep, relay_limit
from api.views import event_json, submission_json, verdict_json
from ledger.db.engine import reading
from ledger.db.models import Alert, ChainEvent, ChainUnit
from ledger.domain import ids
from ledger.domain.verbs import Verb
from ledger.errors import Rejected
from ledger.services import custody, packing, relaying
from ledger.services.act import state_of
from ledger.services.scans import ScanIn, pseudonym, store
from ledger.services.verify import Place

router = APIRouter(prefix="/v1", tags=["custody"])
relay_router = APIRouter(tags=["relay"])
Json = dict[str, Any]


@router.post("/packs", status_code=202)
def pack(site: SiteDep, caller: CallerDep, key: KeyDep, body: PackIn) -> Json:
    """Pack a unit, signed by the actor's hosted key (scope custody)."""
    caller.need("custody", body.actor)
    unit, submission = packing.pack(site, body.actor, _box(site, body.box), key)
    return {"unit": "0x" + unit.hex(), "submission": submission}


@router.post("/unpacks", status_code=202)
def unpack(site: SiteDep, caller: CallerDep, key: KeyDep, body: UnpackIn) -> Json:
    """Take children out of a unit, signed by the actor's hosted key (scope custody)."""
    caller.need("custody", body.actor)
    unit = _units(site, [body.unit])[0]
    children, submission = packing.unpack(site, body.actor, unit, body.positions, key)
    return {"units": ["0x" + child.hex() for child in children], "submission": submission}


@router.post("/handoffs", status_code=202)
def hand_over(site: SiteDep, caller: CallerDep, key: KeyDep, body: HandoffIn) -> Json:
    """Ship or receive units, signed by the actor's hosted key (scope custody)."""
    caller.need("custody", body.actor)
    units = _units(site, body.units)
    verb = custody.ship if body.verb == "ship" else custody.receive
    return {"submission": verb(site, body.actor, body.other, units, key)}


@router.post("/messages")
def write_message(site: SiteDep, caller: CallerDep, body: MessageIn) -> Json:
    """Write the message of a verb for a party to sign with its own key (scope custody)."""
    if body.handoff is not None:
        asked = body.handoff
        caller.need("custody", asked.actor)
        units = _units(site, asked.units)
        verb = Verb.SHIP if asked.verb == "ship" else Verb.RECEIVE_FROM
        order = custody.order_handoff(site, verb, asked.actor, asked.other, units, "")
        return relaying.write(site, order, units)
    if body.unpack is not None:
        caller.need("custody", body.unpack.actor)
        unit = _units(site, [body.unpack.unit])[0]
        return relaying.write(
            site,
            packing.order_unpack(site, body.unpack.actor, unit, body.unpack.positions, ""),
        )
    raise Rejected("BAD_MESSAGE", "Ask for a handoff or an unpack.")


@relay_router.post("/relay", status_code=202, dependencies=[Depends(relay_limit)])
def relay(site: SiteDep, key: KeyDep, body: SignedIn) -> Json:
    """Relay a signed message. Anyone may: the signature says whose it is."""
    return {"submission": relaying.accept(site, body.model_dump(), key)}


@router.get("/submissions/{number}")
def show_submission(site: SiteDep, caller: CallerDep, number: int) -> Json:
    """What became of a submission (scope read, or the actor's own key)."""
    row = state_of(site, number)
    if caller.party != row.actor:
        caller.need("read")
    return submission_json(row)


@router.get("/units/{unit}")
def show_unit(site: SiteDep, caller: CallerDep, unit: str) -> Json:
    """A unit with its history (scope read). unit: SSCC or 0x id."""
    caller.need("read")
    with reading(site.engine) as session:
        name = packing.find_unit(session, unit)
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


@router.get("/alerts")
def alerts(
    site: SiteDep,
    caller: CallerDep,
    kind: str | None = None,
    after: Annotated[int, Query(ge=0)] = 0,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
) -> list[Json]:
    """Alerts in the order they were kept (scope read); `after` is the last id seen."""
    caller.need("read")
    with reading(site.engine) as session:
        query = select(Alert).where(Alert.id > after).order_by(Alert.id).limit(limit)
        rows = session.scalars(query.where(Alert.kind == kind) if kind else query).all()
    return [
        {
            "id": row.id,
            "kind": row.kind,
            "raised": row.raised,
            "lot": row.lot,
            "region": row.region,
            "code": row.code,
            **{k: v for k, v in row.body.items() if k not in ("kind", "lot", "region", "code")},
        }
        for row in rows
    ]


@router.post("/scans", status_code=201)
def store_scan(site: SiteDep, caller: CallerDep, key: KeyDep, body: ScanBody) -> Json:
    """Store a scan and answer with its verdict in one go (scope scan)."""
    caller.need("scan")
    place = Place(**body.place.model_dump()) if body.place else None
    device = pseudonym(site.device_key, 0, body.device, site.clock()) if body.device else None
    stored = store(site, ScanIn(body.link, key, device, key, body.channel, place, at=body.at))
    with reading(site.engine) as session:
        verdict = verdict_json(session, stored.checked)
    receipt = stored.receipt
    return {
        **verdict,
        "receipt": {
            "leaf": "0x" + receipt.leaf.hex(),
            "time": receipt.time,
            "signature": "0x" + receipt.signature.hex(),
        },
    }


def _units(site: SiteDep, texts: list[str]) -> list[bytes]:
    with reading(site.engine) as session:
        return [packing.find_unit(session, text).id for text in texts]


def _box(site: SiteDep, box: BoxIn) -> packing.Box:
    inside: list[packing.Codes | packing.Box | bytes] = []
    for part in box.inside:
        if isinstance(part, CodesIn):
            inside.append(packing.Codes(part.batch, part.first, part.to))
        elif isinstance(part, BoxIn):
            inside.append(_box(site, part))
        else:
            inside.extend(_units(site, [part]))
    return packing.Box(box.sscc, inside, box.lot)
