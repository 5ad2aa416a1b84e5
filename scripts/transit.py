"""`touchstone transit`: units that do not arrive as they should."""

from __future__ import annotations

from typing import Annotated

import typer

from ledger.domain.verbs import Verb
from scripts.acting import Actor, Unit, Wait, hand_over
from scripts.common import Data, Idempotency, Json, KeyFile

app = typer.Typer(no_args_is_help=True, add_completion=False)


@app.callback()
def group() -> None:
    """Units on their way that are refused, taken back, lost, or withdrawn from a holder."""


@app.command(name="refuse")
def refuse(
    unit: Unit,
    actor: Actor,
    sender: Annotated[str, typer.Option("--from", help="Who sent it: a GLN or number.")],
    key_file: KeyFile = None,
    key: Idempotency = None,
    wait: Wait = True,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Refuse the receipt of a unit: it is its shipper's as before."""
    hand_over(Verb.REFUSE, [unit], actor, sender, key_file, key, wait, data, as_json)


@app.command(name="take-back")
def take_back(
    unit: Unit,
    actor: Actor,
    to: Annotated[str, typer.Option("--to", help="Who was to get it: a GLN or number.")],
    key_file: KeyFile = None,
    key: Idempotency = None,
    wait: Wait = True,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Take back a unit that its addressee never received, also one that was lost."""
    hand_over(Verb.TAKE_BACK, [unit], actor, to, key_file, key, wait, data, as_json)


@app.command(name="lost")
def lost(
    unit: Unit,
    actor: Actor,
    to: Annotated[str, typer.Option("--to", help="Who was to get it: a GLN or number.")],
    key_file: KeyFile = None,
    key: Idempotency = None,
    wait: Wait = True,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Say that a unit was lost on its way; who finds it may still receive it or take it back."""
    hand_over(Verb.REPORT_LOST, [unit], actor, to, key_file, key, wait, data, as_json)


@app.command(name="withdraw")
def withdraw(
    unit: Unit,
    actor: Actor,
    holder: Annotated[str, typer.Option("--from", help="Its holder: a GLN or number.")],
    key_file: KeyFile = None,
    key: Idempotency = None,
    wait: Wait = True,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Take a unit from a suspended holder, as its brand."""
    hand_over(Verb.WITHDRAW, [unit], actor, holder, key_file, key, wait, data, as_json)
