"""Ranges of a batch: from when they are active, and to which lot they belong."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta, timezone

from sqlalchemy import and_, select
from sqlalchemy.orm import Session

from ledger.chain.account import Account
from ledger.chain.refusals import SENTENCES
from ledger.db.engine import reading
from ledger.db.models import ChainLot, LotName
from ledger.domain import epcis, epcis_states, ids
from ledger.domain.gs1_attributes import CSET82
from ledger.domain.verbs import Verb
from ledger.errors import Rejected
from ledger.services.act import act
from ledger.services.keys.keeper import BatchRef
from ledger.services.mint import batch_ref
from ledger.services.order import Order
from ledger.services.site import Site

MAX_MARKET = 255
_LOT = re.compile(f"{CSET82}{{1,20}}")


@dataclass(frozen=True)
class LotTerms:
    """A lot: its number as printed, its dates (last good day) and market (0 = unrestricted).

    zone: minutes east of UTC of the market, where its days end; None: the installation's.
    """

    lot: str
    expiry: date | None = None
    best_before: date | None = None
    market: int = 0
    zone: int | None = None


def activate(
    site: Site,
    batch: int,
    first: int,
    to: int,
    active_from: int,
    key: str,
    is_now: bool = False,
) -> int:
    """Make codes [first, to) active from a time (unix seconds) on; return the submission's id.

    active_from 0 makes them inactive. is_now: what was asked is "now", whichever second that is:
    asked again later it is the same request. Raises Rejected UNKNOWN_BATCH, BAD_RANGE, BadTime and
    the contract's other names.
    """
    if not 0 <= active_from < 1 << 40:  # more could not even be encoded
        raise Rejected("BadTime", SENTENCES["BadTime"].format(active_from))
    ref = _ref(site, batch, first, to)
    run = epcis.Run(f"{ref.gtin:014d}", batch, first, to)
    document = epcis.activation(epcis.Occasion(site.when(), site.salt()), [run])
    args = {"actor": ref.brand, "from": first, "to": to, "activeFrom": active_from}
    worked_out = ("activeFrom",) if is_now else ()
    order = Order(
        Verb.ACTIVATE, ref.brand, batch, args, key, ref.brand, document, worked_out=worked_out
    )
    return act(site, order)


def void(
    site: Site, batch: int, first: int, to: int, key: str, signer: Account | None = None
) -> int:
    """Make codes [first, to) void, for ever; return the submission's id. Raises as `activate`."""
    return act(site, order_void(site, batch, first, to, key), signer)


def order_void(site: Site, batch: int, first: int, to: int, key: str) -> Order:
    """Return the order of `void`, before anyone has signed it."""
    ref = _ref(site, batch, first, to)
    run = epcis.Run(f"{ref.gtin:014d}", batch, first, to)
    document = epcis_states.voiding(epcis.Occasion(site.when(), site.salt()), [run])
    args = {"actor": ref.brand, "from": first, "to": to}
    return Order(Verb.VOID, ref.brand, batch, args, key, ref.brand, document)


def bind_lot(site: Site, batch: int, first: int, to: int, terms: LotTerms, key: str) -> int:
    """Bind codes [first, to) to a lot, opening it if it is new; return the submission's id.

    Dates end at 24:00 of the market's zone. Raises as `activate`, BAD_LOT and BAD_DATE.
    """
    expiry, best_before = ends_of(site, terms)
    ref = _ref(site, batch, first, to)
    run = epcis.Run(f"{ref.gtin:014d}", batch, first, to, terms.lot)
    occasion = epcis.Occasion(site.when(), site.salt())
    document = epcis.lot_binding(occasion, run, terms.expiry, terms.best_before)
    lot = ids.lot_id(ref.gtin, terms.lot)
    args = {
        "actor": ref.brand,
        "from": first,
        "to": to,
        "lot": lot,
        "expiry": expiry,
        "bestBefore": best_before,
        "market": terms.market,
    }
    order = Order(Verb.BIND_LOT, ref.brand, batch, args, key, ref.brand, document)
    return act(site, order, beside=_name_lot(lot, ref, terms.lot, _zone(site, terms)))


def ends_of(site: Site, terms: LotTerms) -> tuple[int, int]:
    """Return the first seconds after a lot's expiry and best-before days, 0 for none.

    Raises Rejected BAD_LOT, BAD_DATE: all that can be wrong with the terms alone.
    """
    if not _LOT.fullmatch(terms.lot):
        raise Rejected("BAD_LOT", "A lot number has 1 to 20 characters of GS1's set (AI 10).")
    if not 0 <= terms.market <= MAX_MARKET:
        raise Rejected("BAD_LOT", f"A market is a number from 1 to {MAX_MARKET}, 0 for any market.")
    zone = _zone(site, terms)
    return end_of(terms.expiry, zone), end_of(terms.best_before, zone)


def end_of(day: date | None, zone: int) -> int:
    """Return the first second after a day in a zone (minutes east of UTC); 0 for no day.

    Raises Rejected BAD_DATE outside 2000 to 2199.
    """
    if day is None:
        return 0
    if not 2000 <= day.year <= 2199:
        raise Rejected("BAD_DATE", f"{day.isoformat()} is no date for goods: compare the year.")
    midnight = datetime(day.year, day.month, day.day, tzinfo=timezone(timedelta(minutes=zone)))
    return int((midnight + timedelta(days=1)).timestamp())


def _zone(site: Site, terms: LotTerms) -> int:
    return site.zone if terms.zone is None else terms.zone


def _name_lot(lot: bytes, ref: BatchRef, text: str, zone: int) -> Callable[[Session], None]:
    def beside(session: Session) -> None:
        here = and_(ChainLot.gtin == ref.gtin, ChainLot.id == lot)
        is_open = session.scalar(select(ChainLot.number).where(here)) is not None
        if is_open and session.get(LotName, lot) is not None:
            return  # it has its terms, and they stay
        session.merge(LotName(id=lot, brand=ref.brand, gtin=ref.gtin, lot=text, zone=zone))

    return beside


def _ref(site: Site, batch: int, first: int, to: int) -> BatchRef:
    with reading(site.engine) as session:
        ref = batch_ref(session, batch)
    if not 0 <= first <= to <= ref.count:
        raise Rejected("BAD_RANGE", f"{first} to {to} is no range of batch {batch} ({ref.count}).")
    return ref
