"""`touchstone unpack`: taking children out of a logistic unit."""

from __future__ import annotations

from typing import Annotated

import typer

from ledger.errors import Rejected
from ledger.services.goods import unpacking
from ledger.services.goods.packing import MAX_CHILDREN
from scripts.acting import Actor, Wait, idempotency, outcome, party, unit
from scripts.common import Data, Idempotency, Json, KeyFile, show, signer, site

app = typer.Typer(add_completion=False)


@app.command()
def unpack(
    parent: Annotated[str, typer.Argument(help="SSCC or unit id of what is opened.")],
    positions: Annotated[str, typer.Option(help="Places in the packer's order, as 0,3-5.")],
    actor: Actor,
    key_file: KeyFile = None,
    key: Idempotency = None,
    wait: Wait = True,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Take children out of a unit, which its holder may do; each can then move alone."""
    places = _places(positions)
    where, key, own = site(data), idempotency(key), signer(key_file)
    opened = unit(where, parent)
    children, submission = unpacking.unpack(where, party(actor), opened, places, key, own)
    result = {"unit": "0x" + opened.hex(), "children": ["0x" + child.hex() for child in children]}
    show({**result, **outcome(where, submission, key, wait)}, as_json)


def _places(text: str) -> list[int]:
    found: list[int] = []
    for part in text.split(","):
        first, dash, last = part.strip().partition("-")
        if not first.isdecimal() or (dash and not last.isdecimal()):
            raise Rejected("BAD_POSITION", f"'{part}' is no place: give them as 0,3-5.")
        end = int(last) if dash else int(first)
        if end >= MAX_CHILDREN:
            raise Rejected("BAD_POSITION", f"No unit has a place {end}: compare the list.")
        found += range(int(first), end + 1)
    if len(set(found)) != len(found):
        raise Rejected("BAD_POSITION", f"'{text}' names a place twice: give each once.")
    return found
