"""Packing: what goes into a logistic unit, its children tree.

A child that never moved alone is only a leaf of its parent's tree: packing a pallet of twenty cases
is one event on chain, whatever is in the cases. Contiguous codes are one row, not one row an item.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from ledger.chain.account import Account
from ledger.chain.message import Shown
from ledger.db.engine import reading
from ledger.db.models import ChainLot, ChainUnit, UnitChild, UnitName, UnitRun
from ledger.domain import epcis, ids, merkle
from ledger.domain.verbs import Verb
from ledger.errors import Rejected
from ledger.services.act import Order, act
from ledger.services.mint import batch_ref
from ledger.services.site import Site
from ledger.services.units import (
    UNIT,
    Child,
    Codes,
    child_leaf,
    item_child,
    leaves_of,
    unit_child,
    unit_name,
)

MAX_CHILDREN = 100_000


@dataclass(frozen=True)
class Box:
    """A unit to pack: its SSCC (18 digits), and what is in it, in the packer's order.

    inside: items, boxes that are packed with it, or units known already (their id). lot: the lot
    number of all that is in it, None for none or several.
    """

    sscc: str
    inside: Sequence[Codes | Box | bytes]
    lot: str | None = None


@dataclass(frozen=True)
class Packed:
    """A box worked out: id, EPC, children as leaves of its tree, and the rows to keep.

    units: EPCs of the units inside, in the packer's order. known: those not packed with it.
    """

    id: bytes
    epc: str
    hashed_epc: bytes
    level: int
    children: tuple[Child, ...]
    units: tuple[str, ...]
    nested: tuple[Packed, ...]
    known: tuple[bytes, ...]
    runs: tuple[tuple[int, Codes], ...]

    @property
    def nodes(self) -> list[bytes]:
        """The children tree."""
        return merkle.tree([child_leaf(child) for child in self.children])


def pack(
    site: Site, actor: int, box: Box, key: str, signer: Account | None = None
) -> tuple[bytes, int]:
    """Pack a box; return (unit id, submission id).

    Raises Rejected NO_CHILDREN, TOO_MANY_CHILDREN, UNKNOWN_BATCH, BAD_RANGE, TWICE_PACKED,
    UNKNOWN_LOT, UNKNOWN_UNIT and the contract's names.
    """
    if _items(box) > MAX_CHILDREN:  # said before anything is computed
        raise Rejected("TOO_MANY_CHILDREN", f"At most {MAX_CHILDREN:,} items are packed at once.")
    with reading(site.engine) as session:
        packed = _work_out(site, session, actor, box)
        _refuse_twice(session, packed)
        lot = _lot(session, packed, box.lot)
        brand = _brand(session, packed)
        slotted = [
            (place, child)
            for place, child in enumerate(packed.children)
            if session.get(ChainUnit, child["child"]) is not None
        ]
    nodes = packed.nodes
    document = epcis.packing(
        epcis.Occasion(site.when(), site.salt()),
        packed.epc,
        packed.units,
        [_epcis_run(site, codes) for _, codes in packed.runs],
    )
    args = {
        "actor": actor,
        "epcHash": packed.hashed_epc,
        "childrenRoot": nodes[0],
        "count": len(packed.children),
        "level": packed.level,
        "lot": lot,
        "slotted": [child for _, child in slotted],
    }
    proofs = [merkle.proof(nodes, place) for place, _ in slotted]
    order = Order(Verb.PACK, actor, packed.id, args, key, brand, document, Shown(proofs))

    def remember(session: Session) -> None:
        _remember(session, packed, actor, brand)

    return packed.id, act(site, order, signer, remember)


def _work_out(site: Site, session: Session, actor: int, box: Box) -> Packed:
    children: list[Child] = []
    units: list[str] = []
    nested: list[Packed] = []
    known: list[bytes] = []
    runs: list[tuple[int, Codes]] = []
    level = 1  # one above the highest unit inside
    for part in box.inside:
        if isinstance(part, Codes):
            runs.append((len(children), part))
            for leaf in leaves_of(site, session, part):
                children.append(item_child(len(children), leaf))
        elif isinstance(part, Box):
            inner = _work_out(site, session, actor, part)
            nested.append(inner)
            units.append(inner.epc)
            level = max(level, inner.level + 1)
            root, count = inner.nodes[0], len(inner.children)
            children.append(unit_child(len(children), inner.id, root, count))
        else:
            name = unit_name(session, part)
            known.append(part)
            units.append(name.epc)
            level = max(level, name.level + 1)
            children.append(unit_child(len(children), part, name.children_root, name.count))
    if not children:
        raise Rejected("NO_CHILDREN", f"There is nothing in unit {box.sscc}: name what is in it.")
    epc = ids.sscc_epc(box.sscc)
    hashed = ids.epc_hash(site.ring.unit_salt(actor, epc), epc)
    unit = ids.unit_id(actor, hashed)
    return Packed(
        unit,
        epc,
        hashed,
        level,
        tuple(children),
        tuple(units),
        tuple(nested),
        tuple(known),
        tuple(runs),
    )


def _items(box: Box) -> int:
    """Count what is in a box and in the boxes packed with it."""
    total = 0
    for part in box.inside:
        if isinstance(part, Box):
            total += _items(part)
        else:
            total += max(part.to - part.first, 0) if isinstance(part, Codes) else 1
    return total


def _all(packed: Packed) -> Iterable[Packed]:
    yield packed
    for inner in packed.nested:
        yield from _all(inner)


def _refuse_twice(session: Session, packed: Packed) -> None:
    """An item lies in one unit: refuse what the contract cannot see."""
    for inner in _all(packed):
        for _, codes in inner.runs:
            taken = session.scalars(
                select(UnitRun).where(
                    UnitRun.batch == codes.batch,
                    UnitRun.first < codes.to,
                    UnitRun.to > codes.first,
                    UnitRun.unit != inner.id,
                )
            ).first()
            if taken is not None:
                raise Rejected(
                    "TWICE_PACKED",
                    f"Codes {taken.first} to {taken.to} of batch {codes.batch} are packed already: "
                    "take them out first.",
                )


def _lot(session: Session, packed: Packed, lot: str | None) -> int:
    """Return the ledger's number of a lot of what is inside, 0 for none."""
    if lot is None:
        return 0
    batch = _batch_in(session, packed)
    known = None
    if batch is not None:
        gtin = batch_ref(session, batch).gtin
        query = select(ChainLot).where(ChainLot.id == ids.lot_id(gtin, lot), ChainLot.gtin == gtin)
        known = session.scalars(query).one_or_none()
    if known is None:
        raise Rejected("UNKNOWN_LOT", f"Lot {lot} is not on the ledger: bind it to codes first.")
    return known.number


