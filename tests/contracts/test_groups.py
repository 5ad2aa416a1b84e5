"""group: see contracts/test/group.tree."""

import pytest

from ledger.chain.artifact import call_data
from ledger.domain import ids
from ledger.domain.verbs import Verb
from tests.contracts import ledger_harness
from tests.contracts.ledger_harness import Refused, group_data
from tests.contracts.world import (
    BRAND,
    DISTRIBUTOR,
    RIVAL,
    STORE,
    Tree,
    do_pack,
    hand_over,
    inner,
    items,
    named,
    opening,
    pack,
    receive,
    refused,
    ship,
    undone,
)

TREE = items(4)
CASE = named(BRAND, "case")
PACK = (Verb.PACK, pack(BRAND, "case", TREE), [])
SHIP = (Verb.SHIP, ship(BRAND, DISTRIBUTOR), [])


def test_a_group_packs_and_ships_under_one_signature(world):
    """Each verb is an event of its own in the unit's history."""
    outcome = world.send(world.group_call(CASE, [PACK, SHIP]))
    assert outcome.names() == ["Packed", "Shipped"]
    assert world.unit(CASE)["state"] == 2


def test_a_group_receives_unpacks_and_ships_on(world):
    """All four verbs, with children that have slots and children that have none."""
    case = do_pack(world, BRAND, "inner", items(2, "inner"))
    tree = Tree(
        (
            inner(0, case, items(2, "inner")),
            *(c | {"position": i + 1} for i, c in enumerate(TREE.children)),
        )
    )
    packed = (Verb.PACK, pack(BRAND, "case", tree, (0,)), tree.proofs(0))
    opened = opening(CASE, BRAND, tree, 1)
    outcome = world.send(world.group_call(CASE, [packed, opened, SHIP]))
    assert outcome.names() == ["Packed", "PackedInto", "Unpacked", "UnpackedFrom", "Shipped"]
    received = (Verb.RECEIVE_FROM, receive(DISTRIBUTOR, BRAND), [])
    opened = opening(CASE, DISTRIBUTOR, tree, 0, 2)
    shipped = (Verb.SHIP, ship(DISTRIBUTOR, STORE), [])
    outcome = world.send(world.group_call(CASE, [received, opened, shipped]))
    assert outcome.names() == ["Received", "Unpacked", "UnpackedFrom", "UnpackedFrom", "Shipped"]
    assert world.unit(CASE)["seq"] == 6


def test_a_group_is_all_or_nothing(world):
    """A later verb that is refused takes the earlier ones with it."""
    with refused("UnitInTransit", CASE):
        world.send(world.group_call(CASE, [PACK, SHIP, SHIP]))
    with refused("UnitExists", CASE):
        world.send(world.group_call(CASE, [PACK, PACK]))
    assert world.unit(CASE)["state"] == 0


def test_a_group_obeys_the_rules_of_its_verbs(world):
    """The addressee is checked here too."""
    with refused("ToSelf", BRAND):
        world.send(world.group_call(CASE, [PACK, (Verb.SHIP, ship(BRAND, BRAND), [])]))
    with refused("UnitNotInTransit", CASE):
        world.send(world.group_call(CASE, [PACK, (Verb.RECEIVE_FROM, receive(BRAND, STORE), [])]))


def test_a_group_has_one_actor(world):
    """A part in another party's name is refused, though the signer signed it."""
    with refused("BadPart", 1):
        world.send(world.group_call(CASE, [PACK, (Verb.SHIP, ship(RIVAL, STORE), [])]))


def test_a_group_packs_only_its_own_unit(world):
    """A pack of another unit is no part of this one's history."""
    with refused("BadPart", 0):
        world.send(world.group_call(named(BRAND, "other"), [PACK]))


def test_a_group_takes_custody_verbs_only(world):
    """Another verb's number, with whatever arguments."""
    data = world.group_call(CASE, [PACK, SHIP])
    for verb in (Verb.ACTIVATE, Verb.CANCEL, 255):
        wrong = bytearray(data)
        at = data.index(int(Verb.PACK).to_bytes(32, "big") + int(Verb.SHIP).to_bytes(32, "big"))
        wrong[at + 63] = verb
        with refused("BadPart", 1):
            world.send(bytes(wrong))


@pytest.mark.parametrize("extra", [b"\0", bytes(32)])
@pytest.mark.parametrize("part", [SHIP, (Verb.RECEIVE_FROM, receive(BRAND, STORE), [])])
def test_a_group_takes_arguments_of_their_exact_length(world, monkeypatch, part, extra):
    """Neither longer nor shorter than the struct: nothing unsigned rides along."""
    whole = ledger_harness.part_data
    for change in (lambda data: data + extra, lambda data: data[:-1]):
        monkeypatch.setattr(
            ledger_harness,
            "part_data",
            lambda verb, args, change=change: (
                change(whole(verb, args)) if verb == part[0] else whole(verb, args)
            ),
        )
        with refused("BadPart", 1):
            world.send(world.group_call(CASE, [PACK, part]))


def test_a_group_of_nothing_or_too_much_is_refused(world):
    """One to eight parts."""
    auth = (world.now, bytes(32), bytes(32))
    with refused("EmptyList"):
        world.send(group_data(CASE, [], auth))
    with refused("TooManyParts", 9):
        world.send(group_data(CASE, [SHIP] * 9, auth))


@pytest.mark.parametrize(
    "counts", [(0, 1, 1), (2, 1, 1), (1, 0, 1), (1, 2, 1), (1, 1, 0), (1, 1, 2)]
)
def test_a_group_has_arguments_and_proofs_for_each_part(world, counts):
    """As many of each as there are verbs."""
    auth = (world.now, bytes(32), bytes(32))
    data = ledger_harness.part_data(SHIP[0], SHIP[1])
    with refused("LengthMismatch"):
        args, proofs, origins_ = (
            [part] * n for part, n in zip((data, [], []), counts, strict=True)
        )
        world.send(call_data("group", CASE, [34], args, proofs, origins_, auth))


def test_a_groups_parts_keep_their_order(world):
    """Parts swapped, dropped or added by a relayer are not what was signed."""
    unit = do_pack(world, BRAND, "whole", TREE)
    opened = opening(unit, BRAND, TREE, 0)
    right = world.group_call(unit, [opened, SHIP])
    r_vs = right[4 + 32 * 6 : 4 + 32 * 8]
    for parts in ([SHIP, opened], [opened], [opened, SHIP, SHIP]):
        wrong = world.group_call(unit, parts, signature=lambda *_: (r_vs[:32], r_vs[32:]))
        with pytest.raises(Refused) as caught:
            world.send(wrong)
        assert caught.value.name == "WrongSigner"
    world.send(right)


def test_a_group_is_signed_over_one_head(world):
    """It lands once, and not on a unit that came back."""
    unit = do_pack(world, BRAND, "case", TREE)
    there = (Verb.SHIP, ship(BRAND, STORE), [])
    data = world.group_call(unit, [there])
    with undone(world):
        world.send(data)
        with refused("StaleHead", ids.subject("unit", unit)):
            world.send(data)
    hand_over(world, unit, BRAND, STORE)
    hand_over(world, unit, STORE, BRAND)
    with refused("StaleHead", ids.subject("unit", unit)):
        world.send(data)
