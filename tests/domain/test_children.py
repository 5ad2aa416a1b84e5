"""Trees of what lies in units, many at once: the same as one by one, by every kernel."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from ledger.domain import children, merkle
from ledger.domain.children import PLAIN, Rows

SIZES = [1, 2, 3, 24, 24, 5, 1, 60, 24]


def some_rows(sizes: list[int]) -> Rows:
    """Children of units of these sizes, of both kinds and any values."""
    rng, total = np.random.default_rng(7), sum(sizes)
    rows = children.empty_rows(sizes)
    rows.kinds[:] = rng.integers(1, 3, total)
    rows.ids[:] = rng.integers(0, 2**63, (total, 4)).astype(np.uint64)
    rows.roots[:] = rng.integers(0, 2**63, (total, 4)).astype(np.uint64)
    rows.counts[:] = rng.integers(0, 2**32, total)
    return rows


def test_roots_are_those_of_the_trees_one_by_one() -> None:
    """Each unit's own children, numbered from 0 in it."""
    rows = some_rows(SIZES)
    leaves = children.split(rows.leaves(PLAIN))
    roots, start = [], 0
    for size in SIZES:
        for place in range(size):
            at = start + place
            child = children.split(rows.ids[at : at + 1])[0]
            root = children.split(rows.roots[at : at + 1])[0]
            kind, count = int(rows.kinds[at]), int(rows.counts[at])
            assert leaves[at] == merkle.children_leaf(kind, place, child, root, count)
        roots.append(merkle.root(leaves[start : start + size]))
        start += size
    assert children.split(children.roots_of(rows, PLAIN)) == roots


@pytest.mark.parametrize("width", [4, 8])
def test_the_kernels_give_the_librarys_bytes(width: int) -> None:
    """Leaves of children, and roots over them, for numbers that do not fill the lanes."""
    lane_hashes: Any = pytest.importorskip("ledger.domain.lane_hashes")
    lanes = lane_hashes.compile_hashes(width)
    rows = some_rows(SIZES)
    assert (rows.leaves(lanes) == rows.leaves(PLAIN)).all()
    assert (children.roots_of(rows, lanes) == children.roots_of(rows, PLAIN)).all()
