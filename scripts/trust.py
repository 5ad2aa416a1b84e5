"""`touchstone trust`: the file that checkers pin."""

from __future__ import annotations

from typing import Annotated

import typer

from ledger.chain.embedded.clock import parse_clock
from ledger.chain.trust import DEFAULT_MAX_AGE_S, check_trust
from ledger.services import trusting
from ledger.services.open import home_of
from scripts.common import Data, Json, settings, show

app = typer.Typer(no_args_is_help=True, add_completion=False)


@app.callback()
def trust() -> None:
    """The trust file: which ledger, and whose seals on it count."""


@app.command()
def make(
    valid_days: Annotated[
        int, typer.Option(min=1, max=180, help="Days for which it may be used.")
    ] = trusting.VALID_DAYS,
    max_age: Annotated[
        int, typer.Option(min=1, help="Seconds after which a proof is no longer fresh.")
    ] = DEFAULT_MAX_AGE_S,
    checker: Annotated[
        list[str] | None,
        typer.Option(
            help="Address of somebody else's page that checks proofs, which scan pages name; may be"
            " repeated, '' for none [those named so far]."
        ),
    ] = None,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Write DIR/trust.json, signed by the validator whose key lies in this data directory.

    Hand it out by a way of its own (with the goods, from the brand's site): whoever gives a checker
    this file decides whom the checker believes. The node need not run.
    """
    chosen = settings(data)
    home, now = home_of(chosen), parse_clock(chosen.clock)()
    named = [url for url in checker if url] if checker else None
    trusting.make(home, now, max_age, valid_days, named)
    made = check_trust(home.trust.read_bytes(), now)
    result = {
        "file": str(home.trust),
        "issued": made.issued,
        "valid_until": made.valid_until,
        "checkers": list(made.checker_urls),
    }
    show(result, as_json)
