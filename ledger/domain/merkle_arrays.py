"""The kept nodes of a large batch's tree, from arrays of hashes: `merkle.build_kept`, many at once.

The tree is taken in parts of up to 2¹⁴ leaves, each under one node of a level above the kept ones.
A part needs nothing of the others, so parts can be computed side by side, and never more than a few
of them are in memory.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial

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


def build_kept(count: int, leaves_at: LeavesAt, pairs_of: PairsOf, run: Run = map) -> bytes:
    """Return the kept nodes of the tree of `count` leaves, as `merkle.build_kept` does.

    Raises Rejected EMPTY_TREE for a count below 1.
    """
    kept = merkle.kept_level(count)
    deepest = merkle.depth_of(2 * count - 2)
    level = max(0, deepest - _PART_LEVELS)
    work = partial(_part, count, level, deepest, kept, leaves_at, pairs_of)
    return b"".join(part.tobytes() for part in run(work, range(1 << level)))


def _part(
    count: int,
    level: int,
    deepest: int,
    kept: int,
    leaves_at: LeavesAt,
    pairs_of: PairsOf,
    number: int,
) -> Hashes:
    """Return the kept nodes under node `number` (0 = leftmost) of `level`."""
    nodes = _leaves_of_depth(count, level, deepest, number, leaves_at)
    for depth in range(deepest - 1, kept - 1, -1):
        nodes = pairs_of(nodes)
        if depth == deepest - 1:
            # Leaves of the level above the deepest stand right of the nodes over the deepest.
            nodes = np.concatenate(
                [nodes, _leaves_of_depth(count, level, depth, number, leaves_at)]
            )
    return nodes


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
