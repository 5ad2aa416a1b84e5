"""What the evidence averages over, it may not choose from after the fact: exactly, by going through
everything that can happen to a small honest lot.

A few items of known cases speak one after the other. Each opens a group away from home with the
chance of the leak rate, which is known here, and a group is as large as gifts are; nothing else is
by chance, so what the evidence is worth at the best time to look is a finite sum. A gambler who
may stop whenever it suits never has more than 1 of it on average: that is what makes it an
e-process. With the best member in the place of an average, it is more than 1.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise

import numpy as np
import pytest

from ledger.detect import case_table, cell, gifts
from ledger.detect.case_table import ALTERNATIVES, BETS, CaseTable
from ledger.detect.cell import Cell
from ledger.detect.frame import Floats
from ledger.detect.lot_count import LotCount
from ledger.detect.runs import Holding, Runs

NEVER = -1e9  # ln of no weight
PAIRS = (ALTERNATIVES, BETS)
EVEN = np.zeros(PAIRS)
PAUSE = 20  # days from item to item: no group is open any more
SIZES = (1, 2, 4, 7, 10)  # that gifts have here, at most as often as the tail says
Patch = Callable[[pytest.MonkeyPatch], None]
Path = tuple[int, ...]
"""What became of the items so far: 0 is sold at home, else the size of the gift that it opened."""


@dataclass(frozen=True)
class Lot:
    """An honest lot of so many cases, of which one item of each of `speaking` speaks, in order, and
    leaks at `rate`. gifts: whether groups are larger than one. one_run: it is tested as one run,
    since those that do not hold the last case would hide what choosing among the others is worth.
    """

    cases: int
    speaking: Sequence[int]
    rate: float
    gifts: bool = False
    one_run: bool = False

    def heard(self, path: Path) -> Cell:
        """The cell away from home after these items."""
        lot = LotCount(self.cases, self.cases)
        away = Cell(lot)
        for number, size in enumerate(path):
            case, day = self.speaking[number], PAUSE * number
            for after in range(max(size, 1)):
                _speak(lot, case, day + after, outside=size > 0)
                if size:
                    away.hear(0, case, 0)
                    away.last = away.add(case, float(day + after), day + after, 0)
        return away

    def paths(self) -> dict[Path, list[tuple[float, Path]]]:
        """All that can happen, and with what chance comes what next: the ends last."""
        found: dict[Path, list[tuple[float, Path]]] = {}
        last: list[Path] = [()]
        for _ in self.speaking:
            for path in last:
                found[path] = list(self._next(path))
            last = [after for path in last for _, after in found[path]]
        return found | {path: [] for path in last}

    def _next(self, path: Path) -> Iterator[tuple[float, Path]]:
        yield 1 - self.rate, (*path, 0)
        if not self.gifts:
            yield self.rate, (*path, 1)
            return
        opened = self.heard((*path, 1)).last
        assert opened is not None
        tail = gifts.gift_tail(gifts.CROWDS[opened.crowd])
        reach = [*(float(tail[size - 1]) for size in SIZES), 0.0]
        for size, (at_least, more) in zip(SIZES, pairwise(reach), strict=True):
            yield self.rate * (at_least - more), (*path, size)


def _speak(lot: LotCount, case: int, day: int, *, outside: bool) -> None:
    one, zero = np.array([case]), np.zeros(1, dtype=np.int64)
    lot.take(zero, one, zero, np.array([day]), np.array([outside]))
    lot.listen(0)


def _weighing(pairs: Floats, runs: float, single: float) -> Patch:
    """ln of what the weights are multiplied by: of the pairs (alternatives, bets), of all runs, and
    of the cases one by one."""
    run_logs, shares = CaseTable.run_logs, case_table._LOG_SHARE

    def weighed(self: CaseTable, lot: LotCount, case: int) -> Floats:
        return run_logs(self, lot, case) + pairs[:, :, None] + runs

    def apply(patch: pytest.MonkeyPatch) -> None:
        patch.setattr(CaseTable, "run_logs", weighed)
        patch.setattr(case_table, "_LOG_SHARE", shares + pairs + single)

    return apply


def _only_run(start: int, stop: int, prior: float, patch: pytest.MonkeyPatch) -> None:
    holding = Runs.holding

    def one(self: Runs, case: int) -> Holding:
        held = holding(self, case)
        it = (held.start == start) & (held.stop == stop)
        return Holding(
            held.start, held.stop, held.edges, np.where(it, held.log_prior - prior, NEVER)
        )

    patch.setattr(Runs, "holding", one)


def _whole(self: Runs, case: int) -> Holding:
    """The whole lot, as one run."""
    del case
    whole = np.array([0]), np.array([self.cases])
    return Holding(*whole, np.concatenate(whole), np.zeros(1))


def _runs(cases: int) -> list[tuple[float, Patch]]:
    """Each run of a lot of one pallet, with its weight."""
    known: dict[tuple[int, int], float] = {}
    for case in range(cases):
        held = Runs(cases, cases).holding(case)
        rows = zip(held.start.tolist(), held.stop.tolist(), held.log_prior.tolist(), strict=True)
        known |= {(start, stop): log for start, stop, log in rows}
    return [(math.exp(log), partial(_only_run, *run, log)) for run, log in known.items()]


def _share_of(
    shape: tuple[int, ...], at: int | tuple[slice, int], weight: float
) -> tuple[float, Patch]:
    """Those pairs alone that are `at` in an array of `shape`, whose weight is this."""
    log = np.full(shape, NEVER)
    log[at] = -math.log(weight)
    return weight, _weighing(log.reshape(PAIRS), 0.0, 0.0)


@dataclass(frozen=True)
class Average:
    """An average that the evidence is: its members with their weights, and a lot that needs it."""

    name: str
    lot: Lot
    members: Sequence[tuple[float, Patch]]


_GIFTS = Lot(240, (100, 150, 200), 0.3, gifts=True, one_run=True)
_BOTH = ALTERNATIVES * BETS
AVERAGES = [
    Average(
        "strengths and bets", _GIFTS, [_share_of((_BOTH,), n, 1 / _BOTH) for n in range(_BOTH)]
    ),
    Average(
        "strengths",
        Lot(1, (0,) * 8, 0.2),
        [_share_of(PAIRS, n, 1 / ALTERNATIVES) for n in range(ALTERNATIVES)],
    ),
    Average("bets", _GIFTS, [_share_of(PAIRS, (slice(None), n), 1 / BETS) for n in range(BETS)]),
    Average("runs", Lot(4, (0, 1, 2, 3, 0, 1), 0.3), _runs(4)),
    Average(
        "runs and single cases",
        Lot(1, (0,) * 7, 0.3),
        [(0.5, _weighing(EVEN, math.log(2), NEVER)), (0.5, _weighing(EVEN, NEVER, math.log(2)))],
    ),
]


def _worth(lot: Lot, evidence: dict[Path, float]) -> float:
    """What the evidence is worth on average to one who looks at the best time."""
    worth: dict[Path, float] = {}
    after = lot.paths()
    for path in sorted(after, key=len, reverse=True):
        go_on = sum(chance * worth[then] for chance, then in after[path])
        worth[path] = max(evidence[path], go_on)
    return worth[()]


@pytest.mark.parametrize("average", AVERAGES, ids=lambda one: one.name.replace(" ", "-"))
def test_the_evidence_is_an_average_and_not_the_best_of_its_members(
    average: Average, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At no time to look is it worth more than 1; the best member is, looked at in time."""
    lot = average.lot
    monkeypatch.setattr(
        Cell, "_leak_rate", lambda self, day: lot.rate / cell.SAFETY / self.lot.lift
    )
    if lot.one_run:
        monkeypatch.setattr(Runs, "holding", _whole)
    cells = {path: lot.heard(path) for path in lot.paths()}
    said = {path: math.exp(one.log_e()) for path, one in cells.items()}
    each = []
    for weight, alone in average.members:
        with monkeypatch.context() as patch:
            alone(patch)
            each.append((weight, {path: math.exp(one.log_e()) for path, one in cells.items()}))
    assert sum(weight for weight, _ in each) == pytest.approx(1)
    for path, value in said.items():
        assert value == pytest.approx(sum(weight * member[path] for weight, member in each))
    best = {path: max(member[path] for _, member in each) for path in said}
    assert _worth(lot, said) <= 1
    assert _worth(lot, best) > 1.1
