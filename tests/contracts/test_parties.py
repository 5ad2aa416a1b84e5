"""registerParty, openEpoch, cancel: see contracts/test/{registerParty,openEpoch,cancel}.tree."""

from eth_abi.abi import decode

from ledger.chain.artifact import call_data
from ledger.domain import ids
from ledger.domain.keccak import keccak
from ledger.domain.verbs import Role, Verb
from tests.contracts.ledger_harness import ZERO, Chain, address, key
from tests.contracts.world import (
    BRAND,
    DISTRIBUTOR,
    GTIN,
    RIVAL,
    RIVAL_GTIN,
    STORE,
    STRANGER,
    epoch,
    refused,
    register,
    reserve,
)

NEXT = 10**13 + 3


def brand_of(chain: Chain, gtin: int) -> int:
    return int(decode(["uint64"], chain.view(call_data("brandOf", gtin)))[0])


def test_register_party_stores_the_party(world):
    """Account, roles, key mode and markets are kept, and the party is active."""
    outcome = world.do(Verb.REGISTER_PARTY, register(5012345678900, Role.STORE, markets=6))
    stored = world.read("parties", 5012345678900)
    assert stored.pop("head") == stored.pop("ruled")
    assert stored == {
        "account": int.from_bytes(address(key("party 5012345678900"))),
        "era": 0,
        "roles": Role.STORE,
        "keyMode": 1,
        "status": 1,
        "seq": 1,
        "markets": 6,
        "ruledSeq": 1,
    }
    assert outcome.only("PartyRegistered")["signers"] == [address(key("admin"))]


def test_register_party_assigns_the_next_number(world):
    """A party without a GLN gets the next number, and the one after is next."""
    world.do(Verb.REGISTER_PARTY, register(NEXT, Role.STORE))
    assert world.read("registry")["nextParty"] == NEXT + 1
    with refused("BadPartyId", NEXT + 2):
        world.do(Verb.REGISTER_PARTY, register(NEXT + 2, Role.STORE))


def test_register_party_refuses_ids_that_are_no_glns(world):
    """A wrong check digit, and zero."""
    for party in (4006381333932, 0):
        with refused("BadPartyId", party):
            world.do(Verb.REGISTER_PARTY, register(party, Role.STORE))


def test_register_party_refuses_one_that_exists(world):
    """A party is never registered over another, not even over the head it had then."""
    empty = ids.first_head(world.chain_id, world.contract, ids.subject("party", STORE))
    with refused("PartyExists", STORE):
        world.do(Verb.REGISTER_PARTY, register(STORE, Role.STORE), head=empty)


def test_register_party_refuses_the_zero_address(world):
    """Nobody's key is no key."""
    with refused("ZeroAddress"):
        world.do(Verb.REGISTER_PARTY, register(NEXT, Role.STORE, account=bytes(20)))


def test_register_party_refuses_unknown_key_modes(world):
    """Key modes are 1, 2 and 3."""
    for mode in (0, 4, 255):
        with refused("BadKeyMode", mode):
            world.do(Verb.REGISTER_PARTY, register(NEXT, Role.STORE, keyMode=mode))


def test_register_party_refuses_bad_prefixes(world):
    """A prefix has 4 to 12 digits and fits them."""
    for prefix, length in ((123, 3), (10**12, 13), (10**4, 4)):
        with refused("BadPrefix", prefix, length):
            args = register(NEXT, Role.BRAND, prefix=prefix, prefixLength=length)
            world.do(Verb.REGISTER_PARTY, args)


def test_register_party_gives_prefixes_to_brands_only(world):
    """A distributor has no prefix."""
    with refused("RoleMissing", NEXT, Role.BRAND):
        args = register(NEXT, Role.DISTRIBUTOR, prefix=1234, prefixLength=4)
        world.do(Verb.REGISTER_PARTY, args)


def test_register_party_refuses_prefixes_that_overlap_either_way(world):
    """Equal, longer and shorter than a prefix that is taken."""
    for prefix, length, taken, taken_length in (
        (4006381, 7, 4006381, 7),
        (40063811, 8, 4006381, 7),
        (400638199999, 12, 4006381, 7),
        (400638, 6, 400638, 6),
        (4006, 4, 4006, 4),
    ):
        with refused("PrefixTaken", taken, taken_length):
            args = register(NEXT, Role.BRAND, prefix=prefix, prefixLength=length)
            world.do(Verb.REGISTER_PARTY, args)
    world.do(Verb.REGISTER_PARTY, register(NEXT, Role.BRAND, prefix=4006382, prefixLength=7))
    assert brand_of(world, 4006382000004) == NEXT


def test_brand_of_reads_the_digits_after_the_indicator(world):
    """A GTIN-14 of a case belongs to the brand of its items; an unknown prefix to nobody."""
    assert brand_of(world, GTIN) == BRAND
    assert brand_of(world, 10**13 + GTIN) == BRAND
    assert brand_of(world, RIVAL_GTIN) == RIVAL
    assert brand_of(world, 5012345678900) == 0


