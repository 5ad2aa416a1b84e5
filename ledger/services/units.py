"""Units as they are known here: their names, and their children as leaves of their trees."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from ledger.chain.message import Code
from ledger.db.models import ChainBatch, UnitChild, UnitName, UnitRun
from ledger.domain import digital_link, ids, merkle
from ledger.errors import Rejected
from ledger.services.codes import leaves_of as codes_of_batch
from ledger.services.mint import batch_ref
from ledger.services.site import Site

ITEM, UNIT = 1, 2
Child = dict[str, Any]
"""A leaf of a children tree: kind, position, child, childrenRoot, count."""


@dataclass(frozen=True)
class Codes:
    """Items [first, to) of a batch."""

    batch: int
    first: int
    to: int


def children_of(site: Site, session: Session, unit: bytes) -> list[Child]:
    """Return the children of a unit as leaves of its tree, in the packer's order."""
    found: dict[int, Child] = {}
    for run in session.scalars(select(UnitRun).where(UnitRun.unit == unit)):
        codes = Codes(run.batch, run.first, run.to)
        for offset, leaf in enumerate(leaves_of(site, session, codes)):
            found[run.position + offset] = item_child(run.position + offset, leaf)
    query = select(UnitChild).where(UnitChild.unit == unit)
    for child in session.scalars(query):
        inner = unit_name(session, child.child)
        found[child.position] = unit_child(
            child.position, inner.id, inner.children_root, inner.count
        )
    return [found[place] for place in sorted(found)]


def unit_name(session: Session, unit: bytes) -> UnitName:
    """Return what is known of a unit. Raises Rejected UNKNOWN_UNIT."""
    row = session.get(UnitName, unit)
    if row is None:
        raise Rejected("UNKNOWN_UNIT", f"Unit 0x{unit.hex()} was not packed here.")
    return row


def find_unit(session: Session, text: str) -> UnitName:
    """Return the unit that an SSCC (18 digits), a unit id (0x hex) or the link of an item names.

    Raises Rejected UNKNOWN_UNIT, BAD_CHECK_DIGIT, MALFORMED.
    """
    if text.startswith("0x"):
        try:
            return unit_name(session, bytes.fromhex(text[2:]))
        except ValueError:
            raise Rejected("MALFORMED", f"'{text}' is no unit id: give 64 hex digits.") from None
    epc = _item_epc(text) if "/" in text else ids.sscc_epc(text)
    row = session.scalars(select(UnitName).where(UnitName.epc == epc)).first()
    if row is None:
        raise Rejected("UNKNOWN_UNIT", f"No unit {text} was packed here.")
    return row


def _item_epc(link: str) -> str:
    found = digital_link.parse(link)
    if found.gtin is None or found.serial is None:
        raise Rejected("MALFORMED", f"'{link}' names no single item: it needs /01/GTIN/21/SERIAL.")
    return ids.item_epc(found.gtin, found.serial)


def name_item(batch: ChainBatch, code: Code, leaf: bytes) -> UnitName:
    """Return the name of an item that travels alone, under its own EPC."""
    return UnitName(
        id=leaf,
        brand=batch.brand,
        creator=batch.brand,
        epc=ids.item_epc(f"{code.gtin:014d}", code.serial),
        hashed_epc=leaf,  # its id is its leaf: no salt, so it cannot be opened twice
        level=0,
        count=0,
        children_root=bytes(32),
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


def leaves_of(site: Site, session: Session, codes: Codes) -> list[bytes]:
    """Return the code leaves of items. Raises Rejected UNKNOWN_BATCH, BAD_RANGE."""
    ref = batch_ref(session, codes.batch)
    if not 0 <= codes.first < codes.to <= ref.count:
        raise Rejected(
            "BAD_RANGE", f"{codes.first} to {codes.to} is no range of batch {codes.batch}."
        )
    return codes_of_batch(site, session, ref, codes.first, codes.to)


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
