"""Files of codes as programs and people write them, and as they are made to harm."""

from __future__ import annotations

import random
import zipfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ledger.domain.import_rows import Cell, Kind
from ledger.errors import Rejected
from ledger.services.importing import import_xlsx, workbook_xml
from ledger.services.importing.import_csv import read_csv
from ledger.services.importing.import_xlsx import is_workbook, read_xlsx
from tests.support import workbook as made
from tests.support.workbook import formula, number, sheet, text, workbook

HEAD = [text("gtin"), text("serial")]
EACH = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
Shown = list[tuple[int, list[str]]]


def rows(path: Path, **how: str) -> Shown:
    """Return the rows of a file as texts."""
    found = read_xlsx(path, **how) if is_workbook(path) else read_csv(path, **how)
    return [(row, [cell.text for cell in cells]) for row, cells in found]


def refusal(path: Path, **how: str) -> Rejected:
    """Return what a file is refused by; it has a sentence."""
    with pytest.raises(Rejected) as refused:
        rows(path, **how)
    assert refused.value.message.endswith(".")
    return refused.value


def write(path: Path, content: str, encoding: str) -> Path:
    """Write a text file as it is."""
    path.write_bytes(content.encode(encoding))
    return path


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "utf-16"])
@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_encoding_separator_and_line_ends_are_found(
    encoding: str, separator: str, end: str, tmp_path: Path
) -> None:
    """The same table comes from all that spreadsheet programs write."""
    table = [["条码", "序列号", "备注"], ["1", "A", "好"], ["2", "B", "é"]]
    if encoding == "gb18030":
        table[2][2] = "饮料"
    content = end.join(separator.join(row) for row in table) + end
    found = rows(write(tmp_path / "a.csv", content, encoding))
    assert list(enumerate(table, 1)) == found


@EACH
@given(
    st.lists(
        st.lists(
            st.text(st.characters(codec="gb18030", exclude_characters="\0\r"), max_size=12),
            min_size=2,
            max_size=4,
        ),
        max_size=6,
    ),
    st.sampled_from(",;\t|"),
    st.sampled_from(["utf-8", "utf-8-sig", "gb18030"]),
)
def test_any_table_is_read_as_it_was_written(
    tmp_path: Path, table: list[list[str]], separator: str, encoding: str
) -> None:
    """Quotes, separators and line ends inside cells, empty lines: nothing is lost or moved."""
    quoted = [['"' + cell.replace('"', '""') + '"' for cell in row] for row in table]
    content = "\n".join([f"gtin{separator}serial", *(separator.join(row) for row in quoted)])
    found = rows(
        write(tmp_path / "a.csv", content, encoding),
        encoding=encoding[:5] if encoding != "gb18030" else encoding,
    )
    kept = [
        [cell.strip() for cell in row] for row in table if any(c and not c.isspace() for c in row)
    ]
    assert [["gtin", "serial"], *kept] == [cells for _, cells in found]


def test_rows_are_numbered_as_people_count_lines(tmp_path: Path) -> None:
    """Empty lines and line ends in quotes count."""
    content = 'gtin,serial\n\n1,"a\nb"\n2,c\n'
    found = rows(write(tmp_path / "a.csv", content, "utf-8"))
    assert [row for row, _ in found] == [1, 3, 5]


@pytest.mark.parametrize(
    ("content", "code", "said"),
    [
        (b"", "BAD_TABLE", "empty"),
        (b'gtin,serial\n1,"a\n2,b\n' + b"3,c\n" * 50, "BAD_TABLE", "Row 2"),
        (b'gtin,serial\n1,"' + b"x" * 5_000 + b'"\n', "BAD_TABLE", "Row 2"),
        (b"gtin,serial\n1,\xff\xff\n", "UNKNOWN_ENCODING", "--encoding"),
        ("gtin,serial\n".encode("utf-16-le"), "UNKNOWN_ENCODING", "--encoding"),
        (b"1,2\n3,4\n", "NO_HEADER", "gtin and serial"),
        (bytes.fromhex("d0cf11e0a1b11ae1") + bytes(600), "OLD_WORKBOOK", ".xlsx"),
        (b"PK\x03\x04 and no more", "BAD_WORKBOOK", "damaged"),
    ],
)
def test_what_is_no_table_is_refused(content: bytes, code: str, said: str, tmp_path: Path) -> None:
    """The sentence says where, or what to do."""
    path = tmp_path / "a.csv"
    path.write_bytes(content)
    found = refusal(path)
    assert found.code == code
    assert said in found.message


