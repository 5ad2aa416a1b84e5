"""Items one by one: their states, and those that travel alone.

The model is the EU's of medicines (2016/161): out of the active state by whoever may say so, back
only by who said it and within ten days, never from destroyed or stolen.
"""

from __future__ import annotations

import numpy as np
from sqlalchemy.orm import Session

from ledger.chain.account import Account
from ledger.chain.message import Code, Shown
from ledger.db.chain_states import ChainItem
from ledger.db.engine import reading
from ledger.db.models import ChainBatch, ChainUnit, UnitName
from ledger.domain import epcis_states, ids
from ledger.domain.verbs import Verb
from ledger.errors import Rejected
from ledger.services.act import act
from ledger.services.codes import coded_as, leaf_proof, ref_of
from ledger.services.custody import occasion, transfer
from ledger.services.goods.packing_checks import is_dead
from ledger.services.goods.places import enter_item, holder_of, holders_of, next_number
from ledger.services.goods.units import name_item
from ledger.services.lookup import Item, find_linked, read_link
from ledger.services.order import Order
from ledger.services.site import Site

STATES: dict[str, int] = {
    "active": 1,
    "blocked": 2,
    "stolen": 3,
    "supplied": 4,
    "exported": 5,
    "sample": 6,
    "destroyed": 7,
}
FIRST_FINAL = 4  # from here on an item is decommissioned


def find(site: Site, session: Session, link: str) -> Item:
    """Return the item that a printed link (or its canonical form) names.

    Raises Rejected MALFORMED, UNKNOWN_ITEM.
    """
    found = read_link(link)
    item = find_linked(site, session, found)
    if item is None:
        raise Rejected("UNKNOWN_ITEM", f"No item of {link} is on the ledger: compare the link.")
    return item


def order_state(site: Site, actor: int, link: str, state: str, key: str) -> Order:
    """Return the order of setting an item's state, or with "active" of undoing what was set.

    Raises Rejected MALFORMED, UNKNOWN_ITEM, BAD_ITEM_STATE.
    """
    number = STATES.get(state)
    if number is None:
        raise Rejected("BAD_ITEM_STATE", f"'{state}' is no state: use {', '.join(STATES)}.")
    with reading(site.engine) as session:
        item = find(site, session, link)
        batch = session.get_one(ChainBatch, item.batch)
        known = session.get(ChainItem, item.leaf)
        proofs = [] if known is not None else [leaf_proof(site, session, ref_of(batch), item.index)]
    shown = Shown(proofs, code=_code(item))
    epc = ids.item_epc(f"{item.gtin:014d}", item.serial)
    document = epcis_states.item_state(occasion(site, actor), epc, number)
    verb = Verb.DECOMMISSION if number >= FIRST_FINAL else Verb.SET_ITEM_STATE
    args = {"actor": actor, "batch": item.batch, "state": number}
    return Order(verb, actor, item.leaf, args, key, item.brand, document, shown)


def draw(site: Site, actor: int, link: str, key: str, signer: Account | None = None) -> int:
    """Let an item that was never packed travel alone; return the submission's id.

    By its brand; from here on the item's link names a unit. Raises Rejected MALFORMED,
    UNKNOWN_ITEM, TWICE_PACKED (it lies in a unit, which the contract cannot see) and the
    contract's names.
    """
    order = order_draw(site, actor, link, key)

    def beside(session: Session) -> None:
        name_drawn(site, session, link)

    return act(site, order, signer, beside)


def reclaim(site: Site, actor: int, link: str, key: str, signer: Account | None = None) -> int:
    """Take an item from whoever has it by a slot that another brand's batch vouched for.

    By its brand, whose code stands on chain then; return the submission's id. Raises Rejected
    MALFORMED, UNKNOWN_ITEM, UNKNOWN_UNIT where it has no slot, and the contract's names.
    """
    order = order_reclaim(site, actor, link, key)

    def beside(session: Session) -> None:
        name_drawn(site, session, link)

    return act(site, order, signer, beside)


def order_reclaim(site: Site, actor: int, link: str, key: str) -> Order:
    """Return the order of `reclaim`: a withdrawal that shows the item's whole code."""
    with reading(site.engine) as session:
        item = find(site, session, link)
        unit = session.get(ChainUnit, item.leaf)
        if unit is None:
            raise Rejected("UNKNOWN_UNIT", f"'{link}' does not travel alone: draw it.")
        batch = session.get_one(ChainBatch, item.batch)
        origin = coded_as(site, session, batch, item.index)
    epc = ids.item_epc(f"{item.gtin:014d}", item.serial)
    path = transfer(site, unit.holder, actor)
    document = epcis_states.way(occasion(site, actor), Verb.WITHDRAW, [epc], path)
    args = {"actor": actor, "from": unit.holder}
    shown = Shown(origins=[origin])
    of = (item.leaf, args, key, item.brand, document, shown)
    return Order(Verb.WITHDRAW, actor, *of, worked_out=("from",))


def order_draw(site: Site, actor: int, link: str, key: str) -> Order:
    """Return the order of `draw`: the item takes its lot with it."""
    with reading(site.engine) as session:
        item = find(site, session, link)
        _refuse_packed(session, item)
        batch = session.get_one(ChainBatch, item.batch)
        proofs = [leaf_proof(site, session, ref_of(batch), item.index)]
    lot = item.run.lot if item.run is not None else 0
    epc = ids.item_epc(f"{item.gtin:014d}", item.serial)
    document = epcis_states.drawing(occasion(site, actor), epc)
    args = {"actor": actor, "batch": item.batch, "lot": lot}
    shown = Shown(proofs, code=_code(item).hash)
    of = (item.leaf, args, key, item.brand, document, shown)
    return Order(Verb.DRAW_ITEM, actor, *of, worked_out=("lot",))


def _refuse_packed(session: Session, item: Item) -> None:
    holder = holder_of(session, item.batch, item.index)
    if holder is None or not holder.count or session.get(ChainUnit, item.leaf) is not None:
        return
    if not is_dead(session, holder):
        told = f"The item lies in {holder.epc[-18:]}: take it out there, and it travels alone."
        raise Rejected("TWICE_PACKED", told)


def name_drawn(site: Site, session: Session, link: str) -> None:
    """Keep the name of an item that is drawn. Raises as `find`."""
    item = find(site, session, link)
    if session.get(UnitName, item.leaf) is None:
        batch = session.get_one(ChainBatch, item.batch)
        number = next_number(session, [item.batch])
        session.add(name_item(batch, _code(item), item.leaf, number))
        session.flush()
        if not holders_of(session, item.batch, np.array([item.index], np.uint32)).any():
            enter_item(session, item.batch, item.index, number)


def _code(item: Item) -> Code:
    return Code(item.gtin, item.index, item.serial)
