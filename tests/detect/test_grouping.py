"""First rows, keys and counts that fill, against plain loops."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from ledger.detect.grouping import NEVER, filled_at, firsts, ids

pairs = st.lists(st.tuples(st.integers(-1, 4), st.integers(0, 3)), max_size=40)


@given(pairs)
def test_ids_are_equal_exactly_where_rows_are(rows: list[tuple[int, int]]) -> None:
    """Two rows get one number if and only if all their columns agree."""
    a, b = (np.array([row[i] for row in rows], dtype=np.int64) for i in (0, 1))
    key = ids(a, b).tolist()
    for i, row in enumerate(rows):
        assert [key[i] == other for other in key] == [row == other for other in rows]


def test_ids_survive_columns_too_wide_for_one_product() -> None:
    """Columns whose ranges multiply beyond 64 bits are renumbered on the way."""
    wide = np.array([0, 1 << 40, 0, 1 << 40], dtype=np.int64)
    last = np.array([0, 0, 0, 1 << 40], dtype=np.int64)
    key = ids(wide, wide, last)
    assert [key[0] == key[2], key[0] == key[1], key[1] == key[3]] == [True, False, False]


@given(pairs, st.integers(1, 4))
def test_filled_at_is_the_row_of_the_nth_counted_of_the_group(
    rows: list[tuple[int, int]], size: int
) -> None:
    """The vectorised count agrees with a loop, for rows of full groups and of others."""
    group = np.array([row[0] for row in rows], dtype=np.int64)
    counted = np.array([row[1] > 0 for row in rows], dtype=np.bool_)
    expected = []
    for name in group.tolist():
        of_group = [i for i in range(len(rows)) if group[i] == name and counted[i]]
        expected.append(of_group[size - 1] if len(of_group) >= size else NEVER)
    assert filled_at(group, counted, size).tolist() == expected


def test_firsts_marks_the_first_of_each() -> None:
    """Only the first row of each key is marked."""
    assert firsts(np.array([3, 1, 3, 2, 1])).tolist() == [True, True, False, True, False]
