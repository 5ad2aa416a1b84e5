"""`touchstone receive`: confirming what has arrived."""

from __future__ import annotations

from typing import Annotated

import typer

from ledger.services import custody
from scripts.acting import Actor, Units, Wait, idempotency, outcome, party, unit
from scripts.common import Data, Idempotency, Json, KeyFile, show, signer, site

app = typer.Typer(add_completion=False)


@app.command()
def receive(
    units: Units,
    actor: Actor,
    sender: Annotated[str, typer.Option("--from", help="Who sent them: a GLN or number.")],
    key_file: KeyFile = None,
    key: Idempotency = None,
    wait: Wait = True,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Confirm the receipt of units that a party sent, under one signature."""
    where, key, own = site(data), idempotency(key), signer(key_file)
    named = [unit(where, text) for text in units]
    submission = custody.receive(where, party(actor), party(sender), named, key, own)
    result = {"units": ["0x" + each.hex() for each in named]}
    show({**result, **outcome(where, submission, key, wait)}, as_json)
