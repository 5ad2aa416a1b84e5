"""Farms and guessers by their rules: at the threshold, not below it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from ledger.detect import Finding, Lots, Scans, detect, farms
from ledger.detect.farms import DENSE, MANY, Farms
from ledger.detect.frame import NEVER_ISSUED, NO_LOT
from ledger.detect.guessers import UNKNOWN
from ledger.detect.sightings import Sightings
from tests.detect.frames import NO_CUSTODY, Row, one_lot, scans_of


def _box(items: int, minutes: float, phones: int = 2, first: int = 8) -> list[Row]:
    """Items of three cases, scanned one after the other."""
    return [
        Row(1 + i * minutes / 1440, first + i % 3, f"phone{i % phones}", f"item{i}")
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


@pytest.mark.parametrize("first", [0, 8, 9, 10, 2**63 - 3])
def test_scans_of_a_farm_are_known_from_the_row_that_shows_it(first: int) -> None:
    """The units scanned before that row are known to be the farm's from there on."""
    box = _box(DENSE, 1, first=first)
    scans = scans_of([Row(0.5, 200, "one", "before"), *box, QUIET])
    nth, _ = Sightings().feed(scans)
    farmed = Farms(one_lot(), 0.05).feed(scans, nth)[1]
    assert farmed == {DENSE: list(range(1, DENSE + 1))}


def _two_lots() -> Lots:
    columns = vars(one_lot(40)).items()
    return Lots(**{name: np.repeat(c, 2, axis=0) for name, c in columns if np.ndim(c)})


def _said(scans: Scans, feeds: int) -> tuple[list[Finding], list[tuple[int, list[int]]]]:
    """What the farms of two lots say of scans that come in so many feeds."""
    nth, _ = Sightings().feed(scans)
    state, findings, farmed = Farms(_two_lots(), 0.05), [], []
    for rows in np.array_split(np.arange(len(scans)), feeds):
        found, known = state.feed(scans.take(rows), nth[rows])
        findings += found
        farmed += [(int(rows[at]), units) for at, units in known.items()]
    return findings, farmed


@pytest.mark.parametrize("feeds", [1, 2, 7])
def test_scans_near_no_dense_window_are_not_asked_and_change_nothing(
    feeds: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Boxes and single sales of two lots, some an hour apart to the instant: looking at each scan
    by itself says the same."""
    farming, asked = 0, 0.0
    for seed in range(40):
        rng = np.random.default_rng(seed)
        rows = []
        for box in range(12):
            day, lot, case = rng.integers(0, 60) / 48, int(rng.integers(2)), int(rng.integers(40))
            many, pace = int(rng.integers(4, 14 if box else 100)), 1 / 24 / rng.integers(4, 20)
            for item in range(many):
                of = min(39, case + int(rng.integers(rng.integers(1, 5))))
                name = f"{box}.{rng.integers(many) if box % 3 else item}"
                rows.append(Row(day + item * pace, of, f"d{rng.integers(9)}", name, lot=lot))
        rows += [
            Row(rng.integers(0, 96) / 48, int(rng.integers(40)), f"p{i}", f"s{i}", lot=i % 2)
            for i in range(60)
        ]
        first = {row.code: row for row in reversed(rows)}
        scans = scans_of([replace(row, case=first[row.code].case) for row in rows])
        said = _said(scans, feeds)
        farming += len(said[1])
        asked += farms.near_dense(scans.lot, scans.case, scans.day, -np.inf).mean() / 40
        with monkeypatch.context() as everything:
            everything.setattr(farms, "near_dense", lambda lot, *_: np.ones(len(lot), np.bool_))
            assert _said(scans, feeds) == said
    assert farming > 1_000
    assert asked < 0.9


@pytest.mark.parametrize("ended", [1.0, 1 + farms.DAYS])
def test_an_hour_lasts_from_one_feed_into_the_next(ended: float) -> None:
    """To the instant: what was scanned an hour ago counts, whether that feed ended there or an hour
    later."""
    box = [Row(1.0, 8, f"p{item}", f"i{item}") for item in range(DENSE - 1)]
    before, late = [*box, Row(ended, 30, "end", "end")], 1 + farms.DAYS
    assert late - farms.DAYS == 1.0
    scans = scans_of([*before, Row(late, 9, "last", "last"), QUIET])
    nth, _ = Sightings().feed(scans)
    state, cut = Farms(one_lot(), 0.05), len(before)
    assert state.feed(scans.take(slice(cut)), nth[:cut])[1] == {}
    ((_, members),) = state.feed(scans.take(slice(cut, None)), nth[cut:])[1].items()
    assert members == [*range(DENSE - 1), DENSE]


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
