"""`touchstone key api`: keys to the HTTP API."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from ledger.domain.moments import iso
from ledger.services import api_keys
from ledger.services.audit import COMMAND
from scripts.acting import party
from scripts.common import Data, Json, show, site

app = typer.Typer(no_args_is_help=True, add_completion=False)


@app.callback()
def group() -> None:
    """Keys to the HTTP API, each with scopes and the party that it acts for."""


@app.command()
def issue(
    name: Annotated[str, typer.Argument(help="What it is called in lists and the audit log.")],
    scope: Annotated[list[str], typer.Option(help=f"Of {', '.join(api_keys.SCOPES)}.")],
    of: Annotated[
        str | None, typer.Option("--party", help="Whom it acts for; none: the installation.")
    ] = None,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Make an API key. It is shown this once."""
    number = party(of) if of is not None else 0
    made, key = api_keys.name_and_issue(site(data), COMMAND, name, number, scope)
    show({"id": made, "key": key}, as_json)


@app.command(name="list")
def listing(data: Data = None, as_json: Json = False) -> None:
    """List the API keys, which are kept by their hashes only."""
    where = site(data)
    rows = [api_keys.key_json(row) for row in api_keys.listing(where, 0)]
    if as_json:
        print(json.dumps({"keys": rows}, ensure_ascii=False))
        return
    for row in rows:
        gone = f"  revoked {iso(row['revoked'], where.zone)}" if row["revoked"] else ""
        print(f"{row['id']}  {row['name']}  {row['party']}  {','.join(row['scopes'])}{gone}")


@app.command()
def revoke(
    number: Annotated[str, typer.Argument(help="The key's number, as the list has it.")],
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Revoke an API key at once."""
    show(api_keys.key_json(api_keys.revoke(site(data), COMMAND, number)), as_json)
