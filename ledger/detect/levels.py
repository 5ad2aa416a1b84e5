"""The levels of the region tree at which diversion is tested: the region, within it the city, and
within that the county.

Where a lot may be sold in some cities of a region only (two distributors share it), its regions
cannot tell what is outside. There its items are tested by city as well: an item speaks at this
level by its first scan that tells the city, which is one placed by satellite. Scans by address are
no part of this level at all, so what they say or do not say is the same for all cases. Cities of
regions that are not of the territory at all are left to the level of regions: goods are tested at
one level for one place, the finest at which the territory is stated and the location known. It is
the same with the counties of a city.

Each level is a stream of its own at a part of the stated rate. With V false ones of R at a level,
ΣV / ΣR ≤ Σ (V / R): the rates of the levels add up to at most the stated one.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ledger.detect.frame import Lots, Scans

NAMES = ("region", "city", "county")
# parts of the stated rate, by how many levels there are: where places are stated
PARTS: tuple[tuple[float, ...], ...] = ((1.0,), (0.7, 0.3), (0.7, 0.2, 0.1))


def scans_at(scans: Scans, depth: int) -> Scans:
    """The same scans with the places of a level for regions. depth: 0 for regions, 1, 2."""
    if not depth:
        return scans
    known = depth <= len(scans.places)
    unknown = np.full(len(scans), -1, dtype=np.int64)
    return replace(scans, region=scans.places[depth - 1] if known else unknown)


def lots_at(lots: Lots, depth: int) -> Lots:
    """The same lots with the places of a level for regions. Restricted are those with a place of
    the level above in part, and outside lie the other places of such a one only."""
    if not depth:
        return lots
    level = lots.levels[depth - 1]
    whole = lots.territory if depth == 1 else lots.levels[depth - 2].sold
    in_part = np.zeros((len(lots), max(int(level.above.max(initial=0)) + 1, 1)), np.bool_)
    np.logical_or.at(in_part.T, level.above, level.sold.T)
    known = min(in_part.shape[1], whole.shape[1])
    in_part[:, :known] &= whole[:, :known]
    in_part[:, known:] = False
    return replace(
        lots,
        territory=level.sold | ~in_part[:, level.above],
        restricted=lots.restricted & in_part.any(axis=1),
    )


def path_of(lots: Lots, depth: int, place: int) -> list[int]:
    """The numbers of a place of a level and of those above it, the region first, as the caller
    calls them. place: column of the level."""
    labels = []
    for level in reversed(lots.levels[:depth]):
        labels.append(int(level.label[place]))
        place = int(level.above[place])
    return [place, *reversed(labels)]
