"""unpack: see contracts/test/unpack.tree."""

import pytest

from ledger.domain import ids
from ledger.domain.keccak import keccak
from ledger.domain.merkle import children_leaf
from ledger.domain.verbs import Verb
from tests.contracts.ledger_harness import word
from tests.contracts.world import (
    BRAND,
    DISTRIBUTOR,
    MARKET,
    RIVAL,
    STORE,
    Tree,
    bind,
    do_pack,
    do_unpack,
    hand_over,
    inner,
    item,
    items,
    named,
    origins,
    refused,
    ship,
)

HELD = 1


def nested():
    """Two cases of three items, and the pallet that holds them as leaves."""
    cases = [items(3, "a"), items(3, "b")]
    ids_ = [named(BRAND, "case 0"), named(BRAND, "case 1")]
    return cases, ids_, Tree(tuple(inner(i, ids_[i], cases[i]) for i in range(2)))


def test_unpack_materialises_leaves(world):
    """Items and cases that never moved alone get slots, held by whoever unpacked them."""
    cases, case_ids, tree = nested()
    pallet = do_pack(world, BRAND, "pallet", tree, level=2)
    hand_over(world, pallet, BRAND, DISTRIBUTOR)
    outcome = do_unpack(world, pallet, DISTRIBUTOR, tree, 1)
    assert outcome.names() == ["Unpacked", "UnpackedFrom"]
    stored = world.unit(case_ids[1])
    assert (stored["holder"], stored["state"], stored["seq"]) == (DISTRIBUTOR, HELD, 1)
    assert (stored["count"], stored["level"]) == (3, 1)
    assert word(stored["childrenRoot"]) == cases[1].root
    assert world.unit(pallet)["gone"] == 1
    do_unpack(world, case_ids[1], DISTRIBUTOR, cases[1], 0, 2)
    leaf = world.unit(cases[1].children[2]["child"])
    assert (leaf["holder"], leaf["count"], leaf["childrenRoot"]) == (DISTRIBUTOR, 0, 0)
    hand_over(world, cases[1].children[2]["child"], DISTRIBUTOR, STORE)


def test_unpack_inherits_lot_and_market(world):
    """A child that left keeps what its parent was bound to."""
    world.do(Verb.BIND_LOT, bind(0, 0, market=MARKET), on=1)
    tree = items(2)
    unit = do_pack(world, BRAND, "case", tree, lot=1)
    do_unpack(world, unit, BRAND, tree, 0)
    leaf = tree.children[0]["child"]
    assert (world.unit(leaf)["lot"], world.unit(leaf)["market"]) == (1, MARKET)
    with refused("MarketRefused", STORE, MARKET):
        world.do(Verb.SHIP, ship(BRAND, STORE), on=leaf)


def test_unpack_thaws_a_child_with_a_slot(world):
    """A frozen child comes out where its parent is, with its history going on."""
    case = do_pack(world, BRAND, "case", items(3))
    tree = Tree((inner(0, case, items(3)), item(1, keccak(b"loose"))))
    pallet = do_pack(world, BRAND, "pallet", tree, 0)
    hand_over(world, pallet, BRAND, DISTRIBUTOR)
    with refused("UnitInside", case):
        world.do(Verb.SHIP, ship(BRAND, STORE), on=case)
    do_unpack(world, pallet, DISTRIBUTOR, tree, 0)
    stored = world.unit(case)
    assert (stored["holder"], stored["state"], stored["parent"], stored["seq"]) == (
        DISTRIBUTOR,
        HELD,
        0,
        3,
    )
    hand_over(world, case, DISTRIBUTOR, STORE)


def test_unpack_is_the_holders(world):
    """A stranger, the packer after a handoff, anyone in transit; a unit that is not there."""
    tree = items(2)
    unit = do_pack(world, BRAND, "case", tree)
    with refused("NotHolder", unit, DISTRIBUTOR):
        do_unpack(world, unit, DISTRIBUTOR, tree, 0)
    world.do(Verb.SHIP, ship(BRAND, DISTRIBUTOR), on=unit)
    with refused("UnitInTransit", unit):
        do_unpack(world, unit, BRAND, tree, 0)
    with refused("NotHolder", unit, DISTRIBUTOR):
        do_unpack(world, unit, DISTRIBUTOR, tree, 0)
    with refused("UnknownUnit", keccak(b"none")):
        do_unpack(world, keccak(b"none"), BRAND, tree, 0)


def test_unpack_lets_nothing_leave_twice(world):
    """In two calls, twice in one, or out of two parents that both claim it."""
    tree = items(3)
    unit = do_pack(world, BRAND, "case", tree)
    other = do_pack(world, BRAND, "other", tree)
    leaf = tree.children[0]["child"]
    with refused("NotInside", leaf, unit):
        do_unpack(world, unit, BRAND, tree, 0, 0)
    do_unpack(world, unit, BRAND, tree, 0)
    for parent in (unit, other):
        with refused("NotInside", leaf, parent):
            do_unpack(world, parent, BRAND, tree, 0)


