"""One stream of tests at a stated rate of false alarms.

Rule: e-LOND (Xu, Ramdas 2024, "Online multiple testing with e-values", AISTATS) with e-processes
that go on. Hypothesis k has a weight γ_k, Σ γ_k ≤ 1, fixed when it gets its number, and is rejected
at the first look at which

    E_k ≥ 1 / (α · γ_k · (R + 1)),   R = number of rejections so far.

Rejections stay. With τ_k the look at which k is rejected, a stopping time, E[E_k(τ_k)] ≤ 1 for a
true null, and each rejected k has 1 / R(t) ≤ α γ_k E_k(τ_k) at every later t, since R(t) ≥ R(τ_k).
So the expected share of false rejections is at most α Σ γ_k ≤ α at every time, whatever the
dependence between the streams, as long as each e-process is one given everything seen so far.
Nothing is rejected on an earlier maximum: that would not be valid.

Each cell is entered twice, and the weights of both lists together sum to 1. In the list of FIRST
all cells are numbered as they come, and are tested by E_k. In the list of PROMISING a cell gets
its number at the first look at which ln E_k ≥ PROMISE, and is tested by E_k(t) / E_k(entry): what
it had is the price of entry. From that look on this is an e-process too, and its number is known
there, so the same sum bounds the share. Few honest cells ever enter: numbers stay small and bars
low. A look may take a part of the evidence only, which is less than the whole; the price is the
whole, or what the part leaves out at entry would come for nothing later.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

PROMISE = 0.0  # ln E at which a cell is promising
FIRST, PROMISING = 0.1, 0.9  # parts of the level
FIRST_SCALE, PROMISING_SCALE = 2000.0, 30.0  # so many first ones of a list weigh about the same


@dataclass(frozen=True)
class Rejection:
    """A hypothesis rejected: its name, the row of the look, ln E, and the level 1 / E stayed under.

    log_price: what ln E was at entry and is taken off, 0 where the list of all cells rejected it.
    """

    name: int
    row: int
    log_e: float
    log_price: float
    level: float


@dataclass
class _Entry:
    level: float  # in the list of all cells, without the factor R + 1
    promising: float = 0.0  # the same in the list of promising ones; 0: not entered
    log_price: float = 0.0


class Stream:
    """The state of the tests. fdr: the stated share of false rejections, above 0 and below 1."""

    def __init__(self, fdr: float) -> None:
        self.fdr = fdr
        self.rejected = 0
        self._promising = 0
        self._open: dict[int, _Entry] = {}
        self._arrived = 0

    def look(
        self, name: int, row: int, log_e: float, whole: Callable[[], float] | None = None
    ) -> Rejection | None:
        """Test a hypothesis by its evidence now; its first look is its arrival. A rejected one must
        not come again. whole: computes ln of all its evidence, where log_e is of a part."""
        entry = self._open.get(name)
        if entry is None:
            self._arrived += 1
            level = self.fdr * FIRST * weight(self._arrived, FIRST_SCALE)
            entry = self._open[name] = _Entry(level)
        if not entry.promising and log_e >= PROMISE:
            self._promising += 1
            entry.promising = self.fdr * PROMISING * weight(self._promising, PROMISING_SCALE)
            entry.log_price = whole() if whole is not None else log_e
        for level, price in ((entry.level, 0.0), (entry.promising, entry.log_price)):
            bar = level * (self.rejected + 1)
            if bar and log_e - price >= -math.log(bar):
                self.rejected += 1
                del self._open[name]
                return Rejection(name, row, log_e - price, price, bar)
        return None

    def promising(self) -> list[int]:
        """Names that are in the list of promising ones and not rejected, in order of arrival: those
        to look at again when a rejection has lowered the bar."""
        return [name for name, entry in self._open.items() if entry.promising]


def weight(k: int, scale: float) -> float:
    """γ_k of the k-th hypothesis, k = 1, 2, …: ½ √scale / (k + scale)^1.5; the sum is below 1, the
    integral from 0 on."""
    return 0.5 * math.sqrt(scale) * math.pow(k + scale, -1.5)
