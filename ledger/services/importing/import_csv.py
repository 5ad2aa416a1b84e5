"""Reading a CSV file of codes, whatever program wrote it: encoding, separator and line ends are
found out, and where that cannot be done they are asked for.

A line is a row as people count them: one that holds a quoted line end counts as several.
"""

from __future__ import annotations

import codecs
import csv
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

from ledger.domain.import_rows import Cell, find_columns
from ledger.errors import Rejected

Row = tuple[int, list[Cell]]
"""The number of a row, from 1, and its cells."""

ENCODINGS = ("utf-8", "gb18030", "utf-16", "big5", "shift_jis", "windows-1252")
MAX_CELL = 4096  # characters; a quote that nobody closed would swallow the rest of the file
_SEPARATORS = ",;\t|"
_BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_PIECE = 1 << 20


def read_csv(path: Path, encoding: str | None = None, gtin: str | None = None) -> Iterator[Row]:
    """Yield the rows of a CSV file, empty ones left out, the header first.

    encoding: one of ENCODINGS; None finds it out. gtin: as `find_columns`. Raises Rejected
    UNKNOWN_ENCODING, BAD_TABLE, and as `find_columns`.
    """
    if encoding is not None and encoding not in ENCODINGS:
        raise Rejected("UNKNOWN_ENCODING", f"--encoding is one of {', '.join(ENCODINGS)}.")
    name = _encoding_of(path, encoding)
    try:
        with path.open(encoding=name, newline="") as file:
            separator = _separator_of(file, gtin)
            file.seek(0)
            yield from _rows(file, separator)
    except UnicodeError:
        raise _unknown(f"not {name}") from None


def _encoding_of(path: Path, wanted: str | None) -> str:
    """Return the encoding: as its mark says, as wanted, else UTF-8 or GB18030 if all of it fits."""
    with path.open("rb") as file:
        start = file.read(4)
    for mark, name in _BOMS:
        if start.startswith(mark):
            return name
    if wanted is not None:
        return wanted
    for name in ("utf-8", "gb18030"):
        if _fits(path, name):
            return name
    raise _unknown("neither UTF-8 nor GB18030")


def _fits(path: Path, name: str) -> bool:
    decoder = codecs.getincrementaldecoder(name)()
    try:
        with path.open("rb") as file:
            while piece := file.read(_PIECE):
                if "\0" in decoder.decode(piece):
                    return False  # UTF-16 without its mark, or no text at all
            decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    return True


def _separator_of(file: TextIO, gtin: str | None) -> str:
    """Return the sign under which the first row names columns that tell a code."""
    fault: Rejected | None = None
    for separator in _SEPARATORS:
        file.seek(0)
        first = next(_rows(file, separator), None)
        if first is None:
            raise Rejected("BAD_TABLE", "The file is empty: save the table once more.")
        try:
            find_columns([cell.text for cell in first[1]], gtin)
        except Rejected as error:
            fault = fault if fault is not None and error.code == "NO_HEADER" else error
        else:
            return separator
    assert fault is not None  # there is a separator to try
    raise fault


def _rows(file: TextIO, separator: str) -> Iterator[Row]:
    reader = csv.reader(file, delimiter=separator, strict=True)
    while True:
        number = reader.line_num + 1
        try:
            row = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            raise _bad(number, f"it cannot be split into cells ({error})") from None
        if any(len(text) > MAX_CELL for text in row):
            raise _bad(number, f"a cell has over {MAX_CELL:,} characters")
        if any(text and not text.isspace() for text in row):
            yield number, [Cell(text.strip()) for text in row]


def _unknown(what: str) -> Rejected:
    return Rejected(
        "UNKNOWN_ENCODING",
        f"The file's encoding is {what}: say what it is with --encoding ({', '.join(ENCODINGS)}), "
        "or save it as UTF-8.",
    )


def _bad(number: int, why: str) -> Rejected:
    return Rejected(
        "BAD_TABLE",
        f"Row {number}: {why}. Look for a quotation mark that is not closed, and send it again.",
    )
