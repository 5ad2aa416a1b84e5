"""What the cells of a lot share: how many items have spoken, by case, and from what sources."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass

import numpy as np

from ledger.detect.frame import Bools, Floats, Ints
from ledger.detect.runs import Runs

# by alternative and source (gps, ip_fixed, ip_mobile, none): P(a diverted item's first scan states
# another region), wrong places and buyers who travel; the second: half of a case was diverted
MISSED = np.array([[0.05, 0.10, 0.25, 0.15], [0.5, 0.5, 0.5, 0.5]])
LOG_MISSED, LOG_HIT = np.log(MISSED), np.log(1 - MISSED)
_MISSED_BY = [(strict, loose) for strict, loose in LOG_MISSED.T.tolist()]
OUTSIDE = (0.08, 0.1, 0.22, 0.1)  # by source: part that lies outside, known beforehand
SOURCE_WEIGHT = 50.0  # as if from so many scans
RECENT_DAYS = 28
SCATTERED = (0.01, 0.03, 0.1)  # part of all cases of the lot that were diverted one by one
_PARTS = np.array(SCATTERED)[:, None, None]


class LotCount:
    """What the cells of a lot share: how many items have spoken, by case, and the candidate runs.

    An item speaks once, by its first scan with a known place. Items are taken in by the batch, and
    count from `listen` on: what a cell asks is of the items that spoke up to a row.

    spoken: items so far; recent: those of the last RECENT_DAYS days; lift: how much likelier than
    others a scan of the last one's source is to lie outside the territory. items: by case.
    """

    def __init__(self, cases: int, per_pallet: int) -> None:
        self.cases = cases
        self.runs = Runs(cases, per_pallet)
        self.spoken = 0
        self.recent = 0
        self.lift = 1.0
        self.items = [0] * cases
        self._strict, self._loose = [0.0] * cases, [0.0] * cases
        self._missed = np.zeros((len(MISSED), cases))
        self._silent = np.zeros((len(SCATTERED), len(MISSED), cases))
        self._by_source = np.full(len(OUTSIDE), SOURCE_WEIGHT)
        self._outside = SOURCE_WEIGHT * np.array(OUTSIDE)
        self._days, self._on_day = np.zeros((2, 0), dtype=np.int64)  # of late, and items on each
        self._batch = _Batch.of_none()
        self._at = self._settled = 0  # in the batch: heard, and in `_missed`

    def grow(self, cases: int) -> None:
        """More cases of the lot went to its consignee; they follow those known."""
        self.items += [0] * (cases - self.cases)
        self._strict += [0.0] * (cases - self.cases)
        self._loose += [0.0] * (cases - self.cases)
        self._missed = np.pad(self._missed, ((0, 0), (0, cases - self.cases)))
        self._silent = np.pad(self._silent, ((0, 0), (0, 0), (0, cases - self.cases)))
        self.cases = cases
        self.runs = Runs(cases, self.runs.per_pallet)

    def take(self, rows: Ints, case: Ints, source: Ints, today: Ints, outside: Bools) -> None:
        """The next items to speak, in order; those before have been heard. Arrays of one length.

        rows: ascending, by which `listen` knows them. today: whole days. outside: not in the
        lot's territory.
        """
        self.settle()
        came = np.arange(1, len(rows) + 1)
        kinds = np.equal.outer(source, np.arange(len(OUTSIDE)))
        by_source = self._by_source + np.cumsum(kinds, axis=0)
        beyond = self._outside + np.cumsum(kinds & outside[:, None], axis=0)
        share = beyond[came - 1, source] / by_source[came - 1, source]
        lift = share * by_source.sum(axis=1) / beyond.sum(axis=1)
        since = today - RECENT_DAYS
        earlier = np.append(np.cumsum(self._on_day[::-1])[::-1], 0)
        recent = came - np.searchsorted(today, since) + earlier[np.searchsorted(self._days, since)]
        self._by_source, self._outside = by_source[-1], beyond[-1]
        late = self._days >= since[-1]
        days, number = np.unique(np.append(self._days[late], today), return_inverse=True)
        items = np.append(self._on_day[late], np.ones(len(today)))
        self._days, self._on_day = days, np.bincount(number, items).astype(np.int64)
        self._batch = _Batch(
            self.spoken, rows.tolist(), case.tolist(), source.tolist(), recent.tolist(),
            lift.tolist(), case, source,
        )  # fmt: skip
        self._at = self._settled = 0

    def listen(self, row: int) -> None:
        """Count the items of the batch up to this row."""
        batch = self._batch
        at = bisect_right(batch.rows, row, self._at)
        if at == self._at:
            return
        items, strict, loose = self.items, self._strict, self._loose
        new = slice(self._at, at)
        for case, source in zip(batch.cases[new], batch.sources[new], strict=True):
            items[case] += 1
            log = _MISSED_BY[source]
            strict[case] += log[0]
            loose[case] += log[1]
        self._at = at
        self.spoken = batch.before + at
        self.recent = batch.recent[at - 1]
        self.lift = batch.lift[at - 1]

    def settle(self) -> None:
        """Hear the batch to its end, and let go of it."""
        if self._batch.rows:
            self.listen(self._batch.rows[-1])
            self.missed()
            self._batch = _Batch.of_none()
            self._at = self._settled = 0

    def missed_of(self, case: int) -> tuple[float, float]:
        """`missed` of one case, at once."""
        return self._strict[case], self._loose[case]

    def missed(self) -> Floats:
        """For each alternative the sum over a case's items of ln P(stated elsewhere), as if it had
        been diverted: float64 (alternatives, cases); not to be changed."""
        if self._settled < self._at:
            new = slice(self._settled, self._at)
            case, log = self._batch.case[new], LOG_MISSED[:, self._batch.source[new]]
            for sums, logs in zip(self._missed, log, strict=True):
                np.add.at(sums, case, logs)
            self._silent[:, :, case] = np.log(1 - _PARTS + _PARTS * np.exp(self._missed[:, case]))
            self._settled = self._at
        return self._missed

    def silent(self, seen: Ints) -> Floats:
        """ln Π (1 − part + part · P(stated elsewhere)) over the cases but those `seen` in a cell,
        by SCATTERED and alternative."""
        self.missed()
        logs: Floats = self._silent.sum(axis=2) - self._silent[:, :, seen].sum(axis=2)
        return logs


@dataclass(frozen=True, slots=True)
class _Batch:
    """Items on their way: as lists for one at a time, as arrays for many. before: items that had
    spoken."""

    before: int
    rows: list[int]
    cases: list[int]
    sources: list[int]
    recent: list[int]
    lift: list[float]
    case: Ints
    source: Ints

    @classmethod
    def of_none(cls) -> _Batch:
        """Nothing to come."""
        none = np.zeros(0, dtype=np.int64)
        return cls(0, [], [], [], [], [], none, none)
