"""`touchstone alerts`: what was raised, why, and what people make of it."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer
from sqlalchemy.orm import Session

from ledger.db.engine import reading, transaction
from ledger.db.models import Alert
from ledger.domain.moments import iso
from ledger.errors import Broken, Rejected
from ledger.services.alerting import alerts as verbs
from ledger.services.alerting.alerts_again import recompute as compute_again
from ledger.services.alerting.alerts_evidence import Document, evidence_of
from ledger.services.alerting.alerts_export import csv_lines
from ledger.services.alerting.alerts_picture import picture
from ledger.services.alerting.alerts_rules import KINDS
from ledger.services.alerting.alerts_view import alert_json
from ledger.services.alerting.alerts_words import LANGUAGES, sentence
from ledger.services.alerting.outcomes import OUTCOMES
from ledger.services.audit import COMMAND
from ledger.services.site import Site
from scripts import alert_rules, blacklist
from scripts.acting import moment, whole_file
from scripts.common import Data, Json, site
from scripts.common import show as show_json

app = typer.Typer(add_completion=False)
app.add_typer(alert_rules.app, name="rules")
app.add_typer(alert_rules.exceptions, name="exceptions")
app.add_typer(blacklist.app, name="blacklist")

ALL = 1_000_000
Number = Annotated[int, typer.Argument(help="The alert's number.")]
Out = Annotated[Path | None, typer.Option(help="Write to this file instead.")]
Kind = Annotated[str | None, typer.Option(help=f"Only one of {', '.join(KINDS)}.")]
State = Annotated[str | None, typer.Option(help=f"Only one of {', '.join(verbs.STATES)}.")]


@app.callback(invoke_without_command=True)
def alerts(
    context: typer.Context,
    kind: Kind = None,
    state: State = None,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """List the alerts, the oldest first. An alert is a potential suspect, never an accusation."""
    if context.invoked_subcommand is not None:
        return
    where = site(data)
    rows = _listed(where, kind, state)
    if as_json:
        print(json.dumps({"alerts": rows}, ensure_ascii=False))
        return
    for row in rows:
        muted = " (muted)" if row["muted"] else ""
        print(
            f"{row['id']}  {iso(row['raised'], where.zone)}  {row['kind']}  {row['state']}{muted}  "
            f"{row['sentence']}"
        )
    print(f"{len(rows)} alerts")


@app.command()
def show(number: Number, data: Data = None, as_json: Json = False) -> None:
    """Show one alert."""
    where = site(data)
    with reading(where.engine) as session:
        told = alert_json(session, verbs.find(session, number, 0))
    if as_json:
        print(json.dumps(told, ensure_ascii=False))
        return
    for name, value in told.items():
        print(f"{name}: {json.dumps(value, ensure_ascii=False)}")


@app.command()
def why(
    number: Number,
    picture_to: Annotated[Path | None, typer.Option("--picture", help="SVG file to write.")] = None,
    evidence_to: Annotated[
        Path | None, typer.Option("--evidence", help="JSON file to write.")
    ] = None,
    lang: Annotated[str, typer.Option(help=f"Of the words: {', '.join(LANGUAGES)}.")] = "en",
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Say why in one sentence; write the picture of it, and all that it rests on."""
    if lang not in LANGUAGES:
        raise Rejected("BAD_OPTION", f"'{lang}' is no language here: use {', '.join(LANGUAGES)}.")
    where = site(data)
    with reading(where.engine) as session:
        told = evidence_of(session, verbs.find(session, number, 0).id)
    if picture_to is not None:
        with whole_file(picture_to) as file:
            file.write(picture(told, where.zone, lang).encode())
    if evidence_to is not None:
        with whole_file(evidence_to) as file:
            file.write(json.dumps(told, ensure_ascii=False).encode() + b"\n")
    result = {"sentence": sentence(told, lang), "scans": len(told["scans"])}
    print(json.dumps(result, ensure_ascii=False) if as_json else result["sentence"])


