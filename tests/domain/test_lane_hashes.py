"""Many hashes at once, held to the plain ones; and the tree over arrays, held to the plain tree."""

import hashlib
import secrets
from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.domain import code, keccak_lanes, lane_hashes, lanes, merkle, merkle_arrays
from ledger.domain.keccak import keccak
from ledger.domain.leaf import leaf
from ledger.errors import Rejected
from tests.domain.frozen import load, raw, rows

WIDTHS = pytest.mark.parametrize("width", [4, 8])
KEYS = st.binary(min_size=32, max_size=32)
GTINS, INDICES = st.integers(0, 10**14 - 1), st.integers(0, code.MAX_INDEX)
SERIALS = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=20)
few = settings(max_examples=25, deadline=None)


@cache
def hashes_of(width: int) -> lane_hashes.LaneHashes:
    return lane_hashes.compile_hashes(width)


def as_bytes(hashes: merkle_arrays.Hashes) -> list[bytes]:
    return [row.tobytes() for row in hashes]


def random_hashes(count: int) -> merkle_arrays.Hashes:
    return np.frombuffer(secrets.token_bytes(32 * count), np.uint64).reshape(count, 4)


@WIDTHS
def test_each_lane_is_a_permutation_of_its_own(width: int) -> None:
    """Different messages side by side have the digests that the library gives them one by one."""
    messages = [secrets.token_bytes(135) for _ in range(width)]
    state = np.zeros((25, width), np.uint64)
    for lane, message in enumerate(messages):
        padded = message + b"\x81"  # one byte is left of the rate: first and last padding bit
        state[:17, lane] = np.frombuffer(padded, np.uint64)
    keccak_lanes.permutation(width)(state)
    found = [np.ascontiguousarray(state[:4, lane]).tobytes() for lane in range(width)]
    assert found == [keccak(message) for message in messages]


def test_each_lane_is_a_compression_of_its_own() -> None:
    """Different one-block messages side by side have hashlib's digests."""
    messages = [secrets.token_bytes(55) for _ in range(8)]
    block = np.empty((16, 8), np.uint32)
    for lane, message in enumerate(messages):
        padded = message + b"\x80" + (8 * 55).to_bytes(8, "big")
        block[:, lane] = np.frombuffer(padded, ">u4")
    out = np.empty((8, 8), np.uint32)
    initial = np.array(lanes.sha256_constants()[1], np.uint32)
    lanes.sha256_compression(8)(block, initial, out)
    found = [out[:, lane].astype(">u4").tobytes() for lane in range(8)]
    assert found == [hashlib.sha256(message).digest() for message in messages]


@WIDTHS
@few
@given(
    KEYS,
    st.integers(0, 31),
    st.integers(0, 10**14 - 1),
    st.integers(0, code.MAX_BATCH),
    st.integers(0, code.MAX_INDEX - 40),
    st.integers(1, 40),
)
def test_leaves_and_commitments_are_the_plain_ones(
    width: int, key: bytes, epoch: int, gtin: int, batch: int, first: int, count: int
) -> None:
    """For any key, GTIN, batch and range, also one that fills no whole vector."""
    indices = np.arange(first, first + count, dtype=np.uint64)
    serials = code.encode_serials(key, epoch, gtin, batch, indices)
    fast = hashes_of(width)
    assert as_bytes(fast.leaves(gtin, first, serials)) == code.leaves(gtin, first, serials)
    inner = code.encode_inners(key, epoch, batch, indices)
    assert as_bytes(fast.commitments(key, batch, first, inner)) == [
        code.inner_commitment(index, text.decode(), code.inner_salt(key, batch, index))
        for index, text in enumerate(inner.tolist(), first)
    ]


@WIDTHS
@few
@given(GTINS, st.lists(st.tuples(INDICES, SERIALS), min_size=1, max_size=40))
def test_leaves_at_any_places_are_the_plain_ones(
    width: int, gtin: int, items: list[tuple[int, str]]
) -> None:
    """In any order, one twice, near and far; serials as short as printed elsewhere too."""
    indices = np.array([index for index, _ in items], np.uint32)
    serials = np.array([serial.encode() for _, serial in items], "S20")
    found = as_bytes(hashes_of(width).leaves_at(gtin, indices, serials))
    assert found == [leaf(gtin, index, serial) for index, serial in items]


@WIDTHS
def test_frozen_leaves(width: int) -> None:
    """The frozen rows of leaf.json."""
    for row in rows("touchstone/leaf"):
        if len(row["serial"]) == code.SERIAL_LENGTH:
            serials = np.array([row["serial"]], "S20")
            found = hashes_of(width).leaves(int(row["gtin"]), int(row["index"]), serials)
            assert as_bytes(found) == [raw(row["leaf"])]


