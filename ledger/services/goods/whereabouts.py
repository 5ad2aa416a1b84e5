"""Where an item or a box lies: the units around it, as their packers state it."""

from __future__ import annotations

import numpy as np
from sqlalchemy import select
from sqlalchemy.orm import Session

from ledger.db.models import ChainUnit, UnitName
from ledger.domain import children, contents, ids
from ledger.domain.bits import Numbers
from ledger.domain.contents import Inner
from ledger.services.codes import leaves_at
from ledger.services.goods.packed import parts_of
from ledger.services.goods.places import CHUNK, Held, holder_of, numbered
from ledger.services.mint import batch_ref
from ledger.services.site import Site

Way = list[tuple[bytes, int]]
"""From inside out: (unit, place in it), up to a unit that was packed by itself."""


Path = tuple[UnitName, list[int]]
"""From outside in: a unit that was packed by itself, and the places that lead to what is in it."""


def path_of_item(session: Session, batch: int, index: int) -> Path | None:
    """Return the path to an item; None if it was never packed here."""
    holder = holder_of(session, batch, index)
    found = contents.find_item(parts_of(holder), batch, index) if holder is not None else None
    return (holder, found) if holder is not None and found else None


def path_of_box(session: Session, name: UnitName) -> Path | None:
    """Return the path to a box in the unit that it was packed with; None for any other unit."""
    if name.origin is None:
        return None
    holder = numbered(session, name.origin)
    found = contents.find_box(parts_of(holder), name.epc[-18:])
    return (holder, found) if found else None


def way_of_item(site: Site, session: Session, batch: int, index: int) -> Way:
    """Return the way from an item outward; [] if it was never packed here."""
    return way_in(site, path_of_item(session, batch, index))


def way_of_box(site: Site, session: Session, name: UnitName) -> Way:
    """Return the way from a box outward to the unit that it was packed with; [] for any other."""
    return way_in(site, path_of_box(session, name))


def boxes_on(path: Path) -> list[tuple[str, int]]:
    """Return the SSCC and level of each unit on a path, from inside out."""
    holder, places = path
    found = [(holder.epc[-18:], holder.level)]
    parts = parts_of(holder)
    for place in places[:-1]:
        box, _ = contents.part_at(parts, place)
        assert isinstance(box, Inner)  # what leads on is a box
        found.append((box.sscc, contents.height(box.inside)))
        parts = box.inside
    return found[::-1]


def way_in(site: Site, path: Path | None) -> Way:
    """Return the way that a path is, from inside out."""
    if path is None:
        return []
    holder, places = path
    epcs = [ids.sscc_epc(sscc) for sscc, _ in reversed(boxes_on(path)[:-1])]
    hashed = site.keeper.hashed_epcs(holder.creator, epcs) if epcs else []
    units = [holder.id, *(ids.unit_id(holder.creator, each) for each in hashed)]
    return list(zip(units, places, strict=True))[::-1]


def loose_items(
    site: Site, session: Session, batch: int, indices: Numbers, held: Held
) -> dict[int, bytes]:
    """Return the items that travel by themselves, by index: their leaf is a unit.

    held: of `places.holders_of`; only what was packed, or drawn, can have left.
    """
    open_units = [
        number
        for number in np.unique(held[held > 0]).tolist()
        if _was_opened(session, numbered(session, number))
    ]
    some = indices[np.isin(held, open_units)]
    if not len(some):
        return {}
    leaves = children.split(leaves_at(site, session, batch_ref(session, batch), some))
    found = {
        unit
        for at in range(0, len(leaves), CHUNK)
        for unit in session.scalars(
            select(ChainUnit.id).where(ChainUnit.id.in_(leaves[at : at + CHUNK]))
        )
    }
    return {index: leaf for index, leaf in zip(some.tolist(), leaves, strict=True) if leaf in found}


def _was_opened(session: Session, name: UnitName) -> bool:
    own = session.get(ChainUnit, name.id)
    return own is not None and (own.gone > 0 or own.count == 0)
