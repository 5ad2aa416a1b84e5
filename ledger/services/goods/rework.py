"""Rework: goods that leave a case again, and what becomes of their codes.

All of it is the ledger's own verbs, one after the other, each waiting for the one before: unpack
down to what is meant, then decommission or void, then pack anew. Whatever leaves a unit gets a slot
of its own, so packing it again is no second membership. Each step has its own idempotency key, made
from the caller's: after a kill the same call goes on where it stopped.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from ledger.chain.account import Account
from ledger.db.engine import reading
from ledger.db.models import ChainUnit, LotName, Submission, UnitName
from ledger.domain import ids
from ledger.domain.contents import Codes
from ledger.domain.verbs import SIGNINGS, Verb
from ledger.errors import Rejected
from ledger.services import items, runs
from ledger.services.act import act, settled
from ledger.services.goods import unpacking
from ledger.services.goods.packed import load
from ledger.services.goods.packing import Box, pack
from ledger.services.goods.packing_checks import Rule, rule_of
from ledger.services.goods.whereabouts import Way, way_of_box, way_of_item
from ledger.services.lookup import Item
from ledger.services.site import Site

REASON = "touchstone:reason"
INSIDE = 3  # state of a unit
MOST = 60  # children that leave in one verb: each takes some 140,000 gas
MAX_REASON = 200
DESTROYED, VOID, FREE = "destroyed", "void", "free"
REJECTS = (DESTROYED, VOID, FREE)


@dataclass(frozen=True)
class Done:
    """What was done. left: units that what is meant was taken out of, from outside in; code: what
    its code is now."""

    unit: bytes
    left: tuple[bytes, ...]
    submissions: tuple[int, ...]
    code: str | None = None


def reject(
    site: Site,
    actor: int,
    link: str,
    reason: str,
    key: str,
    becomes: str | None = None,
    signer: Account | None = None,
) -> Done:
    """Take one item out of all that is around it, and say what its code is from now on.

    becomes: destroyed (decommissioned), void (the code is good for nothing, by its brand), free (it
    may be packed again); None asks the brand's rule. Raises Rejected BAD_REASON, BAD_REJECT,
    NOT_IN_UNIT, as `items.find`, and the contract's names.
    """
    with reading(site.engine) as session:
        item = items.find(site, session, link)
        rule = rule_of(session, item.brand)
        way = _standing(session, way_of_item(site, session, item.batch, item.index), item.leaf)
    fate = _fate(becomes, rule)
    left, done = take_out(site, actor, way, reason, key, signer)
    if fate == DESTROYED:
        order = items.order_state(site, actor, link, DESTROYED, f"{key}-state")
        done.append(act(site, order, signer))
    elif fate == VOID:
        done.append(runs.void(site, item.batch, item.index, item.index + 1, f"{key}-void", signer))
    settled(site, done)
    return Done(item.leaf, tuple(left), tuple(done), fate)


def replace(
    site: Site,
    actor: int,
    link: str,
    by: str,
    sscc: str,
    reason: str,
    key: str,
    becomes: str | None = None,
    signer: Account | None = None,
) -> Done:
    """Reject an item of a case, and put another beside the rest: both under a new SSCC.

    What is in a unit never grows, so the case as it is now and the other item are packed together,
    as the relabelled case that they are. by: link of the other item, never packed or travelling by
    itself. Raises as `reject`, and as `packing.pack`.
    """
    with reading(site.engine) as session:
        item = items.find(site, session, link)
        whole = way_of_item(site, session, item.batch, item.index)
        if not whole:
            raise _nowhere(link)
        case = whole[0][0]
    gone = reject(site, actor, link, reason, f"{key}-out", becomes, signer)
    with reading(site.engine) as session:
        other = items.find(site, session, by)
        alone = session.get(ChainUnit, other.leaf) is not None
        lot = _lot(session, case, other)
    fresh = other.leaf if alone else Codes(other.batch, other.index, other.index + 1)
    unit, packed = pack(site, actor, Box(sscc, [case, fresh], lot), f"{key}-in", signer)
    settled(site, [packed])
    return Done(unit, gone.left, (*gone.submissions, packed), gone.code)


def dissolve(
    site: Site, actor: int, name: UnitName, reason: str, key: str, signer: Account | None = None
) -> Done:
    """Take all that is left in a unit out of it, having taken it out of what is around it.

    Asked again under its key when it is done, it answers what was done. Raises Rejected BAD_REASON,
    NOTHING_LEFT and the contract's names.
    """
    with reading(site.engine) as session:
        way = _standing(session, way_of_box(site, session, name), name.id)
    left, done = take_out(site, actor, way, reason, key, signer)
    settled(site, done)
    with reading(site.engine) as session:
        inside = _inside(site, session, name.id)
    if not inside:
        before = _before(site, name.id, key)
        if before.submissions:
            return before
        raise Rejected("NOTHING_LEFT", f"Nothing is left in {name.epc[-18:]}: it is dissolved.")
    for at in range(0, len(inside), MOST):
        places = inside[at : at + MOST]
        order = unpacking.order_unpack(
            site, actor, name.id, places, f"{key}-{places[0]}", _stated(reason)
        )
        done.append(act(site, order, signer))
        settled(site, done[-1:])
    return Done(name.id, tuple(left), tuple(done))


def take_out(
    site: Site,
    actor: int,
    way: Way,
    reason: str,
    key: str,
    signer: Account | None = None,
) -> tuple[list[bytes], list[int]]:
    """Take what a way leads to out of all units on it, from outside in; return (they, submissions).

    way: from inside out, as `whereabouts` has it, up to the first that has a slot of its own.
    """
    stated = _stated(reason)
    left, done = [], []
    for unit, place in reversed(way):
        step = f"{key}-out-{unit.hex()[:16]}"
        order = unpacking.order_unpack(site, actor, unit, [place], step, stated)
        done.append(act(site, order, signer))
        settled(site, done[-1:])
        left.append(unit)
    return left, done


def _standing(session: Session, way: Way, child: bytes) -> Way:
    """Return the part of a way that still holds: [] for what travels by itself.

    Raises Rejected UNIT_INSIDE where the outermost unit lies in another.
    """
    own = session.get(ChainUnit, child)
    if own is not None:
        if own.state == INSIDE and own.parent is not None:
            raise Rejected(
                "UNIT_INSIDE",
                f"0x{child.hex()} was packed by itself into 0x{own.parent.hex()}: dissolve that.",
            )
        return []
    found = []
    for unit, place in way:
        found.append((unit, place))
        if session.get(ChainUnit, unit) is not None:
            break
    return found


def _before(site: Site, unit: bytes, key: str) -> Done:
    """Return what was done under a key to dissolve a unit; without submissions, if nothing was."""
    subject = ids.subject(SIGNINGS[Verb.UNPACK].kind, unit)
    with reading(site.engine) as session:
        own = Submission.key.startswith(f"{key}-", autoescape=True)
        rows = session.scalars(
            select(Submission).where(own, Submission.verb == Verb.UNPACK).order_by(Submission.id)
        ).all()
        if not any(row.subject == subject for row in rows):
            return Done(unit, (), ())
        outer = [row.key.removeprefix(f"{key}-out-") for row in rows if row.subject != subject]
        heads = [bytes.fromhex(text) for text in outer]  # of `take_out`
        spans = [ChainUnit.id.between(head, head + b"\xff" * 24) for head in heads]
        left = [session.scalars(select(ChainUnit.id).where(span)).one() for span in spans]
    return Done(unit, tuple(left), tuple(row.id for row in rows))


def _inside(site: Site, session: Session, unit: bytes) -> list[int]:
    """Return the places of what is still in a unit."""
    name = session.get_one(UnitName, unit)
    children = load(site, session, name).children()
    found = []
    for child in children:
        own = session.get(ChainUnit, child["child"])
        if own is None or (own.state == INSIDE and own.parent == unit):
            found.append(int(child["position"]))
    return found


def _lot(session: Session, case: bytes, other: Item) -> str | None:
    """Return the lot that a case and an item have in common, None for none or two."""
    own = session.get(ChainUnit, case)
    if own is None or other.lot is None or own.lot != other.lot.number:
        return None
    name = session.get(LotName, other.lot.id)
    return name.lot if name is not None else None


def _fate(becomes: str | None, rule: Rule) -> str:
    fate = becomes or rule.rejects
    if fate not in REJECTS:
        raise Rejected("BAD_REJECT", f"A rejected code becomes {', '.join(REJECTS)}, not '{fate}'.")
    return fate


def _stated(reason: str) -> dict[str, Any]:
    if not 0 < len(reason.strip()) <= MAX_REASON or not reason.isprintable():
        raise Rejected("BAD_REASON", f"Give the reason in 1 to {MAX_REASON} characters.")
    return {REASON: reason.strip()}


def _nowhere(link: str) -> Rejected:
    return Rejected("NOT_IN_UNIT", f"{link} lies in no unit that was packed here.")
