"""What happened: one event of a subject's history, and the hash chain over all of them.

Each subject has a head; whoever knows head₀ and every event in order arrives at the head that is in
the contract's storage, so no event can be hidden, invented or redated.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from ledger.domain import ids, typed_data
from ledger.domain.ids import SubjectKind
from ledger.domain.verbs import SIGNINGS, Verb
from ledger.errors import Rejected

# Verbs that another verb records on a child; their arguments are never signed.
CHILD_ARGS: dict[Verb, str] = {
    Verb.PACKED_INTO: "PackedIntoArgs",
    Verb.UNPACKED_FROM: "UnpackedFromArgs",
}
# Which argument names the counterparty, where there is one.
COUNTERPARTIES: dict[Verb, str] = {
    Verb.SHIP: "to",
    Verb.RETURN_TO: "to",
    Verb.TAKE_BACK: "to",
    Verb.REPORT_LOST: "to",
    Verb.RECEIVE_FROM: "from",
    Verb.REPORT_EXCEPTION: "from",
    Verb.REFUSE: "from",
    Verb.WITHDRAW: "from",
}
NO_EVENT_HASH = bytes(32)


@dataclass(frozen=True)
class Event:
    """One event of one subject.

    kind, identity: whose it is (unit id or leaf as bytes; batch, party or lot number as int, 0 for
    registry and log). seq counts from 1. args: the verb's arguments as signed, by name. time: the
    block's, in unix seconds. signer: 20 bytes, with `key_mode` as KeyMode, 16 more for a device (0
    for a registry verb).
    """

    kind: SubjectKind
    identity: bytes | int
    seq: int
    verb: Verb
    actor: int
    args: Mapping[str, Any]
    event_hash: bytes
    signer: bytes
    key_mode: int
    time: int

    @property
    def counterparty(self) -> int:
        """The other party, 0 where the verb has none."""
        field = COUNTERPARTIES.get(self.verb)
        return int(self.args[field]) if field else 0

    @property
    def subject(self) -> bytes:
        """The subject's id as heads and messages name it."""
        return ids.subject(self.kind, self.identity)

    def args_hash(self) -> bytes:
        """Return the hash of the arguments as the head holds it."""
        return typed_data.hash_struct(args_struct(self.verb), self.args)

    def head_after(self, head: bytes) -> bytes:
        """Return the subject's head once this event follows `head`."""
        return ids.next_head(
            head,
            self.seq,
            self.verb,
            self.actor,
            self.counterparty,
            self.args_hash(),
            self.event_hash,
            self.signer,
            self.key_mode,
            self.time,
        )


def heads(first_head: bytes, events: Iterable[Event]) -> list[bytes]:
    """Return the head before the first event and after each, numbered 1, 2, 3 … without a gap.

    Raises Rejected BAD_HISTORY where they are not.
    """
    found = [first_head]
    for expected, event in enumerate(events, 1):
        if event.seq != expected:
            raise Rejected("BAD_HISTORY", f"Event {expected} is missing; found {event.seq}.")
        found.append(event.head_after(found[-1]))
    return found


def args_struct(verb: Verb) -> str:
    """Return the name of the struct that a verb's arguments are."""
    return CHILD_ARGS.get(verb) or f"{SIGNINGS[verb].name}Args"


def verb_of_event(name: str) -> Verb | None:
    """Return the verb that a contract event of this name records, None if it records none."""
    return _VERBS.get(name)


_VERBS: dict[str, Verb] = {signing.event: verb for verb, signing in SIGNINGS.items()} | {
    "PackedInto": Verb.PACKED_INTO,
    "UnpackedFrom": Verb.UNPACKED_FROM,
}
