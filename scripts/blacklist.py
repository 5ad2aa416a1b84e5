"""`touchstone alerts blacklist`: codes that the operator's log speaks against."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from ledger.db.engine import reading, transaction
from ledger.domain.moments import iso
from ledger.errors import Rejected
from ledger.services.alerting import blacklist
from ledger.services.audit import COMMAND
from scripts.common import Data, Json, show, site

app = typer.Typer(no_args_is_help=True, add_completion=False)
ALL = 1_000_000


@app.callback()
def group() -> None:
    """The operator's blacklist: its word, not the chain's; every entry can be lifted."""


@app.command(name="list")
def listing(
    lifted: Annotated[bool, typer.Option("--lifted", help="Also those taken off.")] = False,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """List the entries."""
    where = site(data)
    with reading(where.engine) as session:
        rows = [blacklist.entry_json(row) for row in blacklist.entries(session, 0, 0, ALL, lifted)]
    if as_json:
        print(json.dumps({"entries": rows}, ensure_ascii=False))
        return
    for row in rows:
        gone = " (lifted)" if row["lifted"] is not None else ""
        since = iso(row["since"], where.zone)
        print(f"{row['id']}  {row['code']}  {row['level']}{gone}  {since}  {row['reason']}")


@app.command()
def add(
    reason: Annotated[str, typer.Option(help="Why, for the audit log.")],
    codes: Annotated[list[str] | None, typer.Argument(help="Links, or GTIN/serial.")] = None,
    file: Annotated[Path | None, typer.Option(help="A file with one a line.")] = None,
    level: Annotated[
        str, typer.Option(help=f"{' or '.join(blacklist.LEVELS)}.")
    ] = blacklist.LEVELS[-1],
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Put codes on the blacklist, all or none."""
    texts = list(codes or ())
    if file is not None:
        try:
            texts += [line for line in file.read_text("utf-8").splitlines() if line.strip()]
        except (OSError, UnicodeDecodeError) as error:
            raise Rejected("BAD_OPTION", f"{file} cannot be read ({error}).") from None
    where = site(data)
    with reading(where.engine) as session:
        found = blacklist.codes_of(where, session, texts, 0)
    with transaction(where.engine) as session:
        rows = blacklist.add(session, where.clock(), COMMAND, found, level, reason)
        numbers = [row.id for row in rows]
    show({"entries": numbers}, as_json)


@app.command()
def lift(
    number: Annotated[int, typer.Argument(help="The entry's number.")],
    reason: Annotated[str, typer.Option(help="Why, for the audit log.")],
    data: Data = None,
) -> None:
    """Take an entry off the blacklist; it stays on record."""
    where = site(data)
    with transaction(where.engine) as session:
        row = blacklist.find(session, number, 0)
        blacklist.lift(session, where.clock(), COMMAND, row, reason)
