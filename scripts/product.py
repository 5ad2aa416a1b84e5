"""`touchstone product`: trade items and what they are called."""

from __future__ import annotations

from typing import Annotated

import typer

from ledger.domain.ids import party_text
from ledger.services.mint import add_product
from scripts.acting import party
from scripts.common import Data, Json, show, site

app = typer.Typer(no_args_is_help=True, add_completion=False)


@app.callback()
def product() -> None:
    """Name the trade items that codes are minted for."""


@app.command()
def add(
    brand: Annotated[str, typer.Option(help="Whose item it is: the brand's GLN or number.")],
    gtin: Annotated[str, typer.Option(help="Its GTIN, with the check digit.")],
    name_en: Annotated[str, typer.Option(help="Name in English.")],
    name_zh: Annotated[str, typer.Option(help="Name in Chinese.")],
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Name a trade item, or rename it."""
    owner = party(brand)
    number = add_product(site(data), owner, gtin, name_en, name_zh)
    show({"gtin": f"{number:014d}", "brand": party_text(owner)}, as_json)
