"""shipList, receiveList: see contracts/test/{shipList,receiveList}.tree."""

import pytest

from ledger.domain import ids
from ledger.domain.keccak import keccak
from ledger.domain.verbs import Verb
from tests.contracts.ledger_harness import Chain, Refused
from tests.contracts.world import (
    BRAND,
    DISTRIBUTOR,
    RIVAL,
    STORE,
    STRANGER,
    do_pack,
    items,
    receive,
    refused,
    ship,
    undone,
)

SHIP = ship(BRAND, DISTRIBUTOR)
RECEIVE = receive(DISTRIBUTOR, BRAND)


@pytest.fixture
def units(world: Chain) -> list[bytes]:
    """Three cases that the brand holds."""
    return [do_pack(world, BRAND, f"case {i}", items(2, str(i))) for i in range(3)]


def head(chain: Chain, unit: bytes) -> bytes:
    return chain.head(ids.subject("unit", unit))[1]


def states(chain: Chain, units: list[bytes]) -> list[int]:
    return [chain.unit(unit)["state"] for unit in units]


def test_a_list_ships_and_receives_every_unit(world, units):
    """One signature each way, one event a unit."""
    outcome = world.send(world.list_call(Verb.SHIP, units, SHIP))
    assert outcome.names() == ["Shipped"] * 3
    assert states(world, units) == [2, 2, 2]
    outcome = world.send(world.list_call(Verb.RECEIVE_FROM, units, RECEIVE))
    assert outcome.names() == ["Received"] * 3
    assert [world.unit(unit)["holder"] for unit in units] == [DISTRIBUTOR] * 3


@pytest.mark.parametrize(("verb", "args"), [(Verb.SHIP, SHIP), (Verb.RECEIVE_FROM, RECEIVE)])
def test_a_list_of_nothing_is_refused(world, verb, args):
    """Neither empty nor of units that are not there."""
    with refused("EmptyList"):
        world.send(world.list_call(verb, [], args))
    with refused("UnknownUnit", keccak(b"none")):
        world.send(world.list_call(verb, [keccak(b"none")], args))


def test_a_unit_twice_in_a_list_is_refused(world, units):
    """The second time it is on its way already, or received."""
    twice = [units[0], units[1], units[0]]
    with refused("UnitInTransit", units[0]):
        world.send(world.list_call(Verb.SHIP, twice, SHIP))
    world.send(world.list_call(Verb.SHIP, units, SHIP))
    with refused("UnitNotInTransit", units[0]):
        world.send(world.list_call(Verb.RECEIVE_FROM, twice, RECEIVE))


def test_a_list_obeys_the_rules_of_its_verb(world, units):
    """One bad unit refuses the whole; a bad addressee does."""
    foreign = do_pack(world, RIVAL, "theirs", items(1))
    with refused("NotHolder", foreign, BRAND):
        world.send(world.list_call(Verb.SHIP, [*units, foreign], SHIP))
    with refused("UnknownParty", STRANGER):
        world.send(world.list_call(Verb.SHIP, units, ship(BRAND, STRANGER)))
    with refused("ToSelf", BRAND):
        world.send(world.list_call(Verb.SHIP, units, ship(BRAND, BRAND)))
    world.send(world.list_call(Verb.SHIP, units, SHIP))
    with refused("NotAddressee", units[0], STORE):
        world.send(world.list_call(Verb.RECEIVE_FROM, units, receive(STORE, BRAND)))


def moved(chain: Chain, units: list[bytes], *, skip_stale: bool, **options):
    """A list signed while all units were fresh, relayed after the second one was shipped alone."""
    heads = [head(chain, unit) for unit in units]
    chain.do(Verb.SHIP, ship(BRAND, STORE), on=units[1])
    return chain.list_call(Verb.SHIP, units, SHIP, heads=heads, skip_stale=skip_stale, **options)


