"""The API of orders of codes under /v1: receivers, orders on their way, packages."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import FileResponse
from pydantic import BaseModel, Field

from api.alerts import Limit, Number, Whole
from api.bodies import MAX_INT, JsonRoute, Name, Party, Seconds, Text
from api.deps import BrandDep, CallerDep, KeyDep, SiteDep
from ledger.db.engine import reading
from ledger.db.ordering import Receiver
from ledger.errors import Rejected
from ledger.services.ordering import orders, orders_work, receivers
from ledger.services.ordering.orders_view import order_json, receiver_json
from ledger.services.persons import Person

router = APIRouter(prefix="/v1", tags=["orders"], route_class=JsonRoute)
Json = dict[str, Any]
State = Annotated[
    Literal[
        "REQUESTED",
        "APPROVED",
        "MINTING",
        "READY",
        "FETCHED",
        "PRINTED",
        "ACTIVATED",
        "REFUSED",
        "CANCELLED",
        "FAILED",
    ]
    | None,
    Query(),
]


class ReceiverIn(BaseModel):
    """Who prints codes. method: age, openpgp or zip. key: the public key, "" for zip."""

    brand: Party
    name: Name
    method: Literal["age", "openpgp", "zip"]
    key: str = Field("", max_length=20_000)


class OrderIn(BaseModel):
    """An order of codes. form: links or pairs (with inner codes), in capitals with -upper.
    warn_h: hours after which a package that nobody fetched, or printed codes that nobody activated,
    are warned of."""

    brand: Party
    gtin: Text
    quantity: int = Field(ge=1, le=MAX_INT)
    form: Literal["links", "links-upper", "pairs", "pairs-upper"] = "links"
    receiver: int = Field(ge=1, le=MAX_INT)
    warn_h: int = Field(48, ge=1, le=orders.MOST_HOURS)


class PrintedIn(BaseModel):
    """How many of an order's codes were printed."""

    rows: int = Field(ge=1, le=MAX_INT)


class ActiveFromIn(BaseModel):
    """From when on codes are active, unix seconds."""

    active_from: Seconds


def person_of(request: Request, caller: CallerDep) -> Person:
    """Who calls, and from which address."""
    return Person(caller.name, request.client.host if request.client else "unknown")


PersonDep = Annotated[Person, Depends(person_of)]


@router.get("/receivers")
def list_receivers(site: SiteDep, caller: BrandDep) -> list[Json]:
    """Who prints codes for a brand (scope brand).

    Answers a list, each with `id`, `brand`, `name`, `method`, `key` and `created`.
    """
    with reading(site.engine) as session:
        return [receiver_json(row) for row in receivers.listing(session, caller.party)]


@router.post("/receivers", status_code=201)
def add_receiver(site: SiteDep, caller: BrandDep, who: PersonDep, body: ReceiverIn) -> Json:
    """Name a printer and the key that its packages are sealed for (scope brand).

    An API key with the scope `print` and the receiver's name fetches its packages.
    """
    caller.act_for(body.brand)
    return receiver_json(receivers.add(site, who, body.brand, body.name, body.method, body.key))


@router.delete("/receivers/{number}", status_code=204)
def remove_receiver(site: SiteDep, caller: BrandDep, who: PersonDep, number: Number) -> None:
    """Order nothing more for a receiver (scope brand)."""
    receivers.remove(site, who, number, caller.party)


@router.get("/orders")
def list_orders(
    site: SiteDep, caller: BrandDep, state: State = None, after: Whole = 0, limit: Limit = 100
) -> list[Json]:
    """A brand's orders, in order (scope brand). after: the last id seen.

    Answers a list of orders as `GET /v1/orders/{number}` does.
    """
    with reading(site.engine) as session:
        rows = orders.listing(session, caller.party, state, after, limit)
        return [order_json(session, row) for row in rows]


@router.post("/orders", status_code=201)
def request_order(
    site: SiteDep, caller: BrandDep, who: PersonDep, key: KeyDep, body: OrderIn
) -> Json:
    """Ask for codes; somebody else approves (scope brand). Answers the order."""
    caller.act_for(body.brand)
    wish = orders.Wish(body.brand, body.gtin, body.quantity, body.form, body.receiver, body.warn_h)
    row = orders.request(site, who, wish, key)
    return one_order(site, caller, row.id)


