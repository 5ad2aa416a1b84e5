"""refuse, returnTo, takeBack, reportLost, withdraw: see contracts/test/*.tree."""

import pytest

from ledger.domain import merkle
from ledger.domain.keccak import keccak
from ledger.domain.verbs import Role, Verb
from tests.contracts.ledger_harness import Chain, word
from tests.contracts.world import (
    BRAND,
    CODES,
    DISTRIBUTOR,
    DOCUMENT,
    LEAVES,
    MARKET,
    NODES,
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
    item,
    items,
    origin,
    origins,
    receive,
    refused,
    reserve,
    ship,
    suspend,
)

HELD, IN_TRANSIT, INSIDE, LOST = 1, 2, 3, 4
NOBODY = keccak(b"none")
TREE = items(8)


@pytest.fixture
def unit(world: Chain) -> bytes:
    """A case that the brand holds."""
    return do_pack(world, BRAND, "case", TREE)


@pytest.fixture
def sent(world: Chain, unit: bytes) -> bytes:
    """The case on its way to the distributor."""
    world.do(Verb.SHIP, ship(BRAND, DISTRIBUTOR), on=unit)
    return unit


def custody(chain: Chain, unit: bytes) -> tuple[int, int, int]:
    stored = chain.unit(unit)
    return stored["holder"], stored["addressee"], stored["state"]


def drawn(chain: Chain, index: int) -> bytes:
    """An item of the brand's that travels alone."""
    args = {"actor": BRAND, "batch": 1, "lot": 0, "eventHash": DOCUMENT}
    proof = merkle.proof(NODES, index)
    chain.do(Verb.DRAW_ITEM, args, code=origin(LEAVES[index])[0], proof=proof)
    return LEAVES[index]


def put(chain: Chain, state: int, leaf: bytes) -> None:
    """Its brand says something of an item."""
    verb = Verb.DECOMMISSION if state >= 4 else Verb.SET_ITEM_STATE
    args = {"actor": BRAND, "batch": 1, "state": state, "eventHash": DOCUMENT}
    index = LEAVES.index(leaf)
    chain.do(verb, args, code=CODES[index], proof=merkle.proof(NODES, index))


def test_refuse_leaves_the_unit_with_its_shipper(world, sent):
    """The addressee says no: the shipper has it as before, and may send it elsewhere."""
    assert world.do(Verb.REFUSE, receive(DISTRIBUTOR, BRAND), on=sent).names() == ["ReceiptRefused"]
    assert custody(world, sent) == (BRAND, 0, HELD)
    hand_over(world, sent, BRAND, STORE)


def test_refuse_is_the_addressees(world, unit):
    """Not what is not on its way, not another's, not in another shipper's name."""
    with refused("UnknownUnit", NOBODY):
        world.do(Verb.REFUSE, receive(DISTRIBUTOR, BRAND), on=NOBODY)
    with refused("UnitNotInTransit", unit):
        world.do(Verb.REFUSE, receive(DISTRIBUTOR, BRAND), on=unit)
    world.do(Verb.SHIP, ship(BRAND, DISTRIBUTOR), on=unit)
    with refused("NotAddressee", unit, STORE):
        world.do(Verb.REFUSE, receive(STORE, BRAND), on=unit)
    with refused("NotFrom", unit, RIVAL):
        world.do(Verb.REFUSE, receive(DISTRIBUTOR, RIVAL), on=unit)


def test_return_to_sends_a_unit_back(world, unit):
    """As a shipment, but told as a return."""
    hand_over(world, unit, BRAND, DISTRIBUTOR)
    outcome = world.do(Verb.RETURN_TO, ship(DISTRIBUTOR, BRAND), on=unit)
    assert outcome.names() == ["Returned"]
    assert custody(world, unit) == (DISTRIBUTOR, BRAND, IN_TRANSIT)
    world.do(Verb.RECEIVE_FROM, receive(BRAND, DISTRIBUTOR), on=unit)


def test_return_to_brings_goods_home_whatever_their_market(world):
    """The brand of the lot may have them; another party only if it may hold their market."""
    world.do(Verb.BIND_LOT, bind(0, 0, market=MARKET), on=1)
    unit = do_pack(world, BRAND, "case", TREE, lot=1)
    hand_over(world, unit, BRAND, DISTRIBUTOR)
    with refused("MarketRefused", STORE, MARKET):
        world.do(Verb.RETURN_TO, ship(DISTRIBUTOR, STORE), on=unit)
    with refused("MarketRefused", BRAND, MARKET):
        world.do(Verb.SHIP, ship(DISTRIBUTOR, BRAND), on=unit)
    world.do(Verb.RETURN_TO, ship(DISTRIBUTOR, BRAND), on=unit)


