"""Unpacking: taking children out of a unit; whatever leaves it gets a slot of its own on chain."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from ledger.chain.account import Account
from ledger.chain.message import Shown
from ledger.db.engine import transaction
from ledger.db.models import ChainBatch, ChainUnit, UnitName, UnitRun
from ledger.domain import epcis, merkle
from ledger.domain.verbs import Verb
from ledger.errors import Rejected
from ledger.services.act import Order, act
from ledger.services.codes import code_at, made_as
from ledger.services.site import Site
from ledger.services.units import UNIT, Child, child_leaf, children_of, name_item, unit_name


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


def order_unpack(site: Site, actor: int, unit: bytes, positions: Sequence[int], key: str) -> Order:
    """Return the order of taking children out, with its proofs, before anyone has signed it.

    An item that leaves alone travels under its own EPC, so its name is kept from here on.
    """
    with transaction(site.engine) as session:
        name = unit_name(session, unit)
        children = children_of(site, session, unit)
        if not positions or not all(0 <= p < len(children) for p in positions):
            raise Rejected("BAD_POSITION", f"The unit has positions 0 to {len(children) - 1}.")
        chosen = [children[p] for p in positions]
        named = [_name_child(site, session, name, child) for child in chosen]
        maker = [name.creator.to_bytes(32, "big"), name.hashed_epc]
        made = [_made_as(site, session, name, child) for child in chosen]
    nodes = merkle.tree([child_leaf(child) for child in children])
    document = epcis.unpacking(
        epcis.Occasion(site.when(), site.salt()), name.epc, [child.epc for child in named]
    )
    proofs = [merkle.proof(nodes, p) for p in positions]
    args = {"actor": actor, "children": chosen}
    return Order(
        Verb.UNPACK, actor, unit, args, key, name.brand, document, Shown(proofs, [maker, *made])
    )


def _made_as(site: Site, session: Session, parent: UnitName, child: Child) -> list[bytes]:
    """Return what shows that a child's maker is the parent's; nothing for one with a slot."""
    if session.get(ChainUnit, child["child"]) is not None:
        return []
    if child["kind"] == UNIT:
        return [unit_name(session, child["child"]).hashed_epc]
    batch, index = _place_in(session, parent, child)
    return made_as(site, session, batch, index)


def _place_in(session: Session, parent: UnitName, child: Child) -> tuple[ChainBatch, int]:
    """Return the batch and index of an item by its position in a unit."""
    position = int(child["position"])
    run = session.scalars(
        select(UnitRun)
        .where(UnitRun.unit == parent.id, UnitRun.position <= position)
        .order_by(UnitRun.position.desc())
        .limit(1)
    ).one()
    return session.get_one(ChainBatch, run.batch), run.first + position - run.position


def _name_child(site: Site, session: Session, parent: UnitName, child: Child) -> UnitName:
    known = session.get(UnitName, child["child"])
    if known is not None:
        return known
    batch, index = _place_in(session, parent, child)
    item = name_item(batch, code_at(site, batch, index), child["child"])
    session.add(item)
    return item
