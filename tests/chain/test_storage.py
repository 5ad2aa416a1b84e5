"""Where the contract keeps what: Solidity's rules, on the frozen layout."""

from __future__ import annotations

from itertools import pairwise

import pytest
from eth_abi.abi import encode

from ledger.chain.artifact import label, layout
from ledger.chain.storage import Layout
from ledger.domain.keccak import keccak
from ledger.errors import Broken, Rejected
from tests.domain.frozen import load, raw

FROZEN = load("touchstone/layout")
TABLE = Layout(FROZEN["rows"])


def test_the_artifacts_layout_is_the_frozen_one() -> None:
    """A checker's pinned hash goes on naming the contract's storage."""
    assert layout() == FROZEN["rows"]
    assert TABLE.hash == Layout(layout()).hash == raw(FROZEN["hash"])


def test_no_two_members_overlap() -> None:
    """Members of a slot lie side by side, and a struct covers all of its own."""
    for row in FROZEN["rows"]:
        places = [(m["slot"], m["offset"], m["bytes"]) for m in row["members"]]
        for (slot, offset, size), after in pairwise(places):
            assert offset + size <= 32
            assert after >= (slot, offset + size, 0) or after[0] > slot
        assert all(32 * slot + offset + size <= row["bytes"] for slot, offset, size in places)


def test_a_mapping_is_found_by_its_keys() -> None:
    """keccak(key ‖ slot), once for each key; numbers as words."""
    unit = keccak(b"unit")
    slot = label("units")["slot"]
    expected = int.from_bytes(keccak(encode(["bytes32", "uint256"], [unit, slot])))
    assert TABLE.place("units", unit).slot == expected
    outer = keccak(encode(["uint64", "uint256"], [7, label("runs")["slot"]]))
    expected = int.from_bytes(keccak(encode(["uint32"], [9]) + outer))
    assert TABLE.place("runs", 7, 9).slot == expected


def test_a_struct_covers_its_slots() -> None:
    """As many words as its bytes need, from its first one up."""
    assert TABLE.place("registry").slots == (0, 1, 2, 3)
    place = TABLE.place("units", keccak(b"unit"))
    assert place.slots == tuple(place.slot + i for i in range(4))
    assert place.slot_of("head") == place.slot + 1


def test_members_are_read_from_the_lowest_byte_up() -> None:
    """A word packed by hand comes apart into the run it was."""
    place = TABLE.place("runs", 1, 0)
    packed = 5 | 10 << 32 | 1_900_000_000 << 64 | 3 << 128 | 1 << 160
    expected = {"next": 5, "to": 10, "activeFrom": 1_900_000_000, "lot": 3, "voided": 1}
    assert place.read({place.slot: packed}) == expected


def test_a_single_value_is_read_by_its_label() -> None:
    """A mapping to a number has no members."""
    place = TABLE.place("prefixes", 1)
    assert place.read({place.slot: 42}) == {"prefixes": 42}


def test_a_missing_word_is_never_zero() -> None:
    """Reading what was not given fails."""
    place = TABLE.place("scanLog")
    with pytest.raises(KeyError):
        place.read({place.slot: 1})


def test_unknown_labels_are_refused() -> None:
    """By name, at both doors."""
    with pytest.raises(Rejected, match="no 'owner'"):
        TABLE.place("owner")
    with pytest.raises(Rejected, match="no 'owner'"):
        TABLE.place("registry").slot_of("owner")
    with pytest.raises(Broken, match="no 'owner'"):
        label("owner")
