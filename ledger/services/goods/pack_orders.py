"""The verb that puts a unit on the ledger: its arguments, its document, and what it shows."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from ledger.chain.message import Shown
from ledger.db.models import ChainLot, ChainUnit
from ledger.domain import contents, epcis, ids, merkle
from ledger.domain.contents import Codes, Inner, Part, Picked, walk
from ledger.domain.verbs import Verb
from ledger.errors import Rejected
from ledger.services import custody
from ledger.services.goods import places
from ledger.services.goods.packed import Packed
from ledger.services.goods.units import unit_name
from ledger.services.mint import batch_ref
from ledger.services.order import Order
from ledger.services.site import Site


def order_of(
    site: Site,
    session: Session,
    actor: int,
    unit: Packed,
    lot: str | None,
    key: str,
    brand: int,
    ship_to: int | None,
) -> Order:
    """Return the order of packing a unit that is worked out, and of sending it to a party if any.

    lot: of all that is in it; key: idempotency key; brand: whose goods they are. Raises Rejected
    UNKNOWN_LOT.
    """
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
        "lot": _lot(session, unit.parts, lot),
        "slotted": [children[place] for place in slotted],
    }
    nodes = unit.nodes() if slotted else []
    shown = Shown([merkle.proof(nodes, place) for place in slotted])
    order = Order(Verb.PACK, actor, unit.id, args, key, brand, document, shown)
    return order if ship_to is None else custody.order_sending(site, order, ship_to, unit.epc)


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
