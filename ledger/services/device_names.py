"""Names of the devices that scan: what is kept of a cookie.

A device has a name for each brand and each 90 days, so nobody who holds the scans can follow it
from brand to brand, or for years. An item that it scanned under its last name knows it by that for
30 days more: the same phone at the same bottle in March and in April is not two phones. No other
item does, so the two names are tied only where that matters.
"""

from __future__ import annotations

import hmac
from dataclasses import dataclass, field

EPOCH_S = 90 * 86_400
OVERLAP_S = 30 * 86_400


@dataclass(frozen=True)
class Device:
    """Whoever scans. cookie: what it is told apart by, kept and logged nowhere. key: the
    installation's; without it neither cookie nor names for other brands can be had."""

    cookie: str = field(repr=False)
    key: bytes = field(repr=False)

    def name(self, brand: int, at: int) -> str:
        """Return its name for a brand's items at a time (unix seconds)."""
        return self._name(f"{brand}/{at // EPOCH_S}")

    def former(self, brand: int, at: int) -> str | None:
        """Return its last name for a brand, None from 30 days after the change."""
        if at % EPOCH_S >= OVERLAP_S:
            return None
        return self._name(f"{brand}/{at // EPOCH_S - 1}")

    def opener(self, batch: int, index: int) -> str:
        """Return its name as who uncovered an inner code: for that item alone, so for ever."""
        return self._name(f"opener/{batch}/{index}")

    def _name(self, of: str) -> str:
        return hmac.digest(self.key, f"{of}/{self.cookie}".encode(), "sha256").hex()[:22]
