"""`touchstone line`: what a packing line has closed, and the rules that a brand packs by."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from ledger.db.engine import reading, transaction
from ledger.db.packing import PackingRule
from ledger.services.goods import line
from ledger.services.goods.packing_checks import MAX_CHILDREN, rule_of
from scripts.acting import Actor, party
from scripts.common import Data, Json, show, site
from scripts.rework import Fate

app = typer.Typer(no_args_is_help=True, add_completion=False)


@app.callback()
def group() -> None:
    """Boxes that a line has closed and that wait for the unit around them; rules of packing."""


@app.command()
def waiting(actor: Actor, data: Data = None, as_json: Json = False) -> None:
    """List the closed boxes that are in no unit on the ledger yet."""
    where = site(data)
    with reading(where.engine) as session:
        rows = line.waiting(session, party(actor))
    if as_json:
        boxes = [{"sscc": sscc, "items": items, "closed": at} for sscc, items, at in rows]
        print(json.dumps({"boxes": boxes}))
        return
    for sscc, items, _ in rows:
        print(f"{sscc}  {items:>6} items")


@app.command()
def reopen(
    sscc: Annotated[str, typer.Argument(help="SSCC of the box.")],
    actor: Actor,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Forget a closed box that is in no unit yet: it was opened, and its goods are free again."""
    line.reopen(site(data), party(actor), sscc)
    show({"sscc": sscc, "state": "open"}, as_json)


@app.command()
def rule(
    brand: Annotated[str, typer.Option(help="The brand: a GLN or an assigned number.")],
    most: Annotated[
        int | None, typer.Option(min=1, max=MAX_CHILDREN, help="Items that one box may hold.")
    ] = None,
    active: Annotated[
        bool | None, typer.Option("--active/--any", help="Whether codes must be active.")
    ] = None,
    rejects: Annotated[Fate | None, typer.Option(help="What a rejected code becomes.")] = None,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Show how a brand packs, and change what is named."""
    where, number = site(data), party(brand)
    with transaction(where.engine) as session:
        now = rule_of(session, number)
        new = {
            "most": now.most if most is None else most,
            "active": now.active if active is None else active,
            "rejects": str(rejects or now.rejects),
        }
        session.merge(PackingRule(brand=number, **new))
    show({"brand": brand, **new}, as_json)
