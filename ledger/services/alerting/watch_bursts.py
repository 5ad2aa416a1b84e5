"""Guessers that act together are one cause: those that the detector names within a day.

A script that tries codes changes its name, its phone and its network. What its devices share and
what is kept of a scan is the time: addresses are not. A burst goes on while its devices do, with
pauses of GAP_S at most, and takes in others for LONGEST_S; who comes later is another cause, so
that trying without end is told of again.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

from ledger.detect.finding import Finding
from ledger.services.alerting.watch_frame import Names, code_of
from ledger.services.alerting.watch_scan import ScanRow

GAP_S, LONGEST_S = 86_400, 7 * 86_400
MOST = 100  # devices that are named


@dataclass(eq=False)
class Burst:
    """first: the finding on its first device. begun, last: unix seconds. scans: of codes that were
    never issued, by its devices from when each is named on, with the codes that named it. devices:
    the first MOST of its `members`. shown: how many of these its evidence tells of."""

    first: Finding
    begun: int
    last: int
    scans: int = 0
    members: int = 0
    devices: list[str] = field(default_factory=list)
    shown: int = 1

    def takes(self, time: int) -> bool:
        """Say whether a device that is named at a time belongs to it."""
        return time - self.last <= GAP_S and time - self.begun <= LONGEST_S

    def add(self, finding: Finding, time: int) -> None:
        """Take in a device."""
        self.members += 1
        self.devices += finding.devices if len(self.devices) < MOST else ()
        self.count(finding.evidence.scans, time)

    def count(self, scans: int, time: int) -> None:
        """Count scans by its devices."""
        self.scans += scans
        self.last = max(self.last, time)

    def sentence(self) -> str:
        """What its devices did; of a single one what the detector says."""
        if self.members == 1:
            return self.first.sentence
        return (
            f"{self.members} devices, each within a day of another, scanned codes that were never"
            f" issued, {self.scans:,} times in all"
        )


class Bursts:
    """The bursts of a brand's scans; `feed` takes the scans once, in order."""

    def __init__(self) -> None:
        self._of: dict[str, Burst] = {}  # by device
        self._newest: Burst | None = None

    def feed(self, rows: Sequence[ScanRow], told: Collection[Finding], names: Names) -> list[Burst]:
        """Return the bursts that these scans began or go on with. told: what the detectors found
        in them; names: by which they were fed."""
        tips = {
            (one.devices[0], one.evidence.codes[-1]): one for one in told if one.kind == "guess"
        }
        grown: dict[Burst, None] = {}
        for row in rows:
            if row.batch is not None:
                continue
            time = names.late.get(row.id, row.time)
            burst = self._of.get(row.device)
            if burst is not None:
                burst.count(1, time)
            elif finding := tips.get((row.device, code_of(row))):
                burst = self._of[row.device] = self._joined(finding, time)
                burst.add(finding, time)
            if burst is not None:
                grown[burst] = None
        return list(grown)

    def _joined(self, finding: Finding, time: int) -> Burst:
        if self._newest is None or not self._newest.takes(time):
            self._newest = Burst(finding, time, time)
        return self._newest
