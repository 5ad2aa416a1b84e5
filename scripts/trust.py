"""`touchstone trust`: the file that checkers pin."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

import typer

from ledger.chain.embedded.clock import parse_clock
from ledger.chain.frame import changes_in
from ledger.chain.trust import DEFAULT_MAX_AGE_S, accept_newer, check_trust
from ledger.services import trusting
from ledger.services.open import home_of
from scripts.acting import whole_file
from scripts.checking import At, Trust, moment, read
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


@app.command()
def accept(
    newer: Annotated[Path, typer.Argument(help="The newer trust file.")],
    trust: Trust,
    proof: Annotated[
        Path | None,
        typer.Option(help="Proof file whose headers lead from the old validators to the new."),
    ] = None,
    at: At = None,
    as_json: Json = False,
) -> None:
    """Put a newer trust file in the place of the one that you pinned, if its validators vouch.

    They do by a quorum of signatures under the newer file, or by the sealed votes in a proof that
    was made since. The pinned file must not have expired.
    """
    when = int(time.time()) if at is None else moment(at)
    data, old = read(newer), check_trust(read(trust), when)
    changes = changes_in(read(proof), old) if proof is not None else ()
    found = accept_newer(old, data, changes, when)
    with whole_file(trust) as file:
        file.write(data)
    show(
        {
            "file": str(trust),
            "issued": found.issued,
            "valid_until": found.valid_until,
            "validators": sorted("0x" + each.hex() for each in found.validators),
        },
        as_json,
    )
