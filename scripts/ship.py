"""`touchstone ship`: sending units to another party."""

from __future__ import annotations

from typing import Annotated

import typer

from ledger.domain.verbs import Verb
from scripts.acting import Actor, SkipStale, Units, Wait, hand_over
from scripts.common import Data, Idempotency, Json, KeyFile

app = typer.Typer(add_completion=False)


@app.command()
def ship(
    units: Units,
    actor: Actor,
    to: Annotated[str, typer.Option("--to", help="Who is to get them: a GLN or number.")],
    skip_stale: SkipStale = False,
    key_file: KeyFile = None,
    key: Idempotency = None,
    wait: Wait = True,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Send units to a party, under one signature; they are its own once it has received them."""
    hand_over(Verb.SHIP, units, actor, to, key_file, key, wait, data, as_json, skip_stale)
