"""What a cell knows of each case seen in it, kept one by one and summed over many at once.

Only cases of which an item spoke in the cell are kept: of the others the evidence is what the lot
says. The evidence of a case is ln of a place's part, by alternative, plus ln of a size's part, by
bet; (alternative, bet) are the pairs over which it is averaged.
"""

from __future__ import annotations

import math
from array import array
from collections.abc import Sequence

import numpy as np

from ledger.detect.frame import Floats, Ints
from ledger.detect.lot_count import LOG_MISSED, SCATTERED, LotCount
from ledger.detect.runs import Holding

RETURNS = (0.03, 0.1, 0.3, 0.7)  # part of the cases seen here that were diverted one by one
ALTERNATIVES, BETS = 2, 4
_PARTS = np.array([*RETURNS, *SCATTERED])[:, None, None, None]
_REST = 1 - _PARTS
_SHARES = [0.5 / len(RETURNS)] * len(RETURNS) + [0.5 / len(SCATTERED)] * len(SCATTERED)
_LOG_SHARE = np.log(np.array(_SHARES) / (ALTERNATIVES * BETS))[:, None, None]
_KIND = np.repeat([0, 1], [len(RETURNS), len(SCATTERED)])
_LOG_MISSED = [tuple(column) for column in LOG_MISSED.T.tolist()]
_FREE, _FIRST, _WAVES, _BEFORE, _HEARD, _WIDTH = 6, 8, 9, 10, 12, 14
_EMPTY = array("d", bytes(8 * _WIDTH))


