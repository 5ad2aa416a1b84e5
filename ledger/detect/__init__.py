"""Detectors: arrays in, findings out. Pure: no files, clock or randomness.

`detect` is the one way in, for stored scans and for files alike.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping

from ledger.detect import clones, diversion, farms, guessers
from ledger.detect.finding import KINDS, Evidence, Finding
from ledger.detect.frame import Custody, Lots, Scans

__all__ = ["KINDS", "Custody", "Evidence", "Finding", "Lots", "Scans", "detect"]

Detector = Callable[[Scans, Lots, Custody, float], list[Finding]]

DETECTORS: Mapping[str, Detector] = {
    "clone": clones.findings,
    "diversion": diversion.findings,
    "farm": farms.findings,
    "guess": guessers.findings,
}


def detect(
    scans: Scans,
    lots: Lots,
    custody: Custody,
    *,
    fdr: float = 0.05,
    kinds: Collection[str] = KINDS,
) -> list[Finding]:
    """All findings, in order of the day on which each was raised.

    Each finding rests on the scans up to its own: with the scans after any time left out, the
    findings up to that time are the same. fdr: the stated share of false ones among the findings of
    a kind, above 0 and below 1.
    """
    if not 0 < fdr < 1:
        raise ValueError("fdr must be above 0 and below 1")
    found = [f for kind in kinds for f in DETECTORS[kind](scans, lots, custody, fdr)]
    return sorted(found, key=lambda f: (f.day, f.kind, f.lot or 0, f.region or 0, f.code or ""))
