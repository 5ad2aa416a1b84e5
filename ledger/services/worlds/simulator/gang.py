"""Those who cheat, as far as they all work alike: what they take, do and leave in the truth."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ledger.detect.frame import Floats, Ints
from ledger.services.worlds.simulator.acts import OTHERS, Acts, acts, people
from ledger.services.worlds.simulator.goods import Goods
from ledger.services.worlds.simulator.land import Land, any_city, city_in
from ledger.services.worlds.simulator.settings import Settings

FIRST_DEVICE = OTHERS + (1 << 36)  # of those who cheat


@dataclass(frozen=True)
class Deed:
    """One thing that somebody did. attack: by which kind of attack; kind: of truth row.

    detail: the rest of the truth row. items: codes concerned; devices: those of the cheats.
    """

    attack: str
    kind: str
    detail: dict[str, Any]
    items: Ints = field(default_factory=lambda: np.empty(0, dtype=np.int64))
    devices: Ints = field(default_factory=lambda: np.empty(0, dtype=np.int64))


class Gang:
    """Holds the generator and what was done so far: scans, goods taken, deeds, scans to drop."""

    def __init__(
        self, rng: np.random.Generator, land: Land, goods: Goods, settings: Settings
    ) -> None:
        self.rng, self.land, self.goods, self.settings = rng, land, goods, settings
        self.pool: Floats = np.maximum(2.0, land.people * settings.scans * settings.phones)
        self.parts: list[Acts] = []
        self.deeds: list[Deed] = []
        self.taken = np.zeros(goods.first_item[-1], dtype=np.bool_)
        self.scripts: list[Ints] = []  # devices of the channel `script`
        self.dropped: dict[int, float] = {}  # cause -> share of its scans that never get stored
        self._devices = FIRST_DEVICE

    def count(self, a_scan: float, fewest: int) -> int:
        """How many deeds of a kind this world has. a_scan: per scan of the world."""
        return max(fewest, round(a_scan * self.settings.scans))

    def between(self, low: float, high: float) -> float:
        """A number, evenly on a logarithmic scale."""
        return float(np.exp(self.rng.uniform(np.log(low), np.log(high))))

    def a_lot(self) -> int:
        """A lot, the larger the likelier, that leaves early enough to be sold in time."""
        early = self.goods.lots.ship_day < self.settings.span * 0.4
        weights = self.goods.lots.items * early
        return int(self.rng.choice(len(weights), p=weights / weights.sum()))

    def a_region(self, lot: int) -> int:
        """A region outside a lot's territory, by people."""
        city = any_city(self.land, self.rng, 64)
        region = self.land.region[city]
        return int(region[~self.goods.lots.territory[lot, region]][0])

    def free_cases(self, lot: int) -> Ints:
        """Numbers in the world of a lot's cases of which nothing is taken."""
        first, to = self.goods.first_case[lot], self.goods.first_case[lot + 1]
        size = self.goods.case_size
        taken = self.taken[first * size : to * size].reshape(-1, size).any(axis=1)
        return np.asarray(first + np.flatnonzero(~taken))

    def items_of(self, cases: Ints) -> Ints:
        """All items of cases."""
        size = self.goods.case_size
        return np.asarray((cases[:, None] * size + np.arange(size)).ravel())

    def new_devices(self, count: int) -> Ints:
        """Devices that nobody else has."""
        self._devices += count
        return np.arange(self._devices - count, self._devices, dtype=np.int64)

    def sell(self, item: Ints, region: Ints, start: float, mean_days: float, cause: int) -> Acts:
        """Goods sold from a day on in given regions; each is scanned once, by a person there."""
        city = city_in(self.land, self.rng, region)
        day = start + self.rng.exponential(mean_days, len(item))
        return acts(day, item, people(self.rng, city, self.pool), city, cause)

    def done(self, deed: Deed, *parts: Acts) -> None:
        """Write a deed down; its cause is the number that `next_cause` gave."""
        self.deeds.append(deed)
        self.parts.extend(parts)

    @property
    def next_cause(self) -> int:
        """The cause of the deed that is written down next."""
        return len(self.deeds) + 1
