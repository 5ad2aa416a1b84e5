"""Honest people: they buy, carry away, give, look twice, hand round."""

from __future__ import annotations

import numpy as np

from ledger.detect.frame import Bools, Floats, Ints
from ledger.services.worlds.simulator.acts import Acts, acts, joined, people, ranges
from ledger.services.worlds.simulator.goods import Goods
from ledger.services.worlds.simulator.land import Land, any_city, city_in, picked
from ledger.services.worlds.simulator.settings import Settings

HOUR = 1 / 24


def lives(rng: np.random.Generator, land: Land, goods: Goods, settings: Settings) -> Acts:
    """Scans of bought and of carried goods, with repeats and second devices."""
    items = int(goods.first_item[-1])
    scanned = rng.random(items) < np.repeat(goods.scan_rate, goods.lots.items)
    pool = np.maximum(2.0, land.people * settings.scans * settings.phones)
    away, party = _carried(rng, land, goods, settings, pool)
    scanned[away.item] |= party & (rng.random(len(away)) < settings.party_scanned)
    away = away.take(scanned[away.item])
    scanned[away.item] = False
    first = joined([away, _bought(rng, land, goods, settings, pool, np.flatnonzero(scanned))])
    return joined([first, looks_again(rng, land, settings, pool, first)])


def on_sale(rng: np.random.Generator, goods: Goods, settings: Settings, item: Ints) -> Floats:
    """The day on which each item is bought, float64 of the shape of `item`."""
    return goods.arrives[item // goods.case_size] + rng.exponential(settings.shelf, len(item))


def _bought(
    rng: np.random.Generator, land: Land, goods: Goods, settings: Settings, pool: Floats, item: Ints
) -> Acts:
    """Items bought in the store's city or in another of the territory, and scanned there."""
    case = item // goods.case_size
    city = goods.city[case]
    elsewhere = np.flatnonzero(rng.random(len(item)) < settings.other_city)
    territory = goods.lots.territory[np.ix_(goods.lot_of(case[elsewhere]), land.regions)]
    city[elsewhere] = city_in(land, rng, land.regions[picked(rng, territory.astype(np.float64))])
    day = on_sale(rng, goods, settings, item) + rng.exponential(2.0, len(item))
    return acts(day, item, people(rng, city, pool), city)


def _carried(
    rng: np.random.Generator, land: Land, goods: Goods, settings: Settings, pool: Floats
) -> tuple[Acts, Bools]:
    """What leaves its territory with travellers, as presents and in parcels, one act an item; and
    which of it is opened at a party.

    Each lot and region has its own rate. Proposed at the rate of the holidays, thinned outside.
    """
    lots = goods.lots
    gift = rng.uniform(*settings.gift, len(lots))
    low, high = settings.gift_items
    mean = 1 + gift * ((low + high - 1) / 2 - 1)
    carried = rng.uniform(*settings.carried, len(lots)) * settings.holiday_factor
    lot = np.repeat(np.arange(len(lots)), rng.poisson(lots.items * carried / mean))
    start = goods.first_item[lot] + (rng.random(len(lot)) * lots.items[lot]).astype(np.int64)
    day = on_sale(rng, goods, settings, start) + rng.exponential(4.0, len(lot))
    weeks = rng.uniform(0, settings.span - 7, settings.holidays)
    holiday = ((day[:, None] >= weeks) & (day[:, None] < weeks + 7)).any(axis=1)
    kept = holiday | (rng.random(len(day)) < 1 / settings.holiday_factor)
    lot, start, day = lot[kept], start[kept], day[kept]
    size = np.where(rng.random(len(lot)) < gift[lot], rng.integers(low, high, len(lot)), 1)
    city = city_in(land, rng, _destinations(rng, land, goods, lot))
    return _journeys(rng, goods, settings, pool, start, day, size, city)


def _destinations(rng: np.random.Generator, land: Land, goods: Goods, lot: Ints) -> Ints:
    """A region outside the territory for each journey: near ones sooner, each lot's own mix."""
    territory = goods.lots.territory[:, land.regions]
    near = (territory / territory.sum(axis=1, keepdims=True)) @ land.near
    weights = near * rng.gamma(1.5, size=near.shape) * ~territory
    edges = np.cumsum(weights, axis=1)
    edges = edges / edges[:, -1:] + np.arange(len(edges))[:, None]
    row = np.searchsorted(edges.ravel(), lot + rng.random(len(lot)), "right")
    return np.asarray(land.regions[np.minimum(row - lot * edges.shape[1], edges.shape[1] - 1)])


def _journeys(
    rng: np.random.Generator, goods: Goods, settings: Settings, pool: Floats, start: Ints,
    day: Floats, size: Ints, city: Ints,
) -> tuple[Acts, Bools]:  # fmt: skip
    """The items of each journey: from the case of `start`, of a gift perhaps from its neighbour."""
    which, place = ranges(start % goods.case_size, size)
    case = (start // goods.case_size)[which]
    lot = goods.lot_of(case)
    other = (rng.random(len(start)) < settings.gift_cases)[which] & (rng.random(len(which)) < 0.5)
    case = np.minimum(case + other, goods.first_case[lot + 1] - 1)
    item = case * goods.case_size + place % goods.case_size
    together = (size > 1)[which]
    opened = day[which] + together * rng.exponential(settings.gift_days, len(which))
    device = people(rng, city[which], pool)
    one = np.repeat(device[np.cumsum(size) - size], size)
    alone = (rng.random(len(start)) < settings.gift_one_phone)[which]
    found = acts(opened, item, np.where(alone, one, device), city[which])
    party = (rng.random(len(start)) < settings.party)[which] & together
    once = np.unique(item, return_index=True)[1]  # an item goes on one journey
    return found.take(once), party[once]


def looks_again(
    rng: np.random.Generator, land: Land, settings: Settings, pool: Floats, first: Acts
) -> Acts:
    """Repeats by the same device within hours, and second devices within days."""
    seconds = first.take(rng.random(len(first)) < settings.second)
    city = seconds.city.copy()
    moved = np.flatnonzero(rng.random(len(city)) < settings.second_travels)
    city[moved] = any_city(land, rng, len(moved))
    handed = Acts(
        seconds.day + rng.exponential(settings.second_days, len(city)), seconds.item,
        people(rng, city, pool), city, seconds.cause,
    )  # fmt: skip
    every = joined([first, handed])
    again = every.take(rng.random(len(every)) < settings.repeat)
    later = again.day + rng.exponential(settings.repeat_hours * HOUR, len(again))
    return joined([handed, Acts(later, again.item, again.device, again.city, again.cause)])