def test_return_to_is_the_holders(world, sent):
    """And to another party that is active."""
    with refused("UnitInTransit", sent):
        world.do(Verb.RETURN_TO, ship(BRAND, STORE), on=sent)
    world.do(Verb.RECEIVE_FROM, receive(DISTRIBUTOR, BRAND), on=sent)
    with refused("NotHolder", sent, BRAND):
        world.do(Verb.RETURN_TO, ship(BRAND, STORE), on=sent)
    with refused("ToSelf", DISTRIBUTOR):
        world.do(Verb.RETURN_TO, ship(DISTRIBUTOR, DISTRIBUTOR), on=sent)
    suspend(world, BRAND)
    with refused("PartyInactive", BRAND):
        world.do(Verb.RETURN_TO, ship(DISTRIBUTOR, BRAND), on=sent)


def test_take_back_ends_a_shipment_that_never_arrived(world, sent):
    """Also where the addressee is suspended; a receipt signed before is stale."""
    late = world.call(Verb.RECEIVE_FROM, receive(DISTRIBUTOR, BRAND), on=sent)
    suspend(world, DISTRIBUTOR)
    assert world.do(Verb.TAKE_BACK, ship(BRAND, DISTRIBUTOR), on=sent).names() == ["TakenBack"]
    assert custody(world, sent) == (BRAND, 0, HELD)
    suspend(world, DISTRIBUTOR, 1)
    with refused("StaleHead", world.subject_of(Verb.RECEIVE_FROM, {}, sent)):
        world.send(late)


def test_take_back_is_the_shippers(world, unit):
    """Not what he holds, not what was received, not another's, not from another addressee."""
    with refused("UnitNotInTransit", unit):
        world.do(Verb.TAKE_BACK, ship(BRAND, DISTRIBUTOR), on=unit)
    world.do(Verb.SHIP, ship(BRAND, DISTRIBUTOR), on=unit)
    with refused("NotAddressee", unit, STORE):
        world.do(Verb.TAKE_BACK, ship(BRAND, STORE), on=unit)
    with refused("NotHolder", unit, DISTRIBUTOR):
        world.do(Verb.TAKE_BACK, ship(DISTRIBUTOR, DISTRIBUTOR), on=unit)
    world.do(Verb.RECEIVE_FROM, receive(DISTRIBUTOR, BRAND), on=unit)
    with refused("UnitNotInTransit", unit):
        world.do(Verb.TAKE_BACK, ship(BRAND, DISTRIBUTOR), on=unit)


def test_report_lost_keeps_both_sides(world, sent):
    """Whoever finds it ends it: the addressee by its receipt, the shipper by taking it back."""
    assert world.do(Verb.REPORT_LOST, ship(BRAND, DISTRIBUTOR), on=sent).names() == ["LostReported"]
    assert custody(world, sent) == (BRAND, DISTRIBUTOR, LOST)
    with refused("UnitInTransit", sent):
        world.do(Verb.SHIP, ship(BRAND, STORE), on=sent)
    world.do(Verb.RECEIVE_FROM, receive(DISTRIBUTOR, BRAND), on=sent)
    assert custody(world, sent) == (DISTRIBUTOR, 0, HELD)
    world.do(Verb.SHIP, ship(DISTRIBUTOR, STORE), on=sent)
    world.do(Verb.REPORT_LOST, ship(DISTRIBUTOR, STORE), on=sent)
    world.do(Verb.TAKE_BACK, ship(DISTRIBUTOR, STORE), on=sent)
    assert custody(world, sent) == (DISTRIBUTOR, 0, HELD)


def test_report_lost_is_the_shippers_and_once(world, unit):
    """Only of what is on its way, by who sent it."""
    with refused("UnitNotInTransit", unit):
        world.do(Verb.REPORT_LOST, ship(BRAND, DISTRIBUTOR), on=unit)
    world.do(Verb.SHIP, ship(BRAND, DISTRIBUTOR), on=unit)
    with refused("NotHolder", unit, STORE):
        world.do(Verb.REPORT_LOST, ship(STORE, DISTRIBUTOR), on=unit)
    with refused("NotAddressee", unit, STORE):
        world.do(Verb.REPORT_LOST, ship(BRAND, STORE), on=unit)
    world.do(Verb.REPORT_LOST, ship(BRAND, DISTRIBUTOR), on=unit)
    with refused("UnitNotInTransit", unit):
        world.do(Verb.REPORT_LOST, ship(BRAND, DISTRIBUTOR), on=unit)


