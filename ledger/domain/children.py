"""The trees of what lies in units, from arrays: `merkle.children_leaf` and `merkle.root`, many at
once.

A line packs tens of thousands of cases of the same size: trees with the same number of leaves are
hashed side by side, level by level.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from ledger.domain import merkle
from ledger.domain.bits import Numbers

ITEM, UNIT = 1, 2
Hashes = NDArray[np.uint64]
"""Shape (n, 4): each row is one hash of 32 bytes."""
PairsOf = Callable[[Hashes], Hashes]


class Hasher(Protocol):
    """What hashes arrays: the library below, or `lane_hashes.LaneHashes`."""

    def pairs(self, nodes: Hashes) -> Hashes:
        """Return the parents of neighbouring nodes: (2n, 4) -> (n, 4)."""

    def children(
        self, kinds: Numbers, positions: Numbers, ids: Hashes, roots: Hashes, counts: Numbers
    ) -> Hashes:
        """Return the leaves of children in their units' trees."""


class Plain:
    """Hash by hash, with the library that hashes everything else."""

    def pairs(self, nodes: Hashes) -> Hashes:
        """Return the parents of neighbouring nodes."""
        words = split(nodes)
        return joined([merkle.hash_pair(*words[at : at + 2]) for at in range(0, len(words), 2)])

    def children(
        self, kinds: Numbers, positions: Numbers, ids: Hashes, roots: Hashes, counts: Numbers
    ) -> Hashes:
        """Return the leaves of children in their units' trees."""
        rows = zip(
            kinds.tolist(), positions.tolist(), split(ids), split(roots), counts.tolist(),
            strict=True,
        )  # fmt: skip
        return joined([merkle.children_leaf(*row) for row in rows])


PLAIN = Plain()


@dataclass(frozen=True)
class Rows:
    """Children of units, one after the other. ends: where each unit's children end."""

    kinds: Numbers
    positions: Numbers
    ids: Hashes
    roots: Hashes
    counts: Numbers
    ends: NDArray[np.int64]

    def leaves(self, hasher: Hasher) -> Hashes:
        """Return the leaves of all children."""
        return hasher.children(self.kinds, self.positions, self.ids, self.roots, self.counts)


def empty_rows(sizes: Sequence[int]) -> Rows:
    """Return rows for units with so many children each, as items without a leaf yet."""
    ends = np.cumsum(np.array(sizes, np.int64))
    total = int(ends[-1]) if len(ends) else 0
    starts = ends - np.array(sizes, np.int64)
    return Rows(
        np.full(total, ITEM, np.uint32),
        (np.arange(total) - np.repeat(starts, sizes)).astype(np.uint32),
        np.zeros((total, 4), np.uint64),
        np.zeros((total, 4), np.uint64),
        np.zeros(total, np.uint32),
        ends,
    )


def roots_of(rows: Rows, hasher: Hasher) -> Hashes:
    """Return the root of each unit's children tree: shape (units, 4)."""
    leaves = rows.leaves(hasher)
    sizes = np.diff(rows.ends, prepend=0)
    out = np.empty((len(sizes), 4), np.uint64)
    for size in np.unique(sizes).tolist():
        which = np.flatnonzero(sizes == size)
        places = (rows.ends[which] - size)[:, None] + np.arange(size)
        out[which] = forest(leaves[places], hasher.pairs)
    return out


def forest(leaves: Hashes, pairs_of: PairsOf) -> Hashes:
    """Return the roots of trees of n leaves each: (trees, n, 4) -> (trees, 4)."""
    trees, count = leaves.shape[:2]
    inner = count - 1
    nodes = np.empty((trees, inner + count, 4), np.uint64)
    nodes[:, inner:] = leaves[:, ::-1]  # leaf i stands at 2n − 2 − i
    for depth in range(merkle.depth_of(2 * count - 2) - 1, -1, -1):
        first, stop = (1 << depth) - 1, min((2 << depth) - 1, inner)
        if first < stop:
            below = np.ascontiguousarray(nodes[:, 2 * first + 1 : 2 * stop + 1])
            nodes[:, first:stop] = pairs_of(below.reshape(-1, 4)).reshape(trees, -1, 4)
    return nodes[:, 0]


def joined(hashes: Sequence[bytes]) -> Hashes:
    """Return hashes of 32 bytes as rows."""
    return np.frombuffer(b"".join(hashes), np.uint64).reshape(-1, 4)


def split(hashes: Hashes) -> list[bytes]:
    """Return rows as hashes of 32 bytes."""
    data = np.ascontiguousarray(hashes).tobytes()
    return [data[at : at + 32] for at in range(0, len(data), 32)]
