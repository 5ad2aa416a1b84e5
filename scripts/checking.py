"""What the commands share that judge a file by a trust file. Light: a checker needs no database."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer

from ledger.chain.bundle_events import write_identity
from ledger.chain.frame import Standing
from ledger.domain.history import Event
from ledger.domain.ids import party_text
from ledger.domain.moments import utc
from ledger.domain.verbs import DEVICE, KeyMode
from ledger.errors import Rejected

Trust = Annotated[Path, typer.Option(help="the trust file that you pinned")]
At = Annotated[str | None, typer.Option(help="judge as of this time: unix seconds or ISO 8601")]
AsJson = Annotated[bool, typer.Option("--json", help="print one JSON object")]

KEY_MODES = {
    KeyMode.OWN: "own key",
    KeyMode.BROWSER: "key in a browser",
    KeyMode.HOSTED: "signed by the operator for it",
}
T = TypeVar("T")
Check = Callable[[bytes, bytes, int], T]


def judge(check: Check[T], file: Path, trust: Path, at: str | None, word: str, as_json: bool) -> T:
    """Return what `check` makes of a file. A refusal ends the command with status 1; as JSON it
    says that the file is not `word`."""
    when = int(time.time()) if at is None else moment(at)
    try:
        return check(read(file), read(trust), when)
    except Rejected as error:
        if not as_json:
            raise
        print(json.dumps({word: False, "code": error.code, "reason": error.message}))
        raise typer.Exit(1) from None


def standing_json(found: Standing) -> dict[str, Any]:
    """Return block, time and seals of an authentic file."""
    return {
        "authentic": True,
        "fresh": found.fresh,
        "block": found.number,
        "time": found.time,
        "age_s": found.age_s,
        "sealed_by": found.sealed_by,
        "validators": found.validators,
        "witnesses": found.witnesses,
        "operator_alone": found.operator_alone,
    }


def standing_lines(found: Standing) -> list[str]:
    """Return the same for a person."""
    freshness = "fresh" if found.fresh else f"STALE, {found.age_s} s old at the time asked for"
    sealed = f"sealed by {found.sealed_by} of {found.validators} validators"
    alone = ["signed by the operator alone: no one else vouches"]
    return [
        f"authentic as of block {found.number}, {utc(found.time)} ({freshness}), {sealed}",
        *(alone if found.operator_alone else []),
    ]


def event_json(event: Event) -> dict[str, Any]:
    """Return an event as results show it."""
    return {
        "subject": event.kind,
        "id": write_identity(event.identity),
        "seq": event.seq,
        "verb": event.verb.name.lower(),
        "actor": party_text(event.actor),
        "counterparty": party_text(event.counterparty) if event.counterparty else None,
        "signer": "0x" + event.signer.hex(),
        "key_mode": event.key_mode,
        "time": event.time,
    }


def event_line(event: Event, named: Callable[[int], str] = party_text) -> str:
    """Return an event for a person. named: what a party is called."""
    other = f" with {named(event.counterparty)}" if event.counterparty else ""
    held = _held(event.key_mode)
    verb = event.verb.name.lower().replace("_", " ")
    who = named(event.actor)
    return f"  {utc(event.time)} {event.kind} {event.seq}: {verb} by {who}{other} ({held})"


def _held(key_mode: int) -> str:
    device, mode = divmod(key_mode, DEVICE)
    if mode not in (1, 2, 3):
        return "registry"
    return KEY_MODES[KeyMode(mode)] + (", on a device of the party" if device else "")


def write_out(
    document: dict[str, Any], out: Path | None, result: dict[str, Any], as_json: bool
) -> None:
    """Print a proof file, or write it to `out` and show `result`. Raises Rejected CANNOT_WRITE."""
    from scripts.acting import whole_file  # only here: a checker loads no database
    from scripts.common import show

    text = json.dumps(document)
    if out is None:
        print(text)
        return
    with whole_file(out) as file:
        file.write(text.encode() + b"\n")
    show({"file": str(out), **result}, as_json)


def moment(text: str) -> int:
    """Return the unix seconds of a time. Raises Rejected BAD_TIME."""
    try:
        if text.isdecimal():
            return int(text)
        found = datetime.fromisoformat(text)
    except ValueError:
        raise Rejected(
            "BAD_TIME", f"'{text}' is no time: give unix seconds or 2026-03-01T12:00:00+08:00."
        ) from None
    return int((found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp())


def read(path: Path) -> bytes:
    """Return a file's bytes. Raises Rejected NO_FILE."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise Rejected("NO_FILE", f"{path} cannot be read: {error.strerror}.") from None
