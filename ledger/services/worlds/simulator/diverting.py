"""Diversion: goods of a lot sold in a region where they may not be, plainly or with care."""

from __future__ import annotations

import numpy as np

from ledger.detect.frame import Ints
from ledger.services.worlds.simulator.acts import acts
from ledger.services.worlds.simulator.gang import Deed, Gang

A_SCAN, FEWEST = 75e-6, 8  # diversions a scan of the world, and at least
SHARE = (0.001, 0.06)  # of a lot's items
CUTS, CUT = 0.4, (0.3, 0.9)  # who cuts codes away, and how many of them
SELLS = 25.0  # mean days from the diversion to a scan


def plainly(gang: Gang) -> None:
    """Runs of cases, or whole pallets, sold in one region."""
    for _ in range(gang.count(A_SCAN, FEWEST)):
        lot = gang.a_lot()
        _divert(gang, "diversion", lot, _run(gang, lot, _share(gang, lot)), gang.a_region(lot))


def mixed(gang: Gang) -> None:
    """Single cases picked at random."""
    for _ in range(gang.count(A_SCAN, FEWEST)):
        lot = gang.a_lot()
        cases = _single(gang, lot, _share(gang, lot))
        _divert(gang, "mixed", lot, cases, gang.a_region(lot))


def adaptive(gang: Gang) -> None:
    """One who knows the tests: single cases, most codes cut away, sold slowly in three regions."""
    for _ in range(gang.count(A_SCAN / 3, 3)):
        lot = gang.a_lot()
        parts = np.array_split(_single(gang, lot, _share(gang, lot)), 3)
        for cases in parts:
            if len(cases):
                cut = gang.rng.uniform(0.6, 0.95)
                _divert(gang, "adaptive", lot, cases, gang.a_region(lot), cut=cut, days=80.0)


def collusive(gang: Gang) -> None:
    """A dealer scans a third of the goods in its own shop before it passes them on."""
    for _ in range(gang.count(A_SCAN, FEWEST)):
        lot = gang.a_lot()
        cases = _run(gang, lot, _share(gang, lot))
        items = gang.items_of(cases)
        shown = items[gang.rng.random(len(items)) < 1 / 3]
        city = int(gang.goods.city[cases[0]])
        arrived = float(gang.goods.arrives[cases].max())
        device = gang.rng.choice(gang.new_devices(3), len(shown))
        home = acts(
            np.floor(arrived) + gang.rng.integers(0, 3, len(shown)) + gang.rng.random(len(shown)),
            shown, device, np.full(len(shown), city), gang.next_cause,
        )  # fmt: skip
        gang.parts.append(home)
        _divert(gang, "collusive", lot, cases, gang.a_region(lot), after=arrived + 3)


def split(gang: Gang) -> None:
    """One who buys a case or two from each of many dealers, and sells all of it in one region."""
    for _ in range(gang.count(A_SCAN / 8, 1)):
        region = gang.a_region(gang.a_lot())
        outside = ~gang.goods.lots.territory[:, region]
        early = gang.goods.lots.ship_day < gang.settings.span * 0.4
        lots = np.flatnonzero(outside & early)
        start = gang.settings.span * gang.rng.uniform(0.2, 0.5)
        for lot in gang.rng.choice(lots, min(len(lots), 12), replace=False).tolist():
            cases = _single(gang, lot, int(gang.rng.integers(1, 3)))
            _divert(gang, "split", lot, cases, region, after=start)


def lying(gang: Gang) -> None:
    """A plain diverter whose friend runs the server, and loses nine in ten of its scans."""
    for _ in range(gang.count(A_SCAN, FEWEST)):
        lot = gang.a_lot()
        gang.dropped[gang.next_cause] = 0.9
        _divert(gang, "lying", lot, _run(gang, lot, _share(gang, lot)), gang.a_region(lot))


def _share(gang: Gang, lot: int) -> int:
    """Cases that a diverter takes of a lot."""
    cases = int(gang.goods.lots.cases()[lot])
    return max(1, round(cases * gang.between(*SHARE)))


def _run(gang: Gang, lot: int, count: int) -> Ints:
    """Cases one after the other, from a pallet's edge if they fill one."""
    free = gang.free_cases(lot)
    pallet = gang.settings.cases_per_pallet
    start = int(gang.rng.integers(max(1, len(free) - count)))
    if count >= pallet:
        start, count = start // pallet * pallet, count // pallet * pallet
    return free[start : start + count]


def _single(gang: Gang, lot: int, count: int) -> Ints:
    free = gang.free_cases(lot)
    return np.asarray(gang.rng.choice(free, min(count, len(free)), replace=False))


def _divert(
    gang: Gang, attack: str, lot: int, cases: Ints, region: int, *, after: float | None = None,
    cut: float | None = None, days: float = SELLS,
) -> None:  # fmt: skip
    """Take cases away from their stores and sell them in a region."""
    items = gang.items_of(cases)
    gang.taken[items] = True
    if after is None:
        after = float(gang.goods.lots.ship_day[lot]) + gang.rng.uniform(5, 40)
    start = max(1.0, after)
    if cut is None:
        cut = gang.rng.uniform(*CUT) if gang.rng.random() < CUTS else 0.0
    seen = gang.rng.random(len(items)) < gang.goods.scan_rate[lot] * (1 - cut)
    sold = items[seen]
    detail = {
        "lot": lot,
        "distributor": int(gang.goods.lots.distributor[lot]),
        "region": region,
        "day": round(start, 2),
        "items": len(items),
        "code_removed": round(cut, 2),
    }
    where = np.full(len(sold), region, dtype=np.int64)
    gang.done(
        Deed(attack, "diversion", detail, items),
        gang.sell(sold, where, start, days, gang.next_cause),
    )
