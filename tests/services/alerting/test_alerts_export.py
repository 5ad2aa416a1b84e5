"""Exports: cells that a spreadsheet reads as text."""

from __future__ import annotations

import csv
import io

import pytest

from ledger.services.alerting.alerts_export import COLUMNS, csv_lines

NOTHING = dict.fromkeys(COLUMNS)


@pytest.mark.parametrize(
    "text",
    ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "  =1", "\uff1d1", "\uff20x"],
)
def test_no_cell_is_a_formula(text: str) -> None:
    """Neither behind blanks, nor in full width; the rest of it is as it was."""
    (_, row) = csv.reader(
        io.StringIO("".join(csv_lines([{**NOTHING, "lot": text, "severity": {}}])), newline="")
    )
    assert row[COLUMNS.index("lot")] == "'" + text


@pytest.mark.parametrize("text", ["L-1", "1=2", "a@b", 'say "so", and\nmore', "批次,一"])
def test_other_texts_stay_as_they_are(text: str) -> None:
    """Also with separators, quotes and new lines; a number that is below 0 stays one."""
    told = {**NOTHING, "lot": text, "severity": {"value_low": -1.5}}
    (_, row) = csv.reader(io.StringIO("".join(csv_lines([told])), newline=""))
    assert (row[COLUMNS.index("lot")], row[COLUMNS.index("value_low")]) == (text, "-1.5")
