"""The evidence of one cell: a lot and a region outside its territory. Kept up scan by scan.

The statistic and why it is valid: `ledger.detect.diversion`.
"""

from __future__ import annotations

import math
from bisect import bisect_left, insort
from dataclasses import dataclass

from ledger.detect.case_table import CaseTable
from ledger.detect.frame import Floats, Ints
from ledger.detect.gifts import BETS, BURST_CASES, CROWDS, GIFT_CASES, GIFT_DAYS, LOG_EVIDENCE
from ledger.detect.lot_count import LOG_HIT, LOG_MISSED, RECENT_DAYS, LotCount

SAFETY = 1.1  # the leak rate is taken to be this much above its estimate
AT_FIRST = (1.0, 20.0)  # groups and scans a cell is credited with beforehand
HIGHEST_RATE = 0.9
WAVE = 3  # groups from which the rate of a wave is told
FEWEST = 3  # groups a cell has when it is first looked at
NEAREST = 10  # neighbours that `is_near` asks about
MOST_SIZE = int(BETS.shape[1])
_LOG_HIT = [(strict, loose) for strict, loose in LOG_HIT.T.tolist()]
_BETS: list[list[tuple[float, ...]]] = [
    [tuple(logs) for logs in crowd] for crowd in LOG_EVIDENCE.transpose(0, 2, 1).tolist()
]


@dataclass(eq=False, slots=True)
class Group:
    """Observations near each other that may be one gift. gain: ln P(here | diverted) − ln of the
    leak rate, by alternative. wave: how much lower ln of the place's evidence is if this is the
    rate of a wave from all over the lot. before: what the items of its case missed until then say,
    by alternative. size: observations that count."""

    case: int
    start: float
    last_day: int
    crowd: int
    gain: tuple[float, float]
    wave: float
    before: tuple[float, float]
    size: int = 1

    def sizes(self) -> tuple[float, ...]:
        """ln of what the size says, by bet."""
        return _BETS[self.crowd][min(self.size, MOST_SIZE)]


