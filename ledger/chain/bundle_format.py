"""The proof bundle `touchstone-proof/1` as data: read strictly, and written.

Only the form is judged here; whether it proves anything is for `ledger.chain.bundle`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from ledger.chain import frame
from ledger.chain.bundle_events import History, read_history
from ledger.chain.frame import Frame, read_frame
from ledger.chain.strict_json import Node, load
from ledger.domain.gs1 import gtin14
from ledger.domain.gs1_attributes import CSET82
from ledger.domain.verdict import Outcome, ScanFacts

FORMAT = "touchstone-proof/1"
MAX_BYTES = 8 << 20

_MEMBERS = (
    "format",
    "made",
    *frame.MEMBERS,
    "gtin",
    "serial",
    "code",
    "units",
    "histories",
    "documents",
    "stated",
    "verdict",
)
_SCAN_COUNTS = (
    "by_this_device",
    "other_devices",
    "far_devices",
    "far_regions",
    "regions",
    "impossible_pairs",
)
# No control characters, and none that turn the direction of writing: names are shown to people.
_PRINTABLE = "[^\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]{1,200}"
_SIBLINGS = 34  # of a tree of 2³² leaves


@dataclass(frozen=True)
class Code:
    """Where the operator says the code is. run: first index of the run shown, None for none.

    prefix_length: digits of the brand's GTIN prefix. siblings: from the leaf to the batch's root.
    """

    batch: int
    index: int
    siblings: tuple[bytes, ...]
    prefix_length: int | None
    run: int | None


@dataclass(frozen=True)
class Step:
    """The child so far is at `position` in `unit`, over whose `count` children stands a root."""

    unit: bytes
    position: int
    children_root: bytes
    count: int
    siblings: tuple[bytes, ...]


@dataclass(frozen=True)
class Names:
    """What the operator calls something, in English and Chinese."""

    en: str
    zh: str


@dataclass(frozen=True)
class Stated:
    """What only the operator says. lot: its text; names: of parties."""

    scans: ScanFacts
    lot: str | None
    product: Names | None
    names: Mapping[int, Names]


@dataclass(frozen=True)
class Claimed:
    """What the bundle says follows from it; the checker works it out for itself."""

    outcome: str
    reasons: tuple[str, ...]
    proved: tuple[str, ...]
    stated: tuple[str, ...]


@dataclass(frozen=True)
class Bundle(Frame):
    """A bundle of the right form. made: unix seconds; gtin: the value of its 14 digits.

    units: the steps from the item up to the unit with a slot of its own, () if the item has one
    itself, None if no unit is known. documents: by event hash.
    """

    made: int
    gtin: int
    serial: str
    code: Code | None
    units: tuple[Step, ...] | None
    histories: tuple[History, ...]
    documents: Mapping[bytes, Mapping[str, Any]]
    stated: Stated
    verdict: Claimed


def read(data: bytes) -> Bundle:
    """Return the bundle in `data`. Raises Rejected: what `strict_json` and `Header.decode` raise,
    MALFORMED or BAD_CHECK_DIGIT for its GTIN, BAD_EVENT."""
    part = load(data, MAX_BYTES).members(_MEMBERS)
    part["format"].text(FORMAT)
    return Bundle(
        **vars(read_frame(part)),
        made=part["made"].uint(),
        gtin=int(gtin14(part["gtin"].text("[0-9]{14}"))),
        serial=part["serial"].text(f"{CSET82}{{1,20}}"),
        code=_code(part["code"]),
        units=_units(part["units"]),
        histories=tuple(read_history(history) for history in part["histories"].items(64)),
        documents={
            key.data(32): _object(document) for key, document in part["documents"].entries(1024)
        },
        stated=_stated(part["stated"]),
        verdict=_claimed(part["verdict"]),
    )


def write_scans(scans: ScanFacts) -> dict[str, Any]:
    """Return scan facts as a bundle holds them."""
    return asdict(scans)


def _hashes(node: Node) -> tuple[bytes, ...]:
    return tuple(item.data(32) for item in node.items(_SIBLINGS))


def _code(node: Node) -> Code | None:
    if node.value is None:
        return None
    part = node.members(("batch", "index", "siblings", "prefix_length", "run"))
    length, run = part["prefix_length"], part["run"]
    return Code(
        batch=part["batch"].uint((1 << 31) - 1),
        index=part["index"].uint((1 << 32) - 1),
        siblings=_hashes(part["siblings"]),
        prefix_length=None if length.value is None else length.uint(12),
        run=None if run.value is None else run.uint((1 << 32) - 1),
    )


def _units(node: Node) -> tuple[Step, ...] | None:
    return None if node.value is None else read_steps(node)


def read_steps(node: Node) -> tuple[Step, ...]:
    """Return the steps from an item to a unit. Raises Rejected as Node does."""
    return tuple(_step(item) for item in node.items(16))


def write_step(step: Step) -> dict[str, Any]:
    """Return a step as a file holds it."""
    return {
        "unit": "0x" + step.unit.hex(),
        "position": step.position,
        "children_root": "0x" + step.children_root.hex(),
        "count": step.count,
        "siblings": ["0x" + sibling.hex() for sibling in step.siblings],
    }


def _step(node: Node) -> Step:
    part = node.members(("unit", "position", "children_root", "count", "siblings"))
    return Step(
        unit=part["unit"].data(32),
        position=part["position"].uint((1 << 32) - 1),
        children_root=part["children_root"].data(32),
        count=part["count"].uint((1 << 32) - 1),
        siblings=_hashes(part["siblings"]),
    )


def _stated(node: Node) -> Stated:
    part = node.members(("scans", "lot", "product", "names"))
    return Stated(
        scans=_scans(part["scans"]),
        lot=None if part["lot"].value is None else part["lot"].text(f"{CSET82}{{1,20}}"),
        product=None if part["product"].value is None else _names(part["product"]),
        names={party.decimal(): _names(names) for party, names in part["names"].entries(256)},
    )


def _scans(node: Node) -> ScanFacts:
    part = node.members((*_SCAN_COUNTS, "first_at", "last_at"))
    times = (None if part[t].value is None else part[t].uint() for t in ("first_at", "last_at"))
    return ScanFacts(*(part[name].uint() for name in _SCAN_COUNTS), *times)


def _names(node: Node) -> Names:
    part = node.members(("en", "zh"))
    return Names(part["en"].text(_PRINTABLE), part["zh"].text(_PRINTABLE))


def _claimed(node: Node) -> Claimed:
    part = node.members(("outcome", "reasons", "proved", "stated"))
    return Claimed(
        part["outcome"].text("|".join(Outcome)),
        *(
            tuple(item.text("[A-Z_]+", 64) for item in part[name].items(64))
            for name in ("reasons", "proved", "stated")
        ),
    )


def _object(node: Node) -> Mapping[str, Any]:
    if not isinstance(node.value, dict):
        raise node.bad("an object")
    return node.value
