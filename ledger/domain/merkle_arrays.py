"""The kept nodes of a large batch's tree, and proofs up to them, from arrays of hashes:
`merkle.build_kept` and `merkle.subtree_proof`, many hashes at once.

The tree is taken in parts of up to 2¹⁴ leaves, each under one node of a level above the kept ones.
A part needs nothing of the others, so parts can be computed side by side, and never more than a few
of them are in memory.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

import numpy as np
from numpy.typing import NDArray

from ledger.domain import merkle

Hashes = NDArray[np.uint64]
"""Shape (n, 4): each row is one hash of 32 bytes."""

LeavesAt = Callable[[int, int], Hashes]
"""leaves_at(start, stop) -> the leaves start … stop − 1, in order of index."""
PairsOf = Callable[[Hashes], Hashes]
"""pairs_of(nodes) -> the parents of neighbours: (2n, 4) -> (n, 4)."""
Run = Callable[[Callable[[int], Hashes], Iterable[int]], Iterable[Hashes]]
"""run(work, numbers) -> what work gives for each number, in their order: `map`, or a pool's."""

_PART_LEVELS = 14  # 2¹⁴ leaves and what is made of them fit the second-level cache


def build_kept(
    count: int,
    leaves_at: LeavesAt,
    pairs_of: PairsOf,
    run: Run = map,
    above: int = merkle.SUBTREE_LEVELS,
) -> bytes:
    """Return the kept nodes of the tree of `count` leaves, as `merkle.build_kept` does.

    Raises Rejected EMPTY_TREE for a count below 1.
    """
    kept = merkle.kept_level(count, above)
    level = merkle.kept_level(count, max(above, _PART_LEVELS))

    def part(number: int) -> Hashes:
        *_, nodes = _levels(count, level, kept, number, leaves_at, pairs_of)
        return nodes

    return b"".join(nodes.tobytes() for nodes in run(part, range(1 << level)))


def subtree_proof(
    count: int,
    index: int,
    leaves_at: LeavesAt,
    pairs_of: PairsOf,
    above: int = merkle.SUBTREE_LEVELS,
) -> tuple[bytes, list[bytes]]:
    """Return (kept node, siblings from leaf `index` up to it), as `merkle.subtree_proof` does.

    Raises Rejected INDEX_OUT_OF_RANGE.
    """
    kept, node = merkle.kept_level(count, above), merkle.kept_node(count, index, above)
    position = 2 * count - 2 - index
    depth = merkle.depth_of(position)
    siblings = []
    levels = _levels(count, kept, kept, node, leaves_at, pairs_of)
    for at, nodes in zip(range(merkle.depth_of(2 * count - 2), kept - 1, -1), levels, strict=True):
        if kept < at <= depth:
            place = (position + 1 >> depth - at) - ((1 << kept) + node << at - kept)
            siblings.append(nodes[place ^ 1].tobytes())
    return nodes.tobytes(), siblings


def _levels(
    count: int, level: int, last: int, number: int, leaves_at: LeavesAt, pairs_of: PairsOf
) -> Iterator[Hashes]:
    """Yield the nodes under node `number` (0 = leftmost) of `level`: those of the deepest leaves'
    depth, then of each depth above it, up to those of depth `last`."""
    deepest = merkle.depth_of(2 * count - 2)
    nodes = _leaves_of_depth(count, level, deepest, number, leaves_at)
    yield nodes
    for depth in range(deepest - 1, last - 1, -1):
        nodes = pairs_of(nodes)
        if depth == deepest - 1:
            # Leaves of the level above the deepest stand right of the nodes over the deepest.
            nodes = np.concatenate(
                [nodes, _leaves_of_depth(count, level, depth, number, leaves_at)]
            )
        yield nodes


def _leaves_of_depth(
    count: int, level: int, depth: int, number: int, leaves_at: LeavesAt
) -> Hashes:
    """Return the leaves at one depth under a node of `level`, in order of position."""
    first = ((1 << level) + number << depth - level) - 1
    stop = min(first + (1 << depth - level), 2 * count - 1)
    first = max(first, count - 1)
    if first >= stop:
        return np.empty((0, 4), np.uint64)
    leaves = leaves_at(2 * count - 1 - stop, 2 * count - 1 - first)
    return np.ascontiguousarray(leaves[::-1])  # leaf i stands at 2n − 2 − i
