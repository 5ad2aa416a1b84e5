"""Sheets of labels as a PDF for a press: true to size, with crop marks, any number of pages.

A page is made when its labels come and written at once, so a sheet of a million labels takes no
more memory than one of thirty.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby, islice
from typing import BinaryIO

from ledger.domain.print_uses import Level
from ledger.errors import Rejected
from ledger.services.press.labels import WORDS, Label, serial_lines
from ledger.services.press.pdf import PdfFile
from ledger.services.press.pdf_type import Typeface
from ledger.services.press.qr import QUIET, modules

INCH = 25.4
_HEADER, _TITLE, _SMALL = 15.0, 4.0, 2.8  # height kept free for it, and sizes of its text
_TEXT, _LINE, _GAP = 2.2, 1.3, 4.0  # size of a label's text, its leading, and between labels
_MARK, _OFF = 4.0, 1.0  # length of a crop mark, and how far it keeps off the labels


@dataclass(frozen=True)
class Design:
    """How a sheet is laid out, in millimetres.

    module: width of a module; dpi: of the printer, whose whole dots a module is rounded up to
    (0: not rounded). paper: width and height. margin: free on all sides, crop marks in it.
    """

    level: Level
    module: float
    dpi: int = 0
    paper: tuple[float, float] = (210.0, 297.0)
    margin: float = 10.0
    crop: bool = True

    @property
    def printed_module(self) -> float:
        """Width of a module as printed. Raises Rejected MODULE_SIZE."""
        if not 0 < self.module < 100 or self.dpi < 0:
            raise Rejected("MODULE_SIZE", "A module is wider than 0 and under 100 mm.")
        if not self.dpi:
            return self.module
        return math.ceil(self.module * self.dpi / INCH - 1e-6) * INCH / self.dpi


@dataclass(frozen=True)
class Heading:
    """What each page says above its labels. batch, first: number, and index of the first label."""

    title: str
    language: str
    count: int
    batch: int | None = None
    first: int = 0


@dataclass(frozen=True)
class _Grid:
    """side: modules a side of a symbol, its quiet zone included; cell and origin in millimetres."""

    side: int
    module: float
    width: float
    height: float
    columns: int
    rows: int
    left: float
    top: float


def write_sheet(
    labels: Iterable[Label], design: Design, heading: Heading, face: Typeface, file: BinaryIO
) -> Iterator[int]:
    """Write a sheet, and yield after each page how many labels are on it.

    labels: heading.count of them. Raises Rejected NO_LABELS, LABEL_SIZE, MODULE_SIZE,
    LINK_TOO_LONG, FONT_LACKS.
    """
    rest = iter(labels)
    head = list(islice(rest, 1))
    if not head:
        raise Rejected("NO_LABELS", "Name at least one code to print.")
    grid = _layout(head[0], design, heading, face)
    pdf = PdfFile(file, heading.title, WORDS[heading.language]["tag"])
    each, at = grid.columns * grid.rows, 0
    while part := [*head, *islice(rest, each - len(head))]:
        head = []
        content = [*_above(design, heading, grid, face, at, len(part))]
        if design.crop:
            content.append(_marks(grid))
        for place, label in enumerate(part):
            content += _label(label, design, heading, grid, face, place)
        pdf.page(*design.paper, content)
        at += len(part)
        yield len(part)
    pdf.close(face)


def _layout(label: Label, design: Design, heading: Heading, face: Typeface) -> _Grid:
    module = design.printed_module
    side = len(modules(label.link, design.level)) + 2 * QUIET
    lines = _lines(label, heading)
    width = max(side * module, *(face.width(line) * _TEXT for line in lines)) + _GAP
    height = side * module + len(lines) * _TEXT * _LINE + _GAP
    across, down = (length - 2 * design.margin for length in design.paper)
    columns, rows = int(across // width), int((down - _HEADER) // height)
    if columns < 1 or rows < 1 or design.margin < 0:
        raise Rejected(
            "LABEL_SIZE",
            f"A label of {width:.1f} by {height:.1f} mm does not fit the paper: take smaller "
            "modules or larger paper.",
        )
    left = (design.paper[0] - columns * width) / 2
    top = design.paper[1] - design.margin - _HEADER
    return _Grid(side, module, width, height, columns, rows, left, top)


def _lines(label: Label, heading: Heading) -> list[str]:
    lines = [f"GTIN {label.gtin}", *filter(None, serial_lines(label.serial))]
    return [*lines, f"{WORDS[heading.language]['lot']} {label.lot}"] if label.lot else lines


def _above(
    design: Design, heading: Heading, grid: _Grid, face: Typeface, at: int, here: int
) -> Iterator[str]:
    words, each = WORDS[heading.language], grid.columns * grid.rows
    batch = [words["batch"].format(batch=heading.batch)] if heading.batch is not None else []
    first = heading.first + at
    about = [
        *batch,
        words["range"].format(first=first, last=first + here - 1),
        words["count"].format(count=heading.count),
        words["page"].format(page=at // each + 1, pages=-(-heading.count // each)),
        f"{design.level}  {grid.module:.3f} mm",
    ]
    base = design.paper[1] - design.margin
    yield face.show(heading.title, _TITLE, design.margin, base - _TITLE)
    yield face.show("  ·  ".join(about), _SMALL, design.margin, base - _TITLE - 1.5 * _SMALL)


def _marks(grid: _Grid) -> str:
    """Return the cut lines between labels, drawn outside of them."""
    right = grid.left + grid.columns * grid.width
    bottom = grid.top - grid.rows * grid.height
    lines = []
    for column in range(grid.columns + 1):
        x = grid.left + column * grid.width
        for edge, way in ((grid.top, 1), (bottom, -1)):
            start = edge + way * _OFF
            lines.append(f"{x:.3f} {start:.3f} m {x:.3f} {start + way * _MARK:.3f} l")
    for row in range(grid.rows + 1):
        y = grid.top - row * grid.height
        for edge, way in ((grid.left, -1), (right, 1)):
            start = edge + way * _OFF
            lines.append(f"{start:.3f} {y:.3f} m {start + way * _MARK:.3f} {y:.3f} l")
    return "0.1 w " + " ".join(lines) + " S"


def _label(
    label: Label, design: Design, heading: Heading, grid: _Grid, face: Typeface, place: int
) -> Iterator[str]:
    row, column = divmod(place, grid.columns)
    middle = grid.left + (column + 0.5) * grid.width
    top = grid.top - row * grid.height - _GAP / 2
    symbol = modules(label.link, design.level)
    if len(symbol) + 2 * QUIET > grid.side:
        raise Rejected(
            "LABEL_SIZE",
            f"The link of serial {label.serial} needs a larger symbol than the first: print codes "
            "of one length on one sheet.",
        )
    size = len(symbol) * grid.module
    x, y = middle - size / 2, top - (grid.side * grid.module + size) / 2
    runs = " ".join(_runs(symbol))
    yield f"q {grid.module:.6f} 0 0 {grid.module:.6f} {x:.4f} {y:.4f} cm {runs} f Q"
    base = top - grid.side * grid.module
    for number, line in enumerate(_lines(label, heading)):
        left = middle - face.width(line) * _TEXT / 2
        yield face.show(line, _TEXT, left, base - _TEXT * (1 + _LINE * number))


def _runs(symbol: list[list[bool]]) -> Iterator[str]:
    """Yield the dark modules as rectangles one module high, the lowest row at 0."""
    for y, row in enumerate(reversed(symbol)):
        x = 0
        for dark, run in groupby(row):
            width = len(list(run))
            if dark:
                yield f"{x} {y} {width} 1 re"
            x += width
