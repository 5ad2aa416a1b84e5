"""Which place a location tells: by its centres, against all distances worked out one by one."""

from __future__ import annotations

import math

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from ledger.detect.centres import CLEARLY, KM, REACH_KM, Centres
from tests.detect.frames import Row, scans_of

CITIES = Centres(
    place=np.array([0, 1]),
    lat=np.array([30.0, 30.0]),
    lon=np.array([110.0, 110.5]),  # 48 km apart
    region=np.array([5, 5]),
)


def test_a_city_is_told_by_a_fix_that_is_clearly_near_one_centre() -> None:
    """Neither between two centres, nor far from all, nor in another region, nor by an address."""
    rows = [
        Row(1.0, lon=110.02), Row(2.0, lon=110.5), Row(3.0, lon=110.24), Row(4.0, lon=109.5),
        Row(5.0, lon=110.02, region=6), Row(6.0, lon=110.02, source="ip_fixed"),
    ]  # fmt: skip
    assert CITIES.of(scans_of(rows)).tolist() == [0, 1, -1, -1, -1, -1]


def test_centres_of_one_place_do_not_hide_each_other() -> None:
    """Between two counties of one city the city is told."""
    city = Centres(np.array([0, 0, 1]), np.full(3, 30.0), np.array([110, 110.5, 111.5]), np.ones(2))
    assert city.nearest(np.array([[30.0], [110.24]])).tolist() == [0]


def _slowly(centres: Centres, lat: float, lon: float) -> int:
    """From the definition."""
    nearest: dict[int, float] = {}
    for place, north, east in zip(centres.place, centres.lat, centres.lon, strict=True):
        across = (lon - east + 180) % 360 - 180
        km = KM * math.hypot(lat - north, across * math.cos(math.radians(lat)))
        nearest[int(place)] = min(km, nearest.get(int(place), math.inf))
    (km, place), *others = sorted((km, place) for place, km in nearest.items())
    is_clear = km <= REACH_KM and all(km <= CLEARLY * other for other, _ in others[:1])
    return place if is_clear else -1


@given(
    st.integers(0, 2**32 - 1),
    st.sampled_from([0.0, 30.0, 53.0, -45.0, 69.0]),
    st.sampled_from([110.0, 179.9, -180.0, 0.0]),
    st.sampled_from([0.3, 2.0, 8.0]),
)
def test_the_place_told_is_that_of_the_definition(
    seed: int, lat: float, lon: float, wide: float
) -> None:
    """Sparse or dense, at any latitude and over the date line, no centre that matters is passed
    over."""
    rng = np.random.default_rng(seed)
    many = int(rng.integers(1, 30))
    place = rng.integers(0, 12, many)
    around = np.array([[lat], [lon]])
    north, east = around + rng.uniform(-wide, wide, (2, many))
    at = around + rng.uniform(-wide, wide, (2, 20))
    at[1] = (at[1] + 180) % 360 - 180
    centres = Centres(place, north, (east + 180) % 360 - 180, np.zeros(12, dtype=np.int64))
    said = centres.nearest(at).tolist()
    assert [_slowly(centres, *one) for one in at.T.tolist()] == said
