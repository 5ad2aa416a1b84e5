"""What several detectors ask of each scan: is it a new phone, and is that phone busy?"""

from __future__ import annotations

from array import array

import numpy as np

from ledger.detect.frame import Scans

BUSY_UNITS = 3  # units of a lot in a day: a waiter, a shop


class Sightings:
    """Counts, scan by scan, the distinct devices of each unit and the distinct units that a device
    scanned of a lot in a day."""

    def __init__(self) -> None:
        self._first = array("q")  # by unit: its first device, or -1
        self._more: dict[int, set[int]] = {}
        self._today = -1
        self._session: dict[tuple[int, int], set[int]] = {}

    def feed(self, scans: Scans) -> tuple[list[int], list[int]]:
        """For each scan: which device of its unit it is, 1, 2, …, or 0 for one seen before; and how
        many units of the lot its device has scanned that day, with this one."""
        missing = int(scans.unit.max(initial=-1)) + 1 - len(self._first)
        if missing > 0:
            self._first.extend([-1] * missing)
        first, more = self._first, self._more
        nth, busy = [], []
        days = np.floor(scans.day).astype(np.int64).tolist()
        columns = (scans.unit.tolist(), scans.device.tolist(), scans.lot.tolist(), days)
        for unit, device, lot, day in zip(*columns, strict=True):
            known = first[unit]
            if known < 0:
                first[unit] = device
                nth.append(1)
            elif known == device:
                nth.append(0)
            else:
                others = more.setdefault(unit, set())
                if device in others:
                    nth.append(0)
                else:
                    others.add(device)
                    nth.append(len(others) + 1)
            if day != self._today:
                self._today = day
                self._session = {}
            units = self._session.setdefault((device, lot), set())
            units.add(unit)
            busy.append(len(units))
        return nth, busy
