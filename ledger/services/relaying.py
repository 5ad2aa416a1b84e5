"""Messages that a party signs with a key of its own: written for it here, relayed for it here.

The party recomputes from the message what it signs, so it need not trust who wrote it; whoever
relays can change nothing, since the contract checks the signature over all of it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ledger.chain.account import Account, Signature
from ledger.chain.message import ListMessage, Message
from ledger.db.engine import reading, transaction
from ledger.db.models import UnitName
from ledger.domain import ids, jcs, typed_data
from ledger.domain.typed_json import from_json, to_bytes, to_json
from ledger.domain.verbs import LISTS, SIGNINGS, Verb
from ledger.errors import Rejected
from ledger.services import capture
from ledger.services.act import Order, known
from ledger.services.site import Site

FORMAT = "touchstone-message/1"
RELAYED = frozenset({Verb.SHIP, Verb.RECEIVE_FROM, Verb.UNPACK, Verb.PACK})  # on units
Json = dict[str, Any]


def write(site: Site, order: Order, units: Sequence[bytes] = ()) -> Json:
    """Return the message of an order over the newest heads, for its actor to sign.

    units: for a list of several; else the order's own subject.
    """
    deadline = site.clock() + order.deadline_s
    args = order.signed_args()
    with reading(site.engine) as session:
        if len(units) > 1:
            listed = capture.compose_list(session, site.network, order.verb, units, args, deadline)
            over = {"units": listed.units, "heads": listed.heads, "era": listed.era}
        else:
            single = capture.compose(
                session, site.network, order.verb, order.identity, args, deadline, order.proofs
            )
            over = {
                "identity": single.identity,
                "head": single.head,
                "seq": single.seq,
                "era": single.era,
                "proofs": single.proofs,
            }
    found: Json = to_json(
        {
            "format": FORMAT,
            "chain_id": site.network.chain_id,
            "contract": site.network.contract,
            "verb": int(order.verb),
            "brand": order.brand,
            "deadline": deadline,
            "args": args,
            **over,
            "document": order.document,
        }
    )
    return found


def read(message: Mapping[str, Any]) -> Message | ListMessage:
    """Return a message from its JSON, all of which fits its types. Raises Rejected BAD_MESSAGE."""
    try:
        found = _read(message)
        found.struct_hash()  # raises for what does not fit
        return found
    except (
        ArithmeticError,
        AttributeError,
        LookupError,
        RecursionError,
        Rejected,
        TypeError,
        ValueError,
    ) as error:
        raise Rejected("BAD_MESSAGE", f"The message cannot be read ({error}): ask anew.") from None


def sign(message: Mapping[str, Any], account: Account) -> Json:
    """Return a message with its signature: what an agent does on its own machine.

    The caller has looked at what it signs: `message["args"]` and the units.
    """
    contract = to_bytes(message["contract"])
    separator = typed_data.domain_separator(int(message["chain_id"]), contract)
    r, vs = account.sign(typed_data.digest(separator, read(message).struct_hash()))
    return {"message": dict(message), "r": "0x" + r.hex(), "vs": "0x" + vs.hex()}


def accept(site: Site, signed: Mapping[str, Any], key: str) -> int:
    """Keep a signed message to be relayed; return the submission's id.

    key: the sender's idempotency key, among the actor's own. Raises Rejected BAD_MESSAGE,
    KEY_REUSED and the contract's names.
    """
    try:
        body = signed["message"]
        signature: Signature = (_word(signed["r"]), _word(signed["vs"]))
    except (AttributeError, KeyError, TypeError, ValueError):
        raise Rejected("BAD_MESSAGE", "Send message, r and vs, as signed.") from None
    message = read(body)
    actor = int(message.args["actor"])
    unit = message.units[0] if isinstance(message, ListMessage) else _word(body["identity"])
    subject = ids.subject("unit", unit)
    data = message.call([signature])
    # Nobody gets among another party's keys: the contract is asked who signed before one is kept.
    key = f"relay-{actor}:{key}"
    if (found := known(site, key, actor, message.verb, subject)) is not None:
        return found
    capture.ask(site.rpc, site.network, site.relay.address, data)
    with transaction(site.engine) as session:
        name = session.get(UnitName, unit)
        row = capture.keep(
            session,
            key=key,
            brand=name.brand if name else 0,
            actor=actor,
            verb=message.verb,
            subject=subject,
            data=data,
            deadline=message.deadline,
            now=site.clock(),
            document=body["document"],
        )
        return row.id


def _read(message: Mapping[str, Any]) -> Message | ListMessage:
    verb = Verb(message["verb"])
    if message["format"] != FORMAT or verb not in RELAYED:
        raise ValueError(f"verb {message['verb']} is not relayed")
    args = from_json(f"{SIGNINGS[verb].name}Args", message["args"])
    if jcs.event_hash(message["document"]) != args["eventHash"]:
        raise ValueError("the document is not the one whose hash is signed")
    era, deadline = _number(message["era"]), _number(message["deadline"])
    if "units" in message:
        units = [_word(unit) for unit in message["units"]]
        heads = [_word(head) for head in message["heads"]]
        if verb not in LISTS or not units or len(units) != len(heads):
            raise ValueError("a list has units, and a head for each")
        return ListMessage(verb, units, heads, False, era, deadline, args)
    return Message(
        verb,
        _word(message["identity"]),
        _word(message["head"]),
        _number(message["seq"]),
        era,
        deadline,
        args,
        proofs=[[_word(node) for node in proof] for proof in message["proofs"]],
    )


def _word(text: str) -> bytes:
    word = to_bytes(text)
    if len(word) != 32:
        raise ValueError("a word has 32 bytes")
    return word


def _number(value: Any) -> int:
    number = int(value)
    if not 0 <= number < 1 << 63:
        raise ValueError(f"{number} is out of range")
    return number
