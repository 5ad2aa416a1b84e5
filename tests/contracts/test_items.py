"""States of items: see contracts/test/{decommission,setItemState}.tree."""

from __future__ import annotations

from typing import Any

import pytest

from ledger.domain import ids, merkle
from ledger.domain.verbs import Role, Verb
from tests.contracts.ledger_harness import Chain, Refused, key
from tests.contracts.world import (
    BRAND,
    CODES,
    COUNT,
    DISTRIBUTOR,
    DOCUMENT,
    GTIN,
    LEAVES,
    NODES,
    RIVAL,
    RIVAL_GTIN,
    STORE,
    Tree,
    do_pack,
    do_unpack,
    hand_over,
    items,
    refused,
    register,
    suspend,
)

CARRIER, INSPECTOR, REGULATOR, SHOP = (10**13 + n for n in range(3, 7))
PARTIES = {
    CARRIER: Role.CARRIER,
    INSPECTOR: Role.INSPECTOR,
    REGULATOR: Role.REGULATOR,
    SHOP: Role.STORE,
}
ACTIVE, BLOCKED, STOLEN, SUPPLIED, EXPORTED, SAMPLE, DESTROYED = range(1, 8)
TEN_DAYS = 10 * 86_400
SHOWN = [(gtin, index, serial.ljust(32, b"\0")) for gtin, index, serial in CODES]
# Who may put an active item into a state, beside its brand.
MAY = {
    BLOCKED: {INSPECTOR, REGULATOR},
    STOLEN: {STORE, SHOP, DISTRIBUTOR, CARRIER},
    SUPPLIED: {STORE, SHOP},
    EXPORTED: {DISTRIBUTOR},
    SAMPLE: {INSPECTOR, REGULATOR},
    DESTROYED: {STORE, SHOP, DISTRIBUTOR},
}


@pytest.fixture
def shop(world: Chain) -> Chain:
    """The world with parties of all roles."""
    for party, role in PARTIES.items():
        world.do(Verb.REGISTER_PARTY, register(party, role))
        world.keys[party] = key(f"party {party}")
    return world


def put(chain: Chain, actor: int, state: int, index: int = 5, **changes: Any) -> Any:
    """Put an item of batch 1 into a state by the verb that does it."""
    args = {"actor": actor, "batch": 1, "state": state, "eventHash": DOCUMENT} | changes
    verb = Verb.DECOMMISSION if state >= SUPPLIED else Verb.SET_ITEM_STATE
    return chain.do(verb, args, code=SHOWN[index], proof=merkle.proof(NODES, index))


def state(chain: Chain, index: int = 5) -> tuple[int, int]:
    """An item's state, and who set it."""
    item = chain.read("items", LEAVES[index])
    return item["state"], item["by"]


@pytest.mark.parametrize("new", MAY)
def test_an_active_items_state_is_set_by_whom_its_role_allows(shop, new):
    """The batch's brand and the roles of the model; nobody else."""
    everyone = (BRAND, RIVAL, DISTRIBUTOR, STORE, *PARTIES)
    done = set()
    for index, actor in enumerate(everyone):
        if actor == BRAND or actor in MAY[new]:
            put(shop, actor, new, index)
            assert state(shop, index) == (new, actor)
            done.add(actor)
        else:
            with pytest.raises(Refused, match="RoleMissing"):
                put(shop, actor, new, index)
            assert state(shop, index) == (0, 0)
    assert done == MAY[new] | {BRAND}


def test_the_event_names_the_item_by_its_leaf(shop):
    """And carries all that was signed."""
    event = put(shop, STORE, SUPPLIED).only("Decommissioned")
    assert (event["item"], event["args"]["state"]) == (LEAVES[5], SUPPLIED)
    event = put(shop, BRAND, BLOCKED, 6).only("ItemStateSet")
    assert (event["item"], event["args"]["batch"]) == (LEAVES[6], 1)
    assert shop.read("items", LEAVES[5])["batch"] == 1
    assert shop.read("items", LEAVES[5])["since"] == shop.now - 2


def test_decommission_sets_only_ends(shop):
    """Active, blocked and stolen are the other verb's, and the other way round."""
    for new in (0, ACTIVE, BLOCKED, STOLEN, DESTROYED + 1):
        args = {"actor": BRAND, "batch": 1, "state": new, "eventHash": DOCUMENT}
        with refused("BadItemState", new):
            shop.do(Verb.DECOMMISSION, args, code=SHOWN[5], proof=merkle.proof(NODES, 5))
    for new in (0, SUPPLIED, DESTROYED, 255):
        args = {"actor": BRAND, "batch": 1, "state": new, "eventHash": DOCUMENT}
        with refused("BadItemState", new):
            shop.do(Verb.SET_ITEM_STATE, args, code=SHOWN[5], proof=merkle.proof(NODES, 5))


