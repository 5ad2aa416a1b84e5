"""`touchstone item`: single items, their states, and those that travel alone."""

from __future__ import annotations

import json
from enum import StrEnum
from typing import Annotated

import typer

from ledger.db.engine import reading
from ledger.services import items
from ledger.services.goods import levels
from scripts.acting import Actor, Link, Wait, carry_out, idempotency, outcome, party
from scripts.common import Data, Idempotency, Json, KeyFile, show, signer, site

app = typer.Typer(no_args_is_help=True, add_completion=False)


class State(StrEnum):
    """What an item can be set to; from supplied on it is decommissioned."""

    ACTIVE = "active"
    BLOCKED = "blocked"
    STOLEN = "stolen"
    SUPPLIED = "supplied"
    EXPORTED = "exported"
    SAMPLE = "sample"
    DESTROYED = "destroyed"


@app.callback()
def group() -> None:
    """Say what became of an item, or let one travel alone."""


@app.command(name="set")
def set_state(
    link: Link,
    state: Annotated[State, typer.Argument(help="'active' undoes what the actor has set.")],
    actor: Actor,
    key_file: KeyFile = None,
    key: Idempotency = None,
    wait: Wait = True,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Block an item, report it stolen, decommission it, or undo that.

    Undone by whoever set it and within ten days; a block at any time; stolen and destroyed never.
    """
    carry_out(
        lambda where, key: items.order_state(where, party(actor), link, state, key),
        key_file,
        key,
        wait,
        data,
        as_json,
    )


@app.command()
def draw(
    link: Link,
    actor: Actor,
    key_file: KeyFile = None,
    key: Idempotency = None,
    wait: Wait = True,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Let an item that was never packed travel alone; its link then names it as a unit.

    By its brand, with the item's lot.
    """
    where, key = site(data), idempotency(key)
    submission = items.draw(where, party(actor), link, key, signer(key_file))
    show(outcome(where, submission, key, wait), as_json)


@app.command()
def reclaim(
    link: Link,
    actor: Actor,
    key_file: KeyFile = None,
    key: Idempotency = None,
    wait: Wait = True,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Take back an item that another brand let travel alone as its own.

    By the brand of its GTIN, from whoever has it. Its code stands on the chain from then on.
    """
    where, key = site(data), idempotency(key)
    submission = items.reclaim(where, party(actor), link, key, signer(key_file))
    show(outcome(where, submission, key, wait), as_json)


@app.command()
def where(
    code: Annotated[
        str,
        typer.Argument(help="An item's link, its inner code's link, an SSCC, or a unit id (0x…)."),
    ],
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Say what a code is, what is around it, and what is in it: any level gives all the others."""
    place = site(data)
    with reading(place.engine) as session:
        found = levels.scan(place, session, code)
        told = levels.to_json(place, session, found, inside=True)
    if as_json:
        print(json.dumps(told, ensure_ascii=False))
        return
    print(told["epc"])
    for step in told["up"]:
        print(f"  in {step['sscc']} (level {step['level']}), place {step['place']}")
    for child in told.get("down", ()):
        gone = "  (has left)" if child["gone"] else ""
        print(f"  {child['place']:>5}  {child['epc']}{gone}")
