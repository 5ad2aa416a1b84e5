"""The Merkle tree, against OpenZeppelin's dumps and library and the frozen vectors."""

from collections.abc import Sequence

import pytest
from eth_abi import encode
from hypothesis import given
from hypothesis import strategies as st

from ledger.domain import code, merkle
from ledger.domain.keccak import keccak
from ledger.errors import Broken, Rejected
from tests.domain.frozen import load, raw, rows

SIZES = [1, 2, 3, 511, 512, 513, 1023, 1024, 1025, 1026, 1535, 1536, 2047, 2048, 2049, 3000]


def some_leaves(count: int) -> list[bytes]:
    return [keccak(index.to_bytes(8, "big")) for index in range(count)]


def test_openzeppelins_dump_is_rebuilt() -> None:
    """The published standard-v1 dump without sorting has our array, node for node."""
    dump = load("merkle/standard-v1.unsorted.1_0_6")
    leaves = [keccak(keccak(encode(["string"], row["value"]))) for row in dump["values"]]
    nodes = merkle.tree(leaves)
    assert nodes == [raw(node) for node in dump["tree"]]
    for index, row in enumerate(dump["values"]):
        assert nodes[row["treeIndex"]] == leaves[index]


@pytest.mark.parametrize("row", rows("merkle/openzeppelin-1.0.8"), ids=lambda r: str(r["count"]))
def test_openzeppelins_library_gives_the_same_roots_and_proofs(row: dict) -> None:
    """Every size from 1 to 300; the library's proofs are ours and verify."""
    count = row["count"]
    leaves = []
    for index in range(count):
        value = (count * 1000 + index).to_bytes(32, "big")
        words = encode(["uint64", "uint32", "bytes32"], [9506000134352, index, value])
        leaves.append(keccak(keccak(words)))
    nodes = merkle.tree(leaves)
    assert nodes[0] == raw(row["root"])
    for index, siblings in row.get("proofs", {}).items():
        siblings = [raw(node) for node in siblings]
        assert merkle.proof(nodes, int(index)) == siblings
        assert merkle.verify(nodes[0], count, int(index), leaves[int(index)], siblings)


def test_library_rows_are_all_there() -> None:
    """300 sizes, each once."""
    counts = [row["count"] for row in rows("merkle/openzeppelin-1.0.8")]
    assert counts == list(range(1, 301))


@pytest.mark.parametrize("row", rows("touchstone/tree"), ids=lambda row: row["count"])
def test_frozen_trees(row: dict) -> None:
    """Codes made here have the frozen leaves, roots and proofs."""
    head, count = load("touchstone/tree"), int(row["count"])
    key, epoch, gtin = raw(head["key"]), int(head["epoch"]), int(head["gtin"])
    leaves = [
        code.leaf(gtin, index, code.encode_serial(key, epoch, gtin, int(head["batch"]), index))
        for index in range(count)
    ]
    nodes = merkle.tree(leaves)
    assert nodes[0] == raw(row["root"])
    for index, expected in row["proofs"].items():
        assert leaves[int(index)] == raw(expected["leaf"])
        assert merkle.proof(nodes, int(index)) == [raw(node) for node in expected["proof"]]


@pytest.mark.parametrize("row", rows("touchstone/children"), ids=lambda row: row["count"])
def test_frozen_children_trees(row: dict) -> None:
    """Children leaves and roots are the frozen ones, and the leaves those of eth_abi."""
    leaves = []
    for child in row["children"]:
        values = (
            int(child["kind"]),
            int(child["position"]),
            raw(child["child"]),
            raw(child["childrenRoot"]),
            int(child["count"]),
        )
        leaves.append(merkle.children_leaf(*values))
        types = ["uint8", "uint32", "bytes32", "bytes32", "uint32"]
        assert leaves[-1] == keccak(keccak(encode(types, values))) == raw(child["leaf"])
    nodes = merkle.tree(leaves)
    assert nodes[0] == raw(row["childrenRoot"])
    assert merkle.proof(nodes, len(leaves) - 1) == [raw(node) for node in row["lastProof"]]


