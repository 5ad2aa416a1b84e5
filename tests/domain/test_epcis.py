"""EPCIS documents of the verbs, against the rules of the standard written out by hand."""

import json
from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.domain import epc, epcis, epcis_states, ids, jcs
from ledger.domain.epcis import Occasion, Run, Transaction, Transfer, When
from ledger.domain.gs1 import with_check_digit
from ledger.errors import Rejected
from tests.domain.epcis_structure import faults

GTIN = "09506000134352"
PALLET, CASE, OTHER = (ids.sscc_epc(with_check_digit(f"0950600013435200{n}")) for n in range(3))
ITEM = ids.item_epc(GTIN, "0RDYXXDJPB2KCTBY7XYF")
PLACE = epc.place_epc(9506000134352, "id.brand.com")
SHOP = epc.place_epc(10**13 + 5, "id.brand.com")
BRAND, BUYER = (epc.party_epc(p, "id.brand.com") for p in (9506000134352, 10**13 + 5))
SALT = "92d3f40fc38a4ee8124ec7da4ecd8888"
MAY = 1_777_600_800  # 2026-05-01T02:00:00Z
AT = Occasion(When(MAY, 480), SALT, PLACE, PLACE)
BARE = Occasion(When(MAY, 480), SALT)
RUN = Run(GTIN, 7, 0, 24)
LOT_RUN = Run(GTIN, 7, 24, 48, "L7")
DESADV = Transaction("desadv", "https://id.brand.com/desadv/9")
CLASS = f"https://id.gs1.org/01/{GTIN}"

NO_FAULT = {"good": 9, "damaged": 0, "short": 0, "over": 0, "wrong": 0}
EVENTS: dict[str, Callable[[Occasion], epcis.Document]] = {
    "commissioning": lambda at: epcis.commissioning(at, RUN),
    "activation": lambda at: epcis.activation(at, [RUN, LOT_RUN]),
    "lot": lambda at: epcis.lot_binding(at, LOT_RUN, date(2027, 3, 31), date(2027, 1, 1)),
    "empty lot": lambda at: epcis.lot_binding(at, Run(GTIN, 7, 0, 0, "L7")),
    "packing": lambda at: epcis.packing(at, PALLET, [CASE, ITEM], [RUN, LOT_RUN]),
    "packing cases": lambda at: epcis.packing(at, PALLET, [CASE, OTHER]),
    "unpacking": lambda at: epcis.unpacking(at, PALLET, [CASE], [RUN]),
    "unpacking items": lambda at: epcis.unpacking(at, PALLET, runs=[RUN]),
    "shipping": lambda at: epcis.shipping(at, [PALLET, CASE], Transfer(BRAND, BUYER), [DESADV]),
    "shipping alone": lambda at: epcis.shipping(at, [ITEM]),
    "receiving": lambda at: epcis.receiving(
        at, [PALLET], Transfer(BRAND, BUYER, ("possessing_party", "owning_party")), [DESADV]
    ),
    **{
        verb.name: lambda at, verb=verb: epcis_states.way(
            at, verb, [PALLET], Transfer(BRAND, BUYER, ("possessing_party",))
        )
        for verb in epcis_states.WAYS
    },
    **{
        f"mismatch {kind}": lambda at, kind=kind: epcis_states.mismatch(
            at, PALLET, {**NO_FAULT, kind: 2}, Transfer(BRAND, BUYER)
        )
        for kind in ("damaged", "short", "over", "wrong")
    },
    "settlement": lambda at: epcis_states.settlement(at, PALLET, 3),
    "drawing": lambda at: epcis_states.drawing(at, ITEM),
    **{
        f"item state {state}": lambda at, state=state: epcis_states.item_state(at, ITEM, state)
        for state in range(1, 8)
    },
    "recall": lambda at: epcis_states.lot_state(at, RUN.gtin, "L7", 2),
    "release": lambda at: epcis_states.lot_state(at, RUN.gtin, "L7", 1),
    "voiding": lambda at: epcis_states.voiding(at, [RUN]),
}


def run_member(run: Run) -> dict[str, int]:
    return {"touchstone:batch": run.batch, "touchstone:first": run.first, "touchstone:to": run.to}


def code_of(call: Callable[[], Any]) -> str:
    with pytest.raises(Rejected) as refusal:
        call()
    return refusal.value.code


