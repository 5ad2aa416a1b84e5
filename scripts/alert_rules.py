"""`touchstone alerts rules` and `exceptions`: what raises alerts, and what is known beforehand."""

from __future__ import annotations

import json
from typing import Annotated, Any

import typer

from ledger.db.engine import reading, transaction
from ledger.domain.moments import iso
from ledger.errors import Rejected
from ledger.services.alerting import alerts_exceptions, alerts_rules
from ledger.services.alerting.alerts_rules import KINDS
from ledger.services.alerting.alerts_summary import put_value, rule_json, summary
from ledger.services.audit import COMMAND
from scripts.acting import moment, party
from scripts.common import Data, Json, show, site

app = typer.Typer(no_args_is_help=True, add_completion=False)
exceptions = typer.Typer(no_args_is_help=True, add_completion=False)

Brand = Annotated[str, typer.Option("--brand", help="The brand: a GLN or an assigned number.")]
Name = Annotated[str, typer.Argument(help="The rule's name; of a built-in one its kind.")]


@app.callback()
def rules() -> None:
    """Rules that raise alerts: how often each may be wrong, and how often it was."""


@app.command(name="list")
def listing(brand: Brand, data: Data = None, as_json: Json = False) -> None:
    """List a brand's rules with their record, and the false alarms to be expected this month."""
    where = site(data)
    with reading(where.engine) as session:
        told = summary(session, party(brand), where.fdr, where.clock())
    if as_json:
        print(json.dumps(told, ensure_ascii=False))
        return
    for row in told["rules"]:
        print(f"{row['name']:<18} {_state(row)}")
    print(f"stated share of false alerts: {told['fdr']:g}")
    print(f"raised in 30 days: {told['raised']}, expected false: {told['expected_false']:g}")
    if told["unknown"]:
        print(f"nothing can be expected yet of: {', '.join(told['unknown'])}")


def _state(row: dict[str, Any]) -> str:
    if row["muted"] is not None:
        return f"muted: {row['muted_why']}"
    how = "calibrated" if row["calibrated"] else "uncalibrated"
    judged = row["confirmed"] + row["explained"] + row["false"]
    told = f"{row['raised']} raised in 30 days, {row['false']} of {judged} judged were false"
    return f"{'on' if row['enabled'] else 'off'}, {how}, {told}"


