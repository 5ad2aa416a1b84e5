"""`touchstone return`: sending a unit back."""

from __future__ import annotations

from typing import Annotated

import typer

from ledger.domain.verbs import Verb
from scripts.acting import Actor, Unit, Wait, hand_over
from scripts.common import Data, Idempotency, Json, KeyFile

app = typer.Typer(add_completion=False)


@app.command(name="return")
def give_back(
    unit: Unit,
    actor: Actor,
    to: Annotated[str, typer.Option("--to", help="Who is to get it back: a GLN or number.")],
    key_file: KeyFile = None,
    key: Idempotency = None,
    wait: Wait = True,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Send a unit back; the brand of its lot may get it whatever its market."""
    hand_over(Verb.RETURN_TO, [unit], actor, to, key_file, key, wait, data, as_json)
