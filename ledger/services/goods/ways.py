"""The way from an item up through the units around it, as the chain and the packers' rows say."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from sqlalchemy import bindparam, select
from sqlalchemy.orm import Session

from ledger.db.engine import plain_rows
from ledger.db.models import ChainLot, ChainUnit
from ledger.db.packing import UnitChild
from ledger.services.goods.places import holder_of
from ledger.services.goods.units import differ as differ
from ledger.services.goods.whereabouts import way_of_item
from ledger.services.site import Site

INSIDE = 3
Steps = tuple[tuple[bytes, int], ...]

# Built once, since scans and proofs need them.
_OWN = select(ChainUnit.id).where(ChainUnit.id == bindparam("leaf"))
_AROUND = select(UnitChild).where(UnitChild.child == bindparam("child"))


@dataclass(frozen=True)
class Way:
    """From an item up. steps: (unit, position in it) until a unit with a slot of its own; none if
    the item has one itself. stored: that unit and those around it, innermost first."""

    steps: Steps
    stored: tuple[ChainUnit, ...]


def find_way(site: Site, session: Session, leaf: bytes, batch: int, index: int) -> Way | None:
    """Return the way from an item to its outermost unit, None if no known unit on chain has it."""
    return next(find_ways(site, session, leaf, batch, index), None)


def find_ways(site: Site, session: Session, leaf: bytes, batch: int, index: int) -> Iterator[Way]:
    """Yield every way from an item to an outermost unit; packed here, it has at most one."""
    if plain_rows(session, _OWN, leaf=leaf):  # few items travel alone
        yield Way((), _around(session, session.get_one(ChainUnit, leaf)))
        return
    steps = way_of_item(site, session, batch, index)
    for place, (unit, _) in enumerate(steps, 1):
        stored = session.get(ChainUnit, unit)
        if stored is not None:
            yield Way(tuple(steps[:place]), _around(session, stored))
            return
    if steps:
        yield from _climb(session, tuple(steps))


def units_of(
    site: Site, session: Session, leaf: bytes, batch: int, index: int
) -> tuple[ChainUnit, ...]:
    """Return the units on chain around an item, as `Way.stored`; without asking for keys where
    nothing has left its unit."""
    holder = None if session.get(ChainUnit, leaf) else holder_of(session, batch, index)
    own = session.get(ChainUnit, holder.id) if holder is not None else None
    if own is not None and not own.gone:
        return _around(session, own)
    way = find_way(site, session, leaf, batch, index)
    return way.stored if way is not None else ()


def lot_of_units(session: Session, units: Sequence[ChainUnit], gtin: int) -> ChainLot | None:
    """Return the lot of the innermost unit on chain that has one of the item's GTIN.

    All in such a unit is of that lot, as its packer says.
    """
    for unit in units:
        lot = session.get(ChainLot, unit.lot) if unit.lot else None
        if lot is not None and lot.gtin == gtin:
            return lot
    return None


def _around(session: Session, unit: ChainUnit) -> tuple[ChainUnit, ...]:
    around = [unit]
    while around[-1].state == INSIDE and around[-1].parent is not None:
        outer = session.get(ChainUnit, around[-1].parent)
        if outer is None:
            raise differ()
        around.append(outer)
    return tuple(around)


def _climb(session: Session, steps: Steps) -> Iterator[Way]:
    """Yield the ways from units without a slot on to what they were packed into."""
    for above in session.scalars(_AROUND, {"child": steps[-1][0]}):
        further = (*steps, (above.unit, above.position))
        stored = session.get(ChainUnit, above.unit)
        if stored is not None:
            yield Way(further, _around(session, stored))
        else:
            yield from _climb(session, further)
