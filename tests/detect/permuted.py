"""Worlds in which nobody can be diverting, made from one in which some may be: the units of each
lot are dealt anew to the scans of its regions.

    python -m tests.detect.permuted WORLD --count 2000 --journal FILE

counts permutations of a world's folder in which anything is raised; what the journal has is not run
again.
"""

from __future__ import annotations

import json
import math
import sys
from argparse import ArgumentParser
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path

import numpy as np

from ledger.detect import Custody, Finding, Lots, Scans
from ledger.detect.diversion import MANY_DEVICES, Diversion, places
from ledger.detect.farms import DAYS, DENSE, WINDOW, Farms
from ledger.detect.frame import Bools, Ints
from ledger.detect.sightings import BUSY_UNITS, Sightings
from ledger.services.worlds.backtest import set_aside, uncollected
from ledger.services.worlds.world_files import read_world

LEVELS = (0.1, 0.05, 0.01)


class Deals:
    """Permutations of a world. Within each lot, the items that spoke from all its regions swap
    their cases: each (lot, region) has as many items as before, at the same times (a wave of
    diverted goods comes as a wave), from cases drawn at random from those of the lot that speak.

    `diversions` is `detect(kinds=["diversion"])` of a permutation, by the same detectors, but for
    what no permutation changes: which phones are new or busy is found out once, and rows that can
    change no diversion are left out.
    """

    def __init__(self, scans: Scans, lots: Lots, custody: Custody) -> None:
        self.scans, self.lots, self.custody = scans, lots, custody
        self._known = places(replace(scans, channel=np.zeros_like(scans.channel)), lots)[0]
        rows = np.flatnonzero(self._known)
        first = rows[np.unique(scans.unit[rows], return_index=True)[1]]
        self._first = first[np.argsort(scans.lot[first], kind="stable")]
        edges = np.flatnonzero(np.diff(scans.lot[self._first], prepend=-1)).tolist()
        self._lots = list(pairwise([*edges, len(first)]))
        nth, busy = Sightings().feed(scans)
        self._crowded = _crowded(scans, nth)
        acts = (nth == MANY_DEVICES) | (busy == BUSY_UNITS)
        acts[self._crowded] = acts[_spoke(scans, lots, busy)] = True
        self._rows = np.flatnonzero(acts)
        self._nth, self._busy = nth[self._rows], busy[self._rows]
        self._part, self._farming = scans.take(self._rows), scans.take(self._crowded)
        self._new = nth[self._crowded]

    def case(self, seed: int) -> Ints:
        """The case of each scan in a permutation."""
        rng = np.random.default_rng(seed)
        case_of = np.zeros(len(self.scans.codes), dtype=np.int64)
        for start, stop in self._lots:
            own = self._first[start:stop]
            case_of[self.scans.unit[own]] = rng.permutation(self.scans.case[own])
        return np.where(self._known, case_of[self.scans.unit], self.scans.case)

    def dealt(self, seed: int) -> Scans:
        """The scans of a permutation: the same places, devices and days."""
        return replace(self.scans, case=self.case(seed))

    def diversions(self, seed: int, fdr: float) -> list[Finding]:
        """What is raised of a permutation."""
        case = self.case(seed)
        farming = replace(self._farming, case=case[self._crowded])
        some = np.flatnonzero(np.isin(farming.lot, _dense(farming)))
        farmed = Farms(self.lots, fdr).feed(farming.take(some), self._new[some])[1]
        at = np.searchsorted(self._rows, self._crowded[some])
        farmed = {int(at[row]): units for row, units in farmed.items()}
        part = replace(self._part, case=case[self._rows])
        return Diversion(self.lots, self.custody, fdr).feed(part, self._nth, self._busy, farmed)

    def raised(self, seed: int) -> list[float]:
        """The stated rates, of LEVELS, at which anything is: what is not raised at a high one is
        not at a lower one."""
        found = []
        for fdr in LEVELS:
            if not self.diversions(seed, fdr):
                break
            found.append(fdr)
        return found


