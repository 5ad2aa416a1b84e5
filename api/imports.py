"""The API of codes that are printed already, under /v1: a file goes in as it is."""

from __future__ import annotations

import tempfile
import threading
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi.concurrency import run_in_threadpool

from api.alerts import Number
from api.bodies import JsonRoute
from api.deps import BrandDep, SiteDep
from ledger.db.engine import reading
from ledger.errors import Unavailable
from ledger.services.importing import imports
from ledger.services.importing.import_check import BadRow
from ledger.services.site import Site

router = APIRouter(prefix="/v1", tags=["codes"], route_class=JsonRoute)
Json = dict[str, Any]
MAX_TOLD = 1_000  # bad rows of an answer
# A file of a million rows takes some hundred megabytes of memory while it is read.
_READING = threading.Lock()
_COMING = threading.BoundedSemaphore(4)  # files that are on their way, of which each may be slow
_PIECE = 1 << 20  # bytes written at once


@router.post("/imports", status_code=201)
async def import_codes(
    request: Request,
    site: SiteDep,
    caller: BrandDep,
    brand: Annotated[int, Query(ge=0, lt=1 << 63)],
    name: Annotated[str, Query(min_length=1, max_length=200)] = "file",
    gtin: Annotated[str | None, Query(max_length=14)] = None,
    encoding: Annotated[str | None, Query(max_length=20)] = None,
    sheet: Annotated[str | None, Query(max_length=200)] = None,
    all_or_nothing: Annotated[bool, Query()] = False,
) -> Json:
    """Take codes that are printed already (scope brand). The body is a CSV file or a workbook.

    At most 128 MiB; one file at a time is read, and four may come at once (503 IMPORT_RUNNING).
    Columns, encoding and sheet as `touchstone import`
    takes them. Answers as `GET /v1/imports/{number}`, and `again` (the same file was taken before),
    `bad` (how many rows cannot be used) and `bad_rows` (the first 1,000: `row`, `column`, `error`,
    `detail`).
    """
    caller.act_for(brand)
    if _READING.locked() or not _COMING.acquire(blocking=False):
        raise _busy()  # before it is sent
    try:
        with tempfile.TemporaryDirectory(prefix="touchstone-") as directory:
            path = Path(directory) / "file"
            await _receive(request, path)
            wish = imports.Wish(brand, path, name, gtin, encoding, sheet, whole=all_or_nothing)
            return await run_in_threadpool(_take, site, wish)
    finally:
        _COMING.release()


@router.get("/imports/{number}")
def one_import(site: SiteDep, caller: BrandDep, number: Number) -> Json:
    """What became of a file of codes (scope brand).

    Answers `import`, `name`, `brand`, `state` (COMMISSIONING, DONE, FAILED), `error`, `rows`,
    `good` and `batches`, each with `batch` (null before the chain has given a number), `gtin`,
    `count` and `lots` (`lot`, `expiry`, `from`, `to`).
    """
    with reading(site.engine) as session:
        return imports.import_json(session, imports.find(session, number, caller.party))


async def _receive(request: Request, path: Path) -> None:
    """Write a body to a file, whose disk keeps nobody else waiting."""
    come = bytearray()
    with path.open("wb") as file:
        async for piece in request.stream():
            come += piece
            if len(come) >= _PIECE:
                await run_in_threadpool(file.write, bytes(come))
                come.clear()
        await run_in_threadpool(file.write, bytes(come))


def _busy() -> Unavailable:
    return Unavailable("IMPORT_RUNNING", "Another file is being read: send it again in a minute.")


def _take(site: Site, wish: imports.Wish) -> Json:
    if not _READING.acquire(blocking=False):
        raise _busy()
    told: list[BadRow] = []

    def tell(row: BadRow) -> None:
        if len(told) < MAX_TOLD:
            told.append(row)

    try:
        taken = imports.take(site, wish, tell)
    finally:
        _READING.release()
    with reading(site.engine) as session:
        found = imports.import_json(session, imports.find(session, taken.id))
    rows = [row.to_json() for row in told]
    return {**found, "again": taken.again, "bad": taken.rows - taken.good, "bad_rows": rows}
