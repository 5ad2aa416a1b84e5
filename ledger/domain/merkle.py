"""The Merkle tree of a batch and of a unit's children: OpenZeppelin standard-v1, unsorted.

Source: OpenZeppelin merkle-tree, format "standard-v1" without leaf sorting. A flat array of 2n − 1
nodes, root first, node p over 2p + 1 and 2p + 2; leaf i stands at position 2n − 2 − i; a pair is
hashed smaller first. Leaves are twice-hashed by whoever makes them, so a node is never a leaf.

A large tree is not kept: only the nodes of one level, ten above the deepest leaves (at most 0.0625
bytes a leaf), and those half-way from there to the root. A proof recomputes the one subtree below
such a node, whose leaves are up to two ranges of indices, since the leaves fill two levels. Of the
tree over inner codes the level eleven above is kept: both together are at most 0.094 bytes a code.

Hashes are 32 bytes. `count` is always the number of leaves, `index` a leaf's number from 0, `above`
how many levels above the deepest leaves the kept nodes are.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache

from ledger.domain import abi
from ledger.domain.keccak import keccak
from ledger.errors import Broken, Rejected

SUBTREE_LEVELS = 10
INNER_SUBTREE_LEVELS = 11  # an item is opened once: its proof may hash twice as much
LeavesAt = Callable[[int, int], Sequence[bytes]]
"""leaf_at(start, stop) -> the leaves start … stop − 1, in order of index."""


def hash_pair(a: bytes, b: bytes) -> bytes:
    """Return the parent of two nodes: keccak of both, the smaller first."""
    return keccak(a + b) if a < b else keccak(b + a)


def tree(leaves: Sequence[bytes]) -> list[bytes]:
    """Return the whole tree as its flat array. Raises Rejected EMPTY_TREE without leaves."""
    _check_count(len(leaves))
    return _fill_up(len(leaves) - 1, list(reversed(leaves)))


def root(leaves: Sequence[bytes]) -> bytes:
    """Return the root over `leaves`. Raises Rejected EMPTY_TREE without leaves."""
    return tree(leaves)[0]


def proof(nodes: Sequence[bytes], index: int) -> list[bytes]:
    """Return the siblings from leaf `index` up to the root of the flat array `nodes`.

    Raises Rejected INDEX_OUT_OF_RANGE.
    """
    position = _position((len(nodes) + 1) // 2, index)
    return _siblings(nodes, position)


def process(leaf: bytes, siblings: Sequence[bytes]) -> bytes:
    """Return the root that `siblings` lead to from `leaf`."""
    node = leaf
    for sibling in siblings:
        node = hash_pair(node, sibling)
    return node


def verify(
    root_hash: bytes, count: int, index: int, leaf: bytes, siblings: Sequence[bytes]
) -> bool:
    """Say whether `leaf` is in the tree of `count` leaves, at the depth where `index` stands.

    False for an index outside the tree, a proof of another length than the index has, or hashes
    that are not 32 bytes. Sorted pairs do not show left or right: the leaf itself binds its index.
    """
    if not 0 <= index < count:
        return False
    if any(len(node) != 32 for node in (leaf, *siblings)):
        return False
    if len(siblings) != depth_of(2 * count - 2 - index):
        return False
    return process(leaf, siblings) == root_hash


def kept_level(count: int, above: int = SUBTREE_LEVELS) -> int:
    """Return the depth of the nodes that are kept; 0, the root, for a tree that is not as deep."""
    _check_count(count)
    return max(0, depth_of(2 * count - 2) - above)


def levels_above(count: int, size: int) -> int:
    """Return how many levels above the deepest leaves the nodes are that are kept in `size` bytes.

    The tree of a batch's inner codes was kept a level lower once.
    """
    return depth_of(2 * count - 2) - _levels_under(size)


def kept_node(count: int, index: int, above: int = SUBTREE_LEVELS) -> int:
    """Return which of the kept nodes (0 = leftmost) stands over leaf `index`.

    Raises Rejected INDEX_OUT_OF_RANGE.
    """
    position, level = _position(count, index), kept_level(count, above)
    return (position + 1 >> depth_of(position) - level) - (1 << level)


def subtree_ranges(count: int, node: int, above: int = SUBTREE_LEVELS) -> list[tuple[int, int]]:
    """Return the leaves under kept node `node` as up to two (start, stop), deepest leaves first.

    Raises Rejected INDEX_OUT_OF_RANGE for a node that the tree does not have.
    """
    level = kept_level(count, above)
    if not 0 <= node < 1 << level:
        raise Rejected(
            "INDEX_OUT_OF_RANGE", f"The tree keeps {1 << level} nodes; number {node} is outside."
        )
    deepest = depth_of(2 * count - 2) - level
    ranges = []
    for depth in (deepest, deepest - 1):
        if depth < 0:
            continue
        first = ((1 << level) + node << depth) - 1
        last = min(first + (1 << depth), 2 * count - 1) - 1
        first = max(first, count - 1)
        if first <= last:
            ranges.append((2 * count - 2 - last, 2 * count - 1 - first))
    return ranges


def build_kept(count: int, leaf_at: LeavesAt, above: int = SUBTREE_LEVELS) -> bytes:
    """Return the kept nodes of a tree, 32 bytes each, holding one subtree's leaves at a time.

    `kept_root` gives the root over them.
    """
    nodes = range(1 << kept_level(count, above))
    return b"".join(_subtree(count, node, leaf_at, above)[0] for node in nodes)


def top_nodes(kept: bytes) -> bytes:
    """Return the nodes half-way between the root and the kept nodes, which are kept as well.

    So what lies between is in groups of 2¹¹ nodes at most, and a proof hashes two groups.
    """
    nodes = _upper_tree(kept)
    width = 1 << _level_of(kept) // 2
    return b"".join(nodes[width - 1 : 2 * width - 1])


def kept_root(kept: bytes) -> bytes:
    """Return the root over nodes of one level: the kept ones, or their top nodes."""
    return _upper_tree(kept)[0]


def kept_group(count: int, index: int, above: int = SUBTREE_LEVELS) -> tuple[int, int]:
    """Return the kept nodes (first, stop) that stand with leaf `index` under one top node.

    Raises Rejected INDEX_OUT_OF_RANGE.
    """
    level = kept_level(count, above)
    width = 1 << level - level // 2
    first = kept_node(count, index, above) // width * width
    return first, first + width


def subtree_proof(
    count: int, index: int, leaf_at: LeavesAt, above: int = SUBTREE_LEVELS
) -> tuple[bytes, list[bytes]]:
    """Return (kept node, siblings from leaf `index` up to it), from the leaves below that node."""
    nodes = _subtree(count, kept_node(count, index, above), leaf_at, above)
    return nodes[0], _siblings(nodes, _local(_position(count, index), kept_level(count, above)))


def join_proof(
    count: int,
    index: int,
    subtree: tuple[bytes, Sequence[bytes]],
    group: bytes,
    top: bytes,
    above: int = SUBTREE_LEVELS,
) -> list[bytes]:
    """Return the whole proof of leaf `index` from the three parts of the tree that it crosses.

    subtree: as `subtree_proof` returns it; group: the kept nodes of `kept_group`; top: `top_nodes`.
    Raises Broken TREE_MISMATCH when a part does not give the node that is kept of it: the leaves
    are not those the tree was built from.
    """
    node, (first, stop) = kept_node(count, index, above), kept_group(count, index, above)
    found, proof = subtree[0], list(subtree[1])
    for nodes, place in ((group, node - first), (top, first // (stop - first))):
        if nodes[32 * place : 32 * place + 32] != found:
            raise Broken(
                "TREE_MISMATCH",
                "The recomputed codes do not give the batch's stored tree: check key epoch and "
                "rows.",
            )
        upper = _group_tree(nodes)
        proof += _siblings(upper, len(upper) // 2 + place)
        found = upper[0]
    return proof


def children_leaf(
    kind: int, position: int, child: bytes, children_root: bytes, count: int
) -> bytes:
    """Return the leaf of a child in its parent's children tree (formats "Packing").

    kind 1 = item (child is its code leaf, children_root and count are 0), 2 = unit (child is its
    unit id). position: uint32, in the packer's order.
    """
    words = abi.encode(
        abi.uint(kind, 8),
        abi.uint(position, 32),
        abi.bytes32(child),
        abi.bytes32(children_root),
        abi.uint(count, 32),
    )
    return keccak(keccak(words))


def _check_count(count: int) -> None:
    if count < 1:
        raise Rejected("EMPTY_TREE", "A tree needs at least one leaf.")


def depth_of(position: int) -> int:
    """Return how far below the root (depth 0) a position of the flat array is."""
    return (position + 1).bit_length() - 1


def _position(count: int, index: int) -> int:
    if not 0 <= index < count:
        raise Rejected("INDEX_OUT_OF_RANGE", f"The tree has {count} leaves; {index} is outside.")
    return 2 * count - 2 - index


def _upper_tree(level: bytes) -> list[bytes]:
    """Return the flat array of the tree from its root down to the nodes of one whole level."""
    nodes = [level[at : at + 32] for at in range(0, len(level), 32)]
    _check_count(len(nodes))
    return _fill_up(len(nodes) - 1, nodes)


@lru_cache(maxsize=32)
def _group_tree(nodes: bytes) -> list[bytes]:
    """Return the flat array over a group; a batch's top is in all its proofs. Not to be changed."""
    return _upper_tree(nodes)


