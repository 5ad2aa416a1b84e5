"""The levels of the region tree at which diversion is tested: the region, and within it the city.

Where a lot may be sold in some cities of a region only (two distributors share it), its regions
cannot tell what is outside. There its items are tested by city as well: an item speaks at this
level by its first scan that tells the city, which is one placed by satellite. Scans by address are
no part of this level at all, so what they say or do not say is the same for all cases. Cities of
regions that are not of the territory at all are left to the level of regions: goods are tested at
one level for one place, the finest at which the territory is stated and the location known.

Each level is a stream of its own at a part of the stated rate. With V false ones of R at a level,
ΣV / ΣR ≤ Σ (V / R): the rates of the levels add up to at most the stated one.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ledger.detect.frame import Lots, Scans

BY_CITY = 0.3  # part of the stated rate, where cities are stated


def scans_by_city(scans: Scans) -> Scans:
    """The same scans with cities for regions."""
    unknown = np.full(len(scans), -1, dtype=np.int64)
    return replace(scans, region=unknown if scans.city is None else scans.city)


def lots_by_city(lots: Lots) -> Lots:
    """The same lots with cities for regions. Restricted are those with a region in part, and
    outside lie the other cities of such a region only."""
    assert lots.cities is not None and lots.city_region is not None
    in_part = np.zeros((len(lots), max(int(lots.city_region.max(initial=0)) + 1, 1)), np.bool_)
    for city, region in enumerate(lots.city_region.tolist()):
        in_part[:, region] |= lots.cities[:, city]
    known = min(in_part.shape[1], lots.territory.shape[1])
    in_part[:, :known] &= lots.territory[:, :known]
    in_part[:, known:] = False
    return replace(
        lots,
        territory=lots.cities | ~in_part[:, lots.city_region],
        restricted=lots.restricted & in_part.any(axis=1),
    )
