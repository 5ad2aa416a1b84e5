"""Packing: what goes into logistic units, and the verbs that put it on the ledger.

A child that never moved alone is only a leaf of its parent's tree: packing a pallet of sixty cases
is one event on chain, whatever is in the cases. Many units are worked out together, signed each for
itself, and kept in one transaction; one that cannot be is refused alone. What may be in a unit is
judged in `ledger.services.goods.packing_checks`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from ledger.chain.account import Account
from ledger.chain.message import Shown
from ledger.db.engine import reading
from ledger.db.models import ChainLot, ChainUnit, Submission, UnitName
from ledger.domain import contents, epcis, ids, merkle
from ledger.domain.contents import Codes, Inner, Part, Picked, walk
from ledger.domain.verbs import Verb
from ledger.errors import Rejected
from ledger.services.act import Order, act_many
from ledger.services.goods import packing_checks, places
from ledger.services.goods.line_rows import forget
from ledger.services.goods.packed import Packed, work_out
from ledger.services.goods.packing_checks import MAX_CHILDREN as MAX_CHILDREN
from ledger.services.goods.packing_checks import Load
from ledger.services.goods.units import unit_name
from ledger.services.mint import batch_ref
from ledger.services.site import Site


@dataclass(frozen=True)
class Box:
    """A unit to pack: its SSCC (18 digits), and what is in it, in the packer's order.

    inside: items, boxes that are packed with it, or units known already (their id). lot: the lot
    number of all that is in it, None for none or several.
    """

    sscc: str
    inside: Sequence[Codes | Picked | Box | Inner | bytes]
    lot: str | None = None


@dataclass(frozen=True)
class Refused:
    """Why a unit was not packed. code: batch and index of the code at fault, where it is one."""

    error: Rejected
    code: tuple[int, int] | None = None


Result = tuple[bytes, int] | Refused
"""Of one unit: its id and its submission, or why it was refused."""


def pack(
    site: Site, actor: int, box: Box, key: str, signer: Account | None = None
) -> tuple[bytes, int]:
    """Pack a box; return (unit id, submission id). key: idempotency key.

    Raises as `packing_checks.check`, `packed.work_out`, Rejected UNKNOWN_LOT, and the contract's
    names.
    """
    (found,) = pack_many(site, actor, [(box, key)], signer)
    if isinstance(found, Refused):
        raise found.error
    return found


def pack_many(
    site: Site,
    actor: int,
    boxes: Sequence[tuple[Box, str]],
    signer: Account | None = None,
) -> list[Result]:
    """Pack boxes, each with all that is in it or not at all; what is wrong with one stops no other.

    boxes: each with its idempotency key. Whatever is accepted is kept when this returns, in one
    transaction; a box that is in two of them goes into the first.
    """
    loads = [Load(box.sscc, tuple(map(_part, box.inside)), box.lot) for box, _ in boxes]
    with reading(site.engine) as session:
        checked = packing_checks.check(site, session, actor, loads)
        for at in _asked_before(session, [key for _, key in boxes]):
            checked.faults[at] = None  # what was said then is said again
        good = [at for at, fault in enumerate(checked.faults) if fault is None]
        tops = [Inner(loads[at].sscc, loads[at].parts) for at in good]
        packed = dict(zip(good, work_out(site, session, actor, tops), strict=True))
        results: list[Result | None] = [
            None if fault is None else Refused(fault, checked.named.get(at))
            for at, fault in enumerate(checked.faults)
        ]
        orders: dict[int, Order] = {}
        brands: dict[int, int] = {}
        for at, unit in packed.items():
            brands[at] = brand_of(session, unit.parts)
            try:
                orders[at] = _order(site, session, actor, unit, loads[at], boxes[at][1], brands[at])
            except Rejected as error:
                results[at] = Refused(error)
    places_in = list(orders)

    def beside(session: Session, kept: Sequence[int]) -> None:
        units = [packed[places_in[one]] for one in kept]
        own = [brands[places_in[one]] for one in kept]
        _remember(session, actor, units, own, checked.dead)

    for at, done in zip(
        places_in, act_many(site, list(orders.values()), signer, beside), strict=True
    ):
        results[at] = Refused(done) if isinstance(done, Rejected) else (packed[at].id, done)
    return [result for result in results if result is not None]


def brand_of(session: Session, parts: Sequence[Part]) -> int:
    """Return whose goods are in a unit, 0 for nobody's."""
    for part in walk(parts):
        if isinstance(part, Codes | Picked):
            return batch_ref(session, part.batch).brand
    return next((unit_name(session, p).brand for p in walk(parts) if isinstance(p, bytes)), 0)


def _asked_before(session: Session, keys: Sequence[str]) -> list[int]:
    found: set[str] = set()
    for at in range(0, len(keys), places.CHUNK):
        part = keys[at : at + places.CHUNK]
        found.update(session.scalars(select(Submission.key).where(Submission.key.in_(part))))
    return [at for at, key in enumerate(keys) if key in found]


