"""EPCs of parties, places, classes and single things."""

import pytest

from ledger.domain import epc, ids
from ledger.errors import Rejected

ITEM = ids.item_epc("09506000134352", "0RDYXXDJPB2KCTBY7XYF")
PALLET = ids.sscc_epc("095060001343520017")
HOST = "id.brand.com"


def test_parties_and_places_with_a_gln_are_digital_links() -> None:
    """AI 417 names the party, AI 414 the place; the brand's host plays no part."""
    gln = int("9506000134352")
    assert epc.party_epc(gln, HOST) == "https://id.gs1.org/417/9506000134352"
    assert epc.place_epc(gln, HOST) == "https://id.gs1.org/414/9506000134352"
    assert epc.place_epc(123, HOST) == "https://id.gs1.org/414/0000000000123"


@pytest.mark.parametrize("host", ["id.brand.com", "localhost:8000"])
def test_a_party_without_a_gln_is_a_link_under_the_brands_host(host: str) -> None:
    """Party and place alike, from the first assigned number on."""
    for link in (epc.party_epc, epc.place_epc):
        assert link(10**13, host) == f"https://{host}/party/10000000000000"


@pytest.mark.parametrize(
    "host", ["", "https://id.brand.com", "id.brand.com/x", "ID.BRAND.COM", "a b"]
)
def test_what_is_no_host_is_refused(host: str) -> None:
    """A scheme, a path, capitals: each would be another EPC of the same party."""
    with pytest.raises(Rejected) as refusal:
        epc.party_epc(10**13, host)
    assert refusal.value.code == "BAD_HOST"


def test_a_party_number_that_is_no_gln_is_refused() -> None:
    """Below 10¹³ a party is a GLN with its right check digit."""
    with pytest.raises(Rejected) as refusal:
        epc.party_epc(9506000134353, HOST)
    assert refusal.value.code == "BAD_CHECK_DIGIT"


def test_classes_are_a_gtin_or_a_lot_of_it() -> None:
    """All 14 digits; a lot with reserved characters is escaped."""
    assert epc.class_epc("9506000134352") == "https://id.gs1.org/01/09506000134352"
    assert epc.class_epc("9506000134352", "L/7") == "https://id.gs1.org/01/09506000134352/10/L%2F7"


@pytest.mark.parametrize(
    ("gtin", "lot", "code"),
    [
        ("9506000134353", None, "BAD_CHECK_DIGIT"),
        ("95060001343", None, "MALFORMED"),
        ("9506000134352", "", "MALFORMED"),
        ("9506000134352", "x" * 21, "MALFORMED"),
        ("9506000134352", "批次", "MALFORMED"),
    ],
)
def test_classes_that_gs1_does_not_allow_are_refused(gtin: str, lot: str, code: str) -> None:
    """A wrong check digit or length, an empty, long or foreign lot."""
    with pytest.raises(Rejected) as refusal:
        epc.class_epc(gtin, lot)
    assert refusal.value.code == code


def test_single_things_are_read_from_their_canonical_links() -> None:
    """An item has GTIN and serial, a logistic unit its SSCC."""
    assert epc.checked(ITEM).serial == "0RDYXXDJPB2KCTBY7XYF"
    assert epc.checked(PALLET).sscc == "095060001343520017"


@pytest.mark.parametrize(
    "text",
    [
        "https://id.brand.com/00/095060001343520017",
        "https://id.gs1.org/x/00/095060001343520017",
        "https://id.gs1.org/00/095060001343520018",
        "https://id.gs1.org/00/095060001343520017?99=a",
        "https://id.gs1.org/01/09506000134352",
        "https://id.gs1.org/01/09506000134352/10/L7",
        "https://id.gs1.org/01/09506000134352/10/L7/21/A",
        "https://id.gs1.org/414/9506000134352",
        "urn:epc:id:sscc:9506000.1343520002",
        "",
    ],
)
def test_what_is_not_the_one_link_of_one_thing_is_refused(text: str) -> None:
    """Other hosts, stems, attributes, classes and places; URNs; wrong check digits."""
    with pytest.raises(Rejected) as refusal:
        epc.checked(text)
    assert refusal.value.code == "BAD_EPC"
