"""Signing again: what went stale on its way is signed over the new head by a key hosted here.

Acknowledged means kept, not carried out. A party with a key of its own is asked instead: its
submission stays NEEDS_SIGNATURE until it sends a new one. A list that may skip units needs no other
signature for those that have moved: the contract is told of them anew.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import select

from ledger.chain.message import Shown
from ledger.chain.refusals import NEEDS_SIGNATURE
from ledger.db.engine import reading, transaction
from ledger.db.models import Submission
from ledger.domain.typed_json import from_json, to_bytes
from ledger.domain.verbs import SIGNINGS, Verb
from ledger.errors import Rejected
from ledger.services import capture, moved
from ledger.services.act import asks_a_person, sign
from ledger.services.moved import Signed
from ledger.services.site import Site

_SIGNED_ANEW = frozenset({"DeadlinePassed", "EraCancelled"})  # by a key that is not here


def sign_again(site: Site) -> int:
    """Sign stale submissions of hosted keys again; return how many are queued or refused now.

    A refusal by the contract settles the submission with the contract's name for it. One of a
    subject at a time: of two over one head the second could only be stale once more.
    """
    with reading(site.engine) as session:
        rows = session.scalars(
            select(Submission)
            .where(
                Submission.state == "NEEDS_SIGNATURE",
                Submission.verb != int(Verb.ANCHOR_SCAN_LOG),  # the next heartbeat says more
            )
            .order_by(Submission.id)
        ).all()
        under_way = select(Submission.subject).where(Submission.state.in_(("QUEUED", "SENT")))
        busy = set(session.scalars(under_way)) if rows else set()
    moved_on = 0
    for row in rows:
        if row.subject not in busy and not asks_a_person(row) and _sign_again(site, row):
            busy.add(row.subject)
            moved_on += 1
    return moved_on


def _sign_again(site: Site, row: Submission) -> bool:
    assert row.order is not None
    given = row.order.get("signed")
    try:
        message = _message(site, row)
        if given:
            signature = to_bytes(given["r"]), to_bytes(given["vs"])
        else:
            signature = sign(site, message, site.signer(row.actor))
        data = moved.taken(site, message, signature)
    except Rejected as error:
        if given and error.code in _SIGNED_ANEW:
            return _update(site, row.id, error=error.code, detail=error.message)
        if error.code in NEEDS_SIGNATURE and "heads" not in row.order:
            return False  # another of the same subject is on its way: its turn comes
        return _update(site, row.id, state="REJECTED", error=error.code, detail=error.message)
    # If we die before this commit it is signed again, over the same head or a newer one.
    return _update(
        site,
        row.id,
        state="QUEUED",
        data=data,
        deadline=message.deadline,
        signings=row.signings + 1,
        nonce=None,
        part=None,
        error=None,
        detail=None,
        settled=None,
        block=None,
    )


def _message(site: Site, row: Submission) -> Signed:
    verb, order = Verb(row.verb), row.order
    assert order is not None
    if "signed" in order:
        return moved.again(verb, order, order["signed"]["era"], order["signed"]["deadline"])
    deadline = site.clock() + int(order["deadline_s"])
    with reading(site.engine) as session:
        if "heads" in order:
            return moved.again(verb, order, capture.era_of(session, row.actor), deadline)
        args, shown = _part(verb, order)
        if order["units"]:
            units = [to_bytes(unit) for unit in order["units"]]
            return capture.compose_list(session, site.network, verb, units, args, deadline)
        identity = order["identity"]
        subject = to_bytes(identity) if isinstance(identity, str) else int(identity)
        if then := order.get("then"):  # not in what was kept before there were groups
            parts = [(verb, args, shown.proofs, shown.origins)]
            for one in then:
                args, shown = _part(Verb(one["verb"]), one)
                parts.append((Verb(one["verb"]), args, shown.proofs, shown.origins))
            assert isinstance(subject, bytes)
            return capture.compose_group(session, site.network, subject, parts, deadline)
        return capture.compose(session, site.network, verb, subject, args, deadline, shown)


def _part(verb: Verb, kept: Mapping[str, Any]) -> tuple[dict[str, Any], Shown]:
    """Return the arguments of a verb and what is shown with it, from what was kept."""
    args = from_json(f"{SIGNINGS[verb].name}Args", kept["args"])
    return args, Shown.from_json(kept["shown"])


def _update(site: Site, submission: int, **values: object) -> bool:
    with transaction(site.engine) as session:
        row = session.get(Submission, submission)
        assert row is not None  # submissions are never deleted
        for name, value in values.items():
            setattr(row, name, value)
    return True
