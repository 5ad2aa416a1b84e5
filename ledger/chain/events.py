"""From a proved log to what happened: the decoder between the contract's events and the domain."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ledger.chain.artifact import decode_event
from ledger.chain.receipts import Log
from ledger.domain.history import NO_EVENT_HASH, Event, verb_of_event
from ledger.domain.verbs import SIGNINGS, Verb

_Fields = dict[str, Any]


@dataclass(frozen=True)
class Seen:
    """One log of the contract. event: set for those that record a verb; fields: as decoded."""

    name: str
    fields: _Fields
    event: Event | None
    block: int
    log_index: int
    transaction_hash: bytes


def decode(log: Log, block: int, time: int) -> Seen | None:
    """Return what a log says, None if it is not one of the contract's events.

    block: its number. time: the block's, in unix seconds.
    """
    found = decode_event(log.topics, log.data)
    if found is None:
        return None
    name, fields = found
    verb = verb_of_event(name)
    event = _event(verb, fields, time) if verb is not None else None
    return Seen(name, fields, event, block, log.index, log.transaction_hash)


def _event(verb: Verb, fields: _Fields, time: int) -> Event:
    by: int = fields["by"]
    if verb in SIGNINGS:
        args = fields["args"]
        kind = SIGNINGS[verb].kind
        actor = args.get("actor", 0)
        event_hash = args.get("eventHash", NO_EVENT_HASH)
    else:
        args = {name: fields[name] for name in _CHILD_FIELDS[verb]}
        kind, actor, event_hash = "unit", fields["actor"], fields["eventHash"]
    return Event(
        kind=kind,
        identity=_IDENTITIES[kind](fields),
        seq=by >> 168,
        verb=verb,
        actor=actor,
        args=args,
        event_hash=event_hash,
        signer=(by & ((1 << 160) - 1)).to_bytes(20, "big"),
        key_mode=(by >> 160) & 0xFF,
        time=time,
    )


_CHILD_FIELDS: dict[Verb, tuple[str, ...]] = {
    Verb.PACKED_INTO: ("parent", "parentSeq"),
    Verb.UNPACKED_FROM: ("parent", "parentSeq", "parentHead", "position"),
}
_IDENTITIES: dict[str, Callable[[_Fields], bytes | int]] = {
    "party": lambda f: int(f["args"].get("party", f["args"].get("actor"))),
    "batch": lambda f: int(f["batch"]),
    "lot": lambda f: int(f["lot"]),
    "unit": lambda f: bytes(f["unit"]),
    "item": lambda f: bytes(f["item"]),
    "claim": lambda f: int(f["claim"]),
    "registry": lambda _: 0,
    "log": lambda _: 0,
}
