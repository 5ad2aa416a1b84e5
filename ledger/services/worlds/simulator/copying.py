"""Codes on goods that are not the brand's: copied, refilled, printed from a stolen package."""

from __future__ import annotations

import numpy as np

from ledger.detect.frame import Ints
from ledger.services.worlds.simulator.acts import acts, people, ranges
from ledger.services.worlds.simulator.gang import Deed, Gang
from ledger.services.worlds.simulator.land import city_in

A_SCAN, FEWEST = 15e-6, 4  # groups a scan of the world, and at least
CODES, COPIES, REGIONS = (1, 100), (10, 3000), 4
MOST = 0.02  # of a world's scans are of one group's copies, at most
SELLS = 40.0


def clone(gang: Gang) -> None:
    """Some codes of bought goods, each copied many times, sold in one to four regions."""
    for _ in range(gang.count(A_SCAN, FEWEST)):
        lot = gang.a_lot()
        rate = float(gang.goods.scan_rate[lot])
        copies = round(gang.between(*COPIES))
        most = max(1, int(MOST * gang.settings.scans / (copies * rate)))
        items = _codes(gang, lot, min(most, round(gang.between(*CODES))))
        start = _start(gang, lot)
        _sell(gang, "clone", lot, items, np.full(len(items), copies), start, SELLS)


def refill(gang: Gang) -> None:
    """Empty bottles of one town are filled again, most once, and sold in another region."""
    for _ in range(gang.count(A_SCAN, FEWEST)):
        lot = gang.a_lot()
        cases = np.arange(gang.goods.first_case[lot], gang.goods.first_case[lot + 1])
        town = gang.goods.city[gang.rng.choice(cases)]
        there = gang.items_of(cases[gang.goods.city[cases] == town])
        count = min(len(there), round(gang.between(100, 1500)))
        items = np.sort(gang.rng.choice(there, count, replace=False))
        times = gang.rng.geometric(0.6, count)
        _sell(gang, "refill", lot, items, times, _start(gang, lot) + 45, SELLS, regions=1)


def leak(gang: Gang) -> None:
    """A package of codes is stolen before its goods leave: a run of them on fakes, sold at once."""
    for _ in range(gang.count(A_SCAN / 2, 2)):
        lot = int(gang.rng.choice(np.flatnonzero(gang.goods.lots.ship_day > 20)))
        count = min(int(gang.goods.lots.items[lot]), round(gang.between(300, 3000)))
        first = gang.goods.first_item[lot] + int(
            gang.rng.integers(gang.goods.lots.items[lot] - count + 1)
        )
        items = first + np.arange(count)
        start = float(gang.goods.lots.ship_day[lot]) - gang.rng.uniform(0, 20)
        _sell(gang, "leak", lot, items, gang.rng.geometric(0.5, count), start, SELLS / 2)


def _codes(gang: Gang, lot: int, count: int) -> Ints:
    first, to = gang.goods.first_item[lot], gang.goods.first_item[lot + 1]
    return np.asarray(np.sort(gang.rng.choice(np.arange(first, to), count, replace=False)))


def _start(gang: Gang, lot: int) -> float:
    return max(1.0, float(gang.goods.lots.ship_day[lot]) + gang.rng.uniform(10, 50))


def _sell(
    gang: Gang, attack: str, lot: int, items: Ints, copies: Ints, start: float, days: float,
    regions: int = REGIONS,
) -> None:  # fmt: skip
    """Sell so many copies of each code; a buyer of one scans it as often as of any other."""
    rng = gang.rng
    count = int(rng.integers(1, regions + 1))
    where = rng.choice(gang.land.regions, count, replace=False)
    scanned = rng.binomial(copies, gang.goods.scan_rate[lot])
    which, _ = ranges(items, scanned)
    city = city_in(gang.land, rng, rng.choice(where, len(which)))
    day = start + rng.exponential(days, len(which))
    device = people(rng, city, gang.pool)
    detail = {
        "lot": lot,
        "copies": round(float(np.mean(copies)), 1),
        "day": round(start, 2),
        "regions": sorted(where.tolist()),
    }
    sold = acts(day, items[which], device, city, gang.next_cause)
    gang.done(Deed(attack, attack, detail, items), sold)
