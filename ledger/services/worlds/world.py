"""The demo's simulated world: one brand, three distributors, six stores, two lots, eight weeks.

Everything is drawn from one numpy Generator seeded by the caller: the same seed gives the same
world. Times are seconds relative to the end of the eight weeks, so never above 0. Items are named
by (lot number in the demo, index); packing is in order: case = index // case_size, pallet =
case // cases_per_pallet.

When somebody cheats, one pallet of a distributor is sold in one region far outside its territory,
and one code is copied and sold in several regions. Honest life goes on beside it: travellers,
gifts, second looks by the same phone and by others, and places that mobile networks get wrong.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ledger.domain.regions import REGIONS, Region, distance_km
from ledger.services.worlds.world_plan import (
    CASES_PER_PALLET,
    DAY,
    PALLETS,
    PARTIES,
    DemoLot,
    Move,
    Party,
    Supply,
    plan_moves,
)

SCANS = 3000
FAR_KM = 800.0
DIVERTED_SCANNED = 0.4  # of the diverted pallet's items
CLONE_SCANS = 50


@dataclass(frozen=True)
class DemoScan:
    """A consumer's scan. t: seconds, ≤ 0. lot, item: which code. region: province as stated.

    loc_src: gps, ip_fixed or ip_mobile; acc_km: the stated radius.
    """

    t: float
    lot: int
    item: int
    device: str
    channel: str
    loc_src: str
    lat: float
    lon: float
    acc_km: float
    region: int


@dataclass(frozen=True)
class Diverted:
    """The truth of the diversion: pallet of a lot, whose it was, where it is sold, from when on."""

    lot: int
    pallet: int
    distributor: int
    region: int
    t: float


@dataclass(frozen=True)
class Cloned:
    """The truth of the clone: the code copied, where copies are sold, from when on."""

    lot: int
    item: int
    regions: tuple[int, ...]
    t: float


@dataclass(frozen=True)
class World:
    """A whole simulated world. moves and scans are in order of t."""

    seed: int
    honest: bool
    parties: tuple[Party, ...]
    lots: tuple[DemoLot, ...]
    moves: tuple[Move, ...]
    scans: tuple[DemoScan, ...]
    diverted: Diverted | None
    cloned: Cloned | None


def demo_world(seed: int, honest: bool, scale: float = 1.0) -> World:
    """Draw a world. scale, above 0 and at most 1, shrinks the items of a case and the scans.

    Raises ValueError on another scale.
    """
    if not 0 < scale <= 1:
        raise ValueError("scale must be above 0 and at most 1")
    rng = np.random.default_rng(seed)
    case_size = max(2, round(24 * scale))
    lots = tuple(
        DemoLot(number, case_size * CASES_PER_PALLET * PALLETS, case_size, CASES_PER_PALLET)
        for number in (0, 1)
    )
    lot, pallet = int(rng.integers(2)), int(rng.integers(PALLETS))
    moves, supply = plan_moves(rng, lots, kept=None if honest else (lot, pallet))
    shelf = _Shelf(rng, lots)
    diverted = cloned = None
    if not honest:
        diverted = _divert(shelf, lots[lot], pallet)
        cloned = _clone(shelf, supply, lots, scale)
    while len(shelf.scans) < SCANS * scale:
        _sell(shelf, supply[int(rng.integers(len(supply)))], lots)
    scans = tuple(sorted(shelf.scans, key=lambda scan: (scan.t, scan.device, scan.item)))
    return World(seed, honest, PARTIES, lots, moves, scans, diverted, cloned)


class _Shelf:
    """Holds the generator and the scans made so far, and makes scans and phones."""

    def __init__(self, rng: np.random.Generator, lots: tuple[DemoLot, ...]) -> None:
        self.rng = rng
        self.scans: list[DemoScan] = []
        self.sold: list[set[int]] = [set() for _ in lots]

    def phone(self) -> str:
        return f"{int(self.rng.integers(1 << 44)):011x}"

    def buy(self, lot: int, item: int, region: int, t: float) -> None:
        """An item is bought and scanned; perhaps again by the same phone, perhaps by another."""
        self.sold[lot].add(item)
        phone = self.phone()
        self.scan(lot, item, region, t, phone)
        if self.rng.random() < 0.2:
            self.scan(lot, item, region, t + self.rng.exponential(3 * 3600.0), phone)
        if self.rng.random() < 0.08:
            self.scan(lot, item, region, t + self.rng.exponential(2 * DAY), self.phone())

    def scan(self, lot: int, item: int, region: int, t: float, phone: str) -> None:
        """One scan; one that would lie after the end never happened."""
        if t > 0:
            return
        rng = self.rng
        source, wrong, radius, spread = _SOURCES[int(rng.choice(3, p=(0.3, 0.25, 0.45)))]
        stated = REGIONS[region]
        if rng.random() < wrong:
            stated = _anywhere(rng)
        scan = DemoScan(
            t=round(t, 1),
            lot=lot,
            item=item,
            device=phone,
            channel="wechat" if rng.random() < 0.5 else "web",
            loc_src=source,
            lat=round(stated.lat + float(rng.normal(0, spread)), 3),
            lon=round(stated.lon + float(rng.normal(0, spread)), 3),
            acc_km=radius,
            region=stated.code,
        )
        self.scans.append(scan)


# name, P(province wrong), stated radius in km, spread of the stated place in degrees
_SOURCES = (
    ("gps", 0.0, 0.1, 0.02),
    ("ip_fixed", 0.03, 12.0, 0.02),
    ("ip_mobile", 0.12, 180.0, 0.02),
)


def _anywhere(rng: np.random.Generator) -> Region:
    return list(REGIONS.values())[int(rng.integers(len(REGIONS)))]


def _sell(shelf: _Shelf, supply: Supply, lots: tuple[DemoLot, ...]) -> None:
    """One sale of a store's goods: to a neighbour, to a traveller, or as a gift of several."""
    rng = shelf.rng
    size = lots[supply.lot].case_size
    item = supply.case * size + int(rng.integers(size))
    t = supply.t + rng.exponential(18 * DAY)
    store = PARTIES[supply.store]
    fate = rng.random()
    if fate < 0.90 or item in shelf.sold[supply.lot]:
        home = store.region if rng.random() < 0.85 else int(rng.choice(store.territory))
        if item not in shelf.sold[supply.lot]:
            shelf.buy(supply.lot, item, home, t)
        return
    away = _anywhere(rng).code
    shelf.buy(supply.lot, item, away, t)
    if fate > 0.985:
        for other in range(item + 1, min(item + int(rng.integers(2, 7)), (supply.case + 1) * size)):
            if other not in shelf.sold[supply.lot]:
                shelf.buy(supply.lot, other, away, t + rng.exponential(5 * DAY))


