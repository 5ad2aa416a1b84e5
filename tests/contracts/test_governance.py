"""What the admins decide, and who they are: see contracts/test/{updateParty,suspendParty,
rotateAccount,setAdmins,sealLedger}.tree."""

from __future__ import annotations

from typing import Any

import pytest
import rlp

from ledger.domain import ids
from ledger.domain.keccak import keccak
from ledger.domain.verbs import KeyMode, Role, Verb
from tests.contracts.ledger_harness import Chain, address, key
from tests.contracts.world import (
    BRAND,
    DISTRIBUTOR,
    DOCUMENT,
    MARKET,
    STORE,
    STRANGER,
    bind,
    do_pack,
    epoch,
    hand_over,
    items,
    receive,
    refused,
    register,
    reserve,
    ship,
)

SUCCESSOR = bytes(range(20))


def update(party: int, **changes: Any) -> dict[str, Any]:
    """Arguments of updateParty."""
    args = {
        "party": party,
        "roles": Role.STORE,
        "markets": 0,
        "prefix": 0,
        "prefixLength": 0,
        "eventHash": DOCUMENT,
    }
    return args | changes


def status(party: int, new: int) -> dict[str, Any]:
    """Arguments of suspendParty: 1 active again, 2 suspended."""
    return {"party": party, "status": new, "eventHash": DOCUMENT}


def rotate(party: int, new: str, **changes: Any) -> dict[str, Any]:
    """Arguments of rotateAccount."""
    args = {
        "party": party,
        "account": address(key(new)),
        "keyMode": KeyMode.OWN,
        "eventHash": DOCUMENT,
    }
    return args | changes


def admins(*names: str, threshold: int = 1) -> dict[str, Any]:
    """Arguments of setAdmins."""
    chosen = sorted(address(key(name)) for name in names)
    return {"admins": chosen, "threshold": threshold, "eventHash": DOCUMENT}


def seal(**changes: Any) -> dict[str, Any]:
    """Arguments of sealLedger."""
    args = {"chainId": 99, "successor": SUCCESSOR, "eventHash": DOCUMENT}
    return args | changes


RULINGS = {
    Verb.UPDATE_PARTY: update(STORE),
    Verb.SUSPEND_PARTY: status(STORE, 2),
    Verb.ROTATE_ACCOUNT: rotate(STORE, "new"),
}


@pytest.mark.parametrize("verb", RULINGS)
def test_a_ruling_needs_a_quorum(verb):
    """Two of three admins sign, ascending, over the newest ruling; nothing less is one."""
    chain = Chain(admins=("a", "b", "c"), threshold=2)
    store = 10**13
    chain.do(Verb.REGISTER_PARTY, register(store, Role.STORE), signers=["a", "b"])
    args = RULINGS[verb] | {"party": store}
    subject = ids.subject("party", store)
    with refused("QuorumMissing", 1, 2):
        chain.do(verb, args, signers=["a"])
    with refused("SignersNotAscending"):
        chain.do(verb, args, signers=["a", "b"], ascending=False)
    with refused("WrongSigner", 0, address(key("stranger"))):
        chain.do(verb, args, signers=["stranger", "stranger"])
    with refused("EraCancelled", 1, 0):
        chain.do(verb, args, signers=["a", "b"], era=1)
    with refused("DeadlinePassed", chain.now - 1, chain.now):
        chain.do(verb, args, signers=["a", "b"], deadline=chain.now - 1)
    with refused("StaleHead", subject):
        chain.do(verb, args, signers=["a", "b"], seq=0)
    again = chain.call(verb, args, signers=["a", "c"])
    event = chain.do(verb, args, signers=["b", "c"]).events[0][1]
    assert event["signers"] == sorted(address(key(name)) for name in ("b", "c"))
    with refused("StaleHead", subject):
        chain.send(again)


@pytest.mark.parametrize("verb", RULINGS)
def test_a_ruling_on_an_unknown_party_is_refused(world, verb):
    """There is nobody to decide on."""
    with refused("UnknownParty", STRANGER):
        world.do(verb, RULINGS[verb] | {"party": STRANGER})


@pytest.mark.parametrize("verb", RULINGS)
def test_a_party_cannot_outrun_a_ruling(world, verb):
    """What the party does in between leaves the signed ruling good."""
    world.do(Verb.CANCEL, {"actor": STORE})
    ruling = world.call(verb, RULINGS[verb])
    world.do(Verb.CANCEL, {"actor": STORE})
    world.send(ruling)


