"""`touchstone import`: codes that a brand has printed already, from CSV or Excel."""

from __future__ import annotations

import csv
import io
import json
import time
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import Annotated, Any, BinaryIO

import typer

from ledger.db.engine import reading
from ledger.errors import Rejected, Unavailable
from ledger.services.importing import imports
from ledger.services.importing.import_check import BadRow
from ledger.services.site import Site
from scripts.acting import party, whole_file
from scripts.common import Data, Json, progress_bar, site

app = typer.Typer(add_completion=False)

POLL_S = 0.05
SHOWN = 20  # bad rows that are printed


@app.command(name="import")
def import_codes(
    file: Annotated[Path, typer.Argument(help="A CSV file or an Excel workbook (.xlsx).")],
    brand: Annotated[str, typer.Option(help="Whose codes: the brand's GLN or number.")],
    gtin: Annotated[
        str | None, typer.Option(help="GTIN of all rows, where no column tells it.")
    ] = None,
    encoding: Annotated[
        str | None, typer.Option(help="Of a CSV file [UTF-8 or GB18030, as fits].")
    ] = None,
    sheet: Annotated[str | None, typer.Option(help="Of a workbook, if it shows several.")] = None,
    report: Annotated[
        Path | None, typer.Option(help="CSV file for the rows that cannot be used.")
    ] = None,
    all_or_nothing: Annotated[
        bool, typer.Option("--all-or-nothing", help="Take none if one row cannot be used.")
    ] = False,
    wait: Annotated[
        bool, typer.Option("--wait/--no-wait", help="Wait until roots and lots are on chain.")
    ] = True,
    timeout: Annotated[float, typer.Option(help="Seconds to wait.")] = 600.0,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Take codes that are printed already; the first row names the columns.

    link, or gtin and serial; and lot and expiry if they are known. Rows that cannot be used are
    named with what to do; the others are taken. Exit status 1 if there are any. The same file again
    is told, and goes on where it was.
    """
    if not file.is_file():
        raise Rejected("NO_FILE", f"There is no file {file}: compare the name.")
    where = site(data)
    wish = imports.Wish(party(brand), file, file.name, gtin, encoding, sheet, whole=all_or_nothing)
    shown: list[BadRow] = []
    with whole_file(report) if report is not None else nullcontext() as out:
        taken = _take(where, wish, _teller(shown, out))
    found = _await(where, taken.id, timeout) if wait else _found(where, taken.id)
    bad = taken.rows - taken.good
    result = {**found, "again": taken.again, "bad": bad, "report": str(report) if report else None}
    if as_json:
        print(json.dumps({**result, "bad_rows": [row.to_json() for row in shown]}))
    else:
        _print(result, shown)
    if bad and not taken.again:
        raise typer.Exit(1)


def _take(where: Site, wish: imports.Wish, bad: Callable[[BadRow], None]) -> imports.Taken:
    with progress_bar() as bar:
        task = bar.add_task("rows", total=None)
        return imports.take(where, wish, bad, lambda rows: bar.advance(task, rows))


def _teller(shown: list[BadRow], out: BinaryIO | None) -> Callable[[BadRow], None]:
    """Return what keeps the first bad rows, and writes all of them."""
    if out is not None:
        out.write("﻿row,column,error,what to do,the row\r\n".encode())

    def tell(row: BadRow) -> None:
        if len(shown) < SHOWN:
            shown.append(row)
        if out is not None:
            line = io.StringIO()
            cells = (row.number, row.column, row.code, row.message, *map(_harmless, row.cells))
            csv.writer(line).writerow(cells)
            out.write(line.getvalue().encode())

    return tell


def _harmless(text: str) -> str:
    """Return a cell that a spreadsheet will not take for a formula."""
    return f"'{text}" if text[:1] in ("=", "+", "-", "@", "\t") else text


def _found(where: Site, number: int) -> dict[str, Any]:
    with reading(where.engine) as session:
        return imports.import_json(session, imports.find(session, number))


def _await(where: Site, number: int, timeout: float) -> dict[str, Any]:
    end = time.monotonic() + timeout
    while True:
        found = _found(where, number)
        if found["state"] == imports.DONE:
            return found
        if found["state"] == imports.FAILED:
            raise Rejected(
                "IMPORT_FAILED", f"{found['error']} Mend that, and send the same file again."
            )
        if time.monotonic() > end:
            raise Unavailable(
                "NOT_SETTLED",
                "The rows are kept and go on when node and worker run: send the same file again to "
                "see how far.",
            )
        time.sleep(POLL_S)


def _print(result: dict[str, Any], shown: list[BadRow]) -> None:
    again = " (taken before; nothing was done)" if result["again"] else ""
    print(f"import {result['import']}: {result['state']}{again}")
    print(f"{result['good']:,} of {result['rows']:,} rows taken")
    for batch in result["batches"]:
        print(f"batch {batch['batch']}: {batch['count']:,} codes of {batch['gtin']}")
        for lot in batch["lots"]:
            until = f", to {lot['expiry']}" if lot["expiry"] else ""
            print(f"  lot {lot['lot']}: {lot['from']} to {lot['to']}{until}")
    for row in shown:
        print(f"row {row.number}, {row.column}: {row.code}: {row.message}")
    if result["bad"] > len(shown) and shown:
        print(f"… and {result['bad'] - len(shown):,} more: write all of them with --report FILE")