@given(st.integers(1, 200), st.data())
def test_every_proof_verifies_and_any_change_does_not(count: int, data: st.DataObject) -> None:
    """A proof holds for its leaf, its index's depth and its root, and for nothing else."""
    leaves = some_leaves(count)
    index = data.draw(st.integers(0, count - 1))
    nodes = merkle.tree(leaves)
    siblings = merkle.proof(nodes, index)
    assert merkle.verify(nodes[0], count, index, leaves[index], siblings)
    assert not merkle.verify(nodes[0], count, index, keccak(b"other"), siblings)
    assert not merkle.verify(keccak(b"other"), count, index, leaves[index], siblings)
    assert not merkle.verify(nodes[0], count, index, leaves[index], [*siblings, bytes(32)])
    for place in range(len(siblings)):
        changed = [*siblings[:place], keccak(siblings[place]), *siblings[place + 1 :]]
        assert not merkle.verify(nodes[0], count, index, leaves[index], changed)


@pytest.mark.parametrize("index", [-1, 5, 2**32])
def test_an_index_outside_the_tree_is_refused(index: int) -> None:
    """Neither a proof nor a verdict exists for an index that the batch does not have."""
    leaves = some_leaves(5)
    nodes = merkle.tree(leaves)
    assert not merkle.verify(nodes[0], 5, index, leaves[4], merkle.proof(nodes, 4))
    for call in (
        lambda: merkle.proof(nodes, index),
        lambda: merkle.kept_node(5, index),
        lambda: merkle.subtree_ranges(5, index),
    ):
        with pytest.raises(Rejected) as refusal:
            call()
        assert refusal.value.code == "INDEX_OUT_OF_RANGE"


def test_a_tree_has_at_least_one_leaf() -> None:
    """No leaves, no root."""
    for call in (lambda: merkle.tree([]), lambda: merkle.kept_level(0)):
        with pytest.raises(Rejected) as refusal:
            call()
        assert refusal.value.code == "EMPTY_TREE"


def test_an_inner_node_is_no_leaf() -> None:
    """A second preimage: two nodes joined to 64 bytes, or an inner node itself, prove nothing."""
    nodes = merkle.tree(some_leaves(8))
    joined = b"".join(sorted((nodes[13], nodes[14])))
    upper = merkle.proof(nodes, 0)[1:]
    assert merkle.process(keccak(joined), upper) == nodes[0]  # why the depth is checked
    for leaf in (joined, keccak(joined)):
        assert not merkle.verify(nodes[0], 8, 0, leaf, upper)


def _proof_from(count: int, kept: bytes, index: int, leaf_at: merkle.LeavesAt) -> list[bytes]:
    """Return a proof as the services put it together, of the level that is kept."""
    above = merkle.levels_above(count, len(kept))
    first, stop = merkle.kept_group(count, index, above)
    subtree = merkle.subtree_proof(count, index, leaf_at, above)
    group, top = kept[32 * first : 32 * stop], merkle.top_nodes(kept)
    return merkle.join_proof(count, index, subtree, group, top, above)


