"""Plain CSV by numpy: what Python's own parsers say of the same cells, or nothing."""

from __future__ import annotations

import csv
import io
import math
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from ledger.services.worlds.plain_csv import MOST_DIGITS, WIDEST, plain_cells, whole_lines

ODD = ["", "-", ".", "-.", "1.", ".5", "-0", "-0.0", "+1", "1e5", "nan", " 1", "1_0", "--1", "1-",
       "1.2.3", "9" * 15, "9" * 16, "9" * 18, "9" * 19, "0." + "3" * 15, "x", "1 "]  # fmt: skip
numbers = st.one_of(
    st.sampled_from(ODD),
    st.integers(-(10**15), 10**15).map(str),
    st.decimals(-1000, 1000, places=5).map(str),
)
words = st.text(st.characters(codec="ascii", exclude_characters='",\r\n\0'), max_size=80)
tables = st.lists(st.tuples(numbers, words, numbers), min_size=1, max_size=20)


def _text(rows: list[tuple[str, str, str]]) -> bytes:
    return "".join(",".join(row) + "\n" for row in rows).encode()


def _read(read: type[float] | type[int], cells: list[str]) -> list[float] | None:
    try:
        return [read(cell) for cell in cells]
    except ValueError:
        return None


@given(tables)
def test_what_is_parsed_is_what_python_parses(rows: list[tuple[str, str, str]]) -> None:
    """A column that is parsed has the very doubles, integers and texts of `csv`, `float`, `int`."""
    cells = plain_cells(_text(rows), 3)
    assert cells is not None
    assert list(csv.reader(io.StringIO(_text(rows).decode()))) == [list(row) for row in rows]
    assert [text.decode() for text in cells.texts(1)] == [row[1] for row in rows]
    for column in (0, 2):
        texts = [row[column] for row in rows]
        floats, ints = cells.floats(column), cells.ints(column)
        if floats is not None:
            expected = _read(float, texts)
            assert expected is not None
            assert expected == floats.tolist()
            assert [math.copysign(1, x) for x in expected] == [
                math.copysign(1, x) for x in floats.tolist()
            ]
        if ints is not None:
            assert _read(int, texts) == ints.tolist()
        filled = [text or "-1" for text in texts]
        floats, ints = cells.floats(column, empty=-1.0), cells.ints(column, empty=-1)
        assert floats is None or _read(float, filled) == floats.tolist()
        assert ints is None or _read(int, filled) == ints.tolist()


@given(st.lists(st.decimals(-(10**6), 10**6, places=6).map(str), min_size=1, max_size=30))
def test_common_decimals_are_parsed(texts: list[str]) -> None:
    """Decimals of few digits are never left to Python."""
    cells = plain_cells(("\n".join(texts) + "\n").encode(), 1)
    assert cells is not None and cells.floats(0) is not None
    assert len(texts[0].replace(".", "").lstrip("-")) <= MOST_DIGITS
    with_gaps = plain_cells(("\n".join(["", *texts, ""]) + "\n").encode(), 1)
    assert with_gaps is not None and with_gaps.floats(0) is None
    filled = with_gaps.floats(0, empty=0.5)
    assert filled is not None and filled.tolist() == [0.5, *map(float, texts), 0.5]


def test_what_is_not_plain_is_left_alone() -> None:
    """Quotes, other line ends, other letters, ragged lines and empty ones."""
    for text in ('"a",b\n', "a,b\r\n", "ä,b\n", "a,b\nc\n", "a,b\n\n", "a\nb\n", "a,b\nc,d,e,f\n"):
        assert plain_cells(text.encode(), 2) is None
    wide = "w" * (WIDEST + 1)
    cells = plain_cells(f"{wide},b\n".encode(), 2)
    assert cells is not None and cells.texts(0) == [wide.encode()]


def test_chunks_are_whole_lines(tmp_path: Path) -> None:
    """However long the file, no line is torn, and the last one gets its end."""
    lines = [f"{number},{'x' * (number % 700)}\n" for number in range(5000)]
    path = tmp_path / "lines.csv"
    path.write_text("".join(lines).rstrip("\n"))
    with path.open("rb") as file:
        chunks = list(whole_lines(file))
    assert len(chunks) > 2
    assert all(chunk.endswith(b"\n") for chunk in chunks)
    assert b"".join(chunks).decode() == "".join(lines)
