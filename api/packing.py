"""The API under /v1 of packing lines: many boxes, streams, what lies where, and rework."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from api import verb_orders
from api.bodies import (
    MAX_INT,
    DissolutionIn,
    JsonRoute,
    PacksIn,
    RejectIn,
    ReplacementIn,
)
from api.deps import AgainDep, CustodyDep, KeyDep, ReadDep, SiteDep
from ledger.db.engine import reading
from ledger.errors import Rejected
from ledger.services.api_keys import Caller
from ledger.services.goods import levels, line, packing, rework
from ledger.services.goods.line import AT_ONCE, Ack, Event
from ledger.services.goods.packing import Refused
from ledger.services.goods.rework import Done
from ledger.services.lookup import parties_of
from ledger.services.site import Site

router = APIRouter(prefix="/v1", tags=["packing"], route_class=JsonRoute)
Json = dict[str, Any]
MAX_LINE = 4 << 20  # bytes of one event
Actor = Annotated[int, Query(ge=1, le=MAX_INT)]


@router.post("/packs/many", status_code=202)
def pack_many(site: SiteDep, caller: CustodyDep, key: KeyDep, body: PacksIn) -> list[Json]:
    """Pack many units, each with all that is in it or not at all (scope custody).

    Signed by the actor's hosted key. Answers a list in their order, each with `sscc` and either
    `unit` (its id) and `submission`, or `code` and `error`: what is wrong with one stops no other.
    """
    caller.act_for(body.actor)
    boxes = [(verb_orders.box_of(site, caller, each), f"{key}:{each.sscc}") for each in body.boxes]
    results = packing.pack_many(site, body.actor, boxes, ship_to=body.ship_to)
    return [
        {"sscc": box.sscc, "code": one.error.code, "error": one.error.message}
        if isinstance(one, Refused)
        else {"sscc": box.sscc, "unit": "0x" + one[0].hex(), "submission": one[1]}
        for (box, _), one in zip(boxes, results, strict=True)
    ]


@router.post("/packs/stream")
async def stream(
    site: SiteDep, caller: CustodyDep, again: AgainDep, request: Request, actor: Actor
) -> StreamingResponse:
    """Take the events of a packing line as they come (scope custody).

    The body is a line of JSON for each box that was closed (docs/packing.md), sent in chunks for as
    long as the line runs. Answers a line of JSON for each, once it is kept: `row`, `sscc`, `state`
    (closed, packed or refused), `submission`, or `code` and `error`. What was not acknowledged is
    sent again; what was is acknowledged again. When the API key is revoked the next event is
    refused (KEY_UNKNOWN), and the stream ends.
    """
    caller.act_for(actor)

    def take(events: list[Event | Ack]) -> list[Ack]:
        now = again()
        now.need("custody")
        now.act_for(actor)
        return line.take(site, actor, events)

    return _Answers(_acks(take, request), media_type="application/x-ndjson")


@router.get("/packs/waiting")
def waiting(site: SiteDep, caller: CustodyDep, actor: Actor) -> list[Json]:
    """Boxes that a line has closed and that are in no unit on the ledger yet (scope custody).

    Answers a list, each with `sscc`, `items` and `closed` (unix seconds).
    """
    caller.act_for(actor)
    with reading(site.engine) as session:
        rows = line.waiting(session, actor)
    return [{"sscc": sscc, "items": items, "closed": at} for sscc, items, at in rows]


@router.get("/whereabouts")
def whereabouts(
    site: SiteDep, caller: ReadDep, code: Annotated[str, Query(max_length=2_000)]
) -> Json:
    """What a code is, and all levels of packing around it and in it (scope read).

    code: an item's link, its inner code's link (told to its brand only), an SSCC or a unit id.
    Answers `kind`, `epc`, and `up`: the units around it now, from inside out, each with `sscc`,
    `id`, `level`, `place` and `alone`; of a unit to its packer, brand or holder also `down`. Told
    to those who had a part in the unit's way; to others the code is unknown.
    """
    with reading(site.engine) as session:
        try:
            found = levels.scan(site, session, code)
        except Rejected as error:
            raise _unknown(code) if error.code.startswith("UNKNOWN") else error from None
        if not _may_see(site, session, caller, found, inner="/i/" in code.lower()):
            raise _unknown(code)
        unit = found.unit
        inside = unit is not None and (
            not caller.party or caller.party in levels.insiders(session, unit)
        )
        return levels.to_json(site, session, found, inside=inside)


@router.post("/rejects")
def reject(site: SiteDep, caller: CustodyDep, key: KeyDep, body: RejectIn) -> Json:
    """Take an item out of all that is around it, and say what its code is now (scope custody).

    Signed by the actor's hosted key, one verb after the other; answers when the chain has confirmed
    them: `unit`, `left`, `code`, `submissions`. Under the same key it goes on where it stopped.
    """
    caller.act_for(body.actor)
    done = rework.reject(site, body.actor, body.link, body.reason, key, body.becomes)
    return _done(done)


@router.post("/replacements")
def replace(site: SiteDep, caller: CustodyDep, key: KeyDep, body: ReplacementIn) -> Json:
    """Reject an item of a case and put another beside the rest, under a new SSCC (scope custody).

    Answers as `/v1/rejects`; `unit` is the case as it is now.
    """
    caller.act_for(body.actor)
    done = rework.replace(
        site, body.actor, body.link, body.by, body.sscc, body.reason, key, body.becomes
    )
    return _done(done)


@router.post("/dissolutions")
def dissolve(site: SiteDep, caller: CustodyDep, key: KeyDep, body: DissolutionIn) -> Json:
    """Take all that is left in a unit out of it (scope custody).

    Answers as `/v1/rejects`.
    """
    caller.act_for(body.actor)
    with reading(site.engine) as session:
        name = verb_orders.find(site, session, caller, body.unit)
    return _done(rework.dissolve(site, body.actor, name, body.reason, key))


class _Answers(StreamingResponse):
    """A stream that is sent while the request's body still comes.

    The one that it is made from listens for a hang-up, and would swallow parts of the body.
    """

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002
        """Send it; a hang-up is noticed by sending."""
        await self.stream_response(send)


async def _acks(
    take: Callable[[list[Event | Ack]], list[Ack]], request: Request
) -> AsyncIterator[bytes]:
    """Yield the answers to a stream's events. take: keeps some; what it refuses ends the stream."""
    row = 0
    async for lines in _pieces(request):
        try:
            acks = await run_in_threadpool(take, _events(lines, row))
        except Rejected as error:
            yield line.dumps(Ack(row + 1, "", line.REFUSED, error=error))
            return
        row += len(lines)
        for ack in acks:
            yield line.dumps(ack)