class CaseTable:
    """The evidence of the cases seen in a cell, a row of numbers each:

    0–1: what the places say but for the items missed; 2–5: what the sizes say; 6–7: gain of the
    first group that counts, the place that says nothing; 8: whether there is one; 9: what waves
    explain (`Group`); 10–11: what the items missed before that first group say; 12–13: the items
    heard here, which were not missed.
    """

    def __init__(self) -> None:
        self._row: dict[int, int] = {}  # where in `_numbers` the row of a case begins
        self._numbers = array("d")
        self._cases = self._order = np.zeros(0, dtype=np.int64)
        self._columns: Floats | None = None  # of `_known`, until a number changes

    def hear(self, case: int, source: int) -> None:
        """An item of the case spoke here: it was not missed."""
        row, numbers = self._row.get(case), self._numbers
        if row is None:
            row = self._row[case] = len(numbers)
            numbers.extend(_EMPTY)
        self._columns = None
        strict, loose = _LOG_MISSED[source]
        numbers[row + _HEARD] -= strict
        numbers[row + _HEARD + 1] -= loose

    def opened(
        self,
        case: int,
        gain: tuple[float, float],
        wave: float,
        sizes: tuple[float, ...],
        said: Sequence[float],
    ) -> tuple[float, float]:
        """A group of the case, of one item that was heard, came. sizes: by bet; said: what all
        items of the case say, by alternative; what those of them that were missed say."""
        row, numbers = self._row[case], self._numbers
        self._columns = None
        numbers[row] += gain[0]
        numbers[row + 1] += gain[1]
        none, slow, second, fast = sizes
        numbers[row + 2] += none
        numbers[row + 3] += slow
        numbers[row + 4] += second
        numbers[row + 5] += fast
        numbers[row + _WAVES] += wave
        before = said[0] + numbers[row + _HEARD], said[1] + numbers[row + _HEARD + 1]
        if not numbers[row + _FIRST]:
            self.first(case, gain, before)
        return before

    def withdrawn(self, case: int, gain: tuple[float, float], wave: float) -> None:
        """A group of the case, of which no item is left, went."""
        row, numbers = self._row[case], self._numbers
        self._columns = None
        numbers[row] -= gain[0]
        numbers[row + 1] -= gain[1]
        numbers[row + _WAVES] -= wave

    def size(self, case: int, sign: int, logs: tuple[float, ...]) -> None:
        """A size, by bet, came or went."""
        row, numbers = self._row[case] + ALTERNATIVES, self._numbers
        self._columns = None
        none, slow, second, fast = logs
        numbers[row] += sign * none
        numbers[row + 1] += sign * slow
        numbers[row + 2] += sign * second
        numbers[row + 3] += sign * fast

    def first(
        self, case: int, gain: tuple[float, float] | None, before: tuple[float, float] = (0.0, 0.0)
    ) -> None:
        """Which gain is free, and what was missed before it; None: no group of the case counts."""
        row, numbers = self._row[case], self._numbers
        self._columns = None
        numbers[row + _FIRST] = gain is not None
        numbers[row + _FREE], numbers[row + _FREE + 1] = gain or (0.0, 0.0)
        numbers[row + _BEFORE], numbers[row + _BEFORE + 1] = before

    def log_e(self, lot: LotCount, case: int) -> float:
        """ln of the evidence: half of it the runs that hold a case, half the cases one by one."""
        return self._log_e(lot, _log_sum(self.run_logs(lot, case)))

    def whole_log_e(self, lot: LotCount) -> float:
        """The same with all runs."""
        until = self._until(lot)
        parts = [_log_sum(_run_logs(held, *until)) for held in lot.runs.every()]
        return self._log_e(lot, _log_sum(np.array(parts)))

    def _log_e(self, lot: LotCount, runs: float) -> float:
        by_runs = runs - math.log(ALTERNATIVES * BETS)
        return float(np.logaddexp(by_runs, self._single(lot))) + math.log(0.5)

    def run_logs(self, lot: LotCount, case: int) -> Floats:
        """ln (prior · evidence) of the lot's runs that hold a case, (alternatives, bets, runs)."""
        return _run_logs(lot.runs.holding(case), *self._until(lot))

    def _until(self, lot: LotCount) -> tuple[Floats, Floats, Ints]:
        """What is known up to each case, which runs are differences of: what the items missed say,
        (alternatives, cases of the lot + 1); what the cases seen here say, (_FREE, cases seen + 1);
        and the latter."""
        known, cases = self._known()
        elsewhere = np.zeros((ALTERNATIVES, lot.cases + 1))
        lot.missed().cumsum(axis=1, out=elsewhere[:, 1:])
        here = np.zeros((_FREE, len(cases) + 1))
        known[:_FREE].cumsum(axis=1, out=here[:, 1:])
        return elsewhere, here, cases

    def _single(self, lot: LotCount) -> float:
        """ln of the evidence that cases were diverted one by one: half by those seen here, from
        their first groups on, half by all cases, but for what a wave explains."""
        known, cases = self._known()
        place = known[:ALTERNATIVES] + lot.missed().take(cases, axis=1)
        size, first = known[ALTERNATIVES:_FREE], known[_FIRST]
        logs = np.empty((2, ALTERNATIVES, BETS, len(cases)))
        np.add(((place - known[_FREE:_FIRST]) * first)[:, None], size * first, out=logs[0])
        np.add((place - known[_WAVES])[:, None], size, out=logs[1])
        each = np.exp(np.minimum(logs, 600.0, out=logs), out=logs).take(_KIND, axis=0)
        each *= _PARTS
        each += _REST
        sums = np.log(each, out=each).sum(axis=3)
        likely = _PARTS[: len(RETURNS), :, 0] * np.exp(known[_BEFORE:_HEARD])
        likely += _REST[: len(RETURNS), :, 0]
        sums[: len(RETURNS)] -= np.log(likely).sum(axis=2)[:, :, None]
        sums += _LOG_SHARE
        sums[len(RETURNS) :] += lot.silent(cases)[:, :, None]
        return _log_sum(sums)

    def returned(self, lot: LotCount) -> tuple[Ints, Floats]:
        """Cases with groups, and ln evidence of each but for the first group's place, float64
        (alternatives, bets, cases)."""
        known, cases = self._known()
        rows = np.flatnonzero(known[_FIRST])
        known, cases = known[:, rows], cases[rows]
        place = known[:ALTERNATIVES] + lot.missed()[:, cases] - known[_FREE:_FIRST]
        return cases, place[:, None] + known[ALTERNATIVES:_FREE]

    def _known(self) -> tuple[Floats, Ints]:
        """The rows as columns, float64 (numbers, cases), and the cases, ascending; not to be
        changed."""
        if self._columns is not None:
            return self._columns, self._cases
        if len(self._cases) < len(self._row):
            cases = np.fromiter(self._row, np.int64, len(self._row))
            self._order = cases.argsort()
            self._cases = cases[self._order]
        rows = np.frombuffer(self._numbers).reshape(-1, _WIDTH)
        known = rows.T.take(self._order, axis=1)
        known[:ALTERNATIVES] += known[_HEARD:]
        self._columns = known
        return known, self._cases


def _run_logs(held: Holding, elsewhere: Floats, here: Floats, cases: Ints) -> Floats:
    """ln (prior · evidence) of runs, (alternatives, bets, runs), from what `_until` tells."""
    sums = here.take(cases.searchsorted(held.edges), axis=1)
    sums[:ALTERNATIVES] += elsewhere.take(held.edges, axis=1)
    many = len(held.start)
    logs = sums[:, many:] - sums[:, :many]
    logs[:ALTERNATIVES] += held.log_prior
    found: Floats = logs[:ALTERNATIVES, None] + logs[None, ALTERNATIVES:]
    return found


def _log_sum(logs: Floats) -> float:
    """ln Σ exp."""
    top = float(logs.max())
    return top + math.log(float(np.exp(logs - top).sum()))
