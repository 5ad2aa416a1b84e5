"""What a cell knows of each case seen in it, kept one by one and summed over many at once.

Only cases of which an item spoke in the cell are kept: of the others the evidence is what the lot
says. The evidence of a case is ln of a place's part, by alternative, plus ln of a size's part, by
bet; (alternative, bet) are the pairs over which it is averaged.
"""

from __future__ import annotations

import math
from array import array

import numpy as np

from ledger.detect.frame import Floats, Ints
from ledger.detect.lot_count import LOG_MISSED, SCATTERED, LotCount

RETURNS = (0.03, 0.1, 0.3, 0.7)  # part of the cases seen here that were diverted one by one
ALTERNATIVES, BETS = 2, 4
_PARTS = np.array([*RETURNS, *SCATTERED])[:, None, None, None]
_KIND = np.repeat([0, 1], [len(RETURNS), len(SCATTERED)])
_LOG_MISSED = [tuple(column) for column in LOG_MISSED.T.tolist()]
_FREE, _FIRST, _WAVES, _COLUMNS = 6, 8, 9, 10


class CaseTable:
    """The evidence of the cases seen in a cell, a row each. Columns:

    0–1: what the places say but for the items missed, of which those heard here are taken off; 2–5:
    what the sizes say; 6–7: gain of the first group that counts, the place that says nothing; 8:
    whether there is one; 9: what waves explain (`Group`).
    """

    def __init__(self) -> None:
        self._row: dict[int, int] = {}
        self._columns = tuple(array("d") for _ in range(_COLUMNS))
        self._cases = self._order = np.zeros(0, dtype=np.int64)

    def hear(self, case: int, source: int) -> None:
        """An item of the case spoke here: it was not missed."""
        row = self._of(case)
        strict, loose = _LOG_MISSED[source]
        self._columns[0][row] -= strict
        self._columns[1][row] -= loose

    def place(self, case: int, sign: int, gain: tuple[float, float], wave: float) -> None:
        """A group of the case came (1) or went (-1)."""
        row, columns = self._of(case), self._columns
        columns[0][row] += sign * gain[0]
        columns[1][row] += sign * gain[1]
        columns[_WAVES][row] += sign * wave

    def size(self, case: int, sign: int, logs: tuple[float, ...]) -> None:
        """A size, by bet, came or went."""
        row, columns = self._row[case], self._columns
        for bet, log in enumerate(logs, ALTERNATIVES):
            columns[bet][row] += sign * log

    def first(self, case: int, gain: tuple[float, float] | None) -> None:
        """Which gain is free; None: no group of the case counts."""
        row, columns = self._row[case], self._columns
        columns[_FIRST][row] = gain is not None
        columns[_FREE][row], columns[_FREE + 1][row] = gain or (0.0, 0.0)

    def run_logs(self, lot: LotCount, case: int) -> Floats:
        """ln (prior · evidence) of the lot's runs that hold a case, (alternatives, bets, runs)."""
        known, cases = self._known()
        held = lot.runs.holding(case)
        elsewhere = np.zeros((ALTERNATIVES, lot.cases + 1))
        np.cumsum(lot.missed(), axis=1, out=elsewhere[:, 1:])
        here = np.zeros((_FREE, len(cases) + 1))
        np.cumsum(known[:_FREE, self._order], axis=1, out=here[:, 1:])
        ordered = cases[self._order]
        sums = here[:, np.searchsorted(ordered, held.stop)]
        sums -= here[:, np.searchsorted(ordered, held.start)]
        sums[:ALTERNATIVES] += elsewhere[:, held.stop] - elsewhere[:, held.start] + held.log_prior
        logs: Floats = sums[:ALTERNATIVES, None] + sums[None, ALTERNATIVES:]
        return logs

    def single(self, lot: LotCount) -> float:
        """ln of the evidence that cases were diverted one by one: half by those seen here, but for
        the place of their first groups, half by all cases, but for what a wave explains."""
        known, cases = self._known()
        place = known[:ALTERNATIVES] + lot.missed()[:, cases]
        size, first = known[ALTERNATIVES:_FREE], known[_FIRST]
        both = np.stack(((place - known[_FREE:_FIRST]) * first, place - known[_WAVES]))
        logs = both[:, :, None] + np.stack((size * first, size))[:, None]
        each = np.log(1 - _PARTS + _PARTS * np.exp(np.minimum(logs, 600.0))[_KIND]).sum(axis=3)
        each[len(RETURNS) :] += lot.silent(cases)[:, :, None]
        returned, scattered = _mean(each[: len(RETURNS)]), _mean(each[len(RETURNS) :])
        top = max(returned, scattered)
        return top + math.log(0.5 * math.exp(returned - top) + 0.5 * math.exp(scattered - top))

    def returned(self, lot: LotCount) -> tuple[Ints, Floats]:
        """Cases with groups, and ln evidence of each but for the first group's place, float64
        (alternatives, bets, cases)."""
        known, cases = self._known()
        rows = np.flatnonzero(known[_FIRST])
        known, cases = known[:, rows], cases[rows]
        place = known[:ALTERNATIVES] + lot.missed()[:, cases] - known[_FREE:_FIRST]
        return cases, place[:, None] + known[ALTERNATIVES:_FREE]

    def _known(self) -> tuple[Floats, Ints]:
        """All columns, float64 (columns, cases), and the cases."""
        if len(self._cases) < len(self._row):
            self._cases = np.array(list(self._row))
            self._order = np.argsort(self._cases)
        return np.array([np.frombuffer(column) for column in self._columns]), self._cases

    def _of(self, case: int) -> int:
        """The row of a case."""
        row = self._row.get(case)
        if row is None:
            for column in self._columns:
                column.append(0.0)
            row = self._row[case] = len(self._row)
        return row


def _mean(logs: Floats) -> float:
    """ln of the mean of e^logs."""
    top = float(logs.max())
    return top + math.log(float(np.exp(logs - top).mean()))
