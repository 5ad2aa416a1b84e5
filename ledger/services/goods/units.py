"""Units as they are known here: by SSCC, by id, or by the link of an item that travels alone."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from ledger.chain.message import Code
from ledger.db.models import ChainBatch, UnitName
from ledger.domain import contents, digital_link, ids, merkle
from ledger.domain.children import ITEM, UNIT
from ledger.domain.contents import Inner, places
from ledger.errors import Broken, Rejected
from ledger.services.goods.places import box_of
from ledger.services.site import Site

Child = dict[str, Any]
"""A leaf of a children tree: kind, position, child, childrenRoot, count."""


def unit_name(session: Session, unit: bytes) -> UnitName:
    """Return what is known of a unit that has been, or is being, packed by itself.

    Raises Rejected UNKNOWN_UNIT.
    """
    row = session.get(UnitName, unit)
    if row is None:
        raise Rejected(
            "UNKNOWN_UNIT",
            f"Unit 0x{unit.hex()} was not packed here, or has never left the one around it.",
        )
    return row


def find_unit(site: Site, session: Session, text: str) -> UnitName:
    """Return the unit that an SSCC (18 digits), a unit id (0x hex) or the link of an item names.

    A box that has never left the unit it was packed with is in no row: what is known of it is
    returned as one, without a root. Raises Rejected UNKNOWN_UNIT, BAD_CHECK_DIGIT, MALFORMED.
    """
    if text.startswith("0x"):
        try:
            return unit_name(session, bytes.fromhex(text[2:]))
        except ValueError:
            raise Rejected("MALFORMED", f"'{text}' is no unit id: give 64 hex digits.") from None
    epc = _item_epc(text) if "/" in text else ids.sscc_epc(text)
    row = session.scalars(select(UnitName).where(UnitName.epc == epc)).first()
    if row is not None:
        return row
    if "/" not in text:
        for around in box_of(session, text):
            return _box(site, around, text, epc)
    raise Rejected("UNKNOWN_UNIT", f"No unit {text} was packed here.")


def _box(site: Site, around: UnitName, sscc: str, epc: str) -> UnitName:
    inner = inner_of(around, sscc)
    (hashed,) = site.keeper.hashed_epcs(around.creator, [epc])
    return UnitName(
        id=ids.unit_id(around.creator, hashed),
        number=0,
        origin=around.number,
        brand=around.brand,
        creator=around.creator,
        epc=epc,
        hashed_epc=hashed,
        level=contents.height(inner.inside),
        count=sum(map(places, inner.inside)),
        children_root=b"",
        contents=contents.encode(inner.inside),
    )


def inner_of(around: UnitName, sscc: str) -> Inner:
    """Return a box that was packed with a unit."""
    parts = contents.decode(around.contents or contents.NOTHING)
    return next(p for p in contents.walk(parts) if isinstance(p, Inner) and p.sscc == sscc)


def _item_epc(link: str) -> str:
    found = digital_link.parse(link)
    if found.gtin is None or found.serial is None:
        raise Rejected("MALFORMED", f"'{link}' names no single item: it needs /01/GTIN/21/SERIAL.")
    return ids.item_epc(found.gtin, found.serial)


def differ() -> Broken:
    """Return the error for rows of units that contradict the chain."""
    return Broken(
        "UNIT_ROWS_DIFFER",
        "What is stored of a unit's content is not what was packed: restore a backup.",
    )


def name_item(batch: ChainBatch, code: Code, leaf: bytes, number: int) -> UnitName:
    """Return the name of an item that travels alone, under its own EPC."""
    return UnitName(
        id=leaf,
        number=number,
        origin=None,
        brand=batch.brand,
        creator=batch.brand,
        epc=ids.item_epc(f"{code.gtin:014d}", code.serial),
        hashed_epc=leaf,  # its id is its leaf: no salt, so it cannot be opened twice
        level=0,
        count=0,
        children_root=bytes(32),
        contents=None,
    )


def child_leaf(child: Child) -> bytes:
    """Return the leaf of a children tree."""
    return merkle.children_leaf(
        child["kind"],
        child["position"],
        child["child"],
        child["childrenRoot"],
        child["count"],
    )


def item_child(position: int, leaf: bytes) -> Child:
    """Return an item as a child: its own leaf, without children."""
    return {
        "kind": ITEM,
        "position": position,
        "child": leaf,
        "childrenRoot": bytes(32),
        "count": 0,
    }


def unit_child(position: int, unit: bytes, root: bytes, count: int) -> Child:
    """Return a unit as a child, with the root and count of its own children."""
    return {
        "kind": UNIT,
        "position": position,
        "child": unit,
        "childrenRoot": root,
        "count": count,
    }
