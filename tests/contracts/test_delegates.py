"""Devices that sign for a party: see contracts/test/delegate.tree."""

from __future__ import annotations

from typing import Any

import pytest

from ledger.domain import ids
from ledger.domain.verbs import DEVICE_ERAS, KeyMode, Verb
from tests.contracts.ledger_harness import Chain, Refused, address, key
from tests.contracts.world import (
    BRAND,
    DISTRIBUTOR,
    DOCUMENT,
    STORE,
    STRANGER,
    do_pack,
    items,
    pack,
    receive,
    refused,
    ship,
    unpack,
)

DEVICE = key("scanner 1")
SCANNER = address(DEVICE)
FIRST = DEVICE_ERAS + 1  # what a device signs in its first era
HANDOFFS = 1 << Verb.SHIP | 1 << Verb.RECEIVE_FROM


def device(chain: Chain, actor: int = STORE, **changes: Any) -> dict[str, Any]:
    """Arguments of delegate: may hand over, for an hour, ten times."""
    args = {
        "actor": actor,
        "key": SCANNER,
        "keyMode": KeyMode.BROWSER,
        "verbs": HANDOFFS,
        "expiry": chain.now + 3600,
        "limit": 10,
        "deviceEra": 0,
        "eventHash": DOCUMENT,
    }
    return args | changes


def delegated(chain: Chain, party: int = STORE) -> dict[str, int]:
    """What the ledger keeps of the device."""
    account = int.from_bytes(address(chain.keys[party]))
    return chain.read("delegates", party, account, int.from_bytes(SCANNER))


@pytest.fixture
def unit(world):
    """A case on its way from the brand to the store, whose device may hand over."""
    made = do_pack(world, BRAND, "case", items(3))
    world.do(Verb.SHIP, ship(BRAND, STORE), on=made)
    world.do(Verb.DELEGATE, device(world))
    return made


def test_delegate_names_a_device(world):
    """Verbs, expiry, limit and key mode are kept, under an era of the device's own."""
    args = device(world)
    world.do(Verb.DELEGATE, args)
    assert delegated(world) == {
        "verbs": HANDOFFS,
        "expiry": args["expiry"],
        "left": 10,
        "era": 1,
        "keyMode": KeyMode.BROWSER,
    }


def test_a_device_signs_for_its_party(world, unit):
    """The unit is the store's; the event says which key signed, and that it was a device."""
    event = world.do(
        Verb.RECEIVE_FROM, receive(STORE, BRAND), on=unit, signer=DEVICE, era=FIRST
    ).only("Received")
    assert world.unit(unit)["holder"] == STORE
    assert event["by"] & (1 << 160) - 1 == int.from_bytes(SCANNER)
    assert event["by"] >> 160 & 0xFF == 16 + KeyMode.BROWSER
    assert delegated(world)["left"] == 9


def test_a_device_is_never_better_held_than_its_party(world):
    """A hosted party's device is said to be hosted, whatever it was called."""
    world.do(Verb.DELEGATE, device(world, DISTRIBUTOR, keyMode=KeyMode.OWN))
    made = do_pack(world, BRAND, "case", items(3))
    world.do(Verb.SHIP, ship(BRAND, DISTRIBUTOR), on=made)
    event = world.do(
        Verb.RECEIVE_FROM, receive(DISTRIBUTOR, BRAND), on=made, signer=DEVICE, era=FIRST
    ).only("Received")
    assert event["by"] >> 160 & 0xFF == 16 + KeyMode.HOSTED


def test_a_device_signs_only_what_it_was_named_for(world, unit):
    """Another verb, alone or among the parts of a group, is refused; nor does it name a device."""
    world.do(Verb.RECEIVE_FROM, receive(STORE, BRAND), on=unit, signer=DEVICE, era=FIRST)
    tree = items(3)
    not_allowed = ("DeviceNotAllowed", STORE, SCANNER)
    with refused(*not_allowed):
        world.do(Verb.PACK, pack(STORE, "box", items(2, "box")), signer=DEVICE, era=FIRST)
    parts = [
        (Verb.UNPACK, unpack(STORE, tree, 0), tree.proofs(0)),
        (Verb.SHIP, ship(STORE, BRAND), ()),
    ]
    with refused(*not_allowed):
        world.send(world.group_call(unit, parts, signer=DEVICE, era=FIRST))
    with refused(*not_allowed):
        world.do(Verb.CANCEL, {"actor": STORE}, signer=DEVICE, era=FIRST)
    with refused(*not_allowed):
        world.do(Verb.DELEGATE, device(world, deviceEra=1), signer=DEVICE, era=FIRST)
    world.do(Verb.SHIP, ship(STORE, BRAND), on=unit, signer=DEVICE, era=FIRST)


