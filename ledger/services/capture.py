"""Taking in verbs: the message to sign, and the outbox row of a signed one.

A signed message, its document and its submission are one transaction: acknowledged means kept. The
contract decides whether a verb is allowed; before keeping one we ask it by a call that changes
nothing, so that a refusal reaches the caller by its name.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from ledger.chain.message import NOTHING, GroupMessage, ListMessage, Message, Parts, Shown
from ledger.chain.refusals import refusal
from ledger.chain.rpc import Rpc
from ledger.db.chain_states import ChainDelegate, ChainRegistry
from ledger.db.models import ChainEvent, ChainParty, ChainRun, Document, Submission
from ledger.domain import ids, jcs
from ledger.domain.ids import SubjectKind
from ledger.domain.keccak import keccak
from ledger.domain.typed_json import to_json
from ledger.domain.verbs import BY_QUORUM, DEVICE_ERAS, HEADLESS, RULINGS, SIGNINGS, Verb
from ledger.errors import Rejected, Unavailable
from ledger.services.network import Network

# Of a relayed transaction: above the contract's floor for any part (300,000 + 600 a byte), and the
# batch's own work. Nodes take 128 KiB and, the embedded one, 10⁸ gas: of MAX_CALL both have room.
GAS_BASE, GAS_PART, GAS_BYTE = 100_000, 400_000, 700
MAX_GAS = 90_000_000
MAX_CALL = (MAX_GAS - GAS_BASE - GAS_PART) // GAS_BYTE
CUSTODY_DEADLINE_S = 24 * 3600
RECEIPT_DEADLINE_S = 72 * 3600  # receipts are signed offline


def newest(
    session: Session, network: Network, kind: SubjectKind, identity: bytes | int
) -> tuple[int, bytes]:
    """Return (seq, head) of a subject; (0, head₀) before its first event."""
    subject = ids.subject(kind, identity)
    query = (
        select(ChainEvent.seq, ChainEvent.head)
        .where(ChainEvent.subject == subject)
        .order_by(ChainEvent.seq.desc())
        .limit(1)
    )
    row = session.execute(query).first()
    if row is None:
        return 0, ids.first_head(network.chain_id, network.address, subject)
    return row.seq, row.head


def compose(
    session: Session,
    network: Network,
    verb: Verb,
    identity: bytes | int,
    args: Mapping[str, Any],
    deadline: int,
    shown: Shown = NOTHING,
    signer: bytes | None = None,
) -> Message:
    """Return the message of a verb over its subject's newest head, to be signed.

    signer: address of the key that will sign, where that may be a device's; else the party's own.
    """
    seq, head = _signed_over(session, network, verb, identity)
    hint = 0
    if verb in (Verb.ACTIVATE, Verb.VOID, Verb.BIND_LOT):
        hint = _run_before(session, int.from_bytes(_word(identity), "big"), int(args["from"]))
    if verb in BY_QUORUM:
        era = _registry_era(session)
    else:
        era = era_of(session, int(args["actor"]), signer)
    return Message(verb, identity, head, seq, era, deadline, args, hint, shown)


def compose_list(
    session: Session,
    network: Network,
    verb: Verb,
    units: Sequence[bytes],
    args: Mapping[str, Any],
    deadline: int,
    skip_stale: bool = False,
    signer: bytes | None = None,
) -> ListMessage:
    """Return the message of one verb over several units: a despatch advice, or its receipt.

    signer: as in `compose`.
    """
    heads = [newest(session, network, "unit", unit)[1] for unit in units]
    era = era_of(session, int(args["actor"]), signer)
    return ListMessage(verb, tuple(units), tuple(heads), skip_stale, era, deadline, args)


def compose_group(
    session: Session,
    network: Network,
    unit: bytes,
    parts: Parts,
    deadline: int,
    signer: bytes | None = None,
) -> GroupMessage:
    """Return the message of consecutive verbs of one actor on one unit. signer: as in `compose`."""
    seq, head = newest(session, network, "unit", unit)
    era = era_of(session, int(parts[0][1]["actor"]), signer)
    return GroupMessage(unit, head, seq, era, deadline, tuple(parts))


def era_of(session: Session, party: int, signer: bytes | None = None) -> int:
    """Return the era of the key that signs for a party: a device of its, or its own.

    Raises Rejected UnknownParty.
    """
    row = session.get(ChainParty, party)
    if row is None:
        raise Rejected(
            "UnknownParty",
            f"Party {party} is not registered: register it, or correct the number.",
        )
    if signer in (None, row.account):
        return row.era
    device = session.get(ChainDelegate, (party, row.account, signer))
    # Of a key that is no device, the contract says what is wrong.
    return DEVICE_ERAS + device.era if device is not None else row.era


def ask(rpc: Rpc, network: Network, sender: bytes, data: bytes) -> None:
    """Ask the contract whether it would take a call. Raises Rejected by the contract's own name.

    sender: the relay's 20 bytes. Raises Rejected CALL_TOO_LARGE for one that no transaction could
    carry: kept, it would hold up all that come after it. Raises Unavailable when the node does not
    answer, or refuses for a reason of its own: that says nothing of the call.
    """
    fits(data)
    call = {"from": "0x" + sender.hex(), "to": network.contract, "data": "0x" + data.hex()}
    try:
        rpc.call("eth_call", call, "latest")
    except Rejected as error:
        if error.code != "CALL_REVERTED":
            raise Unavailable(error.code, error.message) from None
        known = refusal(bytes.fromhex(error.message.removeprefix("0x")))
        raise (known or error) from None


def fits(data: bytes) -> None:
    """Refuse a call that no transaction could carry. Raises Rejected CALL_TOO_LARGE."""
    if len(data) > MAX_CALL:
        raise Rejected(
            "CALL_TOO_LARGE",
            f"The message takes {len(data):,} bytes with its proofs, and a transaction has room"
            f" for {MAX_CALL:,}: name fewer units or items in one.",
        )


def keep(
    session: Session,
    *,
    key: str,
    brand: int,
    actor: int,
    verb: Verb,
    subject: bytes,
    data: bytes,
    asked: bytes,
    deadline: int,
    now: int,
    documents: Sequence[Mapping[str, Any]] = (),
    order: Mapping[str, Any] | None = None,
) -> Submission:
    """Put a signed call into the outbox with its documents; the same key again gives the same row.

    key: the caller's idempotency key. data: the contract call. asked: of `asked_of`. deadline, now:
    unix seconds. order: what `resign` needs to make the call anew, where it may.
    Raises Rejected KEY_REUSED when the key came with another request.
    """
    found = kept_as(session, key, verb, asked)
    if found is not None:
        return found
    for document in documents:
        keep_document(session, document, brand, now)
    row = Submission(
        key=key,
        brand=brand,
        actor=actor,
        verb=int(verb),
        subject=subject,
        data=data,
        asked=asked,
        order=dict(order) if order is not None else None,
        signings=1,
        state="QUEUED",
        deadline=deadline,
        created=now,
    )
    session.add(row)
    session.flush()
    return row


def asked_of(verb: Verb, what: Mapping[str, Any]) -> bytes:
    """Return what tells one request from another: 16 bytes of a hash over all that was asked.

    what: as `typed_json.to_json` takes it; nothing that differs when the same is asked again.
    """
    told = json.dumps({"verb": int(verb), "what": to_json(what)}, sort_keys=True)
    return keccak(told.encode())[:16]


def kept_as(session: Session, key: str, verb: Verb, asked: bytes) -> Submission | None:
    """Return what was kept under an idempotency key, None if it is new. asked: of `asked_of`.

    Raises Rejected KEY_REUSED where the key stands for another request.
    """
    found = session.scalars(select(Submission).where(Submission.key == key)).one_or_none()
    if found is not None:
        # Of what was kept before there was a hash, no more can be compared than the verb.
        same_request((found.verb, found.asked or asked), (verb, asked))
    return found


def same_request(kept: object, asked: object) -> None:
    """Refuse a key that stands for something else than what is asked under it now.

    Raises Rejected KEY_REUSED.
    """
    if kept != asked:
        raise Rejected(
            "KEY_REUSED", "The idempotency key came with another request before: use a new one."
        )


def keep_document(session: Session, document: Mapping[str, Any], brand: int, now: int) -> bytes:
    """Keep an EPCIS document and return its event hash, which is what the chain holds of it."""
    event_hash = jcs.event_hash(document)
    if session.get(Document, event_hash) is None:
        body = json.dumps(document, ensure_ascii=False, sort_keys=True)
        session.add(Document(event_hash=event_hash, brand=brand, body=body, created=now))
    return event_hash


def _signed_over(
    session: Session, network: Network, verb: Verb, identity: bytes | int
) -> tuple[int, bytes]:
    """Return (seq, head) that a verb is signed over."""
    if verb in HEADLESS:
        return 0, bytes(32)
    if verb in RULINGS and (party := session.get(ChainParty, identity)) is not None:
        return party.ruled_seq, party.ruled
    return newest(session, network, SIGNINGS[verb].kind, identity)


def _registry_era(session: Session) -> int:
    registry = session.get(ChainRegistry, 1)
    return registry.era if registry is not None else 0


def _run_before(session: Session, batch: int, first: int) -> int:
    query = (
        select(ChainRun.first)
        .where(ChainRun.batch == batch, ChainRun.first <= first)
        .order_by(ChainRun.first.desc())
        .limit(1)
    )
    found = session.scalars(query).first()
    return 0 if found is None else found + 1


def _word(identity: bytes | int) -> bytes:
    return identity if isinstance(identity, bytes) else identity.to_bytes(32, "big")
