"""Growing tables by number of unit or device: what has to be remembered of each, compactly."""

from __future__ import annotations

from typing import TypeVar

import numpy as np

from ledger.detect.frame import Bools, Floats, Ints, Scans

Column = TypeVar("Column", Ints, Floats)


class Counts:
    """How often each number came."""

    def __init__(self) -> None:
        self._known = np.zeros(0, dtype=np.int64)

    def until(self, column: Ints, row: int, name: int) -> int:
        """How often a number came until `row` of this column, with all that came before."""
        before = int(self._known[name]) if name < len(self._known) else 0
        return before + int(np.count_nonzero(column[: row + 1] == name))

    def add(self, column: Ints) -> None:
        """Count a column; call once its rows have been asked for."""
        self._known = grown(self._known, int(column.max(initial=-1)) + 1)
        self._known += np.bincount(column, minlength=len(self._known))[: len(self._known)]


class Table:
    """The first scan kept of each unit: some columns of it, float64."""

    def __init__(self, names: tuple[str, ...]) -> None:
        self.names = names
        self._kept = np.zeros(0, dtype=np.int64)
        self._columns = [np.zeros(0) for _ in names]

    def keep(self, scans: Scans, rows: Ints) -> Bools:
        """Keep the first of `rows` of each unit that is not kept yet; which rows those are, bool
        (len(rows),)."""
        size = int(scans.unit.max(initial=-1)) + 1
        self._kept = grown(self._kept, size)
        self._columns = [grown(column, size) for column in self._columns]
        units = scans.unit[rows]
        fresh = np.flatnonzero(self._kept[units] == 0)
        first = fresh[np.unique(units[fresh], return_index=True)[1]]
        self._kept[units[first]] = 1
        for name, column in zip(self.names, self._columns, strict=True):
            column[units[first]] = getattr(scans, name)[rows[first]]
        kept = np.zeros(len(rows), dtype=np.bool_)
        kept[first] = True
        return kept

    def of(self, unit: int) -> list[float]:
        """The columns of a unit's first scan."""
        return [float(column[unit]) for column in self._columns]


def grown(column: Column, size: int) -> Column:
    """The column with zeros appended up to `size`, with room to spare: growing costs little."""
    if size <= len(column):
        return column
    longer = np.zeros(max(size, 2 * len(column)), dtype=column.dtype)
    longer[: len(column)] = column
    return longer