def _part(part: Codes | Picked | Box | Inner | bytes) -> Part:
    if isinstance(part, Box):
        return Inner(part.sscc, tuple(map(_part, part.inside)))
    return part


def _order(
    site: Site, session: Session, actor: int, unit: Packed, load: Load, key: str, brand: int
) -> Order:
    slotted = _slotted(session, unit)
    document = epcis.packing(
        epcis.Occasion(site.when(), site.salt()),
        unit.epc,
        _epcs(session, unit),
        _runs(session, unit),
    )
    children = unit.children() if slotted else []
    args = {
        "actor": actor,
        "epcHash": unit.hashed_epc,
        "childrenRoot": unit.root,
        "count": unit.count,
        "level": unit.level,
        "lot": _lot(session, unit.parts, load.lot),
        "slotted": [children[place] for place in slotted],
    }
    nodes = unit.nodes() if slotted else []
    shown = Shown([merkle.proof(nodes, place) for place in slotted])
    return Order(Verb.PACK, actor, unit.id, args, key, brand, document, shown)


def _slotted(session: Session, unit: Packed) -> list[int]:
    """Return the places of what has a slot of its own, which the ledger freezes inside."""
    found = []
    at = 0
    for part in unit.parts:
        if isinstance(part, bytes) and session.get(ChainUnit, part) is not None:
            found.append(at)
        at += contents.places(part)
    return found


def _epcs(session: Session, unit: Packed) -> list[str]:
    inner = iter(unit.inner)
    return [
        next(inner).epc if isinstance(part, Inner) else unit_name(session, part).epc
        for part in unit.parts
        if isinstance(part, Inner | bytes)
    ]


def _runs(session: Session, unit: Packed) -> list[epcis.Run]:
    runs = []
    for part in unit.parts:
        if isinstance(part, Codes | Picked):
            gtin = f"{batch_ref(session, part.batch).gtin:014d}"
            spans = (
                [(part.first, part.to)] if isinstance(part, Codes) else places.spans(part.indices)
            )
            runs += [epcis.Run(gtin, part.batch, first, to) for first, to in spans]
    return runs


def _lot(session: Session, parts: Sequence[Part], lot: str | None) -> int:
    """Return the ledger's number of a lot of what is inside, 0 for none."""
    if lot is None:
        return 0
    batch = _batch_in(session, parts)
    known = None
    if batch is not None:
        gtin = batch_ref(session, batch).gtin
        query = select(ChainLot).where(ChainLot.id == ids.lot_id(gtin, lot), ChainLot.gtin == gtin)
        known = session.scalars(query).one_or_none()
    if known is None:
        raise Rejected("UNKNOWN_LOT", f"Lot {lot} is not on the ledger: bind it to codes first.")
    return known.number


def _batch_in(session: Session, parts: Sequence[Part]) -> int | None:
    """Return the batch of some item inside, however deep."""
    for part in walk(parts):
        if isinstance(part, Codes | Picked):
            return part.batch
    for part in walk(parts):
        if isinstance(part, bytes):
            inside = contents.decode(unit_name(session, part).contents or contents.NOTHING)
            if (batch := _batch_in(session, inside)) is not None:
                return batch
    return None


def _remember(
    session: Session,
    actor: int,
    units: Sequence[Packed],
    brands: Sequence[int],
    dead: frozenset[bytes],
) -> None:
    """Keep what is in units; what was packed in vain before gives its places back."""
    batches = {batch for unit in units for batch in places.by_batch(unit.parts)}
    number = places.next_number(session, batches)
    for old in {*dead, *(unit.id for unit in units)}:
        if (name := session.get(UnitName, old)) is not None:
            places.leave(session, name)
    rows = [
        UnitName(
            id=unit.id,
            number=number + at,
            origin=None,
            brand=brand,
            creator=actor,
            epc=unit.epc,
            hashed_epc=unit.hashed_epc,
            level=unit.level,
            count=unit.count,
            children_root=unit.root,
            contents=contents.encode(unit.parts),
        )
        for at, (unit, brand) in enumerate(zip(units, brands, strict=True))
    ]
    inside = [unit.parts for unit in units]
    packing_checks.again(session, actor, [Load(unit.sscc, unit.parts) for unit in units])
    session.add_all(rows)
    session.flush()
    places.enter(session, rows, inside)
    _close(session, actor, units)


def _close(session: Session, actor: int, units: Sequence[Packed]) -> None:
    """What a line had closed and is on its way to the ledger now is no longer the line's."""
    names = [box.sscc for unit in units for box in walk(unit.parts) if isinstance(box, Inner)]
    forget(session, actor, [*names, *(unit.sscc for unit in units)])
