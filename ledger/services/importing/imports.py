"""Taking codes that a brand has printed already: the good rows of a file become batches of theirs.

The good rows of a file are taken all at once, by one change of a state, or none of them. What
follows is the worker's (`imports_work`). So a kill at any moment leaves nothing that counts, or
what goes on by itself.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from ledger.db.engine import reading, transaction
from ledger.db.imports import CodeImport, ImportedBatch, ImportedLot
from ledger.db.models import Mint, Submission
from ledger.domain.gs1 import gtin14
from ledger.errors import Rejected
from ledger.services.capture import era_of
from ledger.services.importing.import_check import BadRow, Checker, GoodRow, Table
from ledger.services.importing.import_csv import read_csv
from ledger.services.importing.import_stage import Codes, Found, clear, stage
from ledger.services.importing.import_xlsx import is_workbook, read_xlsx
from ledger.services.keys import epochs
from ledger.services.keys.sealed_file import locked
from ledger.services.site import Site

MAX_ROWS = 1_048_576  # as many as a sheet of Excel has
MAX_RANGES = 2_000  # GTINs and lots of a file: each is a transaction on the chain
COMMISSIONING, DONE, FAILED = "COMMISSIONING", "DONE", "FAILED"
_TOLD = 1_000  # rows between two calls of `read`


@dataclass(frozen=True)
class Wish:
    """A file and how to read it. name: as people call it; gtin: of all rows, where no column tells
    it; encoding, sheet: None finds them out; whole: one bad row refuses the file."""

    brand: int
    path: Path
    name: str
    gtin: str | None = None
    encoding: str | None = None
    sheet: str | None = None
    whole: bool = False


@dataclass(frozen=True)
class Taken:
    """What became of a file. id: of the import; again: it was taken before, nothing was done."""

    id: int
    rows: int
    good: int
    again: bool = False


def take(
    site: Site,
    wish: Wish,
    bad: Callable[[BadRow], None],
    read: Callable[[int], None] = lambda _: None,
) -> Taken:
    """Keep the good rows of a file; the worker commissions them. The first waits for the chain.

    bad: is told each row that cannot be used, in order. read: is told how many more rows were read.
    Raises Rejected ROWS_REFUSED (`whole`), NO_GOOD_ROWS, TOO_MANY_ROWS, IMPORTED_BY_ANOTHER,
    NOT_HOSTED, NO_UNIT_KEY, UnknownParty, as `epochs.ensure_imported`, `read_csv`, `read_xlsx`.
    """
    with reading(site.engine) as session:
        era_of(session, wish.brand)  # an unregistered party imports nothing
    site.signer(wish.brand)
    digest = _digest(wish.path)
    with locked(site.home.path / "imports"):  # one file at a time, so what is STAGED now is dead
        clear(site)
        return _take(site, wish, digest, bad, read)


def _take(
    site: Site,
    wish: Wish,
    digest: bytes,
    bad: Callable[[BadRow], None],
    read: Callable[[int], None],
) -> Taken:
    if (known := _again(site, wish.brand, digest)) is not None:
        return known
    found = _read(site, wish, bad, read)
    if wish.whole and found.bad:
        raise Rejected(
            "ROWS_REFUSED",
            f"{found.bad:,} of {found.rows:,} rows cannot be used, so none was taken: mend them.",
        )
    if not found.codes:
        raise Rejected(
            "NO_GOOD_ROWS", f"None of {found.rows:,} rows can be used: see what is said of each."
        )
    epochs.ensure_imported(site, wish.brand)
    number = stage(site, wish.brand, wish.name, digest, found)
    # If we die before this nothing was taken; after it the worker goes on with all of it.
    with transaction(site.engine) as session:
        find(session, number).state = COMMISSIONING
    return Taken(number, found.rows, found.rows - found.bad)


def find(session: Session, number: int, brand: int = 0) -> CodeImport:
    """Return an import, of one brand (0: of any). Raises Rejected UNKNOWN_IMPORT."""
    row = session.get(CodeImport, number)
    if row is None or brand not in (0, row.brand):
        raise Rejected("UNKNOWN_IMPORT", f"There is no import {number}: compare the number.")
    return row


def import_json(session: Session, row: CodeImport) -> dict[str, Any]:
    """Return an import with its batches and lots, for machines and people."""
    batches = session.execute(
        select(ImportedBatch, Mint.batch)
        .outerjoin(Mint, Mint.id == ImportedBatch.mint)
        .where(ImportedBatch.code_import == row.id)
        .order_by(ImportedBatch.id)
    ).all()
    lots = session.scalars(
        select(ImportedLot)
        .where(ImportedLot.source.in_([batch.id for batch, _ in batches]))
        .order_by(ImportedLot.source, ImportedLot.first)
    ).all()
    return {
        "import": row.id,
        "name": row.name,
        "brand": row.brand,
        "state": row.state,
        "error": row.error,
        "rows": row.rows,
        "good": row.good,
        "batches": [
            {
                "batch": number,
                "gtin": f"{batch.gtin:014d}",
                "count": batch.count,
                "lots": [
                    {"lot": lot.lot, "expiry": lot.expiry, "from": lot.first, "to": lot.to}
                    for lot in lots
                    if lot.source == batch.id
                ],
            }
            for batch, number in batches
        ],
    }


def _again(site: Site, brand: int, digest: bytes) -> Taken | None:
    with reading(site.engine) as session:
        row = session.scalars(select(CodeImport).where(CodeImport.digest == digest)).one_or_none()
    if row is None:
        return None
    if row.brand != brand:
        raise Rejected("IMPORTED_BY_ANOTHER", "Another brand has sent this very file: compare it.")
    if row.state == FAILED:
        _try_again(site, row.id)
    return Taken(row.id, row.rows, row.good, again=True)


def _try_again(site: Site, number: int) -> None:
    with transaction(site.engine) as session:
        row = find(session, number)
        row.state, row.error, row.tries = COMMISSIONING, None, row.tries + 1
        query = select(ImportedBatch).where(ImportedBatch.code_import == number)
        for batch in session.scalars(query):
            mint = session.get(Mint, batch.mint) if batch.mint is not None else None
            if mint is not None and mint.state == FAILED:
                batch.mint = None
            for lot in session.scalars(select(ImportedLot).where(ImportedLot.source == batch.id)):
                sent = session.get(Submission, lot.submission) if lot.submission else None
                if sent is not None and sent.state == "REJECTED":
                    lot.submission = None


def _digest(path: Path) -> bytes:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").digest()


def _read(
    site: Site, wish: Wish, bad: Callable[[BadRow], None], read: Callable[[int], None]
) -> Found:
    gtin = gtin14(wish.gtin) if wish.gtin is not None else None
    workbook = is_workbook(wish.path)
    rows = (
        read_xlsx(wish.path, wish.sheet) if workbook else read_csv(wish.path, wish.encoding, gtin)
    )
    found, numbers = Found(), {("", ""): 0}
    for row in Checker(site, wish.brand).check(Table.of(rows, gtin)):
        found.rows += 1
        if found.rows > MAX_ROWS:
            raise Rejected("TOO_MANY_ROWS", f"A file has {MAX_ROWS:,} rows at most: split it.")
        if found.rows % _TOLD == 0:
            read(_TOLD)
        if isinstance(row, BadRow):
            found.bad += 1
            bad(row)
            continue
        _add(found, numbers, row)
    if len(found.lots) + len(found.codes) > MAX_RANGES:
        raise Rejected(
            "TOO_MANY_RANGES", f"A file has {MAX_RANGES:,} products and lots at most: split it."
        )
    return found


def _add(found: Found, numbers: dict[tuple[str, str], int], row: GoodRow) -> None:
    printed = row.printed
    codes = found.codes.setdefault(int(printed.gtin), Codes())
    lot = 0
    if printed.lot is not None:
        lot = numbers.setdefault((printed.gtin, printed.lot), len(found.lots))
        if lot == len(found.lots):
            found.lots.append((printed.lot, printed.expiry))
    codes.serials.append(printed.serial)
    codes.tags.append(row.tag)
    codes.lots.append(lot)
