"""Handoffs: sending units on their way, and confirming their receipt."""

from __future__ import annotations

from collections.abc import Sequence

from ledger.chain.account import Account
from ledger.db.engine import reading
from ledger.domain import epc, epcis
from ledger.domain.verbs import Verb
from ledger.errors import Rejected
from ledger.services.act import Order, act, act_on_list
from ledger.services.capture import CUSTODY_DEADLINE_S, RECEIPT_DEADLINE_S
from ledger.services.site import Site
from ledger.services.units import unit_name


def ship(
    site: Site,
    actor: int,
    to: int,
    units: Sequence[bytes],
    key: str,
    signer: Account | None = None,
) -> int:
    """Send units to a party under one signature; return the submission's id.

    Raises Rejected EMPTY, UNKNOWN_UNIT and the contract's names.
    """
    return _hand(site, order_handoff(site, Verb.SHIP, actor, to, units, key), units, signer)


def receive(
    site: Site,
    actor: int,
    sender: int,
    units: Sequence[bytes],
    key: str,
    signer: Account | None = None,
) -> int:
    """Confirm receipt of units from a party under one signature; return the submission's id.

    Raises as `ship`.
    """
    order = order_handoff(site, Verb.RECEIVE_FROM, actor, sender, units, key)
    return _hand(site, order, units, signer)


def order_handoff(
    site: Site, verb: Verb, actor: int, other: int, units: Sequence[bytes], key: str
) -> Order:
    """Return the order of a handoff, with its document, before anyone has signed it.

    verb: ship or receiveFrom. Raises Rejected EMPTY, UNKNOWN_UNIT.
    """
    if not units:
        raise Rejected("EMPTY", "Name at least one unit.")
    with reading(site.engine) as session:
        names = [unit_name(session, unit) for unit in units]
    own, theirs = (epc.party_epc(party, site.host) for party in (actor, other))
    place = epc.place_epc(actor, site.host)
    occasion = epcis.Occasion(site.when(), site.salt(), place, place)
    epcs = [name.epc for name in names]
    if verb is Verb.SHIP:
        document = epcis.shipping(occasion, epcs, _transfer(own, theirs))
        args, good_for = {"actor": actor, "to": other}, CUSTODY_DEADLINE_S
    else:
        document = epcis.receiving(occasion, epcs, _transfer(theirs, own))
        args, good_for = {"actor": actor, "from": other}, RECEIPT_DEADLINE_S
    return Order(verb, actor, units[0], args, key, names[0].brand, document, (), good_for)


def _transfer(source: str, destination: str) -> epcis.Transfer:
    # The ledger knows who has goods, not who owns them.
    return epcis.Transfer(source, destination, ("possessing_party",))


def _hand(site: Site, order: Order, units: Sequence[bytes], signer: Account | None) -> int:
    if len(units) == 1:
        return act(site, order, signer)
    return act_on_list(site, order, units, signer)
