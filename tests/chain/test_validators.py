"""Changes of the validator set: proved by votes, or refused by the name of the fault."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ledger.chain.header import Header
from ledger.chain.validators import Change, Succession
from ledger.errors import Rejected

from .build_qbft_changes import OUT, build
from .synthetic import Chain, address, hexes, keys, unhex

VECTORS = {v["id"]: v for v in json.loads(Path(OUT).read_text())["vectors"]}


def follow(vector: dict) -> Succession:
    """Extend the trusted set by each change of a vector."""
    succession = Succession.start(unhex(text) for text in vector["validators"])
    for change in vector["changes"]:
        votes = tuple(Header.decode(unhex(text)) for text in change["votes"])
        first = Header.decode(unhex(change["first"]))
        succession = succession.extend(Change(votes, first), vector["epoch_length"])
    return succession


@pytest.mark.parametrize("name", VECTORS)
def test_the_change_vectors_hold(name):
    """Each vector gives its new set, or is refused with its code."""
    vector = VECTORS[name]
    if vector["valid"]:
        assert sorted(hexes(follow(vector).latest)) == sorted(vector["result"])
    else:
        with pytest.raises(Rejected) as caught:
            follow(vector)
        assert caught.value.code == vector["code"]


def test_the_vectors_are_what_their_script_builds():
    """The frozen file and the script that says how it was made do not drift apart."""
    assert Path(OUT).read_text() == build()


def test_each_block_is_checked_against_the_set_of_its_height():
    """After a change, the old set still vouches for old blocks and no longer for new ones."""
    vector = VECTORS["4-to-3"]
    succession = follow(vector)
    change = vector["changes"][-1]
    first = Header.decode(unhex(change["first"]))
    last = Header.decode(unhex(change["votes"][-1]))
    assert len(succession.check(last)) == 3
    assert len(succession.check(first)) == 2
    late = Chain(keys(1, 2, 3, 4))
    while len(late.headers) <= first.number:
        late.add()
    with pytest.raises(Rejected) as caught:
        succession.check(late.headers[first.number])
    assert caught.value.code == "VALIDATORS_DIFFER"


def test_a_set_is_not_trusted_for_blocks_before_it():
    """Who sealed what came before the trusted set is unknown, not assumed."""
    succession = Succession.start([address(k) for k in keys(1)], since=5)
    assert succession.at(5) == {address(keys(1)[0])}
    with pytest.raises(Rejected) as caught:
        succession.at(4)
    assert caught.value.code == "VALIDATORS_UNKNOWN"
