"""What proved storage says of a code: its batch, brand, run, lot and state."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from ledger.chain.bundle_format import Bundle, Code
from ledger.chain.bundle_state import State
from ledger.domain import ids, merkle
from ledger.domain.gs1 import prefix_value
from ledger.domain.leaf import leaf
from ledger.domain.verdict import ChainFacts
from ledger.errors import Rejected

COMMISSIONED = 2
PARTY_ACTIVE = 1
IMPORTED_EPOCH = 31  # that of codes which were printed before they joined the ledger
RECALLED = 2
# What an item's state proves; from 4 on it is decommissioned.
ITEM_STATES = {0: "ITEM_ACTIVE", 1: "ITEM_ACTIVE", 2: "ITEM_BLOCKED", 3: "ITEM_STOLEN"}


@dataclass(frozen=True)
class CodeFacts:
    """What is proved of a code. leaf: None unless it is under its batch's root; lot: a number,
    None for none."""

    chain: ChainFacts = field(default_factory=ChainFacts)
    leaf: bytes | None = None
    batch: int | None = None
    brand: int | None = None
    lot: int | None = None
    proved: tuple[str, ...] = ()
    stated: tuple[str, ...] = ()


def judge_code(bundle: Bundle, state: State, now: int) -> CodeFacts:
    """Return what is proved of the bundle's code at `now`, the settled block's unix seconds.

    Its lot and its own state are `judge_goods`'s. Raises Rejected CODE_NOT_UNDER_ROOT,
    CODE_NOT_PLAIN, PREFIX_NOT_OF_BRAND, RUN_NOT_SHOWN, SLOT_NOT_PROVEN.
    """
    code = bundle.code
    if code is None:
        return CodeFacts(stated=("CODE_NOT_DECODED",))
    batch = state.read(
        "batches", [code.batch], "gtin", "brand", "count", "firstRun", "epoch", "status"
    )
    if unknown := _why_unknown(bundle.gtin, code, batch):
        if code.siblings or code.run is not None or code.prefix_length is not None:
            raise Rejected("CODE_NOT_PLAIN", "The bundle proves a code that it calls unknown.")
        return CodeFacts(batch=code.batch, proved=(unknown,), stated=("CODE_DECODES_TO",))
    item = leaf(bundle.gtin, code.index, bundle.serial)
    root = state.read("batches", [code.batch], "root")["root"].to_bytes(32, "big")
    if not merkle.verify(root, batch["count"], code.index, item, code.siblings):
        raise Rejected("CODE_NOT_UNDER_ROOT", "The code is not under the root of its batch.")
    brand = batch["brand"]
    facts = CodeFacts(
        leaf=item,
        batch=code.batch,
        brand=brand,
        proved=(
            "CODE_UNDER_ROOT",
            *(("CODE_IMPORTED",) if batch["epoch"] == IMPORTED_EPOCH else ()),
            *_brand(bundle, state, brand),
        ),
    )
    return _run(state, now, code, batch["firstRun"], facts)


def judge_goods(
    bundle: Bundle, state: State, now: int, facts: CodeFacts, units: Iterable[bytes]
) -> CodeFacts:
    """Return a known code's facts with those of its lot and of the item itself.

    units: around the item, innermost first. A code that is bound to no lot is of the lot of the
    innermost of them that has one of its GTIN, since all in it is, as its packer says.
    Raises Rejected LOT_NAME_DIFFERS, SLOT_NOT_PROVEN.
    """
    if facts.lot is None:
        facts = replace(facts, proved=(*facts.proved, "LOT_NOT_BOUND"))
        facts = _lot(bundle, state, now, facts, _lot_of_units(bundle, state, units), "LOT_OF_UNIT")
    else:
        facts = _lot(bundle, state, now, facts, facts.lot, "LOT_BOUND")
    assert facts.leaf is not None and bundle.code is not None  # it is known
    return _item(state, bundle.code, facts.leaf, facts)


def _lot_of_units(bundle: Bundle, state: State, units: Iterable[bytes]) -> int | None:
    if not state.has("items"):
        return None  # a contract whose units say nothing of their content
    for unit in units:
        lot = state.read("units", [unit], "lot")["lot"]
        if lot and state.read("lots", [lot], "gtin")["gtin"] == bundle.gtin:
            return lot
    return None


def _why_unknown(gtin: int, code: Code, batch: dict[str, int]) -> str | None:
    if batch["status"] == 0:
        return "BATCH_UNKNOWN"
    if batch["status"] != COMMISSIONED:
        return "BATCH_NOT_COMMISSIONED"
    if batch["gtin"] != gtin:
        return "BATCH_OF_ANOTHER_GTIN"
    return "INDEX_OUTSIDE_BATCH" if code.index >= batch["count"] else None


def _brand(bundle: Bundle, state: State, brand: int) -> tuple[str, str]:
    length = bundle.code.prefix_length if bundle.code else None
    # Registered prefixes never overlap, so whichever matches is the longest that does.
    if length is None or not 4 <= length <= 12:
        raise Rejected("PREFIX_NOT_OF_BRAND", "The bundle shows no prefix of the brand.")
    key = length << 64 | prefix_value(f"{bundle.gtin:014d}", length)
    if state.read("prefixes", [key])["prefixes"] != brand:
        raise Rejected("PREFIX_NOT_OF_BRAND", "The GTIN is not under a prefix of the brand.")
    status = state.read("parties", [brand], "status")["status"]
    return "BRAND_PREFIX", "BRAND_ACTIVE" if status == PARTY_ACTIVE else "BRAND_SUSPENDED"


def _run(state: State, now: int, code: Code, first_run: int, facts: CodeFacts) -> CodeFacts:
    """Return the facts with what the code's run says, its lot's number among it.

    Runs are disjoint and linked in order: the run before an index, or the batch's first run,
    shows also that none covers it.
    """
    inside, following, run = False, first_run, {"activeFrom": 0, "voided": 0, "lot": 0}
    if code.run is not None:
        members = ("next", "to", "activeFrom", "voided", "lot")
        shown = state.read("runs", [code.batch, code.run], *members)
        if code.run > code.index or not shown["to"]:
            raise Rejected("RUN_NOT_SHOWN", "The run shown is not one before or at the code.")
        inside, following = code.index < shown["to"], shown["next"]
        run = shown if inside else run
    if not inside and following and following - 1 <= code.index:
        raise Rejected("RUN_NOT_SHOWN", "The bundle does not show the run that holds the code.")
    active = bool(run["activeFrom"]) and run["activeFrom"] <= now
    proved = ["RUN_ACTIVE" if active else "RUN_NOT_ACTIVE"]
    if run["voided"]:
        proved.append("RUN_VOID")
    chain = ChainFacts(active_from=run["activeFrom"] or None, void=bool(run["voided"]))
    lot = run["lot"] or None
    return replace(facts, chain=chain, lot=lot, proved=(*facts.proved, *proved))


def _lot(
    bundle: Bundle, state: State, now: int, facts: CodeFacts, number: int | None, why: str
) -> CodeFacts:
    text = bundle.stated.lot
    if number is None:
        if text is not None:
            raise Rejected("LOT_NAME_DIFFERS", "The bundle names a lot, but none is bound.")
        return facts
    lot = state.read("lots", [number], "expiry", "bestBefore", "status")
    recalled = lot["status"] == RECALLED
    proved = [why, "LOT_RECALLED" if recalled else "LOT_RELEASED"]
    if text is not None:
        named = state.read("lots", [number], "id")["id"].to_bytes(32, "big")
        if named != ids.lot_id(bundle.gtin, text):
            raise Rejected("LOT_NAME_DIFFERS", "The lot bound on chain has another name.")
        proved.append("LOT_NAMED")
    if lot["expiry"]:
        proved.append("LOT_EXPIRED" if lot["expiry"] <= now else "LOT_NOT_EXPIRED")
    if lot["bestBefore"]:
        passed = lot["bestBefore"] <= now
        proved.append("BEST_BEFORE_PASSED" if passed else "BEST_BEFORE_NOT_PASSED")
    chain = replace(
        facts.chain,
        recalled=recalled,
        expires=lot["expiry"] or None,
        best_before=lot["bestBefore"] or None,
    )
    return replace(facts, chain=chain, lot=number, proved=(*facts.proved, *proved))


def _item(state: State, code: Code, item: bytes, facts: CodeFacts) -> CodeFacts:
    """Add what was set of the item itself; a slot without a word says that nothing was."""
    if not state.has("items"):
        return facts
    found = state.read("items", [item], "state")["state"]
    claim = state.read("claims", [code.batch, code.index], "time", "seq")
    opened = claim["time"] if claim["seq"] else None
    named = ITEM_STATES.get(found, "ITEM_DECOMMISSIONED")
    proved = (*facts.proved, named, "INNER_NOT_OPENED" if opened is None else "INNER_OPENED")
    chain = replace(facts.chain, item_state=found, opened=opened)
    return replace(facts, chain=chain, proved=proved)
