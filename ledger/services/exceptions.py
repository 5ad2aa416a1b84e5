"""Exceptions: a receipt that was not as sent, and agreeing that it is settled."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from ledger.chain.message import Shown
from ledger.db.chain_states import ChainException
from ledger.db.engine import reading
from ledger.domain import epcis_states
from ledger.domain.verbs import Verb
from ledger.services.capture import RECEIPT_DEADLINE_S
from ledger.services.custody import brands_own, occasion, transfer
from ledger.services.goods.units import unit_name
from ledger.services.order import Order
from ledger.services.site import Site

BOTH_SIDES = 3  # bits of shipper and receiver; from here on an exception is settled


@dataclass(frozen=True)
class Counts:
    """What came: `good`, `damaged` and `short` make up what should be in the unit.

    over: of the right goods, but more than were sent. wrong: other goods, that nobody sent.
    """

    good: int
    damaged: int = 0
    short: int = 0
    over: int = 0
    wrong: int = 0


def order_report(
    site: Site, actor: int, sender: int, unit: bytes, counts: Counts, key: str
) -> Order:
    """Return the order of confirming receipt of a unit whose content is not what was sent.

    The contract compares the counts with what was packed. Raises Rejected UNKNOWN_UNIT.
    """
    with reading(site.engine) as session:
        name = unit_name(session, unit)
    told = asdict(counts)
    path = transfer(site, sender, actor)
    document = epcis_states.mismatch(occasion(site, actor), name.epc, told, path)
    args = {"actor": actor, "from": sender, **told}
    return Order(
        Verb.REPORT_EXCEPTION,
        actor,
        unit,
        args,
        key,
        name.brand,
        document,
        deadline_s=RECEIPT_DEADLINE_S,
    )


def order_settle(site: Site, actor: int, unit: bytes, report: int, key: str) -> Order:
    """Return the order of agreeing that an exception is settled, as one of its sides or the brand.

    report: its event's number in the unit's history. Raises Rejected UNKNOWN_UNIT.
    """
    with reading(site.engine) as session:
        name = unit_name(session, unit)
        known = session.get(ChainException, (unit, report))
        side = known is not None and actor in (known.shipper, known.receiver)
        origin = [] if side else brands_own(session, actor, name)
    document = epcis_states.settlement(occasion(site, actor), name.epc, report)
    args = {"actor": actor, "report": report}
    shown = Shown(origins=[origin])
    return Order(Verb.SETTLE_EXCEPTION, actor, unit, args, key, name.brand, document, shown)


def listing(
    session: Session, party: int, open_only: bool = False, after: int = 0, limit: int = 500
) -> Sequence[ChainException]:
    """Return exceptions that a party is a side of, by time; 0: all. after: none older (unix)."""
    query = select(ChainException).where(ChainException.time >= after)
    if party:
        sides = (ChainException.shipper == party, ChainException.receiver == party)
        query = query.where(or_(*sides))
    if open_only:
        query = query.where(ChainException.settled < BOTH_SIDES)
    order = (ChainException.time, ChainException.unit, ChainException.report)
    return session.scalars(query.order_by(*order).limit(limit)).all()