def test_what_cannot_be_told_is_asked_for(tmp_path: Path) -> None:
    """Latin text is neither UTF-8 nor GB18030; with its name it is read."""
    path = write(tmp_path / "a.csv", "gtin,serial,note\n1,A,é\n", "windows-1252")
    assert refusal(path).code == "UNKNOWN_ENCODING"
    assert rows(path, encoding="windows-1252")[1] == (2, ["1", "A", "é"])
    assert refusal(path, encoding="latin").code == "UNKNOWN_ENCODING"


def test_a_workbook_says_what_its_cells_hold(tmp_path: Path) -> None:
    """Text, numbers as they are kept, dates, formulas, and rows that are hidden or merged."""
    body = sheet(
        [
            HEAD,
            [number("6901234567892"), text(" SN 1 ")],
            [number("1.23E+20"), number("46000", made.DATE)],
            [],
            [formula("A2", "6901234567892"), ' t="e"><v>#N/A</v>'],
            [text("hidden"), text("x")],
            [text("merged"), text("x")],
            [text("merged")],
        ],
        hidden=[6],
        merged="A7:A8",
    )
    path = workbook(tmp_path / "a.xlsx", {"Codes": body})
    found = [(row, [(c.text, c.kind) for c in cells]) for row, cells in read_xlsx(path)]
    assert found == [
        (1, [("gtin", Kind.TEXT), ("serial", Kind.TEXT)]),
        (2, [("6901234567892", Kind.NUMBER), ("SN 1", Kind.TEXT)]),
        (3, [("1.23E+20", Kind.NUMBER), ("2025-12-09", Kind.DATE)]),
        (5, [("6901234567892", Kind.FORMULA), ("#N/A", Kind.FAULT)]),
        (6, [("hidden", Kind.HIDDEN), ("x", Kind.HIDDEN)]),
        (7, [("merged", Kind.MERGED), ("x", Kind.TEXT)]),
        (8, [("merged", Kind.MERGED)]),
    ]


@pytest.mark.parametrize(
    "written",
    ["NaN", "-nan", "sNaN", "Infinity", "-inf", "1E+9999999999999999999", "1e999999", "x"],
)
@pytest.mark.parametrize("style", [0, made.DATE])
def test_a_number_that_is_none_spoils_its_own_cell(
    written: str, style: int, tmp_path: Path
) -> None:
    """It is read as a fault or as what is written, and the rows after it are there."""
    body = sheet([HEAD, [number(written, style), text("a")], [text("1"), text("b")]])
    found = list(read_xlsx(workbook(tmp_path / "a.xlsx", {"A": body})))
    assert [[cell.text for cell in cells] for _, cells in found[2:]] == [["1", "b"]]
    assert found[1][1][1] == Cell("a")
    if written != "1e999999":
        assert found[1][1][0] == Cell(written, Kind.FAULT)


