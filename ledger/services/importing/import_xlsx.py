"""Reading an Excel workbook (.xlsx) of codes, row by row, with what the cells really hold.

Source: ECMA-376 part 1 (SpreadsheetML), part 2 (packages). A library that only gives values would
hide what matters here: formulas, merged and hidden cells, numbers that were text once. Nothing of a
workbook is carried out; `ledger.services.importing.workbook_xml` unpacks it.
"""

from __future__ import annotations

import re
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from xml.parsers import expat

from ledger.domain.import_rows import Cell, Kind
from ledger.errors import Rejected
from ledger.services.importing.import_csv import MAX_CELL, Row
from ledger.services.importing.workbook_xml import broken, elements, events, pieces, too_large

MAX_TEXT = 128 << 20  # characters of all shared strings together
MAX_STRINGS, MAX_COLUMNS, MAX_ENTRIES = 4_000_000, 256, 2_000
MAX_ROWS = 1 << 20  # of a sheet
MAX_MERGED = 2 * MAX_ROWS  # rows of all merged ranges together: two of whole columns
_REF = re.compile(r"([A-Z]{1,3})([0-9]{1,7})")
_MERGED = re.compile(
    rb"<(?:\w+:)?mergeCell\s[^>]*?\bref=[\"']([A-Z]{1,3}[0-9]{1,7}):([A-Z]{1,3}[0-9]{1,7})[\"']"
)
_DATE_FORMATS = {*range(14, 23), *range(27, 37), *range(45, 48), *range(50, 59)}
_QUOTED = re.compile(r'"[^"]*"|\\.|\[[^\]]*\]')
_EPOCHS = {False: date(1899, 12, 30), True: date(1904, 1, 1)}
_KINDS = {"e": Kind.FAULT, "b": Kind.FAULT}
_TEXTS = ("s", "inlineStr", "str")


def is_workbook(path: Path) -> bool:
    """Say whether a file is no text but a workbook. Raises Rejected OLD_WORKBOOK."""
    with path.open("rb") as file:
        start = file.read(8)
    if start == bytes.fromhex("d0cf11e0a1b11ae1"):
        raise Rejected(
            "OLD_WORKBOOK",
            "This is an old workbook (.xls), or one with a password: save it as .xlsx without.",
        )
    return start.startswith(b"PK\x03\x04")


def read_xlsx(path: Path, sheet: str | None = None) -> Iterator[Row]:
    """Yield the rows of one sheet, empty ones left out, numbered as Excel does.

    sheet: its name; None takes the only one that is shown. Raises Rejected BAD_WORKBOOK,
    WHICH_SHEET, TOO_LARGE_UNPACKED.
    """
    try:
        with zipfile.ZipFile(path) as package:
            if len(package.infolist()) > MAX_ENTRIES:
                raise broken(f"it has over {MAX_ENTRIES:,} parts")
            if any(name.lower().endswith("vbaproject.bin") for name in package.namelist()):
                raise broken("it has macros")
            book = _book(package)
            part = _choose(book, sheet)
            merged = _merged(package, part)
            strings = _strings(package)
            yield from _rows(package, part, strings, book, merged)
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, EOFError, OSError) as error:
        raise broken(f"it is damaged ({error})") from None
    except KeyError as error:
        raise broken(f"a part is missing ({error})") from None
    except (expat.ExpatError, ValueError, IndexError, RuntimeError) as error:
        raise broken(f"it is not written as a workbook is ({error})") from None


@dataclass
class _Book:
    """sheets: name, part and whether it is shown. dates: the cell styles that show a date."""

    sheets: list[tuple[str, str, bool]] = field(default_factory=list)
    dates: set[int] = field(default_factory=set)
    from_1904: bool = False


def _book(package: zipfile.ZipFile) -> _Book:
    targets: dict[str, str] = {}
    for name, attributes in elements(package, "xl/_rels/workbook.xml.rels"):
        if name == "Relationship":
            target = attributes["Target"]
            targets[attributes["Id"]] = target[1:] if target[0] == "/" else f"xl/{target}"
    book = _Book()
    for name, attributes in elements(package, "xl/workbook.xml"):
        if name == "sheet":
            shown = attributes.get("state", "visible") == "visible"
            book.sheets.append((attributes["name"], targets[attributes["id"]], shown))
        elif name == "workbookPr":
            book.from_1904 = attributes.get("date1904", "0") in ("1", "true")
    if "xl/styles.xml" in package.namelist():
        _read_styles(package, book)
    return book


def _read_styles(package: zipfile.ZipFile, book: _Book) -> None:
    dates, number, inside = set(_DATE_FORMATS), 0, False
    for name, attributes in elements(package, "xl/styles.xml"):
        if name == "numFmt" and re.search("[ymdhs]", _QUOTED.sub("", attributes["formatCode"])):
            dates.add(int(attributes["numFmtId"]))
        elif name in ("cellXfs", "cellStyles", "dxfs", "cellStyleXfs"):
            inside = name == "cellXfs"
        elif name == "xf" and inside:
            if int(attributes.get("numFmtId", "0")) in dates:
                book.dates.add(number)
            number += 1


def _choose(book: _Book, wanted: str | None) -> str:
    names = ", ".join(f"'{name}'" for name, _, _ in book.sheets[:20])
    if wanted is not None:
        for name, part, _ in book.sheets:
            if name == wanted:
                return part
        raise Rejected("WHICH_SHEET", f"There is no sheet '{wanted}': there are {names}.")
    shown = [part for _, part, visible in book.sheets if visible]
    if len(shown) != 1:
        raise Rejected("WHICH_SHEET", f"The workbook has several sheets: name one of {names}.")
    return shown[0]


