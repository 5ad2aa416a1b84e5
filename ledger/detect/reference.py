"""Where in a lot the scans of other regions come from: what a run's share is held against."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ledger.detect.frame import Floats, Ints, Scans
from ledger.detect.grouping import firsts, ids

REFERENCE_DAYS = 7.0
SMOOTHING = 4.0  # scans a case is credited with before any are seen


@dataclass(frozen=True)
class Reference:
    """Where in the lot scans elsewhere came from: for each week, cumulated over cases.

    week: int64 (k,), region: int64 (k,), case: int64 (k,) of the lot's distinct (unit, region).
    """

    week: Ints
    region: Ints
    case: Ints
    cases: int

    @classmethod
    def of(cls, scans: Scans, rows: Ints, cases: int) -> Reference:
        """From all scans of one lot (their rows, in order) that have a case and a region."""
        case = scans.case[rows]
        rows = rows[(case >= 0) & (case < cases) & (scans.region[rows] >= 0)]
        rows = rows[firsts(ids(scans.unit[rows], scans.region[rows]))]
        week = np.floor(scans.day[rows] / REFERENCE_DAYS).astype(np.int64)
        return cls(week, scans.region[rows], scans.case[rows], cases)

    def elsewhere(self, region: int, first_week: int, last_week: int) -> Floats:
        """Smoothed cumulated counts before each week, float64 (weeks, cases + 1)."""
        use = self.region != region
        week = np.clip(self.week[use] + 1 - first_week, 0, last_week - first_week + 1)
        weeks = last_week - first_week + 1
        flat = np.bincount(week * self.cases + self.case[use], minlength=(weeks + 1) * self.cases)
        counts = flat.reshape(weeks + 1, self.cases)[:weeks].cumsum(axis=0) + SMOOTHING
        table = np.zeros((weeks, self.cases + 1))
        np.cumsum(counts, axis=1, out=table[:, 1:])
        return table
