"""The form `touchstone-message/1`: a message as JSON, for a party that signs with its own key."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ledger.chain.message import GroupMessage, ListMessage, Message, Shown, read_word
from ledger.domain import jcs
from ledger.domain.history import NO_EVENT_HASH
from ledger.domain.typed_json import from_json, to_json
from ledger.domain.verbs import GROUPED, LISTS, SIGNINGS, Verb
from ledger.services.moved import Signed
from ledger.services.order import Order

FORMAT = "touchstone-message/1"
RELAYED = frozenset(SIGNINGS) - {Verb.ANCHOR_SCAN_LOG}
Json = dict[str, Any]


def written(order: Order, over: Mapping[str, Any]) -> Json:
    """Return the message of an order. over: the ledger, the terms, and what it is signed over."""
    if order.then:
        verbs = [_verb(one) | {"shown": one.shown.to_json()} for one in order.group()]
        what: Json = {"parts": verbs}
    else:
        what = _verb(order)
    found: Json = to_json({"format": FORMAT, "brand": order.brand, **over, **what})
    return found


def _verb(order: Order) -> Json:
    return {"verb": int(order.verb), "args": order.signed_args(), "document": order.document}


def parse(message: Mapping[str, Any]) -> Signed:
    """Return a message from its JSON.

    Raises of all kinds where it is none: see `relaying.read`.
    """
    if message["format"] != FORMAT:
        raise ValueError(f"it is not of the form {FORMAT}")
    era, deadline = _number(message["era"]), _number(message["deadline"])
    if "parts" in message:
        return _read_group(message, era, deadline)
    verb, args = _read_verb(message, RELAYED)
    if "units" in message:
        units = [read_word(unit) for unit in message["units"]]
        heads = [read_word(head) for head in message["heads"]]
        if verb not in LISTS or not units or len(units) != len(heads):
            raise ValueError("a list has units, and a head for each")
        skip_stale = message.get("skip_stale", False)
        if not isinstance(skip_stale, bool):
            raise ValueError("skip_stale is true or false")
        return ListMessage(verb, units, heads, skip_stale, era, deadline, args)
    identity = message["identity"]
    return Message(
        verb,
        read_word(identity) if SIGNINGS[verb].kind in ("unit", "item") else _number(identity),
        read_word(message["head"]),
        _number(message["seq"]),
        era,
        deadline,
        args,
        _number(message["hint"]),
        Shown.from_json(message["shown"]),
    )


def _read_group(message: Mapping[str, Any], era: int, deadline: int) -> GroupMessage:
    parts = []
    for part in message["parts"]:
        shown = Shown.from_json(part["shown"])
        parts.append((*_read_verb(part, GROUPED), shown.proofs, shown.origins))
    if not parts:
        raise ValueError("a group has parts")
    unit, head = read_word(message["identity"]), read_word(message["head"])
    return GroupMessage(unit, head, _number(message["seq"]), era, deadline, parts)


def _read_verb(told: Mapping[str, Any], allowed: frozenset[Verb]) -> tuple[Verb, Json]:
    """Return a verb and its arguments, of which the document is the one that is told."""
    verb = Verb(told["verb"])
    if verb not in allowed:
        raise ValueError(f"verb {told['verb']} is not relayed so")
    args = from_json(f"{SIGNINGS[verb].name}Args", told["args"])
    if _event_hash(told["document"]) != args.get("eventHash", NO_EVENT_HASH):
        raise ValueError("the document is not the one whose hash is signed")
    return verb, args


def _event_hash(document: Mapping[str, Any] | None) -> bytes:
    return NO_EVENT_HASH if document is None else jcs.event_hash(document)


def _number(value: Any) -> int:
    number = int(value)
    if not 0 <= number < 1 << 63:
        raise ValueError(f"{number} is out of range")
    return number
