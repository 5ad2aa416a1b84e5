"""The scan map, against a plain recursion over all 256 bits and the frozen vectors."""

from collections.abc import Mapping

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.domain import scan_map
from ledger.domain.keccak import keccak
from ledger.domain.scan_map import EMPTY, Entry, MapProof, ScanMap
from tests.domain.frozen import load, raw

FROZEN = load("touchstone/scan_log")
Entries = Mapping[bytes, Entry]


def bits(key: bytes) -> str:
    return f"{int.from_bytes(key, 'big'):0256b}"


def naive_root(values: dict[str, bytes]) -> bytes:
    """The definition: values by path; an empty subtree is zero, all others are hashed."""
    if not values:
        return bytes(32)
    if "" in values:
        return values[""]
    left = {path[1:]: value for path, value in values.items() if path[0] == "0"}
    right = {path[1:]: value for path, value in values.items() if path[0] == "1"}
    return keccak(b"\x01" + naive_root(left) + naive_root(right))


def naive_map_root(entries: Entries) -> bytes:
    return naive_root(
        {
            bits(key): keccak(b"\x02" + entry.count.to_bytes(4, "big") + entry.head)
            for key, entry in entries.items()
        }
    )


# Keys that part late or early: few distinct bytes, mostly zeros.
close_keys = st.builds(
    lambda at, first, last: bytes([first, *([0] * 30), last])[:32][at:] + bytes(at),
    st.integers(0, 3),
    st.sampled_from([0, 1, 128, 255]),
    st.integers(0, 3),
)
keys = close_keys | st.integers(0, 50).map(lambda n: keccak(n.to_bytes(4, "big")))
entry = st.builds(Entry, st.integers(1, 2**32 - 1), st.binary(min_size=32, max_size=32))
maps = st.dictionaries(keys, entry, max_size=12)


def frozen_entries(row: dict) -> dict[bytes, Entry]:
    return {raw(e["key"]): Entry(int(e["count"]), raw(e["head"])) for e in row["entries"]}


@pytest.mark.parametrize("row", FROZEN["maps"], ids=lambda row: f"{len(row['entries'])} codes")
def test_frozen_maps(row: dict) -> None:
    """Roots and proofs of presence and absence are the frozen ones, and verify."""
    entries = frozen_entries(row)
    root = scan_map.map_root(entries)
    assert root == raw(row["root"])
    for expected in row.get("proofs", []):
        key = raw(expected["key"])
        proof = MapProof(raw(expected["mask"]), tuple(map(raw, expected["siblings"])))
        assert ScanMap().updated(entries).prove(key) == proof
        assert expected["present"] == (key in entries)
        assert scan_map.verify(root, key, entries.get(key), proof)


def test_frozen_entries_follow_from_the_scans() -> None:
    """Each scan of the frozen log moves its code's entry to the frozen count and head."""
    codes: dict[bytes, Entry] = {}
    for scan, expected in zip(FROZEN["leaves"], FROZEN["entries"], strict=True):
        code = raw(scan["scan"]["code"])
        codes[code] = scan_map.next_entry(codes.get(code), raw(scan["leaf"]))
        assert raw(expected["key"]) == code
        assert codes[code] == Entry(int(expected["count"]), raw(expected["head"]))


def test_the_empty_map_is_zero_and_proves_that_nothing_is_there() -> None:
    """32 zero bytes, and a proof without siblings for every key."""
    nothing = MapProof(bytes(32), ())
    assert scan_map.map_root({}) == ScanMap().root == bytes(32)
    assert ScanMap().prove(keccak(b"code")) == nothing
    assert scan_map.verify(bytes(32), keccak(b"code"), None, nothing)
    assert not scan_map.verify(bytes(32), keccak(b"code"), Entry(1, bytes(32)), nothing)