@app.command()
def recompute(
    number: Annotated[int | None, typer.Argument(help="The alert's number.")] = None,
    file: Annotated[
        Path | None, typer.Option(help="Evidence that `alerts why` wrote, instead of a number.")
    ] = None,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Compute an alert again from the evidence kept with it; fails where that does not give it."""
    if (number is None) == (file is None):
        raise Rejected("BAD_OPTION", "Give either an alert's number or --file.")
    told = _evidence(data, number) if file is None else read_evidence(file)
    again = compute_again(told)
    if not again.holds:
        name = told["alert"].get("id", "in this file")
        raise Broken("EVIDENCE_DIFFERS", f"Alert {name} does not follow: {again.says}.")
    show_json({"holds": True, "says": again.says}, as_json)


def _evidence(data: Path | None, number: int | None) -> Document:
    with reading(site(data).engine) as session:
        return evidence_of(session, verbs.find(session, number or 0, 0).id)


def read_evidence(file: Path) -> Document:
    """Return evidence from a file. Raises Rejected BAD_OPTION, BAD_EVIDENCE."""
    try:
        told: Document = json.loads(file.read_text("utf-8"))
    except OSError as error:
        raise Rejected("BAD_OPTION", f"{file} cannot be read ({error}).") from None
    except (ValueError, RecursionError):
        raise Rejected("BAD_EVIDENCE", f"{file} is not JSON: write it by `alerts why`.") from None
    return told


@app.command()
def archive(
    number: Number,
    until: Annotated[str | None, typer.Option(help="A time: unix seconds or ISO 8601.")] = None,
    more: Annotated[int | None, typer.Option(min=1, help="So many more scans.")] = None,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Put an alert aside until a time, until it has more scans, or whichever comes first."""
    with _changing(data, number, as_json) as (where, session, alert):
        now = where.clock()
        end = moment(until, now) if until is not None else None
        verbs.archive(session, now, COMMAND, alert, until=end, more=more)


@app.command()
def close(
    number: Number,
    outcome: Annotated[str, typer.Option(help=f"What came of it: {', '.join(OUTCOMES)}.")],
    note: Annotated[str, typer.Option(help="A note for the audit log.")] = "",
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Close an alert with its outcome, which judges its rule; again, it corrects the outcome."""
    with _changing(data, number, as_json) as (where, session, alert):
        verbs.close(session, where.clock(), COMMAND, alert, outcome, note, where.fdr)


@app.command()
def reopen(number: Number, data: Data = None, as_json: Json = False) -> None:
    """Open an alert again, without its outcome."""
    with _changing(data, number, as_json) as (where, session, alert):
        verbs.reopen(session, where.clock(), COMMAND, alert)


@app.command()
def export(
    form: Annotated[str, typer.Option("--format", help="csv or json.")] = "csv",
    kind: Kind = None,
    state: State = None,
    out: Out = None,
    data: Data = None,
) -> None:
    """Write all alerts as a table (no cell is a formula) or as a JSON array."""
    if form not in ("csv", "json"):
        raise Rejected("BAD_OPTION", f"'{form}' is no format: use csv or json.")
    rows = _listed(site(data), kind, state)
    text = (
        "".join(csv_lines(rows)) if form == "csv" else json.dumps(rows, ensure_ascii=False) + "\n"
    )
    if out is None:
        sys.stdout.write(text)
        return
    with whole_file(out) as file:
        file.write(text.encode())


def _listed(where: Site, kind: str | None, state: str | None) -> list[dict[str, Any]]:
    if kind is not None and kind not in KINDS:
        raise Rejected("BAD_OPTION", f"'{kind}' is no kind of alert: use {', '.join(KINDS)}.")
    with reading(where.engine) as session:
        rows = verbs.page(session, verbs.Filter(kind=kind, state=state), 0, ALL)
        return [alert_json(session, row) for row in sorted(rows, key=lambda r: (r.raised, r.id))]


@contextmanager
def _changing(
    data: Path | None, number: int, as_json: bool
) -> Iterator[tuple[Site, Session, Alert]]:
    """Change an alert in one transaction, and show it."""
    where = site(data)
    with transaction(where.engine) as session:
        alert = verbs.find(session, number, 0)
        yield where, session, alert
        told = alert_json(session, alert)
    print(json.dumps(told, ensure_ascii=False) if as_json else f"alert {number}: {told['state']}")
