"""Unpacking: taking children out of a unit; whatever leaves it gets a slot of its own on chain."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy.orm import Session

from ledger.chain.account import Account
from ledger.chain.message import Shown
from ledger.db.engine import transaction
from ledger.db.models import ChainBatch, ChainUnit, UnitName
from ledger.domain import contents, epcis, merkle
from ledger.domain.contents import Codes, Inner, Picked, part_at
from ledger.domain.verbs import Verb
from ledger.errors import Rejected
from ledger.services.act import act
from ledger.services.codes import code_at, made_as
from ledger.services.goods.packed import Packed, load
from ledger.services.goods.places import next_number
from ledger.services.goods.units import name_item, unit_name
from ledger.services.order import Order
from ledger.services.site import Site


def unpack(
    site: Site,
    actor: int,
    unit: bytes,
    positions: Sequence[int],
    key: str,
    signer: Account | None = None,
) -> tuple[list[bytes], int]:
    """Take children out of a unit; return (their ids, submission id).

    positions: in the packer's order. Raises Rejected UNKNOWN_UNIT, BAD_POSITION and the contract's
    names.
    """
    order = order_unpack(site, actor, unit, positions, key)
    return [child["child"] for child in order.args["children"]], act(site, order, signer)


def order_unpack(
    site: Site,
    actor: int,
    unit: bytes,
    positions: Sequence[int],
    key: str,
    stated: Mapping[str, Any] | None = None,
) -> Order:
    """Return the order of taking children out, with its proofs, before anyone has signed it.

    stated: further members of its document, such as the reason. What leaves travels under its own
    EPC, so its name is kept from here on.
    """
    with transaction(site.engine) as session:
        name = unit_name(session, unit)
        whole = load(site, session, name) if name.count else None
        if whole is None or not positions or not all(0 <= p < whole.count for p in positions):
            raise Rejected("BAD_POSITION", f"The unit has positions 0 to {name.count - 1}.")
        children = whole.children()
        chosen = [children[place] for place in positions]
        named = [_name_child(site, session, name, whole, place) for place in positions]
        maker = [name.creator.to_bytes(32, "big"), name.hashed_epc]
        made = [_made_as(site, session, whole, place) for place in positions]
    nodes = whole.nodes()
    document = epcis.unpacking(
        epcis.Occasion(site.when(), site.salt()), name.epc, [child.epc for child in named]
    ) | dict(stated or {})
    proofs = [merkle.proof(nodes, place) for place in positions]
    args = {"actor": actor, "children": chosen}
    return Order(
        Verb.UNPACK, actor, unit, args, key, name.brand, document, Shown(proofs, [maker, *made])
    )


def _made_as(site: Site, session: Session, whole: Packed, place: int) -> list[bytes]:
    """Return what shows that a child's maker is the parent's; nothing for one with a slot."""
    child = whole.children()[place]["child"]
    if session.get(ChainUnit, child) is not None:
        return []
    part, within = part_at(whole.parts, place)
    if isinstance(part, Codes | Picked):
        batch = session.get_one(ChainBatch, part.batch)
        return made_as(site, session, batch, int(part.indices[within]))
    return [unit_name(session, child).hashed_epc]


def _name_child(
    site: Site, session: Session, parent: UnitName, whole: Packed, place: int
) -> UnitName:
    child = whole.children()[place]
    known = session.get(UnitName, child["child"])
    if known is not None:
        return known
    part, within = part_at(whole.parts, place)
    if isinstance(part, Codes | Picked):
        batch = session.get_one(ChainBatch, part.batch)
        number = next_number(session, [part.batch])
        code = code_at(site, batch, int(part.indices[within]))
        name = name_item(batch, code, child["child"], number)
    else:
        inner = next(one for one in whole.inner if one.id == child["child"])
        name = _name_box(session, parent, inner)
    session.add(name)
    session.flush()
    return name


def _name_box(session: Session, parent: UnitName, inner: Packed) -> UnitName:
    batches = {p.batch for p in contents.walk(inner.parts) if not isinstance(p, Inner | bytes)}
    return UnitName(
        id=inner.id,
        number=next_number(session, batches),
        origin=parent.number,
        brand=parent.brand,
        creator=parent.creator,
        epc=inner.epc,
        hashed_epc=inner.hashed_epc,
        level=inner.level,
        count=inner.count,
        children_root=inner.root,
        contents=contents.encode(inner.parts),
    )
