"""Where two distributors share a region, goods are told by the city they speak from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from ledger.detect import Finding, Lots, detect
from ledger.detect.frame import Ints, Level
from ledger.detect.levels import lots_at
from ledger.services.worlds.simulator import Settings, simulate
from tests.detect.frames import NO_CUSTODY, Row, one_lot, scans_of
from tests.detect.wide import in_areas, within

REGION_OF = np.array([0, 0, 0, 1, 5])  # of five cities
CITY_OF = np.array([0, 0, 1, 2])  # of four counties


def _lots(cities: Sequence[int], counties: Sequence[int] | None = None) -> Lots:
    """The lot of region 0, to be sold in some cities of it, and in some counties of those."""
    levels = [_level(REGION_OF, cities, 40)]
    if counties is not None:
        levels.append(_level(CITY_OF, counties, 400))
    return replace(one_lot(), levels=tuple(levels))


def _level(above: Ints, sold: Sequence[int], first: int) -> Level:
    """Places with numbers from `first` on."""
    number = np.arange(len(above))
    return Level(number + first, above, np.isin(number, sold)[None])


def test_only_other_cities_of_a_region_in_part_lie_outside() -> None:
    """Cities of regions outside the territory, or wholly in it, are left to the level of regions; a
    lot that names no city of its regions is not tested by city at all."""
    in_part, whole = lots_at(_lots([0, 3]), 1), lots_at(_lots([3]), 1)
    assert in_part.territory.tolist() == [[True, False, False, True, True]]
    assert (in_part.restricted.tolist(), whole.restricted.tolist()) == ([True], [False])
    assert whole.territory.all()


def test_only_other_counties_of_a_city_in_part_lie_outside() -> None:
    """The same a level below: a county of a city that the lot does not name counts for nothing."""
    in_part, whole = lots_at(_lots([0, 1], [0, 3]), 2), lots_at(_lots([0], [3]), 2)
    assert in_part.territory.tolist() == [[True, False, True, True]]
    assert (in_part.restricted.tolist(), whole.restricted.tolist()) == ([True], [False])


def _found(source: str, city: int, lots: Lots, county: int = -1) -> list[Finding]:
    """60 items of a pallet, scanned in region 0 and in a city or county of it, and others sold in
    city 0."""
    rng = np.random.default_rng(5)
    rows = [
        Row(float(rng.uniform(0, 60)), int(rng.integers(120, 140)), f"buyer{i}", f"item{i}",
            region=0, source=source)
        for i in range(60)
    ] + [
        Row(float(rng.uniform(0, 60)), int(rng.integers(400)), f"guest{i}", f"sold{i}", region=0)
        for i in range(300)
    ]  # fmt: skip
    scans = scans_of(rows)
    diverted = np.array([scans.codes[unit].startswith("item") for unit in scans.unit])
    gps = scans.loc_src == 0
    cities = np.where(gps, np.where(diverted, city, 0), -1)
    counties = np.where(gps, np.where(diverted, county, 0), -1)
    places = (cities, counties)[: len(lots.levels)]
    return detect(replace(scans, places=places), lots, NO_CUSTODY, kinds=["diversion"])


def test_goods_in_another_city_of_a_shared_region_are_found() -> None:
    """By satellite the city is known: the pallet is named with its city. Where the whole region is
    the lot's market, or the city is, or addresses alone place the goods, nothing is raised."""
    (finding,) = _found("gps", 1, _lots([0]))
    assert (finding.lot, finding.region, finding.city, finding.county) == (7, 0, 41, None)
    assert finding.evidence.pallets == (6,)
    assert "seen in city 41 of region 0, outside its territory" in finding.sentence
    assert finding.line()["city"] == 41
    assert finding.level < 0.05
    assert _found("gps", 1, _lots([3])) == []
    assert _found("gps", 0, _lots([0])) == []
    assert _found("ip_fixed", 1, _lots([0])) == []


def test_goods_in_another_county_of_a_shared_city_are_found() -> None:
    """The pallet is named with its county; in a city outside the territory it is told by city, and
    where the lot may be sold in all of the city by none."""
    (finding,) = _found("gps", 0, _lots([0], [0]), county=1)
    assert (finding.region, finding.city, finding.county) == (0, 40, 401)
    assert "seen in county 401 of city 40 of region 0, outside its" in finding.sentence
    (finding,) = _found("gps", 1, _lots([0], [0]), county=2)
    assert (finding.city, finding.county) == (41, None)
    assert _found("gps", 0, _lots([0], []), county=1) == []


def test_diverters_in_shared_regions_are_found_and_nobody_else() -> None:
    """With provinces merged, goods diverted within an area are told by city alone, and every
    finding by city is one of them."""
    settings = Settings(scans=60_000, sources=(0.8, 0.9))
    world = simulate(3, settings, attacks=("diversion", "mixed", "clone"))
    scans, lots = in_areas(world)
    found = detect(scans, lots, world.custody, kinds=["diversion"])
    province = world.land.region
    told = {(f.lot, int(province[f.city])) for f in found if f.city is not None}
    true = within(world, lots)[0]
    assert told
    assert told <= true


@pytest.mark.deep
@pytest.mark.timeout(1800)
def test_honest_worlds_with_shared_regions_raise_alarms_as_seldom_as_stated() -> None:
    """Of 100 honest worlds in areas at 10 %, at most six raise anything."""
    alarms = 0
    for seed in range(20_000, 20_100):
        world = simulate(seed, Settings(scans=20_000))
        scans, lots = in_areas(world)
        alarms += bool(detect(scans, lots, world.custody, fdr=0.1, kinds=["diversion"]))
    assert alarms <= 6  # upper 95 % bound: 11.5 %
