"""CSV as nearly all of it is (ASCII, nothing quoted, lines ended by LF), read by numpy.

What is not that plain is told by None, and is for the `csv` module: nothing is refused here. Some
two million numbers a second and column are parsed, ten times what Python's `float` does.
"""

from __future__ import annotations

from collections.abc import Iterator
from gzip import GzipFile
from io import BufferedReader

import numpy as np

from ledger.detect.frame import Bools, Floats, Ints

CHUNK = 1 << 19  # bytes parsed at a time: what is made of them stays in the processor's cache
MOST_DIGITS = 15  # of a decimal: it is then the nearest double, as the quotient of two exact ones
MOST_INT_DIGITS = 18
WIDEST = 64  # characters of a cell
_COMMA, _LINE, _MINUS, _DOT, _ZERO = b",\n-.0"
_ODD = (b'"', b"\r", b"\0")


class Cells:
    """The cells of some whole lines. rows: how many lines."""

    def __init__(self, text: bytes, ends: Ints) -> None:
        """text: whole lines. ends: int64 (columns, rows), where each cell ends."""
        self.rows = ends.shape[1]
        self._bytes = text
        self._text = np.frombuffer(text + bytes(WIDEST), dtype=np.uint8)
        self._end = ends
        self._start = np.empty_like(ends)
        self._start[1:] = ends[:-1] + 1
        self._start[0, 0] = 0
        self._start[0, 1:] = ends[-1, :-1] + 1

    def floats(self, column: int, empty: float | None = None) -> Floats | None:
        """Decimals like -12.5; None if a cell is anything else. empty: what an empty one says."""
        parsed = self._parsed(column, MOST_DIGITS, dots=True, gaps=empty is not None)
        if parsed is None:
            return None
        value, decimals, negative = parsed
        found = value / np.power(10.0, decimals)
        found = np.where(negative, -found, found)
        return found if empty is None else np.where(self._is_empty(column), empty, found)

    def ints(self, column: int, empty: int | None = None) -> Ints | None:
        """Whole numbers like -12; None if a cell is anything else. empty: as for `floats`."""
        parsed = self._parsed(column, MOST_INT_DIGITS, dots=False, gaps=empty is not None)
        if parsed is None:
            return None
        value, _, negative = parsed
        found = np.where(negative, -value, value)
        return found if empty is None else np.where(self._is_empty(column), empty, found)

    def texts(self, column: int) -> list[bytes]:
        """The cells as they are."""
        start, width = self._start[column], self._end[column] - self._start[column]
        widest = int(width.max(initial=1))
        if widest > WIDEST:
            pairs = zip(start.tolist(), self._end[column].tolist(), strict=True)
            return [self._bytes[first:end] for first, end in pairs]
        at = np.arange(widest)
        cells = self._text[start[:, None] + at]
        cells[at >= width[:, None]] = 0
        found: list[bytes] = cells.view(f"S{widest}").ravel().tolist()
        return found

    def _is_empty(self, column: int) -> Bools:
        found: Bools = self._start[column] == self._end[column]
        return found

    def _parsed(
        self, column: int, most: int, dots: bool, gaps: bool
    ) -> tuple[Ints, Ints, Ints] | None:
        """Digits as one number, how many stand after the dot, and whether a minus comes first.
        gaps: empty cells are welcome."""
        start, width = self._start[column], self._end[column] - self._start[column]
        if int(width.max()) > most + 2:
            return None
        value, decimals, digits = np.zeros((3, self.rows), dtype=np.int64)
        negative = self._text[start] == _MINUS
        dotted = np.zeros(self.rows, dtype=np.bool_)
        for at in range(int(width.max())):
            char = self._text[start + at]
            inside = at < width
            digit = char - np.uint8(_ZERO)
            is_digit = inside & (digit < 10)
            value = np.where(is_digit, value * 10 + digit, value)
            digits += is_digit
            decimals += is_digit & dotted
            other = inside & ~is_digit
            if at == 0:
                other &= ~negative
            if other.any():
                if not dots or (other & ((char != _DOT) | dotted)).any():
                    return None
                dotted |= other
        told = (digits > 0) | (width == 0) if gaps else digits > 0
        if not told.all() or int(digits.max()) > most:
            return None
        return value, decimals, negative


def is_plain(text: bytes) -> bool:
    """Say whether a comma always parts two cells, and LF two lines."""
    return text.isascii() and not any(odd in text for odd in _ODD)


def plain_cells(text: bytes, columns: int) -> Cells | None:
    """The cells of whole lines of so many columns each; None if they are not that plain."""
    if not is_plain(text):
        return None
    chars = np.frombuffer(text, dtype=np.uint8)
    is_line = chars == _LINE
    ends = np.flatnonzero(is_line | (chars == _COMMA))
    if len(ends) % columns:
        return None
    by_row = ends.reshape(-1, columns)
    if np.count_nonzero(is_line) != len(by_row) or not is_line[by_row[:, -1]].all():
        return None
    return Cells(text, np.ascontiguousarray(by_row.T))


def whole_lines(file: GzipFile | BufferedReader) -> Iterator[bytes]:
    """The rest of a file in chunks of whole lines; the last line gets its end if it has none."""
    begun = b""
    while chunk := file.read(CHUNK):
        lines, end, rest = (begun + chunk).rpartition(b"\n")
        begun = rest
        if end:
            yield lines + end
    if begun:
        yield begun + b"\n"
