"""The scores of the rules sold today are the thresholds that people can set, at every number."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from ledger.detect.frame import LOC_SOURCES
from ledger.domain.thresholds import CERTAIN, Seen, fired
from ledger.services.bench.bench_honest import moment
from ledger.services.bench.rival_rules import SPEED_KM, count, keyed, radius, speed
from ledger.services.worlds.simulator import Settings, World, simulate


@pytest.fixture(scope="module")
def world() -> World:
    """A small world with copied codes, display bottles and wrong places."""
    return simulate(3, Settings(scans=4_000, displays=1e-3), ["clone"])


def _histories(world: World) -> dict[int, list[Seen]]:
    scans = world.scans
    found: dict[int, list[Seen]] = {}
    for row in range(len(scans)):
        sure = LOC_SOURCES[scans.loc_src[row]] in CERTAIN
        place = (float(scans.lat[row]), float(scans.lon[row]), float(scans.acc_km[row]))
        seen = Seen(
            row, moment(float(scans.day[row])), str(scans.device[row]), place if sure else None
        )
        found.setdefault(int(scans.unit[row]), []).append(seen)
    return {unit: seen for unit, seen in found.items() if 3 <= len(seen) <= 50}


CASES: list[tuple[str, dict[str, Any], str, float]] = [
    ("scans", {"days": 20.0}, "n", 4),
    ("scans", {"days": 20.0}, "n", 5),
    ("radius", {"days": 30.0}, "km", 150.0),
    ("radius", {"days": 30.0}, "km", 900.0),
    ("speed", {"days": 366.0, "km": SPEED_KM}, "kmh", 5.0),
    ("speed", {"days": 366.0, "km": SPEED_KM}, "kmh", 40.0),
]


@pytest.mark.parametrize(("test", "terms", "name", "number"), CASES)
def test_a_score_is_where_the_threshold_stops_firing(
    world: World, test: str, terms: dict[str, Any], name: str, number: float
) -> None:
    """A threshold fires at some scan of a code if and only if the code's score passes it."""
    scans = world.scans
    by = keyed(scans, scans.unit, np.ones(len(scans), dtype=np.bool_))
    scores = {
        "scans": lambda: count(by, terms["days"]),
        "radius": lambda: radius(by, scans, terms["days"]),
        "speed": lambda: speed(by, scans, others=True),
    }[test]()
    histories = _histories(world)
    said = {
        unit
        for unit, seen in histories.items()
        if any(fired(test, {**terms, name: number}, seen[:n]) for n in range(1, len(seen) + 1))
    }
    scored = {
        unit
        for unit in histories
        if (scores.get(unit, 0.0) >= number if test == "scans" else scores.get(unit, 0.0) > number)
    }
    assert scored == said
    assert 0 < len(said) < len(histories)
