"""The frozen history files that checkers in every language share."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.chain.history_proof import check
from ledger.errors import Rejected

from .proof_forge import VECTORS

CASES = json.loads((VECTORS.parent / "histories" / "cases.json").read_text())["rows"]
GOOD = [row for row in CASES if row["code"] is None]


@pytest.mark.parametrize("row", CASES, ids=lambda row: row["name"])
def test_frozen_histories(row: dict[str, Any]) -> None:
    """Refused by their code, or accepted with all their events."""
    files = row["history"].encode(), row["trust"].encode()
    if row["code"] is None:
        report = check(*files, row["at"])
        shown = json.loads(row["history"])["events"]
        assert report.exit_status == row["exit"]
        assert [event.seq for event in report.events] == [event["seq"] for event in shown]
        return
    with pytest.raises(Rejected) as refusal:
        check(*files, row["at"])
    assert (refusal.value.code, row["exit"]) == (row["code"], 1)


@settings(max_examples=100, deadline=None)
@given(st.sampled_from(GOOD[:3]), st.integers(0, 10**9), st.integers(0, 7))
def test_no_flipped_bit_makes_another_history(row: dict[str, Any], place: int, bit: int) -> None:
    """A file with any one bit turned is refused, or proves what the honest one proves."""
    data, trust = row["history"].encode(), row["trust"].encode()
    honest = check(data, trust, row["at"])
    at = place % len(data)
    flipped = data[:at] + bytes([data[at] ^ 1 << bit]) + data[at + 1 :]
    try:
        found = check(flipped, trust, row["at"])
    except Rejected:
        return
    assert (found.subject, found.head, found.events) == (honest.subject, honest.head, honest.events)
