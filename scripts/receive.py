"""`touchstone receive`: confirming what has arrived."""

from __future__ import annotations

from typing import Annotated

import typer

from ledger.domain.verbs import Verb
from scripts.acting import Actor, SkipStale, Units, Wait, hand_over
from scripts.common import Data, Idempotency, Json, KeyFile

app = typer.Typer(add_completion=False)


@app.command()
def receive(
    units: Units,
    actor: Actor,
    sender: Annotated[str, typer.Option("--from", help="Who sent them: a GLN or number.")],
    skip_stale: SkipStale = False,
    key_file: KeyFile = None,
    key: Idempotency = None,
    wait: Wait = True,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Confirm the receipt of units that a party sent, under one signature."""
    hand_over(
        Verb.RECEIVE_FROM, units, actor, sender, key_file, key, wait, data, as_json, skip_stale
    )
