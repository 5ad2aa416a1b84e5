"""Cities of a simulated country: places of real provinces, made-up cities around them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ledger.detect.frame import Floats, Ints
from ledger.domain.regions import REGIONS

PER_REGION = 8
SPREAD_DEGREES = 1.2  # of the cities around their province's capital
REACH_KM = 700.0  # over which journeys become e times rarer


@dataclass(frozen=True)
class Land:
    """Cities in order of their region; arrays of shape (cities,) unless said.

    region: GB/T 2260 number. lat, lon: degrees. people: weight, sums to 1. regions: the numbers of
    all regions, (r,). near: P(a journey from region i ends in region j), (r, r), 0 on the diagonal.
    """

    region: Ints
    lat: Floats
    lon: Floats
    people: Floats
    regions: Ints
    near: Floats

    def index(self, region: Ints) -> Ints:
        """Row in `regions` of region numbers."""
        return np.searchsorted(self.regions, region)


def draw_land(rng: np.random.Generator) -> Land:
    """Draw cities; the first of each region is its capital and the largest."""
    regions = np.array(list(REGIONS), dtype=np.int64)
    centre = np.array([[r.lat, r.lon] for r in REGIONS.values()])
    place = np.repeat(centre, PER_REGION, axis=0)
    away = rng.normal(0, SPREAD_DEGREES, place.shape)
    away[::PER_REGION] = 0
    weight = rng.lognormal(0, 0.6, len(regions))[:, None] / (1.0 + np.arange(PER_REGION))
    people = (weight / weight.sum()).ravel()
    near = np.exp(-_distance_km(centre) / REACH_KM) * weight.sum(axis=1) + 0.05 * weight.sum(axis=1)
    np.fill_diagonal(near, 0)
    return Land(
        region=np.repeat(regions, PER_REGION),
        lat=place[:, 0] + away[:, 0],
        lon=place[:, 1] + away[:, 1],
        people=people,
        regions=regions,
        near=near / near.sum(axis=1, keepdims=True),
    )


def city_in(land: Land, rng: np.random.Generator, region: Ints) -> Ints:
    """A city of each given region, by people; int64 of the shape of `region`."""
    edge = np.concatenate(([0.0], np.cumsum(land.people)))
    row = land.index(region)
    low, high = edge[row * PER_REGION], edge[(row + 1) * PER_REGION]
    drawn = low + rng.random(np.shape(region)) * (high - low)
    city = np.searchsorted(edge, drawn, "right") - 1
    last = row * PER_REGION + PER_REGION - 1
    return np.asarray(np.clip(city, row * PER_REGION, last))


def any_city(land: Land, rng: np.random.Generator, count: int) -> Ints:
    """Cities by people; int64 (count,)."""
    drawn = np.searchsorted(np.cumsum(land.people), rng.random(count), "right")
    return np.minimum(drawn, len(land.people) - 1)


def picked(rng: np.random.Generator, weights: Floats) -> Ints:
    """For each row of weights (n, k), which need not sum to 1, a column by weight; int64 (n,)."""
    edges = np.cumsum(weights, axis=1)
    drawn = rng.random(len(weights)) * edges[:, -1]
    return np.asarray((edges <= drawn[:, None]).sum(axis=1), dtype=np.int64)


def _distance_km(place: Floats) -> Floats:
    """Distances of all pairs of places in degrees, on a flat map: near enough for weights."""
    north = (place[:, None, 0] - place[None, :, 0]) * 111.2
    east = (place[:, None, 1] - place[None, :, 1]) * 111.2 * np.cos(np.radians(place[:, None, 0]))
    return np.asarray(np.hypot(north, east))
