"""What a consumer meets under the cap: the page of an inner code, and the tap that uncovers it."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.responses import HTMLResponse, JSONResponse
from sqlalchemy.orm import Session

from api.bodies import JsonRoute, OpeningIn
from api.consumer import COOKIE, cookie_age, device_of, gps, keep_cookie, language_of
from api.deps import SiteDep
from api.limits import Limited, network
from api.pages import HEADERS, InnerPage, render_inner, render_problem
from api.problems import problem
from api.views import name_of
from ledger.db.engine import reading
from ledger.db.models import Product, Profile
from ledger.errors import Rejected
from ledger.services import claims, inner_tries
from ledger.services.claims import Inner, Opened
from ledger.services.inner_tries import Trier
from ledger.services.scans import page_token, token_key
from ledger.services.site import Site

router = APIRouter(tags=["consumer"], route_class=JsonRoute)
FOR = "inner"  # in place of a GTIN, in the token of such a page


# A link is printed in capitals, path and all, unless somebody says otherwise.
@router.get("/I/{code}", include_in_schema=False, dependencies=[Depends(Limited("scan"))])
@router.get("/i/{code}", dependencies=[Depends(Limited("scan"))])
def look(request: Request, site: SiteDep, code: str, lang: str | None = None) -> Response:
    """Whether the item with this inner code was opened: a page, or JSON by `Accept`. Opens nothing.

    `application/json` answers `gtin`, `brand`, `opened`, `opened_at`, `by_you` and the `token` that
    uncovers it. After five wrong codes within an hour a device is told 429 for any code, with
    `Retry-After`.
    """
    language, device = language_of(request, lang), device_of(request, site)
    trier = _trier(request, site)
    with reading(site.engine) as session:
        inner = _read(site, session, code, trier)
        if isinstance(inner, int):
            return _wait(request, site, inner, language)
        place = (inner.batch, inner.index, device, None, site.clock())
        found = claims.opened(session, *place)
    token = None if found else page_token(site, FOR, inner.text)
    response = _answer(request, site, inner, found, token, language)
    keep_cookie(request, response, site)
    return response


@router.post("/I/{code}", include_in_schema=False, dependencies=[Depends(Limited("scan"))])
@router.post("/i/{code}", dependencies=[Depends(Limited("scan"))])
def uncover(
    request: Request,
    site: SiteDep,
    code: str,
    token: Annotated[str, Query(max_length=100)],
    lang: str | None = None,
    body: OpeningIn | None = None,
) -> Response:
    """Uncover an inner code, once; the ledger records it. token: of its page, good for 15 minutes.

    Answers as GET, and `now`: whether this very call has opened it. Answered before the chain has
    it; the same code again opens nothing twice.
    """
    language, device = language_of(request, lang), device_of(request, site)
    trier = _trier(request, site)
    with reading(site.engine) as session:
        inner = _read(site, session, code, trier)
    if isinstance(inner, int):
        return _wait(request, site, inner, language)
    token_key(site, token, FOR, inner.text)
    place = gps(site, body.place) if body is not None and body.place is not None else None
    found = claims.open_item(site, inner.text, device, place)
    return _answer(request, site, inner, found, None, language)


def _trier(request: Request, site: Site) -> Trier:
    """Return who tries a code: the device, and while it is new its browser at its address too."""
    age = cookie_age(request, site)
    address = network(request.client.host) if request.client else ""
    browser = f"{address}/{request.headers.get('user-agent', '')}"
    cookie = None if age is None else request.cookies[COOKIE]
    return Trier.of(site.device_key, cookie, (age or 0) >= inner_tries.WITHIN_S, browser)


def _read(site: Site, session: Session, code: str, trier: Trier) -> Inner | int:
    """Return what a code is, or for how many seconds whoever asks is told nothing of any code.

    Raises Rejected UNKNOWN_INNER.
    """
    if wait := inner_tries.wait_s(session, trier, site.clock()):
        return wait
    try:
        return claims.read_inner(site, session, code)
    except Rejected:
        if wait := inner_tries.wrong(site, trier):
            return wait
        raise


def _wait(request: Request, site: Site, wait: int, language: str) -> Response:
    error = inner_tries.refusal(wait)
    retry = {"Retry-After": str(wait)}
    if "text/html" in request.headers.get("accept", ""):
        page = render_problem(error.code, language, until=site.clock() + wait, zone=site.zone)
        return HTMLResponse(page, 429, {**HEADERS, **retry})
    answer = problem(429, error.code, error.message)
    answer.headers.update(retry)
    return answer


def _answer(
    request: Request,
    site: Site,
    inner: Inner,
    found: Opened | None,
    token: str | None,
    language: str,
) -> Response:
    if "text/html" not in request.headers.get("accept", ""):
        told = {
            "gtin": f"{inner.gtin:014d}",
            "brand": inner.brand,
            "opened": found is not None,
            "opened_at": found.at if found else None,
            "by_you": bool(found and found.by_you),
            "now": bool(found and found.now),
            "token": token,
        }
        return JSONResponse(told, headers=HEADERS)
    with reading(site.engine) as session:
        brand = session.get(Profile, inner.brand)
        product = session.get(Product, inner.gtin)
    state = _state(found)
    at = found.at if found else None
    names = name_of(brand, language), name_of(product, language)
    page = InnerPage(*names, state, at, token, site.zone)
    return HTMLResponse(render_inner(page, language), 200, HEADERS)


def _state(found: Opened | None) -> str:
    if found is None:
        return "ask"
    if found.now:
        return "now"
    return "yours" if found.by_you else "before"