@pytest.mark.parametrize("new", MAY)
def test_an_item_leaves_the_active_state_once(shop, new):
    """Whatever it is in, it is put into no other state, not even by its brand."""
    put(shop, BRAND, new)
    for other in MAY:
        with refused("ItemNotActive", LEAVES[5]):
            put(shop, BRAND, other)


@pytest.mark.parametrize("new", [BLOCKED, SUPPLIED, EXPORTED, SAMPLE])
def test_only_its_setter_undoes_a_state(shop, new):
    """The brand does not undo another's; after the undo it may go on as before."""
    setter = min(MAY[new])
    put(shop, setter, new)
    for actor in (BRAND, CARRIER):
        with refused("NotSetter", LEAVES[5], actor):
            put(shop, actor, ACTIVE)
    put(shop, setter, ACTIVE)
    assert state(shop) == (ACTIVE, setter)
    put(shop, BRAND, DESTROYED)


@pytest.mark.parametrize("new", [SUPPLIED, EXPORTED, SAMPLE])
def test_an_undo_comes_within_ten_days(shop, new):
    """To the second."""
    put(shop, BRAND, new)
    set_at = shop.now - 1
    shop.now = set_at + TEN_DAYS + 1
    with refused("UndoTooLate", LEAVES[5], set_at):
        put(shop, BRAND, ACTIVE)
    put(shop, BRAND, new, 6)
    shop.now += TEN_DAYS - 1
    put(shop, BRAND, ACTIVE, 6)


def test_a_block_is_lifted_at_any_time(shop):
    """An inspection may take longer than ten days."""
    put(shop, INSPECTOR, BLOCKED)
    shop.now += 10 * TEN_DAYS
    put(shop, INSPECTOR, ACTIVE)
    assert state(shop) == (ACTIVE, INSPECTOR)


@pytest.mark.parametrize("new", [STOLEN, DESTROYED])
def test_destroyed_and_stolen_are_for_ever(shop, new):
    """Not even their setter undoes them, at once."""
    put(shop, STORE, new)
    with refused("ItemFinal", LEAVES[5], new):
        put(shop, STORE, ACTIVE)


def test_an_undo_needs_something_to_undo(shop):
    """An item that is active, or was never spoken of."""
    with refused("BadItemState", ACTIVE):
        put(shop, BRAND, ACTIVE)
    put(shop, BRAND, SUPPLIED)
    put(shop, BRAND, ACTIVE)
    with refused("BadItemState", ACTIVE):
        put(shop, BRAND, ACTIVE)


def test_an_item_is_shown_to_be_of_its_batch(shop):
    """By a proof for another root, another batch, a GTIN or an index that the batch has not."""
    args = {"actor": BRAND, "batch": 1, "state": SUPPLIED, "eventHash": DOCUMENT}
    good = merkle.proof(NODES, 5)
    with refused("NotInTree", LEAVES[5]):
        shop.do(Verb.DECOMMISSION, args, code=SHOWN[5], proof=merkle.proof(NODES, 6))
    with refused("NotInTree", LEAVES[5]):
        shop.do(Verb.DECOMMISSION, args, code=SHOWN[5], proof=())
    with refused("UnknownBatch", 99):
        shop.do(Verb.DECOMMISSION, args | {"batch": 99}, code=SHOWN[5], proof=good)
    with refused("BadGtin", GTIN):
        foreign = args | {"actor": RIVAL, "batch": 2}
        shop.do(Verb.DECOMMISSION, foreign, code=SHOWN[5], proof=good)
    with refused("BadGtin", RIVAL_GTIN):
        shop.do(Verb.DECOMMISSION, args, code=(RIVAL_GTIN, 5, SHOWN[5][2]), proof=good)
    with refused("IndexTooLarge", COUNT, COUNT):
        shop.do(Verb.DECOMMISSION, args, code=(GTIN, COUNT, SHOWN[5][2]), proof=good)


def test_a_node_of_the_tree_is_no_item(shop):
    """64 bytes hash to a node, never to a leaf: a second preimage is refused."""
    depth_one = merkle.proof(NODES, 5)[1:]
    args = {"actor": BRAND, "batch": 1, "state": SUPPLIED, "eventHash": DOCUMENT}
    with pytest.raises(Refused, match="NotInTree"):
        shop.do(Verb.DECOMMISSION, args, code=SHOWN[5], proof=depth_one)


