"""`touchstone proof check`: judge a proof bundle by a trust file, without a network."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from ledger.chain.bundle import Report, check
from ledger.chain.bundle_claims import PROVED, STATED
from ledger.domain.ids import party_text
from scripts.checking import (
    AsJson,
    At,
    Trust,
    event_json,
    event_line,
    judge,
    standing_json,
    standing_lines,
)

app = typer.Typer(no_args_is_help=True, add_completion=False)


@app.callback()
def proof() -> None:
    """Check what a scan page or a party says, without asking its server."""


@app.command(name="check")
def check_bundle(
    bundle: Annotated[Path, typer.Argument(help="the proof bundle, a JSON file")],
    trust: Trust,
    at: At = None,
    as_json: AsJson = False,
) -> None:
    """Say what a bundle proves. Exit status 0: authentic and fresh; 3: authentic but stale; 1: no.

    Nothing is asked of any server: all that counts is in the two files.
    """
    report = judge(check, bundle, trust, at, "authentic", as_json)
    if as_json:
        print(json.dumps(_report(report), ensure_ascii=False))
    else:
        print("\n".join(_lines(report)))
    raise typer.Exit(report.exit_status)


def _report(report: Report) -> dict[str, Any]:
    found = report.conclusion
    return {
        **standing_json(report),
        "gtin": report.gtin,
        "serial": report.serial,
        "lot": report.lot,
        "outcome": found.outcome,
        "reasons": list(found.reasons),
        "proved": list(found.proved),
        "stated": list(found.stated),
        "brand": _party(found.code.brand),
        "holder": _party(found.custody.holder),
        "addressee": _party(found.custody.addressee),
        "parties": {
            party_text(number): {
                "account": "0x" + party.account.hex(),
                "key_mode": party.key_mode,
                "active": party.active,
            }
            for number, party in found.parties.items()
        },
        "events": [event_json(event) for event in found.events],
    }


def _lines(report: Report) -> list[str]:
    """Return the report for a person."""
    found = report.conclusion
    lines = [
        *standing_lines(report),
        f"{found.outcome.upper()}: {', '.join(found.reasons)}",
        f"code      (01){report.gtin}(21){report.serial}",
        *([f"lot       {report.lot}"] if report.lot is not None else []),
        *(
            f"{what:<9} {_named(report, number)}"
            for what, number in (
                ("brand", found.code.brand),
                ("holder", found.custody.holder),
                ("addressee", found.custody.addressee),
            )
            if number is not None
        ),
        "proved by the ledger:",
        *(f"  {code}: {PROVED[code]}" for code in found.proved),
        "stated, not proved:",
        *(f"  {code}: {STATED[code]}" for code in found.stated),
    ]
    if found.events:
        shown = (event_line(event, lambda party: _named(report, party)) for event in found.events)
        lines += ["signed events:", *shown]
    return lines


def _named(report: Report, party: int) -> str:
    names = report.names.get(party)
    return party_text(party) + (f" ({names.en})" if names else "")


def _party(number: int | None) -> str | None:
    return None if number is None else party_text(number)
