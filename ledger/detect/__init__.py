"""Detectors: arrays in, findings out. Pure: no files, clock or randomness.

`Detection` is the one way in, for scans as they come; `detect` feeds it once, for stored ones.
"""

from __future__ import annotations

from collections.abc import Collection

import numpy as np

from ledger.detect.clones import Basis, Clones
from ledger.detect.diversion import Diversion
from ledger.detect.farms import Farms
from ledger.detect.finding import KINDS, Evidence, Finding, Leaker
from ledger.detect.frame import Custody, Lots, Scans
from ledger.detect.guessers import Guessers
from ledger.detect.levels import PARTS, lots_at, scans_at
from ledger.detect.sightings import Sightings
from ledger.detect.stream import Stream

__all__ = [
    "KINDS", "Custody", "Detection", "Evidence", "Finding", "Leaker", "Lots", "Scans", "detect",
]  # fmt: skip


class Detection:
    """The detectors and all they remember, fed with scans as they come.

    fdr: the stated share of false ones among the findings of a kind, above 0 and below 1. kinds:
    what to look for. Each finding rests on the scans up to its own: however the scans are cut into
    feeds, the findings are the same. The cost of a scan does not grow with the history; memory
    grows with the units that have spoken.
    """

    def __init__(
        self, lots: Lots, custody: Custody, *, fdr: float = 0.05, kinds: Collection[str] = KINDS
    ) -> None:
        if not 0 < fdr < 1:
            raise ValueError("fdr must be above 0 and below 1")
        self.kinds = frozenset(kinds)
        self._last_day = -np.inf
        self._sightings = Sightings()
        self._farms = Farms(lots, fdr)
        self._diversions = [
            Diversion(lots_at(lots, depth), custody, fdr, Stream(fdr * part), depth)
            for depth, part in enumerate(PARTS[len(lots.levels)])
        ]
        self._clones = Clones(lots, fdr)
        self._guessers = Guessers(fdr)

    def know(self, lots: Lots, custody: Custody) -> None:
        """Take frames in which rows were added, or have more cases; what was known before keeps its
        rows, and the cases their numbers. The levels stay as they were."""
        self._farms.lots = self._clones.lots = lots
        for depth, diversion in enumerate(self._diversions):
            diversion.know(lots_at(lots, depth), custody)

    def basis(self, code: str) -> Basis | None:
        """What the finding on a copied code rests on, None if it was not raised."""
        return self._clones.bases.get(code)

    def feed(self, scans: Scans) -> list[Finding]:
        """What these scans tip, in order of day. scans: those after all fed before, in order of
        day, their numbers of units, devices and lots meaning what they meant.

        Raises ValueError if they are not in order; nothing is taken in then.
        """
        if len(scans) == 0:
            return []
        if scans.day[0] < self._last_day or (np.diff(scans.day) < 0).any():
            raise ValueError("scans must come in order of day")
        self._last_day = float(scans.day[-1])
        found: list[Finding] = []
        nth, busy = self._sightings.feed(scans)
        if self.kinds & {"farm", "diversion"}:
            farms, farmed = self._farms.feed(scans, nth)
            found += farms if "farm" in self.kinds else []
        if "diversion" in self.kinds:
            for depth, diversion in enumerate(self._diversions):
                found += diversion.feed(scans_at(scans, depth), nth, busy, farmed)
        if "clone" in self.kinds:
            found += self._clones.feed(scans, nth, busy)
        if "guess" in self.kinds:
            found += self._guessers.feed(scans)
        return sorted(found, key=_in_order)


def _in_order(finding: Finding) -> tuple[float, str, int, int, int, int, str]:
    city = -1 if finding.city is None else finding.city
    county = -1 if finding.county is None else finding.county
    lot, region, code = finding.lot or 0, finding.region or 0, finding.code or ""
    return finding.day, finding.kind, lot, region, city, county, code


def detect(
    scans: Scans,
    lots: Lots,
    custody: Custody,
    *,
    fdr: float = 0.05,
    kinds: Collection[str] = KINDS,
) -> list[Finding]:
    """All findings, in order of the day on which each was raised: `Detection` fed once."""
    return Detection(lots, custody, fdr=fdr, kinds=kinds).feed(scans)