def test_withdraw_takes_units_from_a_suspended_holder(world, unit):
    """Held or on its way; shown by who made it."""
    hand_over(world, unit, BRAND, STORE)
    suspend(world, STORE)
    outcome = world.do(Verb.WITHDRAW, receive(BRAND, STORE), on=unit, proof=origin(unit))
    assert outcome.names() == ["Withdrawn"]
    assert custody(world, unit) == (BRAND, 0, HELD)
    world.do(Verb.SHIP, ship(BRAND, DISTRIBUTOR), on=unit)
    world.do(Verb.RECEIVE_FROM, receive(DISTRIBUTOR, BRAND), on=unit)
    suspend(world, STORE, 1)
    world.do(Verb.SHIP, ship(DISTRIBUTOR, STORE), on=unit)
    suspend(world, DISTRIBUTOR)
    world.do(Verb.WITHDRAW, receive(BRAND, DISTRIBUTOR), on=unit, proof=origin(unit))
    assert custody(world, unit) == (BRAND, 0, HELD)


def test_withdraw_is_for_the_brand_of_the_lot_too(world):
    """With nothing to show: its lot says it. Also an item, by its batch."""
    world.do(Verb.BIND_LOT, bind(0, 0), on=1)
    unit = do_pack(world, BRAND, "case", TREE, lot=1)
    other = do_pack(world, BRAND, "other", items(2, "b"))
    for each in (unit, other):
        hand_over(world, each, BRAND, STORE)
    do_unpack(world, other, STORE, items(2, "b"), 0)
    leaf = items(2, "b").children[0]["child"]
    suspend(world, STORE)
    world.do(Verb.WITHDRAW, receive(BRAND, STORE), on=unit)
    world.do(Verb.WITHDRAW, receive(BRAND, STORE), on=leaf)
    assert world.unit(leaf)["holder"] == BRAND


def test_withdraw_is_not_for_a_brand_that_names_anothers_item(world):
    """Who learnt a code's hash can put its leaf into a root of its own, but not with its GTIN."""
    world.do(Verb.BIND_LOT, bind(0, 0), on=1)
    leaves = [items(2, tag).children[0]["child"] for tag in ("a", "b")]
    for tag, lot in (("a", 0), ("b", 1)):
        case = do_pack(world, BRAND, tag, items(2, tag), lot=lot)
        hand_over(world, case, BRAND, STORE)
        do_unpack(world, case, STORE, items(2, tag), 0)
    suspend(world, STORE)
    for leaf in leaves:
        world.do(Verb.RESERVE_BATCH, reserve(RIVAL, gtin=RIVAL_GTIN))
        number = world.read("registry")["batches"]
        world.do(Verb.COMMISSION, commission(RIVAL, root=leaf, count=1), on=number)
        shown = [*brands(leaf)[:3], word(number)]
        with refused("NotConcerned", leaf, RIVAL):
            world.do(Verb.WITHDRAW, receive(RIVAL, STORE), on=leaf)
        for proof in (shown, [word(RIVAL_GTIN), *shown[1:]], [origin(leaf)[0], word(number)]):
            with refused("NotMadeBy", leaf, RIVAL):
                world.do(Verb.WITHDRAW, receive(RIVAL, STORE), on=leaf, proof=proof)
    for leaf in leaves:
        world.do(Verb.WITHDRAW, receive(BRAND, STORE), on=leaf)


@pytest.fixture(params=["drawn", "in a lot", "unpacked", "packed"])
def squatted(world: Chain, request: pytest.FixtureRequest) -> bytes:
    """An item of the brand's whose slot a rival made, by a batch of its own that has its leaf."""
    leaf, how = LEAVES[7], request.param
    world.do(Verb.RESERVE_BATCH, reserve(RIVAL, gtin=RIVAL_GTIN))
    number = world.read("registry")["batches"]
    world.do(Verb.COMMISSION, commission(RIVAL, root=leaf, count=1), on=number)
    theirs = Tree((item(0, leaf),))
    if how == "unpacked":
        box = do_pack(world, RIVAL, "box", theirs)
        shown = [*origins(box, ())[:1], [origin(leaf)[0], word(number)]]
        do_unpack(world, box, RIVAL, theirs, 0, origins=shown)
    else:
        lot = bind(0, 0, actor=RIVAL, market=MARKET if how == "in a lot" else 0)
        world.do(Verb.BIND_LOT, lot, on=number)
        args = {
            "actor": RIVAL,
            "batch": number,
            "lot": int(how == "in a lot"),
            "eventHash": DOCUMENT,
        }
        world.do(Verb.DRAW_ITEM, args, code=origin(leaf)[0])
    if how != "in a lot":
        hand_over(world, leaf, RIVAL, STORE)
    if how == "packed":
        do_pack(world, STORE, "their box", theirs, 0)
    return leaf