def test_register_party_needs_a_quorum():
    """Two of three admins sign, ascending; fewer, a stranger or one twice is refused."""
    chain = Chain(admins=("a", "b", "c"), threshold=2)
    args = register(BRAND, Role.BRAND)
    with refused("QuorumMissing", 1, 2):
        chain.do(Verb.REGISTER_PARTY, args, signers=["a"])
    with refused("SignersNotAscending"):
        chain.do(Verb.REGISTER_PARTY, args, signers=["a", "b"], ascending=False)
    with refused("SignersNotAscending"):
        chain.do(Verb.REGISTER_PARTY, args, signers=["b", "b"])
    with refused("WrongSigner", 0, address(key("stranger"))):
        chain.do(Verb.REGISTER_PARTY, args, signers=["stranger", "stranger"])
    with refused("EraCancelled", 1, 0):
        chain.do(Verb.REGISTER_PARTY, args, signers=["a", "b"], era=1)
    with refused("DeadlinePassed", chain.now - 1, chain.now):
        chain.do(Verb.REGISTER_PARTY, args, signers=["a", "b"], deadline=chain.now - 1)
    with refused("StaleHead", chain.subject_of(Verb.REGISTER_PARTY, args)):
        chain.do(Verb.REGISTER_PARTY, args, signers=["a", "b"], seq=1)
    for signers in (["a", "c"], ["a", "b", "c"]):
        party = BRAND if len(signers) == 2 else RIVAL
        outcome = chain.do(Verb.REGISTER_PARTY, register(party, Role.BRAND), signers=signers)
        expected = sorted(address(key(name)) for name in signers)
        assert outcome.only("PartyRegistered")["signers"] == expected


def test_deploying_refuses_admin_sets_that_cannot_be():
    """No threshold, more than there are admins, one admin twice, the zero address."""
    with refused("QuorumMissing", 1, 0):
        Chain(threshold=0)
    with refused("QuorumMissing", 1, 2):
        Chain(threshold=2)
    with refused("SignersNotAscending"):
        Chain(admins=("a", "a"))
    Chain(admins=[f"admin {i}" for i in range(32)])
    with refused("BadCount", 33):
        Chain(admins=[f"admin {i}" for i in range(33)])


def test_a_ledger_names_the_one_it_goes_on_from():
    """Chain, contract and last block of the predecessor are in storage from the first block on."""
    chain = Chain(predecessor=(7, b"\1" * 20, 9, keccak(b"block")))
    expected = {"chainId": 7, "ledger": int.from_bytes(b"\1" * 20), "number": 9}
    assert chain.read("predecessor") == expected | {"hash": int.from_bytes(keccak(b"block"))}
    assert set(Chain().read("predecessor").values()) == {0}


def test_open_epoch_binds_the_commitment(world):
    """An epoch is opened once for each brand."""
    commitment = keccak(b"another")
    world.do(Verb.OPEN_EPOCH, epoch(epoch=31, commitment=commitment))
    assert world.read("epochs", BRAND, 31)["epochs"] == int.from_bytes(commitment)
    with refused("EpochExists", 31):
        world.do(Verb.OPEN_EPOCH, epoch(epoch=31))


def test_open_epoch_refuses_bad_epochs_and_parties(world):
    """An epoch over 31, an empty commitment, a party that is no brand."""
    with refused("BadEpoch", 32):
        world.do(Verb.OPEN_EPOCH, epoch(epoch=32))
    with refused("ZeroRoot"):
        world.do(Verb.OPEN_EPOCH, epoch(epoch=1, commitment=ZERO))
    with refused("RoleMissing", STORE, Role.BRAND):
        world.do(Verb.OPEN_EPOCH, epoch(STORE, epoch=1))


def test_cancel_voids_what_the_key_signed(world):
    """After a cancel nothing of the old era lands, and no unit's head was touched."""
    hoarded = world.call(Verb.RESERVE_BATCH, reserve())
    world.do(Verb.CANCEL, {"actor": BRAND})
    assert world.read("parties", BRAND)["era"] == 1
    with refused("StaleHead", world.subject_of(Verb.RESERVE_BATCH, reserve())):
        world.send(hoarded)
    with refused("EraCancelled", 0, 1):
        world.do(Verb.RESERVE_BATCH, reserve(), era=0)
    world.do(Verb.RESERVE_BATCH, reserve())


def test_no_hoarded_verb_outruns_a_cancel(world):
    """It is over no head: whatever a relayer lands first, it still holds, and only once."""
    hoarded = world.call(Verb.RESERVE_BATCH, reserve())
    cancel = world.call(Verb.CANCEL, {"actor": BRAND})
    world.send(hoarded)
    world.send(cancel)
    with refused("EraCancelled", 0, 1):
        world.send(cancel)
    assert world.read("parties", BRAND)["era"] == 1


def test_cancel_of_an_unknown_party_is_refused(world):
    """Nobody speaks for a party that is not registered."""
    with refused("UnknownParty", STRANGER):
        world.do(Verb.CANCEL, {"actor": STRANGER}, signer=key("stranger"))


def test_the_key_mode_is_in_every_event(world):
    """A hosted key says so in `by`, and so in the head."""
    outcome = world.do(Verb.CANCEL, {"actor": DISTRIBUTOR})
    assert outcome.only("Cancelled")["by"] >> 160 & 0xFF == 3