class Cell:
    """The observations of a lot in one region, and the e-process over them. name: the caller's.
    heard: unit and case of each item that spoke here."""

    __slots__ = (
        "_late", "_open", "_open_at", "_spoken_at", "_table", "_touched", "alive", "devices",
        "groups", "heard", "last", "lot", "name",
    )  # fmt: skip

    def __init__(self, lot: LotCount, name: int = 0) -> None:
        self.lot, self.name = lot, name
        self.heard: list[tuple[int, int]] = []
        self.alive = 0  # groups that count
        self.groups: list[Group] = []
        self.devices: set[int] = set()
        self.last: Group | None = None
        self._open = self._late = 0  # where in `groups` those begin that are open, or of late
        self._open_at: dict[int, Group] = {}  # by case
        self._touched: list[int] = []  # cases of groups, ascending, once a group
        self._spoken_at: list[int] = []  # items that had spoken at the last groups, at most WAVE
        self._table = CaseTable()

    def hear(self, unit: int, case: int, source: int) -> None:
        """An item of the lot spoke here, whether or not it will count: it was not missed."""
        self.heard.append((unit, case))
        self._table.hear(case, source)

    def add(self, case: int, day: float, today: int, source: int) -> Group | None:
        """Count an observation, of the item that the lot and the cell heard last; the group it
        joined or opened, or None if it says nothing new. today: the whole day."""
        joined = self._near(case, day, today)
        if joined is not None:
            if joined.last_day == today:
                return None
            joined.last_day = today
            self._resize(joined, 1)
            return joined
        lot, groups, touched = self.lot, self.groups, self._touched
        leak = self._leak_rate(day)
        faster = self._wave_rate() / leak
        wave = math.log(faster) if faster > 1 else 0.0
        log_rate = math.log(min(HIGHEST_RATE, SAFETY * lot.lift * leak))
        # how many items a group's three cases get by chance, while it is open
        strangers = (2 * GIFT_CASES + 1) * (2 + 1.5 * (len(groups) - self._open)) / lot.cases
        strict, loose = _LOG_HIT[source]
        gain = (strict - log_rate, loose - log_rate)
        crowd = bisect_left(CROWDS, strangers)
        before = self._table.opened(case, gain, wave, _BETS[crowd][1], lot.said)
        group = self._open_at[case] = Group(case, day, today, crowd, gain, wave, before)
        groups.append(group)
        spoken_at = self._spoken_at
        spoken_at.append(lot.spoken)
        if len(spoken_at) > WAVE:
            del spoken_at[0]
        self.alive += 1
        insort(touched, case)
        return group

    def _near(self, case: int, day: float, today: int) -> Group | None:
        """The open group that an observation joins, or one of the same day that it repeats."""
        groups, at = self.groups, self._open_at
        while self._open < len(groups) and day - groups[self._open].start > GIFT_DAYS:
            old = groups[self._open]
            self._open += 1
            if at[old.case] is old:
                del at[old.case]
        touched = self._touched
        after = bisect_left(touched, case - BURST_CASES)
        if after == len(touched) or touched[after] > case + BURST_CASES:
            return None
        found = same_day = None
        for near in range(case - BURST_CASES, case + BURST_CASES + 1):
            if near in at:
                group = at[near]
                if group.size:
                    if -GIFT_CASES <= near - case <= GIFT_CASES:
                        if found is None or (group.start, near) < (found.start, found.case):
                            found = group
                    elif group.last_day == today:
                        same_day = group
        return found or same_day

    def remove(self, group: Group) -> None:
        """Withdraw one observation that `add` counted in this group."""
        self._resize(group, -1)
        if not group.size:
            self._table.withdrawn(group.case, group.gain, group.wave)
            self.alive -= 1
            del self._touched[bisect_left(self._touched, group.case)]
            for later in self.groups:
                if later.size and later.case == group.case:
                    self._table.first(group.case, later.gain, later.before)
                    return
            self._table.first(group.case, None)

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
        gain = max(group.gain)
        total, steps = gain - math.log(2 * self.lot.cases), min(NEAREST, len(touched) - 1)
        if total + steps * gain < -_ROUNDING:
            return False
        items = self.lot.items()
        low = high = case
        for _ in range(steps):
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
        return self._table.log_e(self.lot, self.last.case)

    def whole_log_e(self) -> float:
        """Natural logarithm of the e-process now, over all runs."""
        return self._table.whole_log_e(self.lot)

    def run_logs(self) -> Floats:
        """ln (prior · evidence) of runs that hold the last group's case, (pairs, runs)."""
        assert self.last is not None
        logs = self._table.run_logs(self.lot, self.last.case)
        return logs.reshape(-1, logs.shape[2])

    def returned(self) -> tuple[Ints, Floats]:
        """Cases seen here, and ln evidence of each but for the first group's place, (pairs, c)."""
        cases, logs = self._table.returned(self.lot)
        return cases, logs.reshape(-1, len(cases))

    def _resize(self, group: Group, more: int) -> None:
        self._table.size(group.case, -1, group.sizes())
        group.size += more
        if group.size:
            self._table.size(group.case, 1, group.sizes())

    def _leak_rate(self, day: float) -> float:
        """Groups that came here for each item of the lot that spoke: the larger of the whole time
        and of late, each drawn to what is known beforehand."""
        groups, scans = AT_FIRST
        whole = (self.alive + groups) / (self.lot.spoken + scans)
        every, since = self.groups, day - RECENT_DAYS
        while self._late < len(every) and every[self._late].start < since:
            self._late += 1
        late = (len(every) - self._late + groups) / (self.lot.recent + groups / whole)
        return max(whole, late)

    def _wave_rate(self) -> float:
        """The same over the last WAVE groups and the one that is opened now."""
        if len(self._spoken_at) < WAVE:
            return 0.0
        return (WAVE + 1) / max(WAVE + 1, self.lot.spoken - self._spoken_at[0])


_LOOSE = -float(LOG_MISSED.max())
_HOPELESS = 25.0
_ROUNDING = 1e-6  # more than that of a few sums
