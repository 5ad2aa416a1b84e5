"""`touchstone ship`: sending units to another party."""

from __future__ import annotations

from typing import Annotated

import typer

from ledger.services import custody
from scripts.acting import Actor, Units, Wait, idempotency, outcome, party, unit
from scripts.common import Data, Idempotency, Json, KeyFile, show, signer, site

app = typer.Typer(add_completion=False)


@app.command()
def ship(
    units: Units,
    actor: Actor,
    to: Annotated[str, typer.Option("--to", help="Who is to get them: a GLN or number.")],
    key_file: KeyFile = None,
    key: Idempotency = None,
    wait: Wait = True,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Send units to a party, under one signature; they are its own once it has received them."""
    where, key, own = site(data), idempotency(key), signer(key_file)
    named = [unit(where, text) for text in units]
    submission = custody.ship(where, party(actor), party(to), named, key, own)
    result = {"units": ["0x" + each.hex() for each in named]}
    show({**result, **outcome(where, submission, key, wait)}, as_json)
