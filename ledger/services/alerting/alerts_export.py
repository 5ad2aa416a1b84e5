"""Alerts as a table: CSV that a spreadsheet reads as text and never as a formula."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator
from typing import Any

COLUMNS = (
    "id", "kind", "state", "raised", "last", "scans", "lot", "region", "code", "consignee",
    "goods_low", "goods_high", "value_low", "value_high", "currency", "e_value", "level", "fdr",
    "calibrated", "muted", "outcome", "judged", "judged_by", "sentence",
)  # fmt: skip
# What a cell may not begin with, also behind blanks and in full width, as Excel reads it.
_FORMULA = ("=", "+", "-", "@", "\uff1d", "\uff0b", "\uff0d", "\uff20")
_BLANK = ("\t", "\r", "\n")


def csv_lines(rows: Iterable[dict[str, Any]]) -> Iterator[str]:
    """Yield the lines of a CSV file (RFC 4180, UTF-8) from alerts as `alerts_view` tells them."""
    yield _line(COLUMNS)
    for row in rows:
        flat = {**row, **row["severity"]}
        yield _line([flat.get(name) for name in COLUMNS])


def _line(cells: Iterable[Any]) -> str:
    out = io.StringIO()
    csv.writer(out).writerow([_cell(cell) for cell in cells])
    return out.getvalue()


def _cell(value: Any) -> Any:
    """A text that begins as a formula does is quoted by an apostrophe, as spreadsheets do it."""
    if isinstance(value, str) and (value.startswith(_BLANK) or value.lstrip().startswith(_FORMULA)):
        return "'" + value
    return value
