"""`touchstone activate`: from when on codes may be on sale."""

from __future__ import annotations

from typing import Annotated

import typer

from ledger.services.runs import activate as make_active
from scripts.acting import Batch, First, To, Wait, idempotency, moment, outcome
from scripts.common import Data, Idempotency, Json, show, site

app = typer.Typer(add_completion=False)


@app.command()
def activate(
    batch: Batch,
    first: First,
    to: To,
    at: Annotated[
        str, typer.Option(help="'now', 'never', unix seconds or ISO 8601 (UTC unless it says).")
    ] = "now",
    key: Idempotency = None,
    wait: Wait = True,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Make codes of a batch active from a time on; 'never' makes them inactive again."""
    where, key = site(data), idempotency(key)
    active_from = moment(at, where.clock())
    submission = make_active(where, batch, first, to, active_from, key)
    show({"active_from": active_from, **outcome(where, submission, key, wait)}, as_json)
