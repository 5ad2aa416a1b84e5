"""Rows of printed codes: what tells a code, and what a spreadsheet has done to it."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.domain.digital_link import printed_link
from ledger.domain.gs1 import with_check_digit
from ledger.domain.import_rows import (
    NAMES,
    UNUSABLE,
    BadCell,
    Cell,
    Kind,
    Printed,
    find_columns,
    read_row,
)
from ledger.errors import Rejected

GTIN = with_check_digit("0950600013435")
COLUMNS = {"gtin": 0, "serial": 1, "lot": 2, "expiry": 3, "link": 4}
GS1 = "".join(map(chr, [33, 34, *range(37, 64), *range(65, 91), 95, *range(97, 123)]))
SERIALS = st.text(GS1.replace("/", ""), min_size=1, max_size=20).filter(
    lambda text: text not in (".", "..")
)


def fault(*cells: Cell | str, columns: dict[str, int] = COLUMNS) -> tuple[str, str]:
    """Return the column and the code that a row is refused by."""
    row = [cell if isinstance(cell, Cell) else Cell(cell) for cell in cells]
    with pytest.raises(BadCell) as refusal:
        read_row(row, columns)
    assert refusal.value.fault.message.endswith(".")
    return refusal.value.field, refusal.value.fault.code


@given(SERIALS, st.none() | SERIALS, st.none() | st.dates(date(2000, 1, 1), date(2199, 12, 31)))
def test_what_is_printed_is_read_from_columns_and_from_links(
    serial: str, lot: str | None, expiry: date | None
) -> None:
    """The same code comes from GTIN and serial, from its link, and from both."""
    expiry = expiry if lot is not None else None
    link = printed_link("https://id.brand.com", GTIN, serial, False)
    rest = [Cell(lot or ""), Cell(str(expiry or ""))]
    apart = [Cell(GTIN), Cell(serial), *rest]
    try:
        expected = Printed(GTIN, serial, "", lot, expiry)
        assert expected == read_row(apart, COLUMNS)
    except BadCell as bad:
        assert bad.fault.code == "CELL_IS_NUMBER"  # 1E+5 is what Excel shortens numbers to
        return
    linked = Printed(GTIN, serial, "id.brand.com", lot, expiry)
    assert linked == read_row([Cell(""), Cell(""), *rest, Cell(link)], COLUMNS)
    assert linked == read_row([*apart, Cell(link)], COLUMNS)


@given(st.lists(st.builds(Cell, st.text(max_size=40), st.sampled_from(Kind)), max_size=6))
def test_no_row_does_worse_than_being_refused(cells: list[Cell]) -> None:
    """Whatever cells hold, a row is a code in its form, or refused by name of a column."""
    try:
        found = read_row(cells, COLUMNS)
    except BadCell as bad:
        assert bad.field in COLUMNS
    else:
        assert len(found.gtin) == 14 and 1 <= len(found.serial) <= 20


@pytest.mark.parametrize(
    ("cells", "expected"),
    [
        (("", "A"), ("gtin", "CELL_EMPTY")),
        ((GTIN, ""), ("serial", "CELL_EMPTY")),
        (("6.9E+12", "A"), ("gtin", "CELL_IS_NUMBER")),
        ((GTIN, "1.23457E+12"), ("serial", "CELL_IS_NUMBER")),
        ((GTIN, Cell("123456", Kind.NUMBER)), ("serial", "CELL_IS_NUMBER")),
        ((GTIN, Cell("2027-01-02", Kind.DATE)), ("serial", "CELL_IS_NUMBER")),
        ((Cell("1.5", Kind.NUMBER), "A"), ("gtin", "MALFORMED")),
        ((GTIN[:-1] + "9", "A"), ("gtin", "BAD_CHECK_DIGIT")),
        ((GTIN, "A B"), ("serial", "BAD_SERIAL")),
        ((GTIN, "序列"), ("serial", "BAD_SERIAL")),
        ((GTIN, "A" * 21), ("serial", "BAD_SERIAL")),
        ((GTIN, "A/B"), ("serial", "BAD_SERIAL")),
        ((GTIN, ".."), ("serial", "BAD_SERIAL")),
        ((GTIN, "A", "L 1"), ("lot", "BAD_LOT")),
        ((GTIN, "A", Cell("12", Kind.NUMBER)), ("lot", "CELL_IS_NUMBER")),
        ((GTIN, "A", "L", "03/04/27"), ("expiry", "BAD_DATE")),
        ((GTIN, "A", "L", "2027-02-30"), ("expiry", "BAD_DATE")),
        ((GTIN, "A", "", "2027-02-03"), ("lot", "CELL_EMPTY")),
        ((GTIN, "A", "", "", "https://a.cn/01/1/21/2"), ("link", "MALFORMED")),
        ((GTIN, "A", "", "", f"https://a.cn/01/{GTIN}"), ("link", "MALFORMED")),
        ((GTIN, "B", "", "", f"https://a.cn/01/{GTIN}/21/A"), ("serial", "CELLS_DIFFER")),
        (("", "", "M", "", f"https://a.cn/01/{GTIN}/10/L/21/A"), ("lot", "CELLS_DIFFER")),
    ],
)
def test_a_bad_cell_is_named(cells: tuple[Cell | str, ...], expected: tuple[str, str]) -> None:
    """Each fault has the column that it is in."""
    assert expected == fault(*cells)


@pytest.mark.parametrize("kind", UNUSABLE)
def test_cells_that_hold_something_else_are_refused(kind: Kind) -> None:
    """Formulas, merged and hidden cells and errors are no values, whatever they show."""
    assert fault(GTIN, Cell("A", kind)) == ("serial", "CELL_UNUSABLE")


def test_a_gtin_that_became_a_number_is_whole_again() -> None:
    """Zeros in front are all that a GTIN of up to 14 digits can have lost."""
    cells = [Cell(str(int(GTIN)), Kind.NUMBER), Cell("A")]
    assert read_row(cells, COLUMNS).gtin == GTIN


@pytest.mark.parametrize("text", ["2027-03-04", "2027/3/4", "20270304", "2027.03.04"])
def test_days_are_read_where_they_say_one_thing(text: str) -> None:
    """Year first, in the forms that are in use."""
    assert read_row([Cell(GTIN), Cell("A"), Cell("L"), Cell(text)], COLUMNS).expiry == date(
        2027, 3, 4
    )


def test_headers_are_found_by_all_their_names() -> None:
    """Each name of a column leads to its field, in any case and spacing."""
    for field, names in NAMES.items():
        for name in names:
            header = [name.upper() + " ", "link" if field != "link" else "x"]
            assert find_columns(header)[field] == 0


@pytest.mark.parametrize(
    ("header", "code"),
    [
        (["serial"], "NO_HEADER"),
        ([GTIN, "A"], "NO_HEADER"),
        ([], "NO_HEADER"),
        (["gtin", "sn", "Serial No"], "COLUMN_REPEATED"),
    ],
)
def test_a_header_that_tells_no_code_is_refused(header: list[str], code: str) -> None:
    """Without columns nothing is guessed."""
    with pytest.raises(Rejected) as refusal:
        find_columns(header)
    assert refusal.value.code == code


def test_serials_alone_do_for_one_product() -> None:
    """The product of all rows may be said apart."""
    columns = find_columns(["序列号"], GTIN)
    assert read_row([Cell("A1")], columns, GTIN) == Printed(GTIN, "A1")
