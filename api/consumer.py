"""What a consumer meets: the scan page, its beacon, the proof. GET changes nothing."""

from __future__ import annotations

import re
import secrets
from typing import Annotated, Any
from urllib.parse import urlsplit

from fastapi import APIRouter, Body, Query, Request, Response
from fastapi.responses import HTMLResponse, JSONResponse, RedirectResponse

from api.deps import SiteDep
from api.pages import HEADERS, pick_language, render_home, render_problem, render_scan
from api.views import scan_page, verdict_json
from ledger.db.engine import reading
from ledger.domain.digital_link import parse, printed_link
from ledger.domain.regions import nearest
from ledger.errors import Rejected
from ledger.services import prove
from ledger.services.scans import (
    PAGE_WAIT_S,
    ScanIn,
    add_place,
    page_token,
    pseudonym,
    store,
    token_key,
)
from ledger.services.site import Site
from ledger.services.verify import Checked, Place, check

router = APIRouter(tags=["consumer"])
COOKIE = "touchstone_device"
COOKIE_LIFE_S = 365 * 86_400
GIF = bytes.fromhex(
    "47494638396101000100800000000000ffffff21f90401000000002c00000000010001000002024401003b"
)
GPS_RADIUS_KM = 1.0  # the page snaps places to a hundredth of a degree
_ROBOT = re.compile(r"bot|crawl|spider|preview|facebookexternalhit|curl|wget|python", re.I)


@router.get("/", response_class=HTMLResponse)
def home(request: Request, link: str = "", lang: str | None = None) -> Response:
    """The entrance: a form for a link; with a link it leads to that code's page."""
    language = _language(request, lang)
    if not link:
        return HTMLResponse(render_home(language), headers=HEADERS)
    try:
        found = parse(link.strip())
    except Rejected:
        return _problem("MALFORMED", language, link)
    if found.gtin is None or found.serial is None:
        return _problem("MALFORMED", language, link)
    return RedirectResponse(f"/01/{found.gtin}/21/{found.serial}?lang={language}", 303)


@router.get("/01/{gtin}/21/{serial}")
def scan(
    request: Request, site: SiteDep, gtin: str, serial: str, lang: str | None = None
) -> Response:
    """What is known of a code: a page, JSON or a linkset by `Accept`. Stores nothing."""
    language, accept = _language(request, lang), request.headers.get("accept", "")
    with reading(site.engine) as session:
        checked = check(site, session, _link(site, gtin, serial), _device(request, site))
        if "application/linkset+json" in accept:
            return _linkset(site, checked)
        if "application/json" in accept:
            status = 400 if checked.evidence.malformed else 200
            return JSONResponse(verdict_json(session, checked), status)
        if checked.link is None or checked.evidence.malformed:
            return _problem("MALFORMED", language, _link(site, gtin, serial), checked)
        token = None if _is_preview(request) else page_token(site, checked.link.serial)
        page = render_scan(scan_page(site, session, checked, language, token), language)
    response = HTMLResponse(page, headers={**HEADERS, "Cache-Control": "no-store"})
    if token is not None and COOKIE not in request.cookies:
        response.set_cookie(
            COOKIE,
            secrets.token_urlsafe(16),
            COOKIE_LIFE_S,
            httponly=True,
            samesite="lax",
            secure=site.link_base.startswith("https"),
        )
    return response


@router.get("/01/{gtin}/21/{serial}/proof")
def proof(site: SiteDep, gtin: str, serial: str) -> Response:
    """The proof bundle (`touchstone-proof/1`), to be checked by anybody's own checker."""
    with reading(site.engine) as session:
        checked = check(site, session, _link(site, gtin, serial))
        if checked.link is None or checked.evidence.malformed:
            raise Rejected("MALFORMED", checked.fault)
        bundle = prove.build(
            site,
            session,
            gtin=checked.link.gtin,
            serial=checked.link.serial,
            scans=checked.evidence.scans,
            made=site.clock(),
        )
    name = f"touchstone-{checked.link.serial}.json"
    return JSONResponse(bundle, headers={"Content-Disposition": f'attachment; filename="{name}"'})


