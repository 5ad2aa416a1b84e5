"""Honest life at its strangest: shops and waiters, display bottles, viral photos, typing errors."""

from __future__ import annotations

import numpy as np

from ledger.services.worlds.simulator.acts import SHOPS, Acts, acts, joined, ranges, strangers
from ledger.services.worlds.simulator.goods import Goods
from ledger.services.worlds.simulator.land import Land, any_city
from ledger.services.worlds.simulator.life import on_sale
from ledger.services.worlds.simulator.settings import Settings


def oddities(
    rng: np.random.Generator, land: Land, goods: Goods, settings: Settings
) -> tuple[Acts, list[int], list[int]]:
    """All of them; with the items on display and those whose photo went viral."""
    shows, shown = _displays(rng, goods, settings)
    photos, viral = _virals(rng, land, goods, settings, first=len(shows))
    count = rng.poisson(settings.typos * settings.scans)
    typed = acts(
        rng.uniform(0, settings.span, count), -1 - np.arange(count),
        strangers(len(shows) + len(photos), count), any_city(land, rng, count),
    )  # fmt: skip
    return joined([_heavy(rng, goods, settings), shows, photos, typed]), shown, viral


def _heavy(rng: np.random.Generator, goods: Goods, settings: Settings) -> Acts:
    """Those who open or shelve goods scan a good part of one or two cases in a day."""
    low, high = settings.heavy_items
    sessions = rng.poisson(settings.heavy * settings.scans / ((low + high - 1) / 2))
    case = rng.integers(len(goods.city), size=sessions)
    size = rng.integers(low, high, sessions)
    start = case * goods.case_size + rng.integers(goods.case_size, size=sessions)
    which, item = ranges(start, size)
    item = np.minimum(item, goods.first_item[goods.lot_of(case) + 1][which] - 1)
    begun = goods.arrives[case] + rng.exponential(10.0, sessions)
    day = np.floor(begun)[which] + rng.uniform(0.4, 0.95, len(which))
    city = goods.city[case]
    busy = np.bincount(city, minlength=int(city.max(initial=0)) + 1)
    staff = np.maximum(1, np.rint(busy / settings.heavy_days)).astype(np.int64)
    device = SHOPS + (city << 24) + rng.integers(staff[city])
    return acts(day, item, device[which], city[which])


def _displays(rng: np.random.Generator, goods: Goods, settings: Settings) -> tuple[Acts, list[int]]:
    """One bottle in a shop, scanned by whoever passes."""
    count = rng.poisson(settings.displays * settings.scans)
    item = rng.integers(goods.first_item[-1], size=count)
    phones = rng.uniform(*settings.display_phones, count).astype(np.int64)
    lasts = rng.uniform(*settings.display_days, count)
    which = np.repeat(np.arange(count), phones)
    day = (on_sale(rng, goods, settings, item)[which]) + rng.random(len(which)) * lasts[which]
    city = goods.city[item // goods.case_size]
    shows = acts(day, item[which], strangers(0, len(which)), city[which])
    return shows, item.tolist()


def _virals(
    rng: np.random.Generator, land: Land, goods: Goods, settings: Settings, first: int
) -> tuple[Acts, list[int]]:
    """A photo of a code goes round for days; people anywhere scan it."""
    count = rng.poisson(settings.virals * settings.scans)
    item = rng.integers(goods.first_item[-1], size=count)
    phones = rng.uniform(*settings.viral_phones, count).astype(np.int64)
    which = np.repeat(np.arange(count), phones)
    hours = rng.beta(1.2, 3.0, len(which)) * settings.viral_days
    day = on_sale(rng, goods, settings, item)[which] + hours
    photos = acts(day, item[which], strangers(first, len(which)), any_city(land, rng, len(which)))
    return photos, item.tolist()
