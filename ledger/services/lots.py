"""Lots as a whole: recalling one, releasing it again, and listing them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from sqlalchemy import select
from sqlalchemy.orm import Session

from ledger.db.engine import reading
from ledger.db.models import ChainLot, LotName
from ledger.domain import epcis_states, ids
from ledger.domain.gs1 import gtin14
from ledger.domain.moments import zone_of_days
from ledger.domain.verbs import Verb
from ledger.errors import Rejected
from ledger.services.custody import occasion
from ledger.services.order import Order
from ledger.services.site import Site

RELEASED, RECALLED = 1, 2


def find(session: Session, gtin: str, lot: str) -> ChainLot:
    """Return a lot by its GTIN and its name as printed. Raises Rejected UNKNOWN_LOT, MALFORMED,
    BAD_CHECK_DIGIT."""
    number = int(gtin14(gtin))
    query = select(ChainLot).where(ChainLot.id == ids.lot_id(number, lot), ChainLot.gtin == number)
    row = session.scalars(query).one_or_none()
    if row is None:
        raise Rejected("UNKNOWN_LOT", f"GTIN {gtin} has no lot {lot} on the ledger: compare both.")
    return row


def order_state(site: Site, actor: int, gtin: str, lot: str, state: int, key: str) -> Order:
    """Return the order of recalling (2) or releasing (1) a lot, by its brand or a regulator.

    Raises as `find`.
    """
    with reading(site.engine) as session:
        row = find(session, gtin, lot)
    at = replace(occasion(site, actor), location=None)  # it is said there, the goods are elsewhere
    document = epcis_states.lot_state(at, gtin, lot, state)
    args = {"actor": actor, "state": state}
    return Order(Verb.SET_LOT_STATE, actor, row.number, args, key, row.brand, document)


def zone_of(site: Site, lot: ChainLot, named: LotName | None) -> int:
    """Return where a lot's days end, in minutes east of UTC: as it was bound, else what its dates
    themselves say, else the installation's."""
    if named is not None and named.zone is not None:
        return named.zone
    return zone_of_days([end for end in (lot.expiry, lot.best_before) if end], site.zone)


def listing(session: Session, gtin: str | None = None) -> Sequence[tuple[ChainLot, LotName | None]]:
    """Return lots by number, each with its name where it is known here; of one GTIN, or all."""
    query = (
        select(ChainLot, LotName)
        .outerjoin(LotName, LotName.id == ChainLot.id)
        .order_by(ChainLot.number)
    )
    if gtin is not None:
        query = query.where(ChainLot.gtin == int(gtin14(gtin)))
    return [(lot, name) for lot, name in session.execute(query)]
