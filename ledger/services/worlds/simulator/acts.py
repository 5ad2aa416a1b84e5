"""Who scanned what, where and when: the truth, before any place is stated."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np

from ledger.detect.frame import Bools, Floats, Ints

HONEST = 0
SHOPS = 1 << 40  # device numbers: people of city c are c << 24 and up, shops and waiters from here
OTHERS = 1 << 41  # devices that are nobody else's: parties to a display, a photo, a clone


@dataclass(frozen=True)
class Acts:
    """n scans, in any order; arrays of shape (n,).

    day: float64. item: int64, number of the item in the world, below 0 for a code that was never
    issued. device: int64. city: int64, where it happened. cause: int64, HONEST or the number of the
    row of the truth, from 1.
    """

    day: Floats
    item: Ints
    device: Ints
    city: Ints
    cause: Ints

    def __len__(self) -> int:
        return len(self.day)

    def take(self, rows: Ints | Bools) -> Acts:
        """Some rows."""
        return Acts(*(getattr(self, field.name)[rows] for field in fields(self)))


def acts(day: Floats, item: Ints, device: Ints, city: Ints, cause: int = HONEST) -> Acts:
    """Scans of one cause."""
    return Acts(day, item, device, city, np.full(len(day), cause, dtype=np.int64))


def joined(parts: Sequence[Acts]) -> Acts:
    """All scans of several parts."""
    return Acts(*(np.concatenate([getattr(p, f.name) for p in parts]) for f in fields(Acts)))


def people(rng: np.random.Generator, city: Ints, pool: Floats) -> Ints:
    """A person's device in each city; some people buy often. pool: people by city, (cities,)."""
    eager = rng.random(len(city)) ** 1.5
    return (city << 24) + (eager * pool[city]).astype(np.int64)


def strangers(first: int, count: int) -> Ints:
    """Devices numbered from `first` on among OTHERS."""
    return OTHERS + first + np.arange(count, dtype=np.int64)


def ranges(starts: Ints, counts: Ints) -> tuple[Ints, Ints]:
    """Count up from each start: (which start, start + 0 … count − 1), both (sum of counts,)."""
    which = np.repeat(np.arange(len(starts)), counts)
    within = np.arange(len(which)) - np.repeat(np.cumsum(counts) - counts, counts)
    return which, np.asarray(starts)[which] + within
