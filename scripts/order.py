"""`touchstone order`: codes from the request to the press, and whose copy a leaked list is."""

from __future__ import annotations

import json
import os
import pwd
import shutil
import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from ledger.db.engine import reading
from ledger.domain.moments import iso
from ledger.errors import Rejected
from ledger.services.act import state_of
from ledger.services.audit import COMMAND
from ledger.services.ordering import leaks, orders, orders_work, receivers
from ledger.services.ordering.orders_view import order_json, receiver_json
from ledger.services.persons import Person
from ledger.services.site import Site
from scripts.acting import cannot_write, idempotency, moment, party, whole_file
from scripts.common import Data, Idempotency, Json, show, site

app = typer.Typer(add_completion=False)
receiver = typer.Typer(no_args_is_help=True, add_completion=False)
app.add_typer(receiver, name="receiver")

Number = Annotated[int, typer.Argument(help="The order's number.")]


class Form(StrEnum):
    """Of the file: links or pairs (with inner codes), in capitals."""

    LINKS = "links"
    LINKS_UPPER = "links-upper"
    PAIRS = "pairs"
    PAIRS_UPPER = "pairs-upper"


class Method(StrEnum):
    """How a package is sealed."""

    AGE = "age"
    OPENPGP = "openpgp"
    ZIP = "zip"


@app.callback(invoke_without_command=True)
def order(context: typer.Context, data: Data = None, as_json: Json = False) -> None:
    """List the orders of codes, the oldest first."""
    if context.invoked_subcommand is not None:
        return
    where = site(data)
    with reading(where.engine) as session:
        rows = [order_json(session, row) for row in orders.listing(session, 0, limit=1_000_000)]
    if as_json:
        print(json.dumps({"orders": rows}, ensure_ascii=False))
        return
    for row in rows:
        warned = f"  {', '.join(row['warned'])}" if row["warned"] else ""
        print(
            f"{row['id']}  {iso(row['since'], where.zone)}  {row['state']}  "
            f"{row['quantity']:,} of {row['gtin']}  by {row['who']}{warned}"
        )
    print(f"{len(rows)} orders")


