"""What the verbs share: who acts, on which unit, when, and what became of it on the chain."""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, BinaryIO

import typer

from ledger.db.engine import reading
from ledger.domain import ids
from ledger.domain.verbs import Verb
from ledger.errors import Rejected, Unavailable
from ledger.services import act, custody, moved, relaying, ruling
from ledger.services.goods.units import find_unit
from ledger.services.order import Order
from ledger.services.site import Site
from scripts.common import show, signer, site

Actor = Annotated[str, typer.Option("--actor", help="Who acts: a GLN or an assigned number.")]
Units = Annotated[list[str], typer.Argument(help="SSCC (18 digits) or unit id (0x and 64 digits).")]
Unit = Annotated[
    str,
    typer.Argument(help="SSCC, unit id (0x and 64 digits), or an item's link."),
]
Link = Annotated[str, typer.Argument(help="The item's printed link.")]
Wait = Annotated[bool, typer.Option("--wait/--no-wait", help="Wait until the chain confirms it.")]
Out = Annotated[
    Path | None,
    typer.Option("--out", help="Only write the message here, for several admins to sign."),
]
SkipStale = Annotated[
    bool,
    typer.Option(
        "--skip-stale", help="Skip units that move before it lands; else they refuse the whole."
    ),
]
Batch = Annotated[int, typer.Option("--batch", help="Number of the batch.")]
First = Annotated[int, typer.Option("--from", help="Index of the first code, from 0.")]
To = Annotated[int, typer.Option("--to", help="Index after the last code.")]

Ordering = Callable[[Site, str], Order]
"""Makes the order of a verb: (site, idempotency key) -> order."""

MAX_PARTY = (1 << 63) - 1


def party(text: str) -> int:
    """Return the party that a GLN or an assigned number names. Raises Rejected MALFORMED."""
    number = ids.party_id(text)
    if number > MAX_PARTY:
        raise Rejected("MALFORMED", f"No party has the number {text}: compare it.")
    return number


def unit(site: Site, text: str) -> bytes:
    """Return the id of the unit that an SSCC or an id names. Raises as `find_unit`."""
    with reading(site.engine) as session:
        return find_unit(site, session, text).id


def idempotency(key: str | None) -> str:
    """Return the caller's idempotency key, or a new one."""
    return key or f"cli-{secrets.token_hex(8)}"


def outcome(site: Site, submission: int, key: str, wait: bool) -> dict[str, Any]:
    """Return what became of a submission, after waiting for the chain if that is asked for.

    Raises Rejected by the contract's name where it refused, Unavailable NOT_SETTLED.
    """
    if wait:
        try:
            act.settled(site, [submission])
        except Unavailable:
            raise Unavailable(
                "NOT_SETTLED",
                "It is kept and goes on when node and worker run: ask again with the same words "
                f"and --id {key}.",
            ) from None
    row = act.state_of(site, submission)
    return {"id": key, "submission": row.id, "state": row.state, "block": row.block}


def moment(text: str, now: int) -> int:
    """Return the unix seconds of 'now', 'never' (0), unix seconds or ISO 8601 (UTC by default).

    Raises Rejected BAD_TIME.
    """
    if text in ("now", "never"):
        return now if text == "now" else 0
    try:
        if text.isdecimal():
            return int(text)
        found = datetime.fromisoformat(text)
        return int((found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp())
    except (ValueError, OverflowError):
        raise Rejected(
            "BAD_TIME", f"'{text}' is no time: give unix seconds or 2026-03-01T12:00:00+08:00."
        ) from None


@contextmanager
def whole_file(path: Path) -> Iterator[BinaryIO]:
    """Write a file that appears whole or not at all. Raises Rejected CANNOT_WRITE."""
    fresh = path.with_name(path.name + ".new")
    try:
        with fresh.open("wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(path)
    except OSError as error:
        raise cannot_write(path, error.strerror or str(error)) from None
    finally:
        fresh.unlink(missing_ok=True)


def cannot_write(path: Path, why: str) -> Rejected:
    """Return the error for a file that cannot be written."""
    return Rejected("CANNOT_WRITE", f"{path} cannot be written ({why}): choose another place.")


def hand_over(
    verb: Verb,
    units: list[str],
    actor: str,
    other: str,
    key_file: Path | None,
    key: str | None,
    wait: bool,
    data: Path | None,
    as_json: bool,
    skip_stale: bool = False,
) -> None:
    """Carry out one of `custody.WAYS` between two parties, and show what became of it."""
    where, key, own = site(data), idempotency(key), signer(key_file)
    named = [unit(where, text) for text in units]
    submission = custody.hand(where, verb, party(actor), party(other), named, key, own, skip_stale)
    result: dict[str, Any] = {"units": _ids(named)}
    result |= outcome(where, submission, key, wait)
    if skip_stale:
        with reading(where.engine) as session:
            row = act.state_of(where, submission)
            result["skipped"] = _ids(moved.skipped(session, row))
    show(result, as_json)


def _ids(units: Sequence[bytes]) -> list[str]:
    return ["0x" + each.hex() for each in units]


def carry_out(
    ordering: Ordering,
    key_file: Path | None,
    key: str | None,
    wait: bool,
    data: Path | None,
    as_json: bool,
) -> None:
    """Sign a verb with the party's own key file or its hosted key, and show what became of it."""
    where, key, own = site(data), idempotency(key), signer(key_file)
    submission = act.act(where, ordering(where, key), own)
    show(outcome(where, submission, key, wait), as_json)


def decide(
    ordering: Ordering,
    out: Path | None,
    key: str | None,
    wait: bool,
    data: Path | None,
    as_json: bool,
) -> None:
    """Sign what admins decide with this installation's admin key, and show what became of it.

    out: only write the message there, for several admins to sign.
    """
    where, key = site(data), idempotency(key)
    order = ordering(where, key)
    if out is None:
        submission = ruling.rule(where, order)
        show(outcome(where, submission, key, wait), as_json)
        return
    with whole_file(out) as file:
        file.write(json.dumps(relaying.write(where, order), ensure_ascii=False).encode() + b"\n")
    show({"file": str(out)}, as_json)


def address(text: str) -> bytes:
    """Return the 20 bytes of an address in hex. Raises Rejected BAD_ADDRESS."""
    try:
        found = bytes.fromhex(text.removeprefix("0x"))
    except ValueError:
        found = b""
    if len(found) != 20:
        raise Rejected("BAD_ADDRESS", f"'{text}' is not an address: give 40 hex digits.")
    return found
