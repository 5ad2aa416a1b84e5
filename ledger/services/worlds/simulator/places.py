"""From where a scan was made to what is stated about it: GPS, fixed or mobile networks."""

from __future__ import annotations

import numpy as np

from ledger.detect.frame import LOC_SOURCES, Floats, Ints
from ledger.services.worlds.simulator.acts import Acts
from ledger.services.worlds.simulator.land import PER_REGION, Land, any_city
from ledger.services.worlds.simulator.settings import Settings

GPS, FIXED, MOBILE = (LOC_SOURCES.index(name) for name in ("gps", "ip_fixed", "ip_mobile"))
KEEPS_SOURCE = 0.85  # a device answers the question for its place mostly the same way
IN_TOWN_DEGREES = 0.03
AT_CAPITAL = 0.5  # a mobile network that names the right province names its capital
PLACES = 3  # decimals of a stated place


def stated(
    rng: np.random.Generator, land: Land, settings: Settings, scans: Acts
) -> tuple[Ints, Floats, Floats, Floats, Ints]:
    """loc_src, lat, lon, acc_km, region of each scan. An error sticks to a device for the day."""
    who, person = np.unique(scans.device, return_inverse=True)
    edges = np.array([0.0 if settings.no_gps else settings.sources[0], settings.sources[1]])
    usual = np.searchsorted(edges, rng.random(len(who)), "right")[person]
    source = np.searchsorted(edges, rng.random(len(scans)), "right")
    source = np.where(rng.random(len(scans)) < KEEPS_SOURCE, usual, source)
    # a device's day in a network is one draw
    key = (person * 4 + source) * 4096 + np.floor(scans.day).astype(np.int64) % 4096
    sessions, session = np.unique(key, return_inverse=True)
    luck, capital = rng.random((2, len(sessions)))[:, session]
    lost = any_city(land, rng, len(sessions))[session]
    chance = np.array([0.0, settings.wrong_fixed, settings.wrong_mobile])[source]
    elsewhere = land.region[lost] != land.region[scans.city]
    city = np.where((luck < chance) & elsewhere, lost, scans.city)
    main = city - city % PER_REGION
    city = np.where((source == MOBILE) & (capital < AT_CAPITAL), main, city)
    jitter = rng.normal(0, IN_TOWN_DEGREES, (2, len(scans)))
    return (
        source,
        np.round(land.lat[city] + jitter[0], PLACES),
        np.round(land.lon[city] + jitter[1], PLACES),
        np.array(settings.radius_km)[source],
        land.region[city],
    )
