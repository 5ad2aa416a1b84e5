"""What a consumer meets: the scan page, its beacon, the proof. GET changes nothing."""

from __future__ import annotations

import hmac
import re
import secrets
from typing import Annotated, Any
from urllib.parse import quote

from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.responses import HTMLResponse, JSONResponse, RedirectResponse
from sqlalchemy.orm import Session

from api.bodies import BeaconIn, JsonRoute, PointIn
from api.deps import SiteDep
from api.limits import Limited
from api.pages import HEADERS, pick_language, render_home, render_problem, render_scan
from api.views import scan_page, verdict_json
from ledger.db.engine import reading
from ledger.domain.digital_link import inner_code, printed_link
from ledger.errors import Rejected
from ledger.services import trusting
from ledger.services.device_names import Device
from ledger.services.districts import region_at
from ledger.services.lookup import Link
from ledger.services.proving import prove
from ledger.services.scan_facts import PLACE_KM, Place
from ledger.services.scans import (
    PAGE_WAIT_S,
    ScanIn,
    add_place,
    page_token,
    store,
    token_key,
)
from ledger.services.site import Site
from ledger.services.verify import Checked, check

router = APIRouter(tags=["consumer"], route_class=JsonRoute)
COOKIE = "touchstone_device"
COOKIE_LIFE_S = 365 * 86_400
GIF = bytes.fromhex(
    "47494638396101000100800000000000ffffff21f90401000000002c00000000010001000002024401003b"
)
PAGE = [Depends(Limited("page"))]
_ROBOT = re.compile(r"bot|crawl|spider|preview|facebookexternalhit|curl|wget|python", re.I)


@router.head("/", include_in_schema=False, dependencies=PAGE)
@router.get("/", response_class=HTMLResponse, dependencies=PAGE)
def home(request: Request, site: SiteDep, link: str = "", lang: str | None = None) -> Response:
    """The entrance: a form for a link; with a link it leads to that code's page.

    Pages are 1,200 a minute for one address, this one and those of codes together.
    """
    language = language_of(request, lang)
    if not link:
        return HTMLResponse(render_home(language), headers=HEADERS)
    inner = inner_code(link.strip())
    if inner is not None and site.is_ours(inner[0]):
        return RedirectResponse(f"/i/{inner[1]}?lang={language}", 303, HEADERS)
    with reading(site.engine) as session:
        checked = check(site, session, link)
    if checked.link is None or checked.evidence.malformed or checked.evidence.foreign:
        return _refused(site, language, link, checked)
    return RedirectResponse(f"{_path(checked.link)}?lang={language}", 303, HEADERS)


@router.head("/01/{gtin}/21/{serial}", include_in_schema=False, dependencies=PAGE)
@router.get("/01/{gtin}/21/{serial}", dependencies=PAGE)
def scan(
    request: Request, site: SiteDep, gtin: str, serial: str, lang: str | None = None
) -> Response:
    """What is known of a code: a page, JSON or a linkset by `Accept`. Stores nothing.

    `application/json` answers `gtin`, `serial`, `outcome`, `reasons` (each with `code` and
    `voucher`), `detail`, `brand`, `imported` (printed before it joined the
    ledger: its serial may be guessable), `lot`, `expires`, `best_before` (the first seconds after
    these days), `zone` (where the days end, in minutes east of UTC), `scans`, `block` (number and
    time) and `journey`. A link that names no code is MALFORMED, with status 400; a code that
    nobody issued is a verdict, with status 200.
    """
    language, link = language_of(request, lang), _link(site, gtin, serial)
    with reading(site.engine) as session:
        checked = check(site, session, link, device_of(request, site))
        if checked.link is None or checked.evidence.malformed:
            return _malformed(request, session, site, language, link, checked)
        accept = request.headers.get("accept", "")
        if "application/linkset+json" in accept:
            return _linkset(site, checked.link)
        if "application/json" in accept:
            return JSONResponse(verdict_json(site, session, checked), headers=HEADERS)
        token = None if _is_preview(request) else page_token(site, gtin, serial)
        page = render_scan(scan_page(site, session, checked, language, token), language)
    response = HTMLResponse(page, headers=HEADERS)
    if token is not None:
        keep_cookie(request, response, site)
    return response


@router.get("/01/{gtin}/21/{serial}/proof", dependencies=[Depends(Limited("proof"))])
def proof(site: SiteDep, gtin: str, serial: str) -> Response:
    """The proof bundle (`touchstone-proof/1`), to be checked by anybody's own checker.

    60 a minute for one address.
    """
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
    headers = {**HEADERS, "Content-Disposition": f'attachment; filename="{name}"'}
    return JSONResponse(bundle, headers=headers)


@router.post(
    "/01/{gtin}/21/{serial}/scan", status_code=204, dependencies=[Depends(Limited("scan"))]
)
def beacon(request: Request, site: SiteDep, gtin: str, serial: str, body: BeaconIn) -> Response:
    """The page's beacon: stores its scan once; once more with a place, on consent.

    Answers 204. The token is in the page, good for this code, 15 minutes and one scan.
    """
    key = token_key(site, body.token, gtin, serial)
    place = gps(site, body.place) if body.place else None
    if place is None or not add_place(site, key, place):
        store(site, _scan_in(request, site, _link(site, gtin, serial), key, place))
    return Response(status_code=204)


@router.get("/01/{gtin}/21/{serial}/scan.gif", dependencies=[Depends(Limited("scan"))])
def pixel(
    request: Request, site: SiteDep, gtin: str, serial: str, token: Annotated[str, Query()]
) -> Response:
    """The beacon of a page without JavaScript: a one-time token makes it count once."""
    key = token_key(site, token, gtin, serial)
    if not _is_preview(request):
        store(site, _scan_in(request, site, _link(site, gtin, serial), key, None))
    return Response(GIF, media_type="image/gif", headers={"Cache-Control": "no-store"})