def test_a_device_signs_no_more_than_its_limit(world):
    """Each unit of a list and each part of a group is one."""
    units = [do_pack(world, BRAND, f"case {n}", items(2, f"case {n}")) for n in range(3)]
    world.do(Verb.DELEGATE, device(world, BRAND, limit=3))
    spent = ("DeviceSpent", BRAND, SCANNER)
    landed = world.list_call(Verb.SHIP, units[:2], ship(BRAND, STORE), signer=DEVICE, era=FIRST)
    world.send(landed)
    assert delegated(world, BRAND)["left"] == 1
    with refused(*spent):
        world.send(
            world.list_call(Verb.SHIP, units[1:], ship(BRAND, STORE), signer=DEVICE, era=FIRST)
        )
    with refused(*spent):
        parts = [(Verb.SHIP, ship(BRAND, STORE), ()), (Verb.SHIP, ship(BRAND, STORE), ())]
        world.send(world.group_call(units[2], parts, signer=DEVICE, era=FIRST))
    world.do(Verb.SHIP, ship(BRAND, STORE), on=units[2], signer=DEVICE, era=FIRST)
    with refused(*spent):
        world.do(Verb.SHIP, ship(BRAND, STORE), on=units[2], signer=DEVICE, era=FIRST)


def test_what_is_refused_costs_a_device_nothing(world, unit):
    """A verb that reverts leaves the count as it was."""
    with refused("NotFrom", unit, DISTRIBUTOR):
        args = receive(STORE, DISTRIBUTOR)
        world.do(Verb.RECEIVE_FROM, args, on=unit, signer=DEVICE, era=FIRST)
    assert delegated(world)["left"] == 10


def test_a_device_expires(world, unit):
    """To the second: it signs in its last one, and not in the next."""
    end = delegated(world)["expiry"]
    world.now = end + 1
    with refused("DeviceExpired", STORE, SCANNER):
        world.do(Verb.RECEIVE_FROM, receive(STORE, BRAND), on=unit, signer=DEVICE, era=FIRST)
    world.do(Verb.DELEGATE, device(world, expiry=world.now + 1, deviceEra=1))
    world.do(Verb.RECEIVE_FROM, receive(STORE, BRAND), on=unit, signer=DEVICE, era=FIRST + 1)


def test_a_device_is_cut_off_at_once(world, unit):
    """What it signed before is void, too."""
    hoarded = world.call(
        Verb.RECEIVE_FROM, receive(STORE, BRAND), on=unit, signer=DEVICE, era=FIRST
    )
    world.do(Verb.DELEGATE, device(world, expiry=0, deviceEra=1))
    with refused("DeviceExpired", STORE, SCANNER):
        world.send(hoarded)
    world.do(Verb.DELEGATE, device(world, deviceEra=2))
    with refused("EraCancelled", FIRST, FIRST + 2):
        world.send(hoarded)


def test_a_delegation_lands_once_and_nothing_outruns_it(world):
    """It is over the device's era, not over the party's head."""
    first = world.call(Verb.DELEGATE, device(world))
    world.do(Verb.CANCEL, {"actor": STORE}, era=0)
    with refused("EraCancelled", 0, 1):
        world.send(first)
    second = world.call(Verb.DELEGATE, device(world))
    world.do(Verb.DELEGATE, device(world, key=address(key("scanner 2"))))
    world.send(second)
    with refused("EraCancelled", 0, 1):
        world.send(second)


def test_a_device_is_cut_off_whatever_was_hoarded(world, unit):
    """No delegation for its era, nor a cancel, that lands first makes the end of a device stale."""
    hoarded = world.call(Verb.DELEGATE, device(world, limit=1000, deviceEra=1))
    cancel = world.call(Verb.CANCEL, {"actor": STORE})
    end = world.call(Verb.DELEGATE, device(world, expiry=0, deviceEra=2))
    for call in (hoarded, cancel, end):
        world.send(call)
    assert (delegated(world)["expiry"], delegated(world)["era"]) == (0, 3)
    with refused("EraCancelled", 2, 3):
        world.send(end)


