"""Vectorised helpers on scan columns: what was the first of its kind, and when did a count fill."""

from __future__ import annotations

import numpy as np

from ledger.detect.frame import Bools, Ints

NEVER = np.iinfo(np.int64).max


def ids(*columns: Ints) -> Ints:
    """One number per distinct row of equal-length integer columns, int64 (n,); -1 is a value too.

    The numbers follow the sorted order of the rows, so compare them within one call only.
    """
    key = np.zeros(len(columns[0]), dtype=np.int64)
    for column in columns:
        low = int(column.min(initial=0))
        width = int(column.max(initial=0)) - low + 1
        if width * (int(key.max(initial=0)) + 1) >= 1 << 62:
            key = np.unique(key, return_inverse=True)[1].astype(np.int64)
        key = key * width + (column - low)
    return key


def firsts(key: Ints) -> Bools:
    """True at the first row of each distinct key, bool (n,)."""
    first = np.zeros(len(key), dtype=np.bool_)
    first[np.unique(key, return_index=True)[1]] = True
    return first


def filled_at(group: Ints, counted: Bools, size: int) -> Ints:
    """For each row: the row at which its group got its `size`-th counted row, or NEVER; int64 (n,).

    group: int64 (n,). counted: bool (n,), which rows count.
    """
    names, number = np.unique(group, return_inverse=True)
    at = np.full(len(names), NEVER, dtype=np.int64)
    rows = np.flatnonzero(counted)
    order = rows[np.argsort(number[rows], kind="stable")]
    sorted_groups = number[order]
    starts = np.flatnonzero(np.r_[True, sorted_groups[1:] != sorted_groups[:-1]])[: len(order)]
    counts = np.diff(np.r_[starts, len(order)])
    full = counts >= size
    at[sorted_groups[starts[full]]] = order[starts[full] + size - 1]
    return at[number]