@pytest.mark.parametrize("above", [merkle.SUBTREE_LEVELS, merkle.INNER_SUBTREE_LEVELS, 3])
@pytest.mark.parametrize("count", SIZES)
def test_kept_nodes_prove_every_leaf_like_the_whole_tree(count: int, above: int) -> None:
    """Root and proofs from one kept level, whichever it is, equal those of the whole tree."""
    leaves = some_leaves(count)
    nodes = merkle.tree(leaves)

    def leaf_at(start: int, stop: int) -> Sequence[bytes]:
        return leaves[start:stop]

    kept = merkle.build_kept(count, leaf_at, above)
    top = merkle.top_nodes(kept)
    assert merkle.kept_root(kept) == merkle.kept_root(top) == nodes[0]
    assert len(kept) <= max(32, count * 64 / 2**above)
    for index in {0, 1 % count, count // 3, count // 2, count - 2, count - 1} - {-1}:
        assert _proof_from(count, kept, index, leaf_at) == merkle.proof(nodes, index)


@given(st.integers(1 << 17, 1 << 32))
def test_both_trees_of_a_batch_keep_a_tenth_of_a_byte_a_code(count: int) -> None:
    """Kept nodes and those half-way to the root, of all but small batches."""
    level = merkle.kept_level(count)
    inner = merkle.kept_level(count, merkle.INNER_SUBTREE_LEVELS)
    nodes = sum((1 << each) + (1 << each // 2) for each in (level, inner))
    assert 32 * nodes <= 0.1 * count


@given(st.integers(1, 2**32))
def test_kept_nodes_cover_each_leaf_once(count: int) -> None:
    """A kept node has at most 1,024 leaves, in one or two ranges, and each leaf has one node."""
    last = (1 << merkle.kept_level(count)) - 1
    for node in {0, last // 2, last}:
        ranges = merkle.subtree_ranges(count, node)
        assert 1 <= len(ranges) <= 2
        assert 1 <= sum(stop - start for start, stop in ranges) <= 1024
        for start, stop in ranges:
            assert [merkle.kept_node(count, index) for index in (start, stop - 1)] == [node, node]
            for outside in (start - 1, stop):
                if 0 <= outside < count and not any(a <= outside < b for a, b in ranges):
                    assert merkle.kept_node(count, outside) != node


@pytest.mark.parametrize("level", [0, 1, 2, 5, 8])
def test_top_nodes_are_half_way_to_the_root(level: int) -> None:
    """They are the nodes of that level in the tree over the kept ones."""
    nodes = some_leaves(1 << level)
    kept, whole = b"".join(nodes), merkle.tree(nodes[::-1])  # leaf i stands at 2n − 2 − i
    half = level // 2
    assert merkle.top_nodes(kept) == b"".join(whole[(1 << half) - 1 : (2 << half) - 1])


def test_a_group_or_top_of_another_tree_is_noticed() -> None:
    """Each of the three parts of a proof must give the node that the next one holds."""
    leaves = some_leaves(9000)
    kept = merkle.build_kept(9000, lambda start, stop: leaves[start:stop])
    top, subtree = (
        merkle.top_nodes(kept),
        merkle.subtree_proof(9000, 1234, lambda start, stop: leaves[start:stop]),
    )
    first, stop = merkle.kept_group(9000, 1234)
    group = kept[32 * first : 32 * stop]
    proof = merkle.join_proof(9000, 1234, subtree, group, top)
    assert merkle.verify(merkle.kept_root(kept), 9000, 1234, leaves[1234], proof)
    for other in ((kept[-32:] + group[32:], top), (group, bytes(len(top))), (bytes(64), top)):
        with pytest.raises(Broken) as fault:
            merkle.join_proof(9000, 1234, subtree, *other)
        assert fault.value.code == "TREE_MISMATCH"


def test_ranges_of_all_kept_nodes_are_all_leaves() -> None:
    """Over a whole tree the ranges meet without gap or overlap."""
    for count in SIZES:
        nodes = range(1 << merkle.kept_level(count))
        ranges = sorted(pair for node in nodes for pair in merkle.subtree_ranges(count, node))
        assert [0, *[stop for _, stop in ranges]] == [*[start for start, _ in ranges], count]


def test_leaves_that_do_not_fit_the_kept_nodes_are_noticed() -> None:
    """Leaves under another key, or too few of them, never become a proof."""
    leaves, others = some_leaves(3000), some_leaves(3001)[1:]
    kept = merkle.build_kept(3000, lambda start, stop: leaves[start:stop])
    for leaf_at in (lambda a, b: others[a:b], lambda a, b: leaves[a : b - 1]):
        with pytest.raises(Broken) as fault:
            _proof_from(3000, kept, 1234, leaf_at)
        assert fault.value.code == "TREE_MISMATCH"
