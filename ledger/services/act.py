"""Carrying out a verb from here: compose, sign with a key at hand, ask the contract, keep.

The same request under the same idempotency key again returns the first submission, whatever has
happened since; another request under a used key is refused.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from ledger.chain.account import Account, Signature
from ledger.chain.message import GroupMessage, ListMessage, Message
from ledger.db.engine import reading, transaction
from ledger.db.models import Submission
from ledger.domain import ids, typed_data
from ledger.domain.verbs import SIGNINGS, Verb
from ledger.errors import Rejected, Unavailable
from ledger.services import capture, moved
from ledger.services.moved import Signed
from ledger.services.order import Order
from ledger.services.site import Site

MAX_SIGNINGS = 10  # of one submission; then a person looks at what moves its subject
FOLLOW_S = 5.0  # that the follower may be behind the node

Beside = Callable[[Session], None]
"""Own rows that go into the same transaction as the submission."""


def act(
    site: Site, order: Order, signer: Account | None = None, beside: Beside | None = None
) -> int:
    """Sign and keep one verb, or a group; return the submission's id.

    signer: the party's own key, or a device's; None takes the hosted one. Raises Rejected by the
    contract's name, NOT_HOSTED, KEY_REUSED, Unavailable LEDGER_UNREACHABLE.
    """
    if (found := known(site, order.key, order.verb, order.asked())) is not None:
        return found
    return _keep(site, order, (), _composer(site, order, signer), signer, beside)


def act_on_list(
    site: Site,
    order: Order,
    units: Sequence[bytes],
    signer: Account | None = None,
) -> int:
    """Sign and keep one verb over several units (ship, receiveFrom); as `act`."""
    if (found := known(site, order.key, order.verb, order.asked(units))) is not None:
        return found
    args = order.signed_args()

    def compose() -> ListMessage:
        deadline = site.clock() + order.deadline_s
        with reading(site.engine) as session:
            return capture.compose_list(
                session,
                site.network,
                order.verb,
                units,
                args,
                deadline,
                order.skip_stale,
                _address(signer),
            )

    return _keep(site, order, units, compose, signer, None)


def act_many(
    site: Site,
    orders: Sequence[Order],
    signer: Account | None,
    beside: Callable[[Session, Sequence[int]], None],
) -> list[int | Rejected]:
    """Sign and keep verbs, each for itself; return the submission's id of each, or why not.

    Those that are accepted are kept in one transaction with what `beside` does for them; it is
    given their places in `orders`. Arguments otherwise as `act`, whose errors of one verb are told
    in its place; others are raised.
    """
    results: list[int | Rejected] = []
    fresh: list[tuple[int, _Ready]] = []
    for at, order in enumerate(orders):
        try:
            found = known(site, order.key, order.verb, order.asked())
            if found is None:
                compose = _composer(site, order, signer)
                fresh.append((at, _signed(site, compose, signer or site.signer(order.actor))))
            results.append(found or 0)
        except Rejected as error:
            results.append(error)
    if not fresh:
        return results
    with transaction(site.engine) as session:
        for at, ready in fresh:
            results[at] = _put(site, session, orders[at], (), ready, hosted=signer is None).id
        beside(session, [at for at, _ in fresh])
    return results


def sign(site: Site, message: Signed, signer: Account) -> Signature:
    """Return a key's signature of a message for this ledger."""
    return signer.sign(typed_data.digest(site.network.domain, message.struct_hash()))


def state_of(site: Site, submission: int) -> Submission:
    """Return a submission. Raises Rejected UNKNOWN_SUBMISSION."""
    with reading(site.engine) as session:
        row = session.get(Submission, submission)
    if row is None:
        raise Rejected("UNKNOWN_SUBMISSION", f"There is no submission {submission}.")
    return row


def settled(site: Site, submissions: Sequence[int], timeout: float = 60.0) -> None:
    """Wait until the chain has answered. Raises Rejected by the contract's name where it refused.

    timeout: real seconds; Unavailable NOT_SETTLED after it (nothing is lost, the worker goes on).
    """
    end = time.monotonic() + timeout
    waiting = set(submissions)
    while waiting:
        with reading(site.engine) as session:
            rows = session.scalars(select(Submission).where(Submission.id.in_(waiting))).all()
        for row in rows:
            if is_refused(row):
                raise Rejected(row.error or "Unknown", row.detail or "The contract refused it.")
            if row.state == "CONFIRMED":
                waiting.discard(row.id)
        if waiting and time.monotonic() > end:
            raise Unavailable(
                "NOT_SETTLED",
                f"{len(waiting)} submissions wait for the chain: check that node and worker run.",
            )
        if waiting:
            time.sleep(0.02)


