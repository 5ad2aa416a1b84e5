"""The API of brands under /v1: parties, products, codes, lots. Each route behind a scope."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Query, Response
from fastapi.responses import HTMLResponse, PlainTextResponse, StreamingResponse

from api.bodies import (
    MAX_INT,
    ActivationIn,
    JsonRoute,
    LotIn,
    MintIn,
    PartyIn,
    ProductIn,
    TerritoryIn,
)
from api.deps import AdminDep, BrandDep, KeyDep, ReadDep, SiteDep
from api.verb_orders import find
from ledger.db.engine import reading, transaction
from ledger.db.models import Mint
from ledger.domain import ids
from ledger.domain.contents import Codes
from ledger.domain.verbs import KeyMode
from ledger.errors import Rejected
from ledger.services import mint, parties, ranges, runs, territories
from ledger.services.press.labels import Label, sheet_html

router = APIRouter(prefix="/v1", tags=["brands"], route_class=JsonRoute)
Json = dict[str, Any]
MAX_SHEET = 5_000
_HEX = re.compile(r"0x[0-9a-f]{40}")
Number = Annotated[int, Path(ge=1, le=MAX_INT)]
First = Annotated[int, Query(ge=0, le=MAX_INT)]
To = Annotated[int | None, Query(ge=0, le=MAX_INT)]


@router.post("/parties", status_code=202)
def register_party(site: SiteDep, _: AdminDep, key: KeyDep, body: PartyIn) -> Json:
    """Register a party, signed by the installation's admin key (scope admin).

    Answers `party` (its number) and `submission`.
    """
    unknown = set(body.roles) - set(parties.ROLES)
    if unknown:
        raise Rejected("BAD_PARTY", f"Roles are {', '.join(parties.ROLES)}.")
    if body.account is not None and not _HEX.fullmatch(body.account.lower()):
        raise Rejected("BAD_PARTY", "An account is 0x and 40 hex digits.")
    new = parties.NewParty(
        party=ids.party_id(body.gln) if body.gln else 0,
        name_en=body.name_en,
        name_zh=body.name_zh,
        roles=sum(parties.ROLES[role] for role in set(body.roles)),
        account=bytes.fromhex(body.account[2:]) if body.account else None,
        key_mode=_key_mode(body.key_mode),
        markets=body.markets,
        prefix=body.prefix,
        regions=body.regions,
    )
    party, submission = parties.register(site, new, key)
    return {"party": party, "submission": submission}


@router.get("/parties")
def list_parties(site: SiteDep, _: ReadDep) -> list[Json]:
    """All registered parties (scope read).

    Answers a list, each with `party`, `name_en`, `name_zh`, `roles`, `account`, `key_mode` and
    `regions`.
    """
    return [
        {
            "party": party.id,
            "name_en": profile.name_en if profile else None,
            "name_zh": profile.name_zh if profile else None,
            "roles": [name for name, role in parties.ROLES.items() if party.roles & role],
            "account": "0x" + party.account.hex(),
            "key_mode": party.key_mode,
            "regions": profile.regions if profile else [],
        }
        for party, profile, _ in parties.listing(site)
    ]


@router.put("/parties/{party}/territory")
def put_territory(site: SiteDep, caller: AdminDep, party: Number, body: TerritoryIn) -> Json:
    """State anew where what a party is sent may be sold (scope admin).

    It holds for what is shipped from then on, unless it `corrects`. Answers `party` and `regions`.
    """
    with transaction(site.engine) as session:
        row = territories.put(
            session, site.clock(), caller.name, party, body.regions, corrects=body.corrects
        )
        return {"party": row.party, "regions": row.regions}


@router.post("/products", status_code=201)
def add_product(site: SiteDep, caller: BrandDep, body: ProductIn) -> Json:
    """Name a trade item under the brand's own GTIN prefix (scope brand).

    Again, it renames it. Answers `gtin` (14 digits).
    """
    caller.act_for(body.brand)
    gtin = mint.add_product(site, body.brand, body.gtin, body.name_en, body.name_zh)
    return {"gtin": f"{gtin:014d}"}


@router.post("/mints", status_code=202)
def order_codes(site: SiteDep, caller: BrandDep, key: KeyDep, body: MintIn) -> Json:
    """Order codes (scope brand); they can be fetched once their root is on chain.

    Answers as GET /v1/mints/{number}.
    """
    caller.act_for(body.brand)
    number = mint.order_codes(site, body.brand, body.gtin, body.count, key, body.inner)
    return _mint(mint.mint_of(site, number))


@router.get("/mints/{number}")
def show_mint(site: SiteDep, caller: BrandDep, number: Number) -> Json:
    """The state of an order of codes (scope brand).

    Answers `id`, `state` (RESERVING, COMMISSIONING, DONE, FAILED), `gtin`, `count`, `batch` and
    `error`.
    """
    found = mint.mint_of(site, number)
    caller.act_for(found.brand)
    return _mint(found)


@router.get("/mints/{number}/links", response_class=PlainTextResponse)
def links(
    site: SiteDep,
    caller: BrandDep,
    number: Number,
    first: First = 0,
    to: To = None,
    upper: bool = False,
) -> Response:
    """The printed links of an order, one a line as plain text (scope brand).

    first, to: codes [first, to) of the order. upper: in capitals, for smaller QR codes. 503
    ROOT_PENDING before the order is DONE; 403 ORDERED_CODES for those of POST /v1/orders.
    """
    found = mint.mint_of(site, number)
    caller.act_for(found.brand)
    stop = found.count if to is None else min(to, found.count)
    rows = mint.links(site, found, min(first, stop), stop, upper)
    head = next(rows, None)  # so that a pending root is refused before anything is sent
    lines = (f"{link}\n" for pair in ((head,) if head else (), rows) for _, link in pair)
    return StreamingResponse(lines, media_type="text/plain")


@router.get("/mints/{number}/sheet", response_class=HTMLResponse)
def sheet(
    site: SiteDep,
    caller: BrandDep,
    number: Number,
    first: First = 0,
    to: To = None,
    lang: Annotated[str, Query(pattern="^(en|zh)$")] = "en",
    level: Literal["L", "M", "Q", "H"] = "M",
    upper: bool = False,
) -> str:
    """A printable sheet of an order's codes as HTML, 5,000 at most (scope brand).

    first, to, upper, and what is refused: as for links. level: QR error correction.
    """
    found = mint.mint_of(site, number)
    caller.act_for(found.brand)
    stop = min(found.count if to is None else to, found.count, first + MAX_SHEET)
    gtin = f"{found.gtin:014d}"
    rows = mint.links(site, found, min(first, stop), stop, upper)
    labels = [Label(link, gtin, serial) for serial, link in rows]
    return sheet_html(labels, gtin, lang, level=level, batch=found.batch, first_index=first)


@router.post("/activations", status_code=202)
def activate(site: SiteDep, caller: BrandDep, key: KeyDep, body: ActivationIn) -> Json:
    """Say from when codes are active: a batch, a range of it, or all in a unit (scope brand).

    Void codes stay void. Answers `submission` (the last), and `submissions`: one for each range of
    another state, of which all but the last are on the chain.
    """
    if (body.batch is None) == (body.unit is None):
        raise Rejected("BAD_OPTION", "Name a batch or a unit, one of both.")
    if body.batch is not None:
        caller.act_for(_brand_of(site, body.batch))
        codes = ranges.in_batch(site, body.batch, body.first, body.to)
    else:
        with reading(site.engine) as session:
            unit = find(site, session, caller, body.unit or "").id
            codes = ranges.in_unit(site, session, unit)
        for batch in {each.batch for each in codes}:
            caller.act_for(_brand_of(site, batch))
    return _sent(ranges.activate(site, codes, body.active_from, key))


@router.post("/lots", status_code=202)
def bind_lot(site: SiteDep, caller: BrandDep, key: KeyDep, body: LotIn) -> Json:
    """Bind a range of codes to a lot; an empty one only opens it (scope brand).

    Answers as POST /v1/activations.
    """
    caller.act_for(_brand_of(site, body.batch))
    terms = runs.LotTerms(body.lot, body.expiry, body.best_before, body.market, body.zone)
    codes = [Codes(body.batch, body.first, body.to)]
    return _sent(ranges.bind_lot(site, codes, terms, key))


def _sent(submissions: list[int]) -> Json:
    return {"submission": submissions[-1], "submissions": submissions}


def _mint(found: Mint) -> Json:
    return {
        "id": found.id,
        "state": found.state,
        "gtin": f"{found.gtin:014d}",
        "count": found.count,
        "batch": found.batch,
        "error": found.error,
    }


def _key_mode(number: int) -> KeyMode:
    try:
        return KeyMode(number)
    except ValueError:
        raise Rejected("BAD_PARTY", "A key mode is 1 (own), 2 (browser) or 3 (hosted).") from None


def _brand_of(site: SiteDep, batch: int) -> int:
    with reading(site.engine) as session:
        return mint.batch_ref(session, batch).brand
