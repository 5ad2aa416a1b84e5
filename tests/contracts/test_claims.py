"""Inner codes that were uncovered: see contracts/test/claimInner.tree."""

from __future__ import annotations

from typing import Any

import pytest

from ledger.domain import ids, merkle
from ledger.domain.keccak import keccak
from ledger.domain.verbs import Role, Verb
from tests.contracts.ledger_harness import Chain, Refused, inner_leaf
from tests.contracts.world import (
    BRAND,
    DOCUMENT,
    OPERATOR,
    RIVAL,
    RIVAL_GTIN,
    STORE,
    commission,
    refused,
    reserve,
)

SIZE = 50
INNER = [(keccak(b"code %d" % i), keccak(b"salt %d" % i)) for i in range(SIZE)]
LEAVES = [inner_leaf(i, *INNER[i]) for i in range(SIZE)]
NODES = merkle.tree(LEAVES)
RESERVED = "BatchReserved"


@pytest.fixture
def batch(world: Chain) -> int:
    """A batch with inner codes."""
    number = int(world.do(Verb.RESERVE_BATCH, reserve()).only("BatchReserved")["batch"])
    args = commission(innerRoot=NODES[0], count=SIZE)
    world.do(Verb.COMMISSION, args, on=number)
    return number


def claim(batch: int, index: int = 7, actor: int = BRAND, **changes: Any) -> dict[str, Any]:
    """Arguments of claimInner."""
    code, salt = INNER[index % SIZE]
    args = {
        "actor": actor,
        "batch": batch,
        "index": index,
        "innerCode": code,
        "salt": salt,
        "eventHash": DOCUMENT,
    }
    return args | changes


def shown(index: int = 7) -> list[bytes]:
    """The proof of an inner leaf."""
    return merkle.proof(NODES, index)


def test_claim_inner_is_recorded_once(world, batch):
    """By whom and when; the next one is told that it comes too late."""
    outcome = world.do(Verb.CLAIM_INNER, claim(batch), proof=shown())
    kept = world.read("claims", batch, 7)
    assert (kept["by"], kept["time"], kept["seq"]) == (BRAND, outcome.time, 1)
    assert outcome.only("InnerClaimed")["claim"] == ids.claim_id(batch, 7)
    for actor in (BRAND, OPERATOR):
        with refused("AlreadyClaimed", batch, 7):
            world.do(Verb.CLAIM_INNER, claim(batch, actor=actor), proof=shown())
    world.do(Verb.CLAIM_INNER, claim(batch, 8, OPERATOR), proof=shown(8))


def test_of_a_hundred_claims_in_a_batch_one_wins(world, batch):
    """The others fail alone, by name."""
    parts = [
        world.call(Verb.CLAIM_INNER, args | {"eventHash": keccak(b"%d" % n)}, proof=shown())
        for n in range(50)
        for args in (claim(batch), claim(batch, actor=OPERATOR))
    ]
    names = world.batch(*parts).names()
    assert (names.count("InnerClaimed"), names.count("PartFailed")) == (1, 99)


def test_claim_inner_is_the_brands_or_an_operators(world, batch):
    """Neither another brand nor a store claims."""
    for actor in (RIVAL, STORE):
        with refused("RoleMissing", actor, Role.OPERATOR):
            world.do(Verb.CLAIM_INNER, claim(batch, actor=actor), proof=shown())


def test_claim_inner_refuses_what_the_root_does_not_hold(world, batch):
    """Another code, salt, index or proof; a batch without inner codes; one that nobody reserved."""
    for changes in ({"innerCode": keccak(b"guess")}, {"salt": keccak(b"guess")}):
        args = claim(batch, **changes)
        leaf = inner_leaf(7, args["innerCode"], args["salt"])
        with refused("NotInTree", leaf):
            world.do(Verb.CLAIM_INNER, args, proof=shown())
    with refused("NotInTree", inner_leaf(8, *INNER[7])):
        world.do(Verb.CLAIM_INNER, claim(batch) | {"index": 8}, proof=shown())
    with refused("NotInTree", LEAVES[7]):
        world.do(Verb.CLAIM_INNER, claim(batch), proof=shown(8))
    with refused("NotInTree", LEAVES[7]):
        world.do(Verb.CLAIM_INNER, claim(1), proof=shown())
    with refused("UnknownBatch", 99):
        world.do(Verb.CLAIM_INNER, claim(99), proof=shown())
    with refused("IndexTooLarge", SIZE, SIZE):
        world.do(Verb.CLAIM_INNER, claim(batch, SIZE), proof=shown())


def test_an_outer_leaf_is_no_inner_one(world):
    """The outer root holds leaves of another shape: no outer code claims anything."""
    args = claim(1)
    with refused("NotInTree", LEAVES[7]):
        world.do(Verb.CLAIM_INNER, args, proof=())


def test_a_claim_is_over_its_own_subject(world, batch):
    """A signature for one index is none for another."""
    subject = ids.subject("claim", ids.claim_id(batch, 8))
    _, head = world.head(subject)
    with pytest.raises(Refused, match=r"WrongSigner|BadSignature"):
        world.do(Verb.CLAIM_INNER, claim(batch), proof=shown(), head=head)


def test_one_inner_root_in_two_batches_has_two_claims(world, batch):
    """Each is an event of its own, whoever copied the root: a follower tells them apart."""
    copied = int(
        world.do(Verb.RESERVE_BATCH, reserve(RIVAL, gtin=RIVAL_GTIN)).only(RESERVED)["batch"]
    )
    world.do(Verb.COMMISSION, commission(RIVAL, innerRoot=NODES[0], count=SIZE), on=copied)
    for number, actor in ((batch, BRAND), (copied, RIVAL)):
        event = world.do(Verb.CLAIM_INNER, claim(number, actor=actor), proof=shown())
        assert event.only("InnerClaimed")["claim"] == ids.claim_id(number, 7)
        assert world.read("claims", number, 7)["by"] == actor


def test_a_signature_for_one_batch_is_none_for_another(world, batch):
    """Though both have the same inner root."""
    other = int(world.do(Verb.RESERVE_BATCH, reserve()).only(RESERVED)["batch"])
    world.do(Verb.COMMISSION, commission(innerRoot=NODES[0], count=SIZE), on=other)
    _, head = world.head(ids.subject("claim", ids.claim_id(other, 7)))
    with pytest.raises(Refused, match=r"WrongSigner|BadSignature"):
        world.do(Verb.CLAIM_INNER, claim(batch), proof=shown(), head=head)
