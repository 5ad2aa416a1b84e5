"""`touchstone void`: codes that shall never be good."""

from __future__ import annotations

import typer

from ledger.services.runs import order_void
from scripts.acting import Batch, First, To, Wait, carry_out
from scripts.common import Data, Idempotency, Json, KeyFile

app = typer.Typer(add_completion=False)


@app.command()
def void(
    batch: Batch,
    first: First,
    to: To,
    key_file: KeyFile = None,
    key: Idempotency = None,
    wait: Wait = True,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Make codes of a batch void, for ever: misprints, spoilt rolls, what was never applied."""
    carry_out(
        lambda where, key: order_void(where, batch, first, to, key),
        key_file,
        key,
        wait,
        data,
        as_json,
    )
