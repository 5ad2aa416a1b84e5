"""Who made what: unpack.tree and drawItem.tree, on nobody's taking another's slot first."""

import pytest

from ledger.domain import merkle
from ledger.domain.keccak import keccak
from ledger.domain.verbs import Verb
from tests.contracts.ledger_harness import ZERO, Chain, address, word
from tests.contracts.world import (
    BRAND,
    CODE_HASHES,
    CODES,
    DISTRIBUTOR,
    DOCUMENT,
    LEAVES,
    MARKET,
    NODES,
    RIVAL,
    STORE,
    Tree,
    bind,
    commission,
    do_pack,
    do_unpack,
    hand_over,
    inner,
    item,
    items,
    named,
    origins,
    recall,
    refused,
    reserve,
    ship,
)

HELD = 1


def test_unpack_makes_no_slot_for_another_creators_unit(world):
    """a rival who learns an id cannot take its slot, whatever he shows."""
    case = named(BRAND, "secret case")
    tree = Tree((inner(0, case, items(2)),))
    trap = do_pack(world, RIVAL, "trap", tree)
    with refused("NotMadeBy", case, RIVAL):
        do_unpack(world, trap, RIVAL, tree, 0)
    lies = origins(trap, tree.pick(0))
    lies[0] = [word(BRAND), lies[0][1]]
    with refused("NotMadeBy", trap, BRAND):
        do_unpack(world, trap, RIVAL, tree, 0, origins=lies)
    with refused("NotMadeBy", case, RIVAL):
        do_unpack(world, trap, RIVAL, tree, 0, origins=[*origins(trap, []), []])
    do_pack(world, BRAND, "secret case", items(2))


def test_unpack_makes_no_slot_for_another_brands_item(world):
    """neither a rival nor a distributor materialises the brand's items out of his own unit."""
    tree = items(2)
    leaf = tree.children[0]["child"]
    for actor in (RIVAL, DISTRIBUTOR):
        trap = do_pack(world, actor, "trap", tree)
        with refused("NotMadeBy", leaf, actor):
            do_unpack(world, trap, actor, tree, 0)
        with refused("NotMadeBy", leaf, actor):
            do_unpack(world, trap, actor, tree, 0, origins=[*origins(trap, []), [ZERO]])
    ours = do_pack(world, BRAND, "case", tree)
    do_unpack(world, ours, BRAND, tree, 0)


def test_unpack_needs_the_item_to_be_in_the_batch_it_names(world):
    """Another batch, another code, a proof cut short, an inner node for a leaf."""
    tree = items(2)
    leaf = tree.children[0]["child"]
    unit = do_pack(world, BRAND, "case", tree)
    first, (code, batch, *proof) = origins(unit, tree.pick(0))
    for shown, error in (
        ([code, word(2), *proof], ("NotMadeBy", leaf, BRAND)),
        ([code, word(99), *proof], ("NotMadeBy", leaf, BRAND)),
        ([CODE_HASHES[1], batch, *proof], ("NotMadeBy", leaf, BRAND)),
        ([code, batch, *proof[:-1]], ("NotInTree", leaf)),
        ([code, batch], ("NotInTree", leaf)),
    ):
        with refused(*error):
            do_unpack(world, unit, BRAND, tree, 0, origins=[first, shown])
    node = Tree((item(0, NODES[1]),))
    unit = do_pack(world, BRAND, "node", node)
    (first,) = origins(unit, [])
    with refused("NotMadeBy", NODES[1], BRAND):
        do_unpack(world, unit, BRAND, node, 0, origins=[first, [keccak(b"any code"), batch]])


