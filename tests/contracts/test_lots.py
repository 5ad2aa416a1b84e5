"""Recalls, and codes that are void: see contracts/test/{setLotState,voidCodes}.tree."""

from __future__ import annotations

from typing import Any

import pytest

from ledger.domain import ids
from ledger.domain.verbs import Role, Verb
from tests.contracts.ledger_harness import Chain, key
from tests.contracts.world import (
    BRAND,
    COUNT,
    DISTRIBUTOR,
    DOCUMENT,
    RIVAL,
    STORE,
    activate,
    bind,
    do_pack,
    hand_over,
    items,
    pack,
    refused,
    register,
    reserve,
)

REGULATOR, OTHER = 10**13 + 3, 10**13 + 4
RELEASED, RECALLED = 1, 2
LOT = 1


def state(actor: int, new: int) -> dict[str, Any]:
    """Arguments of setLotState."""
    return {"actor": actor, "state": new, "eventHash": DOCUMENT}


def void(start: int, stop: int, actor: int = BRAND) -> dict[str, Any]:
    """Arguments of voidCodes."""
    return {"actor": actor, "from": start, "to": stop, "eventHash": DOCUMENT}


@pytest.fixture
def lots(world: Chain) -> Chain:
    """The world with a lot of the brand's and two regulators."""
    world.do(Verb.BIND_LOT, bind(0, 100), on=1)
    for party in (REGULATOR, OTHER):
        world.do(Verb.REGISTER_PARTY, register(party, Role.REGULATOR))
        world.keys[party] = key(f"party {party}")
    return world


def kept(chain: Chain) -> tuple[int, int]:
    """The lot's state and who set it."""
    lot = chain.read("lots", LOT)
    return lot["status"], lot["setBy"]


def test_set_lot_state_recalls_and_releases(lots):
    """By the brand, and by a regulator; the event names the lot by its number."""
    for actor in (BRAND, REGULATOR):
        event = lots.do(Verb.SET_LOT_STATE, state(actor, RECALLED), on=LOT).only("LotStateSet")
        assert (event["lot"], event["args"]["state"]) == (LOT, RECALLED)
        assert kept(lots) == (RECALLED, actor)
        lots.do(Verb.SET_LOT_STATE, state(actor, RELEASED), on=LOT)
        assert kept(lots) == (RELEASED, 0)


def test_set_lot_state_refuses_lots_that_are_not_the_actors(lots):
    """A lot that nobody opened; another brand; a store."""
    with refused("UnknownLot", 9):
        lots.do(Verb.SET_LOT_STATE, state(BRAND, RECALLED), on=9)
    for actor in (RIVAL, STORE):
        with refused("ForeignLot", LOT, actor):
            lots.do(Verb.SET_LOT_STATE, state(actor, RECALLED), on=LOT)


def test_set_lot_state_refuses_what_is_no_change(lots):
    """Recalled and released are all there is, and never what the lot is already."""
    for new in (0, RELEASED, 3):
        with refused("BadLotState", new):
            lots.do(Verb.SET_LOT_STATE, state(BRAND, new), on=LOT)
    for actor in (BRAND, REGULATOR):
        lots.do(Verb.SET_LOT_STATE, state(actor, RECALLED), on=LOT)
        with refused("BadLotState", RECALLED):
            lots.do(Verb.SET_LOT_STATE, state(actor, RECALLED), on=LOT)


def test_only_who_recalled_a_lot_releases_it(lots):
    """A brand does not undo a regulator's recall, and a regulator may take the brand's over."""
    lots.do(Verb.SET_LOT_STATE, state(BRAND, RECALLED), on=LOT)
    with refused("ForeignLot", LOT, REGULATOR):
        lots.do(Verb.SET_LOT_STATE, state(REGULATOR, RELEASED), on=LOT)
    lots.do(Verb.SET_LOT_STATE, state(REGULATOR, RECALLED), on=LOT)
    with refused("ForeignLot", LOT, BRAND):
        lots.do(Verb.SET_LOT_STATE, state(BRAND, RELEASED), on=LOT)
    with refused("BadLotState", RECALLED):
        lots.do(Verb.SET_LOT_STATE, state(BRAND, RECALLED), on=LOT)
    lots.do(Verb.SET_LOT_STATE, state(OTHER, RECALLED), on=LOT)
    with refused("ForeignLot", LOT, REGULATOR):
        lots.do(Verb.SET_LOT_STATE, state(REGULATOR, RELEASED), on=LOT)
    lots.do(Verb.SET_LOT_STATE, state(OTHER, RELEASED), on=LOT)


