"""`touchstone trust`: what a file names stays named, and a newer one takes a pinned one's place."""

from __future__ import annotations

import json
from pathlib import Path

from ledger.chain.header import Vote
from tests.chain.synthetic import Chain, address, keys
from tests.chain.test_trust import LATER, NOW, OTHERS, successor, trust_of
from tests.scripts.conftest import Goods
from tests.support.installation import command, refused

CHECKERS = ["https://check.example/", "https://other.example/touchstone"]


def test_pages_that_check_proofs_are_named_until_others_are(goods: Goods) -> None:
    """A file that is made anew, as `up` makes it, keeps them; '' names none."""
    given = [word for url in CHECKERS for word in ("--checker", url)]
    assert goods.at.said("trust", "make", *given)["checkers"] == CHECKERS
    made = goods.at.said("trust", "make", "--valid-days", "7")
    assert made["checkers"] == CHECKERS
    before = Path(made["file"]).read_bytes()
    for bad in ("check.example", "https://x/ y", "javascript:alert(1)", "https://" + "x" * 251):
        assert goods.at.refused("trust", "make", "--checker", bad) == "BAD_VALUE"
    assert Path(made["file"]).read_bytes() == before
    assert goods.at.said("trust", "make", "--checker", "")["checkers"] == []


def test_a_newer_file_takes_a_pinned_ones_place(tmp_path: Path) -> None:
    """On the word of the old quorum, or by the votes in a proof; else the pinned one stays."""
    pinned, newer, proof = (tmp_path / name for name in ("trust.json", "newer.json", "proof.json"))
    two, three = keys(1, 2), keys(1, 2, 3)
    (third,) = {address(key) for key in three} - {address(key) for key in two}
    chain = Chain(list(two))
    votes = [chain.add(proposer=key, vote=Vote(third, True)) for key in two]
    chain.validators = three
    first = chain.add()
    change = {
        "votes": ["0x" + vote.encode().hex() for vote in votes],
        "first": "0x" + first.encode().hex(),
    }
    headers = {"settled": change["first"], "changes": [change]}
    proof.write_text(json.dumps({"headers": headers}))
    at = ("--trust", str(pinned), "--at", str(LATER))

    before = trust_of(two, issued=NOW)
    pinned.write_bytes(before)
    newer.write_bytes(successor(OTHERS))
    assert refused("trust", "accept", str(newer), *at) == "TRUST_NOT_SUCCEEDED"
    assert (
        refused("trust", "accept", str(newer), *at, "--proof", str(proof)) == "TRUST_NOT_SUCCEEDED"
    )
    newer.write_bytes(successor(three, keys(2, 3)))
    assert refused("trust", "accept", str(newer), *at) == "TRUST_NOT_SUCCEEDED"
    assert pinned.read_bytes() == before
    done = command("trust", "accept", str(newer), *at, "--proof", str(proof), "--json")
    assert json.loads(done.out)["validators"] == sorted("0x" + address(key).hex() for key in three)
    assert pinned.read_bytes() == newer.read_bytes()
    assert refused("trust", "accept", str(newer), *at) == "TRUST_NOT_NEWER"
    pinned.write_bytes(before)
    newer.write_bytes(successor(OTHERS, [*OTHERS, *two]))
    assert command("trust", "accept", str(newer), *at).status == 0
    assert pinned.read_bytes() == newer.read_bytes()
