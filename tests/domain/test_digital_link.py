"""GS1 Digital Link URIs, against GS1's own cases and biip."""

import json
import re
from pathlib import Path

import pytest
from biip.gs1_digital_link_uris import GS1DigitalLinkURI
from hypothesis import given
from hypothesis import strategies as st

from ledger.domain import digital_link, gs1_attributes
from ledger.domain.digital_link import DigitalLink
from ledger.domain.gs1 import with_check_digit
from ledger.errors import Rejected

VECTORS = Path(__file__).parents[1] / "vectors" / "gs1"
STRICT = {
    "permitZeroSuppressedGTINinDLuris": False,
    "permitUnknownAIs": False,
    "permitConvenienceAlphas": False,
    "vUNKNOWN_AI_NOT_DL_ATTR": True,
}
CSET82 = re.sub(r"[^!-~]|[#$@\[\\\]^`{|}~]", "", "".join(map(chr, range(128))))
GTIN, SERIAL = "09506000134352", "305TGH3DYDJ9SEGZCXCQ"


def strict_rows() -> list[dict]:
    """GS1's rows in strict mode whose primary key is one that the ledger uses.

    An invalid row counts unless its path has one of the other primary keys of the standard.
    """
    others = re.compile(r"/(253|255|401|402|417|8003|8004|8006|8010|8013|8017|8018)/")
    rows = json.loads((VECTORS / "dl_uri_parse.json").read_text())
    return [row for row in rows if row["options"] == STRICT and not others.search(row["uri"])]


def element_string(link: DigitalLink) -> str:
    """Write a link as GS1's table does: ^ before each AI that follows one of variable length."""
    path = [("00", link.sscc), ("01", link.gtin), ("414", link.gln), ("22", link.cpv)]
    path += [("10", link.lot), ("21", link.serial), ("235", link.tpx), ("254", link.gln_extension)]
    text, separator = "", "^"
    fixed = re.compile(r"0[0-4]|1[1-9]|20|3[1-6]..|41.")
    for ai, value in [(ai, value) for ai, value in path if value] + list(link.attributes):
        text += separator + ai + value
        separator = "" if fixed.fullmatch(ai) else "^"
    return text


def test_the_rows_taken_from_gs1s_table_are_as_many_as_when_it_was_copied() -> None:
    """No row is lost by a change of the selection."""
    valid = [row["valid"] for row in strict_rows()]
    assert (valid.count(True), valid.count(False)) == (28, 21)


@pytest.mark.parametrize("row", strict_rows(), ids=lambda row: row["uri"])
def test_links_are_read_as_gs1s_own_parser_reads_them(row: dict) -> None:
    """Every strict row gives GS1's element string, or is refused."""
    if row["valid"]:
        assert element_string(digital_link.parse(row["uri"])) == row["ai_element_string"]
    else:
        with pytest.raises(Rejected) as refusal:
            digital_link.parse(row["uri"])
        assert refusal.value.code == "MALFORMED"


@pytest.mark.parametrize(
    "sequence",
    [
        sequence
        for sequence in json.loads((VECTORS / "dl_path_ai_sequences_valid.json").read_text())
        if sequence[0] in ("00", "01", "414") and "7040" not in sequence
    ],
    ids="/".join,
)
def test_exactly_gs1s_orders_of_qualifiers_are_taken(sequence: list[str]) -> None:
    """A valid order passes; the same turned round does not."""
    key = {"00": "006141411234567890", "01": GTIN, "414": "9506000134352"}[sequence[0]]
    qualifiers = [f"/{ai}/X" for ai in sequence[1:]]
    start = f"https://a/{sequence[0]}/{key}"
    assert digital_link.parse(start + "".join(qualifiers)).canonical().endswith("".join(qualifiers))
    if len(qualifiers) > 1:
        with pytest.raises(Rejected):
            digital_link.parse(start + "".join(reversed(qualifiers)))


def test_attribute_table_is_that_of_the_syntax_dictionary() -> None:
    """For every number of two to four digits: a data attribute here if and only if GS1 flags it."""
    flagged: set[str] = set()
    for line in (VECTORS / "gs1-syntax-dictionary.txt").read_text().splitlines():
        entry = re.match(r"(\d+)(?:-(\d+))?\s+[*!]*\?", line)
        if entry:
            last = entry[2] or entry[1]
            flagged |= {str(n).zfill(len(last)) for n in range(int(entry[1]), int(last) + 1)}
    numbers = [str(n).zfill(width) for width in (2, 3, 4) for n in range(10**width)]
    assert {ai for ai in numbers if gs1_attributes.is_attribute(ai)} == flagged


@pytest.mark.parametrize("row", json.loads((VECTORS / "cset82.json").read_text()))
def test_text_has_gs1s_82_characters(row: dict) -> None:
    """GS1's cases of character set 82 are judged as GS1 judges them (empty values apart)."""
    text = row["in"]
    if 0 < len(text) <= 90:
        assert gs1_attributes.attribute_fits("91", text) == row["valid"]


@pytest.mark.parametrize(
    "row",
    [r for r in json.loads((VECTORS / "uri_escape.json").read_text()) if " " not in r["in"]],
)
def test_values_are_escaped_as_gs1_escapes_them(row: dict) -> None:
    """A canonical link percent-encodes all but unreserved characters, in upper case."""
    link = DigitalLink(host="a", gtin=GTIN, serial=row["in"], attributes=(("99", row["in"]),))
    expected = f"https://id.gs1.org/01/{GTIN}/21/{row['path']}?99={row['query']}"
    assert link.canonical() == expected