def _merged(package: zipfile.ZipFile, part: str) -> dict[int, int]:
    """Return the merged columns by row, a bit each, from column 0. They are told after all rows."""
    found: dict[int, int] = {}
    tail, told = b"", 0
    with package.open(part) as file:
        for piece in pieces(file, part):
            piece, seen = tail + piece, 0
            for match in _MERGED.finditer(piece):
                seen = match.end()
                (left, top), (right, bottom) = (_place(each.decode()) for each in match.groups())
                told += max(1, bottom - top + 1)
                if bottom > MAX_ROWS or told > MAX_MERGED:
                    raise broken("too many cells are merged")
                first, last = min(left, MAX_COLUMNS), min(right + 1, MAX_COLUMNS)
                columns = max(0, (1 << last) - (1 << first))
                for row in range(top, bottom + 1):
                    found[row] = found[row] | columns if row in found else columns
            tail = piece[max(seen, len(piece) - 256) :]
    return found


def _strings(package: zipfile.ZipFile) -> list[str]:
    """Return the shared strings; phonetic readings of a text are no part of it."""
    name = "xl/sharedStrings.xml"
    if name not in package.namelist():
        return []
    found: list[str] = []
    size, text, reading, phonetic = 0, "", False, False
    for event, tag, value in events(package, name):
        if event == "start":
            text = "" if tag == "si" else text
            reading, phonetic = tag == "t", phonetic or tag == "rPh"
        elif event == "text" and reading and not phonetic:
            text += value
            size += len(value)
        elif event == "end":
            reading, phonetic = False, phonetic and tag != "rPh"
            if tag == "si":
                found.append(text)
        if size > MAX_TEXT or len(found) > MAX_STRINGS:
            raise too_large(name)
    return found


@dataclass
class _Open:
    """The cell that is being read."""

    column: int = 0
    type: str = "n"
    style: int = 0
    formula: bool = False
    text: str = ""


def _rows(
    package: zipfile.ZipFile,
    part: str,
    strings: list[str],
    book: _Book,
    merged: dict[int, int],
) -> Iterator[Row]:
    number, hidden_row, hidden_columns = 0, False, set[int]()
    cells: dict[int, Cell] = {}
    one, reading = _Open(), False
    for event, tag, value in events(package, part):
        if event == "text":
            if reading and len(one.text) <= MAX_CELL:
                one.text += value
        elif event == "start":
            if tag == "row":
                number = int(value.get("r", number + 1))
                hidden_row, cells = value.get("hidden") in ("1", "true"), {}
            elif tag == "c":
                following = one.column + 1 if cells else 0
                column = _place(value["r"])[0] if "r" in value else following
                one = _Open(column, value.get("t", "n"), int(value.get("s", "0")))
            elif tag == "f":
                one.formula = True
            elif tag == "col" and value.get("hidden") in ("1", "true"):
                last = min(int(value["max"]), MAX_COLUMNS)
                hidden_columns |= set(range(int(value["min"]) - 1, last))
            reading = tag in ("v", "t")
        else:
            reading = False
            if tag == "c" and one.column < MAX_COLUMNS:
                cells[one.column] = _cell(one, strings, book)
            elif tag == "row" and any(cell.text for cell in cells.values()):
                yield number, _row(cells, hidden_row, hidden_columns, merged.get(number, 0))


def _row(cells: dict[int, Cell], hidden: bool, columns: set[int], merged: int) -> list[Cell]:
    """Return the cells from the first column on, with what is told outside them."""
    for column in range(merged.bit_length()):
        if merged >> column & 1:
            cells[column] = Cell(cells.get(column, Cell("")).text, Kind.MERGED)
    for column, cell in cells.items():
        if (hidden or column in columns) and cell.text:
            cells[column] = Cell(cell.text, Kind.HIDDEN)
    return [cells.get(column, Cell("")) for column in range(max(cells) + 1)]


def _cell(one: _Open, strings: list[str], book: _Book) -> Cell:
    text = strings[int(one.text)] if one.type == "s" and one.text else one.text
    if one.formula:
        return Cell(text.strip(), Kind.FORMULA)
    if one.type in _TEXTS or not text:
        return Cell(text.strip()[: MAX_CELL + 1])
    if one.type == "d":
        return Cell(text[:10], Kind.DATE)
    if one.type in _KINDS:
        return Cell(text, _KINDS[one.type])
    try:
        number = Decimal(text)
        if not number.is_finite():  # no program writes one, and nothing can be compared with it
            return Cell(text.strip(), Kind.FAULT)
        if one.style in book.dates:
            return Cell(_day(number, book), Kind.DATE)
        return Cell(_written(number), Kind.NUMBER)
    except ArithmeticError:
        return Cell(text.strip(), Kind.FAULT)


def _day(number: Decimal, book: _Book) -> str:
    if not 60 < number < 110_000:  # Excel's 29 February 1900, and the year 2201
        return str(number)
    return str(_EPOCHS[book.from_1904] + timedelta(days=int(number)))


def _written(number: Decimal) -> str:
    """Return a number as digits, if it is a whole one that Excel keeps exactly."""
    exact = abs(number) < 10**15 and number == number.to_integral_value()
    return str(int(number)) if exact else str(number)


def _place(reference: str) -> tuple[int, int]:
    """Return (column from 0, row from 1) of a reference as B12."""
    match = _REF.fullmatch(reference)
    if match is None:
        raise ValueError(f"'{reference[:20]}' is no cell")
    column = 0
    for letter in match[1]:
        column = 26 * column + ord(letter) - 64
    return column - 1, int(match[2])
