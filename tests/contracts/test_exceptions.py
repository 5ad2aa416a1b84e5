"""reportException, settleException: see contracts/test/*.tree."""

import pytest

from ledger.domain.keccak import keccak
from ledger.domain.verbs import Verb
from tests.contracts.ledger_harness import Chain, Outcome, word
from tests.contracts.world import (
    BRAND,
    DISTRIBUTOR,
    DOCUMENT,
    RIVAL,
    RIVAL_GTIN,
    STORE,
    Tree,
    bind,
    brands,
    commission,
    do_pack,
    do_unpack,
    hand_over,
    inner,
    items,
    origin,
    receive,
    refused,
    reserve,
    ship,
)

HELD = 1
TREE = items(8)
BY_SHIPPER, BY_RECEIVER, BY_BRAND = 1, 2, 4


@pytest.fixture
def unit(world: Chain) -> bytes:
    """A case of eight on its way from the distributor to the store."""
    case = do_pack(world, BRAND, "case", TREE)
    hand_over(world, case, BRAND, DISTRIBUTOR)
    world.do(Verb.SHIP, ship(DISTRIBUTOR, STORE), on=case)
    return case


def report(actor: int = STORE, sender: int = DISTRIBUTOR, **counts: int) -> dict[str, object]:
    """Arguments of reportException: six good and two short, unless told otherwise."""
    names = ("good", "damaged", "short", "over", "wrong")
    counts = counts or {"good": 6, "short": 2}
    told = {name: counts.get(name, 0) for name in names}
    return {"actor": actor, "from": sender, **told, "eventHash": DOCUMENT}


def settle(chain: Chain, unit: bytes, actor: int, number: int, **options: object) -> Outcome:
    args = {"actor": actor, "report": number, "eventHash": DOCUMENT}
    return chain.do(Verb.SETTLE_EXCEPTION, args, on=unit, **options)


@pytest.fixture
def number(world: Chain, unit: bytes) -> int:
    """The case received with two missing; the report's number."""
    world.do(Verb.REPORT_EXCEPTION, report(), on=unit)
    return world.unit(unit)["seq"]


def test_an_exception_is_a_receipt(world, unit):
    """The addressee has the unit, and what was wrong with it stays open."""
    told = report(good=5, damaged=1, short=2, over=3, wrong=4)
    assert world.do(Verb.REPORT_EXCEPTION, told, on=unit).names() == ["ExceptionReported"]
    stored = world.unit(unit)
    assert (stored["holder"], stored["addressee"], stored["state"]) == (STORE, 0, HELD)
    assert world.read("exceptions", unit, stored["seq"]) == {
        "from": DISTRIBUTOR,
        "by": STORE,
        "damaged": 1,
        "short": 2,
        "over": 3,
        "wrong": 4,
        "settled": 0,
    }


def test_an_exceptions_totals_reconcile(world, unit):
    """Good, damaged and short are what was sent: one more or less is refused, at any size."""
    for counts, total in (
        ({"good": 6, "short": 1}, 7),
        ({"good": 8, "short": 1}, 9),
        ({"good": 2**32 - 1, "damaged": 2**32 - 1, "short": 10}, 2**33 + 8),
    ):
        with refused("TotalsDiffer", total, 8):
            world.do(Verb.REPORT_EXCEPTION, report(**counts), on=unit)
    with refused("NoException"):
        world.do(Verb.REPORT_EXCEPTION, report(good=8), on=unit)


def test_an_exception_counts_what_is_left(world):
    """What was unpacked before was not sent; an item alone is one."""
    case = do_pack(world, BRAND, "case", TREE)
    do_unpack(world, case, BRAND, TREE, 0, 1)
    world.do(Verb.SHIP, ship(BRAND, STORE), on=case)
    with refused("TotalsDiffer", 8, 6):
        world.do(Verb.REPORT_EXCEPTION, report(sender=BRAND, good=7, short=1), on=case)
    world.do(Verb.REPORT_EXCEPTION, report(sender=BRAND, good=5, damaged=1), on=case)
    leaf = TREE.children[0]["child"]
    world.do(Verb.SHIP, ship(BRAND, STORE), on=leaf)
    with refused("TotalsDiffer", 0, 1):
        world.do(Verb.REPORT_EXCEPTION, report(sender=BRAND, wrong=1), on=leaf)
    world.do(Verb.REPORT_EXCEPTION, report(sender=BRAND, short=1, wrong=1), on=leaf)


def test_an_exception_is_the_addressees(world, unit):
    """As a receipt: not another's, not from another, not of what is not on its way."""
    with refused("NotAddressee", unit, RIVAL):
        world.do(Verb.REPORT_EXCEPTION, report(RIVAL), on=unit)
    with refused("NotFrom", unit, BRAND):
        world.do(Verb.REPORT_EXCEPTION, report(sender=BRAND), on=unit)
    world.do(Verb.RECEIVE_FROM, receive(STORE, DISTRIBUTOR), on=unit)
    with refused("UnitNotInTransit", unit):
        world.do(Verb.REPORT_EXCEPTION, report(), on=unit)
    with refused("UnknownUnit", keccak(b"none")):
        world.do(Verb.REPORT_EXCEPTION, report(), on=keccak(b"none"))