def _level_of(nodes: bytes) -> int:
    return _levels_under(len(nodes))


def _levels_under(size: int) -> int:
    return (size // 32).bit_length() - 1


def _fill_up(inner: int, bottom: list[bytes]) -> list[bytes]:
    """Return the flat array whose first `inner` nodes are computed from what stands below them."""
    nodes = [b""] * inner + bottom
    for at in range(inner - 1, -1, -1):
        left, right = nodes[2 * at + 1], nodes[2 * at + 2]
        nodes[at] = keccak(left + right) if left < right else keccak(right + left)  # `hash_pair`
    return nodes


def _siblings(nodes: Sequence[bytes], position: int) -> list[bytes]:
    siblings = []
    while position > 0:
        siblings.append(nodes[position + 1 if position % 2 else position - 1])
        position = (position - 1) // 2
    return siblings


def _local(position: int, level: int) -> int:
    """Return where the node at `position` stands in the flat array of its kept node's subtree."""
    depth = depth_of(position) - level
    return (1 << depth) - 1 + ((position + 1) & (1 << depth) - 1)


def _subtree(count: int, node: int, leaf_at: LeavesAt, above: int) -> list[bytes]:
    """Return the flat array of the subtree under kept node `node`."""
    ranges = subtree_ranges(count, node, above)
    # A higher position is a lower index, so shallow leaves come first, each range backwards.
    bottom: list[bytes] = []
    for start, stop in reversed(ranges):
        leaves = leaf_at(start, stop)
        if len(leaves) != stop - start:
            raise Broken("TREE_MISMATCH", f"Leaves {start} to {stop} are not all there.")
        bottom += reversed(leaves)
    return _fill_up(len(bottom) - 1, bottom)
