"""Printed codes: a QR image of one link, and a printable A4 sheet of many labels.

One encoder makes the modules (qrcode); a PNG for printers' software and one SVG path for the sheet
are drawn from them. A link in capitals falls into the alphanumeric mode, which keeps a code at
version 3 (levels L, M) or 4 (Q) for a host of up to 11 characters. The sheet is one HTML file
without scripts, fonts or images of its own, so it prints alike from any browser, today and later.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from itertools import groupby
from typing import Literal

import png
from qrcode.constants import (
    ERROR_CORRECT_H,
    ERROR_CORRECT_L,
    ERROR_CORRECT_M,
    ERROR_CORRECT_Q,
)
from qrcode.exceptions import DataOverflowError
from qrcode.main import QRCode

from ledger.errors import Rejected

Level = Literal["L", "M", "Q", "H"]
Modules = list[list[bool]]

_LEVELS = {"L": ERROR_CORRECT_L, "M": ERROR_CORRECT_M, "Q": ERROR_CORRECT_Q, "H": ERROR_CORRECT_H}
_QUIET = 4  # modules left free around a symbol (ISO/IEC 18004, 9.1)

MAX_LABELS = 5_000  # about 20 MB of HTML; more belongs to a printer's own software

# A4 in millimetres.
_PAGE_W, _PAGE_H, _MARGIN = 210.0, 297.0, 10.0
_HEADER_H, _GAP = 12.0, 3.0
_MIN_TEXT, _MAX_TEXT = 1.6, 2.6  # 4.5 to 7.4 points
_WIDEST_LINE = 20  # characters of "GTIN 09506000134352" and one between neighbours
_ADVANCE = 0.62  # width of a monospaced character against its size
_LINE = 1.3

_WORDS = {
    "en": {
        "tag": "en",
        "batch": "Batch {batch}",
        "range": "Index {first} to {last}",
        "count": "{count} labels",
        "page": "Page {page} of {pages}",
        "lot": "LOT",
    },
    "zh": {
        "tag": "zh-Hans",
        "batch": "码批次 {batch}",
        "range": "序号 {first} 至 {last}",
        "count": "共 {count} 个标签",
        "page": "第 {page} 页\uff0c共 {pages} 页",
        "lot": "批号",
    },
}


@dataclass(frozen=True)
class Label:
    """What one label carries: the printed link, and for the eye its GTIN, serial and lot."""

    link: str
    gtin: str
    serial: str
    lot: str | None = None


def qr_version(link: str, level: Level) -> int:
    """The QR version (1 to 40) that `link` needs at `level`."""
    return (len(_modules(link, level)) - 17) // 4


def qr_svg(link: str, level: Level = "M") -> str:
    """A QR symbol of `link` with its quiet zone as one inline SVG path; it scales freely.

    Raises Rejected LINK_TOO_LONG when no version holds it.
    """
    modules = _modules(link, level)
    side = len(modules) + 2 * _QUIET
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {side} {side}" '
        f'shape-rendering="crispEdges"><path fill="#fff" d="M0 0h{side}v{side}H0z"/>'
        f'<path d="{_outline(modules)}"/></svg>'
    )


def qr_png(link: str, level: Level = "M", module_px: int = 8) -> bytes:
    """A QR symbol of `link` with its quiet zone as a black and white PNG.

    module_px: side of one module in pixels, at least 1. Raises Rejected MODULE_SIZE or
    LINK_TOO_LONG.
    """
    if module_px < 1:
        raise Rejected("MODULE_SIZE", "Give a module of at least 1 pixel.")
    modules = _modules(link, level)
    side = (len(modules) + 2 * _QUIET) * module_px
    margin = [1] * (_QUIET * module_px)
    blank = [[1] * side] * (_QUIET * module_px)
    rows = list(blank)
    for row in modules:
        pixels = [int(not dark) for dark in row for _ in range(module_px)]
        rows += [[*margin, *pixels, *margin]] * module_px
    file = io.BytesIO()
    png.Writer(side, side, greyscale=True, bitdepth=1, compression=9).write(file, rows + blank)
    return file.getvalue()


def sheet_html(
    labels: Sequence[Label],
    title: str,
    lang: str = "en",
    columns: int = 5,
    size_mm: float = 25.0,
    *,
    level: Level = "M",
    batch: int | None = None,
    first_index: int = 0,
) -> str:
    """A printable A4 sheet: one symbol, GTIN and serial a label, each page with its own header.

    size_mm: side of a symbol, its quiet zone included. batch: shown in the header. first_index:
    the batch's index of the first label; the others follow one by one. Raises Rejected NO_LABELS,
    TOO_MANY_LABELS, LABEL_SIZE or LINK_TOO_LONG, KeyError for an unknown language.
    """
    if not labels:
        raise Rejected("NO_LABELS", "Name at least one code to print.")
    if len(labels) > MAX_LABELS:
        raise Rejected(
            "TOO_MANY_LABELS", f"Print at most {MAX_LABELS} labels a sheet; split the range."
        )
    words = _WORDS[lang]
    layout = _layout(columns, size_mm, any(label.lot for label in labels))
    per_page = layout.rows * columns
    pages = -(-len(labels) // per_page)
    body = []
    for page in range(pages):
        start = page * per_page
        part = labels[start : start + per_page]
        about = [words["batch"].format(batch=batch)] if batch is not None else []
        first = first_index + start
        about += [
            words["range"].format(first=first, last=first + len(part) - 1),
            words["count"].format(count=len(labels)),
            words["page"].format(page=page + 1, pages=pages),
        ]
        header = f"<header><h1>{escape(title)}</h1><p>{escape(' · '.join(about))}</p></header>"
        cells = "".join(_label_html(label, words, level) for label in part)
        body.append(f'<section class="page">{header}<div class="grid">{cells}</div></section>')
    return (
        f'<!doctype html>\n<html lang="{words["tag"]}"><head><meta charset="utf-8">'
        f"<title>{escape(title)}</title><style>{_css(layout, columns, size_mm)}</style></head>"
        f"<body>{''.join(body)}</body></html>\n"
    )


@dataclass(frozen=True)
class _Layout:
    """Millimetres: size of the text, height of a row; and rows a page."""

    text: float
    row: float
    rows: int


def _layout(columns: int, size_mm: float, with_lot: bool) -> _Layout:
    width = (_PAGE_W - 2 * _MARGIN) / columns if columns > 0 else 0.0
    text = min(_MAX_TEXT, width / (_WIDEST_LINE * _ADVANCE))
    lines = 4 if with_lot else 3  # GTIN, serial in two lines, lot
    row = size_mm + lines * text * _LINE + _GAP
    rows = int((_PAGE_H - 2 * _MARGIN - _HEADER_H) // row) if size_mm > 0 else 0
    if text < _MIN_TEXT or size_mm > width or rows < 1:
        raise Rejected(
            "LABEL_SIZE",
            f"{columns} columns of {size_mm:g} mm do not fit A4: take fewer columns or another "
            "size, so that symbol and readable text have room.",
        )
    return _Layout(text, row, rows)


def _css(layout: _Layout, columns: int, size_mm: float) -> str:
    return (
        f"@page{{size:A4;margin:{_MARGIN}mm}}*{{box-sizing:border-box;margin:0}}"
        "body{background:#fff;color:#000;font-family:system-ui,sans-serif}"
        f".page{{width:{_PAGE_W - 2 * _MARGIN}mm;margin:0 auto;break-after:page}}"
        ".page:last-child{break-after:auto}"
        f"@media screen{{.page{{margin:{_MARGIN}mm auto}}}}"
        f"header{{height:{_HEADER_H - 2}mm;margin-bottom:2mm;border-bottom:.2mm solid #000;"
        "overflow:hidden;white-space:nowrap}"
        "h1{font-size:4mm;line-height:5mm;overflow:hidden;text-overflow:ellipsis}"
        "header p{font-size:3mm;line-height:4mm}"
        f".grid{{display:grid;grid-template-columns:repeat({columns},1fr);"
        f"grid-auto-rows:{layout.row:.3f}mm}}"
        ".label{text-align:center;overflow:hidden;break-inside:avoid;"
        f"font:{layout.text:.3f}mm/{_LINE} ui-monospace,Menlo,Consolas,monospace}}"
        f".label svg{{display:block;width:{size_mm:g}mm;height:{size_mm:g}mm;margin:0 auto}}"
    )


def _label_html(label: Label, words: dict[str, str], level: Level) -> str:
    lines = [f"GTIN {label.gtin}", *_serial_lines(label.serial)]
    if label.lot:
        lines.append(f"{words['lot']} {label.lot}")
    text = "<br>".join(escape(line) for line in lines)
    return f'<div class="label">{qr_svg(label.link, level)}<p>{text}</p></div>'


def _serial_lines(serial: str) -> tuple[str, str]:
    """A serial for the eye: groups of five (of four where that leaves no rest) on two lines."""
    size = 4 if len(serial) % 4 == 0 and len(serial) % 5 else 5
    groups = [serial[i : i + size] for i in range(0, len(serial), size)]
    half = (len(groups) + 1) // 2
    return " ".join(groups[:half]), " ".join(groups[half:])


def _modules(link: str, level: Level) -> Modules:
    code = QRCode(error_correction=_LEVELS[level], border=0)
    try:
        code.add_data(link)
        code.make(fit=True)
    except (DataOverflowError, ValueError) as error:
        raise Rejected("LINK_TOO_LONG", "The link is too long for a QR code.") from error
    return [[bool(module) for module in row] for row in code.modules]


def _outline(modules: Modules) -> str:
    """The dark modules as an SVG path: one thin rectangle a horizontal run."""
    path = []
    for y, row in enumerate(modules):
        x = _QUIET
        for dark, run in groupby(row):
            width = len(list(run))
            if dark:
                path.append(f"M{x} {y + _QUIET}h{width}v1h-{width}z")
            x += width
    return "".join(path)
