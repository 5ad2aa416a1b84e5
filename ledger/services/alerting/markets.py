"""Markets: which regions a market's number means to a brand, and what holds outside them.

On the ledger a market is a number that restricts who may hold goods. Where its goods are meant to
be sold is what the brand states here: some provinces, cities and counties (`districts`), or a
country, which is all of its provinces. A market that nobody has stated has no outside. Stated anew
it holds for what is shipped from then on; goods that were shipped before may be sold where they
might since.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from ledger.db.markets import Market
from ledger.domain.regions import COUNTRIES, REGIONS, region_of, union
from ledger.domain.thresholds import CERTAIN
from ledger.errors import Rejected
from ledger.services.audit import record
from ledger.services.districts import UNKNOWN, unknown
from ledger.services.past import Past, past_of
from ledger.services.ruling import MAX_MARKET
from ledger.services.scan_facts import Place

LONGEST_NAME = 100
Stated = Mapping[int, frozenset[int]]
"""The regions and districts of each market outside which resale is prohibited."""
Before = Mapping[int, Past]
"""What each market was earlier, with no regions where it was free."""


@dataclass(frozen=True)
class Terms:
    """What a brand states of a market: its regions, or a country; both together are one set.

    free: resale outside it may not be prohibited, so nothing is asked of goods outside. tells:
    a consumer who scans outside it is told.
    """

    name: str
    regions: Sequence[int] = ()
    country: str | None = None
    free: bool = False
    tells: bool = False


def put(session: Session, now: int, who: str, brand: int, number: int, terms: Terms) -> Market:
    """State what a market is, anew or over what was stated before, which is remembered. Raises
    Rejected BAD_MARKET."""
    if not 1 <= number <= MAX_MARKET:
        raise Rejected("BAD_MARKET", f"A market is a number from 1 to {MAX_MARKET}.")
    if not 1 <= len(terms.name) <= LONGEST_NAME:
        raise Rejected("BAD_MARKET", f"A market's name has 1 to {LONGEST_NAME} characters.")
    if terms.country is not None and terms.country not in COUNTRIES:
        known = ", ".join(sorted(COUNTRIES))
        raise Rejected("BAD_MARKET", f"'{terms.country}' is no country known here: use {known}.")
    regions = union(set(terms.regions) | set(COUNTRIES.get(terms.country or "", ())))
    if strange := unknown(session, regions):
        raise Rejected("BAD_MARKET", f"{strange[0]} {UNKNOWN}")
    if not regions:
        raise Rejected("BAD_MARKET", "A market has regions: name provinces, or a country.")
    if terms.free and terms.tells:
        raise Rejected("BAD_MARKET", "Where resale is free there is nothing to tell a consumer.")
    row = session.get(Market, (brand, number)) or Market(brand=brand, number=number, before=[])
    if row.regions is not None and (row.regions, row.free) != (regions, terms.free):
        row.before = [*row.before, [now, [] if row.free else row.regions]]
    row.name, row.regions, row.free, row.tells = (
        terms.name,
        regions,
        terms.free,
        terms.tells,
    )
    session.add(row)
    told = {name: value for name, value in market_json(row).items() if name != "brand"}
    record(session, now, who, "market set", brand=brand, **told)
    return row


def remove(session: Session, now: int, who: str, brand: int, number: int) -> None:
    """Take back what was stated of a market, and what it was before. Raises Rejected
    UNKNOWN_MARKET."""
    row = session.get(Market, (brand, number))
    if row is None:
        raise Rejected("UNKNOWN_MARKET", f"Nothing is stated of market {number}.")
    session.delete(row)
    record(session, now, who, "market remove", brand=brand, number=number)


def listing(session: Session, brand: int) -> list[Market]:
    """Return what a brand (0: all) has stated, in order of its numbers."""
    query = select(Market).order_by(Market.brand, Market.number)
    return list(session.scalars(query.where(Market.brand == brand) if brand else query))


def stated(session: Session, brand: int) -> Stated:
    """Return the regions of a brand's markets outside which resale is prohibited."""
    return {row.number: frozenset(row.regions) for row in listing(session, brand) if not row.free}


def free(session: Session, brand: int) -> frozenset[int]:
    """Return a brand's markets outside which resale may not be prohibited."""
    return frozenset(row.number for row in listing(session, brand) if row.free)


def before(session: Session, brand: int) -> Before:
    """Return what a brand's markets were earlier, where they were stated anew."""
    return {row.number: past_of(row.before) for row in listing(session, brand) if row.before}


def is_outside(regions: frozenset[int] | None, source: str, region: int | None) -> bool:
    """Say whether a scan was certainly made outside a market.

    regions: of the market, None where nothing is stated; of its cities and counties the provinces
    that they lie in. A mobile network names a wrong province too often, and a place that is unknown
    is nowhere outside.
    """
    if regions is None or source not in CERTAIN:
        return False
    return region in REGIONS.keys() - {region_of(code) for code in regions}


def tells(session: Session, brand: int, number: int, place: Place | None) -> bool:
    """Say whether a consumer at a place is to be told that goods of a market are outside it."""
    if not number or place is None:
        return False
    row = session.get(Market, (brand, number))
    return (
        row is not None
        and row.tells
        and is_outside(frozenset(row.regions), place.source, place.region)
    )


def market_json(row: Market) -> dict[str, Any]:
    """Return a market as people and programs are told it."""
    return {
        "brand": row.brand,
        "number": row.number,
        "name": row.name,
        "regions": row.regions,
        "free": row.free,
        "tells": row.tells,
    }