def test_withdraw_takes_an_item_from_who_squatted_on_it(world, squatted):
    """By its whole code, from whoever has it and whatever it is in; its brand has it then."""
    holder = world.unit(squatted)["holder"]
    inside = world.unit(squatted)["state"] == INSIDE
    with refused(*(("UnitInside", squatted) if inside else ("NotSuspended", holder))):
        world.do(Verb.WITHDRAW, receive(BRAND, holder), on=squatted)
    for wrong in (
        brands(squatted)[:3],
        [word(0), *brands(squatted)[1:]],
        [*brands(squatted)[:3], word(2), *brands(squatted)[4:]],
    ):
        with refused("NotMadeBy", squatted, BRAND):
            world.do(Verb.WITHDRAW, receive(BRAND, holder), on=squatted, proof=wrong)
    with refused("NotInTree", squatted):
        short = brands(squatted)[:-1]
        world.do(Verb.WITHDRAW, receive(BRAND, holder), on=squatted, proof=short)
    world.do(Verb.WITHDRAW, receive(BRAND, holder), on=squatted, proof=brands(squatted))
    stored = world.unit(squatted)
    assert custody(world, squatted) == (BRAND, 0, HELD)
    assert (stored["lot"], stored["market"], stored["parent"], stored["gone"]) == (0, 0, 0, 1)
    hand_over(world, squatted, BRAND, STORE)
    with refused("NotSuspended", STORE):
        world.do(Verb.WITHDRAW, receive(BRAND, STORE), on=squatted, proof=brands(squatted))


def test_withdraw_leaves_what_is_empty_or_has_ended(world):
    """They move no more, also not home."""
    tree = items(2)
    case = do_pack(world, BRAND, "case", tree)
    hand_over(world, case, BRAND, STORE)
    do_unpack(world, case, STORE, tree, 0, 1)
    leaf = tree.children[0]["child"]
    put(world, 7, leaf)
    suspend(world, STORE)
    with refused("UnitEmpty", case):
        world.do(Verb.WITHDRAW, receive(BRAND, STORE), on=case, proof=origin(case))
    with refused("ItemNotActive", leaf):
        world.do(Verb.WITHDRAW, receive(BRAND, STORE), on=leaf)
    world.do(Verb.WITHDRAW, receive(BRAND, STORE), on=tree.children[1]["child"])


def test_what_ended_on_its_way_is_not_received(world):
    """Its shipper has it again, as before."""
    leaf = drawn(world, 3)
    for back, sender in ((Verb.REFUSE, STORE), (Verb.TAKE_BACK, BRAND)):
        world.do(Verb.SHIP, ship(BRAND, STORE), on=leaf)
        put(world, 7 if back == Verb.TAKE_BACK else 4, leaf)
        with refused("ItemNotActive", leaf):
            world.do(Verb.RECEIVE_FROM, receive(STORE, BRAND), on=leaf)
        told = {"good": 0, "damaged": 0, "short": 1, "over": 0, "wrong": 0}
        args = {"actor": STORE, "from": BRAND, **told, "eventHash": DOCUMENT}
        with refused("ItemNotActive", leaf):
            world.do(Verb.REPORT_EXCEPTION, args, on=leaf)
        other = receive(STORE, BRAND) if sender == STORE else ship(BRAND, STORE)
        world.do(back, other, on=leaf)
        assert custody(world, leaf) == (BRAND, 0, HELD)
        if back == Verb.REFUSE:
            put(world, 1, leaf)


