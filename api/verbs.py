"""The API under /v1 of all that may happen to goods beside packing and handoffs, and to parties."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Query

from api import verb_orders
from api.bodies import (
    MAX_INT,
    AccountIn,
    DeviceIn,
    DrawIn,
    ExceptionIn,
    ItemStateIn,
    JsonRoute,
    LotStateIn,
    SettlementIn,
    StatusIn,
    TermsIn,
    VoidIn,
)
from api.deps import AdminDep, BrandDep, CustodyDep, KeyDep, Needs, ReadDep, SiteDep
from ledger.db.engine import reading
from ledger.db.models import UnitName
from ledger.domain.verbs import KeyMode
from ledger.errors import Rejected
from ledger.services import devices, exceptions, items, lots, parties, ruling
from ledger.services.act import act
from ledger.services.api_keys import Caller

router = APIRouter(prefix="/v1", tags=["verbs"], route_class=JsonRoute)
Json = dict[str, Any]
Number = Annotated[int, Path(ge=1, le=MAX_INT)]
LotDep = Annotated[Caller, Depends(Needs("brand", "custody"))]


@router.post("/exceptions", status_code=202)
def report_exception(site: SiteDep, caller: CustodyDep, key: KeyDep, body: ExceptionIn) -> Json:
    """Confirm the receipt of a unit whose content is not what was sent (scope custody).

    Signed by the actor's hosted key. Answers `submission`.
    """
    return {"submission": act(site, verb_orders.exception(site, caller, body, key))}


@router.post("/exceptions/settlements", status_code=202)
def settle_exception(site: SiteDep, caller: CustodyDep, key: KeyDep, body: SettlementIn) -> Json:
    """Agree that an exception is settled: its two sides both, or the brand alone (scope custody).

    Signed by the actor's hosted key. Answers `submission`.
    """
    return {"submission": act(site, verb_orders.settlement(site, caller, body, key))}


@router.get("/exceptions")
def list_exceptions(
    site: SiteDep,
    caller: ReadDep,
    open_only: bool = False,
    after: Annotated[int, Query(ge=0, le=MAX_INT)] = 0,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
) -> list[Json]:
    """Exceptions in which the key's party is shipper or receiver, by time (scope read).

    after: none older (unix seconds). Answers a list, each with `unit`, `epc`, `report`, `shipper`,
    `receiver`, `good`, `damaged`, `short`, `over`, `wrong`, `settled` and `time`.
    """
    with reading(site.engine) as session:
        rows = exceptions.listing(session, caller.party, open_only, after, limit)
        names = [session.get(UnitName, row.unit) for row in rows]
    return [
        {
            "unit": "0x" + row.unit.hex(),
            "epc": name.epc if name else None,
            "report": row.report,
            "shipper": row.shipper,
            "receiver": row.receiver,
            "good": row.good,
            "damaged": row.damaged,
            "short": row.short,
            "over": row.over,
            "wrong": row.wrong,
            "settled": row.settled >= exceptions.BOTH_SIDES,
            "time": row.time,
        }
        for row, name in zip(rows, names, strict=True)
    ]


@router.post("/items/states", status_code=202)
def set_item_state(site: SiteDep, caller: CustodyDep, key: KeyDep, body: ItemStateIn) -> Json:
    """Block an item, report it stolen, decommission it, or undo that (scope custody).

    Signed by the actor's hosted key. Answers `submission`.
    """
    return {"submission": act(site, verb_orders.item(site, caller, body, key))}


@router.post("/items/draws", status_code=202)
def draw_item(site: SiteDep, caller: CustodyDep, key: KeyDep, body: DrawIn) -> Json:
    """Let an item that was never packed travel alone, as its brand (scope custody).

    Its link then names it as a unit. Signed by the actor's hosted key. Answers `submission`.
    """
    caller.act_for(body.actor)
    return {"submission": items.draw(site, body.actor, body.link, key)}


@router.post("/lots/states", status_code=202)
def set_lot_state(site: SiteDep, caller: LotDep, key: KeyDep, body: LotStateIn) -> Json:
    """Recall a lot, as its brand or a regulator, or release it again (scope brand or custody).

    Signed by the actor's hosted key. Answers `submission`.
    """
    return {"submission": act(site, verb_orders.lot(site, caller, body, key))}


@router.get("/lots")
def list_lots(site: SiteDep, caller: ReadDep, gtin: str | None = None) -> list[Json]:
    """Lots of the key's brand by number, of one GTIN or all (scope read).

    Answers a list, each with `number`, `gtin`, `lot`, `expiry`, `best_before` (the first seconds
    after these days), `zone` (where the days end, in minutes east of UTC), `market`, `state`
    (released or recalled) and `recalled_by`.
    """
    with reading(site.engine) as session:
        rows = lots.listing(session, gtin)
    return [
        {
            "number": lot.number,
            "gtin": f"{lot.gtin:014d}",
            "lot": name.lot if name else None,
            "expiry": lot.expiry or None,
            "best_before": lot.best_before or None,
            "zone": lots.zone_of(site, lot, name),
            "market": lot.market,
            "state": "recalled" if lot.status == lots.RECALLED else "released",
            "recalled_by": lot.set_by or None,
        }
        for lot, name in rows
        if caller.may_see(lot.brand)
    ]


@router.post("/voids", status_code=202)
def void_codes(site: SiteDep, caller: BrandDep, key: KeyDep, body: VoidIn) -> Json:
    """Make a range of codes void, for ever (scope brand).

    Answers `submission`.
    """
    return {"submission": act(site, verb_orders.void(site, caller, body, key))}


@router.post("/devices", status_code=202)
def name_device(site: SiteDep, caller: CustodyDep, key: KeyDep, body: DeviceIn) -> Json:
    """Let a device sign some of the actor's verbs, or cut it off with `until` 0 (scope custody).

    Signed by the actor's hosted key. Answers `submission`.
    """
    return {"submission": act(site, verb_orders.device(site, caller, body, key))}


@router.get("/devices/{party}")
def list_devices(site: SiteDep, caller: ReadDep, party: Number) -> list[Json]:
    """The devices of a party's present key (scope read).

    Answers a list, each with `device`, `key_mode`, `verbs`, `until` and `left`.
    """
    caller.act_for(party)
    with reading(site.engine) as session:
        rows = devices.listing(session, party)
    return [
        {
            "device": "0x" + row.key.hex(),
            "key_mode": row.key_mode,
            "verbs": devices.verbs_of(row),
            "until": row.expiry,
            "left": row.left,
        }
        for row in rows
    ]


@router.post("/parties/{party}/terms", status_code=202)
def set_terms(site: SiteDep, _: AdminDep, key: KeyDep, party: Number, body: TermsIn) -> Json:
    """Set a party's roles and markets, and add a GTIN prefix (scope admin).

    Signed by the installation's admin key. Answers `submission`.
    """
    if unknown := set(body.roles) - set(parties.ROLES):
        raise Rejected(
            "BAD_PARTY", f"'{sorted(unknown)[0]}' is none of {', '.join(parties.ROLES)}."
        )
    roles = sum(parties.ROLES[role] for role in set(body.roles))
    order = ruling.order_update(party, roles, body.markets, body.prefix, key)
    return {"submission": ruling.rule(site, order)}


@router.post("/parties/{party}/status", status_code=202)
def set_status(site: SiteDep, _: AdminDep, key: KeyDep, party: Number, body: StatusIn) -> Json:
    """Suspend a party, or make it active again (scope admin).

    Signed by the installation's admin key. Answers `submission`.
    """
    status = ruling.SUSPENDED if body.status == "suspended" else ruling.ACTIVE
    return {"submission": ruling.rule(site, ruling.order_status(party, status, key))}


@router.post("/parties/{party}/account", status_code=202)
def rotate_account(site: SiteDep, _: AdminDep, key: KeyDep, party: Number, body: AccountIn) -> Json:
    """Give a party another key; what the old one signed is void, for ever (scope admin).

    Signed by the installation's admin key. Answers `submission`.
    """
    account, mode = verb_orders.address(body.account), KeyMode(body.key_mode)
    return {"submission": ruling.rule(site, ruling.order_rotation(party, account, mode, key))}
