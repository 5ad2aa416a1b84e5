"""Worlds in which nobody can be diverting, made from one in which some may be: the units of each
lot are dealt anew to the scans of its regions."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ledger.detect.frame import Lots, Scans


def dealt(scans: Scans, lots: Lots, rng: np.random.Generator) -> Scans:
    """The same scans, places, devices and days, with the logistic units permuted.

    Within each lot, the items that spoke from all its regions swap their cases. So each (lot,
    region) has as many items as before, at the same times (a wave of diverted goods comes as a
    wave), from cases drawn at random from those of the lot that speak.
    """
    known = (scans.lot >= 0) & (scans.case >= 0) & (scans.region >= 0)
    known &= scans.case < lots.cases()[np.where(scans.lot >= 0, scans.lot, 0)]
    rows = np.flatnonzero(known)
    first = rows[np.unique(scans.unit[rows], return_index=True)[1]]
    by_lot = first[np.argsort(scans.lot[first], kind="stable")]
    shuffled = first[np.lexsort((rng.random(len(first)), scans.lot[first]))]
    case_of = np.full(len(scans.codes), -1, dtype=np.int64)
    case_of[scans.unit[by_lot]] = scans.case[shuffled]
    return replace(scans, case=np.where(known, case_of[scans.unit], scans.case))