@pytest.mark.parametrize("sides", [(STORE, DISTRIBUTOR), (DISTRIBUTOR, STORE)])
def test_both_sides_settle_an_exception(world, unit, number, sides):
    """In either order, each once; then it is closed. The unit may have moved on."""
    hand_over(world, unit, STORE, BRAND)
    outcome = settle(world, unit, sides[0], number)
    assert outcome.names() == ["ExceptionSettled"]
    assert world.read("exceptions", unit, number)["settled"] in (BY_SHIPPER, BY_RECEIVER)
    with refused("AlreadySettled", unit, number):
        settle(world, unit, sides[0], number)
    settle(world, unit, sides[1], number)
    assert world.read("exceptions", unit, number)["settled"] == BY_SHIPPER | BY_RECEIVER
    for party in (*sides, BRAND):
        with refused("AlreadySettled", unit, number):
            settle(world, unit, party, number, proof=origin(unit))
    assert world.unit(unit)["holder"] == BRAND


def test_the_brand_settles_an_exception_alone(world, unit, number):
    """Who made the unit, or whose lot it is; a side is a side, whatever it made."""
    settle(world, unit, BRAND, number, proof=origin(unit))
    assert world.read("exceptions", unit, number)["settled"] == BY_BRAND
    with refused("AlreadySettled", unit, number):
        settle(world, unit, STORE, number)
    world.do(Verb.BIND_LOT, bind(0, 0), on=1)
    for lot in (1, 0):
        case = do_pack(world, BRAND, f"of lot {lot}", TREE, lot=lot)
        world.do(Verb.SHIP, ship(BRAND, STORE), on=case)
        world.do(Verb.REPORT_EXCEPTION, report(sender=BRAND), on=case)
        settle(world, case, BRAND, 3, proof=origin(case))
        assert world.read("exceptions", case, 3)["settled"] == BY_SHIPPER
    case = do_pack(world, BRAND, "through others", TREE, lot=1)
    hand_over(world, case, BRAND, DISTRIBUTOR)
    world.do(Verb.SHIP, ship(DISTRIBUTOR, STORE), on=case)
    world.do(Verb.REPORT_EXCEPTION, report(), on=case)
    settle(world, case, BRAND, 5)
    assert world.read("exceptions", case, 5)["settled"] == BY_BRAND


def test_only_the_brand_of_a_units_lot_settles_it_alone(world):
    """Not a brand that packed the lot's goods anew; of an item without a lot, not who names it."""
    world.do(Verb.BIND_LOT, bind(0, 0), on=1)
    case = do_pack(world, BRAND, "case", TREE, lot=1)
    hand_over(world, case, BRAND, RIVAL)
    theirs = do_pack(world, RIVAL, "theirs", Tree((inner(0, case, TREE),)), 0, lot=1)
    free = do_pack(world, BRAND, "free", items(2, "free"))
    hand_over(world, free, BRAND, DISTRIBUTOR)
    do_unpack(world, free, DISTRIBUTOR, items(2, "free"), 0)
    leaf = items(2, "free").children[0]["child"]
    world.do(Verb.RESERVE_BATCH, reserve(RIVAL, gtin=RIVAL_GTIN))
    world.do(Verb.COMMISSION, commission(RIVAL, root=leaf, count=1), on=3)
    hand_over(world, theirs, RIVAL, DISTRIBUTOR)
    for unit, shown in (
        (theirs, origin(theirs)),
        (leaf, [origin(leaf)[0], word(3)]),
        (leaf, [*brands(leaf)[:3], word(3)]),
    ):
        if world.unit(unit)["holder"] == DISTRIBUTOR:
            world.do(Verb.SHIP, ship(DISTRIBUTOR, STORE), on=unit)
            world.do(Verb.REPORT_EXCEPTION, report(short=1), on=unit)
        number = world.unit(unit)["seq"]
        with refused("NotConcerned", unit, RIVAL):
            settle(world, unit, RIVAL, number, proof=shown)
    settle(world, leaf, BRAND, number)
    assert world.read("exceptions", leaf, number)["settled"] == BY_BRAND


def test_nobody_else_settles_an_exception(world, unit, number):
    """Neither a party that is no side, nor a rival brand, nor one that does not exist."""
    with refused("NotConcerned", unit, RIVAL):
        settle(world, unit, RIVAL, number)
    with refused("NotConcerned", unit, BRAND):
        settle(world, unit, BRAND, number)
    with refused("NotMadeBy", unit, RIVAL):
        settle(world, unit, RIVAL, number, proof=origin(unit))
    for other in (number - 1, number + 1, 2**32 - 1):
        with refused("UnknownException", unit, other):
            settle(world, unit, STORE, other)
