"""batch: see contracts/test/batch.tree. Whoever relays, no part fails that would not fail alone."""

import pytest
from eth_abi.abi import decode

from ledger.chain.artifact import call_data, decode_error
from ledger.chain.message import batch_call
from ledger.domain.keccak import keccak
from ledger.domain.verbs import Verb
from tests.contracts.ledger_harness import Chain, Refused
from tests.contracts.world import (
    BRAND,
    DISTRIBUTOR,
    RIVAL,
    STORE,
    activate,
    bind,
    call_unpack,
    do_pack,
    items,
    opening,
    pack,
    refused,
    register,
    ship,
    undone,
)


@pytest.fixture
def units(world: Chain) -> list[bytes]:
    """Four cases that the brand holds."""
    return [do_pack(world, BRAND, f"case {i}", items(8, str(i))) for i in range(4)]


def reasons(outcome) -> list[tuple[int, str]]:
    return [
        (values["part"], decode_error(values["reason"])[0])
        for name, values in outcome.events
        if name == "PartFailed"
    ]


def test_a_batch_carries_out_every_part(world, units):
    """Verbs of several parties, a registration among them."""
    outcome = world.batch(
        world.call(Verb.SHIP, ship(BRAND, DISTRIBUTOR), on=units[0]),
        world.call(Verb.PACK, pack(RIVAL, "theirs", items(2))),
        world.call(Verb.REGISTER_PARTY, register(10**13 + 3, 4)),
        world.call(Verb.ACTIVATE, activate(0, 10), on=1),
    )
    assert outcome.names() == ["Shipped", "Packed", "PartyRegistered", "Activated"]


def test_a_part_fails_alone_by_its_own_name(world, units):
    """The others stand; the reason is the contract's error with its arguments."""
    good = [world.call(Verb.SHIP, ship(BRAND, STORE), on=unit) for unit in units]
    bad = world.call(Verb.SHIP, ship(BRAND, RIVAL), on=units[0])
    outcome = world.batch(good[0], bad, *good[1:])
    assert outcome.names() == ["Shipped", "PartFailed", "Shipped", "Shipped", "Shipped"]
    assert reasons(outcome) == [(1, "StaleHead")]


def test_a_failed_part_leaves_nothing_behind(world, units):
    """A group that fails at its end inside a batch undoes its beginning."""
    group = world.group_call(
        units[0],
        [
            opening(units[0], BRAND, items(8, "0"), 0),
            (Verb.SHIP, ship(BRAND, BRAND), []),
        ],
    )
    other = world.call(Verb.SHIP, ship(BRAND, STORE), on=units[1])
    outcome = world.batch(group, other)
    assert reasons(outcome) == [(0, "ToSelf")]
    assert world.unit(units[0])["gone"] == 0


def test_a_batch_of_nothing_or_too_much_is_refused(world):
    """1 to 256 parts."""
    with refused("EmptyList"):
        world.batch()
    with refused("TooManyParts", 257):
        world.batch(*[call_data("extSloads", [])] * 257)
    world.batch(*[call_data("extSloads", [])] * 256)


def test_a_batch_is_not_nested(world, units):
    """A batch within a batch is refused as a whole."""
    ship_ = world.call(Verb.SHIP, ship(BRAND, STORE), on=units[0])
    inner = batch_call([ship_])
    with refused("NotBatchable", inner[:4]):
        world.batch(ship_, inner)


@pytest.mark.parametrize("part", [b"", b"\1\2\3", b"\1\2\3\4" + bytes(64)])
def test_a_part_that_reverts_without_a_word_reverts_the_whole(world, units, part):
    """What is no call of the contract, as what runs out of gas, says nothing."""
    with refused("EmptyRevert", 1):
        world.batch(world.call(Verb.SHIP, ship(BRAND, STORE), on=units[0]), part)


def test_a_part_that_reaches_over_the_end_is_refused(world, units):
    """With everything before it: a length that lies, of a call or of nothing."""
    data = batch_call([world.call(Verb.SHIP, ship(BRAND, STORE), on=unit) for unit in units])
    whole = data[4 + 64 : 4 + 64 + 4 * (4 + 4 + 32 * 7)]
    for wrong in (whole[:-1], whole + b"\0\0\0", whole + b"\xff\xff\xff\xff"):
        with refused("LengthMismatch"):
            world.send(call_data("batch", wrong))
    world.send(call_data("batch", whole))


def test_a_mean_relayer_cannot_make_a_part_fail(world, units):
    """Whatever gas is given: all parts land as with plenty of it, or the whole reverts."""
    tree = items(8, "3")
    parts = [
        world.call(Verb.SHIP, ship(BRAND, DISTRIBUTOR), on=units[0]),
        world.list_call(Verb.SHIP, units[1:3], ship(BRAND, STORE)),
        call_unpack(world, units[3], BRAND, tree, 0, 1),
        world.call(Verb.BIND_LOT, bind(0, 10), on=1),
        world.call(Verb.SHIP, ship(BRAND, STORE), on=units[3]),  # stale after the unpack
    ]
    with undone(world):
        plenty = world.batch(*parts)
    assert reasons(plenty) == [(4, "StaleHead")]
    refusals = set()
    landed = 0
    for gas in range(60_000, 2_500_000, 75_000):
        with undone(world):
            try:
                outcome = world.batch(*parts, gas=gas)
            except Refused as refusal:
                refusals.add(refusal.name)
                continue
            landed += 1
            assert outcome.events == plenty.events
    assert landed > 0
    assert refusals <= {"", "GasFloor", "EmptyRevert"} and "GasFloor" in refusals


def test_a_part_starved_below_the_floor_is_refused_by_name(world, units):
    """The floor is the part's length in bytes and a constant."""
    part = world.call(Verb.SHIP, ship(BRAND, STORE), on=units[0])
    with refused("GasFloor", 0):
        world.batch(part, gas=300_000 + 600 * len(part))
    world.batch(part, gas=400_000 + 600 * len(part))


def test_a_relayer_may_reorder_and_drop_parts(world, units):
    """Each part is signed alone: order changes only who comes first."""
    first = world.call(Verb.SHIP, ship(BRAND, STORE), on=units[0])
    second = world.call(Verb.SHIP, ship(BRAND, DISTRIBUTOR), on=units[0])
    for parts, addressee in (((first, second), STORE), ((second, first), DISTRIBUTOR)):
        with undone(world):
            assert reasons(world.batch(*parts)) == [(1, "StaleHead")]
            assert world.unit(units[0])["addressee"] == addressee


def test_the_reading_interface_is_storage(world, units):
    """extSloads returns raw words, zero for what was never written."""
    slots = [0, 1, int.from_bytes(keccak(b"nowhere"))]
    output = world.view(call_data("extSloads", [slot.to_bytes(32, "big") for slot in slots]))
    (words,) = decode(["bytes32[]"], output)
    assert [int.from_bytes(w) for w in words] == [world.storage(slot) for slot in slots]
