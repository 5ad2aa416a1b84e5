"""`touchstone verify`: the verdict on a link, without leaving a scan behind."""

from __future__ import annotations

import json
from typing import Annotated, Any

import typer
from sqlalchemy.orm import Session

from ledger.db.engine import reading
from ledger.db.models import ChainEvent, LotName, Product, Profile
from ledger.domain.ids import party_text
from ledger.domain.moments import day, iso
from ledger.domain.verbs import DEVICE, KeyMode, Verb
from ledger.domain.verdict import REASONS
from ledger.services import lots
from ledger.services.lookup import history
from ledger.services.site import Site
from ledger.services.verify import Checked, check
from scripts.common import Data, Json, site

app = typer.Typer(add_completion=False)

SAID_BY = {"chain": "the ledger", "log": "the operator's scan log", "service": "this service"}


@app.command()
def verify(
    link: Annotated[str, typer.Argument(help="What the code says: https://…/01/GTIN/21/SERIAL.")],
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Judge a link and show what the ledger knows of its item. Nothing is stored.

    Exit status 0 for every verdict on a code, also for an unknown one; 1 for a link that cannot be
    read, or whose host is none of ours.
    """
    where = site(data)
    with reading(where.engine) as session:
        checked = check(where, session, link)
        report = _report(where, session, checked)
    if as_json:
        print(json.dumps(report, ensure_ascii=False))
    else:
        print("\n".join(_lines(report, where.zone)))
    if checked.evidence.malformed or checked.evidence.foreign:
        raise typer.Exit(1)


def _report(where: Site, session: Session, checked: Checked) -> dict[str, Any]:
    item, link, point = checked.item, checked.link, checked.checkpoint
    chain, scans = checked.evidence.chain, checked.evidence.scans
    product = session.get(Product, item.gtin) if item else None
    name = session.get(LotName, item.lot.id) if item and item.lot else None
    return {
        "outcome": checked.verdict.outcome,
        "reasons": [
            {"code": code, "voucher": REASONS[code].voucher} for code in checked.verdict.reasons
        ],
        "detail": checked.fault or None,
        "gtin": link.gtin if link else None,
        "serial": link.serial if link else None,
        "canonical": link.canonical if link else None,
        "product": {"en": product.name_en, "zh": product.name_zh} if product else None,
        "brand": _party(session, item.brand) if item else None,
        "batch": item.batch if item else None,
        "index": item.index if item else None,
        "imported": bool(item and item.imported),
        "lot": name.lot if name else None,
        "active_from": chain.active_from,
        "expires": chain.expires,
        "best_before": chain.best_before,
        "zone": lots.zone_of(where, item.lot, name) if item and item.lot else None,
        "scans": {"first_at": scans.first_at, "other_devices": scans.other_devices},
        "block": {"number": point.number, "time": point.time} if point else None,
        "journey": [_event(session, e) for e in (history(where, session, item) if item else ())],
    }


def _event(session: Session, event: ChainEvent) -> dict[str, Any]:
    other = event.counterparty
    return {
        "time": event.time,
        "verb": Verb(event.verb).name,
        "actor": _party(session, event.actor),
        "counterparty": _party(session, other) if other else None,
        "key_mode": KeyMode(event.key_mode % DEVICE).name.lower() if event.key_mode else "registry",
        "device": event.key_mode >= DEVICE,
        "signer": "0x" + event.signer.hex(),
        "block": event.block,
    }


def _party(session: Session, number: int) -> dict[str, str | None]:
    profile = session.get(Profile, number)
    names = (profile.name_en, profile.name_zh) if profile else (None, None)
    return {"party": party_text(number), "en": names[0], "zh": names[1]}


def _lines(report: dict[str, Any], zone: int) -> list[str]:
    """Return the report for a person."""
    reasons = [f"  {r['code']}, as {SAID_BY[r['voucher']]} says" for r in report["reasons"]]
    facts = {
        "detail": report["detail"],
        "code": f"(01){report['gtin']}(21){report['serial']}" if report["gtin"] else None,
        "product": _named(report["product"]),
        "brand": _named(report["brand"]),
        "lot": report["lot"],
        "expires": report["expires"] and day(report["expires"], report["zone"]),
        "best before": report["best_before"] and day(report["best_before"], report["zone"]),
        "active from": report["active_from"] and iso(report["active_from"], zone),
        "block": report["block"]
        and f"{report['block']['number']}, {iso(report['block']['time'], zone)}",
    }
    shown = [f"{name:<11} {value}" for name, value in facts.items() if value]
    journey = [_line(event, zone) for event in report["journey"]]
    return [str(report["outcome"]).upper(), *reasons, *shown, *(journey and ["journey:", *journey])]


def _line(event: dict[str, Any], zone: int) -> str:
    other = f", {_named(event['counterparty'])}" if event["counterparty"] else ""
    verb = event["verb"].lower().replace("_", " ")
    who = _named(event["actor"])
    key = f"{event['key_mode']} key{' of a device' if event['device'] else ''}"
    return f"  {iso(event['time'], zone)} {verb}: {who}{other} ({key})"


def _named(names: dict[str, str | None] | None) -> str | None:
    if names is None:
        return None
    return " ".join(text for text in (names["en"], names["zh"]) if text) or names.get("party")
