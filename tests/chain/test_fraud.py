"""The frozen fraud files that checkers in every language share."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ledger.chain.fraud import HeaderConflict, MembershipConflict, check
from ledger.errors import Rejected

from .proof_forge import VECTORS
from .synthetic import address, keys

CASES = json.loads((VECTORS.parent / "fraud" / "cases.json").read_text())["rows"]
BY_NAME = {row["name"]: row for row in CASES}


@pytest.mark.parametrize("row", CASES, ids=lambda row: row["name"])
def test_frozen_frauds(row: dict[str, Any]) -> None:
    """Proved, or refused by their code."""
    files = row["fraud"].encode(), row["trust"].encode()
    if row["code"] is None:
        assert check(*files, row["at"]) is not None
        return
    with pytest.raises(Rejected) as refusal:
        check(*files, row["at"])
    assert (refusal.value.code, row["exit"]) == (row["code"], 1)


def proved(name: str) -> MembershipConflict | HeaderConflict:
    """Return what a case proves."""
    row = BY_NAME[name]
    return check(row["fraud"].encode(), row["trust"].encode(), row["at"])


def test_what_a_membership_conflict_names() -> None:
    """Two units with slots, and the events by which their packers signed what is in them."""
    found = proved("two packers")
    assert isinstance(found, MembershipConflict)
    assert [place.packed.actor for place in found.places] == [9506000134352, 4006381333931]
    assert all(place.packed.identity == place.unit for place in found.places)
    assert proved("long ago").number == found.number


def test_what_a_header_conflict_names() -> None:
    """Who sealed both blocks: of four validators two at least, as quorums overlap."""
    found = proved("two blocks")
    assert isinstance(found, HeaderConflict)
    assert found.signers == {address(key) for key in keys(1, 2, 3, 4)[1:3]}
    assert len(set(found.hashes)) == 2
    assert proved("two blocks in two rounds") == found