@app.command()
def request(
    brand: Annotated[str, typer.Option(help="Whose codes: the brand's GLN or number.")],
    gtin: Annotated[str, typer.Option(help="GTIN of the item, with the check digit.")],
    quantity: Annotated[int, typer.Option(help="How many codes are to be printed.")],
    receiver: Annotated[int, typer.Option(help="Number of the receiver that prints them.")],
    form: Annotated[Form, typer.Option(help="Of the file; pairs hold inner codes.")] = Form.LINKS,
    warn_h: Annotated[
        int, typer.Option("--warn-after", help="Hours until it is warned of, when nobody acts.")
    ] = 48,
    key: Idempotency = None,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Ask for codes. Somebody else approves."""
    where, key = site(data), idempotency(key)
    wish = orders.Wish(party(brand), gtin, quantity, form.value, receiver, warn_h)
    _show(where, orders.request(where, _me(), wish, key).id, as_json, id_of_request=key)


@app.command()
def approve(number: Number, data: Data = None, as_json: Json = False) -> None:
    """Let an order be minted; not one's own."""
    where = site(data)
    orders.approve(where, _me(), number, 0)
    _show(where, number, as_json)


@app.command()
def refuse(number: Number, data: Data = None, as_json: Json = False) -> None:
    """End a request that is not approved."""
    where = site(data)
    orders.refuse(where, _me(), number, 0)
    _show(where, number, as_json)


@app.command()
def cancel(number: Number, data: Data = None, as_json: Json = False) -> None:
    """Take a request back, as long as nothing is minted."""
    where = site(data)
    orders.cancel(where, _me(), number, 0)
    _show(where, number, as_json)


@app.command()
def copy(number: Number, data: Data = None, as_json: Json = False) -> None:
    """Make another copy of an order's package, with a mark of its own."""
    where = site(data)
    orders_work.copy(where, _me(), number, 0)
    _show(where, number, as_json)


@app.command()
def fetch(
    number: Number,
    out: Annotated[Path, typer.Option(help="File for the sealed package.")],
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Fetch an order's sealed package: three times at most, each on record."""
    if not out.parent.is_dir() or out.is_dir():
        raise cannot_write(out, "is a folder" if out.is_dir() else "no such folder")
    found = orders.fetch(site(data), _me(), number, 0)
    with whole_file(out) as file, found.path.open("rb") as sealed:
        shutil.copyfileobj(sealed, file)
    show({"order": number, "file": str(out), "name": found.name, "left": found.left}, as_json)


@app.command()
def passphrase(number: Number, data: Data = None, as_json: Json = False) -> None:
    """Tell the passphrase of a ZIP, to who did not fetch it: it goes by another way."""
    told = orders.passphrase(site(data), _me(), number, 0)
    show({"order": number, "passphrase": told}, as_json)


@app.command()
def printed(
    number: Number,
    rows: Annotated[int, typer.Option(help="How many codes were printed.")],
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Report that an order's codes were printed."""
    where = site(data)
    orders.printed(where, _me(), number, 0, rows)
    _show(where, number, as_json)


@app.command()
def activate(
    number: Number,
    at: Annotated[str, typer.Option("--at", help="From when on: now, or a time.")] = "now",
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Activate an order's codes from a time on, and wait until that is on chain.

    The same again goes on where it ended, or answers as before.
    """
    where = site(data)
    active_from = moment(at, where.clock())
    sent = orders.activate(where, _me(), number, 0, active_from, is_now=at == "now")
    row = state_of(where, sent)
    told = {"submission": row.id, "state": row.state, "block": row.block}
    show({"order": number, **told}, as_json)


@app.command()
def whose(
    file: Annotated[Path, typer.Argument(help="The leaked list: a link in each line.")],
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Say which copy of which order a leaked list was taken from, and how sure that is."""
    try:
        lines = file.read_text("utf-8-sig", errors="replace").splitlines()
    except OSError as error:
        raise Rejected("BAD_OPTION", f"{file}: {error.strerror}.") from None
    report = leaks.trace(site(data), lines, 0)
    told = [_trace_json(trace) for trace in report.traces]
    if as_json:
        print(json.dumps({"orders": told, "foreign": list(report.foreign)}, ensure_ascii=False))
        return
    for trace in told:
        print(f"order {trace['order']}: {trace['rows']} codes")
        for suspect in trace["suspects"][:5]:
            print(f"  {_words(suspect)}")
    if report.foreign:
        first = ", ".join(str(line) for line in report.foreign[:5])
        sys.stderr.write(
            f"touchstone: {len(report.foreign)} lines hold no code of an order (line {first} …)\n"
        )


@receiver.callback()
def receiver_group() -> None:
    """Who prints codes, and the key that each one's packages are sealed for."""


@receiver.command("add")
def add_receiver(
    brand: Annotated[str, typer.Option(help="The brand's GLN or number.")],
    name: Annotated[str, typer.Option(help="The receiver's name.")],
    method: Annotated[Method, typer.Option(help="How its packages are sealed.")],
    key: Annotated[
        Path | None, typer.Option("--key", help="File with its public key; none for zip.")
    ] = None,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Name a receiver of a brand's packages."""
    try:
        text = key.read_text("utf-8") if key else ""
    except (OSError, UnicodeDecodeError) as error:
        raise Rejected("BAD_RECEIVER", f"{key} cannot be read: {error}.") from None
    row = receivers.add(site(data), _me(), party(brand), name, method.value, text)
    show(receiver_json(row), as_json)


@receiver.command("list")
def list_receivers(data: Data = None, as_json: Json = False) -> None:
    """List the receivers."""
    with reading(site(data).engine) as session:
        rows = [receiver_json(row) for row in receivers.listing(session, 0)]
    if as_json:
        print(json.dumps({"receivers": rows}, ensure_ascii=False))
        return
    for row in rows:
        print(f"{row['id']}  {row['name']}  {row['method']}")
    print(f"{len(rows)} receivers")


@receiver.command("remove")
def remove_receiver(
    number: Annotated[int, typer.Argument(help="The receiver's number.")], data: Data = None
) -> None:
    """Order nothing more for a receiver."""
    receivers.remove(site(data), _me(), number, 0)


def _me() -> Person:
    """Who types: by the system's own list. What $LOGNAME says, anybody can say."""
    try:
        name = pwd.getpwuid(os.getuid()).pw_name
    except KeyError:  # a container's user need not be in the list
        name = f"uid {os.getuid()}"
    return Person(f"{COMMAND}:{name}", "this machine")


def _show(where: Site, number: int, as_json: bool, id_of_request: str | None = None) -> None:
    with reading(where.engine) as session:
        told = order_json(session, orders.find(session, number, 0))
    show(told | ({"key": id_of_request} if id_of_request else {}), as_json)


def _trace_json(trace: leaks.Trace) -> dict[str, Any]:
    suspects = []
    for suspect in trace.suspects:
        copy = trace.copies.get(suspect.name or "")
        suspects.append(
            {
                "copy": copy.copy if copy else None,
                "receiver": copy.receiver if copy else None,
                "fetched_by": list(copy.fetched_by) if copy else [],
                "probability": suspect.probability,
                "missing": suspect.missing,
            }
        )
    return {"order": trace.order, "rows": trace.rows, "suspects": suspects}


def _words(suspect: dict[str, Any]) -> str:
    share = f"{100 * suspect['probability']:.2f} %"
    if suspect["copy"] is None:
        return f"{share}  none of these copies"
    people = ", ".join(suspect["fetched_by"]) or "nobody"
    return f"{share}  copy {suspect['copy']} for {suspect['receiver']}, fetched by {people}"
