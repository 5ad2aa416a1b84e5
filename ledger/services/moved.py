"""Units that move between the signing of a list and its landing, and what a relay says of them.

The contract takes heads from storage, so a list over a unit that has moved is told which head was
signed: it then skips the unit where the signature lets it, and else refuses the list by name. What
has moved is read from the node that is asked, which may be ahead of what we have followed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from eth_abi.abi import decode
from eth_abi.exceptions import DecodingError
from sqlalchemy import select
from sqlalchemy.orm import Session

from ledger.chain.account import Signature
from ledger.chain.artifact import call_data, own_layout
from ledger.chain.message import GroupMessage, ListMessage, Message
from ledger.chain.rpc import answers
from ledger.db.models import ChainEvent, ChainSkip, Relay, Submission
from ledger.domain.typed_json import from_json, to_bytes, to_json
from ledger.domain.verbs import SIGNINGS, Verb
from ledger.errors import Rejected, Unavailable
from ledger.services import capture
from ledger.services.site import Site

Json = dict[str, Any]
Signed = Message | ListMessage | GroupMessage


def taken(site: Site, message: Signed, signature: Signature) -> bytes:
    """Return the call of a signed message that the contract, asked by a call, would take now.

    Raises Rejected by the contract's names: StaleHead of a list whose signer wants none skipped, or
    of which nothing is left to move. Raises Unavailable as `capture.ask`.
    """
    if not isinstance(message, ListMessage):
        data = message.call([signature])
        capture.ask(site.rpc, site.network, site.relay.address, data)
        return data
    capture.fits(message.call([signature]))  # before a node is asked of so many units
    heads = _heads(site, message.units)
    while True:
        pairs = zip(message.heads, heads, strict=True)
        stale = [(at, signed) for at, (signed, now) in enumerate(pairs) if signed != now]
        data = message.call([signature], stale)
        try:
            capture.ask(site.rpc, site.network, site.relay.address, data)
            return data
        except Rejected:
            newer = _heads(site, message.units)
            if newer == heads:
                raise
            heads = newer  # a block came between the two questions


def kept(message: Signed, signature: Signature | None) -> Json:
    """Return what is kept, beside its call, of a list that may skip units; of all else nothing.

    It stays over the heads that were signed: over newer ones no unit would be skipped. signature:
    of a key that is not here; None where a hosted one signs again what has expired.
    """
    if not isinstance(message, ListMessage) or not message.skip_stale:
        return {}
    found: Json = {"heads": message.heads, "units": message.units, "args": message.args}
    if signature is not None:
        r, vs = signature
        found["signed"] = {"era": message.era, "deadline": message.deadline, "r": r, "vs": vs}
    told: Json = to_json(found)
    return told


def again(verb: Verb, order: Mapping[str, Any], era: int, deadline: int) -> ListMessage:
    """Return a list that may skip units, from what was kept. era, deadline: of its signature."""
    units, heads = ([to_bytes(word) for word in order[name]] for name in ("units", "heads"))
    args = from_json(f"{SIGNINGS[verb].name}Args", order["args"])
    return ListMessage(verb, units, heads, True, era, deadline, args)


def skipped(session: Session, row: Submission) -> list[bytes]:
    """Return the units of a list that the contract has skipped, by its own events, in order."""
    if row.state != "CONFIRMED" or row.order is None or "heads" not in row.order:
        return []
    relay = session.get_one(Relay, row.nonce)
    units = [to_bytes(unit) for unit in row.order["units"]]
    passed = select(ChainSkip.unit).where(
        ChainSkip.transaction_hash == relay.hash, ChainSkip.actor == row.actor
    )
    # Another list of the same transaction may have skipped what this one moved.
    moved = select(ChainEvent.identity).where(
        ChainEvent.transaction_hash == relay.hash,
        ChainEvent.event_hash == to_bytes(row.order["args"]["eventHash"]),
    )
    left = set(session.scalars(passed)) - set(session.scalars(moved))
    return [unit for unit in units if unit in left]


def _heads(site: Site, units: Sequence[bytes]) -> list[bytes]:
    """Return the heads of units as the node has them in storage, zero of one without a slot.

    Raises Unavailable LEDGER_REFUSED of a node that has no such contract, for one that is behind.
    """
    slots = [
        own_layout().place("units", unit).slot_of("head").to_bytes(32, "big") for unit in units
    ]
    call = {"to": site.network.contract, "data": "0x" + call_data("extSloads", slots).hex()}
    (told,) = answers(site.rpc, [("eth_call", (call, "latest"))])
    try:
        (words,) = decode(["bytes32[]"], to_bytes(told))
    except DecodingError:
        raise Unavailable(
            "LEDGER_REFUSED", "The ledger's node does not know the contract: let it catch up."
        ) from None
    return list(words)
