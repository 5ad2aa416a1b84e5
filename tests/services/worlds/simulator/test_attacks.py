"""Attacks do what they say, and only that."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from ledger.errors import Rejected
from ledger.services.worlds.simulator import ATTACKS, Settings, World, simulate
from scripts.simulate import app

SMALL = Settings(scans=8_000)
HONEST = simulate(1, SMALL)


@pytest.fixture(scope="module", params=list(ATTACKS))
def attacked(request: pytest.FixtureRequest) -> tuple[str, World]:
    """A world with one kind of attack."""
    return request.param, simulate(1, SMALL, [request.param])


def _rows(
    world: World, which: np.ndarray[tuple[int], np.dtype[np.bool_]]
) -> set[tuple[float, str]]:
    scans = world.scans.take(which)
    return {
        (d, scans.codes[u]) for d, u in zip(scans.day.tolist(), scans.unit.tolist(), strict=True)
    }


def test_the_truth_names_what_the_scans_of_its_cause_are(attacked: tuple[str, World]) -> None:
    """Every deed is of the attack asked for, and its lot, codes, devices and counts are those of
    the scans it caused."""
    name, world = attacked
    assert {deed["attack"] for deed in world.deeds} == {name}
    assert world.cause.max() <= len(world.deeds)
    for cause, deed in enumerate(world.deeds, 1):
        scans = world.scans.take(world.cause == cause)
        if deed["kind"] != "guess":
            assert set(scans.lot.tolist()) <= {deed["lot"]}
        if deed["kind"] == "diversion":
            assert not world.lots.territory[deed["lot"], deed["region"]]
            assert deed["scanned_items"] <= len(set(scans.unit.tolist()))
            assert name == "collusive" or deed["scanned_items"] == len(set(scans.unit.tolist()))
        elif "devices" in deed:
            assert {scans.devices[i] for i in scans.device} <= set(deed["devices"])
        else:
            assert sum(deed["scans"]) == len(scans)
            assert {scans.codes[i] for i in scans.unit} <= set(deed["codes"])
    assert (world.cause > 0).any()


def test_honest_life_goes_on_beside_it(attacked: tuple[str, World]) -> None:
    """Scans that nobody faked are those of the honest world, less those of goods taken away."""
    name, world = attacked
    honest = _rows(world, world.cause == 0)
    whole = _rows(HONEST, HONEST.cause == 0)
    assert honest <= whole
    if ATTACKS[name].sign != "cell":
        assert honest == whole


def test_goods_are_sold_where_they_may_not_be() -> None:
    """But for places that addresses get wrong, they are scanned in the region of the truth."""
    world = simulate(2, Settings(scans=60_000), ["diversion"])
    regions = np.array([-1, *(deed["region"] for deed in world.deeds)])
    faked = world.cause > 0
    right = world.scans.region[faked] == regions[world.cause[faked]]
    assert right.mean() > 0.8


def test_an_operator_loses_scans_and_adds_none() -> None:
    """A lying one keeps about a tenth of what a plain diversion leaves."""
    plain, lying = (simulate(3, SMALL, [name]) for name in ("diversion", "lying"))
    assert _rows(lying, lying.cause == 0) == _rows(plain, plain.cause == 0)
    assert 0 < (lying.cause > 0).sum() < 0.3 * (plain.cause > 0).sum()


def test_an_attack_that_is_none_is_refused(tmp_path: Path) -> None:
    """The names that there are, are told; honest worlds have no attacks."""
    with pytest.raises(Rejected, match="there are diversion, mixed"):
        simulate(1, SMALL, ["magic"])
    both = [str(tmp_path / "w"), "--seed", "1", "--honest", "--attack", "clone"]
    assert isinstance(CliRunner().invoke(app, both).exception, Rejected)
    assert not (tmp_path / "w").exists()
