"""Diversion found in a lot, and everything honest that must not look like it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from ledger.detect import Custody, detect
from ledger.detect.diversion import Diversion, looks, places
from ledger.detect.farms import Farms
from ledger.detect.sightings import Sightings
from tests.detect.frames import NO_CUSTODY, Row, one_lot, scans_of

OUTSIDE = 5


def _pallet(rng: np.random.Generator, **over: object) -> list[Row]:
    """60 items of pallet 6 (cases 120 to 139), scanned in region 5 in two months."""
    rows = []
    for i in range(60):
        fields = {"day": float(rng.uniform(0, 60)), "case": int(rng.integers(120, 140)),
                  "device": f"buyer{i}", "code": f"item{i}"} | over  # fmt: skip
        rows.append(Row(**fields))  # type: ignore[arg-type]
    return rows


def _strangers(rng: np.random.Generator, count: int) -> list[Row]:
    """Items of any case, carried by travellers."""
    return [
        Row(float(rng.uniform(0, 60)), int(rng.integers(400)), f"guest{i}", f"gone{i}")
        for i in range(count)
    ]


def test_a_diverted_pallet_is_named() -> None:
    """Among 20 travellers' items, the pallet is named with its cases and its share of the scans."""
    rng = np.random.default_rng(5)
    scans = scans_of(_pallet(rng) + _strangers(rng, 20))
    (finding,) = detect(scans, one_lot(), NO_CUSTODY, kinds=["diversion"])
    assert (finding.lot, finding.region) == (7, OUTSIDE)
    assert finding.evidence.pallets == (6,)
    assert finding.evidence.cases == tuple(range(120, 140))
    assert 0 < finding.evidence.scans <= finding.evidence.scans_of
    assert finding.e_value is not None and finding.e_value >= 1 / finding.level
    assert f"{finding.evidence.scans} of {finding.evidence.scans_of} items" in finding.sentence


@pytest.mark.parametrize(
    "over",
    [
        {"region": 0},  # sold where it may be sold
        {"channel": "script"},
        {"case": -1},  # the packing does not tell
        {"device": "one phone"},
        {"code": "one code"},
        {"lot": -1},
    ],
    ids=str,
)
def test_what_is_no_observation_raises_nothing(over: dict[str, object]) -> None:
    """The same scans, made honest in one respect, raise no diversion."""
    rng = np.random.default_rng(5)
    scans = scans_of(_pallet(rng, **over) + _strangers(rng, 20))
    assert detect(scans, one_lot(), NO_CUSTODY, kinds=["diversion"]) == []


def test_a_lot_that_may_be_resold_anywhere_is_not_tested() -> None:
    """Where resale is not prohibited there is nothing to find."""
    scans = scans_of(_pallet(np.random.default_rng(5)))
    assert detect(scans, one_lot(restricted=False), NO_CUSTODY, kinds=["diversion"]) == []


def test_travellers_and_gifts_raise_nothing() -> None:
    """300 travellers and 40 gifts of up to eight items, of a lot that sells 3,000 at home, are an
    honest season."""
    rng = np.random.default_rng(6)
    rows = _strangers(rng, 300)
    for i in range(3000):
        case, day = int(rng.integers(400)), float(rng.uniform(0, 60))
        rows.append(Row(day, case, f"home{i}", f"sold{i}", region=0))
    for gift in range(40):
        case, day = int(rng.integers(399)), float(rng.uniform(0, 50))
        for i in range(int(rng.integers(2, 9))):
            name = f"gift{gift}.{i}"
            rows.append(Row(day + float(rng.exponential(4)), case + i % 2, name, name))
    assert detect(scans_of(rows), one_lot(), NO_CUSTODY, kinds=["diversion"]) == []


def _counted(rows: list[Row]) -> list[int]:
    """Cases of the groups that count after these scans."""
    scans = scans_of(rows)
    state = Diversion(one_lot(), NO_CUSTODY, 0.05)
    nth, busy = Sightings().feed(scans)
    state.feed(scans, nth, busy, Farms(one_lot(), 0.05).feed(scans, nth)[1])
    return [group.case for cell in state.cells() for group in cell.groups if group.size]