@pytest.mark.parametrize("state", [2, 3])
def test_what_is_blocked_or_stolen_goes_nowhere_but_home(world, state):
    """Not alone, not in a unit, not as a return to another; what was under way may arrive."""
    leaf = drawn(world, 4)
    hand_over(world, leaf, BRAND, STORE)
    world.do(Verb.SHIP, ship(STORE, DISTRIBUTOR), on=leaf)
    put(world, state, leaf)
    world.do(Verb.RECEIVE_FROM, receive(DISTRIBUTOR, STORE), on=leaf)
    for verb in (Verb.SHIP, Verb.RETURN_TO):
        with refused("ItemNotActive", leaf):
            world.do(verb, ship(DISTRIBUTOR, STORE), on=leaf)
    with refused("ItemNotActive", leaf):
        world.do(Verb.SHIP, ship(DISTRIBUTOR, BRAND), on=leaf)
    with refused("ItemNotActive", leaf):
        do_pack(world, DISTRIBUTOR, "box", Tree((item(0, leaf),)), 0)
    world.do(Verb.RETURN_TO, ship(DISTRIBUTOR, BRAND), on=leaf)
    world.do(Verb.RECEIVE_FROM, receive(BRAND, DISTRIBUTOR), on=leaf)


def test_withdraw_is_refused_to_anyone_else(world, unit):
    """From an active holder, by a rival, by a maker that is no brand, of what is not there."""
    hand_over(world, unit, BRAND, STORE)
    with refused("NotSuspended", STORE):
        world.do(Verb.WITHDRAW, receive(BRAND, STORE), on=unit, proof=origin(unit))
    suspend(world, STORE)
    with refused("NotConcerned", unit, RIVAL):
        world.do(Verb.WITHDRAW, receive(RIVAL, STORE), on=unit)
    with refused("NotMadeBy", unit, RIVAL):
        world.do(Verb.WITHDRAW, receive(RIVAL, STORE), on=unit, proof=origin(unit))
    with refused("NotFrom", unit, DISTRIBUTOR):
        world.do(Verb.WITHDRAW, receive(BRAND, DISTRIBUTOR), on=unit, proof=origin(unit))
    with refused("UnknownUnit", NOBODY):
        world.do(Verb.WITHDRAW, receive(BRAND, STORE), on=NOBODY)
    suspend(world, STORE, 1)
    theirs = do_pack(world, DISTRIBUTOR, "theirs", items(2))
    hand_over(world, theirs, DISTRIBUTOR, STORE)
    suspend(world, STORE)
    with refused("RoleMissing", DISTRIBUTOR, Role.BRAND):
        world.do(Verb.WITHDRAW, receive(DISTRIBUTOR, STORE), on=theirs, proof=origin(theirs))


def test_withdraw_leaves_what_is_inside(world, unit):
    """A case moves with its pallet, so the pallet is withdrawn."""
    tree = Tree((inner(0, unit, TREE),))
    pallet = do_pack(world, BRAND, "pallet", tree, 0)
    hand_over(world, pallet, BRAND, STORE)
    suspend(world, STORE)
    with refused("NotFrom", unit, STORE):
        world.do(Verb.WITHDRAW, receive(BRAND, STORE), on=unit, proof=origin(unit))
    world.do(Verb.WITHDRAW, receive(BRAND, STORE), on=pallet, proof=origin(pallet))


def test_withdraw_refuses_a_frozen_child_of_its_holder(world, unit):
    """Its recorded holder packed it himself and was suspended: still it is inside."""
    hand_over(world, unit, BRAND, STORE)
    do_pack(world, STORE, "pallet", Tree((inner(0, unit, TREE),)), 0)
    suspend(world, STORE)
    with refused("UnitInside", unit):
        world.do(Verb.WITHDRAW, receive(BRAND, STORE), on=unit, proof=origin(unit))


def test_a_suspended_party_neither_sends_nor_is_sent_to(world, unit):
    """Nothing it signs lands and nothing is shipped to it; what is on its way may be received."""
    suspend(world, STORE)
    with refused("PartyInactive", STORE):
        world.do(Verb.SHIP, ship(BRAND, STORE), on=unit)
    with refused("PartyInactive", STORE):
        do_pack(world, STORE, "theirs", items(2))
    world.do(Verb.SHIP, ship(BRAND, DISTRIBUTOR), on=unit)
    suspend(world, BRAND)
    for verb in (Verb.TAKE_BACK, Verb.REPORT_LOST):
        with refused("PartyInactive", BRAND):
            world.do(verb, ship(BRAND, DISTRIBUTOR), on=unit)
    world.do(Verb.RECEIVE_FROM, receive(DISTRIBUTOR, BRAND), on=unit)
