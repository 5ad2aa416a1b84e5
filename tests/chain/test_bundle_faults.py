"""Bundles with one fault each are refused, by the right code."""

from __future__ import annotations

import json
from functools import cache
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.chain.bundle import Report, check
from ledger.errors import Rejected

from .proof_faults import FAULTS, Fault
from .proof_forge import VECTORS, Forge, good


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_one_fault_is_refused_by_its_code(fault: Fault) -> None:
    """With all above it hashed and sealed anew, the fault alone is found."""
    forge = Forge.of(fault.base)
    at = forge.at
    fault.change(forge)
    with pytest.raises(Rejected) as refusal:
        check(forge.bundle(), forge.trust_file(), at)
    assert (refusal.value.code, bool(refusal.value.message)) == (fault.code, True)


def test_there_are_enough_faults_with_names_of_their_own() -> None:
    """At least a hundred, and each is another."""
    assert len(FAULTS) == len({fault.name for fault in FAULTS}) >= 100


CASES = json.loads((VECTORS / "cases.json").read_text())["rows"]


@pytest.mark.parametrize("row", CASES, ids=lambda row: row["name"])
def test_frozen_cases(row: dict[str, Any]) -> None:
    """The cases that checkers in every language share: refused by their code, or accepted."""
    files = row["bundle"].encode(), row["trust"].encode()
    if row["code"] is None:
        assert check(*files, row["at"]).exit_status == row["exit"]
        return
    with pytest.raises(Rejected) as refusal:
        check(*files, row["at"])
    assert (refusal.value.code, row["exit"]) == (row["code"], 1)


@cache
def _honest(name: str) -> tuple[bytes, bytes, int, Report]:
    bundle, trust = (VECTORS / "good" / f"{name}.json").read_bytes(), TRUST
    made = good(name)["made"]
    return bundle, trust, made, check(bundle, trust, made)


TRUST = (VECTORS / "trust.json").read_bytes()
SMALL = ("no-run-at-all", "code-of-nobody", "first-scan-case-on-its-way")
# What a bundle states may be changed by whoever states it; it is shown as stated, never as proved.
STATED = ("product", "names", "lot")


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(SMALL), st.integers(0, 10**9), st.integers(0, 7))
def test_no_flipped_bit_makes_other_facts_proved(name: str, place: int, bit: int) -> None:
    """A bundle with any one bit turned is refused, or proves what the honest one proves."""
    bundle, trust, made, honest = _honest(name)
    at = place % len(bundle)
    flipped = bundle[:at] + bytes([bundle[at] ^ 1 << bit]) + bundle[at + 1 :]
    try:
        report = check(flipped, trust, made)
    except Rejected:
        return
    found, expected = report.conclusion, honest.conclusion
    assert (report.gtin, report.lot, report.number, report.time) == (
        honest.gtin,
        honest.lot,
        honest.number,
        honest.time,
    )
    if expected.code.leaf is not None:  # an unknown code's serial is proved by nobody
        assert report.serial == honest.serial
    assert (found.outcome, found.proved, found.parties, found.events) == (
        expected.outcome,
        expected.proved,
        expected.parties,
        expected.events,
    )
    assert _stated_only(flipped) == _stated_only(bundle)


def _stated_only(bundle: bytes) -> object:
    document = json.loads(bundle)
    if document["code"] is None or document["verdict"]["outcome"] == "not_recognised":
        document.pop("serial")
        document.pop("gtin")
    document.pop("made")
    stated = document["stated"]
    for name in (*STATED, "scans"):
        stated.pop(name)
    return document


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=400))
def test_no_bytes_at_all_break_the_checker(data: bytes) -> None:
    """Whatever comes in, the answer is a refusal."""
    with pytest.raises(Rejected):
        check(data, TRUST, 1_750_003_000)
    with pytest.raises(Rejected):
        check(_honest("code-of-nobody")[0], data, 1_750_003_000)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner),
    max_leaves=9,
)


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_no_value_in_a_wrong_place_breaks_the_checker(data: st.DataObject) -> None:
    """Any value put in place of any other is refused, or leaves the facts as they were."""
    bundle, trust, made, honest = _honest("first-scan-case-on-its-way")
    document = json.loads(bundle)
    node = document
    while isinstance(node, dict | list) and node:
        name = data.draw(
            st.sampled_from(sorted(node) if isinstance(node, dict) else range(len(node)))
        )
        if not isinstance(node[name], dict | list) or data.draw(st.booleans()):
            node[name] = data.draw(JSON)
            break
        node = node[name]
    try:
        report = check(json.dumps(document).encode(), trust, made)
    except Rejected:
        return
    assert report.conclusion.proved == honest.conclusion.proved
    assert report.conclusion.events == honest.conclusion.events
