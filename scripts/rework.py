"""`touchstone rework`: goods that leave a case again, and what becomes of their codes."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from ledger.db.engine import reading
from ledger.services.goods import rework
from ledger.services.goods.rework import Done
from ledger.services.goods.units import find_unit
from scripts.acting import Actor, Link, Unit, idempotency, party
from scripts.common import Data, Idempotency, Json, KeyFile, show, signer, site

app = typer.Typer(no_args_is_help=True, add_completion=False)

Reason = Annotated[str, typer.Option(help="Why, in 1 to 200 characters; hashed into the ledger.")]


class Fate(StrEnum):
    """What a rejected item's code becomes."""

    DESTROYED = "destroyed"
    VOID = "void"
    FREE = "free"


Becomes = Annotated[
    Fate | None, typer.Option(help="What the code becomes [as the brand's rule says].")
]


@app.callback()
def group() -> None:
    """Take goods out of cases and pallets, before shipping or after, by who holds them."""


@app.command()
def reject(
    link: Link,
    reason: Reason,
    actor: Actor,
    becomes: Becomes = None,
    key_file: KeyFile = None,
    key: Idempotency = None,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Take one item out of all that is around it, and say what its code is from now on."""
    where, key = site(data), idempotency(key)
    done = rework.reject(where, party(actor), link, reason, key, becomes, signer(key_file))
    _show(done, key, as_json)


@app.command()
def replace(
    link: Link,
    by: Annotated[str, typer.Option("--by", help="Link of the item that takes its place.")],
    sscc: Annotated[str, typer.Option(help="New SSCC of the case.")],
    reason: Reason,
    actor: Actor,
    becomes: Becomes = None,
    key_file: KeyFile = None,
    key: Idempotency = None,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Reject an item of a case and put another beside the rest, under a new SSCC."""
    where, key, own = site(data), idempotency(key), signer(key_file)
    done = rework.replace(where, party(actor), link, by, sscc, reason, key, becomes, own)
    _show(done, key, as_json)


@app.command()
def dissolve(
    unit: Unit,
    reason: Reason,
    actor: Actor,
    key_file: KeyFile = None,
    key: Idempotency = None,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Take all that is left in a unit out of it; each can then move, or be packed, by itself."""
    where, key, own = site(data), idempotency(key), signer(key_file)
    with reading(where.engine) as session:
        name = find_unit(where, session, unit)
    _show(rework.dissolve(where, party(actor), name, reason, key, own), key, as_json)


def _show(done: Done, key: str, as_json: bool) -> None:
    show(
        {
            "unit": "0x" + done.unit.hex(),
            "left": ["0x" + unit.hex() for unit in done.left],
            "code": done.code,
            "submissions": list(done.submissions),
            "id": key,
        },
        as_json,
    )
