"""Scans by machine: farms, bots that claim rewards, and scripts that guess codes."""

from __future__ import annotations

import numpy as np

from ledger.detect.frame import Ints
from ledger.services.worlds.simulator.acts import acts, ranges
from ledger.services.worlds.simulator.gang import Deed, Gang
from ledger.services.worlds.simulator.land import any_city

A_SCAN, FEWEST = 15e-6, 3
GUESSED = 1 << 30  # numbers of codes that were never issued begin here, going down


def farm(gang: Gang) -> None:
    """Neighbouring codes before they are sold, scanned within hours by a few devices."""
    for _ in range(gang.count(A_SCAN, FEWEST)):
        lot, count = gang.a_lot(), round(gang.between(50, 1500))
        devices = gang.new_devices(int(gang.rng.integers(1, 5)))
        _claim(gang, "farm", lot, count, devices, hours=gang.rng.uniform(1, 8))


def bots(gang: Gang) -> None:
    """Claims of rewards by a machine that changes its name after each code, over two weeks."""
    for _ in range(gang.count(A_SCAN, FEWEST)):
        lot, count = gang.a_lot(), round(gang.between(50, 1500))
        _claim(gang, "bots", lot, count, gang.new_devices(count), hours=24 * 14.0)


def guess(gang: Gang) -> None:
    """Scripts that try codes; one in a hundred happens to be there."""
    for _ in range(gang.count(A_SCAN / 2, 2)):
        count = round(gang.between(50, 1500))
        devices = gang.new_devices(int(gang.rng.integers(1, 10)))
        start = gang.rng.uniform(0, gang.settings.span - 7)
        item = -GUESSED - np.arange(count) - (gang.next_cause << 20)
        hits = gang.rng.random(count) < 0.01
        item[hits] = gang.rng.integers(gang.goods.first_item[-1], size=int(hits.sum()))
        city = np.full(count, int(any_city(gang.land, gang.rng, 1)[0]))
        done = acts(start + gang.rng.random(count) * 5, item, gang.rng.choice(devices, count), city,
                    gang.next_cause)  # fmt: skip
        if gang.rng.random() < 0.5:
            gang.scripts.append(devices)  # the others pass for people
        detail = {"n": count, "hits": int(hits.sum())}
        gang.done(Deed("guess", "guess", detail, devices=devices), done)


def _claim(gang: Gang, attack: str, lot: int, count: int, devices: Ints, hours: float) -> None:
    """Scan a run of codes in one city of the lot's store, spread over so many hours."""
    rng, goods = gang.rng, gang.goods
    count = min(count, int(goods.lots.items[lot]))
    first = int(goods.first_item[lot] + rng.integers(goods.lots.items[lot] - count + 1))
    _, item = ranges(np.array([first]), np.array([count]))
    case = first // goods.case_size
    start = max(0.5, float(goods.arrives[case]) + rng.uniform(0, 20))
    day = start + np.sort(rng.random(count)) * hours / 24
    device = devices if len(devices) == count else rng.choice(devices, count)
    city = np.full(count, goods.city[case])
    detail = {"lot": lot, "codes": count, "day": round(start, 2)}
    gang.done(
        Deed(attack, "farm", detail, item, devices),
        acts(day, item, device, city, gang.next_cause),
    )
