"""`touchstone webhook`: who is sent the feed of alerts, and what became of each delivery."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from ledger.db.engine import reading, transaction
from ledger.domain.moments import iso
from ledger.services.alerting import webhooks
from ledger.services.alerting.alerts_rules import KINDS
from ledger.services.audit import COMMAND
from scripts.acting import party
from scripts.common import Data, Json, show, site

app = typer.Typer(no_args_is_help=True, add_completion=False)
ALL = 1_000_000
Number = Annotated[int, typer.Argument(help="The webhook's number.")]


@app.callback()
def group() -> None:
    """Webhooks: every change of an alert, sent and signed as Standard Webhooks says."""


@app.command()
def add(
    url: Annotated[str, typer.Argument(help="Where to send to: https, in no private network.")],
    brand: Annotated[str | None, typer.Option(help="Only this brand's alerts.")] = None,
    kind: Annotated[
        list[str] | None, typer.Option(help=f"Only these kinds, of {', '.join(KINDS)}.")
    ] = None,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Add a webhook. Its secret is shown this once."""
    where, number = site(data), party(brand) if brand is not None else 0
    with transaction(where.engine) as session:
        row, secret = webhooks.create(where, session, COMMAND, number, url, kind or [])
        told = {"webhook": row.id, "secret": secret}
    show(told, as_json)


@app.command(name="list")
def listing(data: Data = None, as_json: Json = False) -> None:
    """List the webhooks, without their secrets."""
    where = site(data)
    with reading(where.engine) as session:
        rows = [webhooks.webhook_json(row) for row in webhooks.listing(session, 0)]
    if as_json:
        print(json.dumps({"webhooks": rows}, ensure_ascii=False))
        return
    for row in rows:
        off = f"  disabled: {row['disabled_why']}" if row["disabled"] is not None else ""
        print(f"{row['id']}  {row['url']}  {','.join(row['kinds']) or 'all kinds'}{off}")


@app.command()
def remove(number: Number, data: Data = None) -> None:
    """Remove a webhook; what waits for it is dropped."""
    where = site(data)
    with transaction(where.engine) as session:
        webhooks.remove(session, where.clock(), COMMAND, webhooks.find(session, number, 0))


@app.command()
def rotate(number: Number, data: Data = None, as_json: Json = False) -> None:
    """Give a webhook a new secret; the one before signs beside it for a day."""
    where = site(data)
    with transaction(where.engine) as session:
        secret = webhooks.rotate(where, session, COMMAND, webhooks.find(session, number, 0))
    show({"webhook": number, "secret": secret}, as_json)


@app.command()
def enable(number: Number, data: Data = None) -> None:
    """Send to a webhook again that was disabled, what happens from now on."""
    where = site(data)
    with transaction(where.engine) as session:
        webhooks.enable(session, where.clock(), COMMAND, webhooks.find(session, number, 0))


@app.command()
def test(number: Number, data: Data = None, as_json: Json = False) -> None:
    """Send a webhook a message that is about no alert; the worker delivers it."""
    where = site(data)
    with transaction(where.engine) as session:
        row = webhooks.test(session, where.clock(), webhooks.find(session, number, 0))
        session.flush()
        told = webhooks.delivery_json(row)
    show(told, as_json)


@app.command()
def deliveries(
    number: Number,
    state: Annotated[
        str | None, typer.Option(help=f"Only one of {', '.join(webhooks.STATES)}.")
    ] = None,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """List the attempts to deliver to a webhook, one a line."""
    where = site(data)
    with reading(where.engine) as session:
        webhook = webhooks.find(session, number, 0)
        found = webhooks.deliveries(session, webhook, state, 0, ALL)
        rows = [webhooks.delivery_json(row) for row in found]
    if as_json:
        print(json.dumps({"deliveries": rows}, ensure_ascii=False))
        return
    for row in rows:
        sent = iso(row["sent"], where.zone) if row["sent"] is not None else "not sent"
        why = row["error"] or ""
        print(f"{row['id']}  {row['message']}  {row['attempt']}  {row['state']}  {sent}  {why}")


@app.command()
def replay(
    number: Annotated[int, typer.Argument(help="The delivery's number.")],
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Deliver a message once more, under the same id."""
    where = site(data)
    with transaction(where.engine) as session:
        row = webhooks.find_delivery(session, number, 0)
        told = webhooks.delivery_json(webhooks.replay(session, where.clock(), COMMAND, row))
    show(told, as_json)
