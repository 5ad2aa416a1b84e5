"""Unpacking: taking children out of a unit; whatever leaves it gets a slot of its own on chain."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from ledger.chain.account import Account
from ledger.db.engine import transaction
from ledger.db.models import UnitName, UnitRun
from ledger.domain import epcis, ids, merkle
from ledger.domain.verbs import Verb
from ledger.errors import Rejected
from ledger.services.act import Order, act
from ledger.services.mint import batch_ref
from ledger.services.site import Site
from ledger.services.units import Child, child_leaf, children_of, unit_name


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
        epcs = [_name_child(site, session, name, child).epc for child in chosen]
    nodes = merkle.tree([child_leaf(child) for child in children])
    document = epcis.unpacking(epcis.Occasion(site.when(), site.salt()), name.epc, epcs)
    proofs = [merkle.proof(nodes, p) for p in positions]
    args = {"actor": actor, "children": chosen}
    return Order(Verb.UNPACK, actor, unit, args, key, name.brand, document, proofs)


def _name_child(site: Site, session: Session, parent: UnitName, child: Child) -> UnitName:
    known = session.get(UnitName, child["child"])
    if known is not None:
        return known
    position = int(child["position"])
    run = session.scalars(
        select(UnitRun)
        .where(UnitRun.unit == parent.id, UnitRun.position <= position)
        .order_by(UnitRun.position.desc())
        .limit(1)
    ).one()
    ref = batch_ref(session, run.batch)
    index = run.first + position - run.position
    serial = site.minter.serials(ref, index, index + 1).tolist()[0].decode()
    epc = ids.item_epc(f"{ref.gtin:014d}", serial)
    item = UnitName(
        id=child["child"],
        brand=ref.brand,
        creator=ref.brand,
        epc=epc,
        hashed_epc=child["child"],  # its id is its leaf: no salt, so it cannot be opened twice
        level=0,
        count=0,
        children_root=bytes(32),
    )
    session.add(item)
    return item
