"""Packing: what goes into logistic units, and the verbs that put it on the ledger.

A child that never moved alone is only a leaf of its parent's tree: packing a pallet of sixty cases
is one event on chain, whatever is in the cases. Many units are worked out together, signed each for
itself, and kept in one transaction; one that cannot be is refused alone. What may be in a unit is
judged in `ledger.services.goods.packing_checks`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from ledger.chain.account import Account
from ledger.chain.message import GroupMessage
from ledger.db.engine import reading
from ledger.db.models import Submission, UnitName
from ledger.domain import contents
from ledger.domain.contents import Codes, Inner, Part, Picked, walk
from ledger.domain.verbs import Verb
from ledger.errors import Rejected
from ledger.services import relaying
from ledger.services.act import act_many
from ledger.services.goods import packing_checks, places
from ledger.services.goods.line_rows import forget
from ledger.services.goods.pack_orders import order_of
from ledger.services.goods.packed import Packed, work_out
from ledger.services.goods.packing_checks import MAX_CHILDREN as MAX_CHILDREN
from ledger.services.goods.packing_checks import Load
from ledger.services.goods.units import unit_name
from ledger.services.mint import batch_ref
from ledger.services.moved import Signed
from ledger.services.order import Order
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
    site: Site,
    actor: int,
    box: Box,
    key: str,
    signer: Account | None = None,
    ship_to: int | None = None,
) -> tuple[bytes, int]:
    """Pack a box; return (unit id, submission id). key: idempotency key; ship_to: as `pack_many`.

    Raises as `packing_checks.check`, `packed.work_out`, Rejected UNKNOWN_LOT, and the contract's
    names.
    """
    (found,) = pack_many(site, actor, [(box, key)], signer, ship_to)
    if isinstance(found, Refused):
        raise found.error
    return found


def pack_many(
    site: Site,
    actor: int,
    boxes: Sequence[tuple[Box, str]],
    signer: Account | None = None,
    ship_to: int | None = None,
) -> list[Result]:
    """Pack boxes, each with all that is in it or not at all; what is wrong with one stops no other.

    boxes: each with its idempotency key. ship_to: the party that each is sent to under the same
    signature, all or nothing. Whatever is accepted is kept when this returns, in one transaction; a
    box that is in two of them goes into the first.
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
                key, lot = boxes[at][1], loads[at].lot
                orders[at] = order_of(site, session, actor, unit, lot, key, brands[at], ship_to)
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


def order_pack(site: Site, actor: int, box: Box, ship_to: int | None = None) -> Order:
    """Return the order of packing a box, for a party to sign with a key that is not here.

    ship_to: as `pack_many`. Raises as `pack`, but for the contract's names.
    """
    load = Load(box.sscc, tuple(map(_part, box.inside)), box.lot)
    with reading(site.engine) as session:
        unit = _work_out(site, session, actor, load)[0]
        brand = brand_of(session, unit.parts)
        return order_of(site, session, actor, unit, box.lot, "", brand, ship_to)


def pack_signed(
    site: Site,
    actor: int,
    box: Box,
    signed: Mapping[str, Any],
    key: str,
    ship_to: int | None = None,
) -> tuple[bytes, int]:
    """Pack a box by the message of it that its packer has signed; return as `pack`.

    signed: as `relaying.sign` returns it. Raises as `pack` and `relaying.accept`, and Rejected
    BAD_MESSAGE where something else was signed.
    """
    load = Load(box.sscc, tuple(map(_part, box.inside)), box.lot)
    with reading(site.engine) as session:
        known = bool(_asked_before(session, [relaying.key_of(actor, key)]))
        unit, dead = _work_out(site, session, actor, load, known=known)
        brand = brand_of(session, unit.parts)
    _refuse_other(relaying.read_signed(signed), actor, unit, ship_to)

    def beside(session: Session) -> None:
        _remember(session, actor, [unit], [brand], dead)

    return unit.id, relaying.accept(site, signed, key, brand, beside)


def _refuse_other(message: Signed, actor: int, unit: Packed, ship_to: int | None) -> None:
    """Refuse a message that does not pack this unit, or sends it elsewhere."""
    first: dict[str, Any] = {
        "actor": actor,
        "epcHash": unit.hashed_epc,
        "childrenRoot": unit.root,
        "count": unit.count,
        "level": unit.level,
    }
    asked = [(Verb.PACK, first)] + ([] if ship_to is None else [(Verb.SHIP, {"to": ship_to})])
    if isinstance(message, GroupMessage):
        signed = [(verb, args) for verb, args, *_ in message.parts]
    else:
        signed = [(message.verb, message.args)]
    told = [
        (verb, {name: args.get(name) for name in want})
        for (verb, args), (_, want) in zip(signed, asked, strict=False)
    ]
    if len(signed) != len(asked) or told != asked:
        raise Rejected("BAD_MESSAGE", "What was signed is not this box sent there: ask anew.")


def _work_out(
    site: Site, session: Session, actor: int, load: Load, *, known: bool = False
) -> tuple[Packed, frozenset[bytes]]:
    """Return a box that is right, worked out, and the units packed in vain that its goods were in.

    known: it was asked before, so what was said then is said again.
    """
    checked = packing_checks.check(site, session, actor, [load])
    if checked.faults[0] is not None and not known:
        raise checked.faults[0]
    (unit,) = work_out(site, session, actor, [Inner(load.sscc, load.parts)])
    return unit, checked.dead


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
