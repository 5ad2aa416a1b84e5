"""`touchstone void`: codes that shall never be good."""

from __future__ import annotations

import typer

from ledger.services import ranges
from ledger.services.units import Codes
from scripts.acting import Batch, First, To, Wait, idempotency, outcome
from scripts.common import Data, Idempotency, Json, KeyFile, show, signer, site

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
    where, key, own = site(data), idempotency(key), signer(key_file)
    sent = ranges.void(where, [Codes(batch, first, to)], key, own)
    show({"submissions": sent, **outcome(where, sent[-1], key, wait)}, as_json)
