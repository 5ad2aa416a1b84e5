"""Farms and guessers by their rules: at the threshold, not below it."""

from __future__ import annotations

import numpy as np

from ledger.detect import Finding, detect
from ledger.detect.farms import DENSE, MANY, Farms
from ledger.detect.frame import NEVER_ISSUED, NO_LOT
from ledger.detect.guessers import UNKNOWN
from ledger.detect.sightings import Sightings
from tests.detect.frames import NO_CUSTODY, Row, one_lot, scans_of


def _box(items: int, minutes: float, phones: int = 2) -> list[Row]:
    """Items of cases 8 to 10, scanned one after the other."""
    return [
        Row(1 + i * minutes / 1440, 8 + i % 3, f"phone{i % phones}", f"item{i}")
        for i in range(items)
    ]


def _found(kind: str, rows: list[Row]) -> list[Finding]:
    return detect(scans_of(rows), one_lot(), NO_CUSTODY, kinds=[kind])


def test_a_farm_is_told_at_the_threshold_with_its_devices() -> None:
    """The MANY-th item raises it, if DENSE were scanned within an hour; one fewer does not."""
    (finding,) = _found("farm", _box(MANY, 1))
    assert sorted(finding.devices) == ["phone0", "phone1"]
    assert (finding.evidence.cases, finding.evidence.scans) == ((8, 9, 10), MANY)
    assert _found("farm", _box(MANY - 1, 1)) == []


def test_a_lot_of_few_cases_that_sells_fast_has_no_farm() -> None:
    """Where the window is the lot, or a large part of it, its share of the scans says nothing."""
    rng = np.random.default_rng(5)
    for cases in (1, 4, 10, 400):
        rows = [
            Row(1 + i / 2880, int(rng.integers(cases)), f"one{i}", f"sold{i}") for i in range(900)
        ]
        assert detect(scans_of(rows), one_lot(cases), NO_CUSTODY, kinds=["farm"]) == []
    (finding,) = _found("farm", [*rows, *_box(MANY + 5, 0.5)])
    assert finding.evidence.cases == (8, 9, 10)


def test_a_bar_that_opens_cases_over_days_is_no_farm() -> None:
    """As many items, one in three quarters of an hour, are none."""
    assert _found("farm", _box(2 * MANY, 45)) == []


def _again(day: float, case: int) -> list[Row]:
    return [
        Row(day + i / 1440, case + i // 9, f"late{i}.{day}", f"more{i}.{day}") for i in range(20)
    ]


QUIET = Row(20.0, 300, "else", "other")


def test_a_farm_that_grows_is_told_again_once_it_is_quiet() -> None:
    """Devices that came later are named an hour after the last, each device once, as an update."""
    rows = [*_box(MANY, 1), *_again(1.04, 11)]
    assert len(_found("farm", rows)) == 1
    first, second = _found("farm", [*rows, QUIET])
    assert (first.update_of, second.update_of, second.day) == (None, first.day, QUIET.day)
    names = [*first.devices, *second.devices]
    assert len(names) == len(set(names)) == 22
    assert (second.evidence.scans, second.evidence.cases[-1]) == (MANY + 20, 13)


def test_sessions_near_each_other_are_one_farm() -> None:
    """A second session two days later updates the first; a week later it is no farm by itself."""
    near, late = ([*_box(MANY, 1), *_again(day, 11), QUIET] for day in (3.0, 9.0))
    assert [f.update_of is None for f in _found("farm", near)] == [True, False]
    assert [f.update_of is None for f in _found("farm", late)] == [True]


def test_scans_of_a_farm_are_known_from_the_row_that_shows_it() -> None:
    """The units scanned before that row are known to be the farm's from there on."""
    scans = scans_of([Row(0.5, 200, "else", "other"), *_box(DENSE, 1)])
    nth, _ = Sightings().feed(scans)
    farmed = Farms(one_lot(), 0.05).feed(scans, nth)[1]
    assert farmed == {DENSE: list(range(1, DENSE + 1))}


def test_codes_never_issued_tell_a_guesser() -> None:
    """One device with UNKNOWN such codes is named; the same code again and again is a bad print."""
    tries = [Row(i / 100, -1, "bot", f"no{i}", lot=-1) for i in range(UNKNOWN)]
    bad_print = [Row(i / 100, -1, "user", "smudge", lot=-1) for i in range(9)]
    (finding,) = _found("guess", tries + bad_print)
    assert finding.devices == ("bot",)
    assert _found("guess", tries[:-1] + bad_print) == []


def test_codes_that_were_issued_and_not_shipped_yet_are_no_guesses() -> None:
    """A shop that scans what nobody has shipped tries nothing."""
    rows = [Row(1 + i, -1, "shop", f"c{i}", lot=NO_LOT) for i in range(UNKNOWN + 5)]
    assert _found("guess", rows) == []
    never = [Row(1 + i, -1, "script", f"c{i}", lot=NEVER_ISSUED) for i in range(UNKNOWN)]
    assert [finding.devices for finding in _found("guess", never)] == [("script",)]
