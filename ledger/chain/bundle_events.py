"""Events in proof files: read by the types of each verb's arguments, and written.

An event's `args` are those that were signed, less the two that the event itself says: `actor` and
`eventHash`. Types up to uint32 are numbers, wider ones decimal strings, bytes and addresses 0x hex.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

from ledger.chain.strict_json import Node
from ledger.domain import ids
from ledger.domain.history import CHILD_ARGS, Event, args_struct, heads
from ledger.domain.ids import SubjectKind
from ledger.domain.typed_data import STRUCTS
from ledger.domain.verbs import SIGNINGS, Verb
from ledger.errors import Rejected

_FROM_EVENT = ("actor", "eventHash")
_EVENTS, _LIST = 10_000, 10_000
_SIZES = {"bytes32": 32, "address": 20}


_NUMBERED: dict[SubjectKind, int] = {
    "registry": 0,
    "party": 64,
    "batch": 31,
    "lot": 32,
    "claim": 63,
    "log": 0,
}
"""Kinds whose identity is a number, and its bits; the others have 32 bytes."""


@dataclass(frozen=True)
class History:
    """Events of one subject from its first on. identity: as `ids.subject` takes it."""

    kind: SubjectKind
    identity: bytes | int
    events: tuple[Event, ...]

    def heads(self, chain_id: int, contract: bytes) -> list[bytes]:
        """Return the subject's head before its first event and after each, on one ledger.

        contract: 20 bytes. Raises Rejected BAD_HISTORY where the events are not numbered 1, 2, 3 …
        """
        subject = ids.subject(self.kind, self.identity)
        return heads(ids.first_head(chain_id, contract, subject), self.events)


def read_history(node: Node) -> History:
    """Return the history in a bundle. Raises Rejected BAD_EVENT, and as Node does."""
    part = node.members(("kind", "id", "events"))
    kind, identity = read_subject(part["kind"], part["id"], ("batch", "unit"))
    return History(kind, identity, read_events(part["events"], kind, identity, _EVENTS))


def read_subject(
    kind: Node, identity: Node, kinds: Sequence[SubjectKind]
) -> tuple[SubjectKind, bytes | int]:
    """Return a subject of one of these kinds. Raises Rejected as Node does."""
    name = cast(SubjectKind, kind.text("|".join(kinds)))
    if name in _NUMBERED:
        return name, identity.decimal(_NUMBERED[name])
    return name, identity.data(32)


def read_events(
    node: Node, kind: SubjectKind, identity: bytes | int, most: int
) -> tuple[Event, ...]:
    """Return a subject's events, at most `most`. Raises Rejected BAD_EVENT, and as Node does."""
    return tuple(_event(item, kind, identity) for item in node.items(most))


def write_history(events: Sequence[Event]) -> dict[str, Any]:
    """Return the history of one subject, which has events, as a bundle holds it."""
    return {
        "kind": events[0].kind,
        "id": write_identity(events[0].identity),
        "events": [write_event(event) for event in events],
    }


def write_identity(identity: bytes | int) -> str:
    """Return a subject's identity as a file holds it."""
    return str(identity) if isinstance(identity, int) else "0x" + identity.hex()


def _event(node: Node, kind: SubjectKind, identity: bytes | int) -> Event:
    names = ("seq", "verb", "actor", "args", "event_hash", "signer", "key_mode", "time")
    part = node.members(names)
    verb = _verb(part["verb"], kind)
    actor, event_hash = part["actor"].decimal(), part["event_hash"].data(32)
    fields = argument_types(verb)
    own = part["args"].members([name for _, name in fields if name not in _FROM_EVENT])
    said_once = {"actor": actor, "eventHash": event_hash}
    return Event(
        kind=kind,
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


def _verb(node: Node, kind: SubjectKind) -> Verb:
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
    if kind in _SIZES:
        return node.data(_SIZES[kind])
    bits = int(kind.removeprefix("uint"))
    return node.uint((1 << bits) - 1) if bits <= 32 else node.decimal(bits)


def _write(kind: str, value: Any) -> Any:
    if kind.endswith("[]"):
        return [_write(kind[:-2], item) for item in value]
    if kind in STRUCTS:
        return {name: _write(type_, value[name]) for type_, name in STRUCTS[kind]}
    if kind in _SIZES:
        return "0x" + value.hex()
    return value if int(kind.removeprefix("uint")) <= 32 else str(value)


def write_event(event: Event) -> dict[str, Any]:
    """Return an event as a file holds it."""
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
    return STRUCTS[args_struct(verb)]
