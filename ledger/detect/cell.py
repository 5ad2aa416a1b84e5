"""The evidence of one cell: a lot and a region outside its territory. Kept up scan by scan.

The statistic and why it is valid: `ledger.detect.diversion`.
"""

from __future__ import annotations

import math
from bisect import bisect_left, insort
from collections import deque
from dataclasses import dataclass, field

import numpy as np

from ledger.detect.frame import Floats
from ledger.detect.gifts import BETS, BURST_CASES, CROWDS, GIFT_CASES, GIFT_DAYS, LOG_EVIDENCE
from ledger.detect.lot_count import LOG_HIT, LOG_MISSED, MISSED, RECENT_DAYS, LotCount

SAFETY = 1.1  # the leak rate is taken to be this much above its estimate
AT_FIRST = (1.0, 20.0)  # groups and scans a cell is credited with beforehand
HIGHEST_RATE = 0.9
RETURNS = (0.03, 0.1, 0.3, 0.7)  # part of the cases seen here that were diverted one by one
SCATTERED = (0.01, 0.03, 0.1)  # the same of all cases of the lot
WAVE = 3  # groups from which the rate of a wave is told
FEWEST = 3  # groups a cell has when it is first looked at
NEAREST = 10  # neighbours that `is_near` asks about
ALTERNATIVE = np.repeat(np.arange(len(MISSED)), len(BETS))  # of each pair (alternative, bet)
BET = np.tile(np.arange(len(BETS)), len(MISSED))
_NOTHING: Floats = np.zeros(len(BET))


_LOG_HIT = [column[ALTERNATIVE] for column in LOG_HIT.T]
_HEARD = [column[ALTERNATIVE] for column in LOG_MISSED.T]


@dataclass(eq=False)
class Group:
    """Observations near each other that may be one gift. gain: ln P(here | diverted) − ln of the
    leak rate, by (alternative, bet), float64 (pairs,); value: with the size's evidence. wave: how
    much lower ln of the place's evidence is if this is the rate of a wave from all over the lot."""

    case: int
    start: float
    last_day: int
    crowd: int
    gain: Floats
    wave: float
    size: int = 0
    value: Floats = field(default_factory=lambda: _NOTHING)

    def resize(self, size: int) -> Floats:
        """Change the size; return by how much the value changed."""
        before = self.value
        self.size = size
        self.value = self.gain + _BETS[self.crowd][min(size, MOST_SIZE)] if size else _NOTHING
        return self.value - before


MOST_SIZE = BETS.shape[1]
_BETS = [[row[BET] for row in crowd.T] for crowd in LOG_EVIDENCE]