@pytest.mark.parametrize("at", [AT, BARE], ids=["placed", "bare"])
@pytest.mark.parametrize("make", EVENTS.values(), ids=EVENTS)
def test_every_event_keeps_the_rules_of_epcis_2(
    make: Callable[[Occasion], epcis.Document], at: Occasion
) -> None:
    """Structure, times and salt: it can be sent to partners, hashed, and read back."""
    event = make(at)
    assert faults(event) == []
    assert event["eventTime"] == "2026-05-01T02:00:00Z"
    assert event["eventTimeZoneOffset"] == "+08:00"
    assert event["touchstone:salt"] == SALT
    assert epcis.parse_times(event) == at.when
    sent = {**json.loads(json.dumps(event)), "recordTime": "2026-05-01T02:00:09Z"}
    assert jcs.event_hash(sent) == jcs.event_hash(event)
    assert faults(sent) == []


def test_the_rules_are_worth_keeping() -> None:
    """Each of these breaks a rule of the standard, and the structure check says so."""
    good = EVENTS["packing"](AT)
    lot = EVENTS["lot"](AT)
    shipped = EVENTS["shipping"](AT)
    broken = [
        {**good, "note": "x"},
        {**good, "other:note": "x"},
        {**good, "touchstone:runs": [{"batch": 7}]},
        {**good, "type": "ObjectEvent"},
        {**good, "childEPCs": []},
        {**good, "childEPCs": [CASE, CASE]},
        {**good, "childQuantityList": [{"epcClass": CLASS, "quantity": 1, "batch": 7}]},
        {**good, "childQuantityList": [{"epcClass": CLASS, "quantity": 0}]},
        {**good, "bizStep": "touchstone packing"},
        {**good, "readPoint": PLACE},
        {**good, "eventTimeZoneOffset": "+8"},
        {**good, "eventTime": "2026-05-01T02:00:00"},
        {**good, "@context": good["@context"][1:]},
        {**good, "@context": [good["@context"][0], {"touchstone": "urn:touchstone"}]},
        {name: value for name, value in good.items() if name != "parentID"},
        {**lot, "action": "OBSERVE"},
        {**lot, "ilmd": {"lotNumber": "L7"}},
        {name: value for name, value in lot.items() if name != "quantityList"},
        {**shipped, "sourceList": [{"type": "owner", "source": BRAND}]},
        {**shipped, "bizTransactionList": [{"type": "letter", "bizTransaction": "a:b"}]},
        {**shipped, "destinationList": [{"type": "owning_party", "destination": "Shop"}]},
    ]
    assert [event for event in broken if not faults(event)] == []


def test_a_batch_is_commissioned_by_class_and_run_never_by_serials() -> None:
    """A million codes take a document of a few lines."""
    event = epcis.commissioning(AT, Run(GTIN, 7, 0, 1_000_000))
    assert event["type"] == "ObjectEvent"
    assert (event["action"], event["bizStep"]) == ("ADD", "commissioning")
    assert event["disposition"] == "encoded"
    assert event["quantityList"] == [{"epcClass": CLASS, "quantity": 1_000_000}]
    assert event["touchstone:runs"] == [run_member(Run(GTIN, 7, 0, 1_000_000))]
    assert "epcList" not in event
    assert len(jcs.canonical(event)) < 1000


def test_activation_is_an_observation_with_a_disposition() -> None:
    """No master data, no business step; quantities by class."""
    event = epcis.activation(AT, [RUN, LOT_RUN])
    assert (event["action"], event["disposition"]) == ("OBSERVE", "active")
    assert not {"bizStep", "ilmd"} & event.keys()
    assert event["quantityList"] == [
        {"epcClass": CLASS, "quantity": 24},
        {"epcClass": f"{CLASS}/10/L7", "quantity": 24},
    ]


def test_lot_binding_adds_to_the_lots_class_with_its_master_data() -> None:
    """Lot and dates stand in ilmd, which only an ADD may have."""
    event = epcis.lot_binding(AT, LOT_RUN, expiry=date(2027, 3, 31))
    assert (event["action"], event["bizStep"]) == ("ADD", "creating_class_instance")
    assert event["ilmd"] == {
        "cbvmda:lotNumber": "L7",
        "cbvmda:itemExpirationDate": "2027-03-31",
    }
    assert event["quantityList"] == [{"epcClass": f"{CLASS}/10/L7", "quantity": 24}]
    assert event["touchstone:runs"] == [run_member(LOT_RUN)]
    dated = epcis.lot_binding(AT, LOT_RUN, best_before=date(2027, 1, 1))
    assert dated["ilmd"]["cbvmda:bestBeforeDate"] == "2027-01-01"
    assert "cbvmda:itemExpirationDate" not in dated["ilmd"]