def test_an_items_batch_stays_its_batch(shop):
    """Once it has a state it needs no proof, and no other batch speaks for it."""
    put(shop, BRAND, SUPPLIED)
    undo = {"actor": BRAND, "batch": 1, "state": ACTIVE, "eventHash": DOCUMENT}
    with refused("NotInTree", LEAVES[5]):
        shop.do(Verb.SET_ITEM_STATE, undo | {"batch": 2}, code=SHOWN[5])
    shop.do(Verb.SET_ITEM_STATE, undo, code=SHOWN[5])
    other = undo | {"batch": 2, "actor": RIVAL, "state": DESTROYED}
    with refused("BadGtin", GTIN):
        shop.do(Verb.DECOMMISSION, other, code=SHOWN[5])
    shop.do(Verb.DECOMMISSION, undo | {"state": DESTROYED}, code=SHOWN[5])


def test_of_an_item_that_travels_alone_its_holder_speaks(shop):
    """Another store does not; its brand, an inspector and a regulator do."""
    tree = items(3)
    unit = do_pack(shop, BRAND, "case", tree)
    hand_over(shop, unit, BRAND, STORE)
    do_unpack(shop, unit, STORE, tree, 0, 1, 2)
    leaf = tree.children[0]["child"]
    index = LEAVES.index(leaf)
    with refused("NotHolder", leaf, SHOP):
        put(shop, SHOP, SUPPLIED, index)
    put(shop, STORE, SUPPLIED, index)
    for number, (actor, new) in enumerate(((BRAND, DESTROYED), (INSPECTOR, BLOCKED)), 1):
        put(shop, actor, new, LEAVES.index(tree.children[number]["child"]))


def test_of_an_item_inside_a_unit_nobody_speaks_by_having_packed_it(shop):
    """The unit has moved on; its brand and an inspector speak of it all the same."""
    tree = items(2)
    case = do_pack(shop, BRAND, "case", tree)
    hand_over(shop, case, BRAND, DISTRIBUTOR)
    do_unpack(shop, case, DISTRIBUTOR, tree, 0, 1)
    leaves = [child["child"] for child in tree.children]
    box = do_pack(shop, DISTRIBUTOR, "box", Tree(tree.children), 0, 1)
    hand_over(shop, box, DISTRIBUTOR, STORE)
    index = LEAVES.index(leaves[0])
    for actor in (DISTRIBUTOR, STORE):
        with refused("UnitInside", leaves[0]):
            put(shop, actor, DESTROYED, index)
    put(shop, BRAND, DESTROYED, index)
    put(shop, INSPECTOR, BLOCKED, LEAVES.index(leaves[1]))


def test_a_regulator_takes_a_block_over(shop):
    """Lest it stay for ever: its setter may be gone. Nothing but a block, and no one else's."""
    put(shop, INSPECTOR, BLOCKED)
    suspend(shop, INSPECTOR)
    with refused("NotSetter", LEAVES[5], REGULATOR):
        put(shop, REGULATOR, ACTIVE)
    with refused("ItemNotActive", LEAVES[5]):
        put(shop, BRAND, BLOCKED)
    with refused("ItemNotActive", LEAVES[5]):
        put(shop, REGULATOR, SAMPLE)
    put(shop, REGULATOR, BLOCKED)
    assert state(shop) == (BLOCKED, REGULATOR)
    with refused("ItemNotActive", LEAVES[5]):
        put(shop, REGULATOR, BLOCKED)
    put(shop, REGULATOR, ACTIVE)
    put(shop, BRAND, STOLEN, 6)
    with refused("ItemNotActive", LEAVES[6]):
        put(shop, REGULATOR, BLOCKED, 6)


def test_an_item_whose_life_has_ended_never_moves(shop):
    """What was supplied is not shipped; undone within its time it is again."""
    tree = items(2)
    unit = do_pack(shop, BRAND, "case", tree)
    hand_over(shop, unit, BRAND, STORE)
    do_unpack(shop, unit, STORE, tree, 0)
    leaf = tree.children[0]["child"]
    put(shop, STORE, SUPPLIED, LEAVES.index(leaf))
    with refused("ItemNotActive", leaf):
        hand_over(shop, leaf, STORE, BRAND)
    put(shop, STORE, ACTIVE, LEAVES.index(leaf))
    hand_over(shop, leaf, STORE, BRAND)
    assert shop.unit(leaf)["holder"] == BRAND


def test_an_item_state_lands_once(shop):
    """A message over an older head of the item is stale."""
    args = {"actor": BRAND, "batch": 1, "state": SUPPLIED, "eventHash": DOCUMENT}
    call = shop.call(Verb.DECOMMISSION, args, code=SHOWN[5], proof=merkle.proof(NODES, 5))
    shop.send(call)
    put(shop, BRAND, ACTIVE)
    with refused("StaleHead", ids.subject("item", LEAVES[5])):
        shop.send(call)
