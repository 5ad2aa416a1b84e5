"""ship, receiveFrom: see contracts/test/{ship,receiveFrom}.tree."""

import pytest

from ledger.domain.keccak import keccak
from ledger.domain.verbs import Verb
from tests.contracts.ledger_harness import Chain
from tests.contracts.world import (
    BRAND,
    DISTRIBUTOR,
    MARKET,
    RIVAL,
    STORE,
    STRANGER,
    bind,
    do_pack,
    hand_over,
    items,
    receive,
    refused,
    ship,
)


@pytest.fixture
def unit(world: Chain) -> bytes:
    """A case that the brand holds."""
    return do_pack(world, BRAND, "case", items(24))


def custody(chain: Chain, unit: bytes) -> tuple[int, int, int]:
    stored = chain.unit(unit)
    return stored["holder"], stored["addressee"], stored["state"]


def test_ship_puts_a_unit_on_its_way(world, unit):
    """It keeps its holder and gets one addressee."""
    world.do(Verb.SHIP, ship(BRAND, DISTRIBUTOR), on=unit)
    assert custody(world, unit) == (BRAND, DISTRIBUTOR, 2)


def test_receive_makes_the_addressee_holder(world, unit):
    """And so on to the next."""
    hand_over(world, unit, BRAND, DISTRIBUTOR)
    assert custody(world, unit) == (DISTRIBUTOR, 0, 1)
    hand_over(world, unit, DISTRIBUTOR, STORE)
    assert custody(world, unit) == (STORE, 0, 1)
    assert world.unit(unit)["seq"] == 5


def test_ship_is_the_holders(world, unit):
    """Not another's unit, not one that nobody packed, not one on its way already."""
    with refused("NotHolder", unit, RIVAL):
        world.do(Verb.SHIP, ship(RIVAL, STORE), on=unit)
    with refused("UnknownUnit", keccak(b"none")):
        world.do(Verb.SHIP, ship(BRAND, STORE), on=keccak(b"none"))
    world.do(Verb.SHIP, ship(BRAND, STORE), on=unit)
    with refused("UnitInTransit", unit):
        world.do(Verb.SHIP, ship(BRAND, STORE), on=unit)


def test_ship_needs_a_registered_addressee(world, unit):
    """Nobody, an unregistered party, oneself."""
    for party in (0, STRANGER):
        with refused("UnknownParty", party):
            world.do(Verb.SHIP, ship(BRAND, party), on=unit)
    with refused("ToSelf", BRAND):
        world.do(Verb.SHIP, ship(BRAND, BRAND), on=unit)


def test_ship_keeps_goods_in_their_market(world):
    """A lot for market 7 goes to whoever may hold it, and to nobody else."""
    world.do(Verb.BIND_LOT, bind(0, 0, market=MARKET), on=1)
    unit = do_pack(world, BRAND, "case", items(2), lot=1)
    with refused("MarketRefused", STORE, MARKET):
        world.do(Verb.SHIP, ship(BRAND, STORE), on=unit)
    hand_over(world, unit, BRAND, DISTRIBUTOR)
    with refused("MarketRefused", STORE, MARKET):
        world.do(Verb.SHIP, ship(DISTRIBUTOR, STORE), on=unit)


def test_receive_is_the_addressees(world, unit):
    """Not another party's, and not the shipper's."""
    world.do(Verb.SHIP, ship(BRAND, DISTRIBUTOR), on=unit)
    for party in (STORE, BRAND):
        with refused("NotAddressee", unit, party):
            world.do(Verb.RECEIVE_FROM, receive(party, BRAND), on=unit)


def test_receive_names_the_shipper(world, unit):
    """The counterparty in the history is who it came from."""
    world.do(Verb.SHIP, ship(BRAND, DISTRIBUTOR), on=unit)
    with refused("NotFrom", unit, RIVAL):
        world.do(Verb.RECEIVE_FROM, receive(DISTRIBUTOR, RIVAL), on=unit)


def test_receive_only_what_is_on_its_way(world, unit):
    """Not before it was shipped, not twice, not what is not there."""
    with refused("UnitNotInTransit", unit):
        world.do(Verb.RECEIVE_FROM, receive(DISTRIBUTOR, BRAND), on=unit)
    hand_over(world, unit, BRAND, DISTRIBUTOR)
    with refused("UnitNotInTransit", unit):
        world.do(Verb.RECEIVE_FROM, receive(DISTRIBUTOR, BRAND), on=unit)
    with refused("UnknownUnit", keccak(b"none")):
        world.do(Verb.RECEIVE_FROM, receive(DISTRIBUTOR, BRAND), on=keccak(b"none"))
