"""`touchstone history`: all events of one subject, proved, and the check of such a file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from ledger.chain.history_proof import Report, check
from scripts.checking import (
    AsJson,
    At,
    Trust,
    event_json,
    event_line,
    judge,
    standing_json,
    standing_lines,
    write_out,
)

app = typer.Typer(no_args_is_help=True, add_completion=False)


@app.callback()
def history() -> None:
    """Prove what happened to one subject of the ledger, and that nothing else did."""


@app.command(name="check")
def check_history(
    file: Annotated[Path, typer.Argument(help="the history file, as `history prove` writes it")],
    trust: Trust,
    at: At = None,
    as_json: AsJson = False,
) -> None:
    """Say whether these are all events of the subject, in this order and at these times.

    Exit status 0: authentic and fresh; 3: authentic but stale; 1: no. Nothing is asked of any
    server: all that counts is in the two files.
    """
    report = judge(check, file, trust, at, "authentic", as_json)
    if as_json:
        print(json.dumps(_report(report)))
    else:
        print("\n".join(_lines(report)))
    raise typer.Exit(report.exit_status)


@app.command()
def prove(
    kind: Annotated[
        str, typer.Argument(help="unit, item, claim, batch, lot, party, registry or log")
    ],
    name: Annotated[
        list[str] | None,
        typer.Argument(
            help="SSCC or unit id (0x…); link, leaf (0x…) or GTIN and serial of the item; batch "
            "and index of the claim of an inner code; number of the batch; number of the lot, or "
            "its GTIN and name; GLN or number of the party; nothing for the registry and the log"
        ),
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Write the file here [standard output].")] = None,
    data: Annotated[Path | None, typer.Option(help="Data directory [.touchstone].")] = None,
    as_json: AsJson = False,
) -> None:
    """Write the history of one subject as of the newest block followed, with its proof.

    A subject that nothing has happened to has a history too: that it is empty is proved.
    """
    # Only here: whoever checks has neither database nor node.
    from ledger.db.engine import reading
    from ledger.services.proving import prove_history
    from scripts.common import site

    where = site(data)
    with reading(where.engine) as session:
        subject = prove_history.named(where, session, kind, name or [])
        document = prove_history.build(where, session, subject)
    said = {"subject": kind, "id": subject.written, "events": len(document["events"])}
    write_out(document, out, said, as_json)


def _report(report: Report) -> dict[str, Any]:
    subject = report.subject
    return {
        **standing_json(report),
        "subject": subject.kind,
        "id": subject.written,
        "count": len(report.events),
        "head": None if report.head is None else "0x" + report.head.hex(),
        "events": [event_json(event) for event in report.events],
    }


def _lines(report: Report) -> list[str]:
    subject, count = report.subject, len(report.events)
    what = f"{subject.kind} {subject.written}"
    if not count:
        return [*standing_lines(report), f"{what}: nothing has ever happened to it"]
    return [
        *standing_lines(report),
        f"{what}: {count} event{'s' if count > 1 else ''}, and no others",
        *(event_line(event) for event in report.events),
    ]