def _brand(session: Session, packed: Packed) -> int:
    batch = _batch_in(session, packed)
    if batch is not None:
        return batch_ref(session, batch).brand
    return next((unit_name(session, unit).brand for p in _all(packed) for unit in p.known), 0)


def _batch_in(session: Session, packed: Packed) -> int | None:
    """Return the batch of some item inside, however deep."""
    inside = [unit for part in _all(packed) for unit in part.known]
    for part in _all(packed):
        for _, codes in part.runs:
            return codes.batch
    while inside:
        unit = inside.pop()
        run = session.scalars(select(UnitRun.batch).where(UnitRun.unit == unit)).first()
        if run is not None:
            return run
        inside += session.scalars(select(UnitChild.child).where(UnitChild.unit == unit))
    return None


def _epcis_run(site: Site, codes: Codes) -> epcis.Run:
    with reading(site.engine) as session:
        gtin = batch_ref(session, codes.batch).gtin
    return epcis.Run(f"{gtin:014d}", codes.batch, codes.first, codes.to)


def _remember(session: Session, packed: Packed, actor: int, brand: int) -> None:
    for inner in _all(packed):
        session.merge(
            UnitName(
                id=inner.id,
                brand=brand,
                creator=actor,
                epc=inner.epc,
                hashed_epc=inner.hashed_epc,
                level=inner.level,
                count=len(inner.children),
                children_root=inner.nodes[0],
            )
        )
        for place, codes in inner.runs:
            session.merge(
                UnitRun(
                    unit=inner.id,
                    position=place,
                    batch=codes.batch,
                    first=codes.first,
                    to=codes.to,
                )
            )
        for child in inner.children:
            if child["kind"] == UNIT:
                session.merge(
                    UnitChild(unit=inner.id, position=child["position"], child=child["child"])
                )
