"""`touchstone district`: cities and counties that territories and markets may name."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from ledger.db.engine import reading, transaction
from ledger.services import districts
from ledger.services.audit import COMMAND
from scripts.common import Data, Json, show, site

app = typer.Typer(no_args_is_help=True, add_completion=False)


@app.callback()
def group() -> None:
    """Cities and counties: what they are called, and where their centres lie."""


@app.command()
def load(
    file: Annotated[Path, typer.Argument(help="CSV: code, name_en, name_zh, lat, lon.")],
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Load all cities and counties, in the place of what was loaded before."""
    where = site(data)
    with transaction(where.engine) as session:
        count = districts.load(session, where.clock(), COMMAND, file)
    show({"districts": count}, as_json)


@app.command(name="list")
def listing(data: Data = None, as_json: Json = False) -> None:
    """List the cities and counties that are loaded."""
    with reading(site(data).engine) as session:
        loaded = districts.known(session)
    rows = [loaded.named(code) for code in loaded.names]
    if as_json:
        print(json.dumps({"districts": rows}, ensure_ascii=False))
        return
    for row in rows:
        print(f"{row['code']}  {row['en']}  {row['zh']}")
