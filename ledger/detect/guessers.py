"""Guessers: devices that try codes which were never issued.

A rule with a threshold, not a calibrated test: UNKNOWN distinct codes that were never issued, by
one device. A damaged print or a mistyped letter gives one, and who types it anew a few more. For
review, never for punishment.
"""

from __future__ import annotations

import numpy as np

from ledger.detect.finding import Evidence, Finding
from ledger.detect.frame import NEVER_ISSUED, Scans
from ledger.detect.tables import Counts

UNKNOWN = 8


class Guessers:
    """The state of all devices; `feed` takes scans once, in order."""

    def __init__(self, fdr: float, unknown: int = UNKNOWN) -> None:
        self._fdr, self._unknown = fdr, unknown
        self._tried: dict[int, list[int]] = {}  # device → its codes never issued, until it is told
        self._told: set[int] = set()
        self._scans = Counts()

    def feed(self, scans: Scans) -> list[Finding]:
        """One finding for each device, at its `unknown`-th code that was never issued."""
        found = []
        for row in np.flatnonzero(scans.lot == NEVER_ISSUED).tolist():
            device, unit = int(scans.device[row]), int(scans.unit[row])
            tried = self._tried.setdefault(device, [])
            if device in self._told or unit in tried:
                continue
            tried.append(unit)
            if len(tried) == self._unknown:
                self._told.add(device)
                found.append(self._finding(scans, row, self._tried.pop(device)))
        self._scans.add(scans.device)
        return found

    def _finding(self, scans: Scans, row: int, tried: list[int]) -> Finding:
        total = self._scans.until(scans.device, row, int(scans.device[row]))
        return Finding(
            kind="guess",
            day=float(scans.day[row]),
            devices=(scans.devices[int(scans.device[row])],),
            evidence=Evidence(
                scans=len(tried), scans_of=total, codes=tuple(scans.codes[unit] for unit in tried)
            ),
            fdr=self._fdr,
            sentence=f"{len(tried)} of {total} codes scanned by one device were never issued",
        )
