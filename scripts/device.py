"""`touchstone device`: keys that may sign some of a party's verbs."""

from __future__ import annotations

import json
from typing import Annotated, Any

import typer

from ledger.db.chain_states import ChainDelegate
from ledger.db.engine import reading
from ledger.domain.moments import iso
from ledger.domain.verbs import KeyMode
from ledger.services import devices
from scripts.acting import Actor, Wait, address, carry_out, moment, party
from scripts.common import Data, Idempotency, Json, KeyFile, site
from scripts.party import KeyChoice

app = typer.Typer(no_args_is_help=True, add_completion=False)

Device = Annotated[str, typer.Argument(help="Address of the device's key (0x).")]


@app.callback()
def group() -> None:
    """Devices that sign for a party: a warehouse's scanners, a line's computer."""


@app.command()
def name(
    device: Device,
    actor: Actor,
    verb: Annotated[list[str], typer.Option(help=f"Of {', '.join(devices.VERBS)}; repeat.")],
    until: Annotated[str, typer.Option(help="Unix seconds or ISO 8601.")],
    limit: Annotated[int, typer.Option(min=1, max=2**32 - 1, help="How many verbs it may sign.")],
    key_mode: Annotated[KeyChoice, typer.Option(help="Where its key is.")] = KeyChoice.OWN,
    key_file: KeyFile = None,
    key: Idempotency = None,
    wait: Wait = True,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Let a device sign some verbs for the party, until a time and a number of times.

    Named again it has the new terms, and what it signed before and nobody relayed is void.
    """
    mode = KeyMode[key_mode.name]
    carry_out(
        lambda where, key: devices.order_naming(
            where,
            party(actor),
            address(device),
            mode,
            verb,
            moment(until, where.clock()),
            limit,
            key,
        ),
        key_file,
        key,
        wait,
        data,
        as_json,
    )


@app.command()
def end(
    device: Device,
    actor: Actor,
    key_file: KeyFile = None,
    key: Idempotency = None,
    wait: Wait = True,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Cut a device off at once."""
    carry_out(
        lambda where, key: devices.order_end(where, party(actor), address(device), key),
        key_file,
        key,
        wait,
        data,
        as_json,
    )


@app.command(name="list")
def listing(of: Actor, data: Data = None, as_json: Json = False) -> None:
    """List the devices of a party's present key."""
    where = site(data)
    with reading(where.engine) as session:
        rows = [_row(row) for row in devices.listing(session, party(of))]
    if as_json:
        print(json.dumps({"devices": rows}))
        return
    for row in rows:
        until = iso(row["expiry"], where.zone) if row["expiry"] else "cut off"
        print(f"{row['device']}  {until}  {row['left']} left  {','.join(row['verbs'])}")


def _row(row: ChainDelegate) -> dict[str, Any]:
    return {
        "device": "0x" + row.key.hex(),
        "key_mode": KeyMode(row.key_mode).name.lower(),
        "verbs": devices.verbs_of(row),
        "expiry": row.expiry,
        "left": row.left,
    }