def test_a_recall_lands_once(lots):
    """Like every verb it is over the lot's newest head."""
    recall = lots.call(Verb.SET_LOT_STATE, state(BRAND, RECALLED), on=LOT)
    lots.send(recall)
    lots.do(Verb.SET_LOT_STATE, state(BRAND, RELEASED), on=LOT)
    with refused("StaleHead", ids.subject("lot", LOT)):
        lots.send(recall)


def test_a_recalled_lot_is_not_packed(lots):
    """Nor named for goods that have it already; goods on their way go back as they came."""
    made = do_pack(lots, BRAND, "case", items(3), lot=LOT)
    hand_over(lots, made, BRAND, DISTRIBUTOR)
    lots.do(Verb.SET_LOT_STATE, state(BRAND, RECALLED), on=LOT)
    tree = items(2, "more")
    with refused("LotRecalled", LOT):
        lots.do(Verb.PACK, pack(BRAND, "another", tree, lot=LOT))
    hand_over(lots, made, DISTRIBUTOR, BRAND)
    lots.do(Verb.SET_LOT_STATE, state(BRAND, RELEASED), on=LOT)
    do_pack(lots, BRAND, "another", tree, lot=LOT)


def test_void_codes_marks_a_range_for_ever(world):
    """Inside a run it is cut out; nothing is activated or bound over it again."""
    world.do(Verb.ACTIVATE, activate(0, 100), on=1)
    world.do(Verb.VOID, void(40, 60), on=1, hint=1)
    runs = {first: world.read("runs", 1, first) for first in (0, 40, 60)}
    assert [(run["to"], run["activeFrom"], run["voided"]) for run in runs.values()] == [
        (40, 1, 0),
        (60, 1, 1),
        (100, 1, 0),
    ]
    for verb, args in (
        (Verb.ACTIVATE, activate(45, 50)),
        (Verb.BIND_LOT, bind(40, 60)),
        (Verb.VOID, void(40, 50)),
    ):
        with refused("RunVoided", 40):
            world.do(verb, args, on=1, hint=41)


def test_void_codes_in_a_gap(world):
    """Codes that were never activated can be void, too."""
    world.do(Verb.VOID, void(COUNT - 10, COUNT), on=1)
    run = world.read("runs", 1, COUNT - 10)
    assert (run["to"], run["activeFrom"], run["lot"], run["voided"]) == (COUNT, 0, 0, 1)


def test_void_codes_refuses_batches_and_ranges_as_activate_does(world):
    """One piece of code cuts runs for all verbs on them."""
    reserved = world.do(Verb.RESERVE_BATCH, reserve()).only("BatchReserved")["batch"]
    for refusal, batch, args in (
        (("UnknownBatch", 99), 99, void(0, 1)),
        (("NotBrandOf", 1, RIVAL), 1, void(0, 1, RIVAL)),
        (("NotCommissioned", reserved), reserved, void(0, 1)),
        (("BadRange", 5, 5), 1, void(5, 5)),
        (("BadRange", 0, COUNT + 1), 1, void(0, COUNT + 1)),
    ):
        with refused(*refusal):
            world.do(Verb.VOID, args, on=batch)
    world.do(Verb.ACTIVATE, activate(10, 20), on=1)
    with refused("RunsOverlap", 5, 15):
        world.do(Verb.VOID, void(5, 15), on=1)
    with refused("BadPredecessor", 12):
        world.do(Verb.VOID, void(12, 15), on=1, hint=12)
