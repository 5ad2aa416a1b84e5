"""Rows of codes that a brand has printed already, read cell by cell from a table of its own.

Only the form is judged here: GTIN and serial, or a Digital Link that says both, with a lot and its
last day where the table has them. What a spreadsheet has done to a value is refused rather than
guessed: a number has lost its zeros, and nobody can say which.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from enum import Enum, auto

from ledger.domain import digital_link
from ledger.domain.gs1 import gtin14
from ledger.domain.gs1_attributes import CSET82
from ledger.errors import Rejected

MAX_SERIAL = 20  # GS1 General Specifications, AI 21

# What a column may be called, in lower case without spaces, "_" and "-".
NAMES: dict[str, tuple[str, ...]] = {
    "gtin": ("gtin", "gtin14", "gtin13", "ean", "barcode", "条码", "商品条码", "商品编码"),
    "serial": ("serial", "serialnumber", "serialno", "sn", "code", "序列号", "序号", "编码", "码"),
    "link": ("link", "url", "digitallink", "uri", "链接", "网址", "二维码", "二维码内容"),
    "lot": ("lot", "lotnumber", "lotno", "batch", "batchno", "批号", "批次", "生产批号"),
    "expiry": ("expiry", "expirydate", "expirationdate", "exp", "有效期", "有效期至", "失效日期"),
}
_NAMED = {name: field for field, names in NAMES.items() for name in names}
_SERIAL = re.compile(f"{CSET82}{{1,{MAX_SERIAL}}}")
_LOT = re.compile(f"{CSET82}{{1,20}}")
_SHORTENED = re.compile(r"[0-9](?:[.,][0-9]+)?[Ee]\+[0-9]{1,3}")
_DAY = re.compile(r"([0-9]{4})([-/.]?)([0-9]{1,2})\2([0-9]{1,2})")


class Kind(Enum):
    """What a cell holds; all that a CSV file has is text."""

    TEXT = auto()
    NUMBER = auto()
    DATE = auto()
    FORMULA = auto()
    MERGED = auto()
    HIDDEN = auto()
    FAULT = auto()


UNUSABLE = {
    Kind.FORMULA: "it holds a formula: copy the column and paste it as values",
    Kind.MERGED: "it is merged with others: unmerge the cells and fill each",
    Kind.HIDDEN: "its row or column is hidden, by a filter perhaps: show it, or delete it",
    Kind.FAULT: "it holds an error of the spreadsheet's: mend it",
}


@dataclass(frozen=True, slots=True)
class Cell:
    """A cell: its text without spaces around it (a date as YYYY-MM-DD), and what it holds."""

    text: str
    kind: Kind = Kind.TEXT


@dataclass(frozen=True, slots=True)
class Printed:
    """A code as it is printed. gtin: 14 digits; host: of its link, "" without one."""

    gtin: str
    serial: str
    host: str = ""
    lot: str | None = None
    expiry: date | None = None


class BadCell(Exception):
    """A row that cannot be used. field: which column; fault: why, and what to do."""

    def __init__(self, field: str, fault: Rejected) -> None:
        super().__init__(fault.message)
        self.field, self.fault = field, fault


def find_columns(header: Sequence[str], gtin: str | None = None) -> dict[str, int]:
    """Return the place of each field that a header names; others are left alone.

    gtin: of all rows, for a table without that column. Raises Rejected NO_HEADER and
    COLUMN_REPEATED.
    """
    found: dict[str, int] = {}
    for place, text in enumerate(header):
        field = _NAMED.get(re.sub(r"[\s_-]+", "", text).lower())
        if field is None:
            continue
        if field in found:
            raise Rejected(
                "COLUMN_REPEATED",
                f"Two columns are a {field} ('{header[found[field]]}' and '{text}'): rename one.",
            )
        found[field] = place
    if "link" not in found and not ("serial" in found and ("gtin" in found or gtin)):
        raise Rejected(
            "NO_HEADER",
            "The first row names no columns that tell a code: call them link, or gtin and serial "
            "(链接, or 条码 and 序列号); or name the product of all rows with --gtin.",
        )
    return found


def read_row(cells: Sequence[Cell], columns: dict[str, int], gtin: str | None = None) -> Printed:
    """Return the code that a row tells. gtin: where the table has no such column.

    Raises BadCell.
    """
    taken = {
        field: cells[place]
        for field, place in columns.items()
        if place < len(cells) and (cells[place].text or cells[place].kind in UNUSABLE)
    }
    for field, cell in taken.items():
        if cell.kind in UNUSABLE:
            why = UNUSABLE[cell.kind]
            raise BadCell(field, Rejected("CELL_UNUSABLE", f"The cell cannot be used: {why}."))
    told = _of_link(taken["link"]) if "link" in taken else None
    number = _gtin(taken["gtin"]) if "gtin" in taken else None
    serial = _serial(taken["serial"]) if "serial" in taken else None
    lot = _lot(taken["lot"]) if "lot" in taken else None
    if told is not None:
        number = _agree("gtin", told.gtin, number)
        serial = _agree("serial", told.serial, serial)
        lot = _agree("lot", told.lot, lot) if told.lot else lot
    elif number is None and gtin is not None:
        number = gtin
    if number is None or serial is None:
        field = "serial" if number is not None else "gtin"
        raise BadCell(
            field, Rejected("CELL_EMPTY", f"There is no {field}: fill it, or delete the row.")
        )
    expiry = _day(taken["expiry"]) if "expiry" in taken else None
    if expiry is not None and lot is None:
        raise BadCell("lot", Rejected("CELL_EMPTY", "A last day is a lot's: fill the lot as well."))
    return Printed(number, serial, told.host if told else "", lot, expiry)


def _of_link(cell: Cell) -> Printed:
    if cell.kind is not Kind.TEXT:
        raise _mangled("link")
    try:
        link = digital_link.parse(cell.text)
    except Rejected as error:
        raise BadCell("link", error) from None
    if link.gtin is None or link.serial is None:
        raise BadCell(
            "link", Rejected("MALFORMED", "The link names no single item: /01/GTIN/21/SERIAL.")
        )
    _check_serial("link", link.serial)
    return Printed(link.gtin, link.serial, link.host, link.lot)


def _gtin(cell: Cell) -> str:
    text = cell.text
    if cell.kind is Kind.DATE or _SHORTENED.fullmatch(text):
        raise _mangled("gtin")
    # A number has lost the zeros in front, which say nothing: all GTINs are 14 digits here.
    if cell.kind is Kind.NUMBER:
        text = text.zfill(14) if 7 <= len(text) <= 14 else text
    try:
        return gtin14(text)
    except Rejected as error:
        raise BadCell("gtin", error) from None


def _serial(cell: Cell) -> str:
    if cell.kind is not Kind.TEXT or _SHORTENED.fullmatch(cell.text):
        raise _mangled("serial")
    _check_serial("serial", cell.text)
    return cell.text


def _check_serial(field: str, text: str) -> None:
    if not _SERIAL.fullmatch(text):
        raise BadCell(
            field,
            Rejected(
                "BAD_SERIAL",
                f"A serial has 1 to {MAX_SERIAL} letters, digits and signs of GS1's set (AI 21), "
                "no spaces: compare it with the print.",
            ),
        )
    if "/" in text or text in (".", ".."):
        raise BadCell(
            field,
            Rejected(
                "BAD_SERIAL",
                "To the web a serial with '/', or of dots alone, is a path: it cannot be scanned.",
            ),
        )


def _lot(cell: Cell) -> str:
    if cell.kind is not Kind.TEXT or _SHORTENED.fullmatch(cell.text):
        raise _mangled("lot")
    if not _LOT.fullmatch(cell.text):
        raise BadCell(
            "lot", Rejected("BAD_LOT", "A lot number has 1 to 20 characters of GS1's set (AI 10).")
        )
    return cell.text


def _day(cell: Cell) -> date:
    match = _DAY.fullmatch(cell.text) if cell.kind is not Kind.NUMBER else None
    try:
        if match is None:
            raise ValueError
        found = date(int(match[1]), int(match[3]), int(match[4]))
        if not 2000 <= found.year <= 2199:
            raise ValueError
    except ValueError:
        raise BadCell(
            "expiry",
            Rejected("BAD_DATE", f"'{cell.text}' is no day of the form 2027-03-31: write it so."),
        ) from None
    return found


def _agree(field: str, link: str | None, other: str | None) -> str | None:
    if other is not None and other != link:
        raise BadCell(
            field,
            Rejected(
                "CELLS_DIFFER", f"The link says {link}, the column {other}: compare the print."
            ),
        )
    return link


def _mangled(field: str) -> BadCell:
    return BadCell(
        field,
        Rejected(
            "CELL_IS_NUMBER",
            "The spreadsheet keeps it as a number or a date, so zeros and digits may be lost: "
            "format the column as text and fill it again from the source.",
        ),
    )