def test_update_party_sets_roles_and_markets(world):
    """Both are replaced; account, key mode and status stay."""
    before = world.read("parties", STORE)
    world.do(Verb.UPDATE_PARTY, update(STORE, roles=Role.DISTRIBUTOR, markets=1 << MARKET))
    after = world.read("parties", STORE)
    assert (after["roles"], after["markets"]) == (Role.DISTRIBUTOR, 1 << MARKET)
    same = ("account", "keyMode", "status", "era")
    assert {name: before[name] for name in same} == {name: after[name] for name in same}


def test_update_party_takes_a_market_away(world):
    """What it may no longer hold is no longer shipped to it."""
    world.do(Verb.BIND_LOT, bind(0, 0, market=MARKET), on=1)
    unit = do_pack(world, BRAND, "case", items(2), lot=1)
    world.do(Verb.UPDATE_PARTY, update(DISTRIBUTOR, roles=Role.DISTRIBUTOR))
    with refused("MarketRefused", DISTRIBUTOR, MARKET):
        world.do(Verb.SHIP, ship(BRAND, DISTRIBUTOR), on=unit)


def test_update_party_adds_a_prefix(world):
    """A brand may own several; one that overlaps, or a party that is no brand, is refused."""
    more = {"roles": Role.BRAND, "prefix": 4006382, "prefixLength": 7}
    world.do(Verb.UPDATE_PARTY, update(BRAND, **more))
    world.do(Verb.RESERVE_BATCH, reserve(gtin=4006382000009))
    with refused("PrefixTaken", 4006382, 7):
        world.do(Verb.UPDATE_PARTY, update(BRAND, **more))
    with refused("RoleMissing", STORE, Role.BRAND):
        world.do(Verb.UPDATE_PARTY, update(STORE, prefix=1234, prefixLength=4))
    with refused("BadPrefix", 123, 3):
        world.do(Verb.UPDATE_PARTY, update(BRAND, roles=Role.BRAND, prefix=123, prefixLength=3))


def test_a_party_that_is_no_brand_any_more_reserves_nothing(world):
    """Its prefixes stay its own; its role is gone."""
    world.do(Verb.UPDATE_PARTY, update(BRAND, roles=Role.STORE))
    with refused("RoleMissing", BRAND, Role.BRAND):
        world.do(Verb.RESERVE_BATCH, reserve())


def test_a_suspended_party_changes_nothing(world):
    """Neither its own affairs nor a unit; what it signed before is refused, too."""
    unit = do_pack(world, BRAND, "case", items(2))
    hand_over(world, unit, BRAND, DISTRIBUTOR)
    hoarded = world.call(Verb.SHIP, ship(DISTRIBUTOR, STORE), on=unit)
    world.do(Verb.SUSPEND_PARTY, status(DISTRIBUTOR, 2))
    for call in (
        hoarded,
        world.call(Verb.CANCEL, {"actor": DISTRIBUTOR}),
        world.list_call(Verb.SHIP, [unit], ship(DISTRIBUTOR, STORE)),
        world.group_call(unit, [(Verb.SHIP, ship(DISTRIBUTOR, STORE), ())]),
    ):
        with refused("PartyInactive", DISTRIBUTOR):
            world.send(call)
    world.do(Verb.SUSPEND_PARTY, status(BRAND, 2))
    for verb, args in ((Verb.RESERVE_BATCH, reserve()), (Verb.OPEN_EPOCH, epoch(epoch=1))):
        with refused("PartyInactive", BRAND):
            world.do(verb, args)


def test_nothing_is_shipped_to_a_suspended_party(world):
    """And what was on its way there is not received until the party is active again."""
    unit = do_pack(world, BRAND, "case", items(2))
    other = do_pack(world, BRAND, "other", items(2, "other"))
    world.do(Verb.SHIP, ship(BRAND, DISTRIBUTOR), on=unit)
    world.do(Verb.SUSPEND_PARTY, status(DISTRIBUTOR, 2))
    with refused("PartyInactive", DISTRIBUTOR):
        world.do(Verb.SHIP, ship(BRAND, DISTRIBUTOR), on=other)
    with refused("PartyInactive", DISTRIBUTOR):
        world.do(Verb.RECEIVE_FROM, receive(DISTRIBUTOR, BRAND), on=unit)
    world.do(Verb.SUSPEND_PARTY, status(DISTRIBUTOR, 1))
    world.do(Verb.RECEIVE_FROM, receive(DISTRIBUTOR, BRAND), on=unit)
    assert world.unit(unit)["holder"] == DISTRIBUTOR