def test_a_delegation_may_name_a_later_era(world):
    """All that was signed for that one or an older one is void after it, also an end:
    of the last era it is for good, as far as the party's key goes."""
    world.do(Verb.DELEGATE, device(world, deviceEra=7))
    assert delegated(world)["era"] == 8
    with refused("EraCancelled", 7, 8):
        world.do(Verb.DELEGATE, device(world, deviceEra=7))
    world.do(Verb.DELEGATE, device(world, deviceEra=2**32 - 2))
    with refused("EraCancelled", 9, 2**32 - 1):
        world.do(Verb.DELEGATE, device(world, expiry=0, deviceEra=9))
    with refused("BadCount", 2**32 - 1):
        world.do(Verb.DELEGATE, device(world, expiry=0, deviceEra=2**32 - 1))


def test_a_cancelled_delegation_stays_cancelled(world):
    """Only the end of a device lands in every era of the key."""
    hoarded = world.call(Verb.DELEGATE, device(world))
    world.do(Verb.CANCEL, {"actor": STORE})
    with refused("EraCancelled", 0, 1):
        world.send(hoarded)


def test_what_a_device_signed_is_never_its_accounts(world, unit):
    """Once the key is the party's own, and the other way round: their eras are apart."""
    as_device = world.call(
        Verb.RECEIVE_FROM, receive(STORE, BRAND), on=unit, signer=DEVICE, era=FIRST
    )
    world.do(Verb.DELEGATE, device(world, expiry=0, deviceEra=1))
    old = address(world.keys[STORE])
    as_account = world.call(Verb.RECEIVE_FROM, receive(STORE, BRAND), on=unit, era=1)
    rotation = {"party": STORE, "account": SCANNER, "keyMode": 1, "eventHash": DOCUMENT}
    world.do(Verb.ROTATE_ACCOUNT, rotation)
    with refused("EraCancelled", FIRST, 1):
        world.send(as_device)
    world.keys[STORE] = DEVICE
    world.do(Verb.DELEGATE, device(world, key=old))
    with refused("EraCancelled", 1, FIRST):
        world.send(as_account)


def test_devices_end_with_their_account(world, unit):
    """A party's new key has none of the devices of the old one."""
    rotation = {
        "party": STORE,
        "account": address(key("new")),
        "keyMode": KeyMode.OWN,
        "eventHash": DOCUMENT,
    }
    world.do(Verb.ROTATE_ACCOUNT, rotation)
    with refused("WrongSigner", STORE, SCANNER):
        world.do(Verb.RECEIVE_FROM, receive(STORE, BRAND), on=unit, signer=DEVICE, era=FIRST)


def test_a_device_is_its_own_partys_only(world, unit):
    """For another party it is a stranger."""
    world.keys[STRANGER] = DEVICE
    with refused("WrongSigner", BRAND, SCANNER):
        world.do(Verb.SHIP, ship(BRAND, STORE), on=unit, signer=DEVICE, era=FIRST)


def test_a_cancel_of_the_partys_key_leaves_its_devices(world, unit):
    """The two have eras of their own."""
    world.do(Verb.CANCEL, {"actor": STORE})
    world.do(Verb.RECEIVE_FROM, receive(STORE, BRAND), on=unit, signer=DEVICE, era=FIRST)
    assert world.unit(unit)["holder"] == STORE


def test_delegate_refuses_what_no_device_may_be(world):
    """No key, no mode, no verb, a party's own affairs, a time that does not fit."""
    with refused("ZeroAddress"):
        world.do(Verb.DELEGATE, device(world, key=bytes(20)))
    for mode in (0, 4):
        with refused("BadKeyMode", mode):
            world.do(Verb.DELEGATE, device(world, keyMode=mode))
    for verbs in (0, HANDOFFS | 1 << Verb.DELEGATE, 1 << Verb.CANCEL, 1 << 15):
        with refused("BadVerbs", verbs):
            world.do(Verb.DELEGATE, device(world, verbs=verbs))
    with refused("BadTime", 1 << 40):
        world.do(Verb.DELEGATE, device(world, expiry=1 << 40))
    with refused("BadCount", 2**32 - 1):
        world.do(Verb.DELEGATE, device(world, deviceEra=2**32 - 1))


def test_delegate_is_over_no_head(world):
    """A signature over the party's head, as other verbs have it, is nobody's."""
    _, head = world.head(ids.subject("party", STORE))
    args = device(world)
    with pytest.raises(Refused, match=r"WrongSigner|BadSignature"):
        world.do(Verb.DELEGATE, args, head=head)