def test_an_empty_run_only_opens_the_lot() -> None:
    """The class is named without a quantity, and no codes are."""
    event = EVENTS["empty lot"](AT)
    assert event["quantityList"] == [{"epcClass": f"{CLASS}/10/L7"}]
    assert "touchstone:runs" not in event


@pytest.mark.parametrize(
    ("make", "action", "step"),
    [(epcis.packing, "ADD", "packing"), (epcis.unpacking, "DELETE", "unpacking")],
)
def test_packing_names_units_singly_and_items_by_runs(
    make: Callable[..., epcis.Document], action: str, step: str
) -> None:
    """Children with an EPC in childEPCs; runs summed by class, and as they are, in order."""
    runs = [Run(GTIN, 7, 30, 40), LOT_RUN, Run(GTIN, 6, 0, 2)]
    event = make(AT, PALLET, [OTHER, CASE], runs)
    assert event["type"] == "AggregationEvent"
    assert (event["action"], event["bizStep"]) == (action, step)
    assert event["parentID"] == PALLET
    assert event["childEPCs"] == [OTHER, CASE]
    assert event["childQuantityList"] == [
        {"epcClass": CLASS, "quantity": 12},
        {"epcClass": f"{CLASS}/10/L7", "quantity": 24},
    ]
    assert event["touchstone:runs"] == [*map(run_member, runs)]
    cases = make(AT, PALLET, [CASE])
    assert not {"childQuantityList", "touchstone:runs"} & cases.keys()


def test_shipping_and_receiving_name_the_parties_and_papers() -> None:
    """Goods on their way are at no business location; the receiver's are at the receiver's."""
    shipped, received = EVENTS["shipping"](AT), EVENTS["receiving"](AT)
    assert (shipped["action"], shipped["bizStep"]) == ("OBSERVE", "shipping")
    assert (received["action"], received["bizStep"]) == ("OBSERVE", "receiving")
    assert shipped["disposition"] == "in_transit"
    assert shipped["epcList"] == [PALLET, CASE]
    assert shipped["sourceList"] == [{"type": "owning_party", "source": BRAND}]
    assert shipped["destinationList"] == [{"type": "owning_party", "destination": BUYER}]
    assert [part["type"] for part in received["sourceList"]] == ["possessing_party", "owning_party"]
    assert shipped["bizTransactionList"] == [
        {"type": "desadv", "bizTransaction": "https://id.brand.com/desadv/9"}
    ]
    assert shipped["readPoint"] == {"id": "https://id.gs1.org/414/9506000134352"}
    assert "bizLocation" not in shipped
    here = Occasion(When(MAY, -570), SALT, PLACE, SHOP)
    assert epcis.receiving(here, [PALLET])["bizLocation"] == {
        "id": "https://id.brand.com/party/10000000000005"
    }
    assert epcis.receiving(here, [PALLET])["eventTimeZoneOffset"] == "-09:30"


def test_documents_share_nothing() -> None:
    """Changing one document leaves the next as it should be."""
    first = EVENTS["packing"](AT)
    expected = jcs.event_hash(first)
    first["@context"][1]["touchstone"] = "changed"
    assert jcs.event_hash(EVENTS["packing"](AT)) == expected


