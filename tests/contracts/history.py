"""From the contract's events to the links of history heads (formats "History")."""

from __future__ import annotations

from typing import Any

from ledger.domain import ids, typed_data
from ledger.domain.history import COUNTERPARTIES
from ledger.domain.verbs import RULINGS, SIGNINGS, Verb

VERB_OF_EVENT = {signing.event: verb for verb, signing in SIGNINGS.items()}
CHILD_EVENTS = {
    "PackedInto": (Verb.PACKED_INTO, "PackedIntoArgs"),
    "UnpackedFrom": (Verb.UNPACKED_FROM, "UnpackedFromArgs"),
}
# Events that are nobody's history: a number given, a unit or a part passed over.
NO_HISTORY = frozenset({"LotOpened", "Skipped", "PartFailed"})
TABLES = {"unit": "units", "batch": "batches", "lot": "lots", "item": "items"}
ZERO = bytes(32)


def step(name: str, values: dict[str, Any]) -> tuple[tuple[Any, ...], bytes, tuple[Any, ...]]:
    """Return where the head is stored, its subject, and verb … eventHash of its next link."""
    if name in CHILD_EVENTS:
        verb, struct = CHILD_EVENTS[name]
        args_hash = typed_data.hash_struct(struct, values)
        step = (verb, values["actor"], 0, args_hash, values["eventHash"])
        return ("units", values["unit"]), ids.subject("unit", values["unit"]), step
    verb, args = VERB_OF_EVENT[name], values["args"]
    kind = SIGNINGS[verb].kind
    other = args[COUNTERPARTIES[verb]] if verb in COUNTERPARTIES else 0
    args_hash = typed_data.args_hash(verb, args)
    step = (verb, args.get("actor", 0), other, args_hash, args.get("eventHash", ZERO))
    place, on = _place(verb, kind, values)
    return place, ids.subject(kind, on), step


def _place(verb: Verb, kind: str, values: dict[str, Any]) -> tuple[tuple[Any, ...], Any]:
    """Return where a verb's subject keeps its head, and the subject's identity."""
    args = values["args"]
    if kind == "log":
        return ("scanLog",), 0
    if kind == "registry":
        return ("registry",), 0
    if kind == "party":
        party = args["party"] if verb in RULINGS else args["actor"]
        return ("parties", party), party
    on = values[kind]
    if kind == "claim":
        return ("claims", args["batch"], args["index"]), on
    return (TABLES[kind], on), on