def test_a_moved_unit_is_skipped_and_reported(world, units):
    """If the signer said so; the others go."""
    old = head(world, units[1])
    outcome = world.send(moved(world, units, skip_stale=True, stale=[(1, old)]))
    assert outcome.names() == ["Skipped", "Shipped", "Shipped"]
    assert outcome.only("Skipped") == {"unit": units[1], "actor": BRAND, "signedHead": old}
    assert [world.unit(unit)["addressee"] for unit in units] == [DISTRIBUTOR, STORE, DISTRIBUTOR]


def test_a_moved_unit_refuses_the_list_that_skips_nothing(world, units):
    """StaleHead, naming the unit; and a relayer cannot turn skipping on."""
    old = head(world, units[1])
    with undone(world):
        data = moved(world, units, skip_stale=False, stale=[(1, old)])
        with refused("StaleHead", ids.subject("unit", units[1])):
            world.send(data)
    data = moved(world, units, skip_stale=False, relayed_skip_stale=True, stale=[(1, old)])
    assert refusal(world, data) == "WrongSigner"


def test_a_moved_unit_cannot_be_hidden(world, units):
    """A relayer who does not say that it moved has a list nobody signed."""
    assert refusal(world, moved(world, units, skip_stale=True)) == "WrongSigner"


def test_a_fresh_unit_cannot_be_skipped(world, units):
    """Neither by its current head nor by an invented one."""
    for said, error in ((head(world, units[1]), "StaleNotProven"), (keccak(b"?"), "WrongSigner")):
        data = world.list_call(Verb.SHIP, units, SHIP, skip_stale=True, stale=[(1, said)])
        assert refusal(world, data) == error


def test_stale_positions_are_ascending_and_inside(world, units):
    """None twice, none past the end."""
    old = head(world, units[1])
    data = moved(world, units, skip_stale=True, stale=[(1, old), (1, old)])
    with refused("LengthMismatch"):
        world.send(data)
    with refused("LengthMismatch"):
        world.send(world.list_call(Verb.SHIP, units, SHIP, skip_stale=True, stale=[(3, old)]))
    with refused("LengthMismatch"):
        stale = [(2, old), (0, old)]
        world.send(world.list_call(Verb.SHIP, units, SHIP, skip_stale=True, stale=stale))


def test_a_list_lands_once(world, units):
    """Once landed all its units are stale: it cannot come back as so many skipped ones."""
    heads = [head(world, unit) for unit in units]
    data = world.list_call(Verb.SHIP, units, SHIP, heads=heads, skip_stale=True)
    world.send(data)
    assert refusal(world, data) == "WrongSigner"
    stale = list(enumerate(heads))
    again = world.list_call(Verb.SHIP, units, SHIP, heads=heads, skip_stale=True, stale=stale)
    with refused("StaleHead", ids.subject("unit", units[0])):
        world.send(again)


def test_a_list_is_signed_as_it_stands(world, units):
    """Another order, a unit left out or put in: a list that nobody signed."""
    heads = [head(world, unit) for unit in units]
    right = world.list_call(Verb.SHIP, units, SHIP, heads=heads)
    for others in ([units[1], units[0], units[2]], units[:2]):
        wrong = world.list_call(Verb.SHIP, others, SHIP, signature=lambda *_: signature_of(right))
        assert refusal(world, wrong) == "WrongSigner"
    world.send(right)


def test_a_list_of_a_cancelled_era_is_refused(world, units):
    """And one past its deadline."""
    data = world.list_call(Verb.SHIP, units, SHIP)
    late = world.list_call(Verb.SHIP, units, SHIP, deadline=world.now)
    world.do(Verb.CANCEL, {"actor": BRAND})
    with refused("EraCancelled", 0, 1):
        world.send(data)
    with refused("DeadlinePassed", world.now - 2, world.now):
        world.send(late)


def signature_of(data: bytes) -> tuple[bytes, bytes]:
    """The (r, vs) of a list's call: the last two words of its head."""
    at = 4 + 32 * (1 + 1 + 3 + 1 + 1)
    return data[at : at + 32], data[at + 32 : at + 64]


def refusal(chain: Chain, data: bytes) -> str:
    """Send and return by which error it is refused."""
    with pytest.raises(Refused) as caught:
        chain.send(data)
    return caught.value.name