def test_whoever_holds_a_unit_unpacks_what_its_creator_made(world):
    """The distributor opens the brand's pallet and a case in it; his repack holds slots only."""
    case = named(BRAND, "leaf case")
    tree = Tree((inner(0, case, items(2)),))
    pallet = do_pack(world, BRAND, "pallet", tree)
    hand_over(world, pallet, BRAND, DISTRIBUTOR)
    do_unpack(world, pallet, DISTRIBUTOR, tree, 0)
    repacked = do_pack(world, DISTRIBUTOR, "repacked", tree, 0)
    hand_over(world, repacked, DISTRIBUTOR, STORE)
    do_unpack(world, repacked, STORE, tree, 0)
    do_unpack(world, case, STORE, items(2), 1)
    assert world.unit(items(2).children[1]["child"])["holder"] == STORE


def draw(chain: Chain, index: int, **changes: object) -> object:
    """Draw the item with an index out of batch 1."""
    args = {"actor": BRAND, "batch": 1, "lot": 0, "eventHash": DOCUMENT}
    code = changes.pop("code", CODE_HASHES[index])
    proof = changes.pop("proof", merkle.proof(NODES, index))
    return chain.do(Verb.DRAW_ITEM, args | changes, code=code, proof=proof)


def test_an_item_is_drawn_to_travel_alone(world):
    """It has a slot of its own, held by its brand, in its lot and market."""
    world.do(Verb.BIND_LOT, bind(0, 0, market=MARKET), on=1)
    assert draw(world, 500, lot=1).names() == ["ItemDrawn"]
    stored = world.unit(LEAVES[500])
    assert (stored["holder"], stored["state"], stored["seq"]) == (BRAND, HELD, 1)
    assert (stored["lot"], stored["market"], stored["count"]) == (1, MARKET, 0)
    with refused("MarketRefused", STORE, MARKET):
        world.do(Verb.SHIP, ship(BRAND, STORE), on=LEAVES[500])
    hand_over(world, LEAVES[500], BRAND, DISTRIBUTOR)


def test_an_item_is_drawn_once(world):
    """Nor does it leave a unit afterwards as if it had been inside."""
    draw(world, 0)
    with refused("UnitExists", LEAVES[0]):
        draw(world, 0)
    tree = items(2)
    unit = do_pack(world, BRAND, "case", tree)
    with refused("NotInside", LEAVES[0], unit):
        do_unpack(world, unit, BRAND, tree, 0)


def test_an_item_is_drawn_by_its_batchs_brand(world):
    """Not by a rival, out of an unknown batch, or with a proof of another."""
    with refused("NotBrandOf", 1, RIVAL):
        draw(world, 0, actor=RIVAL)
    with refused("UnknownBatch", 9):
        draw(world, 0, batch=9)
    with refused("NotInTree", LEAVES[0]):
        draw(world, 0, proof=merkle.proof(NODES, 1))
    world.do(Verb.RESERVE_BATCH, reserve())
    with refused("NotInTree", LEAVES[0]):
        draw(world, 0, batch=3)
    with refused("WrongSigner", BRAND, address(world.keys[RIVAL])):
        args = {"actor": BRAND, "batch": 1, "lot": 0, "eventHash": DOCUMENT}
        data = {"code": CODE_HASHES[0], "proof": merkle.proof(NODES, 0)}
        world.do(Verb.DRAW_ITEM, args, signer=world.keys[RIVAL], **data)


def test_an_item_is_drawn_in_a_lot_of_its_own_gtin(world):
    """Not in a lot that is unknown, recalled, a rival's, or of other goods."""
    with refused("UnknownLot", 1):
        draw(world, 0, lot=1)
    world.do(Verb.BIND_LOT, bind(0, 0), on=1)
    world.do(Verb.BIND_LOT, bind(0, 0, "R", actor=RIVAL), on=2)
    world.do(Verb.RESERVE_BATCH, reserve(gtin=10**13 + 4006381333938))
    world.do(Verb.COMMISSION, commission(), on=3)
    world.do(Verb.BIND_LOT, bind(0, 0, "case lot"), on=3)
    for lot in (2, 3):
        with refused("ForeignLot", lot, BRAND):
            draw(world, 0, lot=lot)
    recall(world, 1)
    with refused("LotRecalled", 1):
        draw(world, 0, lot=1)


