"""The way from an item up through the units around it, as the chain and the packers' rows say."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from sqlalchemy import bindparam, select
from sqlalchemy.orm import Session

from ledger.db.models import ChainLot, ChainUnit, UnitChild, UnitRun
from ledger.errors import Broken

INSIDE = 3

# Built once, since a scan may need them.
_PACKED = select(UnitRun).where(
    UnitRun.batch == bindparam("batch"),
    UnitRun.first <= bindparam("index"),
    UnitRun.to > bindparam("index"),
)
_AROUND = select(UnitChild).where(UnitChild.child == bindparam("child"))


@dataclass(frozen=True)
class Way:
    """From an item up. steps: (unit, position in it) until a unit with a slot of its own; none if
    the item has one itself. stored: that unit and those around it, innermost first."""

    steps: tuple[tuple[bytes, int], ...]
    stored: tuple[ChainUnit, ...]


def find_way(session: Session, leaf: bytes, batch: int, index: int) -> Way | None:
    """Return the way from an item to its outermost unit, None if no known unit on chain has it."""
    return next(find_ways(session, leaf, batch, index), None)


def find_ways(session: Session, leaf: bytes, batch: int, index: int) -> Iterator[Way]:
    """Yield every way from an item to an outermost unit; honest packers leave at most one."""
    own = session.get(ChainUnit, leaf)
    if own is not None:
        yield Way((), _around(session, own))
        return
    for run in session.scalars(_PACKED, {"batch": batch, "index": index}):
        yield from _climb(session, run.unit, run.position + index - run.first)


def lot_of_units(session: Session, way: Way, gtin: int) -> ChainLot | None:
    """Return the lot of the innermost unit on chain that has one of the item's GTIN.

    All in such a unit is of that lot, as its packer says.
    """
    for unit in way.stored:
        lot = session.get(ChainLot, unit.lot) if unit.lot else None
        if lot is not None and lot.gtin == gtin:
            return lot
    return None


def differ() -> Broken:
    """Return the error for rows of units that contradict the chain."""
    return Broken(
        "UNIT_ROWS_DIFFER",
        "What is stored of a unit's content is not what was packed: restore a backup.",
    )


def _around(session: Session, unit: ChainUnit) -> tuple[ChainUnit, ...]:
    around = [unit]
    while around[-1].state == INSIDE and around[-1].parent is not None:
        outer = session.get(ChainUnit, around[-1].parent)
        if outer is None:
            raise differ()
        around.append(outer)
    return tuple(around)


def _climb(session: Session, unit: bytes, position: int) -> Iterator[Way]:
    stored = session.get(ChainUnit, unit)
    if stored is not None:
        yield Way(((unit, position),), _around(session, stored))
        return
    for above in session.scalars(_AROUND, {"child": unit}):
        for way in _climb(session, above.unit, above.position):
            yield Way(((unit, position), *way.steps), way.stored)
