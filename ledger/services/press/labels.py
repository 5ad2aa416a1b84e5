"""A printable A4 sheet of many labels as one HTML file.

It has no scripts, fonts or images of its own, so it prints alike from any browser, today and later.
A sheet for a press is `ledger.services.press.pdf_sheet`'s.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from ledger.domain.print_uses import Level
from ledger.errors import Rejected
from ledger.services.press.qr import qr_svg

MAX_LABELS = 5_000  # about 20 MB of HTML; more belongs to a printer's own software

# A4 in millimetres.
_PAGE_W, _PAGE_H, _MARGIN = 210.0, 297.0, 10.0
_HEADER_H, _GAP = 12.0, 3.0
_MIN_TEXT, _MAX_TEXT = 1.6, 2.6  # 4.5 to 7.4 points
_WIDEST_LINE = 20  # characters of "GTIN 09506000134352" and one between neighbours
_ADVANCE = 0.62  # width of a monospaced character against its size
_LINE = 1.3

WORDS = {
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
    words = WORDS[lang]
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
    lines = [f"GTIN {label.gtin}", *serial_lines(label.serial)]
    if label.lot:
        lines.append(f"{words['lot']} {label.lot}")
    text = "<br>".join(escape(line) for line in lines)
    return f'<div class="label">{qr_svg(label.link, level)}<p>{text}</p></div>'


def serial_lines(serial: str) -> tuple[str, str]:
    """Return a serial for the eye: groups of five (or four, if that leaves no rest), two lines."""
    size = 4 if len(serial) % 4 == 0 and len(serial) % 5 else 5
    groups = [serial[i : i + size] for i in range(0, len(serial), size)]
    half = (len(groups) + 1) // 2
    return " ".join(groups[:half]), " ".join(groups[half:])
