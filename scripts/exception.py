"""`touchstone exception`: receipts that were not as sent."""

from __future__ import annotations

import json
from typing import Annotated, Any

import typer

from ledger.db.chain_states import ChainException
from ledger.db.engine import reading
from ledger.db.models import UnitName
from ledger.domain.ids import party_text
from ledger.domain.moments import iso
from ledger.services import exceptions
from scripts.acting import Actor, Unit, Wait, carry_out, party
from scripts.acting import unit as unit_id
from scripts.common import Data, Idempotency, Json, KeyFile, site

app = typer.Typer(no_args_is_help=True, add_completion=False)


@app.callback()
def group() -> None:
    """Receive what was not as sent, and agree on it."""


@app.command()
def report(
    unit: Unit,
    actor: Actor,
    sender: Annotated[str, typer.Option("--from", help="Who sent it: a GLN or number.")],
    good: Annotated[int, typer.Option(min=0, help="Children that came as sent.")],
    damaged: Annotated[int, typer.Option(min=0, help="Children that came damaged.")] = 0,
    short: Annotated[int, typer.Option(min=0, help="Children that are missing.")] = 0,
    over: Annotated[int, typer.Option(min=0, help="More of the right goods than sent.")] = 0,
    wrong: Annotated[int, typer.Option(min=0, help="Other goods, that nobody sent.")] = 0,
    key_file: KeyFile = None,
    key: Idempotency = None,
    wait: Wait = True,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Confirm the receipt of a unit whose content is not what was sent.

    good, damaged and short make up what should be inside.
    """
    counts = exceptions.Counts(good, damaged, short, over, wrong)
    carry_out(
        lambda where, key: exceptions.order_report(
            where, party(actor), party(sender), unit_id(where, unit), counts, key
        ),
        key_file,
        key,
        wait,
        data,
        as_json,
    )


@app.command()
def settle(
    unit: Unit,
    actor: Actor,
    number: Annotated[int, typer.Option("--report", min=1, help="Its number, from the list.")],
    key_file: KeyFile = None,
    key: Idempotency = None,
    wait: Wait = True,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Agree that an exception is settled: shipper and receiver both, or the brand alone."""
    carry_out(
        lambda where, key: exceptions.order_settle(
            where, party(actor), unit_id(where, unit), number, key
        ),
        key_file,
        key,
        wait,
        data,
        as_json,
    )


@app.command(name="list")
def listing(
    of: Annotated[str | None, typer.Option("--party", help="Only those of this party.")] = None,
    open_only: Annotated[bool, typer.Option("--open", help="Only those not settled.")] = False,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """List exceptions by time."""
    where = site(data)
    with reading(where.engine) as session:
        found = exceptions.listing(session, party(of) if of else 0, open_only)
        names = [session.get(UnitName, row.unit) for row in found]
    rows = [
        {**_row(row), "epc": name.epc if name else None}
        for row, name in zip(found, names, strict=True)
    ]
    if as_json:
        print(json.dumps({"exceptions": rows}))
        return
    for row in rows:
        counts = ", ".join(f"{row[name]} {name}" for name in COUNTS if row[name])
        state = "settled" if row["settled"] else "open"
        when = iso(row["time"], where.zone)
        print(f"{when}  {row['epc'] or row['unit']}  report {row['report']}  {state}  {counts}")


COUNTS = ("good", "damaged", "short", "over", "wrong")


def _row(row: ChainException) -> dict[str, Any]:
    return {
        "unit": "0x" + row.unit.hex(),
        "report": row.report,
        "shipper": party_text(row.shipper),
        "receiver": party_text(row.receiver),
        **{name: getattr(row, name) for name in COUNTS},
        "settled": row.settled >= exceptions.BOTH_SIDES,
        "time": row.time,
    }
