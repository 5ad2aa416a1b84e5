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
from ledger.chain.message import GroupMessage, ListMessage, Message, read_word
from ledger.db.engine import reading, transaction
from ledger.db.models import ChainBatch, ChainLot, UnitName
from ledger.domain import typed_data
from ledger.domain.typed_json import to_bytes
from ledger.domain.verbs import BY_QUORUM, SIGNINGS
from ledger.errors import Rejected
from ledger.services import capture, moved
from ledger.services.act import Beside, known
from ledger.services.message_form import parse, written
from ledger.services.moved import Signed
from ledger.services.order import Order
from ledger.services.site import Site

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
        if order.then:
            assert isinstance(order.identity, bytes)  # groups are of units
            group = capture.compose_group(
                session, site.network, order.identity, order.parts(), deadline, signer
            )
            over = {"identity": group.unit, "head": group.head, "seq": group.seq, "era": group.era}
        elif len(units) > 1:
            listed = capture.compose_list(
                session, site.network, order.verb, units, args, deadline, order.skip_stale, signer
            )
            over = {
                "units": listed.units,
                "heads": listed.heads,
                "skip_stale": listed.skip_stale,
                "era": listed.era,
            }
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
                "shown": order.shown.to_json(),
            }
    ledger = {"chain_id": site.network.chain_id, "contract": site.network.contract}
    return written(order, {**ledger, "deadline": deadline, **over})


def read(message: Mapping[str, Any]) -> Signed:
    """Return a message from its JSON, all of which fits its types. Raises Rejected BAD_MESSAGE."""
    try:
        found = parse(message)
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

    The caller has looked at what it signs: `message["args"]` (of a group each part's), the units.
    """
    contract = to_bytes(message["contract"])
    separator = typed_data.domain_separator(int(message["chain_id"]), contract)
    r, vs = account.sign(typed_data.digest(separator, read(message).struct_hash()))
    return {"message": dict(message), "r": "0x" + r.hex(), "vs": "0x" + vs.hex()}


def accept(
    site: Site,
    signed: Mapping[str, Any],
    key: str,
    brand: int | None = None,
    beside: Beside | None = None,
) -> int:
    """Keep a signed message to be relayed; return the submission's id.

    signed: as `sign` returns it. key: the sender's idempotency key, among the actor's own. brand:
    whose goods it is about, None where that is to be found out. Raises Rejected BAD_MESSAGE,
    KEY_REUSED and the contract's names.
    """
    message = read_signed(signed)
    try:
        signature = _signature(signed)
    except (AttributeError, KeyError, TypeError, ValueError):
        raise _not_signed() from None
    if message.verb in BY_QUORUM:
        raise Rejected("BAD_MESSAGE", "A quorum signs this: send it with all its signatures.")
    # Nobody gets among another party's keys: the contract is asked who signed before one is kept.
    actor = int(message.args["actor"])
    key = key_of(actor, key)
    # The call as it was signed: what has moved since does not make it another request.
    asked = capture.asked_of(message.verb, {"data": message.call([signature])})
    if (found := known(site, key, message.verb, asked)) is not None:
        return found
    data = moved.taken(site, message, signature)
    order = moved.kept(message, signature) or None
    body = signed["message"]
    documents = [one["document"] for one in body.get("parts", [body])]
    return _keep(site, message, data, asked, documents, actor, key, brand, order, beside)


def read_signed(signed: Mapping[str, Any]) -> Signed:
    """Return the message of what `sign` returned. Raises Rejected BAD_MESSAGE."""
    try:
        message = signed["message"]
    except (KeyError, TypeError):
        raise _not_signed() from None
    return read(message)


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
    if not isinstance(message, Message) or message.verb not in BY_QUORUM:
        raise Rejected("BAD_MESSAGE", "No quorum signs this: send it with its party's signature.")
    digest = typed_data.digest(site.network.domain, message.struct_hash())
    data = message.call(_ascending(digest, signed), _ascending(digest, accepted))
    party = int(message.args.get("party", 0))
    return keep(site, message, data, body["document"], party, key)


def keep(
    site: Site,
    message: Message,
    data: bytes,
    document: Mapping[str, Any] | None,
    actor: int,
    key: str,
    asked: bytes | None = None,
) -> int:
    """Keep the call of a decision that the contract would take; return the submission's id.

    asked: of `capture.asked_of`; None where it comes signed: another signature is another request.
    Raises as `accept`.
    """
    asked = asked or capture.asked_of(message.verb, {"data": data})
    key = key_of(actor, key)
    if (found := known(site, key, message.verb, asked)) is not None:
        return found
    capture.ask(site.rpc, site.network, site.relay.address, data)
    return _keep(site, message, data, asked, [document], actor, key)


def key_of(actor: int, key: str) -> str:
    """Return under which idempotency key a message is kept: nobody gets among another's keys."""
    return f"relay-{actor}:{key}"


def _keep(
    site: Site,
    message: Signed,
    data: bytes,
    asked: bytes,
    documents: Sequence[Mapping[str, Any] | None],
    actor: int,
    key: str,
    brand: int | None = None,
    order: Json | None = None,
    beside: Beside | None = None,
) -> int:
    with transaction(site.engine) as session:
        row = capture.keep(
            session,
            key=key,
            brand=_brand_of(session, message) if brand is None else brand,
            actor=actor,
            verb=message.verb,
            subject=message.subject,
            data=data,
            asked=asked,
            deadline=message.deadline,
            now=site.clock(),
            documents=[document for document in documents if document is not None],
            order=order,
        )
        if beside is not None:
            beside(session)
        return row.id


def _not_signed() -> Rejected:
    return Rejected("BAD_MESSAGE", "Send message, r and vs, as signed.")


def _signature(signed: Mapping[str, Any]) -> Signature:
    return read_word(signed["r"]), read_word(signed["vs"])


def _ascending(digest: bytes, signed: Sequence[Mapping[str, Any]]) -> list[Signature]:
    """Return signatures by rising signer, as the contract takes them."""
    try:
        signatures = [_signature(one) for one in signed]
    except (KeyError, TypeError, ValueError):
        raise _not_signed() from None
    return sorted(signatures, key=lambda signature: recover(digest, signature) or b"")


def _brand_of(session: Session, message: Signed) -> int:
    """Return whose goods a message is about, 0 for nobody's."""
    if not isinstance(message, Message) or isinstance(message.identity, bytes):
        unit = _unit_of(message)
        name = session.get(UnitName, unit)
        batch = session.get(ChainBatch, message.args.get("batch", 0))
        return name.brand if name else batch.brand if batch else 0
    if SIGNINGS[message.verb].kind == "lot":
        lot = session.get(ChainLot, message.identity)
        return lot.brand if lot else 0
    return int(message.args.get("actor", 0))  # a brand on its own batches, a party on itself


def _unit_of(message: Signed) -> bytes | int:
    if isinstance(message, ListMessage):
        return message.units[0]
    return message.unit if isinstance(message, GroupMessage) else message.identity
