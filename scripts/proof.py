"""`touchstone proof check`: judge a proof bundle by a trust file, without a network."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from ledger.chain.bundle import Report, check
from ledger.chain.bundle_claims import PROVED, STATED
from ledger.domain.history import Event
from ledger.domain.ids import party_text
from ledger.domain.verbs import KeyMode
from ledger.errors import Rejected

app = typer.Typer(no_args_is_help=True, add_completion=False)

KEY_MODES = {
    KeyMode.OWN: "own key",
    KeyMode.BROWSER: "key in a browser",
    KeyMode.HOSTED: "signed by the operator for it",
}


@app.callback()
def proof() -> None:
    """Check what a scan page or a party says, without asking its server."""


@app.command(name="check")
def check_bundle(
    bundle: Annotated[Path, typer.Argument(help="the proof bundle, a JSON file")],
    trust: Annotated[Path, typer.Option(help="the trust file that you pinned")],
    at: Annotated[
        str | None, typer.Option(help="judge as of this time: unix seconds or ISO 8601")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="print one JSON object")] = False,
) -> None:
    """Say what a bundle proves. Exit status 0: authentic and fresh; 3: authentic but stale; 1: no.

    Nothing is asked of any server: all that counts is in the two files.
    """
    when = int(time.time()) if at is None else _time(at)
    try:
        report = check(_read(bundle), _read(trust), when)
    except Rejected as error:
        if not as_json:
            raise
        print(json.dumps({"authentic": False, "code": error.code, "reason": error.message}))
        raise typer.Exit(1) from None
    if as_json:
        print(json.dumps(_report(report), ensure_ascii=False))
    else:
        print("\n".join(_lines(report)))
    raise typer.Exit(report.exit_status)


def _report(report: Report) -> dict[str, Any]:
    found = report.conclusion
    return {
        "authentic": True,
        "fresh": report.fresh,
        "block": report.number,
        "time": report.time,
        "age_s": report.age_s,
        "sealed_by": report.sealed_by,
        "validators": report.validators,
        "witnesses": report.witnesses,
        "operator_alone": report.operator_alone,
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
        "events": [_event(event) for event in found.events],
    }


def _event(event: Event) -> dict[str, Any]:
    identity = event.identity
    return {
        "subject": event.kind,
        "id": str(identity) if isinstance(identity, int) else "0x" + identity.hex(),
        "seq": event.seq,
        "verb": event.verb.name.lower(),
        "actor": _party(event.actor),
        "counterparty": _party(event.counterparty or None),
        "signer": "0x" + event.signer.hex(),
        "key_mode": event.key_mode,
        "time": event.time,
    }


def _lines(report: Report) -> list[str]:
    """Return the report for a person."""
    found = report.conclusion
    freshness = "fresh" if report.fresh else f"STALE, {report.age_s} s old at the time asked for"
    sealed = f"sealed by {report.sealed_by} of {report.validators} validators"
    lines = [
        f"authentic as of block {report.number}, {_utc(report.time)} ({freshness}), {sealed}",
        *(["signed by the operator alone: no one else vouches"] if report.operator_alone else []),
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
        lines += ["signed events:", *(_event_line(report, event) for event in found.events)]
    return lines


def _event_line(report: Report, event: Event) -> str:
    other = f" with {_named(report, event.counterparty)}" if event.counterparty else ""
    held = KEY_MODES.get(KeyMode(event.key_mode)) if event.key_mode in (1, 2, 3) else "registry"
    verb = event.verb.name.lower().replace("_", " ")
    who = _named(report, event.actor)
    return f"  {_utc(event.time)} {event.kind} {event.seq}: {verb} by {who}{other} ({held})"


def _named(report: Report, party: int) -> str:
    names = report.names.get(party)
    return party_text(party) + (f" ({names.en})" if names else "")


def _party(number: int | None) -> str | None:
    return None if number is None else party_text(number)


def _utc(seconds: int) -> str:
    try:
        return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%SZ")
    except (OverflowError, ValueError, OSError):  # 64 bits reach far beyond the calendar
        return f"{seconds} s after 1970"


def _time(text: str) -> int:
    try:
        if text.isdecimal():
            return int(text)
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise Rejected(
            "BAD_TIME", f"'{text}' is no time: give unix seconds or 2026-03-01T12:00:00+08:00."
        ) from None
    return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp())


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise Rejected("NO_FILE", f"{path} cannot be read: {error.strerror}.") from None
