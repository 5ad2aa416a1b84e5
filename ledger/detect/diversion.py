"""Diversion: do the scans of a lot outside its territory come from one run of its cases?

The test is made per cell = (lot with its first consignee, region outside the territory) and is
conditional on the observations that the cell has, so leak rate, season, errors of place and scan
rate cancel: what is tested is only *which cases* they come from.

Null. Goods leave in gifts: independent groups, each of a few items from one case or its neighbours,
carried together and scanned within GIFT_DAYS; the place of a group in the lot is drawn from the
lot at large, its size has at most the tail `gift_tail`. Wrong places, travellers and parcels are
groups of one.

Statistic. An observation within one case and GIFT_DAYS of a group's first joins that group, at most
one a day; any other opens a group. For a candidate run R with share q of the lot, a strength s and
groups j with case c_j and size S_j:

    E(R, s) = Π_j (1 − s + s · 1[c_j ∈ R] / q · g(S_j)),   g(S) = Σ_k w_k · 1[S ≥ k] / tail(k)

Under the null each factor has expectation at most 1 given the groups before it. g only grows while
a group grows, so E(R, s) at any time is at most the conditional expectation of its final value,
which is a martingale: an e-process (Ramdas, Grünwald, Vovk, Shafer 2023, "Game-theoretic statistics
and safe anytime-valid inference", §4), valid however often it is looked at. Here a look is made at
every observation from the FEWEST-th on. Averages over runs (`runs.candidate_runs`), strengths and
starts are e-processes as well.
R = the whole lot leaves the sizes alone to speak: the alternative for mixed single cases.

q is the larger of the run's share of the lot's items and its share of what was scanned in all other
regions up to the week before (smoothed), so that a run sold earlier or scanned more is no evidence.

What counts as an observation: `ledger.detect.observations`. The cells are one stream of tests:
`ledger.detect.stream`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from ledger.detect.cell import CellState
from ledger.detect.finding import Evidence, Finding, in_words, rounded
from ledger.detect.frame import Custody, Ints, Lots, Scans
from ledger.detect.grouping import NEVER
from ledger.detect.observations import Observations, observations
from ledger.detect.reference import REFERENCE_DAYS, Reference
from ledger.detect.runs import Runs, candidate_runs
from ledger.detect.stream import Rejection, rejections

MOST_CODES = 100
FEWEST = 6  # observations a cell has when it joins the stream: how many says nothing of which cases


@dataclass(frozen=True)
class Cell:
    """A lot and a region outside its territory, with its observations.

    part: int64, positions in Observations, in order of rows.
    """

    lot: int
    region: int
    part: Ints


def findings(scans: Scans, lots: Lots, custody: Custody, fdr: float) -> list[Finding]:
    """Lots that leak into a region in runs of cases, raised while the share of false ones stays
    below fdr. `custody` is not used yet: who leaked is asked after an alert."""
    del custody
    seen = observations(scans, lots)
    cells = cells_of(seen)
    looks: list[tuple[int, int, float]] = []
    for number, (cell, runs, reference) in enumerate(_with_lots(cells, scans, lots)):
        looks += [(row, number, log_e) for row, log_e, _ in walk(seen, cell, runs, reference)]
    looks.sort()
    return [
        _finding(scans, lots, seen, cells[rejection.name], rejection, fdr)
        for rejection in rejections(looks, fdr)
    ]


def cells_of(seen: Observations) -> list[Cell]:
    """Every (lot, region) that has observations, in that order."""
    order = np.lexsort((seen.row, seen.region, seen.lot))
    moved = (np.diff(seen.lot[order]) != 0) | (np.diff(seen.region[order]) != 0)
    parts = np.split(order, np.flatnonzero(moved) + 1) if len(order) else []
    return [Cell(int(seen.lot[part[0]]), int(seen.region[part[0]]), part) for part in parts]


def walk(
    seen: Observations, cell: Cell, runs: Runs, reference: Reference, until: int = NEVER
) -> Iterator[tuple[int, float, CellState]]:
    """Every look at a cell up to row `until`: (row, ln E after it, the state, which goes on)."""
    days = seen.day[cell.part]
    weeks = np.floor(days / REFERENCE_DAYS).astype(np.int64)
    table = reference.elsewhere(cell.region, int(weeks[0]), int(weeks[-1]))
    state = CellState(runs, np.unique(seen.case[cell.part]), float(days[0]), float(days[-1]))
    comes = [
        (int(seen.row[i]), int(i), int(week)) for i, week in zip(cell.part, weeks, strict=True)
    ]
    goes = [(int(seen.gone[i]), int(i), -1) for i in cell.part if seen.gone[i] != NEVER]
    for row, i, week in sorted(comes + goes):
        if row > until:
            return
        if week < 0:
            changed = state.remove(i)
        else:
            elsewhere = table[week - int(weeks[0])]
            changed = state.add(i, int(seen.case[i]), float(seen.day[i]), elsewhere)
        if changed and len(state.of) >= FEWEST:
            yield row, state.log_e(), state


def _with_lots(
    cells: list[Cell], scans: Scans, lots: Lots
) -> Iterator[tuple[Cell, Runs, Reference]]:
    """Cells with what they share with the other cells of their lot, made once a lot."""
    order = np.argsort(scans.lot, kind="stable")
    sorted_lots = scans.lot[order]
    last, runs, reference = -1, None, None
    for cell in cells:
        if cell.lot != last or runs is None or reference is None:
            low, high = np.searchsorted(sorted_lots, [cell.lot, cell.lot + 1])
            runs, reference = _of_lot(scans, lots, cell.lot, order[low:high])
            last = cell.lot
        yield cell, runs, reference


def _of_lot(scans: Scans, lots: Lots, lot: int, rows: Ints) -> tuple[Runs, Reference]:
    """What the cells of a lot share. rows: all scans of the lot, in order."""
    cases = int(lots.cases()[lot])
    runs = candidate_runs(cases, int(lots.cases_per_pallet[lot]))
    return runs, Reference.of(scans, rows, cases)


def _finding(
    scans: Scans, lots: Lots, seen: Observations, cell: Cell, passed: Rejection, fdr: float
) -> Finding:
    """Name the units: walk the cell again up to the look that raised it."""
    runs, reference = _of_lot(scans, lots, cell.lot, np.flatnonzero(scans.lot == cell.lot))
    *_, (_, _, state) = walk(seen, cell, runs, reference, until=passed.row)
    cases = named_cases(state)
    alive = (seen.row[cell.part] <= passed.row) & (seen.gone[cell.part] > passed.row)
    part = cell.part[alive]
    inside = part[np.isin(seen.case[part], cases)]
    per_pallet = int(lots.cases_per_pallet[cell.lot])
    first = int(lots.first_case[cell.lot])
    evidence = Evidence(
        scans=len(inside),
        scans_of=len(part),
        cases=tuple(int(case) for case in cases + first),
        pallets=tuple(int(pallet) for pallet in np.unique((cases + first) // per_pallet)),
        pallets_of=-(-int(lots.cases()[cell.lot]) // per_pallet),
        codes=tuple(scans.codes[unit] for unit in seen.unit[inside[:MOST_CODES]]),
    )
    e_value = float(np.exp(min(passed.log_e, 690.0)))
    return Finding(
        kind="diversion",
        lot=int(lots.label[cell.lot]),
        region=cell.region,
        day=float(scans.day[passed.row]),
        evidence=evidence,
        e_value=rounded(e_value),
        level=rounded(passed.level),
        fdr=fdr,
        sentence=_sentence(evidence, e_value, int(lots.label[cell.lot]), cell.region),
    )


def named_cases(state: CellState) -> Ints:
    """The cases that the evidence points at: the run that carries most of it, or, where the goods
    are mixed from single cases, those with more than one item seen. int64, ascending."""
    support = state.support()
    best = int(np.argmax(np.where(state.held == 0, 0.0, support)))
    mixed = support[state.held == 0].sum() > np.delete(support, 0).sum()
    if mixed:
        return np.unique([group.case for group in state.groups if group.size > 1])
    run = state.held[best]
    return np.arange(state.runs.start[run], state.runs.stop[run])


def _sentence(evidence: Evidence, e_value: float, lot: int, region: int) -> str:
    first, last = evidence.cases[0] + 1, evidence.cases[-1] + 1
    contiguous = last - first + 1 == len(evidence.cases)
    if contiguous and len(evidence.pallets) == 1:
        where = f"pallet {evidence.pallets[0] + 1} (cases {first} to {last}), one of"
        where += f" {evidence.pallets_of} of this consignee"
    elif contiguous:
        where = f"cases {first} to {last}"
    else:
        where = f"{len(evidence.cases)} single cases, mixed"
    return (
        f"{evidence.scans} of {evidence.scans_of} scans of lot {lot} in region {region}, outside"
        f" its territory, come from {where}; if goods of this lot left at random, evidence this"
        f" strong would occur at most {in_words(e_value)}"
    )
