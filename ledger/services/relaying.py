"""Messages that a party signs with a key of its own: written for it here, relayed for it here.

The party recomputes from the message what it signs, so it need not trust who wrote it; whoever
relays can change nothing, since the contract checks the signature over all of it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from eth_abi.exceptions import EncodingError
from sqlalchemy.orm import Session

from ledger.chain.account import Account, Signature, recover
from ledger.chain.message import ListMessage, Message, Shown
from ledger.db.engine import reading, transaction
from ledger.db.models import ChainBatch, ChainLot, UnitName
from ledger.domain import ids, jcs, typed_data
from ledger.domain.history import NO_EVENT_HASH
from ledger.domain.typed_json import from_json, to_bytes, to_json
from ledger.domain.verbs import BY_QUORUM, LISTS, SIGNINGS, Verb
from ledger.errors import Rejected
from ledger.services import capture
from ledger.services.act import Order, known
from ledger.services.site import Site

FORMAT = "touchstone-message/1"
RELAYED = frozenset(SIGNINGS) - {Verb.ANCHOR_SCAN_LOG}
Json = dict[str, Any]


def write(
    site: Site, order: Order, units: Sequence[bytes] = (), signer: bytes | None = None
) -> Json:
    """Return the message of an order over the newest heads, for its actor (or a quorum) to sign.

    units: for a list of several; else the order's own subject. signer: address of the key that
    will sign, where that is a device of the actor's.
    """
    deadline = site.clock() + order.deadline_s
    args = order.signed_args()
    with reading(site.engine) as session:
        if len(units) > 1:
            listed = capture.compose_list(
                session, site.network, order.verb, units, args, deadline, signer=signer
            )
            over = {"units": listed.units, "heads": listed.heads, "era": listed.era}
        else:
            single = capture.compose(
                session,
                site.network,
                order.verb,
                order.identity,
                args,
                deadline,
                order.shown,
                signer,
            )
            over = {
                "identity": single.identity,
                "head": single.head,
                "seq": single.seq,
                "era": single.era,
                "hint": single.hint,
                "shown": single.shown.to_json(),
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
        found.struct_hash()  # these raise for what does not fit
        found.call([(bytes(32), bytes(32))])
        return found
    except (
        ArithmeticError,
        AttributeError,
        EncodingError,
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

    signed: as `sign` returns it. key: the sender's idempotency key, among the actor's own. Raises
    Rejected BAD_MESSAGE, KEY_REUSED and the contract's names.
    """
    try:
        body = signed["message"]
        signature = _signature(signed)
    except (AttributeError, KeyError, TypeError, ValueError):
        raise Rejected("BAD_MESSAGE", "Send message, r and vs, as signed.") from None
    message = read(body)
    if message.verb in BY_QUORUM:
        raise Rejected("BAD_MESSAGE", "A quorum signs this: send it with all its signatures.")
    # Nobody gets among another party's keys: the contract is asked who signed before one is kept.
    actor = int(message.args["actor"])
    return keep(site, message, message.call([signature]), body["document"], actor, key)


def accept_ruling(
    site: Site,
    signed: Sequence[Mapping[str, Any]],
    key: str,
    accepted: Sequence[Mapping[str, Any]] = (),
) -> int:
    """Keep what admins have signed one by one to be relayed; return the submission's id.

    signed: of each what `sign` returned, all of one message. accepted: likewise of the new admins,
    for setAdmins. Raises as `accept`.
    """
    if not signed or any(other["message"] != signed[0]["message"] for other in signed):
        raise Rejected("BAD_MESSAGE", "Give signatures of one and the same message.")
    body = signed[0]["message"]
    message = read(body)
    if isinstance(message, ListMessage) or message.verb not in BY_QUORUM:
        raise Rejected("BAD_MESSAGE", "No quorum signs this: send it with its party's signature.")
    digest = typed_data.digest(site.network.domain, message.struct_hash())
    data = message.call(_ascending(digest, signed), _ascending(digest, accepted))
    party = int(message.args.get("party", 0))
    return keep(site, message, data, body["document"], party, key)


def keep(
    site: Site,
    message: Message | ListMessage,
    data: bytes,
    document: Mapping[str, Any] | None,
    actor: int,
    key: str,
    asked: bytes | None = None,
) -> int:
    """Keep a call that the contract would take; return the submission's id. Raises as `accept`.

    asked: of `capture.asked_of`; None where it comes signed: another signature is another request.
    """
    asked = asked or capture.asked_of(message.verb, {"data": data})
    if isinstance(message, ListMessage):
        subject = ids.subject("unit", message.units[0])
    else:
        subject = message.subject
    key = f"relay-{actor}:{key}"
    if (found := known(site, key, message.verb, asked)) is not None:
        return found
    capture.ask(site.rpc, site.network, site.relay.address, data)
    with transaction(site.engine) as session:
        row = capture.keep(
            session,
            key=key,
            brand=_brand_of(session, message),
            actor=actor,
            verb=message.verb,
            subject=subject,
            data=data,
            asked=asked,
            deadline=message.deadline,
            now=site.clock(),
            document=document,
        )
        return row.id


def _signature(signed: Mapping[str, Any]) -> Signature:
    return _word(signed["r"]), _word(signed["vs"])


def _ascending(digest: bytes, signed: Sequence[Mapping[str, Any]]) -> list[Signature]:
    """Return signatures by rising signer, as the contract takes them."""
    try:
        signatures = [_signature(one) for one in signed]
    except (KeyError, TypeError, ValueError):
        raise Rejected("BAD_MESSAGE", "Send message, r and vs, as signed.") from None
    return sorted(signatures, key=lambda signature: recover(digest, signature) or b"")


def _brand_of(session: Session, message: Message | ListMessage) -> int:
    """Return whose goods a message is about, 0 for nobody's."""
    if isinstance(message, ListMessage) or isinstance(message.identity, bytes):
        unit = message.units[0] if isinstance(message, ListMessage) else message.identity
        name = session.get(UnitName, unit)
        batch = session.get(ChainBatch, message.args.get("batch", 0))
        return name.brand if name else batch.brand if batch else 0
    if SIGNINGS[message.verb].kind == "lot":
        lot = session.get(ChainLot, message.identity)
        return lot.brand if lot else 0
    return int(message.args.get("actor", 0))  # a brand on its own batches, a party on itself


def _read(message: Mapping[str, Any]) -> Message | ListMessage:
    verb = Verb(message["verb"])
    if message["format"] != FORMAT or verb not in RELAYED:
        raise ValueError(f"verb {message['verb']} is not relayed")
    args = from_json(f"{SIGNINGS[verb].name}Args", message["args"])
    if _event_hash(message["document"]) != args.get("eventHash", NO_EVENT_HASH):
        raise ValueError("the document is not the one whose hash is signed")
    era, deadline = _number(message["era"]), _number(message["deadline"])
    if "units" in message:
        units = [_word(unit) for unit in message["units"]]
        heads = [_word(head) for head in message["heads"]]
        if verb not in LISTS or not units or len(units) != len(heads):
            raise ValueError("a list has units, and a head for each")
        return ListMessage(verb, units, heads, False, era, deadline, args)
    identity = message["identity"]
    return Message(
        verb,
        _word(identity) if SIGNINGS[verb].kind in ("unit", "item") else _number(identity),
        _word(message["head"]),
        _number(message["seq"]),
        era,
        deadline,
        args,
        _number(message["hint"]),
        Shown.from_json(message["shown"]),
    )


def _event_hash(document: Mapping[str, Any] | None) -> bytes:
    return NO_EVENT_HASH if document is None else jcs.event_hash(document)


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