def test_unpack_does_not_materialise_a_unit_that_exists(world):
    """A tree that claims another's unit does not take it."""
    theirs = do_pack(world, RIVAL, "case", items(3))
    for child in (inner(0, theirs, items(3)), item(0, theirs)):
        tree = Tree((child,))
        unit = do_pack(world, BRAND, f"claims {child['kind']}", tree)
        with refused("NotInside", theirs, unit):
            do_unpack(world, unit, BRAND, tree, 0)
    assert world.unit(theirs)["holder"] == RIVAL


def test_unpack_lets_no_more_leave_than_were_packed(world):
    """A false tree with three leaves at the one position that its packer counted."""
    tree = Tree(tuple(child | {"position": 0} for child in items(3).children))
    unit = do_pack(world, BRAND, "case", tree, count=1)
    with refused("BadCount", 3):
        do_unpack(world, unit, BRAND, tree, 0, 1, 2)
    do_unpack(world, unit, BRAND, tree, 1)
    with refused("UnitEmpty", unit):
        do_unpack(world, unit, BRAND, tree, 0)


def test_an_empty_unit_never_moves_again(world):
    """Neither shipped, nor packed, nor unpacked."""
    tree = items(2)
    unit = do_pack(world, BRAND, "case", tree)
    do_unpack(world, unit, BRAND, tree, 0, 1)
    with refused("UnitEmpty", unit):
        world.do(Verb.SHIP, ship(BRAND, STORE), on=unit)
    with refused("UnitEmpty", unit):
        do_unpack(world, unit, BRAND, tree, 0)
    outer = Tree((inner(0, unit, tree),))
    with refused("UnitEmpty", unit):
        do_pack(world, BRAND, "pallet", outer, 0)


def test_unpack_refuses_proofs_for_another_root(world):
    """A child of another tree, a proof of another child, a proof cut short."""
    tree, other = items(4), items(4, "other")
    unit = do_pack(world, BRAND, "case", tree)
    leaf = tree.children[0]["child"]
    with refused("NotInTree", other.children[0]["child"]):
        do_unpack(world, unit, BRAND, other, 0)
    for proofs in (tree.proofs(1), [tree.proofs(0)[0][:-1]], [[]]):
        with refused("NotInTree", leaf):
            do_unpack(world, unit, BRAND, tree, 0, proofs=proofs)


def test_unpack_refuses_a_second_preimage(world):
    """An inner node, 64 bytes of two hashes, does not pass for a leaf of any kind."""
    tree = items(4)
    unit = do_pack(world, BRAND, "case", tree)
    nodes = tree.nodes
    for child, proof in ((nodes[1], [nodes[2]]), (nodes[2], [nodes[1]]), (tree.root, [])):
        with refused("NotInTree", child):
            do_unpack(world, unit, BRAND, Tree((item(0, child),)), 0, proofs=[proof])
    leaf = children_leaf(*tree.children[0].values())
    with refused("NotInTree", leaf):
        do_unpack(world, unit, BRAND, Tree((item(0, leaf),)), 0, proofs=tree.proofs(0))


@pytest.mark.parametrize(
    "change",
    [
        {"position": 1},
        {"position": 2**32 - 1},
        {"kind": 0},
        {"kind": 3},
        {"count": 1},
        {"childrenRoot": keccak(b"root")},
        {"kind": 2},
        {"kind": 2, "count": 1},
        {"kind": 2, "childrenRoot": keccak(b"root")},
    ],
    ids=str,
)
def test_unpack_refuses_leaves_that_can_be_nothing(world, change):
    """A position over the count, an unknown kind, an item with children, a unit without."""
    tree = Tree((item(0, keccak(b"leaf")) | change,))
    unit = do_pack(world, BRAND, "case", tree)
    with refused("BadChild", keccak(b"leaf")):
        do_unpack(world, unit, BRAND, tree, 0)


def test_unpack_refuses_nothing(world):
    """No children, or another number of proofs."""
    tree = items(2)
    unit = do_pack(world, BRAND, "case", tree)
    with refused("EmptyList"):
        do_unpack(world, unit, BRAND, tree)
    with refused("LengthMismatch"):
        do_unpack(world, unit, BRAND, tree, 0, proofs=[])
    for shown in ([], origins(unit, []), origins(unit, tree.pick(0, 1))):
        with refused("LengthMismatch"):
            do_unpack(world, unit, BRAND, tree, 0, origins=shown)


def test_unpack_records_the_parent_in_the_childs_history(world):
    """The child's first event names its parent, the parent's newest seq and head."""
    tree = items(2)
    unit = do_pack(world, BRAND, "case", tree)
    event = do_unpack(world, unit, BRAND, tree, 1).only("UnpackedFrom")
    seq, head = world.head(ids.subject("unit", unit))
    assert (event["parent"], event["parentSeq"], event["parentHead"]) == (unit, seq, head)
    assert event["position"] == 1
