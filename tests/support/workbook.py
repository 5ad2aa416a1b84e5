"""Workbooks as spreadsheet programs write them, and as they are made to harm."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from xml.sax.saxutils import escape, quoteattr

MAIN = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'
RELS = 'xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships"'
PACKAGE = 'xmlns="http://schemas.openxmlformats.org/package/2006/relationships"'
DATE = 1  # a cell style that shows a day


def column(place: int) -> str:
    """Return the letters of a column, from 0."""
    letters = ""
    place += 1
    while place:
        place, rest = divmod(place - 1, 26)
        letters = chr(65 + rest) + letters
    return letters


def text(value: str) -> str:
    """Return the inside of a cell of text, in place."""
    return f' t="inlineStr"><is><t>{escape(value)}</t></is>'


def number(value: str, style: int = 0) -> str:
    """Return the inside of a cell with a number, as the file has it."""
    return f' s="{style}"><v>{value}</v>'


def formula(value: str, shown: str) -> str:
    """Return the inside of a cell with a formula and what it shows."""
    return f' t="str"><f>{escape(value)}</f><v>{escape(shown)}</v>'


def sheet(rows: Sequence[Sequence[str]], hidden: Sequence[int] = (), merged: str = "") -> str:
    """Return a sheet. rows: the insides of cells, "" for none; hidden: row numbers, from 1."""
    lines = []
    for row, cells in enumerate(rows, 1):
        inside = "".join(
            f'<c r="{column(at)}{row}"{cell}</c>' for at, cell in enumerate(cells) if cell
        )
        lines.append(
            f'<row r="{row}"{" hidden=" + chr(34) + "1" + chr(34) if row in hidden else ""}>'
            f"{inside}</row>"
        )
    after = f'<mergeCells><mergeCell ref="{merged}"/></mergeCells>' if merged else ""
    return f"<worksheet {MAIN}><sheetData>{''.join(lines)}</sheetData>{after}</worksheet>"


def workbook(
    path: Path,
    sheets: Mapping[str, str],
    hidden: Sequence[str] = (),
    extra: Mapping[str, bytes] = {},
) -> Path:
    """Write a workbook of sheets by name. extra: further parts, or others in their place."""
    listed = "".join(
        f'<sheet name={quoteattr(name)} sheetId="{at}" r:id="rId{at}"'
        f"{' state=' + chr(34) + 'hidden' + chr(34) if name in hidden else ''}/>"
        for at, name in enumerate(sheets, 1)
    )
    related = "".join(
        f'<Relationship Id="rId{at}" Target="worksheets/sheet{at}.xml" Type="x"/>'
        for at in range(1, len(sheets) + 1)
    )
    parts = {
        "xl/workbook.xml": f"<workbook {MAIN} {RELS}><sheets>{listed}</sheets></workbook>".encode(),
        "xl/_rels/workbook.xml.rels": (
            f"<Relationships {PACKAGE}>{related}</Relationships>"
        ).encode(),
        "xl/styles.xml": (
            f'<styleSheet {MAIN}><cellXfs><xf numFmtId="0"/><xf numFmtId="14"/></cellXfs>'
            "</styleSheet>"
        ).encode(),
        **{
            f"xl/worksheets/sheet{at}.xml": body.encode()
            for at, body in enumerate(sheets.values(), 1)
        },
        **extra,
    }
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as package:
        for name, body in parts.items():
            package.writestr(name, body)
    return path