def is_refused(row: Submission) -> bool:
    """Say whether a submission was refused for good: nothing that it signed can be carried out."""
    return row.state == "REJECTED" or asks_a_person(row)


def asks_a_person(row: Submission) -> bool:
    """Say whether a submission waits for a signature that no key hosted here will give."""
    taken_back = row.error == "EraCancelled"  # all that the key had signed: by its own wish
    given_up = row.signings >= MAX_SIGNINGS or taken_back
    return row.state == "NEEDS_SIGNATURE" and (given_up or _is_signed_elsewhere(row))


def _is_signed_elsewhere(row: Submission) -> bool:
    if row.order is None:
        return True
    # What was signed of a list that may skip units is as good as before, until its deadline.
    return "signed" in row.order and row.error != "StaleHead"


def known(site: Site, key: str, verb: Verb, asked: bytes) -> int | None:
    """Return the submission that an idempotency key stands for, None if it is new.

    asked: of `capture.asked_of`. Raises Rejected KEY_REUSED when the key stands for something else.
    """
    with reading(site.engine) as session:
        found = capture.kept_as(session, key, verb, asked)
    return None if found is None else found.id


@dataclass(frozen=True)
class _Ready:
    """A signed message, and the call of it that the contract would take."""

    message: Signed
    signature: Signature
    data: bytes


def _composer(
    site: Site, order: Order, signer: Account | None
) -> Callable[[], Message | GroupMessage]:
    what = (order.verb, order.identity, order.signed_args())

    def compose() -> Message | GroupMessage:
        deadline = site.clock() + order.deadline_s
        with reading(site.engine) as session:
            if order.then:
                assert isinstance(order.identity, bytes)  # groups are of units
                return capture.compose_group(
                    session,
                    site.network,
                    order.identity,
                    order.parts(),
                    deadline,
                    _address(signer),
                )
            return capture.compose(
                session, site.network, *what, deadline, order.shown, _address(signer)
            )

    return compose


def _put(
    site: Site,
    session: Session,
    order: Order,
    units: Sequence[bytes],
    ready: _Ready,
    *,
    hosted: bool,
) -> Submission:
    """Keep a signed order; units: of a list. hosted: its key is here, and may sign it again."""
    again = order.to_json(units) if hosted else {}
    again |= moved.kept(ready.message, None if hosted else ready.signature)
    identity = units[0] if units else order.identity
    return capture.keep(
        session,
        key=order.key,
        brand=order.brand,
        actor=order.actor,
        verb=order.verb,
        subject=ids.subject(SIGNINGS[order.verb].kind, identity),
        data=ready.data,
        asked=order.asked(units),
        deadline=ready.message.deadline,
        now=site.clock(),
        documents=[one.document for one in order.group() if one.document is not None],
        order=again or None,
    )


def _keep(
    site: Site,
    order: Order,
    units: Sequence[bytes],
    compose: Callable[[], Signed],
    signer: Account | None,
    beside: Beside | None,
) -> int:
    ready = _signed(site, compose, signer or site.signer(order.actor))
    with transaction(site.engine) as session:
        row = _put(site, session, order, units, ready, hosted=signer is None)
        if beside is not None:
            beside(session)
        return row.id


def _address(signer: Account | None) -> bytes | None:
    return None if signer is None else signer.address


def _signed(site: Site, compose: Callable[[], Signed], signer: Account) -> _Ready:
    """Sign a message that the contract would take now.

    The chain may be a block ahead of what we have followed: then its answer is StaleHead, and what
    was meant is signed over the newer head as soon as we have it.
    """
    end = time.monotonic() + FOLLOW_S
    while True:
        message = compose()
        signature = sign(site, message, signer)
        try:
            return _Ready(message, signature, moved.taken(site, message, signature))
        except Rejected as error:
            if error.code != "StaleHead" or time.monotonic() > end:
                raise
        time.sleep(0.02)
