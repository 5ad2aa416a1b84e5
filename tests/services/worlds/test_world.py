"""The demo's world: what it promises, and that the detectors find what it hides."""

from __future__ import annotations

import json

import pytest

from ledger.detect import Finding, detect
from ledger.domain.regions import REGIONS, distance_km
from ledger.services.worlds.world import World, demo_world
from ledger.services.worlds.world_frame import world_frames
from ledger.services.worlds.world_plan import PARTIES, SPAN

SEEDS = range(20)
SCALE = 0.5


def _findings(seed: int, *, honest: bool) -> tuple[World, list[Finding]]:
    world = demo_world(seed, honest, SCALE)
    return world, detect(*world_frames(world))


def test_a_world_has_what_the_demo_promises() -> None:
    """One brand, three distributors, six stores, two lots of 4,800 in cases of 24 on 10 pallets,
    some 3,000 scans in eight weeks that end now."""
    world = demo_world(1, honest=False)
    roles = [party.role for party in world.parties]
    assert [roles.count(role) for role in ("brand", "distributor", "store")] == [1, 3, 6]
    assert [(lot.items, lot.case_size, lot.cases_per_pallet) for lot in world.lots] == [
        (4800, 24, 20)
    ] * 2
    assert 3000 <= len(world.scans) <= 3050
    times = [scan.t for scan in world.scans]
    assert times == sorted(times)
    assert times[0] >= -SPAN and times[-1] <= 0
    assert all(0 <= scan.item < 4800 and scan.region in REGIONS for scan in world.scans)


def test_the_same_seed_gives_the_same_world() -> None:
    """Two draws agree in everything; another seed and an honest world do not."""
    assert demo_world(3, False, 0.2) == demo_world(3, False, 0.2)
    assert demo_world(3, False, 0.2).scans != demo_world(4, False, 0.2).scans
    honest = demo_world(3, True, 0.2)
    assert (honest.diverted, honest.cloned) == (None, None)


@pytest.mark.parametrize("scale", [0.0, -1.0, 1.5])
def test_a_scale_that_is_none_is_refused(scale: float) -> None:
    """A world can be made smaller, not larger or empty."""
    with pytest.raises(ValueError, match="scale"):
        demo_world(1, True, scale)


@pytest.mark.parametrize("seed", range(3))
def test_goods_move_only_from_whoever_has_them(seed: int) -> None:
    """Every pallet is packed, shipped by its holder, received by the addressee, and unpacked before
    its cases travel; nothing is scanned before a store or a diverter had it."""
    world = demo_world(seed, False, 0.2)
    holder: dict[tuple[str, int, int], int | None] = {}
    to: dict[tuple[str, int, int], tuple[int, int | None]] = {}
    for move in world.moves:
        for unit in move.units:
            key = (unit.kind, unit.lot, unit.number)
            if move.verb == "pack":
                holder[key] = move.actor
            elif move.verb == "ship":
                assert holder[key] == move.actor
                holder[key], to[key] = None, (move.actor, move.partner)
            elif move.verb == "receive":
                assert to.pop(key) == (move.partner, move.actor)
                holder[key] = move.actor
            else:
                assert holder.pop(key) == move.actor
                first = unit.number * 20
                for case in range(first, first + 20):
                    holder["case", unit.lot, case] = move.actor
    assert to == {}
    received = max(move.t for move in world.moves if move.verb == "receive")
    assert min(scan.t for scan in world.scans) > world.moves[0].t and received < 0


@pytest.mark.parametrize("seed", range(3))
def test_the_diverted_pallet_never_reached_a_store_and_sold_far_away(seed: int) -> None:
    """Its distributor received it and passed nothing on; the region is over 800 km from home."""
    world = demo_world(seed, False, 0.2)
    truth = world.diverted
    assert truth is not None
    receivers = {
        move.actor
        for move in world.moves
        if move.verb == "receive"
        for unit in move.units
        if (unit.kind, unit.lot, unit.number) == ("pallet", truth.lot, truth.pallet)
    }
    assert receivers == {truth.distributor}
    home = [REGIONS[code] for code in PARTIES[truth.distributor].territory]
    assert min(distance_km(REGIONS[truth.region], region) for region in home) > 800


@pytest.mark.parametrize("seed", SEEDS)
def test_the_diverted_pallet_and_the_copied_code_are_named(seed: int) -> None:
    """One diversion with lot, region and the pallet's own cases; one clone with its code."""
    world, findings = _findings(seed, honest=False)
    assert world.diverted is not None and world.cloned is not None
    (diversion,) = [finding for finding in findings if finding.kind == "diversion"]
    first = world.diverted.pallet * 20
    assert (diversion.lot, diversion.region) == (world.diverted.lot, world.diverted.region)
    assert diversion.evidence.pallets == (world.diverted.pallet,)
    assert set(diversion.evidence.cases) <= set(range(first, first + 20))
    clones = [finding.code for finding in findings if finding.kind == "clone"]
    assert clones == [f"{world.cloned.lot}/{world.cloned.item}"]


@pytest.mark.parametrize("seed", SEEDS)
def test_an_honest_world_raises_nothing(seed: int) -> None:
    """Travellers, gifts, repeats and wrong places alone raise no alert of any kind."""
    assert _findings(seed, honest=True)[1] == []


@pytest.mark.parametrize("cut", [20.0, 33.0, 39.5, 41.0, 50.0])
def test_the_cut_world_tells_what_the_whole_told_by_then(cut: float) -> None:
    """Five cut days: byte for byte the findings with day ≤ cut."""
    scans, lots, custody = world_frames(demo_world(0, False, SCALE))
    whole = [finding.line() for finding in detect(scans, lots, custody)]
    told = [finding.line() for finding in detect(scans.take(scans.day <= cut), lots, custody)]
    assert json.dumps(told) == json.dumps([line for line in whole if line["day"] <= cut])
