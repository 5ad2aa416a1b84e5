"""Simulated worlds in which distributors share regions: provinces are merged into the six large
areas that their numbers begin with, and a territory is some cities of an area."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from ledger.detect import Lots, Scans
from ledger.detect.centres import Centres
from ledger.detect.frame import Level
from ledger.services.worlds.simulator import World

AREA = 40


def in_areas(world: World) -> tuple[Scans, Lots]:
    """The world's scans and lots, by area and city."""
    land = world.land
    number = np.arange(len(land.region))
    cities = Centres(number, land.lat, land.lon, land.region).of(world.scans)
    territory = world.lots.territory
    areas = np.zeros((len(territory), territory.shape[1] // AREA + 1), dtype=np.bool_)
    for region in range(territory.shape[1]):
        areas[:, region // AREA] |= territory[:, region]
    scans = replace(world.scans, region=world.scans.region // AREA, places=(cities,))
    level = Level(number, land.region // AREA, territory[:, land.region])
    lots = replace(world.lots, territory=areas, levels=(level,))
    return scans, lots


def within(world: World, lots: Lots) -> tuple[set[tuple[int, int]], list[dict[str, Any]]]:
    """All pairs (lot, province) of goods diverted into an area of their own territory, which only
    cities can tell; and those of them with ten items scanned."""
    deeds = [
        deed
        for deed in world.deeds
        if deed["kind"] == "diversion" and lots.territory[deed["lot"], deed["region"] // AREA]
    ]
    many = [deed for deed in deeds if deed["scanned_items"] >= 10]
    return {(deed["lot"], deed["region"]) for deed in deeds}, many
