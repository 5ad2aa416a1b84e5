"""The one way in: no future, no dependence on names, a stated rate."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from ledger.detect import Custody, Detection, Finding, Lots, Scans, detect
from ledger.services.worlds.simulator import Settings, simulate
from tests.detect.frames import NO_CUSTODY, Row, one_lot, scans_of


def _lines(findings: list[Finding]) -> list[str]:
    return [json.dumps(finding.line(), ensure_ascii=False) for finding in findings]


def _world(seed: int) -> tuple[Scans, Lots, Custody]:
    """A pallet diverted, a code copied, a farm, a guesser and honest travellers in one lot."""
    rng = np.random.default_rng(seed)
    rows = []
    for i in range(80):
        case = int(rng.integers(120, 140))
        rows.append(Row(float(rng.uniform(20, 70)), case, f"buyer{i}", f"item{i}"))
    for i in range(300):
        where = (0, 0, 0, 5, 6, 7)[int(rng.integers(6))]
        case = int(rng.integers(400))
        rows.append(Row(float(rng.uniform(0, 80)), case, f"guest{i}", f"gone{i}", region=where))
    for i in range(20):
        lat, lon = ((31.2, 121.5), (39.9, 116.4), (23.1, 113.3))[i % 3]
        day = float(rng.uniform(30, 60))
        rows.append(Row(day, 300, f"fake{i}", "copied", region=10 + i % 3, lat=lat, lon=lon))
    for i in range(90):
        rows.append(Row(50 + i / 1440, 30 + i % 6, f"farm{i % 7}", f"box{i}", region=0))
    for i in range(50):
        rows.append(Row(55 + i / 1440, -1, f"bot{i % 5}", f"no{i}", lot=-1))
    return scans_of(rows), one_lot(), NO_CUSTODY


def test_all_kinds_are_found_in_order_of_day() -> None:
    """Each kind of cheating in the world is told, the first raised first."""
    findings = detect(*_world(1))
    assert {finding.kind for finding in findings} == {"clone", "diversion", "farm", "guess"}
    assert [f.day for f in findings] == sorted(f.day for f in findings)


@pytest.mark.parametrize("seed", [1, 2])
def test_nothing_of_the_future_is_seen(seed: int) -> None:
    """For five cut days, the findings of the world cut there are those of the whole up to then."""
    scans, lots, custody = _world(seed)
    whole = detect(scans, lots, custody)
    days = [finding.day for finding in whole]
    for cut in (days[0], days[len(days) // 2], 45.5, 52.0, days[-1] - 1e-9):
        cut_world = scans.take(scans.day <= cut)
        expected = _lines([finding for finding in whole if finding.day <= cut])
        assert _lines(detect(cut_world, lots, custody)) == expected


def test_a_simulated_world_shows_no_future_and_no_seams() -> None:
    """With everything that cheats do in it, cut at five days and fed in uneven pieces, the lines
    are those of the whole, byte for byte."""
    attacks = ("diversion", "mixed", "clone", "farm", "guess")
    world = simulate(43, Settings(scans=30_000), attacks=attacks)
    scans, lots, custody = world.scans, world.lots, world.custody
    whole = detect(scans, lots, custody)
    assert {finding.kind for finding in whole} == {"clone", "diversion", "farm", "guess"}
    for cut in (40.0, 70.0, 100.0, 130.0, whole[-1].day - 1e-9):
        cut_world = scans.take(scans.day <= cut)
        expected = _lines([finding for finding in whole if finding.day <= cut])
        assert _lines(detect(cut_world, lots, custody)) == expected
    state = Detection(lots, custody)
    pieces = np.split(np.arange(len(scans)), [5, 900, 901, 12_000, 29_000])
    found = [finding for piece in pieces for finding in state.feed(scans.take(piece))]
    assert _lines(found) == _lines(whole)


@pytest.mark.parametrize("size", [1, 7, 100])
def test_fed_piece_by_piece_the_findings_are_the_same(size: int) -> None:
    """However the scans are cut into feeds, the findings are those of all at once."""
    scans, lots, custody = _world(1)
    state = Detection(lots, custody)
    found: list[Finding] = []
    for start in range(0, len(scans), size):
        found += state.feed(scans.take(slice(start, start + size)))
    assert _lines(found) == _lines(detect(scans, lots, custody))


def test_lots_may_be_added_while_scans_come() -> None:
    """A second lot that is known only from its first scan on is found all the same."""
    scans, lots, custody = _world(1)
    columns = {name: getattr(lots, name) for name in lots.__dataclass_fields__}
    both = Lots(**{k: np.repeat(v, 2, axis=0) for k, v in columns.items() if v is not None})
    second = scans.take(scans.day > 40)
    state = Detection(lots, custody, kinds=["clone"])
    first = state.feed(scans.take(scans.day <= 40))
    state.know(both, custody)
    later = state.feed(replace(second, lot=np.where(second.lot == 0, 1, -1)))
    assert len(first + later) == 1


def test_a_lot_may_grow_while_scans_come() -> None:
    """A consignment of 130 cases that grows to 400 raises what one of 400 does."""
    scans, lots, custody = _world(1)
    early = (scans.case < 130) & (scans.day < 30)
    state = Detection(one_lot(130), custody, kinds=["diversion"])
    found = state.feed(scans.take(early))
    state.know(lots, custody)
    found += state.feed(scans.take(scans.day >= 30))
    assert [(f.lot, f.region) for f in found] == [(7, 5)]
    assert {*range(125, 140)} <= set(found[0].evidence.cases)


def test_scans_out_of_order_are_refused_and_leave_nothing() -> None:
    """A feed that goes back in time is refused whole."""
    scans, lots, custody = _world(1)
    state = Detection(lots, custody)
    found = state.feed(scans.take(slice(0, 200)))
    with pytest.raises(ValueError, match="in order of day"):
        state.feed(scans.take(slice(100, 300)))
    with pytest.raises(ValueError, match="in order of day"):
        state.feed(scans.take(np.array([250, 240])))
    found += state.feed(scans.take(slice(200, len(scans))))
    assert _lines(found) == _lines(detect(scans, lots, custody))


def test_a_stricter_rate_finds_no_more() -> None:
    """What is found at 1 % is found at 10 % too, no later."""
    strict = {(f.kind, f.lot, f.region, f.code): f.day for f in detect(*_world(1), fdr=0.01)}
    loose = {(f.kind, f.lot, f.region, f.code): f.day for f in detect(*_world(1), fdr=0.1)}
    assert set(strict) <= set(loose)
    assert all(loose[cause] <= day for cause, day in strict.items())


def test_an_empty_world_has_no_findings() -> None:
    """No scans, no findings."""
    assert detect(scans_of([]), one_lot(), NO_CUSTODY) == []


@pytest.mark.parametrize("fdr", [0.0, 1.0, -0.1, float("nan")])
def test_a_rate_that_is_none_is_refused(fdr: float) -> None:
    """The stated rate lies between 0 and 1."""
    with pytest.raises(ValueError, match="fdr"):
        detect(*_world(1), fdr=fdr)