@router.head("/01/{rest:path}", include_in_schema=False, dependencies=PAGE)
@router.get("/01/{rest:path}", status_code=307, dependencies=PAGE)
def longer_link(request: Request, site: SiteDep, rest: str, lang: str | None = None) -> Response:
    """Any other link of an item, as with a lot in it: leads to the code's page, or is refused."""
    language, link = language_of(request, lang), f"{site.link_base}/01/{quote(rest, safe='/')}"
    with reading(site.engine) as session:
        checked = check(site, session, link)
        if checked.link is None or checked.evidence.malformed:
            return _malformed(request, session, site, language, link, checked)
    return RedirectResponse(f"{_path(checked.link)}?lang={language}", 307, HEADERS)


@router.get("/.well-known/touchstone.json")
def well_known(site: SiteDep) -> dict[str, Any]:
    """Which ledger this host serves, for checkers and look-alike hunters.

    Answers `host`, `hosts`, `chain_id`, `contract` and `checkers`: pages of others that check
    proofs, as the trust file names them.
    """
    return {
        "host": site.host,
        "hosts": sorted(site.hosts),
        "chain_id": site.network.chain_id,
        "contract": site.network.contract,
        "checkers": trusting.checkers(site),
    }


def keep_cookie(request: Request, response: Response, site: Site) -> None:
    """Give a device its lasting name, unless it has one; when it got it is in it, and sealed."""
    if COOKIE not in request.cookies:
        told = f"{secrets.token_urlsafe(16)}.{site.clock():x}"
        response.set_cookie(
            COOKIE,
            f"{told}.{_seal(site, told)}",
            COOKIE_LIFE_S,
            httponly=True,
            samesite="lax",
            secure=site.link_base.startswith("https"),
        )


def cookie_age(request: Request, site: Site) -> int | None:
    """Return how long ago a device got its name from us, in seconds; None without such a name."""
    told, _, seal = request.cookies.get(COOKIE, "").rpartition(".")
    if not hmac.compare_digest(seal.encode(), _seal(site, told).encode()):
        return None
    return max(0, site.clock() - int(told.rpartition(".")[2], 16))


def _seal(site: Site, told: str) -> str:
    return hmac.digest(site.device_key, f"cookie/{told}".encode(), "sha256").hex()[:16]


def _link(site: Site, gtin: str, serial: str) -> str:
    return f"{site.link_base}/01/{quote(gtin, safe='')}/21/{quote(serial, safe='')}"


def _path(link: Link) -> str:
    return f"/01/{link.gtin}/21/{quote(link.serial, safe='')}"


def language_of(request: Request, query: str | None) -> str:
    """Return the language of a page: as asked for, else as the browser prefers."""
    return pick_language(request.headers.get("accept-language"), query)


def _malformed(
    request: Request, session: Session, site: Site, lang: str, link: str, checked: Checked
) -> Response:
    """Answer a link that names no code: with the verdict for machines, else with a page."""
    accept = request.headers.get("accept", "")
    if "json" not in accept:
        return _refused(site, lang, link, checked)
    return JSONResponse(verdict_json(site, session, checked), 400, HEADERS)


def _refused(site: Site, lang: str, link: str, checked: Checked) -> HTMLResponse:
    """Return the page that says why there is no verdict on a link, and what may be meant."""
    meant = checked.link.canonical if checked.link else None
    page = render_problem(
        checked.verdict.reasons[0],
        lang,
        link=link,
        host=checked.link.host if checked.link and checked.evidence.foreign else None,
        canonical_url=printed_link(site.link_base, checked.link.gtin, meant, False)
        if checked.link and meant
        else None,
    )
    return HTMLResponse(page, 400, HEADERS)


def _linkset(site: Site, link: Link) -> Response:
    anchor = printed_link(site.link_base, link.gtin, link.serial, False)
    voc = "https://ref.gs1.org/voc"
    links = {
        "anchor": anchor,
        f"{voc}/defaultLink": [{"href": anchor, "type": "text/html"}],
        f"{voc}/traceability": [{"href": f"{anchor}/proof", "type": "application/json"}],
    }
    return JSONResponse({"linkset": [links]}, 200, HEADERS, "application/linkset+json")


def _is_preview(request: Request) -> bool:
    """Prefetches, previews and crawlers leave no scan."""
    asked = request.headers
    purpose = asked.get("sec-purpose", "") + asked.get("purpose", "") + asked.get("x-moz", "")
    agent = asked.get("user-agent", "bot")
    return request.method == "HEAD" or "pre" in purpose or bool(_ROBOT.search(agent))


def device_of(request: Request, site: Site) -> Device | None:
    """Return whoever asks, if it has a lasting cookie."""
    cookie = request.cookies.get(COOKIE)
    return Device(cookie, site.device_key) if cookie else None


def _scan_in(request: Request, site: Site, link: str, key: str, place: Place | None) -> ScanIn:
    agent = request.headers.get("user-agent", "")
    address = request.client.host if request.client else ""
    today = site.clock() // 86_400
    lasting = device_of(request, site)
    return ScanIn(
        link=link,
        key=key,
        device=lasting or Device(f"{today}/{address}/{agent}", site.device_key),
        weak=lasting is None,
        channel="wechat" if "micromessenger" in agent.lower() else "web",
        place=place,
        wait_s=PAGE_WAIT_S,
    )


def gps(site: Site, point: PointIn) -> Place:
    """Return a place that a person has consented to, which the page has rounded."""
    with reading(site.engine) as session:
        region = region_at(session, point.lat, point.lon)
    return Place("gps", point.lat, point.lon, PLACE_KM, region)
