"""One stream of tests at a stated rate of false alarms.

Rule: e-LOND (Xu, Ramdas 2024, "Online multiple testing with e-values", AISTATS) with e-processes
that go on: hypothesis k, numbered in order of arrival, has the weight γ_k, Σ γ_k ≤ 1, and is
rejected at the first look at which

    E_k ≥ 1 / (α · γ_k · (R + 1)),   R = number of rejections so far.

Rejections stay. With τ_k the look at which k is rejected, a stopping time, E[E_k(τ_k)] ≤ 1 for a
true null, and each rejected k has 1 / R(t) ≤ α γ_k E_k(τ_k) at every later t, since R(t) ≥ R(τ_k).
So the expected share of false rejections is at most α Σ γ_k ≤ α at every time, whatever the
dependence between the streams, as long as each e-process is one given everything seen so far.
Nothing is rejected on an earlier maximum: that would not be valid.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np

SCALE = 500.0  # the first so many hypotheses have about equal weights


@dataclass(frozen=True)
class Rejection:
    """A hypothesis rejected: its name, the row of the look, ln E then, the level it passed."""

    name: int
    row: int
    log_e: float
    level: float


def weight(k: int) -> float:
    """γ_k of the k-th hypothesis, k = 1, 2, …: ½ √SCALE / (k + SCALE)^1.5; the sum is below 1, the
    integral from 0 on."""
    return 0.5 * math.sqrt(SCALE) * math.pow(k + SCALE, -1.5)


def rejections(looks: Iterable[tuple[int, int, float]], fdr: float) -> Iterator[Rejection]:
    """Run the stream. looks: (row, name, ln E) in order of row; a name arrives with its first look.

    Several looks at one row are taken in the order given.
    """
    number: dict[int, int] = {}
    base: list[float] = []  # ln(1 / (α γ_k)) by order of arrival
    now: list[float] = []
    names: list[int] = []
    open_: list[bool] = []
    found = 0
    for row, name, log_e in looks:
        if name not in number:
            number[name] = len(names)
            names.append(name)
            base.append(-math.log(fdr * weight(len(names))))
            now.append(log_e)
            open_.append(True)
        k = number[name]
        now[k] = log_e
        passed = open_[k] and log_e >= base[k] - math.log(found + 1)
        while passed:
            yield Rejection(names[k], row, now[k], fdr * weight(k + 1) * (found + 1))
            open_[k] = False
            found += 1
            # one more rejection lowers the bar for all that are open
            gap = np.where(open_, np.array(now) - np.array(base), -np.inf)
            k = int(np.argmax(gap))
            passed = bool(gap[k] >= -math.log(found + 1))
