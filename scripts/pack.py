"""`touchstone pack`: what goes into logistic units, from a list, a file of a line, or a stream."""

from __future__ import annotations

import json
import sys
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from queue import Empty, Queue
from typing import Annotated, Any, BinaryIO

import orjson
import typer

from ledger.chain.account import Account
from ledger.domain.contents import Codes
from ledger.errors import Rejected, Unavailable
from ledger.services import act
from ledger.services.goods import line, packing
from ledger.services.goods.line_file import Report, pack_file
from ledger.services.goods.packing import Box
from ledger.services.site import Site
from scripts.acting import Actor, Wait, idempotency, outcome, party, unit
from scripts.common import Data, Idempotency, Json, KeyFile, progress_bar, show, signer, site

app = typer.Typer(add_completion=False)

MAX_DEPTH = 9  # boxes in boxes; a container of pallets of cases of packs needs four
MAX_LINE = 4 << 20  # bytes of one event


@app.command()
def pack(
    file: Annotated[Path, typer.Argument(help="JSON of one unit, CSV of a line, or - (a stream).")],
    actor: Actor,
    lot: Annotated[str | None, typer.Option(help="Lot of all units of a CSV file.")] = None,
    ship_to: Annotated[
        str | None,
        typer.Option("--ship-to", help="Send the unit there under the same signature (JSON only)."),
    ] = None,
    key_file: KeyFile = None,
    key: Idempotency = None,
    wait: Wait = True,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Pack units, each with all that is packed with it: one event on the ledger a unit.

    FILE.json holds {"sscc": "…", "lot": "L1", "inside": […]}; `lot` may be left out. Inside are
    codes {"batch": 1, "from": 0, "to": 24}, boxes of the same form, and units that were packed
    before {"unit": SSCC or id}, in the packer's order. FILE.csv has rows PARENT,CHILD[,CHILD…]; -
    is a stream of a line's events, acknowledged line by line (docs/packing.md).
    """
    where, own = site(data), signer(key_file)
    one = file.suffix.lower() != ".csv" and str(file) != "-"
    if ship_to is not None and not one:
        raise Rejected("ONE_UNIT", "Only a unit from a JSON file is packed and shipped at once.")
    if str(file) == "-":
        _stream(where, party(actor), own, sys.stdin.buffer)
    elif not one:
        _file(where, party(actor), own, file, lot, wait, as_json)
    else:
        box, key = _box(where, _read(file), 1), idempotency(key)
        to = None if ship_to is None else party(ship_to)
        packed, submission = packing.pack(where, party(actor), box, key, own, to)
        result = {"unit": "0x" + packed.hex(), "sscc": box.sscc}
        show({**result, **outcome(where, submission, key, wait)}, as_json)


def _file(
    where: Site,
    actor: int,
    own: Account | None,
    file: Path,
    lot: str | None,
    wait: bool,
    as_json: bool,
) -> None:
    with progress_bar() as bar:
        task = bar.add_task("units", total=None)
        report = pack_file(where, actor, file, lot, own, lambda done: bar.advance(task, done))
    if wait and report.submissions:
        try:
            act.settled(where, report.submissions, 60 + len(report.submissions))
        except Unavailable:
            raise Unavailable(
                "NOT_SETTLED", "All is kept and goes on when node and worker run; or send it again."
            ) from None
    refused = [
        {"row": one.row, "sscc": one.sscc, "code": one.error.code, "error": one.error.message}
        for one in report.refused
    ]
    if as_json:
        told = {"units": len(report.units), "items": report.items, "refused": refused}
        print(json.dumps(told, ensure_ascii=False))
    else:
        print(f"{len(report.units):,} units with {report.items:,} items are packed")
        for one in refused:
            print(f"row {one['row']}: {one['code']}: {one['error']}")
    _end(report)


def _end(report: Report) -> None:
    """Raises Rejected ROWS_REFUSED where a unit of the file was not packed."""
    if report.refused:
        rows = ", ".join(str(fault.row) for fault in report.refused[:5])
        more = f" and {len(report.refused) - 5} more" if len(report.refused) > 5 else ""
        raise Rejected(
            "ROWS_REFUSED",
            f"Row {rows}{more}: correct what is said of them and send the file again; what is "
            "packed is not packed twice.",
        )


def _stream(where: Site, actor: int, own: Account | None, source: BinaryIO) -> None:
    """Acknowledge each event on standard output once it is kept; many that wait are kept at once.

    Raises Rejected ROWS_REFUSED at the end where one was refused.
    """
    refused = 0
    row = 0
    for lines in _gathered(source):
        events = []
        for text in lines:
            row += 1
            events.append(line.read_event(row, text))
        for ack in line.take(where, actor, events, own):
            refused += ack.state == line.REFUSED
            sys.stdout.buffer.write(line.dumps(ack))
        sys.stdout.buffer.flush()
    if refused:
        raise Rejected(
            "ROWS_REFUSED", f"{refused} events were refused: correct and send them again."
        )


def _gathered(source: BinaryIO) -> Iterator[list[bytes]]:
    """Yield lines, as many at once as have come while the ones before were kept."""
    queue: Queue[bytes] = Queue(line.AT_ONCE)

    def read() -> None:
        while text := source.readline(MAX_LINE):
            if text.strip():
                queue.put(text)
        queue.put(b"")

    threading.Thread(target=read, daemon=True).start()
    while True:
        lines = [queue.get()]
        while len(lines) < line.AT_ONCE:
            try:
                lines.append(queue.get_nowait())
            except Empty:
                break
        ended = lines[-1] == b""
        if kept := [text for text in lines if text]:
            yield kept
        if ended:
            return


def _read(path: Path) -> Any:
    try:
        return orjson.loads(path.read_bytes())  # which bounds the depth, as json does not always
    except OSError as error:
        raise Rejected("NO_FILE", f"{path} cannot be read: {error.strerror}.") from None
    except orjson.JSONDecodeError as error:
        raise Rejected("BAD_PACKING", f"{path} is no JSON ({error}): correct it.") from None


def _box(where: Site, value: Any, depth: int) -> Box:
    if depth > MAX_DEPTH:
        raise _bad(f"boxes lie in more than {MAX_DEPTH} others")
    members = _members(value, {"sscc", "inside"}, {"lot"})
    sscc, lot, inside = members["sscc"], members.get("lot"), members["inside"]
    if not isinstance(sscc, str) or not isinstance(lot, str | None):
        raise _bad("sscc and lot are texts")
    if not isinstance(inside, list):
        raise _bad(f"what is inside {sscc} is no list")
    return Box(sscc, [_part(where, part, depth) for part in inside], lot)


def _part(where: Site, value: Any, depth: int) -> Codes | Box | bytes:
    if isinstance(value, dict) and "sscc" in value:
        return _box(where, value, depth + 1)
    if isinstance(value, dict) and "unit" in value:
        return unit(where, str(_members(value, {"unit"})["unit"]))
    members = _members(value, {"batch", "from", "to"})
    if not all(type(number) is int for number in members.values()):
        raise _bad("batch, from and to are whole numbers")
    return Codes(members["batch"], members["from"], members["to"])


def _members(
    value: Any, needed: set[str], optional: frozenset[str] | set[str] = frozenset()
) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise _bad(f"{str(value)[:40]} is neither codes nor box nor unit")
    if not needed <= set(value) <= needed | optional:
        raise _bad(f"a part needs {', '.join(sorted(needed))}, not {', '.join(sorted(value))}")
    return value


def _bad(fault: str) -> Rejected:
    return Rejected("BAD_PACKING", f"The packing list is not as `pack --help` says: {fault}.")
