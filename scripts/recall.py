"""`touchstone recall`: goods that nobody shall use."""

from __future__ import annotations

from typing import Annotated

import typer

from ledger.services import lots
from scripts.acting import Actor, Wait, carry_out, party
from scripts.common import Data, Idempotency, Json, KeyFile

app = typer.Typer(add_completion=False)

Gtin = Annotated[str, typer.Argument(help="The trade item, 8 to 14 digits.")]
Lot = Annotated[str, typer.Argument(help="Lot number as printed.")]


@app.command()
def recall(
    gtin: Gtin,
    lot: Lot,
    actor: Actor,
    key_file: KeyFile = None,
    key: Idempotency = None,
    wait: Wait = True,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Recall a lot, as its brand or a regulator: every scan of it says so from then on."""
    carry_out(
        lambda where, key: lots.order_state(where, party(actor), gtin, lot, lots.RECALLED, key),
        key_file,
        key,
        wait,
        data,
        as_json,
    )