@settings(max_examples=60)
@given(st.lists(maps, max_size=4))
def test_updates_in_any_steps_have_the_root_of_the_definition(steps: list[Entries]) -> None:
    """Each step's map has the naive root, and the maps before it stay as they were."""
    state, sofar = ScanMap(), dict[bytes, Entry]()
    kept = []
    for step in steps:
        state, sofar = state.updated(step), {**sofar, **step}
        kept.append((state, sofar))
    for state, entries in kept:
        assert state.root == naive_map_root(entries)
        assert state.root == scan_map.map_root(entries)
        assert {key: state.get(key) for key in entries} == entries


@settings(max_examples=60)
@given(maps, keys, entry)
def test_each_key_has_one_proof_of_what_is_there(
    entries: Entries, key: bytes, other: Entry
) -> None:
    """Present or absent, the proof holds for that entry and no other."""
    state = ScanMap().updated(entries)
    there = entries.get(key)
    assert state.get(key) == there
    proof = state.prove(key)
    assert scan_map.verify(state.root, key, there, proof)
    for wrong in (other, None):
        if wrong != there:
            assert not scan_map.verify(state.root, key, wrong, proof)
    assert not scan_map.verify(keccak(state.root), key, there, proof)
    for at in range(len(proof.siblings)):
        changed = list(proof.siblings)
        changed[at] = keccak(changed[at])
        broken = MapProof(proof.mask, tuple(changed))
        assert not scan_map.verify(state.root, key, there, broken)


@given(st.lists(st.integers(1, 2**32), min_size=1, max_size=12, unique=True), st.data())
def test_a_proof_has_one_form(numbers: list[int], data: st.DataObject) -> None:
    """Zero siblings listed, siblings too many or too few, and short fields are refused."""
    entries = {keccak(n.to_bytes(8, "big")): Entry(1, bytes(32)) for n in numbers}
    key = data.draw(st.sampled_from(sorted(entries)))
    state = ScanMap().updated(entries)
    proof = state.prove(key)
    mask = int.from_bytes(proof.mask, "big")
    padded = MapProof((mask | 1).to_bytes(32, "big"), (EMPTY, *proof.siblings))
    longer = MapProof(proof.mask, (*proof.siblings, keccak(b"")))
    short = MapProof(proof.mask[1:], proof.siblings)
    stub = MapProof((mask | 1).to_bytes(32, "big"), (b"x", *proof.siblings))
    assert not mask & 1  # no two keys here differ in the last bit alone
    for wrong in (padded, longer, short, stub):
        assert not scan_map.verify(state.root, key, entries[key], wrong)
    assert not scan_map.verify(state.root, key[1:], entries[key], proof)
    for unreal in (Entry(0, bytes(32)), Entry(2**32, bytes(32)), Entry(1, bytes(31))):
        assert not scan_map.verify(state.root, key, unreal, proof)


@pytest.mark.parametrize(
    "entries",
    [
        {bytes(31): Entry(1, bytes(32))},
        {bytes(32): Entry(0, bytes(32))},
        {bytes(32): Entry(2**32, bytes(32))},
        {bytes(32): Entry(1, bytes(33))},
    ],
)
def test_what_does_not_fit_is_refused(entries: Entries) -> None:
    """A key is 32 bytes, a count 1 to 2³² − 1, a head 32 bytes."""
    with pytest.raises(OverflowError):
        ScanMap().updated(entries)


def test_keys_that_differ_in_the_last_bit_alone() -> None:
    """The deepest branch there can be: two values side by side under depth 255."""
    left, right = Entry(1, bytes(32)), Entry(2, bytes(32))
    odd = bytes(31) + b"\x01"
    state = ScanMap().updated({bytes(32): left, odd: right})
    root = keccak(b"\x01" + left.value() + right.value())
    for _ in range(255):
        root = keccak(b"\x01" + root + bytes(32))
    assert state.root == root
    assert state.prove(odd) == MapProof(odd, (left.value(),))
