"""pack: see contracts/test/pack.tree."""

from ledger.domain.keccak import keccak
from ledger.domain.verbs import Verb
from tests.contracts.ledger_harness import ZERO, address, word
from tests.contracts.world import (
    BRAND,
    DISTRIBUTOR,
    MARKET,
    OTHER_MARKET,
    RIVAL,
    STORE,
    Tree,
    bind,
    do_pack,
    do_unpack,
    inner,
    item,
    items,
    named,
    pack,
    refused,
    ship,
)

HELD, INSIDE = 1, 3


def test_pack_makes_a_held_unit(world):
    """Holder, count, level, root, and the lot with its market."""
    world.do(Verb.BIND_LOT, bind(0, 0, market=MARKET), on=1)
    tree = items(24)
    unit = do_pack(world, BRAND, "case", tree, level=2, lot=1)
    stored = world.unit(unit)
    assert (stored["holder"], stored["addressee"], stored["state"]) == (BRAND, 0, HELD)
    assert (stored["count"], stored["gone"], stored["level"], stored["seq"]) == (24, 0, 2, 1)
    assert word(stored["childrenRoot"]) == tree.root
    assert (stored["lot"], stored["market"], stored["parent"]) == (1, MARKET, 0)


def test_pack_refuses_a_unit_that_exists(world):
    """An id is used once."""
    unit = do_pack(world, BRAND, "case", items(2))
    with refused("UnitExists", unit):
        do_pack(world, BRAND, "case", items(3))


def test_pack_cannot_squat_on_another_creators_unit(world):
    """The id binds its creator, so the same EPC hash is another unit for a rival."""
    theirs = do_pack(world, RIVAL, "case", items(2))
    assert do_pack(world, BRAND, "case", items(2)) != theirs
    with refused("WrongSigner", BRAND, address(world.keys[RIVAL])):
        world.do(Verb.PACK, pack(BRAND, "another", items(2)), signer=world.keys[RIVAL])


def test_pack_refuses_absurd_counts(world):
    """No children, or more with slots than there are."""
    tree = items(2)
    with refused("BadCount", 0):
        do_pack(world, BRAND, "case", tree, count=0)
    with refused("BadCount", 1):
        do_pack(world, BRAND, "case", tree, 0, 1, count=1)


def test_pack_refuses_no_root_and_unknown_lots(world):
    """A tree has a root; a lot that is named was opened."""
    with refused("ZeroRoot"):
        do_pack(world, BRAND, "case", items(2), childrenRoot=ZERO)
    with refused("UnknownLot", 1):
        do_pack(world, BRAND, "case", items(2), lot=1)


def test_pack_needs_a_proof_for_each_slotted_child(world):
    """As many proofs as children."""
    with refused("LengthMismatch"):
        world.do(Verb.PACK, pack(BRAND, "case", items(2), (0,)), proofs=[])


def test_pack_freezes_children_that_have_a_slot(world):
    """A unit packed into another is INSIDE it, cannot move, and its history says so."""
    case = do_pack(world, BRAND, "case", items(3))
    tree = Tree((inner(0, case, items(3)), item(1, keccak(b"loose"))))
    pallet = do_pack(world, BRAND, "pallet", tree, 0)
    stored = world.unit(case)
    assert (stored["state"], word(stored["parent"]), stored["seq"]) == (INSIDE, pallet, 2)
    with refused("UnitInside", case):
        world.do(Verb.SHIP, ship(BRAND, STORE), on=case)
    with refused("UnitInside", case):
        do_unpack(world, case, BRAND, items(3), 0)
    with refused("UnitInside", case):
        do_pack(world, BRAND, "second pallet", tree, 0)


def test_pack_refuses_slotted_children_that_are_not_the_actors_to_pack(world):
    """Unknown, another's, in transit, or named twice."""
    case = do_pack(world, BRAND, "case", items(3))
    tree = Tree((inner(0, case, items(3)), inner(1, named(BRAND, "never packed"), items(3))))
    with refused("UnknownUnit", named(BRAND, "never packed")):
        do_pack(world, BRAND, "pallet", tree, 1)
    with refused("NotHolder", case, RIVAL):
        do_pack(world, RIVAL, "pallet", tree, 0)
    with refused("UnitInside", case):
        do_pack(world, BRAND, "pallet", tree, 0, 0)
    world.do(Verb.SHIP, ship(BRAND, STORE), on=case)
    with refused("UnitInTransit", case):
        do_pack(world, BRAND, "pallet", tree, 0)


def test_pack_refuses_children_other_than_their_slot(world):
    """A leaf that gives a slotted unit another tree or count."""
    case = do_pack(world, BRAND, "case", items(3))
    for told in (items(3, "other"), items(2)):
        tree = Tree((inner(0, case, told),))
        with refused("BadChild", case):
            do_pack(world, BRAND, "pallet", tree, 0)


def test_pack_refuses_a_unit_inside_itself(world):
    """No tree can hold its own root, and a leaf that lies about it is another unit's."""
    pallet = named(BRAND, "pallet")
    tree = Tree((inner(0, pallet, items(1)),))
    with refused("UnknownUnit", pallet):
        do_pack(world, BRAND, "pallet", tree, 0)
    do_pack(world, BRAND, "pallet", tree)
    with refused("NotInside", pallet, pallet):
        do_unpack(world, pallet, BRAND, tree, 0)


def test_pack_carries_a_market_up(world):
    """A restricted child restricts its parent, and two restrictions do not mix."""
    for lot, market in (("A1", MARKET), ("A2", OTHER_MARKET)):
        world.do(Verb.BIND_LOT, bind(0, 0, lot, market=market), on=1)
    units = [do_pack(world, BRAND, f"case {lot}", items(1), lot=lot) for lot in (1, 2)]
    free = do_pack(world, BRAND, "free", items(1))
    trees = [Tree((inner(0, unit, items(1)), inner(1, free, items(1)))) for unit in units]
    both = Tree(tuple(inner(i, unit, items(1)) for i, unit in enumerate(units)))
    with refused("BadChild", units[1]):
        do_pack(world, BRAND, "both", both, 0, 1)
    with refused("BadChild", units[1]):
        do_pack(world, BRAND, "of lot 1", trees[1], 0, lot=1)
    pallet = do_pack(world, BRAND, "pallet", trees[0], 0, 1)
    assert world.unit(pallet)["market"] == MARKET
    with refused("MarketRefused", STORE, MARKET):
        world.do(Verb.SHIP, ship(BRAND, STORE), on=pallet)
    world.do(Verb.SHIP, ship(BRAND, DISTRIBUTOR), on=pallet)
