"""What the cells of a lot share: how many items have spoken, by case, and from what sources."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from ledger.detect.frame import Bools, Floats, Ints
from ledger.detect.runs import Runs

# by alternative and source (gps, ip_fixed, ip_mobile, none): P(a diverted item's first scan states
# another region), wrong places and buyers who travel; the second: half of a case was diverted
MISSED = np.array([[0.05, 0.10, 0.25, 0.15], [0.5, 0.5, 0.5, 0.5]])
LOG_MISSED, LOG_HIT = np.log(MISSED), np.log(1 - MISSED)
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
    others a scan of the last one's source is to lie outside the territory; said: what the items of
    its case so far say (`missed`), by alternative. The last three are those of the last item that
    spoke outside: no cell asks at another.
    """

    def __init__(self, cases: int, per_pallet: int) -> None:
        self.cases = cases
        self.runs = Runs(cases, per_pallet)
        self.spoken = 0
        self.recent = 0
        self.lift = 1.0
        self.said = [0.0, 0.0]
        self._items = [0] * cases
        self._missed = np.zeros((len(MISSED), cases))
        self._silent = np.zeros((len(SCATTERED), len(MISSED), cases))
        self._by_source = np.full(len(OUTSIDE), SOURCE_WEIGHT)
        self._outside = SOURCE_WEIGHT * np.array(OUTSIDE)
        self._days, self._on_day = np.zeros((2, 0), dtype=np.int64)  # of late, and items on each
        self._batch = _Batch.of_none(0)
        self._at = self._settled = self._counted = 0  # in the batch: heard, in `_missed`, `_items`

    def grow(self, cases: int) -> None:
        """More cases of the lot went to its consignee; they follow those known."""
        self._items += [0] * (cases - self.cases)
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
        said, again = self._said(case, source)
        out = np.flatnonzero(outside)
        columns = (came[out], recent[out], lift[out], *said[:, out])
        told = zip(*(column.tolist() for column in columns), strict=True)
        asked = dict(zip(rows[out].tolist(), told, strict=True))
        self._batch = _Batch(self.spoken, rows, case, said, again, asked)
        self._at = self._settled = self._counted = 0

    def listen(self, row: int) -> None:
        """Count the items of the batch up to this row."""
        batch = self._batch
        asked = batch.asked.get(row)
        if asked is not None:
            self._at, self.recent, self.lift, *self.said = asked
        else:
            self._at = int(batch.rows.searchsorted(row, side="right"))
        self.spoken = batch.before + self._at

    def settle(self) -> None:
        """Hear the batch to its end, and let go of it."""
        if len(self._batch.rows):
            self.listen(int(self._batch.rows[-1]))
            self.missed()
            self.items()
            self._batch = _Batch.of_none(self.spoken)
            self._at = self._settled = self._counted = 0

    def items(self) -> list[int]:
        """How many items of each case have spoken; not to be changed."""
        items = self._items
        if self._counted < self._at:
            for case in self._batch.case[self._counted : self._at].tolist():
                items[case] += 1
            self._counted = self._at
        return items

    def missed(self) -> Floats:
        """For each alternative the sum over a case's items of ln P(stated elsewhere), as if it had
        been diverted: float64 (alternatives, cases); not to be changed."""
        if self._settled < self._at:
            batch, start, stop = self._batch, self._settled, self._at
            last = (batch.again[start:stop] >= stop).nonzero()[0] + start
            case, said = batch.case.take(last), batch.said.take(last, axis=1)
            self._missed[:, case] = said
            self._silent[:, :, case] = np.log(1 - _PARTS + _PARTS * np.exp(said))
            self._settled = stop
        return self._missed

    def _said(self, case: Ints, source: Ints) -> tuple[Floats, Ints]:
        """For each item to come what those of its case up to it will say, float64 (alternatives,
        items), added one after the other; and where the next of its case is, or the number of
        items."""
        order = case.argsort(kind="stable")
        first = np.flatnonzero(np.diff(case[order], prepend=-1))
        many = np.diff(first, append=len(case))
        log = LOG_MISSED[:, source[order]]
        log[:, first] += self._missed[:, case[order[first]]]
        for further in range(1, int(many.max(initial=1))):
            at = first[many > further] + further
            log[:, at] += log[:, at - 1]
        said, again = np.empty_like(log), np.full(len(case), len(case))
        said[:, order] = log
        again[order[:-1]] = np.where(np.diff(case[order]) == 0, order[1:], len(case))
        return said, again

    def silent(self, seen: Ints) -> Floats:
        """ln Π (1 − part + part · P(stated elsewhere)) over the cases but those `seen` in a cell,
        by SCATTERED and alternative."""
        self.missed()
        logs: Floats = self._silent.sum(axis=2) - self._silent[:, :, seen].sum(axis=2)
        return logs


@dataclass(frozen=True, slots=True)
class _Batch:
    """Items on their way. before: items that had spoken. said, again: see `LotCount._said`. asked:
    by row of those outside, how many have come with it, and what `LotCount` says of it."""

    before: int
    rows: Ints
    case: Ints
    said: Floats
    again: Ints
    asked: Mapping[int, tuple[int, int, float, float, float]]

    @classmethod
    def of_none(cls, before: int) -> _Batch:
        """Nothing to come."""
        none = np.zeros(0, dtype=np.int64)
        return cls(before, none, none, np.zeros((len(MISSED), 0)), none, {})
