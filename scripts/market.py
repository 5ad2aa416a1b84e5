"""`touchstone market`: where the goods of a market are meant to be sold."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from ledger.db.engine import reading, transaction
from ledger.domain.regions import COUNTRIES
from ledger.services.alerting import markets
from ledger.services.audit import COMMAND
from ledger.services.districts import known
from scripts.acting import party
from scripts.common import Data, Json, show, site

app = typer.Typer(no_args_is_help=True, add_completion=False)
Brand = Annotated[str, typer.Option("--brand", help="The brand: a GLN or an assigned number.")]
Number = Annotated[int, typer.Argument(help="The market's number on the ledger, 1 to 255.")]


@app.callback()
def group() -> None:
    """Markets: what a number on the ledger means to a brand, as a set of regions and districts."""


@app.command(name="set")
def put(
    number: Number,
    brand: Brand,
    name: Annotated[str, typer.Option(help="What people call it.")],
    region: Annotated[
        list[int] | None,
        typer.Option(help="A province, two digits of GB/T 2260, or a city or county; repeat."),
    ] = None,
    country: Annotated[
        str | None, typer.Option(help=f"All regions of a country: {', '.join(COUNTRIES)}.")
    ] = None,
    free: Annotated[
        bool, typer.Option("--free", help="Resale outside it may not be prohibited.")
    ] = False,
    tells: Annotated[
        bool, typer.Option("--tells", help="A consumer who scans outside it is told.")
    ] = False,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """State what a market is, anew or over what was stated before."""
    where = site(data)
    terms = markets.Terms(name, region or (), country, free, tells)
    with transaction(where.engine) as session:
        row = markets.put(session, where.clock(), COMMAND, party(brand), number, terms)
        told = markets.market_json(row)
    show(told, as_json)


@app.command(name="list")
def listing(data: Data = None, as_json: Json = False) -> None:
    """List what is stated of all markets."""
    with reading(site(data).engine) as session:
        rows = [markets.market_json(row) for row in markets.listing(session, 0)]
        loaded = known(session)
    if as_json:
        print(json.dumps({"markets": rows}, ensure_ascii=False))
        return
    for row in rows:
        names = "; ".join(str(loaded.named(code)["en"]) for code in row["regions"])
        how = "free" if row["free"] else "told" if row["tells"] else "restricted"
        print(f"{row['brand']}  {row['number']}  {row['name']}  {how}  {names}")


@app.command()
def remove(number: Number, brand: Brand, data: Data = None) -> None:
    """Take back what was stated of a market."""
    where = site(data)
    with transaction(where.engine) as session:
        markets.remove(session, where.clock(), COMMAND, party(brand), number)
