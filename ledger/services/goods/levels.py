"""What is around a code and what is in it: scanning any level of packing gives all the others."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from ledger.db.models import ChainBatch, ChainUnit, UnitName
from ledger.db.packing import UnitChild
from ledger.domain import ids
from ledger.domain.contents import Codes, Inner, Picked, items_in
from ledger.errors import Rejected
from ledger.services import claims
from ledger.services.codes import code_at
from ledger.services.goods.packed import Packed, load, parts_of
from ledger.services.goods.places import numbered
from ledger.services.goods.units import find_unit, unit_name
from ledger.services.goods.whereabouts import Path, boxes_on, path_of_box, path_of_item, way_in
from ledger.services.items import find
from ledger.services.lookup import Item, find_item
from ledger.services.site import Site

INSIDE = 3


@dataclass(frozen=True)
class Around:
    """A unit around what was scanned. place: of what is inside it; alone: it has a slot of its own
    on the ledger."""

    id: bytes
    sscc: str
    level: int
    place: int
    alone: bool


@dataclass(frozen=True)
class Scanned:
    """What a code is: an item or a unit. up: the units around it now, from inside out."""

    item: Item | None
    unit: UnitName | None
    up: tuple[Around, ...]


def scan(site: Site, session: Session, text: str) -> Scanned:
    """Return what an outer code, an inner code, an SSCC or a unit id is, and what is around it.

    Raises Rejected UNKNOWN_ITEM, UNKNOWN_INNER, UNKNOWN_UNIT, MALFORMED, BAD_CHECK_DIGIT.
    """
    if "/i/" in text.lower():
        inner = claims.read_inner(site, session, text[text.lower().rindex("/i/") + 3 :])
        batch = session.get_one(ChainBatch, inner.batch)
        serial = code_at(site, batch, inner.index).serial
        item = find_item(site, session, f"{inner.gtin:014d}", serial)
    elif "/21/" in text:
        item = find(site, session, text)
    else:
        name = find_unit(site, session, text)
        return Scanned(None, name, _up(site, session, path_of_box(session, name), name.id))
    if item is None:
        raise Rejected("UNKNOWN_ITEM", "No item of this ledger has this code.")
    path = path_of_item(session, item.batch, item.index)
    return Scanned(item, None, _up(site, session, path, item.leaf))


def to_json(site: Site, session: Session, found: Scanned, *, inside: bool) -> dict[str, Any]:
    """Return what a scan has found. inside: with what is in a unit, for those who may know it."""
    item, unit = found.item, found.unit
    told: dict[str, Any] = {"kind": "item" if item is not None else "unit"}
    if item is not None:
        told["epc"] = ids.item_epc(f"{item.gtin:014d}", item.serial)
        told |= {"batch": item.batch, "index": item.index, "opened": item.opened}
    if unit is not None:
        told |= {"epc": unit.epc, "id": "0x" + unit.id.hex(), "level": unit.level}
    told["up"] = [
        {
            "sscc": one.sscc,
            "id": "0x" + one.id.hex(),
            "level": one.level,
            "place": one.place,
            "alone": one.alone,
        }
        for one in found.up
    ]
    if unit is not None and inside:
        told["down"] = list(children(site, session, unit))
    return told


def children(site: Site, session: Session, name: UnitName) -> Iterator[dict[str, Any]]:
    """Yield what is in a unit as it was packed, in the packer's order.

    Each has `place`, `epc`, `id`, `items` (how many are in it, 1 for an item) and `gone` (it has
    left).
    """
    if not name.count:
        return
    packed = load(site, session, name) if name.children_root else _boxed(site, session, name)
    rows = packed.children()
    inner = iter(packed.inner)
    place = 0
    for part in packed.parts:
        if isinstance(part, Codes | Picked):
            batch = session.get_one(ChainBatch, part.batch)
            for index in part.indices.tolist():
                code = code_at(site, batch, index)
                child = rows[place]["child"]
                yield {
                    "place": place,
                    "epc": ids.item_epc(f"{code.gtin:014d}", code.serial),
                    "id": "0x" + child.hex(),
                    "items": 1,
                    "gone": _gone(session, child, name.id),
                }
                place += 1
            continue
        box = next(inner) if isinstance(part, Inner) else None
        child = rows[place]["child"]
        known = session.get(UnitName, child)
        epc = box.epc if box else known.epc if known else ""
        yield {
            "place": place,
            "epc": epc,
            "id": "0x" + child.hex(),
            "items": items_in(box.parts if box else parts_of(known) if known else ()),
            "gone": _gone(session, child, name.id),
        }
        place += 1


def named(session: Session, found: Scanned) -> list[UnitName]:
    """Return those units around what was scanned that are known by themselves."""
    rows = (session.get(UnitName, one.id) for one in found.up)
    return [row for row in rows if row is not None]


def insiders(session: Session, name: UnitName) -> set[int]:
    """Return who may know all that is in a unit: its packer, its brand, and who holds it."""
    top = session.get(ChainUnit, name.id)
    if top is None and name.origin is not None:
        top = session.get(ChainUnit, numbered(session, name.origin).id)
    return {name.creator, name.brand, top.holder if top is not None else 0} - {0}


def _boxed(site: Site, session: Session, name: UnitName) -> Packed:
    """Return a box that has never left the unit it was packed with."""
    assert name.origin is not None  # what has no root is such a box
    todo = [load(site, session, numbered(session, name.origin))]
    while todo:
        packed = todo.pop()
        if packed.id == name.id:
            return packed
        todo += packed.inner
    raise Rejected("UNKNOWN_UNIT", f"No unit {name.epc[-18:]} is packed here.")


def _gone(session: Session, child: bytes, parent: bytes) -> bool:
    own = session.get(ChainUnit, child)
    return own is not None and not (own.state == INSIDE and own.parent == parent)


def _up(site: Site, session: Session, path: Path | None, child: bytes) -> tuple[Around, ...]:
    """Return the units around a child now: those it was packed with, then those around them."""
    own = last = session.get(ChainUnit, child)
    found = []
    if own is None and path is not None:
        for (unit, place), (sscc, level) in zip(way_in(site, path), boxes_on(path), strict=True):
            last = session.get(ChainUnit, unit)
            found.append(Around(unit, sscc, level, place, last is not None))
            if last is not None:
                break
    while last is not None and last.state == INSIDE and last.parent is not None:
        query = select(UnitChild.position).where(
            UnitChild.unit == last.parent, UnitChild.child == last.id
        )
        place = session.scalars(query).one()
        name = unit_name(session, last.parent)
        found.append(Around(name.id, name.epc[-18:], name.level, place, alone=True))
        last = session.get(ChainUnit, last.parent)
    return tuple(found)
