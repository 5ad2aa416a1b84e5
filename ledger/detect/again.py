"""Findings computed again from the scans that were kept with them, and from nothing else.

Each function runs the detector's own code on the kept scans and returns the finding that they give,
or None. What cannot follow from the scans of one consignment is said to it: the level, which the
stream of all cells set, and what the other copies of the lot told.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from ledger.detect.clones import (
    FEWEST_DEVICES,
    MOST_DEVICES,
    Basis,
    Told,
    finding_of,
    needed_factor,
)
from ledger.detect.diversion import traced
from ledger.detect.farms import Farms
from ledger.detect.finding import Finding
from ledger.detect.frame import Custody, Lots, Scans
from ledger.detect.guessers import Guessers
from ledger.detect.history import bayes_factor, home_of, placed, seen_at
from ledger.detect.sightings import BUSY_UNITS, Sightings
from ledger.detect.stream import Rejection


@dataclass(frozen=True)
class Said:
    """What the stream said of a diversion: its level, the stated rate, and whether the cell was
    among the promising, which pay the price of entry."""

    level: float
    fdr: float
    promising: bool


def diversion_again(
    scans: Scans, lots: Lots, custody: Custody, cell: tuple[int, int, int], said: Said
) -> tuple[list[tuple[int, float]], Finding | None]:
    """Every look of one cell as (row of scans, ln E), and the finding that it is at the last row;
    None where it was never looked at, or is not sure enough. cell: row of Lots, number of
    the place, and the level that it is of (`ledger.detect.levels`)."""
    again = traced(scans, lots, custody, *cell)
    if again is None or not again.looks:
        return [], None
    row, log_e = again.looks[-1]
    price = again.log_price if said.promising else 0.0
    # The level is kept with four digits, so as much is allowed for.
    if log_e - price < -np.log(said.level) - 1e-3:
        return again.looks, None
    rejected = Rejection(again.name, row, log_e - price, price, said.level)
    return again.looks, replace(again.state.finding(rejected, scans, row), fdr=said.fdr)


def clone_again(scans: Scans, lots: Lots, unit: int, basis: Basis, fdr: float) -> Finding | None:
    """The finding on one code. scans: all of the code up to the one at which it was raised, and
    those by which its devices were busy. basis: its `others` and `sold`; which devices count is
    found out."""
    nth, busy = Sightings().feed(scans)
    counts = (nth > 0) & (busy < BUSY_UNITS) & (scans.lot >= 0) & placed(scans)
    own = np.flatnonzero(scans.unit == unit)
    seen = [seen_at(scans, row) for row in own.tolist() if counts[row]][:MOST_DEVICES]
    if len(seen) < FEWEST_DEVICES:
        return None
    home = home_of(lots, int(scans.lot[own[-1]]))
    factor, needed = bayes_factor(seen, basis.sold, home), needed_factor(basis.others, fdr)
    if factor < needed:
        return None
    told = Told(
        code=scans.codes[unit],
        lot=int(lots.label[scans.lot[own[-1]]]),
        day=float(scans.day[-1]),
        scans=len(own),
        seen=seen,
    )
    return finding_of(told, factor, 1 / needed, fdr)


def farm_again(scans: Scans, lots: Lots, fdr: float) -> Finding | None:
    """The newest finding on a farm. scans: all of the items that it scanned."""
    nth, _ = Sightings().feed(scans)
    found, _ = Farms(lots, fdr).feed(scans, nth)
    return found[-1] if found else None


def guess_again(scans: Scans, fdr: float, unknown: int) -> Finding | None:
    """The finding on one device. scans: its scans of codes that were never issued. unknown: how
    many such codes make a guesser."""
    found = Guessers(fdr, unknown).feed(scans)
    return found[-1] if found else None
