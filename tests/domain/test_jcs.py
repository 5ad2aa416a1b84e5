"""Canonical JSON and event hashes."""

import json

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from ledger.domain import jcs
from ledger.domain.keccak import keccak
from ledger.errors import Rejected
from tests.domain.frozen import VECTORS, raw, rows

SALT = {"touchstone:salt": "00112233445566778899aabbccddeeff"}
DOCUMENTS = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4)
    ),
    max_leaves=12,
)


def whole_if_it_can_be(text: str) -> int | float:
    """One vector writes the whole number 56 as 56.0, which Python alone reads as a float."""
    number = float(text)
    return int(number) if number == 56 else number


def published(name: str) -> tuple[object, bytes]:
    text = (VECTORS / "jcs" / "input" / f"{name}.json").read_text("utf-8")
    value = json.loads(text, parse_float=whole_if_it_can_be)
    return value, bytes.fromhex((VECTORS / "jcs" / "outhex" / f"{name}.txt").read_text())


@pytest.mark.parametrize("name", ["arrays", "structures", "unicode"])
def test_published_vectors(name: str) -> None:
    """The vectors of the standard's authors that hold no fractions."""
    value, expected = published(name)
    assert jcs.canonical(value) == expected


def test_published_fractions_are_refused_though_the_package_can_write_them() -> None:
    """The one vector with fractions: right in the package below, refused by us."""
    value, expected = published("values")
    assert rfc8785.dumps(value) == expected
    with pytest.raises(Rejected) as refusal:
        jcs.canonical(value)
    assert refusal.value.code == "NOT_CANONICAL"
    del value["numbers"]
    assert json.loads(jcs.canonical(value)) == value


@pytest.mark.parametrize(
    "value", [1.0, [0.5], {"a": {"b": [1e300]}}, 2**53, "\ud800", {1: 2}, {1, 2}]
)
def test_what_two_languages_may_write_differently_is_refused(value: object) -> None:
    """Fractions, large integers, lone surrogates and what is no JSON."""
    with pytest.raises(Rejected) as refusal:
        jcs.canonical(value)
    assert refusal.value.code == "NOT_CANONICAL"


@given(DOCUMENTS)
def test_canonical_json_reads_back_and_ignores_the_order_of_members(value: object) -> None:
    """Writing keeps the value; a document read back is written alike."""
    written = jcs.canonical(value)
    assert json.loads(written) == value
    assert jcs.canonical(json.loads(written)) == written


@pytest.mark.parametrize(
    "row", rows("touchstone/event_hash"), ids=lambda row: row["eventHash"][:10]
)
def test_frozen_event_hashes(row: dict) -> None:
    """Each document has the frozen hash, which is that of the canonical text beside it."""
    assert raw(row["eventHash"]) == keccak(row["canonical"].encode())
    assert jcs.event_hash(row["document"]) == raw(row["eventHash"])


def test_record_time_changes_nothing_and_other_members_change_the_hash() -> None:
    """recordTime of the document and of its events is left out; deeper ones and others are not."""
    event = {"type": "ObjectEvent", "extension": {"recordTime": "a"}}
    document = {**SALT, "epcisBody": {"eventList": [event]}}
    expected = jcs.event_hash(document)
    stamped = {
        **document,
        "recordTime": "b",
        "epcisBody": {"eventList": [{**event, "recordTime": "c"}]},
    }
    assert jcs.event_hash(stamped) == expected
    for changed in (
        {**document, "note": ""},
        {**document, "touchstone:salt": "0" * 32},
        {**SALT, "epcisBody": {"eventList": [{**event, "extension": {"recordTime": "b"}}]}},
    ):
        assert jcs.event_hash(changed) != expected


def test_hashing_leaves_the_document_alone() -> None:
    """The caller's document keeps its recordTime."""
    document = {**SALT, "recordTime": "b", "epcisBody": {"eventList": [{"recordTime": "c"}]}}
    before = json.dumps(document)
    jcs.event_hash(document)
    assert json.dumps(document) == before


@pytest.mark.parametrize("salt", [None, 5, "", "0" * 31, "0" * 33, "G" * 32, "A" * 32])
def test_a_document_without_a_salt_is_refused(salt: object) -> None:
    """Without its salt of 32 lower-case hex digits a document could be guessed from its hash."""
    with pytest.raises(Rejected) as refusal:
        jcs.event_hash({"touchstone:salt": salt})
    assert refusal.value.code == "SALT_MISSING"
