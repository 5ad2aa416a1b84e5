"""What several detectors ask of each scan: is it a new phone, and is that phone busy?"""

from __future__ import annotations

from array import array

import numpy as np

from ledger.detect.frame import Ints, Scans

_LOTS = 1 << 24  # more than there are lots
BUSY_UNITS = 3  # units of a lot in a day: a waiter, a shop


class Sightings:
    """Counts, scan by scan, the distinct devices of each unit and the distinct units that a device
    scanned of a lot in a day."""

    def __init__(self) -> None:
        self._first = array("q")  # by unit: its first device, or -1
        self._more: dict[int, set[int]] = {}
        self._today = -1
        self._session: dict[int, int | set[int]] = {}  # its unit, or its units

    def feed(self, scans: Scans) -> tuple[Ints, Ints]:
        """For each scan: which device of its unit it is, 1, 2, …, or 0 for one seen before; and how
        many units of the lot its device has scanned that day, with this one: int64 (n,) each."""
        missing = int(scans.unit.max(initial=-1)) + 1 - len(self._first)
        if missing > 0:
            self._first.extend([-1] * missing)
        first, more = self._first, self._more
        nth, busy = [], []
        days = np.floor(scans.day).astype(np.int64).tolist()
        sessions = (scans.device * _LOTS + scans.lot).tolist()
        columns = (scans.unit.tolist(), scans.device.tolist(), sessions, days)
        for unit, device, session, day in zip(*columns, strict=True):
            known = first[unit]
            if known < 0:
                first[unit] = device
                nth.append(1)
            elif known == device:
                nth.append(0)
            else:
                others = more.setdefault(unit, set())
                nth.append(0 if device in others else len(others) + 2)
                others.add(device)
            if day != self._today:
                self._today = day
                self._session = {}
            units = self._session.get(session)
            if units is None:
                self._session[session] = unit
                busy.append(1)
            elif units == unit:
                busy.append(1)
            else:
                if isinstance(units, int):
                    units = self._session[session] = {units}
                units.add(unit)
                busy.append(len(units))
        return np.array(nth, dtype=np.int64), np.array(busy, dtype=np.int64)