def test_whole_columns_may_be_merged_but_not_again_and_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two are read as such; three, a row beyond a sheet's, or too many small ones are refused,
    before they fill the memory."""
    assert import_xlsx.MAX_ROWS == 1_048_576
    monkeypatch.setattr(import_xlsx, "MAX_ROWS", 1_000)
    monkeypatch.setattr(import_xlsx, "MAX_MERGED", 2_000)

    def merging(*ranges: str) -> Path:
        cells = "".join(f'<mergeCell ref="{each}"/>' for each in ranges)
        body = sheet([HEAD, [text("1"), text("a"), text("b")]], merged="H1:J1")
        body = body.replace("<mergeCells>", f"<mergeCells>{cells}")
        return workbook(tmp_path / "a.xlsx", {"A": body})

    (_, head), (_, row) = read_xlsx(merging("A1:A1000", "C2:ZZ1000"))
    assert [cell.kind for cell in head[:3]] == [Kind.MERGED, Kind.TEXT, Kind.TEXT]
    kinds = [cell.kind for cell in row]
    assert kinds == [Kind.MERGED, Kind.TEXT, *[Kind.MERGED] * (import_xlsx.MAX_COLUMNS - 2)]
    for ranges in (["A1:A1000"] * 2, ["A1:A1001"], ["C9:B1"] * 2_000):
        refused = refusal(merging(*ranges))
        assert (refused.code, "merged" in refused.message) == ("BAD_WORKBOOK", True)


def test_shared_strings_and_gaps_are_put_in_their_places(tmp_path: Path) -> None:
    """Cells are where they say; readings of Japanese and formats inside a text are left out."""
    strings = (
        f"<sst {made.MAIN}><si><t>gtin</t></si><si><r><t>se</t></r><r><t>rial</t></r></si>"
        "<si><t>A1</t><rPh><t>x</t></rPh></si></sst>"
    )
    body = (
        f'<worksheet {made.MAIN}><sheetData><row><c t="s"><v>0</v></c><c t="s"><v>1</v></c></row>'
        '<row r="7"><c r="B7" t="s"><v>2</v></c></row></sheetData></worksheet>'
    )
    path = workbook(
        tmp_path / "a.xlsx", {"A": body}, extra={"xl/sharedStrings.xml": strings.encode()}
    )
    assert rows(path) == [(1, ["gtin", "serial"]), (7, ["", "A1"])]


def test_a_sheet_is_asked_for_unless_one_is_shown(tmp_path: Path) -> None:
    """Of several the file's owner chooses; a hidden one is read only by name."""
    one, two = sheet([HEAD, [text("1"), text("a")]]), sheet([HEAD, [text("2"), text("b")]])
    both = workbook(tmp_path / "a.xlsx", {"One": one, "Two": two})
    found = refusal(both)
    assert (found.code, "'One', 'Two'" in found.message) == ("WHICH_SHEET", True)
    assert refusal(both, sheet="Three").code == "WHICH_SHEET"
    assert rows(both, sheet="Two")[1] == (2, ["2", "b"])
    shown = workbook(tmp_path / "b.xlsx", {"One": one, "Two": two}, hidden=["Two"])
    assert rows(shown)[1] == (2, ["1", "a"])
    assert rows(shown, sheet="Two")[1] == (2, ["2", "b"])


BOMB = (
    '<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;">]>'
    f"<worksheet {made.MAIN}><sheetData/></worksheet>"
)


@pytest.mark.parametrize(
    ("body", "extra", "code"),
    [
        (BOMB, {}, "BAD_WORKBOOK"),
        ("<worksheet", {}, "BAD_WORKBOOK"),
        (sheet([HEAD]), {"xl/vbaProject.bin": b"x"}, "BAD_WORKBOOK"),
        (f'<worksheet {made.MAIN}><row r="x"/></worksheet>', {}, "BAD_WORKBOOK"),
        (
            f'<worksheet {made.MAIN}><row><c r="A1" t="s"><v>9</v></c></row></worksheet>',
            {},
            "BAD_WORKBOOK",
        ),
        (sheet([HEAD]), {"xl/workbook.xml": b"<workbook/>"}, "WHICH_SHEET"),
        (sheet([HEAD]), {"xl/_rels/workbook.xml.rels": b"<x/>"}, "BAD_WORKBOOK"),
        ("<worksheet>" + " " * 4_000_000 + "</worksheet>", {}, "TOO_LARGE_UNPACKED"),
        (f'<worksheet x="{"y" * 3_000_000}"/>', {}, "TOO_LARGE_UNPACKED"),
    ],
)
def test_a_workbook_that_is_made_to_harm_is_refused(
    body: str, extra: dict[str, bytes], code: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Entities, macros, parts that lie or that grow when they are unpacked."""
    monkeypatch.setattr(workbook_xml, "MAX_PART", 3_500_000)
    assert refusal(workbook(tmp_path / "a.xlsx", {"A": body}, extra=extra)).code == code


def test_any_damage_to_a_workbook_is_noticed_or_harmless(tmp_path: Path) -> None:
    """No flipped byte does anything but a refusal or another table."""
    path = workbook(tmp_path / "a.xlsx", {"A": sheet([HEAD, [text("1"), text("a")]])})
    whole, chance = path.read_bytes(), random.Random(5)
    for _ in range(150):
        damaged = bytearray(whole)
        for _ in range(chance.randrange(1, 4)):
            damaged[chance.randrange(4, len(damaged))] ^= 1 << chance.randrange(8)
        path.write_bytes(damaged)
        try:
            rows(path)
        except Rejected as refused:
            assert refused.code in ("BAD_WORKBOOK", "WHICH_SHEET", "TOO_LARGE_UNPACKED")


def test_a_bomb_of_many_parts_is_refused(tmp_path: Path) -> None:
    """A workbook has hundreds of parts at most."""
    path = tmp_path / "a.xlsx"
    with zipfile.ZipFile(path, "w") as package:
        for at in range(import_xlsx.MAX_ENTRIES + 1):
            package.writestr(f"{at}", b"")
    assert refusal(path).code == "BAD_WORKBOOK"
