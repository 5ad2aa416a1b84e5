"""reserveBatch, commission, anchorScanLog: see contracts/test/*.tree."""

from ledger.domain import merkle
from ledger.domain.keccak import keccak
from ledger.domain.verbs import Role, Verb
from tests.contracts.ledger_harness import ZERO, word
from tests.contracts.world import (
    BRAND,
    CODE_HASHES,
    COUNT,
    DOCUMENT,
    GTIN,
    NODES,
    OPERATOR,
    RIVAL,
    RIVAL_GTIN,
    STORE,
    activate,
    anchor,
    bind,
    commission,
    recall,
    refused,
    reserve,
)


def test_reserve_batch_draws_the_next_number(world):
    """Numbers come one after another for all brands; the batch is reserved under its GTIN."""
    outcome = world.do(Verb.RESERVE_BATCH, reserve())
    assert outcome.only("BatchReserved")["batch"] == 3
    stored = world.read("batches", 3)
    assert (stored["gtin"], stored["brand"], stored["status"]) == (GTIN, BRAND, 1)
    assert world.read("registry")["batches"] == 3


def test_reserve_batch_refuses_gtins_that_are_not_the_brands(world):
    """A rival's GTIN, one under no prefix, a wrong check digit, zero, 15 digits."""
    for gtin in (RIVAL_GTIN, 5012345678900):
        with refused("ForeignGtin", gtin, BRAND):
            world.do(Verb.RESERVE_BATCH, reserve(gtin=gtin))
    for gtin in (GTIN + 1, 0, 10**14):
        with refused("BadGtin", gtin):
            world.do(Verb.RESERVE_BATCH, reserve(gtin=gtin))


def test_reserve_batch_needs_an_open_epoch_and_a_brand(world):
    """An epoch that is not open, one over 31, a store."""
    for epoch in (1, 32):
        with refused("BadEpoch", epoch):
            world.do(Verb.RESERVE_BATCH, reserve(epoch=epoch))
    with refused("RoleMissing", STORE, Role.BRAND):
        world.do(Verb.RESERVE_BATCH, reserve(STORE))


def test_commission_keeps_the_roots_for_ever(world):
    """Root, inner root and count are stored; a second time is refused, whatever it says."""
    world.do(Verb.RESERVE_BATCH, reserve())
    roots = keccak(b"root 3"), keccak(b"inner 3")
    world.do(Verb.COMMISSION, commission(root=roots[0], innerRoot=roots[1], count=7), on=3)
    stored = world.read("batches", 3)
    assert (word(stored["root"]), word(stored["innerRoot"])) == roots
    assert (stored["count"], stored["status"], stored["seq"]) == (7, 2, 1)
    with refused("AlreadyCommissioned", 3):
        world.do(Verb.COMMISSION, commission(), on=3)


def test_commission_refuses_what_is_no_batch_of_the_brand(world):
    """A number nobody drew, and a rival's batch."""
    with refused("UnknownBatch", 3):
        world.do(Verb.COMMISSION, commission(), on=3)
    with refused("NotBrandOf", 2, BRAND):
        world.do(Verb.COMMISSION, commission(), on=2)


def test_commission_refuses_nothing(world):
    """No codes, or no root."""
    world.do(Verb.RESERVE_BATCH, reserve(RIVAL, gtin=RIVAL_GTIN))
    with refused("BadCount", 0):
        world.do(Verb.COMMISSION, commission(RIVAL, count=0), on=3)
    with refused("ZeroRoot"):
        world.do(Verb.COMMISSION, commission(RIVAL, root=ZERO), on=3)


def test_commission_takes_the_largest_count(world):
    """A batch may have 2^32 - 1 codes, and its last index works."""
    world.do(Verb.RESERVE_BATCH, reserve())
    most = 2**32 - 1
    world.do(Verb.COMMISSION, commission(count=most), on=3)
    run = {"actor": BRAND, "from": most - 1, "to": most, "activeFrom": 5, "eventHash": ZERO}
    world.do(Verb.ACTIVATE, run, on=3)
    assert world.read("runs", 3, most - 1)["to"] == most
    assert world.read("batches", 3)["firstRun"] == most
    assert most > COUNT


