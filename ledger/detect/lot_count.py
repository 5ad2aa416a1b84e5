"""What the cells of a lot share: how many items have spoken, by case, and from what sources."""

from __future__ import annotations

from array import array
from collections import deque

import numpy as np

from ledger.detect.frame import Floats
from ledger.detect.runs import Runs

# by alternative and source (gps, ip_fixed, ip_mobile, none): P(a diverted item's first scan states
# another region), wrong places and buyers who travel; the second: half of a case was diverted
MISSED = np.array([[0.05, 0.10, 0.25, 0.15], [0.5, 0.5, 0.5, 0.5]])
LOG_MISSED, LOG_HIT = np.log(MISSED), np.log(1 - MISSED)
OUTSIDE = (0.08, 0.1, 0.22, 0.1)  # by source: part that lies outside, known beforehand
SOURCE_WEIGHT = 50.0  # as if from so many scans
RECENT_DAYS = 28
_LOG_MISSED = [tuple(column) for column in LOG_MISSED.T.tolist()]


class LotCount:
    """What the cells of a lot share: how many items have spoken, by case, and the candidate runs.

    An item speaks once, by its first scan with a known place. missed: for each alternative the sum
    over a case's items of ln P(stated elsewhere), as if it had been diverted, float64 (cases,).
    """

    def __init__(self, cases: int, per_pallet: int) -> None:
        self.cases = cases
        self.runs = Runs(cases, per_pallet)
        self.spoken = 0
        self.recent = 0
        self._days: deque[list[int]] = deque()
        self._strict, self._loose = array("d", bytes(8 * cases)), array("d", bytes(8 * cases))
        self.items = array("q", bytes(8 * cases))
        self._by_source = [SOURCE_WEIGHT] * len(OUTSIDE)
        self._outside = [SOURCE_WEIGHT * share for share in OUTSIDE]

    @property
    def missed(self) -> list[Floats]:
        """By alternative; views, to be let go before the lot grows."""
        return [np.frombuffer(self._strict), np.frombuffer(self._loose)]

    def grow(self, cases: int) -> None:
        """More cases of the lot went to its consignee; they follow those known."""
        for column in (self._strict, self._loose, self.items):
            column.frombytes(bytes(8 * (cases - self.cases)))
        self.cases = cases
        self.runs = Runs(cases, self.runs.per_pallet)

    def speak(self, case: int, source: int, today: int, outside: bool) -> None:
        """Count an item's first scan, wherever it states to be. outside: not in its territory."""
        self.spoken += 1
        self._by_source[source] += 1
        self._outside[source] += outside
        self.items[case] += 1
        strict, loose = _LOG_MISSED[source]
        self._strict[case] += strict
        self._loose[case] += loose
        days = self._days
        if not days or days[-1][0] != today:
            days.append([today, 0])
            while days[0][0] < today - RECENT_DAYS:
                self.recent -= days.popleft()[1]
        days[-1][1] += 1
        self.recent += 1

    def lift(self, source: int) -> float:
        """How much likelier than others a scan of this source is to lie outside the territory."""
        outside, by_source = self._outside, self._by_source
        return outside[source] / by_source[source] * sum(by_source) / sum(outside)