@given(st.text(CSET82, min_size=1, max_size=20), st.text(CSET82, min_size=1, max_size=20))
def test_canonical_links_are_read_back(serial: str, lot: str) -> None:
    """Reading a canonical link gives the same link, whatever the characters."""
    link = DigitalLink(
        host="id.gs1.org", gtin=GTIN, lot=lot, serial=serial, attributes=(("17", "261100"),)
    )
    assert digital_link.parse(link.canonical()) == link


@given(
    st.integers(0, 10**13 - 1).map(lambda body: with_check_digit(f"{body:013d}")),
    st.text(CSET82, min_size=1, max_size=20),
)
def test_biip_reads_our_links_alike(gtin: str, serial: str) -> None:
    """A second parser finds the same GTIN and serial in what we print."""
    printed = digital_link.printed_link("https://id.brand.com", gtin, serial, upper=False)
    elements = {e.ai.ai: e.value for e in GS1DigitalLinkURI.parse(printed).element_strings}
    ours = digital_link.parse(printed)
    assert (ours.gtin, ours.serial) == (elements["01"], elements["21"]) == (gtin, serial)


@pytest.mark.parametrize(
    ("base", "upper", "expected"),
    [
        ("https://id.brand.com", False, f"https://id.brand.com/01/{GTIN}/21/{SERIAL}"),
        ("https://id.brand.com/", True, f"HTTPS://ID.BRAND.COM/01/{GTIN}/21/{SERIAL}"),
        ("http://localhost:8000", True, f"HTTP://LOCALHOST:8000/01/{GTIN}/21/{SERIAL}"),
    ],
)
def test_printed_links_have_two_forms_that_read_alike(
    base: str, upper: bool, expected: str
) -> None:
    """Capitals change nothing but scheme and host, which read as lower case."""
    printed = digital_link.printed_link(base, "9506000134352", SERIAL, upper)
    assert printed == expected
    host = base.split("/")[2]
    assert digital_link.parse(printed) == DigitalLink(host=host, gtin=GTIN, serial=SERIAL)


def test_capitals_fit_the_alphanumeric_mode() -> None:
    """A link in capitals has only the 45 characters of a QR code's alphanumeric mode."""
    printed = digital_link.printed_link("http://localhost:8000", GTIN, SERIAL, upper=True)
    assert set(printed) <= set("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:")


@pytest.mark.parametrize(
    "base", ["id.brand.com", "ftp://a", "https://a/shop", "https://", "https://a b"]
)
def test_link_base_is_a_scheme_and_a_host(base: str) -> None:
    """A base with a path, without a scheme or with odd characters is refused."""
    with pytest.raises(Rejected) as refusal:
        digital_link.printed_link(base, GTIN, SERIAL, upper=False)
    assert refusal.value.code == "BAD_LINK_BASE"


def test_capitals_never_change_an_imported_serial() -> None:
    """A serial with lower-case letters cannot be printed in capitals."""
    with pytest.raises(Rejected) as refusal:
        digital_link.printed_link("https://a", GTIN, "abc", upper=True)
    assert refusal.value.code == "SERIAL_NOT_UPPER"


@pytest.mark.parametrize(
    "uri",
    [
        "",
        "01/09506000134352",
        f"https://user@a/01/{GTIN}",
        f"https://a/01/{GTIN}/21/",
        f"https://a/01/{GTIN}/21/{'A' * 21}",
        f"https://a/01/{GTIN}/21/A%2",
        f"https://a/01/{GTIN}/21/%E8%AF%95",
        f"https://a/01/{GTIN}/21/A/10/B",
        f"https://a/01/{GTIN}/21/A/",
        "https://a/01/09506000134353",
        "https://a/414/9506000134353",
        "https://a/00/006141411234567891",
        f"https://a/01/{GTIN}?17=261301",
        f"https://a/01/{GTIN}?%31%37=2611",
        f"https://a/01/{GTIN}?21=A",
        f"https://a/01/{GTIN}?17=261100&17=261100",
        f"https://a/01/{GTIN}?02=09506000134353",
    ],
)
def test_faulty_links_are_malformed(uri: str) -> None:
    """Each fault is refused with the one code and a sentence."""
    with pytest.raises(Rejected) as refusal:
        digital_link.parse(uri)
    assert refusal.value.code == "MALFORMED"


@given(st.text(max_size=80))
def test_no_text_breaks_the_parser(text: str) -> None:
    """Any text is either read or refused."""
    for uri in (text, "https://a/01/" + text, f"https://a/01/{GTIN}?" + text):
        try:
            assert digital_link.parse(uri).gtin is not None
        except Rejected as refusal:
            assert refusal.code == "MALFORMED"


@pytest.mark.parametrize("upper", [True, False])
def test_an_inner_link_is_read_as_printed(upper: bool) -> None:
    """Host and code come back from both printed forms, and nothing from other links."""
    code = "0CHQN679C4XDSJRJHT3V"
    printed = digital_link.inner_link("https://id.brand.com", code, upper)
    assert digital_link.inner_code(printed) == ("id.brand.com", code)
    others = ["", "id.brand.com/i/A", "https://id.brand.com/i/", "https://id.brand.com/i/A/B"]
    assert [digital_link.inner_code(text) for text in others] == [None] * 4