def test_anchor_scan_log_keeps_the_newest_roots(world):
    """Size, time, roots; a heartbeat may anchor the same size again."""
    world.do(Verb.ANCHOR_SCAN_LOG, anchor(5))
    outcome = world.do(Verb.ANCHOR_SCAN_LOG, anchor(5))
    stored = world.read("scanLog")
    assert (stored["size"], stored["time"], stored["seq"]) == (5, outcome.time, 2)
    assert word(stored["logRoot"]) == keccak(b"log")
    assert word(stored["mapRoot"]) == keccak(b"map")


def test_anchor_scan_log_never_shrinks(world):
    """A smaller size is refused."""
    world.do(Verb.ANCHOR_SCAN_LOG, anchor(5))
    with refused("LogShrank", 4):
        world.do(Verb.ANCHOR_SCAN_LOG, anchor(4))


def test_anchor_scan_log_refuses_a_size_that_no_log_has(world):
    """It would leave no room to grow, and no follower's numbers would hold it."""
    for size in (2**40, 2**63, 2**64 - 1):
        with refused("BadCount", size):
            world.do(Verb.ANCHOR_SCAN_LOG, anchor(size))
    world.do(Verb.ANCHOR_SCAN_LOG, anchor(2**40 - 1))
    assert world.read("scanLog")["size"] == 2**40 - 1


def test_anchor_scan_log_is_the_operators(world):
    """A brand does not anchor."""
    with refused("RoleMissing", BRAND, Role.OPERATOR):
        world.do(Verb.ANCHOR_SCAN_LOG, anchor(5, actor=BRAND))
    assert world.read("parties", OPERATOR)["roles"] == Role.OPERATOR


def test_one_size_of_the_log_has_one_pair_of_roots(world):
    """The first anchor may be of an empty log; an anchored size takes no other root."""
    world.do(Verb.ANCHOR_SCAN_LOG, anchor(0))
    for size in (0, 5):
        world.do(Verb.ANCHOR_SCAN_LOG, anchor(size))
        for other in ({"logRoot": keccak(b"other")}, {"mapRoot": keccak(b"other")}):
            with refused("LogForked", size):
                world.do(Verb.ANCHOR_SCAN_LOG, anchor(size, **other))
    world.do(Verb.ANCHOR_SCAN_LOG, anchor(6, logRoot=keccak(b"other")))


def test_who_is_no_brand_any_more_commissions_no_more(world):
    """Nor does it activate, bind or draw; it may still void and recall."""
    number = int(world.do(Verb.RESERVE_BATCH, reserve()).only("BatchReserved")["batch"])
    world.do(Verb.BIND_LOT, bind(0, 0), on=1)
    roles = {"party": BRAND, "roles": int(Role.STORE), "markets": 0, "prefix": 0, "prefixLength": 0}
    world.do(Verb.UPDATE_PARTY, roles | {"eventHash": DOCUMENT})
    draw = {"actor": BRAND, "batch": 1, "lot": 0, "eventHash": DOCUMENT}
    for verb, args, options in (
        (Verb.COMMISSION, commission(), {"on": number}),
        (Verb.ACTIVATE, activate(0, 5), {"on": 1}),
        (Verb.BIND_LOT, bind(0, 5), {"on": 1}),
        (Verb.DRAW_ITEM, draw, {"code": CODE_HASHES[0], "proof": merkle.proof(NODES, 0)}),
    ):
        with refused("RoleMissing", BRAND, Role.BRAND):
            world.do(verb, args, **options)
    void = {"actor": BRAND, "from": 0, "to": 5, "eventHash": DOCUMENT}
    world.do(Verb.VOID, void, on=1)
    recall(world, 1)