def _divert(shelf: _Shelf, lot: DemoLot, pallet: int) -> Diverted:
    """Sell items of one pallet, which its distributor kept back, in one far region."""
    rng = shelf.rng
    owner = lot.distributor_of(pallet)
    home = [REGIONS[code] for code in PARTIES[owner].territory]
    far = [r for r in REGIONS.values() if min(distance_km(r, h) for h in home) > FAR_KM]
    region = far[int(rng.integers(len(far)))].code
    start = -30 * DAY + float(rng.uniform(0, 4 * DAY))
    per_pallet = lot.case_size * lot.cases_per_pallet
    items = (
        pallet * per_pallet + rng.permutation(per_pallet)[: round(per_pallet * DIVERTED_SCANNED)]
    )
    for item in items.tolist():
        shelf.buy(lot.number, int(item), region, start + float(rng.uniform(0, 26 * DAY)))
    return Diverted(lot.number, pallet, owner, region, start)


def _clone(shelf: _Shelf, supply: list[Supply], lots: tuple[DemoLot, ...], scale: float) -> Cloned:
    """Copy the code of one item that a store sold, and sell copies in three regions."""
    rng = shelf.rng
    origin = supply[int(rng.integers(len(supply)))]
    size = lots[origin.lot].case_size
    item = origin.case * size + int(rng.integers(size))
    codes = list(REGIONS)
    regions = tuple(codes[i] for i in sorted(rng.choice(len(codes), 3, replace=False).tolist()))
    start = max(origin.t, -28 * DAY)
    shelf.buy(origin.lot, item, PARTIES[origin.store].region, start)
    for _ in range(max(24, round(CLONE_SCANS * scale))):
        t = start + float(rng.uniform(0, 0.9)) * -start
        shelf.scan(origin.lot, item, int(rng.choice(regions)), t, shelf.phone())
    return Cloned(origin.lot, item, regions, start)
