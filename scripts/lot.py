"""`touchstone lot`: which codes belong to which lot."""

from __future__ import annotations

from datetime import date
from typing import Annotated

import typer

from ledger.errors import Rejected
from ledger.services.runs import LotTerms, bind_lot
from scripts.acting import Batch, First, To, Wait, idempotency, outcome
from scripts.common import Data, Idempotency, Json, show, site

app = typer.Typer(no_args_is_help=True, add_completion=False)


@app.callback()
def group() -> None:
    """Lots: what was made together, with its dates and its market."""


@app.command()
def bind(
    batch: Batch,
    first: First,
    to: To,
    lot: Annotated[str, typer.Option(help="Lot number as printed, 1 to 20 characters.")],
    expiry: Annotated[str | None, typer.Option(help="Last day of use (AI 17), YYYY-MM-DD.")] = None,
    best_before: Annotated[
        str | None, typer.Option(help="Best-before day (AI 15), YYYY-MM-DD.")
    ] = None,
    market: Annotated[int, typer.Option(help="The only market it is for; 0 = any.")] = 0,
    key: Idempotency = None,
    wait: Wait = True,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Bind codes of a batch to a lot; the first time opens the lot, and its terms stay."""
    terms = LotTerms(lot, _day(expiry), _day(best_before), market)
    where, key = site(data), idempotency(key)
    submission = bind_lot(where, batch, first, to, terms, key)
    show({"lot": lot, **outcome(where, submission, key, wait)}, as_json)


def _day(text: str | None) -> date | None:
    try:
        return None if text is None else date.fromisoformat(text)
    except ValueError:
        raise Rejected("BAD_DATE", f"'{text}' is no day: give it as 2028-01-31.") from None
