"""The API of alerts under /v1: what was raised, why, and what people make of it."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Header, Path, Query, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import StreamingResponse

from api.alert_bodies import ArchiveIn, CloseIn
from api.bodies import MAX_INT, JsonRoute
from api.deps import AgainDep, AlertReadDep, AlertsDep, SiteDep
from ledger.db.engine import reading, transaction
from ledger.db.models import Alert
from ledger.errors import Rejected, Unavailable
from ledger.services.alerting import alerts, alerts_feed
from ledger.services.alerting.alerts_again import recompute
from ledger.services.alerting.alerts_evidence import evidence_of
from ledger.services.alerting.alerts_export import csv_lines
from ledger.services.alerting.alerts_picture import picture
from ledger.services.alerting.alerts_view import alert_json
from ledger.services.api_keys import Caller
from ledger.services.site import Site

router = APIRouter(prefix="/v1", tags=["alerts"], route_class=JsonRoute)
Json = dict[str, Any]
Number = Annotated[int, Path(ge=1, le=MAX_INT)]
Whole = Annotated[int, Query(ge=0, le=MAX_INT)]
Maybe = Annotated[int | None, Query(ge=0, le=MAX_INT)]
Word = Annotated[str | None, Query(max_length=200)]
Limit = Annotated[int, Query(ge=1, le=500)]
EXPORTED = 500  # a read
POLL_S, BEAT_S = 1.0, 15.0
MOST_LISTENERS = 100  # a process; each asks the database once a second
MOST_OF_A_BRAND = 25  # of them, so that no brand takes all places


def _wanted(
    caller: AlertReadDep,
    kind: Word = None,
    state: Word = None,
    lot: Word = None,
    region: Maybe = None,
    code: Word = None,
    outcome: Word = None,
    since: Maybe = None,
    until: Maybe = None,
    muted: bool | None = None,
) -> alerts.Filter:
    return alerts.Filter(caller.party, kind, state, lot, region, code, outcome, since, until, muted)


Wanted = Annotated[alerts.Filter, Depends(_wanted)]


@router.get("/alerts")
def list_alerts(
    site: SiteDep, wanted: Wanted, after: Whole = 0, limit: Limit = 100, newest: bool = False
) -> list[Json]:
    """A brand's alerts in the order they were kept (scope read or alerts).

    kind, state (open, archived, regressed, closed), lot, region, code, outcome, muted: only those.
    since, until: raised in [since, until). newest: from the newest down. after: the last id seen.
    Answers a list, each with `id`, `kind`, `rule`, `state`, `muted`, `brand`, `raised`, `last`,
    `scans`, `lot`, `region`, `code`, `consignee`, `severity`, `archived_until`,
    `archived_until_scans`, `outcome`, `judged`, `judged_by`, `exception`, `calibrated`, `sentence`
    and the `evidence` of its kind.
    """
    with reading(site.engine) as session:
        rows = alerts.page(session, wanted, after, limit, newest=newest)
        return [alert_json(session, row) for row in rows]


@router.get("/alerts/export")
def export_alerts(
    site: SiteDep, wanted: Wanted, format: Annotated[Literal["csv", "json"], Query()] = "csv"
) -> Response:
    """All alerts that the filters of GET /v1/alerts let through, as a file (scope read or alerts).

    format: csv (a header, then a line each; no cell is a formula) or json (one array).
    """
    rows = _all(site, wanted)
    lines = csv_lines(rows) if format == "csv" else _array(rows)
    kind = "text/csv; charset=utf-8" if format == "csv" else "application/json"
    headers = {"Content-Disposition": f'attachment; filename="alerts.{format}"'}
    wanted.query()  # refused before anything is sent
    return StreamingResponse(lines, media_type=kind, headers=headers)


@router.get("/alerts/stream")
async def stream_alerts(
    request: Request,
    site: SiteDep,
    caller: AlertReadDep,
    again: AgainDep,
    last: Annotated[str | None, Header(alias="Last-Event-ID", max_length=20)] = None,
    wait: Annotated[int, Query(ge=0, le=3600)] = 600,
) -> StreamingResponse:
    """The feed as server-sent events, one a change of an alert (scope read or alerts).

    Each event has an `id`, an `event` (alert.raised, alert.updated, alert.regressed,
    alert.archived, alert.reopened, alert.closed, alert.tested, rule.muted, rule.unmuted) and as
    `data` the payload that webhooks get. Last-Event-ID: go on after that one; without it, begin
    with what happens next. wait: seconds after which the stream ends, to be opened again, as
    browsers do by themselves. It also ends, within 15 seconds, when the API key is revoked.
    503 TOO_MANY_LISTENERS where a hundred listen already, or 25 with keys of the same brand.
    """
    listeners: Counter[int] = request.app.state.listeners
    if listeners.total() >= MOST_LISTENERS or listeners[caller.party] >= MOST_OF_A_BRAND:
        raise Unavailable("TOO_MANY_LISTENERS", "Too many listen to the feed: try again later.")
    after = await run_in_threadpool(_start, site, last)
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    events = _counted(listeners, caller.party, _events(site, caller.party, again, after, wait))
    return StreamingResponse(events, media_type="text/event-stream", headers=headers)


@router.get("/alerts/{number}")
def show_alert(site: SiteDep, caller: AlertReadDep, number: Number) -> Json:
    """One alert (scope read or alerts). Answers as GET /v1/alerts, each."""
    with reading(site.engine) as session:
        return alert_json(session, alerts.find(session, number, caller.party))


@router.get("/alerts/{number}/evidence")
def show_evidence(site: SiteDep, caller: AlertReadDep, number: Number) -> Json:
    """All that is needed to compute an alert again (scope read or alerts).

    Answers `touchstone-alert-evidence/1`: docs/alerts.md says what is in it.
    """
    with reading(site.engine) as session:
        return evidence_of(session, alerts.find(session, number, caller.party).id)


@router.get("/alerts/{number}/recompute")
def recompute_alert(site: SiteDep, caller: AlertReadDep, number: Number) -> Json:
    """Compute an alert again from the evidence kept with it (scope read or alerts).

    Answers `holds`, whether the kept scans give this alert, and `says`, in one sentence. The same
    as `touchstone alerts recompute`, which needs nothing but the evidence.
    """
    with reading(site.engine) as session:
        told = evidence_of(session, alerts.find(session, number, caller.party).id)
    again = recompute(told)
    return {"holds": again.holds, "says": again.says}


@router.get("/alerts/{number}/picture")
def show_picture(
    site: SiteDep,
    caller: AlertReadDep,
    number: Number,
    lang: Annotated[Literal["en", "zh"], Query()] = "en",
) -> Response:
    """One picture of why, as SVG (scope read or alerts). lang: of its words, en or zh."""
    with reading(site.engine) as session:
        told = evidence_of(session, alerts.find(session, number, caller.party).id)
    # Of what is drawn nothing runs, also where it is opened by itself.
    headers = {"Content-Security-Policy": "default-src 'none'", "X-Content-Type-Options": "nosniff"}
    return Response(picture(told, site.zone, lang), media_type="image/svg+xml", headers=headers)


@router.post("/alerts/{number}/archive")
def archive_alert(site: SiteDep, caller: AlertsDep, number: Number, body: ArchiveIn) -> Json:
    """Put an alert aside until a time, or until it has more scans (scope alerts).

    With its first scan from then on it has regressed: a cause that has ended stays put aside.
    Answers the alert.
    """
    with transaction(site.engine) as session:
        alert = alerts.find(session, number, caller.party)
        now = site.clock()
        alerts.archive(session, now, caller.name, alert, until=body.until, more=body.more)
        return alert_json(session, alert)


@router.post("/alerts/{number}/close")
def close_alert(site: SiteDep, caller: AlertsDep, number: Number, body: CloseIn) -> Json:
    """Close an alert with its outcome, which judges its rule (scope alerts).

    Again, it corrects the outcome. Answers the alert.
    """
    with transaction(site.engine) as session:
        alert = alerts.find(session, number, caller.party)
        now = site.clock()
        alerts.close(session, now, caller.name, alert, body.outcome, body.note, site.fdr)
        return alert_json(session, alert)


@router.post("/alerts/{number}/reopen")
def reopen_alert(site: SiteDep, caller: AlertsDep, number: Number) -> Json:
    """Open an alert again, without its outcome (scope alerts). Answers the alert."""
    with transaction(site.engine) as session:
        alert = alerts.find(session, number, caller.party)
        alerts.reopen(session, site.clock(), caller.name, alert)
        return alert_json(session, alert)


def _all(site: Site, wanted: alerts.Filter) -> Iterator[Json]:
    """Yield all alerts, page by page: none of them holds the database meanwhile."""
    after = 0
    while True:
        with reading(site.engine) as session:
            rows: list[Alert] = alerts.page(session, wanted, after, EXPORTED)
            told = [alert_json(session, row) for row in rows]
        yield from told
        if len(rows) < EXPORTED:
            return
        after = rows[-1].id


def _array(rows: Iterator[Json]) -> Iterator[str]:
    before = "["
    for row in rows:
        yield before + json.dumps(row, ensure_ascii=False)
        before = ",\n"
    yield "[]\n" if before == "[" else "]\n"


def _start(site: Site, last: str | None) -> int:
    """Where a listener goes on: after the event that it saw last, or with the next.

    One that saw more than there is listens to a database that was restored: it begins anew.
    """
    with reading(site.engine) as session:
        newest = alerts_feed.newest(session)
    if last is not None and last.isascii() and last.isdigit():
        return min(int(last), newest)
    return newest


async def _counted(
    listeners: Counter[int], party: int, events: AsyncIterator[str]
) -> AsyncIterator[str]:
    """Pass events on, counted as a listener meanwhile, however it ends."""
    listeners[party] += 1
    try:
        async for event in events:
            yield event
    finally:
        listeners[party] -= 1


def _may_listen(again: Callable[[], Caller]) -> bool:
    try:
        again().need("read", "alerts")
    except Rejected:
        return False
    return True


async def _events(
    site: Site, party: int, again: Callable[[], Caller], after: int, wait: int
) -> AsyncIterator[str]:
    loop = asyncio.get_running_loop()
    end, beat = loop.time() + wait, loop.time() + BEAT_S
    yield "retry: 2000\n\n"
    while True:
        found = await run_in_threadpool(_next, site, party, after)
        for number, text in found:
            yield text
            after = number
        if loop.time() >= end:
            return
        if loop.time() >= beat:
            if not await run_in_threadpool(_may_listen, again):
                return
            beat = loop.time() + BEAT_S
            yield ": still here\n\n"  # so that a listener, or a proxy, knows of a broken line
        if not found:
            await asyncio.sleep(min(POLL_S, max(0.0, end - loop.time())))


def _next(site: Site, brand: int, after: int) -> list[tuple[int, str]]:
    with reading(site.engine) as session:
        rows = alerts_feed.changes(session, brand, after)
    return [
        (
            row.id,
            f"id: {row.id}\nevent: {alerts_feed.type_of(row)}\n"
            f"data: {json.dumps(alerts_feed.message(row), ensure_ascii=False)}\n\n",
        )
        for row in rows
    ]
