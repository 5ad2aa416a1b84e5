"""From the contract's events to the links of history heads (formats "History")."""

from __future__ import annotations

from typing import Any

from ledger.domain import ids, typed_data
from ledger.domain.verbs import SIGNINGS, Verb

VERB_OF_EVENT = {signing.event: verb for verb, signing in SIGNINGS.items()}
CHILD_EVENTS = {
    "PackedInto": (Verb.PACKED_INTO, "PackedIntoArgs"),
    "UnpackedFrom": (Verb.UNPACKED_FROM, "UnpackedFromArgs"),
}
# Events that are nobody's history: a number given, a unit or a part passed over.
NO_HISTORY = frozenset({"LotOpened", "Skipped", "PartFailed"})
TABLES = {"unit": "units", "batch": "batches", "party": "parties"}
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
    counterparty = args.get("to", 0) if verb == Verb.SHIP else 0
    if verb == Verb.RECEIVE_FROM:
        counterparty = args["from"]
    step = (
        verb,
        args.get("actor", 0),
        counterparty,
        typed_data.args_hash(verb, args),
        args.get("eventHash", ZERO),
    )
    if kind == "log":
        return ("scanLog",), ids.subject("log", 0), step
    if verb == Verb.RESERVE_BATCH:
        return ("parties", args["actor"]), ids.subject("party", args["actor"]), step
    on = next(values[field] for field in ("unit", "batch", "party", "actor") if field in values)
    return (
        (TABLES[kind], on),
        ids.subject(kind, on),
        step,
    )
