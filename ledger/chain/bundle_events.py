"""Events in a proof bundle: read by the types of each verb's arguments, and written.

An event's `args` are those that were signed, less the two that the event itself says: `actor` and
`eventHash`. Types up to uint32 are numbers, wider ones decimal strings, bytes 0x hex.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ledger.chain.strict_json import Node
from ledger.domain.history import CHILD_ARGS, Event
from ledger.domain.typed_data import STRUCTS
from ledger.domain.verbs import SIGNINGS, Verb
from ledger.errors import Rejected

_FROM_EVENT = ("actor", "eventHash")
_EVENTS, _LIST = 10_000, 10_000


@dataclass(frozen=True)
class History:
    """Events of one subject from its first on. identity: batch number, or unit id."""

    kind: str
    identity: bytes | int
    events: tuple[Event, ...]


def read_history(node: Node) -> History:
    """Return the history in a bundle. Raises Rejected BAD_EVENT, and as Node does."""
    part = node.members(("kind", "id", "events"))
    kind = part["kind"].text("batch|unit")
    identity: bytes | int = part["id"].data(32) if kind == "unit" else int(part["id"].decimal(31))
    events = tuple(_event(item, kind, identity) for item in part["events"].items(_EVENTS))
    return History(kind, identity, events)


def _event(node: Node, kind: str, identity: bytes | int) -> Event:
    names = ("seq", "verb", "actor", "args", "event_hash", "signer", "key_mode", "time")
    part = node.members(names)
    verb = _verb(part["verb"], kind)
    actor, event_hash = part["actor"].decimal(), part["event_hash"].data(32)
    fields = argument_types(verb)
    own = part["args"].members([name for _, name in fields if name not in _FROM_EVENT])
    said_once = {"actor": actor, "eventHash": event_hash}
    return Event(
        kind="unit" if kind == "unit" else "batch",
        identity=identity,
        seq=part["seq"].uint((1 << 32) - 1),
        verb=verb,
        actor=actor,
        args={
            name: said_once[name] if name in _FROM_EVENT else _read(type_, own[name])
            for type_, name in fields
        },
        event_hash=event_hash,
        signer=part["signer"].data(20),
        key_mode=part["key_mode"].uint(255),
        time=part["time"].uint(),
    )


def _verb(node: Node, kind: str) -> Verb:
    number = node.uint(255)
    for verb, signing in SIGNINGS.items():
        if verb == number and signing.kind == kind:
            return verb
    if kind == "unit" and number in CHILD_ARGS:
        return Verb(number)
    raise Rejected("BAD_EVENT", f"{node.path}: no {kind} has an event of verb {number}.")


def _read(kind: str, node: Node) -> Any:
    """Read one argument by its Solidity type."""
    if kind.endswith("[]"):
        return [_read(kind[:-2], item) for item in node.items(_LIST)]
    if kind in STRUCTS:
        part = node.members([name for _, name in STRUCTS[kind]])
        return {name: _read(type_, part[name]) for type_, name in STRUCTS[kind]}
    if kind == "bytes32":
        return node.data(32)
    bits = int(kind.removeprefix("uint"))
    return node.uint((1 << bits) - 1) if bits <= 32 else node.decimal(bits)


def _write(kind: str, value: Any) -> Any:
    if kind.endswith("[]"):
        return [_write(kind[:-2], item) for item in value]
    if kind in STRUCTS:
        return {name: _write(type_, value[name]) for type_, name in STRUCTS[kind]}
    if kind == "bytes32":
        return "0x" + value.hex()
    return value if int(kind.removeprefix("uint")) <= 32 else str(value)


def write_event(event: Event) -> dict[str, Any]:
    """Return an event as a bundle holds it."""
    return {
        "seq": event.seq,
        "verb": int(event.verb),
        "actor": str(event.actor),
        "args": {
            name: _write(kind, event.args[name])
            for kind, name in argument_types(event.verb)
            if name not in _FROM_EVENT
        },
        "event_hash": "0x" + event.event_hash.hex(),
        "signer": "0x" + event.signer.hex(),
        "key_mode": event.key_mode,
        "time": event.time,
    }


def argument_types(verb: Verb) -> tuple[tuple[str, str], ...]:
    """Return (type, name) of a verb's arguments."""
    return STRUCTS[CHILD_ARGS.get(verb) or f"{SIGNINGS[verb].name}Args"]