@WIDTHS
def test_pairs_are_hashed_smaller_first(width: int) -> None:
    """Random pairs, pairs that differ in their last byte only, and equal ones."""
    nodes = random_hashes(60).copy()
    nodes[1] = nodes[0]
    nodes[2] = nodes[3]
    nodes[2, 3] ^= np.uint64(1 << 56)
    both = as_bytes(nodes)
    plain = [merkle.hash_pair(both[at], both[at + 1]) for at in range(0, 60, 2)]
    assert as_bytes(hashes_of(width).pairs(nodes)) == plain


@WIDTHS
def test_every_byte_can_decide_which_node_is_smaller(width: int) -> None:
    """Pairs that differ in one byte, at each place and either way round."""
    nodes = np.repeat(random_hashes(1), 128, axis=0)
    octets = nodes.view(np.uint8).reshape(32, 4, 32)
    for place in range(32):
        octets[place, :, place] = 0, 255, 128, 127
    both = as_bytes(nodes)
    plain = [merkle.hash_pair(both[at], both[at + 1]) for at in range(0, 128, 2)]
    assert as_bytes(hashes_of(width).pairs(nodes)) == plain
    assert as_bytes(hashes_of(width).pairs(nodes[::-1])) == plain[::-1]


@pytest.mark.parametrize("row", rows("merkle/openzeppelin-1.0.8"), ids=lambda r: str(r["count"]))
def test_openzeppelins_library_gives_the_same_root(row: dict) -> None:
    """The tree over arrays, for each size from 1 to 300."""
    count = row["count"]
    texts = [(count * 1000 + index).to_bytes(32, "big") for index in range(count)]
    head = (9506000134352).to_bytes(32, "big")
    leaves = [keccak(keccak(head + i.to_bytes(32, "big") + t)) for i, t in enumerate(texts)]
    assert merkle.kept_root(build(count, leaves)) == raw(row["root"])


@pytest.mark.parametrize("count", [1023, 1024, 1025, 2049, 16_385, 20_000, 33_000])
def test_large_trees_keep_the_same_nodes(count: int) -> None:
    """Sizes at which the tree gains a level, a second part, or leaves of two depths in a part."""
    leaves = as_bytes(random_hashes(count))
    for above in (merkle.SUBTREE_LEVELS, merkle.INNER_SUBTREE_LEVELS, 15):
        kept = merkle.build_kept(count, lambda start, stop: leaves[start:stop], above)
        assert build(count, leaves, above) == kept


@pytest.mark.parametrize("count", [1, 2, 3, 700, 1024, 1025, 1537, 2048, 5000])
def test_subtrees_give_the_plain_proofs(count: int) -> None:
    """Leaves of both depths, in trees of one subtree and of several."""
    leaves = as_bytes(random_hashes(count))
    array = np.frombuffer(b"".join(leaves), np.uint64).reshape(-1, 4)
    for index in {0, 1, count // 3, count // 2, count - 2, count - 1} & set(range(count)):
        found = merkle_arrays.subtree_proof(
            count, index, lambda start, stop: array[start:stop], hashes_of(8).pairs
        )
        assert found == merkle.subtree_proof(count, index, lambda a, b: leaves[a:b])


def test_a_tree_needs_a_leaf() -> None:
    """As in the plain form."""
    with pytest.raises(Rejected, match="at least one leaf"):
        build(0, [])


def test_frozen_trees_have_the_frozen_roots() -> None:
    """Codes made here by the fast path have the frozen roots."""
    head, fast = load("touchstone/tree"), hashes_of(8)
    key, epoch, gtin = raw(head["key"]), int(head["epoch"]), int(head["gtin"])
    for row in rows("touchstone/tree"):
        indices = np.arange(int(row["count"]), dtype=np.uint64)
        serials = code.encode_serials(key, epoch, gtin, int(head["batch"]), indices)
        kept = merkle_arrays.build_kept(
            len(serials),
            lambda start, stop, made=serials: fast.leaves(gtin, start, made[start:stop]),
            fast.pairs,
        )
        assert merkle.kept_root(kept) == raw(row["root"])


def build(count: int, leaves: list[bytes], above: int = merkle.SUBTREE_LEVELS) -> bytes:
    """Return the kept nodes by the fast path."""
    array = np.frombuffer(b"".join(leaves), np.uint64).reshape(-1, 4)
    return merkle_arrays.build_kept(
        count, lambda start, stop: array[start:stop], hashes_of(8).pairs, above=above
    )