class Cell:
    """The observations of a lot in one region, and the e-process over them."""

    def __init__(self, lot: LotCount) -> None:
        self.lot = lot
        self.alive = 0  # groups that count
        self.groups: list[Group] = []
        self.devices: set[int] = set()
        self.last: Group | None = None
        self._open: deque[Group] = deque()
        self._open_at: dict[int, Group] = {}  # by case
        self._touched: list[int] = []  # cases of groups, ascending, once a group
        self._here: list[tuple[int, int]] = []  # case and source of items heard, until `_value`
        self._first: dict[int, Group] = {}  # by case: its first group that counts
        self._starts: deque[float] = deque()
        self._spoken_at: deque[int] = deque(maxlen=WAVE)  # items that had spoken at the last groups
        self._value: Floats | None = None
        self._free = np.zeros((len(BET), 0))  # gain of the first group by case, with `_value`
        self._waves = np.zeros(0)  # sum over the groups of a case, with `_value`

    def grow(self) -> None:
        """Follow the lot, which has more cases now."""
        if self._value is not None:
            new = self.lot.cases - self._value.shape[1]
            self._value = np.pad(self._value, ((0, 0), (0, new)))
            self._free = np.pad(self._free, ((0, 0), (0, new)))
            self._waves = np.pad(self._waves, (0, new))

    def hear(self, case: int, source: int) -> None:
        """An item of the lot spoke here, whether or not it will count: it was not missed."""
        if self._value is None:
            self._here.append((case, source))
        else:
            self._value[:, case] -= _HEARD[source]

    def add(self, case: int, day: float, source: int) -> Group | None:
        """Count an observation; the group it joined or opened, or None if it says nothing new."""
        today = int(day // 1)
        joined = self._near(case, day, today)
        if joined is not None:
            if joined.last_day == today:
                return None
            joined.last_day = today
            self._resize(joined, joined.size + 1)
            return joined
        leak = self._leak_rate(day)
        wave = math.log(max(1.0, self._wave_rate() / leak))
        rate = min(HIGHEST_RATE, SAFETY * self.lot.lift(source) * leak)
        # how many items a group's three cases get by chance, while it is open
        strangers = (2 * GIFT_CASES + 1) * (2 + 1.5 * len(self._open)) / self.lot.cases
        crowd = bisect_left(CROWDS, strangers)
        group = Group(case, day, today, crowd, _LOG_HIT[source] - math.log(rate), wave)
        self.groups.append(group)
        self._open.append(group)
        self._open_at[case] = group
        self._starts.append(day)
        self._spoken_at.append(self.lot.spoken)
        self.alive += 1
        insort(self._touched, case)
        if case not in self._first:
            self._set_first(case, group)
        self._resize(group, 1)
        return group

    def _near(self, case: int, day: float, today: int) -> Group | None:
        """The open group that an observation joins, or one of the same day that it repeats."""
        while self._open and day - self._open[0].start > GIFT_DAYS:
            old = self._open.popleft()
            if self._open_at[old.case] is old:
                del self._open_at[old.case]
        at = self._open_at
        found = None
        for near in range(case - GIFT_CASES, case + GIFT_CASES + 1):
            group = at.get(near)
            if group and group.size and (found is None or group.start < found.start):
                found = group
        if found is None:
            for near in range(case - BURST_CASES, case + BURST_CASES + 1):
                group = at.get(near)
                if group and group.size and group.last_day == today:
                    return group
        return found

    def remove(self, group: Group) -> None:
        """Withdraw one observation that `add` counted in this group."""
        self._resize(group, group.size - 1)
        if not group.size:
            self.alive -= 1
            del self._touched[bisect_left(self._touched, group.case)]
            del self._first[group.case]
            later = [g for g in self.groups if g.size and g.case == group.case]
            if later:
                self._set_first(group.case, later[0])

    def is_near(self, group: Group) -> bool:
        """May the evidence have risen? A rough test that saves most looks; not to look is always
        valid. A return to a case, a second item, or a neighbourhood of groups that would outweigh
        the choice among the lot's runs and the items that its cases sold elsewhere."""
        if self.alive < FEWEST:
            return False
        touched, case = self._touched, group.case
        left = bisect_left(touched, case)
        if group.size > 1 or (left + 1 < len(touched) and touched[left + 1] == case):
            return True
        right = left + 1
        gain = max(group.gain.tolist())
        total = gain - math.log(2 * self.lot.cases)
        items = self.lot.items
        low = high = case
        for _ in range(min(NEAREST, len(touched) - 1)):
            before = touched[left - 1] if left else -self.lot.cases
            after = touched[right] if right < len(touched) else 2 * self.lot.cases
            if case - before <= after - case:
                left -= 1
                sold = sum(items[before:low])
                low = before
            else:
                right += 1
                sold = sum(items[high + 1 : after + 1])
                high = after
            total += gain - _LOOSE * max(0, sold - 1)
            if total >= 0:
                return True
            if total < -_HOPELESS:
                return False
        return False

    def log_e(self) -> float:
        """Natural logarithm of (a lower bound on) the e-process now: half of it the runs that
        hold the last group's case, half the cases one by one; -inf before the first group."""
        if self.last is None:
            return -math.inf
        value = self._dense()
        by_runs = self.run_logs(value)
        top = float(by_runs.max())
        runs = top + math.log(float(np.exp(by_runs - top).sum()) / len(BET))
        single = self._single(value)
        top = max(runs, single)
        return top + math.log(0.5 * math.exp(runs - top) + 0.5 * math.exp(single - top))

    def run_logs(self, value: Floats | None = None) -> Floats:
        """ln (prior · evidence) of runs that hold the last group's case, float64 (pairs, runs)."""
        assert self.last is not None
        held = self.lot.runs.holding(self.last.case)
        sums = np.zeros((len(BET), self.lot.cases + 1))
        np.cumsum(self._dense() if value is None else value, axis=1, out=sums[:, 1:])
        logs: Floats = sums[:, held.stop] - sums[:, held.start] + held.log_prior
        return logs

    def returned(self) -> tuple[list[int], Floats]:
        """Cases seen here, and ln evidence of each but for the first group's place, (pairs, c)."""
        return self._returned(self._dense())

    def _returned(self, value: Floats) -> tuple[list[int], Floats]:
        cases = list(self._first)
        logs: Floats = value[:, cases] - self._free[:, cases]
        return cases, logs

    def _single(self, value: Floats) -> float:
        """ln of the evidence that cases were diverted one by one: half by those seen here, but for
        the place of their first groups, half by all cases."""
        returned = _mixed(self._returned(value)[1], RETURNS)
        scattered = _mixed(value - self._waves, SCATTERED)
        top = max(returned, scattered)
        return top + math.log(0.5 * math.exp(returned - top) + 0.5 * math.exp(scattered - top))

    def _dense(self) -> Floats:
        """ln evidence of each case if it was diverted here, float64 (pairs, cases)."""
        if self._value is None:
            self._value = np.zeros((len(BET), self.lot.cases))
            for case, source in self._here:
                self._value[:, case] -= _HEARD[source]
            self._here.clear()
            for group in self.groups:
                self._value[:, group.case] += group.value
            self._waves = np.zeros(self.lot.cases)
            for group in self.groups:
                self._waves[group.case] += group.wave if group.size else 0.0
            self._free = np.zeros_like(self._value)
            for case, group in self._first.items():
                self._free[:, case] = group.gain
        missed = np.repeat(np.array(self.lot.missed), len(BETS), axis=0)
        missed += self._value
        return missed

    def _set_first(self, case: int, group: Group) -> None:
        self._first[case] = group
        if self._value is not None:
            self._free[:, case] = group.gain

    def _resize(self, group: Group, size: int) -> None:
        had = group.size
        change = group.resize(size)
        if self._value is not None:
            self._value[:, group.case] += change
            self._waves[group.case] += group.wave * ((size > 0) - (had > 0))

    def _leak_rate(self, day: float) -> float:
        """Groups that came here for each item of the lot that spoke: the larger of the whole time
        and of late, each drawn to what is known beforehand."""
        groups, scans = AT_FIRST
        whole = (self.alive + groups) / (self.lot.spoken + scans)
        while self._starts and self._starts[0] < day - RECENT_DAYS:
            self._starts.popleft()
        late = (len(self._starts) + groups) / (self.lot.recent + groups / whole)
        return max(whole, late)

    def _wave_rate(self) -> float:
        """The same over the last WAVE groups and the one that is opened now."""
        if len(self._spoken_at) < WAVE:
            return 0.0
        return (WAVE + 1) / max(WAVE + 1, self.lot.spoken - self._spoken_at[0])


def _mixed(logs: Floats, parts: tuple[float, ...]) -> float:
    """ln of the average over `parts` and pairs of Π (1 − part + part · e^logs) over cases."""
    gains = np.expm1(np.minimum(logs, 600.0))
    each = np.concatenate([np.log1p(part * gains).sum(axis=1) for part in parts])
    top = float(each.max())
    return top + math.log(float(np.exp(each - top).mean()))


_LOOSE = -float(LOG_MISSED.max())
_HOPELESS = 25.0