@app.command(name="set")
def put(
    name: Name,
    brand: Brand,
    kind: Annotated[str, typer.Option(help=f"One of {', '.join(KINDS)}.")],
    terms: Annotated[
        str, typer.Option(help='Its numbers as JSON, as {"test": "devices", "n": 20, "days": 7}.')
    ] = "{}",
    promise: Annotated[
        float | None, typer.Option(help="Share of false alerts over which it mutes itself.")
    ] = None,
    enabled: Annotated[bool, typer.Option("--on/--off", help="Whether it raises alerts.")] = True,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Set a rule: a threshold of your own, or one of those that are built in."""
    try:
        numbers = json.loads(terms)
    except ValueError:
        numbers = None
    if not isinstance(numbers, dict):
        raise Rejected("BAD_OPTION", "The terms are a JSON object of names and numbers.")
    where = site(data)
    with transaction(where.engine) as session:
        row = alerts_rules.put(
            session,
            COMMAND,
            where.clock(),
            party(brand),
            name,
            kind,
            numbers,
            promise=promise,
            enabled=enabled,
        )
        told = rule_json(row)
    show(told, as_json)


@app.command()
def mute(
    name: Name,
    brand: Brand,
    why: Annotated[str, typer.Option(help="Why.")],
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Silence a rule: what it raises is kept, and told to nobody."""
    where = site(data)
    with transaction(where.engine) as session:
        now = where.clock()
        row = alerts_rules.named(session, party(brand), name, now)
        alerts_rules.mute(session, COMMAND, now, row, why)
        told = rule_json(row)
    show(told, as_json)


@app.command()
def unmute(name: Name, brand: Brand, data: Data = None, as_json: Json = False) -> None:
    """Let a rule speak again; it is judged anew."""
    where = site(data)
    with transaction(where.engine) as session:
        now = where.clock()
        row = alerts_rules.named(session, party(brand), name, now)
        alerts_rules.unmute(session, COMMAND, now, row)
        told = rule_json(row)
    show(told, as_json)


@app.command()
def remove(name: Name, brand: Brand, data: Data = None) -> None:
    """Remove a rule of your own; what it raised stays."""
    where = site(data)
    with transaction(where.engine) as session:
        now = where.clock()
        row = alerts_rules.named(session, party(brand), name, now)
        alerts_rules.remove(session, COMMAND, now, row)


@app.command()
def dial(
    brand: Brand,
    fdr: Annotated[float | None, typer.Option(help="Stated share of false alerts.")] = None,
    list_copies: Annotated[
        bool, typer.Option("--list-copies", help="Codes that a clone alert names get caution.")
    ] = False,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """State the share of false alerts that a brand accepts; without --fdr, as the setting says."""
    where = site(data)
    with transaction(where.engine) as session:
        now = where.clock()
        alerts_rules.turn_dial(session, COMMAND, now, party(brand), fdr, list_copies)
        told = summary(session, party(brand), where.fdr, now)
    show({name: told[name] for name in ("fdr", "list_copies", "expected_false")}, as_json)


@app.command()
def value(
    gtin: Annotated[str, typer.Argument(help="GTIN of the product.")],
    brand: Brand,
    cents: Annotated[int, typer.Option(help="Worth of one item, in 1/100 of the currency.")],
    currency: Annotated[str, typer.Option(help="ISO 4217, as CNY.")] = "CNY",
    data: Data = None,
) -> None:
    """Say what one item is worth, for the severity of alerts."""
    if not gtin.isdecimal() or len(gtin) > 14:
        raise Rejected("BAD_OPTION", f"'{gtin}' is no GTIN: give up to 14 digits.")
    where = site(data)
    with transaction(where.engine) as session:
        put_value(session, where.clock(), COMMAND, party(brand), int(gtin), cents, currency)


@exceptions.callback()
def excepted() -> None:
    """Blanket exceptions with dates: a promotion, flood relief."""


@exceptions.command(name="list")
def list_exceptions(data: Data = None, as_json: Json = False) -> None:
    """List all exceptions."""
    where = site(data)
    with reading(where.engine) as session:
        rows = [
            alerts_exceptions.exception_json(row) for row in alerts_exceptions.listing(session, 0)
        ]
    if as_json:
        print(json.dumps({"exceptions": rows}, ensure_ascii=False))
        return
    for row in rows:
        span = f"{iso(row['begins'], where.zone)} to {iso(row['ends'], where.zone)}"
        print(f"{row['id']}  {row['brand']}  {span}  {row['reason']}")


@exceptions.command()
def add(
    brand: Brand,
    reason: Annotated[str, typer.Option(help="Why, as people will read it.")],
    begins: Annotated[str, typer.Option(help="A time: now, unix seconds or ISO 8601.")],
    ends: Annotated[str, typer.Option(help="A time, within 366 days.")],
    kind: Annotated[list[str] | None, typer.Option(help="Only these kinds.")] = None,
    lot: Annotated[list[str] | None, typer.Option(help="Only these lots.")] = None,
    region: Annotated[list[int] | None, typer.Option(help="Only these provinces.")] = None,
    consignee: Annotated[list[str] | None, typer.Option(help="Only these parties.")] = None,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Except what is known beforehand; open alerts that it covers are explained."""
    where = site(data)
    now = where.clock()
    cover = alerts_exceptions.Cover(
        kind or (), lot or (), region or (), [party(text) for text in consignee or ()]
    )
    span = (moment(begins, now), moment(ends, now))
    with transaction(where.engine) as session:
        brand_of = party(brand)
        row, explained = alerts_exceptions.add(session, now, COMMAND, brand_of, reason, span, cover)
        told = {"id": row.id, "explained": explained}
    show(told, as_json)


@exceptions.command()
def end(
    number: Annotated[int, typer.Argument(help="The exception's number.")],
    data: Data = None,
) -> None:
    """End an exception now."""
    where = site(data)
    with transaction(where.engine) as session:
        row = alerts_exceptions.find(session, number, 0)
        alerts_exceptions.end(session, where.clock(), COMMAND, row)