REFUSED: list[tuple[str, Callable[[], Any]]] = [
    ("BAD_RUN", lambda: epcis.commissioning(AT, Run(GTIN, 7, 0, 0))),
    ("BAD_RUN", lambda: epcis.commissioning(AT, Run(GTIN, 7, 5, 3))),
    ("BAD_RUN", lambda: epcis.commissioning(AT, Run(GTIN, 7, -1, 3))),
    ("BAD_RUN", lambda: epcis.activation(AT, [])),
    ("BAD_RUN", lambda: epcis.lot_binding(AT, Run(GTIN, 7, 5, 3, "L7"))),
    ("BAD_CHECK_DIGIT", lambda: epcis.commissioning(AT, Run("09506000134353", 7, 0, 1))),
    ("LOT_MISSING", lambda: epcis.lot_binding(AT, RUN)),
    ("MALFORMED", lambda: epcis.lot_binding(AT, Run(GTIN, 7, 0, 1, "批次"))),
    ("NO_CHILDREN", lambda: epcis.packing(AT, PALLET)),
    ("NO_CHILDREN", lambda: epcis.unpacking(AT, PALLET)),
    ("BAD_EPC", lambda: epcis.packing(AT, ITEM, [CASE])),
    ("BAD_EPC", lambda: epcis.packing(AT, PALLET, [PALLET])),
    ("BAD_EPC", lambda: epcis.packing(AT, PALLET, [CASE, CASE])),
    ("BAD_EPC", lambda: epcis.packing(AT, PALLET, [CLASS])),
    ("BAD_EPC", lambda: epcis.shipping(AT, [])),
    ("BAD_EPC", lambda: epcis.receiving(AT, [PALLET.upper()])),
    ("BAD_TRANSACTION", lambda: epcis.shipping(AT, [CASE], None, [Transaction("letter", "a:b")])),
    ("BAD_TRANSACTION", lambda: epcis.shipping(AT, [CASE], None, [Transaction("po", "order 5")])),
    ("BAD_EVENT_TIME", lambda: epcis.shipping(Occasion(When(MAY, 841), SALT), [CASE])),
    ("BAD_EVENT_TIME", lambda: epcis.shipping(Occasion(When(-1, 0), SALT), [CASE])),
    ("BAD_EVENT_TIME", lambda: epcis.shipping(Occasion(When(10**12, 0), SALT), [CASE])),
    ("SALT_MISSING", lambda: jcs.event_hash(epcis.shipping(Occasion(AT.when, "beef"), [CASE]))),
]


@pytest.mark.parametrize(("code", "call"), REFUSED)
def test_what_cannot_be_stated_is_refused(code: str, call: Callable[[], Any]) -> None:
    """Empty runs, wrong keys, children that cannot be, papers of no kind, times out of range."""
    assert code_of(call) == code


@given(st.integers(0, 253402300799), st.integers(-840, 840))
def test_times_are_read_back_as_they_were_given(time: int, offset: int) -> None:
    """Any second to the year 9999, any offset to ±14:00, as datetime reads them too."""
    event = epcis.shipping(Occasion(When(time, offset), SALT), [CASE])
    assert faults(event) == []
    assert epcis.parse_times(event) == When(time, offset)
    assert datetime.fromisoformat(event["eventTime"]) == datetime.fromtimestamp(time, UTC)


@pytest.mark.parametrize(
    ("stated", "zone", "expected"),
    [
        ("2026-05-01T10:00:00+08:00", "+08:00", When(MAY, 480)),
        ("2026-05-01T10:00:00.999999999+08:00", "-09:30", When(MAY, -570)),
        ("2026-04-30T12:00:00-14:00", "-14:00", When(MAY, -840)),
        ("2026-05-01T02:00:00.5Z", "+00:00", When(MAY, 0)),
    ],
)
def test_partners_times_are_read(stated: str, zone: str, expected: When) -> None:
    """Any zone in eventTime, which need not be the stated offset; fractions are cut off."""
    event = {"eventTime": stated, "eventTimeZoneOffset": zone}
    assert epcis.parse_times(event) == expected


@pytest.mark.parametrize(
    ("stated", "zone"),
    [
        ("2026-05-01T10:00:00", "+08:00"),
        ("2026-05-01 10:00:00Z", "+08:00"),
        ("2026-05-01", "+08:00"),
        ("2026-02-29T10:00:00Z", "+08:00"),
        ("0000-01-01T10:00:00Z", "+08:00"),
        ("2026-05-01T24:00:00Z", "+08:00"),
        ("2026-05-01T10:00:60Z", "+08:00"),
        ("2026-05-01T10:00:00+15:00", "+08:00"),
        ("2026-05-01T10:00:00Z", "+14:30"),
        ("2026-05-01T10:00:00Z", "+8:00"),
        ("2026-05-01T10:00:00Z", "Z"),
        ("2026-05-01T10:00:00Z\n", "+08:00"),
        ("2026-05-01T10:00:00Z", None),
        (1777600800, "+08:00"),
        (None, "+08:00"),
    ],
)
def test_times_that_two_readers_might_read_differently_are_refused(
    stated: object, zone: object
) -> None:
    """No zone, days and hours that do not exist, offsets over 14 hours, missing members."""
    event = {"eventTime": stated, "eventTimeZoneOffset": zone}
    assert code_of(lambda: epcis.parse_times(event)) == "BAD_EVENT_TIME"
