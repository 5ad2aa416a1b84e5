"""`touchstone pack`: what goes into a logistic unit."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import orjson
import typer

from ledger.errors import Rejected
from ledger.services import packing
from ledger.services.packing import Box
from ledger.services.site import Site
from ledger.services.units import Codes
from scripts.acting import Actor, Wait, idempotency, outcome, party, unit
from scripts.common import Data, Idempotency, Json, KeyFile, show, signer, site

app = typer.Typer(add_completion=False)

MAX_DEPTH = 9  # boxes in boxes; a container of pallets of cases of packs needs four


@app.command()
def pack(
    file: Annotated[Path, typer.Argument(help="What is in which box, as JSON.")],
    actor: Actor,
    key_file: KeyFile = None,
    key: Idempotency = None,
    wait: Wait = True,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Pack a unit and all that is packed with it: one event on the ledger.

    FILE holds {"sscc": "…", "lot": "L1", "inside": […]}; `lot` may be left out. Inside are codes
    {"batch": 1, "from": 0, "to": 24}, boxes of the same form, and units that were packed before
    {"unit": SSCC or id}, in the packer's order.
    """
    where, key, own = site(data), idempotency(key), signer(key_file)
    box = _box(where, _read(file), 1)
    packed, submission = packing.pack(where, party(actor), box, key, own)
    result = {"unit": "0x" + packed.hex(), "sscc": box.sscc}
    show({**result, **outcome(where, submission, key, wait)}, as_json)


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