def test_repeats_and_second_phones_count_once() -> None:
    """A unit counts once, where it was first seen, and a device once in a region."""
    rows = [Row(1, 3, "a", "x"), Row(2, 3, "a", "x"), Row(3, 3, "b", "x"), Row(4, 9, "a", "y")]
    assert _counted(rows) == [3]
    at_home = Row(0.5, 3, "c", "x", region=0)
    assert _counted([at_home, *rows[:3]]) == []


def test_display_bottles_and_busy_phones_are_withdrawn_when_they_show() -> None:
    """A unit at its third device, and a device at its third unit of the day, count no more."""
    shown = [Row(float(i), 3, f"d{i}", "x") for i in range(3)]
    waiter = [Row(10 + i / 10, 3 + 50 * i, "w", f"y{i}") for i in range(3)]
    assert [_counted(shown[:2]), _counted(shown)] == [[3], []]
    assert [_counted(waiter[:2]), _counted(waiter)] == [[3], []]


def test_what_a_farm_scanned_is_withdrawn() -> None:
    """Boxes gone through within the hour count no more, nor does what follows of them."""
    rows = [Row(1 + i / 1440, 8 + i % 3, f"phone{i}", f"item{i}") for i in range(10)]
    assert [_counted(rows[:8]), _counted(rows[:9]), _counted(rows)] == [[8], [], []]


def test_what_a_busy_phone_scans_has_not_spoken() -> None:
    """A dealer who scans goods at home, dozens a day, does not silence them: from the third item of
    the day on they speak where they are scanned next."""
    home = [Row(1 + i / 100, 9 * i, "dealer", f"item{i}", region=0) for i in range(6)]
    sold = [Row(20.0 + i, 9 * i, f"buyer{i}", f"item{i}") for i in range(6)]
    assert _counted([*home, *sold]) == [18, 27, 36, 45]


def test_goods_scanned_at_home_before_they_are_sold_on_are_found() -> None:
    """A diverted pallet is found though a dealer scanned a third of its items first."""
    rng = np.random.default_rng(5)
    rows = _pallet(rng)
    home = [
        replace(row, day=float(rng.uniform(-1, 0)), device="dealer", region=0) for row in rows[::3]
    ]
    scans = scans_of([*rows, *home, *_strangers(rng, 20)])
    found = detect(scans, one_lot(), NO_CUSTODY, kinds=["diversion"])
    assert [(finding.lot, finding.region) for finding in found] == [(7, OUTSIDE)]


def test_a_region_beyond_the_table_of_territories_is_outside() -> None:
    """Territories may name fewer regions than scans do; an unknown region is nowhere."""
    scans = scans_of([Row(1, region=0), Row(2, region=1), Row(3, region=99), Row(4, region=-1)])
    assert places(scans, one_lot())[1].tolist() == [False, True, True, False]


def test_the_finding_names_goods_leaker_and_all_it_rests_on() -> None:
    """A pallet that custody gave to one store: the store is the likeliest leaker; the goods
    involved have an interval around the pallet's; the groups, with their gains, are told."""
    rng = np.random.default_rng(5)
    scans = scans_of(_pallet(rng) + _strangers(rng, 20))
    stores = np.arange(0, 400, 20)
    custody = Custody(np.zeros(20, dtype=np.int64), stores, stores + 20, 900 + stores // 20)
    (finding,) = detect(scans, one_lot(), custody, kinds=["diversion"])
    told = finding.evidence
    assert (told.leakers[0].level, told.leakers[0].number) == ("store", 906)
    assert told.leakers[0].probability > 0.9
    low, likely, high = told.items
    assert low <= likely <= high and low <= 480 <= high
    assert {group[0] for group in told.groups} <= set(told.cases)
    assert sum(group[2] for group in told.groups) == told.scans
    told_looks = looks(scans, one_lot(), 0, OUTSIDE)
    (look,) = [log_e for row, log_e in told_looks if float(scans.day[row]) == finding.day]
    assert look == pytest.approx(told.log_e, rel=1e-3)


def test_without_custody_the_first_consignee_is_the_likeliest() -> None:
    """Cases of many stores, or of stores unknown, point at whoever had them all."""
    rng = np.random.default_rng(5)
    scans = scans_of(_pallet(rng) + _strangers(rng, 20))
    (finding,) = detect(scans, one_lot(), NO_CUSTODY, kinds=["diversion"])
    (leaker,) = finding.evidence.leakers
    assert (leaker.level, leaker.number) == ("consignee", 1)