async def _pieces(request: Request) -> AsyncIterator[list[bytes]]:
    """Yield the lines of a body as they come, some at once; the last may have no end."""
    rest = b""
    async for chunk in request.stream():
        *whole, rest = (rest + chunk).split(b"\n")
        if len(rest) > MAX_LINE:
            whole, rest = [*whole, rest], b""
        for at in range(0, len(whole), AT_ONCE):
            yield whole[at : at + AT_ONCE]
    if rest:
        yield [rest]


def _events(lines: list[bytes], row: int) -> list[Event | Ack]:
    return [line.read_event(at, text) for at, text in enumerate(lines, row + 1) if text.strip()]


def _may_see(
    site: Site, session: Any, caller: Caller, found: levels.Scanned, *, inner: bool
) -> bool:
    if not caller.party:
        return True
    if found.item is not None and caller.party == found.item.brand:
        return True
    if inner:
        return False
    names = [found.unit] if found.unit is not None else levels.named(session, found)
    return any(caller.party in parties_of(site, session, name) for name in names)


def _unknown(code: str) -> Rejected:
    return Rejected("UNKNOWN_ITEM", f"{code[:80]} is nothing that this API key may know of.")


def _done(done: Done) -> Json:
    return {
        "unit": "0x" + done.unit.hex(),
        "left": ["0x" + unit.hex() for unit in done.left],
        "code": done.code,
        "submissions": list(done.submissions),
    }
