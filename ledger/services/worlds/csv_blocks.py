"""A CSV file as typed columns, found by name: their order is free and more of them are welcome.

Blocks of plain rows are parsed by numpy (`plain_csv`); a cell that is not as plain, and the rest of
a file from the first block on in which anything is quoted, are read by `csv`, to the same result.

Raises Rejected BAD_WORLD with one sentence naming the file, the row (the header is row 1) and the
column.
"""

from __future__ import annotations

import csv
import gzip
import io
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, NoReturn

import numpy as np

from ledger.detect.frame import Floats, Ints
from ledger.errors import Rejected
from ledger.services.worlds.plain_csv import Cells, is_plain, plain_cells, whole_lines

BLOCK = 1 << 13  # rows that `csv` reads at a time


class Block:
    """Some rows of a file: of plain cells, or of texts by column. first: number of the first."""

    def __init__(
        self, path: Path, first: int, at: Mapping[str, int], rows: Cells | list[list[str]]
    ) -> None:
        """at: where each wanted column stands. rows: as texts, all of one width."""
        self.path, self.first, self._at = path, first, at
        self._cells = rows if isinstance(rows, Cells) else None
        self._texts = [] if isinstance(rows, Cells) else list(zip(*rows, strict=True))
        self.rows = rows.rows if isinstance(rows, Cells) else len(rows)

    def __contains__(self, name: str) -> bool:
        return name in self._at

    def texts(self, name: str) -> Sequence[str]:
        """The cells of a column."""
        if self._cells is not None:
            return [text.decode() for text in self.names(name)]
        return self._texts[self._at[name]] if self._texts else ()

    def names(self, name: str) -> list[bytes]:
        """The cells of a column as UTF-8."""
        if self._cells is not None:
            return self._cells.texts(self._at[name])
        return [text.encode() for text in self.texts(name)]

    def floats(self, name: str, empty: float | None = None) -> Floats:
        """The column as finite numbers. empty: what an empty cell says; None: it is refused."""
        found = self._cells.floats(self._at[name], empty) if self._cells is not None else None
        if found is None:
            found = np.array(self._parse(name, float, empty), dtype=np.float64)
            finite = np.isfinite(found)
            if empty is not None:
                finite |= [not text for text in self.texts(name)]
            self.require(name, finite, "is not a finite number")
        return found

    def ints(self, name: str, empty: int | None = None) -> Ints:
        """The column as whole numbers of 64 bits. empty: as for `floats`."""
        found = self._cells.ints(self._at[name], empty) if self._cells is not None else None
        if found is not None:
            return found
        whole = self._parse(name, int, empty)
        try:
            return np.array(whole, dtype=np.int64)
        except OverflowError:
            at = next(i for i, number in enumerate(whole) if abs(int(number)) >= 1 << 63)
            self.bad(name, at, f"'{self.texts(name)[at]}' is too large")

    def words(self, name: str, known: Sequence[str]) -> Ints:
        """The column as places in a list of known words."""
        numbers = {word.encode(): number for number, word in enumerate(known)}
        names = self.names(name)
        try:
            return np.array(list(map(numbers.__getitem__, names)), dtype=np.int64)
        except KeyError:
            at = next(i for i, word in enumerate(names) if word not in numbers)
            self.bad(name, at, f"'{names[at].decode()}' is none of {', '.join(known)}")

    def require(self, name: str, good: Any, text: str) -> None:
        """Refuse the first row where `good` does not hold."""
        if not np.all(good):
            self.bad(name, int(np.argmin(good)), text)

    def bad(self, name: str, at: int, text: str) -> NoReturn:
        """Refuse a cell."""
        raise Rejected("BAD_WORLD", f"{self.path}: row {self.first + at}, column {name}: {text}.")

    def _parse(self, name: str, read: Callable[[str], float], empty: float | None) -> list[float]:
        texts = self.texts(name)
        words = texts if empty is None else [text or str(empty) for text in texts]
        try:
            return list(map(read, words))
        except ValueError:
            at = next(i for i, word in enumerate(words) if not is_read(read, word))
            self.bad(name, at, f"'{texts[at]}' is not a number")


def read_table(path: Path, names: Sequence[str], optional: Sequence[str] = ()) -> Block:
    """A small file whole."""
    with _Reading(path, (*names, *optional)) as reading:
        rows = [row for block in reading.texts(names) for row in block]
        return Block(path, 2, reading.at, rows)


def read_blocks(path: Path, names: Sequence[str]) -> Iterator[Block]:
    """The rows of a large file, block by block: by numpy as long as they are plain."""
    with _Reading(path, names) as reading:
        for cells in reading.plain(names):
            yield Block(path, reading.row, reading.at, cells)
            reading.row += cells.rows
        for rows in reading.texts(names, skip=reading.row - 2):
            yield Block(path, reading.row, reading.at, rows)
            reading.row += len(rows)


class _Reading:
    """A file being read; what goes wrong is told with the row. row: number of the next one. at:
    where each wanted column stands."""

    def __init__(self, path: Path, wanted: Sequence[str]) -> None:
        self.path, self.row = path, 2
        self.at: dict[str, int] = {}
        self._wanted = wanted
        self._is_read = False

    def __enter__(self) -> _Reading:
        return self

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, (OSError, EOFError, zlib.error)):
            text = "is cut off or damaged" if self.path.suffix == ".gz" else "cannot be read"
            self._refuse(f"after row {self.row - 1} the file {text}", error)
        if isinstance(error, (UnicodeDecodeError, csv.Error)):
            self._refuse(f"after row {self.row - 1}: not UTF-8 CSV", error)

    def plain(self, names: Sequence[str]) -> Iterator[Cells]:
        """The rows up to the first chunk that is not plain."""
        with _open(self.path) as file:
            line = file.readline()
            if not is_plain(line):
                return
            header = line.decode().rstrip("\n").split(",")
            self._look(header, names)
            for lines in whole_lines(file):
                cells = plain_cells(lines, len(header))
                if cells is None:
                    return
                yield cells
        self._is_read = True

    def texts(self, names: Sequence[str], skip: int = 0) -> Iterator[list[list[str]]]:
        """The rows that `plain` has not read, all of the width of the header. skip: rows."""
        if self._is_read:
            return
        with io.TextIOWrapper(_open(self.path), encoding="utf-8-sig", newline="") as file:
            reader = csv.reader(file)
            header = next(reader, [])
            self._look(header, names)
            rest = islice(reader, skip, None)
            while rows := list(islice(rest, BLOCK)):
                for at, row in enumerate(rows):
                    if len(row) != len(header):
                        text = f"has {len(row)} columns where the header has {len(header)}"
                        self._refuse(f"row {self.row + at}: {text}")
                yield rows

    def _look(self, header: list[str], names: Sequence[str]) -> None:
        """Find the columns. names: those that must be there."""
        for name in names:
            if name not in header:
                self._refuse(f"row 1: there is no column {name}")
        for name in self._wanted:
            if header.count(name) > 1:
                self._refuse(f"row 1: there are two columns {name}")
        self.at = {name: header.index(name) for name in self._wanted if name in header}

    def _refuse(self, text: str, error: BaseException | None = None) -> NoReturn:
        raise Rejected("BAD_WORLD", f"{self.path}: {text}.") from error


def _open(path: Path) -> gzip.GzipFile | io.BufferedReader:
    return gzip.open(path, "rb") if path.suffix == ".gz" else path.open("rb")


def is_read(read: Callable[[str], float], word: str) -> bool:
    """Say whether Python reads a word as a number."""
    try:
        read(word)
    except ValueError:
        return False
    return True
