"""Handoffs: sending units on their way, confirming their receipt, and the ways back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from sqlalchemy.orm import Session

from ledger.chain.account import Account
from ledger.chain.message import NOTHING, Shown
from ledger.db.engine import reading
from ledger.db.models import ChainUnit, UnitName
from ledger.domain import epc, epcis, epcis_states
from ledger.domain.history import COUNTERPARTIES
from ledger.domain.verbs import LISTS, Verb
from ledger.errors import Rejected
from ledger.services.act import act, act_on_list
from ledger.services.capture import CUSTODY_DEADLINE_S, RECEIPT_DEADLINE_S
from ledger.services.goods.units import unit_name
from ledger.services.order import Order
from ledger.services.site import Site

# The verbs that move a unit between two parties, by the words that people use for them.
WAYS: dict[str, Verb] = {
    "ship": Verb.SHIP,
    "receive": Verb.RECEIVE_FROM,
    "return": Verb.RETURN_TO,
    "refuse": Verb.REFUSE,
    "take-back": Verb.TAKE_BACK,
    "lost": Verb.REPORT_LOST,
    "withdraw": Verb.WITHDRAW,
}


def ship(
    site: Site,
    actor: int,
    to: int,
    units: Sequence[bytes],
    key: str,
    signer: Account | None = None,
) -> int:
    """Send units to a party under one signature; return the submission's id. Raises as `hand`."""
    return hand(site, Verb.SHIP, actor, to, units, key, signer)


def receive(
    site: Site,
    actor: int,
    sender: int,
    units: Sequence[bytes],
    key: str,
    signer: Account | None = None,
) -> int:
    """Confirm receipt of units from a party under one signature; return the submission's id.

    Raises as `hand`.
    """
    return hand(site, Verb.RECEIVE_FROM, actor, sender, units, key, signer)


def hand(
    site: Site,
    verb: Verb,
    actor: int,
    other: int,
    units: Sequence[bytes],
    key: str,
    signer: Account | None = None,
    skip_stale: bool = False,
) -> int:
    """Carry out one of `WAYS` with another party; return the submission's id.

    units: one, or several under one signature to ship or receive. skip_stale: of several, those
    that move before it lands are skipped. Raises Rejected EMPTY, ONE_UNIT, UNKNOWN_UNIT and the
    contract's names.
    """
    order = order_handoff(site, verb, actor, other, units, key, skip_stale)
    if len(units) == 1:
        return act(site, order, signer)
    return act_on_list(site, order, units, signer)


def order_handoff(
    site: Site,
    verb: Verb,
    actor: int,
    other: int,
    units: Sequence[bytes],
    key: str,
    skip_stale: bool = False,
) -> Order:
    """Return the order of one of `WAYS`, with its document, before anyone has signed it.

    Raises Rejected EMPTY, ONE_UNIT, UNKNOWN_UNIT.
    """
    if not units:
        raise Rejected("EMPTY", "Name at least one unit.")
    if len(units) > 1 and verb not in LISTS:
        raise Rejected("ONE_UNIT", "Only shipping and receiving take several units: name one.")
    shown = NOTHING
    with reading(site.engine) as session:
        names = [unit_name(session, unit) for unit in units]
        if verb is Verb.WITHDRAW:
            shown = Shown(origins=[brands_own(session, actor, names[0])])
    document = _document(site, verb, actor, other, [name.epc for name in names])
    args = {"actor": actor, COUNTERPARTIES[verb]: other}
    good_for = RECEIPT_DEADLINE_S if verb is Verb.RECEIVE_FROM else CUSTODY_DEADLINE_S
    brand = names[0].brand
    return Order(
        verb, actor, units[0], args, key, brand, document, shown, good_for, skip_stale=skip_stale
    )


def order_sending(site: Site, order: Order, to: int, epc: str) -> Order:
    """Return the order of packing a unit, with that of shipping it under the same signature.

    epc: the unit's, which is known here only once it is packed.
    """
    document = _document(site, Verb.SHIP, order.actor, to, [epc])
    args = {"actor": order.actor, "to": to}
    ship = Order(Verb.SHIP, order.actor, order.identity, args, order.key, order.brand, document)
    return replace(order, then=(ship,))


def brands_own(session: Session, brand: int, name: UnitName) -> list[bytes]:
    """Return what shows that a unit is a brand's: nothing where the ledger knows whose it is."""
    unit = session.get(ChainUnit, name.id)
    if not name.count or name.creator != brand or (unit is not None and unit.lot):
        return []
    return [name.hashed_epc]


def transfer(site: Site, source: int, destination: int) -> epcis.Transfer:
    """Return from whom to whom goods go, as documents state it."""
    # The ledger knows who has goods, not who owns them.
    begin, end = (epc.party_epc(party, site.host) for party in (source, destination))
    return epcis.Transfer(begin, end, ("possessing_party",))


def occasion(site: Site, actor: int) -> epcis.Occasion:
    """Return the present at a party's place, as documents state it."""
    place = epc.place_epc(actor, site.host)
    return epcis.Occasion(site.when(), site.salt(), place, place)


def _document(
    site: Site, verb: Verb, actor: int, other: int, epcs: Sequence[str]
) -> epcis.Document:
    comes = verb in (Verb.RECEIVE_FROM, Verb.WITHDRAW)
    path = transfer(site, other, actor) if comes else transfer(site, actor, other)
    at = occasion(site, actor)
    if verb is Verb.SHIP:
        return epcis.shipping(at, epcs, path)
    if verb is Verb.RECEIVE_FROM:
        return epcis.receiving(at, epcs, path)
    return epcis_states.way(at, verb, epcs, path)
