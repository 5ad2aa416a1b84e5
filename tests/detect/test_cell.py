"""The evidence of one cell: what its definition says, and able to take back."""

from __future__ import annotations

import numpy as np
import pytest

from ledger.detect.cell import Cell, Group
from ledger.detect.diversion import traced
from ledger.detect.lot_count import LotCount
from ledger.detect.stream import PROMISE
from tests.detect.frames import NO_CUSTODY, Row, one_lot, scans_of
from tests.detect.honest import AWAY, Habits, diverted_rows, honest_rows
from tests.detect.plain import plain_log_e

CASES = 60


@pytest.mark.parametrize("seed", range(6))
def test_the_evidence_is_what_its_definition_says(seed: int) -> None:
    """At every look of a cell with travellers, gifts and a diversion, the fast evidence is that of
    the plain sum over runs and cases; so is the price of entry, over all runs."""
    rng = np.random.default_rng(seed)
    rows = honest_rows(rng, Habits(cases=CASES, scanned=0.1, leak=0.08))
    rows += diverted_rows(rng, [20, 21, 22, 40] if seed % 2 else [7, 30, 50], 12, 40.0)
    rows = [_from(row, int(rng.integers(4))) for row in rows]
    rows.sort(key=lambda row: row.day)
    again = traced(scans_of(rows), one_lot(CASES), NO_CUSTODY, 0, AWAY)
    assert again is not None and len(again.looks) > 5
    for row, log_e in again.looks[:-1]:
        assert log_e == pytest.approx(plain_log_e(rows[: row + 1], CASES, 20, AWAY), abs=1e-8)
    entry = next(row for row, log_e in again.looks if log_e >= PROMISE)
    price = plain_log_e(rows[: entry + 1], CASES, 20, AWAY, whole=True)
    assert again.log_price == pytest.approx(price, abs=1e-8)


def _from(row: Row, source: int) -> Row:
    names = ("gps", "ip_fixed", "ip_mobile", "none")
    return Row(row.day, row.case, row.device, row.code, region=row.region, source=names[source])


def _cell(cases: list[int], unsold: range = range(0)) -> Cell:
    """A cell after 400 items spoke at home, none of the cases in `unsold`, and one item of each of
    `cases` here, a day each."""
    lot = LotCount(CASES, 20)
    sold = [case for case in range(CASES) if case not in cases and case not in unsold]
    for number in range(400):
        _hear(lot, sold[number % len(sold)], 0, False)
    cell = Cell(lot)
    for day, case in enumerate(cases):
        _speak(cell, case, float(day))
    return cell


def _hear(lot: LotCount, case: int, day: int, outside: bool) -> None:
    one, zero = np.array([case]), np.zeros(1, dtype=np.int64)
    lot.take(zero, one, zero, np.array([day]), np.array([outside]))
    lot.listen(0)


def _speak(cell: Cell, case: int, day: float) -> None:
    _hear(cell.lot, case, int(day), True)
    cell.last = _seen(cell, case, day) or cell.last


def _seen(cell: Cell, case: int, day: float) -> Group | None:
    cell.hear(0, case, 0)
    return cell.add(case, day, int(day), 0)


def test_goods_of_one_run_and_of_nowhere_else_give_evidence() -> None:
    """Five groups of a run whose other items were not seen pass any level in use."""
    assert _cell([20, 24, 28, 32, 36], range(20, 37)).log_e() > np.log(1e5)


def test_the_same_goods_seen_at_home_too_give_none() -> None:
    """Where their cases are sold at home as well, they are gifts."""
    cell = _cell([20, 24, 28, 32, 36], range(20, 37))
    for case in range(18, 40):
        for _ in range(3):
            _hear(cell.lot, case, 9, False)
    assert cell.log_e() < 1.0


def test_a_higher_leak_rate_of_all_cases_is_no_evidence() -> None:
    """Travellers from all over a lot that sells at home, however many, stay below one."""
    rng = np.random.default_rng(3)
    cell = _cell([])
    for day, case in enumerate(rng.permutation(CASES)[:30].tolist()):
        _speak(cell, case, float(day))
    assert cell.log_e() < 0


def test_mixed_single_cases_show_by_coming_back() -> None:
    """Three cases, far from each other, each with groups a month apart and nothing at home."""
    cell = _cell([5, 25, 45])
    for month in (1, 2, 3):
        for case in (5, 25, 45):
            _speak(cell, case, 30.0 * month)
    assert cell.log_e() > np.log(1e5)


def test_what_is_withdrawn_leaves_no_trace() -> None:
    """After counting and withdrawing one observation the evidence is what it was."""
    cell, other = _cell([20, 24, 50]), _cell([20, 24, 50])
    for one in (cell, other):
        one.log_e()
        _hear(one.lot, 28, 3, True)
    group = _seen(cell, 28, 3.0)
    other.hear(0, 28, 0)
    assert group is not None
    assert cell.log_e() != other.log_e()
    cell.remove(group)
    assert cell.log_e() == pytest.approx(other.log_e())


def test_a_second_item_of_the_same_day_and_place_counts_nothing() -> None:
    """A box opened at one table is one event, whichever of the cases beside it the items are of."""
    cell = _cell([5])
    assert [_seen(cell, 6, 0.4), _seen(cell, 8, 0.5)] == [None, None]
    assert _seen(cell, 9, 0.6) is not None


def test_an_item_beside_a_group_within_two_weeks_joins_it_and_later_opens_another() -> None:
    """Gifts are one case or its neighbour, and are scanned within GIFT_DAYS."""
    cell = _cell([5])
    first = cell.groups[0]
    assert (_seen(cell, 6, 14.0), first.size) == (first, 2)
    assert _seen(cell, 6, 15.5) is not first
    assert cell.alive == 2


def test_a_cell_is_looked_at_only_near_other_groups() -> None:
    """A lone traveller is not worth a look, a neighbour of two others is."""
    cell = _cell([5, 20, 22])
    lone = _seen(cell, 50, 20.0)
    near = _seen(cell, 24, 21.0)
    assert lone is not None and near is not None
    assert [cell.is_near(lone), cell.is_near(near)] == [False, True]