@router.get("/orders/{number}")
def one_order(site: SiteDep, caller: BrandDep, number: Number) -> Json:
    """One order (scope brand).

    Answers `id`, `brand`, `gtin`, `quantity`, `form`, `receiver`, `who` asked for it, `created`,
    `state`, `since`, `error`, `batch`, `printed`, `warn_h`, `warned` and `packages`, each with
    `copy`, `name`, `size`, `sha256`, `made`, `expires`, `ended` and `downloads` (time, who, place).
    """
    with reading(site.engine) as session:
        return order_json(session, orders.find(session, number, caller.party))


@router.post("/orders/{number}/approve")
def approve_order(site: SiteDep, caller: BrandDep, who: PersonDep, number: Number) -> Json:
    """Let an order be minted; not one's own (scope brand). Answers the order."""
    orders.approve(site, who, number, caller.party)
    return one_order(site, caller, number)


@router.post("/orders/{number}/refuse")
def refuse_order(site: SiteDep, caller: BrandDep, who: PersonDep, number: Number) -> Json:
    """End a request that is not approved (scope brand). Answers the order."""
    orders.refuse(site, who, number, caller.party)
    return one_order(site, caller, number)


@router.post("/orders/{number}/cancel")
def cancel_order(site: SiteDep, caller: BrandDep, who: PersonDep, number: Number) -> Json:
    """Take a request back, as long as nothing is minted (scope brand). Answers the order."""
    orders.cancel(site, who, number, caller.party)
    return one_order(site, caller, number)


@router.post("/orders/{number}/copies", status_code=201)
def copy_package(site: SiteDep, caller: BrandDep, who: PersonDep, number: Number) -> Json:
    """Make another copy of the package, with a mark of its own (scope brand). Answers the order."""
    orders_work.copy(site, who, number, caller.party)
    return one_order(site, caller, number)


@router.post("/orders/{number}/package", response_class=FileResponse)
def fetch_package(site: SiteDep, caller: CallerDep, who: PersonDep, number: Number) -> FileResponse:
    """Fetch the sealed package, three times at most (scope brand or print).

    With the scope print: by the receiver of the order, whose name the API key has.

    Answers the file; `Downloads-Left` says how often it can be fetched after this.
    """
    caller.need("brand", "print")
    with reading(site.engine) as session:
        order = orders.find(session, number, caller.party)
        if not caller.scopes & {"brand", "admin"}:
            receiver = session.get_one(Receiver, order.receiver)
            if receiver.name != caller.name:
                raise Rejected("UNKNOWN_ORDER", f"There is no order {number}: list them.")
    found = orders.fetch(site, who, number, caller.party)
    headers = {"Downloads-Left": str(found.left), "Cache-Control": "no-store"}
    return FileResponse(
        found.path, media_type="application/octet-stream", filename=found.name, headers=headers
    )


@router.post("/orders/{number}/passphrase")
def tell_passphrase(site: SiteDep, caller: BrandDep, who: PersonDep, number: Number) -> Json:
    """The passphrase of a ZIP, for who neither did nor will fetch it (scope brand).

    Answers `passphrase`.
    """
    return {"passphrase": orders.passphrase(site, who, number, caller.party)}


@router.post("/orders/{number}/printed")
def report_printed(
    site: SiteDep, caller: BrandDep, who: PersonDep, number: Number, body: PrintedIn
) -> Json:
    """Report how many codes were printed (scope brand). Answers the order."""
    orders.printed(site, who, number, caller.party, body.rows)
    return one_order(site, caller, number)


@router.post("/orders/{number}/activate", status_code=202)
def activate_order(
    site: SiteDep, caller: BrandDep, who: PersonDep, number: Number, body: ActiveFromIn
) -> Json:
    """Activate an order's codes from a time on (scope brand); waits for the chain, and the same
    again goes on where it ended. Answers `submission`."""
    return {"submission": orders.activate(site, who, number, caller.party, body.active_from)}
