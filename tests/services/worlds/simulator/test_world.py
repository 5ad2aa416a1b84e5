"""Simulated worlds: the same from the same seed, the same in files, and as untidy as promised."""

from __future__ import annotations

import json
from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest

from ledger.detect.frame import Scans
from ledger.errors import Rejected
from ledger.services.worlds.simulator import Settings, World, simulate
from ledger.services.worlds.simulator.files import write_world
from ledger.services.worlds.world_files import read_world


@pytest.fixture(scope="module")
def honest() -> World:
    """A world of 60,000 scans where nobody cheats."""
    return simulate(1, Settings(scans=60_000))


def _same(a: Scans, b: Scans) -> list[str]:
    """Names of the columns that differ."""
    return [
        f.name for f in fields(Scans) if not np.array_equal(getattr(a, f.name), getattr(b, f.name))
    ]


def test_the_same_seed_gives_the_same_world() -> None:
    """Two draws agree in every column; another seed does not."""
    one, other = (simulate(seed, Settings(scans=3_000)).scans for seed in (3, 4))
    assert _same(one, simulate(3, Settings(scans=3_000)).scans) == []
    assert not np.array_equal(one.day, other.day)


@pytest.mark.parametrize("packed", [False, True])
def test_files_say_what_the_world_says(tmp_path: Path, packed: bool) -> None:
    """Read back, every column is the same; the truth lies beside the folder, not in it."""
    world = simulate(5, Settings(scans=3_000))
    write_world(world, tmp_path / "w", packed=packed)
    scans, lots, custody = read_world(tmp_path / "w")
    assert _same(scans, world.scans) == []
    assert np.array_equal(lots.territory, world.lots.territory[:, : lots.territory.shape[1]])
    assert np.array_equal(custody.case_to, world.custody.case_to)
    assert json.loads((tmp_path / "w.truth.json").read_text()) == world.truth()
    with pytest.raises(Rejected, match="name a new one"):
        write_world(world, tmp_path / "w")


def test_the_same_world_is_the_same_bytes(tmp_path: Path) -> None:
    """Compressed files hold neither a time nor a name."""
    for name in ("a", "b"):
        write_world(simulate(5, Settings(scans=3_000)), tmp_path / name, packed=True)
    assert (tmp_path / "a/events.csv.gz").read_bytes() == (
        tmp_path / "b/events.csv.gz"
    ).read_bytes()


def test_an_honest_world_is_as_untidy_as_it_says(honest: World) -> None:
    """Repeats, second devices, goods out of territory, wrong places and shops are there, in their
    ranges; no cause but honest life."""
    scans, lots = honest.scans, honest.lots
    assert 54_000 < len(scans) < 66_000
    assert np.all(np.diff(scans.day) >= 0) and scans.day[0] >= 0 and scans.day[-1] < 180
    assert not honest.cause.any()
    pairs = np.unique(np.stack([scans.unit, scans.device]), axis=1).shape[1]
    assert 0.12 < 1 - pairs / len(scans) < 0.22  # one scan in five is a repeat, of those there are
    assert 0.05 < pairs / len(scans.codes) - 1 < 0.12
    known = scans.lot >= 0
    inside = lots.territory[scans.lot[known], scans.region[known]]
    outside = [1 - inside[scans.loc_src[known] == source].mean() for source in range(3)]
    assert 0.05 < outside[0] < 0.15
    assert outside[0] < outside[1] < outside[2] < 0.35
    assert np.bincount(scans.device).max() > 50
    assert (scans.case[known] < lots.cases()[scans.lot[known]]).all()


def test_no_gps_and_shuffled_change_what_they_say_and_nothing_else(honest: World) -> None:
    """Without GPS every place is an address's; shuffled codes are other names for the same goods,
    each still the name of one item."""
    plain = Settings(scans=3_000)
    world = simulate(2, plain)
    hidden = simulate(2, replace(plain, no_gps=True, shuffled=True))
    assert 0 in world.scans.loc_src and 0 not in hidden.scans.loc_src
    assert np.array_equal(world.scans.case, hidden.scans.case)
    assert len(set(hidden.scans.codes)) == len(hidden.scans.codes) == len(world.scans.codes)
    assert set(hidden.scans.codes) != set(world.scans.codes)
    assert len(set(honest.scans.devices)) == len(honest.scans.devices)
