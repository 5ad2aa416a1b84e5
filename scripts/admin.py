"""`touchstone admin`: who decides on the ledger, and what several admins sign together."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from ledger.errors import Rejected
from ledger.services import relaying, ruling
from scripts.acting import Out, Wait, address, decide, idempotency, outcome, whole_file
from scripts.common import Data, Idempotency, Json, show, signer, site

app = typer.Typer(no_args_is_help=True, add_completion=False)

Signed = Annotated[list[Path], typer.Argument(help="What each admin's `admin sign` wrote.")]


@app.callback()
def group() -> None:
    """Admins of the ledger: a set of keys of which a number must sign."""


@app.command(name="list")
def listing(data: Data = None, as_json: Json = False) -> None:
    """Show the admins as the last change left them, and whether the ledger is sealed."""
    row = ruling.registry(site(data))
    show(
        {
            "changed": row.era if row else 0,
            "admins": row.admins if row else None,
            "threshold": row.threshold if row else None,
            "sealed": bool(row and not row.open),
            "successor": "0x" + row.successor.hex() if row and row.successor else None,
        },
        as_json,
    )


@app.command(name="set")
def set_admins(
    admin: Annotated[list[str], typer.Option(help="Address of an admin's key; repeat.")],
    threshold: Annotated[int, typer.Option(min=1, max=255, help="How many of them must sign.")],
    out: Annotated[Path, typer.Option("--out", help="Write the message here.")],
    key: Idempotency = None,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Write the message that hands over to another set of admins, for both sets to sign.

    Signed by enough of the old set and of the new, `admin relay` sends it.
    """
    admins = [address(text) for text in admin]
    decide(
        lambda _, key: ruling.order_admins(admins, threshold, key), out, key, True, data, as_json
    )


@app.command()
def seal(
    chain_id: Annotated[int, typer.Option(min=1, help="Chain id of the successor.")],
    successor: Annotated[str, typer.Option(help="Address of the ledger that goes on.")],
    out: Out = None,
    key: Idempotency = None,
    wait: Wait = True,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """End this ledger for its successor: no verb is carried out any more, for ever."""
    contract = address(successor)
    decide(lambda _, key: ruling.order_seal(chain_id, contract, key), out, key, wait, data, as_json)


@app.command()
def sign(
    message: Annotated[Path, typer.Argument(help="A message written with --out: read it first.")],
    key_file: Annotated[Path, typer.Option("--key", help="The admin's own key file.")],
    out: Annotated[Path, typer.Option(help="Write the signature here.")],
    as_json: Json = False,
) -> None:
    """Sign a message as one of several admins. Needs neither node nor database."""
    account = signer(key_file)
    assert account is not None  # a file was given
    body = _read(message)
    relaying.read(body)
    with whole_file(out) as file:
        signed = relaying.sign(body, account)
        file.write(json.dumps(signed, ensure_ascii=False).encode() + b"\n")
    show({"file": str(out), "signer": "0x" + account.address.hex()}, as_json)


@app.command()
def relay(
    signed: Signed,
    accepted: Annotated[
        list[Path] | None,
        typer.Option("--accepted", help="To hand over: what each new admin's `admin sign` wrote."),
    ] = None,
    key: Idempotency = None,
    wait: Wait = True,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Send a message that enough admins have signed."""
    where, key = site(data), idempotency(key)
    theirs = [_read(path) for path in accepted or []]
    submission = relaying.accept_ruling(where, [_read(path) for path in signed], key, theirs)
    show(outcome(where, submission, key, wait), as_json)


def _read(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text("utf-8"))
    except OSError as error:
        raise Rejected("NO_FILE", f"{path} cannot be read ({error.strerror}).") from None
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise Rejected("BAD_MESSAGE", f"{path} is no message: write it anew.")
    return found
