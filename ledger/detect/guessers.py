"""Guessers: devices that try codes which were never issued.

A rule with a threshold, not a calibrated test: UNKNOWN distinct codes that were never issued, by
one device. A damaged print or a mistyped letter gives one. For review, never for punishment.
"""

from __future__ import annotations

import numpy as np

from ledger.detect.finding import Evidence, Finding
from ledger.detect.frame import Custody, Lots, Scans
from ledger.detect.grouping import filled_at, firsts, ids

UNKNOWN = 3


def findings(scans: Scans, lots: Lots, custody: Custody, fdr: float) -> list[Finding]:
    """One finding for each device, at its UNKNOWN-th code that was never issued."""
    del lots, custody
    rows = np.flatnonzero(scans.lot < 0)
    device = scans.device[rows]
    at = filled_at(device, firsts(ids(device, scans.unit[rows])), UNKNOWN)
    found = []
    for here in np.flatnonzero(at == np.arange(len(rows))):
        row = int(rows[here])
        tried = rows[: here + 1][device[: here + 1] == device[here]]
        name = scans.devices[int(device[here])]
        total = int(np.count_nonzero(scans.device[: row + 1] == device[here]))
        finding = Finding(
            kind="guess",
            day=float(scans.day[row]),
            devices=(name,),
            evidence=Evidence(
                scans=len(tried),
                scans_of=total,
                codes=tuple(scans.codes[unit] for unit in scans.unit[tried][:100]),
            ),
            fdr=fdr,
            sentence=f"{len(tried)} of {total} codes scanned by one device were never issued",
        )
        found.append(finding)
    return found
