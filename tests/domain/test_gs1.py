"""GS1 keys and dates."""

import json
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.domain import gs1
from ledger.errors import Rejected

VECTORS = Path(__file__).parents[1] / "vectors"


def rows(name: str) -> list[dict]:
    return json.loads((VECTORS / "gs1" / f"{name}.json").read_text())


@pytest.mark.parametrize("row", rows("csum"), ids=lambda row: repr(row["in"]))
def test_check_digit_agrees_with_gs1s_own_table(row: dict) -> None:
    """GS1's check-digit cases are judged as GS1 judges them."""
    text = row["in"]
    try:
        valid = gs1.with_check_digit(text[:-1]) == text
    except Rejected:
        valid = False
    assert valid == row["valid"]


@given(st.integers(0, 10**13 - 1), st.integers(0, 12), st.integers(1, 9))
def test_any_single_wrong_digit_is_found(body: int, place: int, change: int) -> None:
    """The check digit catches each change of one digit."""
    key = gs1.with_check_digit(f"{body:013d}")
    wrong = key[:place] + str((int(key[place]) + change) % 10) + key[place + 1 :]
    with pytest.raises(Rejected) as refusal:
        gs1.gtin14(wrong)
    assert refusal.value.code == "BAD_CHECK_DIGIT"


def test_wrong_check_digit_names_the_right_one() -> None:
    """The sentence says which digit was expected."""
    with pytest.raises(Rejected, match="should be 2"):
        gs1.gtin14("9506000134353")


@pytest.mark.parametrize(
    ("printed", "expected"),
    [
        ("96385074", "00000096385074"),
        ("614141000036", "00614141000036"),
        ("9506000134352", "09506000134352"),
        ("19506000134359", "19506000134359"),
    ],
)
def test_gtins_of_all_lengths_become_fourteen_digits(printed: str, expected: str) -> None:
    """GTIN-8, -12, -13 and -14 are filled with zeros in front."""
    assert gs1.gtin14(printed) == expected


@pytest.mark.parametrize(
    "text", ["", "1234567", "950600013435", "95060001343522", "９５０６０００１３４３５２"]
)
def test_what_is_no_gtin_is_refused(text: str) -> None:
    """Other lengths, wrong digits and digits of other scripts are refused."""
    with pytest.raises(Rejected):
        gs1.gtin14(text)


def test_gln_and_sscc_have_one_length() -> None:
    """GLN is 13 digits and SSCC 18; nothing is filled up."""
    assert gs1.gln("9506000134352") == "9506000134352"
    assert gs1.sscc("006141411234567890") == "006141411234567890"
    for call, text in ((gs1.gln, "96385074"), (gs1.sscc, "9506000134352")):
        with pytest.raises(Rejected, match="digits"):
            call(text)


@pytest.mark.parametrize(
    "row", json.loads((VECTORS / "touchstone" / "prefix.json").read_text())["rows"]
)
def test_prefix_follows_the_indicator_digit(row: dict) -> None:
    """The frozen examples of GTIN-8, 12, 13 and 14 give their prefix values."""
    assert gs1.gtin14(row["printed"]) == row["gtin"]
    assert gs1.prefix_value(row["gtin"], int(row["length"])) == int(row["value"])


@pytest.mark.parametrize("length", [0, 13, -1])
def test_prefix_has_one_to_twelve_digits(length: int) -> None:
    """A prefix never holds the check digit."""
    with pytest.raises(Rejected) as refusal:
        gs1.prefix_value("09506000134352", length)
    assert refusal.value.code == "BAD_PREFIX_LENGTH"


@pytest.mark.parametrize("row", rows("yymmd0"), ids=lambda row: repr(row["in"]))
def test_dates_agree_with_gs1s_own_table(row: dict) -> None:
    """GS1's cases for YYMMDD with day 00 are judged as GS1 judges them."""
    assert gs1.is_ai_date(row["in"]) == row["valid"]


@pytest.mark.parametrize(
    ("text", "today", "expected"),
    [
        ("261122", date(2026, 11, 22), date(2026, 11, 22)),
        ("260200", date(2026, 1, 1), date(2026, 2, 28)),
        ("280200", date(2026, 1, 1), date(2028, 2, 29)),
        ("761231", date(2026, 1, 1), date(2076, 12, 31)),  # 50 above: this century
        ("770101", date(2026, 1, 1), date(1977, 1, 1)),  # 51 above: the last one
        ("000101", date(2049, 1, 1), date(2000, 1, 1)),  # 49 below: this century
        ("000101", date(2050, 1, 1), date(2100, 1, 1)),  # 50 below: the next one
    ],
)
def test_dates_take_the_century_and_the_last_of_the_month(
    text: str, today: date, expected: date
) -> None:
    """Day 00 is the last of the month; the century is the nearest by GS1's rule."""
    assert gs1.ai_date(text, today) == expected


@pytest.mark.parametrize(
    ("text", "today"), [("261301", date(2026, 1, 1)), ("000229", date(2060, 1, 1))]
)
def test_impossible_dates_are_refused(text: str, today: date) -> None:
    """A 13th month, and 29 February 2100, are no dates."""
    with pytest.raises(Rejected) as refusal:
        gs1.ai_date(text, today)
    assert refusal.value.code == "BAD_DATE"