def _spoke(scans: Scans, lots: Lots, busy: Ints) -> Ints:
    """Rows of the first scans with a known place, by devices that are not busy."""
    rows = np.flatnonzero(places(scans, lots)[0] & (busy < BUSY_UNITS))
    return rows[np.unique(scans.unit[rows], return_index=True)[1]]


def _crowded(scans: Scans, nth: Ints) -> Ints:
    """Rows that may belong to a farm, wherever their cases lie: scans by new phones of a lot in
    which each comes within an hour of the one before and at least DENSE within some hour."""
    rows = np.flatnonzero((nth > 0) & (scans.lot >= 0) & (scans.case >= 0))
    rows = rows[np.argsort(scans.lot[rows], kind="stable")]
    lot, day = scans.lot[rows], scans.day[rows]
    dense: Bools = np.zeros(len(rows), dtype=np.bool_)
    far = DENSE - 1
    dense[far:] = (lot[far:] == lot[:-far]) & (day[far:] - day[:-far] <= DAYS)
    breaks = (np.diff(lot) != 0) | (np.diff(day) > DAYS)
    session = np.concatenate(([0], np.cumsum(breaks)))
    return np.sort(rows[np.isin(session, session[dense])])


def _dense(scans: Scans) -> Ints:
    """Lots in which DENSE scans of WINDOW neighbouring cases lie within an hour: no other has a
    farm. scans: by new phones, in order of time."""
    found = []
    for first in range(WINDOW):
        window = (scans.case + first) // WINDOW
        order = np.lexsort((window, scans.lot))  # stable: in order of time within a window
        lot, own, day = scans.lot[order], window[order], scans.day[order]
        far = DENSE - 1
        near = (lot[far:] == lot[:-far]) & (own[far:] == own[:-far])
        found.append(lot[far:][near & (day[far:] - day[:-far] <= DAYS)])
    return np.unique(np.concatenate(found))


def upper(alarms: int, trials: int) -> float:
    """Exact (Clopper-Pearson) upper 95 % bound of a rate."""
    low, high = alarms / trials, 1.0
    for _ in range(60):
        middle = (low + high) / 2
        at_most = sum(
            math.comb(trials, k) * middle**k * (1 - middle) ** (trials - k)
            for k in range(alarms + 1)
        )
        low, high = (middle, high) if at_most > 0.05 else (low, middle)
    return high


@dataclass(frozen=True)
class Tally:
    """Of so many permutations, in how many anything was raised, by stated rate."""

    trials: int
    alarms: dict[float, int]

    @classmethod
    def of(cls, raised: Sequence[Sequence[float]]) -> Tally:
        """raised: of `Deals.raised`, by permutation."""
        return cls(len(raised), {fdr: sum(fdr in one for one in raised) for fdr in LEVELS})

    def lines(self) -> list[str]:
        """One line for each stated rate."""
        return [
            f"{fdr:.0%}: {alarms} of {self.trials}, at most {upper(alarms, self.trials):.2%}"
            for fdr, alarms in sorted(self.alarms.items())
        ]


def _journal(path: Path) -> dict[int, list[float]]:
    if not path.exists():
        return {}
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    return {line["seed"]: line["raised"] for line in lines}


def main() -> None:
    """Run the permutations that the journal has not, and print what came of all."""
    parser = ArgumentParser(description="Count permutations of a world that raise an alert.")
    parser.add_argument("world", type=Path)
    parser.add_argument("--count", type=int, required=True)
    parser.add_argument("--first", type=int, default=0, help="number of the first permutation")
    parser.add_argument("--journal", type=Path, required=True)
    told = parser.parse_args()
    done = _journal(told.journal)
    with uncollected():
        scans, lots, custody = read_world(told.world)
        deals = Deals(set_aside(scans, lots)[0], lots, custody)
        for seed in range(told.first, told.first + told.count):
            if seed not in done:
                done[seed] = deals.raised(seed)
                with told.journal.open("a") as journal:
                    journal.write(json.dumps({"seed": seed, "raised": done[seed]}) + "\n")
    sys.stdout.write("".join(f"{line}\n" for line in Tally.of(list(done.values())).lines()))


if __name__ == "__main__":
    main()