def test_suspend_party_refuses_what_is_no_change(world):
    """1 and 2 are all there is, and never what the party is already."""
    for new in (0, 1, 3, 255):
        with refused("BadStatus", new):
            world.do(Verb.SUSPEND_PARTY, status(STORE, new))
    world.do(Verb.SUSPEND_PARTY, status(STORE, 2))
    with refused("BadStatus", 2):
        world.do(Verb.SUSPEND_PARTY, status(STORE, 2))


def test_rotate_account_gives_the_party_another_key(world):
    """The new key signs, the old one is a stranger's, and what it signed is void."""
    hoarded = world.call(Verb.CANCEL, {"actor": STORE})
    world.do(Verb.ROTATE_ACCOUNT, rotate(STORE, "new", keyMode=KeyMode.HOSTED))
    kept = world.read("parties", STORE)
    assert (kept["account"], kept["keyMode"], kept["era"]) == (
        int.from_bytes(address(key("new"))),
        KeyMode.HOSTED,
        1,
    )
    old = address(world.keys[STORE])
    with refused("WrongSigner", STORE, old):
        world.send(hoarded)
    with refused("WrongSigner", STORE, old):
        world.do(Verb.CANCEL, {"actor": STORE})
    event = world.do(Verb.CANCEL, {"actor": STORE}, signer=key("new")).only("Cancelled")
    assert event["by"] >> 160 & 0xFF == KeyMode.HOSTED


def test_rotate_account_never_goes_back(world):
    """A key that was given up is not the party's again, nor is today's its next."""
    world.do(Verb.ROTATE_ACCOUNT, rotate(STORE, "new"))
    for name in (f"party {STORE}", "new"):
        with refused("AccountRetired", address(key(name))):
            world.do(Verb.ROTATE_ACCOUNT, rotate(STORE, name))
    world.do(Verb.ROTATE_ACCOUNT, rotate(STORE, "newer"))
    with refused("AccountRetired", address(key("new"))):
        world.do(Verb.ROTATE_ACCOUNT, rotate(STORE, "new"))


def test_rotate_account_refuses_no_key_and_no_mode(world):
    """The zero address, and key modes that are none."""
    with refused("ZeroAddress"):
        world.do(Verb.ROTATE_ACCOUNT, rotate(STORE, "new", account=bytes(20)))
    for mode in (0, 4):
        with refused("BadKeyMode", mode):
            world.do(Verb.ROTATE_ACCOUNT, rotate(STORE, "new", keyMode=mode))


def test_set_admins_hands_over(world):
    """The new set decides by its own threshold, the old one no more; its papers are void."""
    ruling = world.call(Verb.SUSPEND_PARTY, status(STORE, 2))
    args = admins("x", "y", "z", threshold=2)
    event = world.do(Verb.SET_ADMINS, args, accepted=["x", "y"]).only("AdminsSet")
    assert event["signers"] == [address(key("admin"))]
    kept = world.read("registry")
    assert (kept["era"], kept["threshold"], kept["admins"], kept["seq"]) == (1, 2, 3, 1)
    with refused("EraCancelled", 0, 1):
        world.send(ruling)
    with refused("WrongSigner", 0, address(key("admin"))):
        world.do(Verb.SUSPEND_PARTY, status(STORE, 2), signers=["admin", "admin"])
    with refused("QuorumMissing", 1, 2):
        world.do(Verb.SUSPEND_PARTY, status(STORE, 2), signers=["x"])
    world.do(Verb.SUSPEND_PARTY, status(STORE, 2), signers=["x", "z"])


def test_an_admin_who_comes_back_has_a_vote_again(world):
    """Sets are of an era: one that is named again counts, one that is not does not."""
    world.do(Verb.SET_ADMINS, admins("x"), accepted=["x"])
    world.do(Verb.SET_ADMINS, admins("admin"), signers=["x"], accepted=["admin"])
    with refused("WrongSigner", 0, address(key("x"))):
        world.do(Verb.SUSPEND_PARTY, status(STORE, 2), signers=["x"])
    world.do(Verb.SUSPEND_PARTY, status(STORE, 2), signers=["admin"])