def test_pack_names_no_lot_of_another_brand(world):
    """Nor a recalled one; a repack of slotted children keeps the lot that all of them have."""
    world.do(Verb.BIND_LOT, bind(0, 0, market=MARKET), on=1)
    world.do(Verb.BIND_LOT, bind(0, 0, "A2", market=MARKET), on=1)
    with refused("ForeignLot", 1, RIVAL):
        do_pack(world, RIVAL, "theirs", items(2), lot=1)
    cases = [
        do_pack(world, BRAND, f"case {i}", items(2), lot=lot) for i, lot in enumerate((1, 1, 2))
    ]
    free = do_pack(world, BRAND, "free", items(2))
    for case in cases:
        hand_over(world, case, BRAND, DISTRIBUTOR)
    hand_over(world, free, BRAND, DISTRIBUTOR)
    with refused("ForeignLot", 1, DISTRIBUTOR):
        tree = Tree((inner(0, cases[0], items(2)), item(1, keccak(b"loose"))))
        do_pack(world, DISTRIBUTOR, "half slotted", tree, 0, lot=1)
    for other in (cases[2], free):
        tree = Tree((inner(0, cases[0], items(2)), inner(1, other, items(2))))
        with refused("BadChild", other):
            do_pack(world, DISTRIBUTOR, "mixed", tree, 0, 1, lot=1)
    tree = Tree(tuple(inner(i, case, items(2)) for i, case in enumerate(cases[:2])))
    repacked = do_pack(world, DISTRIBUTOR, "repacked", tree, 0, 1, lot=1)
    assert (world.unit(repacked)["lot"], world.unit(repacked)["market"]) == (1, MARKET)
    recall(world, 1)
    with refused("LotRecalled", 1):
        do_pack(world, BRAND, "late", items(2), lot=1)


def test_a_false_tree_gives_nothing_anothers_lot(world):
    """Leaves beside the slotted child that named the lot get no slot; the child itself gets out."""
    world.do(Verb.BIND_LOT, bind(0, 0, market=MARKET), on=1)
    case = do_pack(world, BRAND, "case", items(2), lot=1)
    hand_over(world, case, BRAND, DISTRIBUTOR)
    forged = inner(0, named(DISTRIBUTOR, "forged"), items(20, "more"))
    tree = Tree((inner(0, case, items(2)), forged))
    box = do_pack(world, DISTRIBUTOR, "box", tree, 0, lot=1, count=1)
    with refused("ForeignLot", 1, DISTRIBUTOR):
        do_unpack(world, box, DISTRIBUTOR, tree, 1)
    do_unpack(world, box, DISTRIBUTOR, tree, 0)
    assert world.unit(case)["lot"] == 1


def test_a_brand_packs_what_has_no_lot_yet_into_one(world):
    """A case without a lot may be in a pallet with one; a case of another lot may not."""
    world.do(Verb.BIND_LOT, bind(0, 0), on=1)
    world.do(Verb.BIND_LOT, bind(0, 0, "A2"), on=1)
    free = do_pack(world, BRAND, "free", items(2))
    second = do_pack(world, BRAND, "second", items(2, "b"), lot=2)
    tree = Tree((inner(0, free, items(2)), inner(1, second, items(2, "b"))))
    with refused("BadChild", second):
        do_pack(world, BRAND, "pallet", tree, 0, 1, lot=1)
    do_pack(world, BRAND, "pallet", Tree((inner(0, free, items(2)),)), 0, lot=1)


@pytest.mark.parametrize("state", [4, 5, 6, 7])
def test_a_decommissioned_item_moves_no_more(world, state):
    """Supplied, exported, taken as a sample or destroyed."""
    draw(world, 0)
    code, proof = CODES[0], merkle.proof(NODES, 0)
    args = {"actor": BRAND, "batch": 1, "state": state, "eventHash": DOCUMENT}
    world.do(Verb.DECOMMISSION, args, code=code, proof=proof)
    with refused("ItemNotActive", LEAVES[0]):
        world.do(Verb.SHIP, ship(BRAND, STORE), on=LEAVES[0])
