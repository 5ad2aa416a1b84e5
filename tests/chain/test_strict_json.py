"""JSON in one form only."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.chain.strict_json import MAX_NUMBER, Node, load
from ledger.errors import Rejected

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-MAX_NUMBER, MAX_NUMBER) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


@given(VALUES)
def test_what_is_written_plainly_is_read(value: object) -> None:
    """Any document of our kind comes back as it was, escaped or not."""
    for escaped in (True, False):
        assert load(json.dumps(value, ensure_ascii=escaped).encode(), 1 << 20).value == value


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ('{"a":1,"a":1}', "DUPLICATE_KEY"),
        ('{"a":{"b":1,"\\u0062":2}}', "DUPLICATE_KEY"),
        ("1.0", "BAD_JSON"),
        ("1e2", "BAD_JSON"),
        ("-0", "BAD_JSON"),
        ("9007199254740992", "BAD_JSON"),
        ("-9007199254740992", "BAD_JSON"),
        ("-99999999999999999", "BAD_JSON"),
        ("9" * 5000, "BAD_JSON"),
        ("Infinity", "BAD_JSON"),
        ('"\\udc00"', "BAD_JSON"),
        ('{"\\ud800":1}', "BAD_JSON"),
        ("01", "BAD_JSON"),
        ("[1,]", "BAD_JSON"),
        ('"\x07"', "BAD_JSON"),
        (" " * 65, "TOO_LARGE"),
    ],
)
def test_what_readers_would_not_read_alike_is_refused(text: str, code: str) -> None:
    """Each ambiguity has its refusal."""
    with pytest.raises(Rejected) as refusal:
        load(text.encode(), 64 if code == "TOO_LARGE" else 1 << 14)
    assert refusal.value.code == code


def test_depth_is_counted_outside_strings() -> None:
    """Sixty-four levels are read, one more is refused; brackets in strings do not count."""
    inside = json.dumps("[" * 999 + '"]\\')
    assert load(f"{'[' * 64}{inside}{']' * 64}".encode(), 1 << 14)
    for text in ("[" * 65 + "]" * 65, "[" * 10**6, '{"a":' * 10**5, '["\\\\",' * 100):
        with pytest.raises(Rejected) as refusal:
            load(text.encode(), 1 << 21)
        assert refusal.value.code == "BAD_JSON"


def test_a_string_that_never_ends_costs_no_time() -> None:
    """A megabyte of escaped quotes is refused as fast as it is read, not once a quote."""
    with pytest.raises(Rejected) as refusal:
        load(b'"' + b'\\"' * (1 << 20), 1 << 22)
    assert refusal.value.code == "BAD_JSON"


@pytest.mark.parametrize(
    ("value", "read"),
    [
        ("1", lambda node: node.uint()),
        (-1, lambda node: node.uint()),
        (256, lambda node: node.uint(255)),
        (True, lambda node: node.uint()),
        (7, lambda node: node.decimal()),
        ("07", lambda node: node.decimal()),
        ("+7", lambda node: node.decimal()),
        (str(1 << 64), lambda node: node.decimal()),
        ("0x1", lambda node: node.data()),
        ("0xAB", lambda node: node.data()),
        ("0x\n", lambda node: node.data()),
        ("0xab", lambda node: node.data(2)),
        ([1, 2], lambda node: node.items(1)),
        ({"a": 1, "b": 2}, lambda node: list(node.entries(1))),
        ({}, lambda node: node.items(9)),
        ("ab\n", lambda node: node.text("ab")),
        ("abc", lambda node: node.text(most=2)),
    ],
)
def test_values_have_one_form(value: object, read: object) -> None:
    """Numbers, decimal strings, hex, lists and text are refused in any other form."""
    with pytest.raises(Rejected) as refusal:
        read(Node(value, "place"))
    assert refusal.value.code in ("BAD_VALUE", "BAD_HEX")
    assert "place" in refusal.value.message


def test_names_are_shown_without_what_moves_a_terminal() -> None:
    """A member's name is a stranger's text too."""
    with pytest.raises(Rejected) as refusal:
        Node({"\x1b[2J": 1}, "place").members(())
    assert refusal.value.message.isprintable()