def test_set_admins_needs_both_quorums(world):
    """The old set decides; enough of the new one shows that it holds its keys."""
    args = admins("x", "y", threshold=2)
    with refused("QuorumMissing", 1, 2):
        world.do(Verb.SET_ADMINS, args, accepted=["x"])
    with refused("SignersNotAscending"):
        world.do(Verb.SET_ADMINS, args, accepted=["x", "x"])
    with refused("WrongSigner", 0, address(key("admin"))):
        world.do(Verb.SET_ADMINS, args, accepted=["admin", "admin"])
    with refused("WrongSigner", 0, address(key("x"))):
        world.do(Verb.SET_ADMINS, args, signers=["x"], accepted=["x", "y"])
    landed = world.call(Verb.SET_ADMINS, args, accepted=["x", "y"])
    world.send(landed)
    with refused("EraCancelled", 0, 1):
        world.send(landed)


def test_a_registry_message_is_over_the_newest_head(world):
    """A hand-over that was signed before another one never lands after it."""
    world.do(Verb.SET_ADMINS, admins("admin"), accepted=["admin"])
    with refused("StaleHead", ids.subject("registry", 0)):
        world.do(Verb.SET_ADMINS, admins("admin"), accepted=["admin"], seq=0)


def test_set_admins_refuses_sets_that_cannot_be(world):
    """No threshold, more than there are admins, one twice or unsorted, nobody, too many."""
    with refused("QuorumMissing", 1, 0):
        world.do(Verb.SET_ADMINS, admins("x", threshold=0), accepted=["x"])
    with refused("QuorumMissing", 1, 2):
        world.do(Verb.SET_ADMINS, admins("x", threshold=2), accepted=["x"])
    with refused("SignersNotAscending"):
        world.do(Verb.SET_ADMINS, admins("x", "x"), accepted=["x"])
    with refused("SignersNotAscending"):
        world.do(Verb.SET_ADMINS, admins("x") | {"admins": [bytes(20)]}, accepted=["x"])
    many = admins(*(f"admin {n}" for n in range(33)))
    with refused("BadCount", 33):
        world.do(Verb.SET_ADMINS, many, accepted=["admin 0"])


def test_a_sealed_ledger_carries_out_no_verb(world):
    """It says where it goes on; neither a party, nor a device, nor the admins change it again."""
    unit = do_pack(world, BRAND, "case", items(2))
    world.do(Verb.SEAL_LEDGER, seal())
    kept = world.read("registry")
    assert (kept["open"], kept["successorChain"], kept["successor"]) == (
        0,
        99,
        int.from_bytes(SUCCESSOR),
    )
    for call in (
        world.call(Verb.SHIP, ship(BRAND, STORE), on=unit),
        world.list_call(Verb.SHIP, [unit], ship(BRAND, STORE)),
        world.group_call(unit, [(Verb.SHIP, ship(BRAND, STORE), ())]),
        world.call(Verb.CANCEL, {"actor": BRAND}),
        world.call(Verb.REGISTER_PARTY, register(10**13 + 3, Role.STORE)),
        world.call(Verb.SUSPEND_PARTY, status(STORE, 2)),
        world.call(Verb.SET_ADMINS, admins("x"), accepted=["x"]),
        world.call(Verb.SEAL_LEDGER, seal(chainId=100)),
    ):
        with refused("LedgerClosed"):
            world.send(call)


def test_seal_ledger_names_a_successor(world):
    """A ledger is not ended for nobody, and not by fewer than the threshold."""
    with refused("ZeroAddress"):
        world.do(Verb.SEAL_LEDGER, seal(successor=bytes(20)))
    with refused("QuorumMissing", 0, 1):
        world.do(Verb.SEAL_LEDGER, seal(), signers=[])


def test_a_ledger_says_what_it_goes_on_from():
    """Chain, contract and last block of the sealed one, from its first block on."""
    before = (41, bytes(range(1, 21)), 7, bytes(range(32)))
    chain = Chain(predecessor=before)
    chain_id, contract, number, block = before
    assert chain.read("predecessor") == {
        "chainId": chain_id,
        "ledger": int.from_bytes(contract),
        "number": number,
        "hash": int.from_bytes(block),
    }


def test_the_registrar_refuses_to_be_called_past_the_ledger(world):
    """Called at its own address it has a storage of its own, where nothing is open."""
    calls = (
        world.call(Verb.SUSPEND_PARTY, status(STORE, 2)),
        world.call(Verb.CANCEL, {"actor": STORE}),
        world.call(Verb.REGISTER_PARTY, register(10**13 + 3, Role.STORE)),
    )
    ledger = world.contract
    world.contract = keccak(rlp.encode([ledger, 1]))[12:]  # what the ledger made first
    try:
        for call in calls:
            with refused("LedgerClosed"):
                world.send(call)
    finally:
        world.contract = ledger