@router.post("/01/{gtin}/21/{serial}/scan", status_code=204)
def beacon(
    request: Request,
    site: SiteDep,
    gtin: str,
    serial: str,
    body: Annotated[dict[str, Any], Body()],
) -> Response:
    """The page's beacon: stores its scan once; once more with a place, on consent."""
    key = token_key(site, str(body.get("token", "")), serial)
    place = _gps(body.get("place"))
    if place is not None and add_place(site, key, place):
        return Response(status_code=204)
    store(site, _scan_in(request, site, _link(site, gtin, serial), key, place))
    return Response(status_code=204)


@router.get("/01/{gtin}/21/{serial}/scan.gif")
def pixel(
    request: Request, site: SiteDep, gtin: str, serial: str, token: Annotated[str, Query()]
) -> Response:
    """The beacon of a page without JavaScript: a one-time token makes it count once."""
    key = token_key(site, token, serial)
    if not _is_preview(request):
        store(site, _scan_in(request, site, _link(site, gtin, serial), key, None))
    return Response(GIF, media_type="image/gif", headers={"Cache-Control": "no-store"})


@router.get("/.well-known/touchstone.json")
def well_known(site: SiteDep) -> dict[str, Any]:
    """Which ledger this host serves, for checkers and look-alike hunters."""
    return {
        "host": site.host,
        "hosts": sorted(site.hosts),
        "chain_id": site.network.chain_id,
        "contract": site.network.contract,
        "checkers": [],
    }


def _link(site: Site, gtin: str, serial: str) -> str:
    return f"{site.link_base}/01/{gtin}/21/{serial}"


def _language(request: Request, query: str | None) -> str:
    return pick_language(request.headers.get("accept-language"), query)


def _problem(code: str, lang: str, link: str, checked: Checked | None = None) -> HTMLResponse:
    canonical = None
    if checked is not None and checked.link is not None and checked.link.canonical:
        base = urlsplit(link)
        canonical = printed_link(
            f"{base.scheme}://{base.netloc}", checked.link.gtin, checked.link.canonical, False
        )
    page = render_problem(code, lang, link=link, canonical_url=canonical)
    return HTMLResponse(page, 400, headers=HEADERS)


def _linkset(site: Site, checked: Checked) -> Response:
    if checked.link is None or checked.evidence.malformed:
        raise Rejected("MALFORMED", checked.fault)
    anchor = printed_link(site.link_base, checked.link.gtin, checked.link.serial, False)
    voc = "https://ref.gs1.org/voc"
    links = {
        "anchor": anchor,
        f"{voc}/defaultLink": [{"href": anchor, "type": "text/html"}],
        f"{voc}/traceability": [{"href": f"{anchor}/proof", "type": "application/json"}],
    }
    return JSONResponse({"linkset": [links]}, media_type="application/linkset+json")


def _is_preview(request: Request) -> bool:
    """Prefetches, previews and crawlers leave no scan."""
    purpose = request.headers.get("sec-purpose", "") + request.headers.get("purpose", "")
    return "prefetch" in purpose or bool(_ROBOT.search(request.headers.get("user-agent", "bot")))


def _device(request: Request, site: Site) -> str | None:
    cookie = request.cookies.get(COOKIE)
    return pseudonym(site.device_key, 0, cookie, site.clock()) if cookie else None


def _scan_in(request: Request, site: Site, link: str, key: str, place: Place | None) -> ScanIn:
    agent = request.headers.get("user-agent", "")
    address = request.client.host if request.client else ""
    today = site.clock() // 86_400
    return ScanIn(
        link=link,
        key=key,
        device=_device(request, site),
        daily=pseudonym(site.device_key, 0, f"{today}/{address}/{agent}", site.clock()),
        channel="wechat" if "micromessenger" in agent.lower() else "web",
        place=place,
        wait_s=PAGE_WAIT_S,
    )


def _gps(place: Any) -> Place | None:
    if not isinstance(place, dict):
        return None
    try:
        lat, lon = float(place["lat"]), float(place["lon"])
    except (KeyError, TypeError, ValueError):
        return None
    if not (-90 <= lat <= 90 and -180 <= lon <= 180):
        return None
    return Place("gps", lat, lon, GPS_RADIUS_KM, nearest(lat, lon).code)
