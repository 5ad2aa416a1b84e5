"""Lots, their cases, and the store that each case goes to."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ledger.detect.frame import Bools, Custody, Floats, Ints, Lots
from ledger.services.worlds.simulator.land import Land, city_in, picked
from ledger.services.worlds.simulator.settings import Settings

LOTS_AT, LOTS = 27_000, 24  # a world of so many scans has so many lots ...
LOTS_GROW = 0.6  # ... and others by this power of their scans
DISTRIBUTORS_A_LOT = 0.6
SCANS_AN_ITEM = 1.30  # repeats and second devices over first scans


@dataclass(frozen=True)
class Goods:
    """Lots (m), and all cases and items of the world, numbered through in order of lots.

    lots, custody: as a detector reads them. scan_rate: (m,). first_case, first_item: number of the
    lot's first one, (m + 1,). city, arrives: of each case, the store's city and the day on which it
    gets there, (cases,).
    """

    lots: Lots
    custody: Custody
    scan_rate: Floats
    first_case: Ints
    first_item: Ints
    city: Ints
    arrives: Floats
    case_size: int

    def lot_of(self, case: Ints) -> Ints:
        """Row of the lot of cases, by their number."""
        return np.searchsorted(self.first_case, case, "right") - 1


def draw_goods(rng: np.random.Generator, land: Land, settings: Settings) -> Goods:
    """Draw lots that together give about settings.scans scans."""
    count = max(4, round(LOTS * (settings.scans / LOTS_AT) ** LOTS_GROW))
    rate = rng.uniform(*settings.scan_rate, count)
    size = rng.lognormal(0, 0.8, count)
    size *= settings.scans / SCANS_AN_ITEM / float((size * rate).sum())
    pallet = settings.case_size * settings.cases_per_pallet
    items = np.maximum(1, np.rint(size / pallet)).astype(np.int64) * pallet
    rate = np.minimum(1.0, rate * size / items)  # what rounding to pallets took or gave
    cases = items // settings.case_size
    first_case = np.concatenate(([0], np.cumsum(cases)))
    distributor = rng.integers(max(2, round(DISTRIBUTORS_A_LOT * count)), size=count)
    ship_day = np.round(rng.uniform(*settings.ship_day, count), 2)
    territory = _territories(rng, land, settings, distributor)
    lots = Lots(
        label=np.arange(count), distributor=distributor, territory=territory, ship_day=ship_day,
        items=items, case_size=np.full(count, settings.case_size),
        cases_per_pallet=np.full(count, settings.cases_per_pallet),
        restricted=np.ones(count, dtype=np.bool_), first_case=np.zeros(count, dtype=np.int64),
    )  # fmt: skip
    return _stocked(rng, land, settings, lots, rate, first_case)


def _territories(
    rng: np.random.Generator, land: Land, settings: Settings, distributor: Ints
) -> Bools:
    """Where each lot may be sold: its distributor's home region and some near it."""
    home = rng.choice(len(land.regions), int(distributor.max()) + 1, p=_by_people(land))
    territory = np.zeros((len(distributor), int(land.regions.max()) + 1), dtype=np.bool_)
    counts = rng.choice(len(settings.territory), len(distributor), p=settings.territory) + 1
    for row, (who, count) in enumerate(zip(distributor, counts, strict=True)):
        nearest = np.argsort(-land.near[home[who]], kind="stable")[: count - 1]
        territory[row, land.regions[[home[who], *nearest]]] = True
    return territory


def _by_people(land: Land) -> Floats:
    return np.asarray(land.people.reshape(len(land.regions), -1).sum(axis=1))


def _stocked(
    rng: np.random.Generator, land: Land, settings: Settings, lots: Lots, rate: Floats,
    first_case: Ints,
) -> Goods:  # fmt: skip
    """Send runs of cases to stores in the lot's territory."""
    total = int(first_case[-1])
    widths = rng.integers(*settings.store_cases, total)
    starts = np.concatenate(([0], np.cumsum(widths)))
    starts = np.unique(np.concatenate((starts[starts < total], first_case[:-1])))
    ends = np.append(starts[1:], total)
    lot = np.searchsorted(first_case, starts, "right") - 1
    weights = lots.territory[np.ix_(lot, land.regions)] * _by_people(land)
    region = land.regions[picked(rng, weights)]
    city = city_in(land, rng, region)
    later = rng.gamma(2, settings.transit_more / 2, len(lot))
    known = rng.random(len(lot)) < settings.custody_known
    width, first = ends - starts, first_case[lot]
    arrives = lots.ship_day[lot] + settings.transit + later
    custody = Custody(*(column[known] for column in (lot, starts - first, ends - first, city)))
    return Goods(
        lots=lots, custody=custody, scan_rate=rate, first_case=first_case,
        first_item=np.concatenate(([0], np.cumsum(lots.items))),
        city=np.repeat(city, width), arrives=np.repeat(arrives, width),
        case_size=settings.case_size,
    )  # fmt: skip
