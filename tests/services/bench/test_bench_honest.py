"""`bench honest` judges as the live code does, and counts by the truth."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest

from ledger.detect.frame import CHANNELS, Ints, Scans
from ledger.domain.gs1 import with_check_digit
from ledger.domain.verbs import Role
from ledger.domain.verdict import Verdict
from ledger.services import act, mint, parties, runs
from ledger.services.bench.bench_honest import look_at, marked, measure, moment, verdicts
from ledger.services.device_names import Device
from ledger.services.scans import ScanIn, store
from ledger.services.site import Site
from ledger.services.worlds.simulator import Settings, World, simulate
from tests.support.installation import await_mint, installation

BRAND = int(with_check_digit(f"9506000{1:05d}"))
GTIN = with_check_digit("0950600013435")
CODES, SCANS = 24, 320


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Site, list[str]]]:
    """An installation with a batch of active codes, and their links."""
    with installation(tmp_path_factory.mktemp("home")) as made:
        brand = parties.NewParty(BRAND, "B", "乙", Role.BRAND, prefix="9506000")
        act.settled(made.site, [parties.register(made.site, brand, "brand")[1]])
        mint.add_product(made.site, BRAND, GTIN, "Wine", "酒")
        order = mint.order_codes(made.site, BRAND, GTIN, CODES, "codes")
        batch = await_mint(made.site, order)
        act.settled(made.site, [runs.activate(made.site, batch, 0, CODES, 1, "active")])
        printed = mint.links(made.site, mint.mint_of(made.site, order), 0, CODES)
        yield made.site, [link for _, link in printed]


@pytest.fixture(scope="module")
def world() -> World:
    """A small world with copied codes."""
    return simulate(11, Settings(scans=20_000, displays=2e-4), ["clone"])


def _busiest(world: World) -> Scans:
    """The scans of the codes that most devices have scanned, as many as the test has time for; one
    in ten by a script."""
    scans = world.scans
    pairs = np.unique(np.stack([scans.unit, scans.device]), axis=1)
    codes = np.argsort(-np.bincount(pairs[0]), kind="stable")[4 : 4 + CODES]
    rows = np.flatnonzero(np.isin(scans.unit, codes) & (scans.lot >= 0))
    kept = [rows[scans.unit[rows] == code][:24] for code in codes]
    few = scans.take(np.sort(np.concatenate(kept))[:SCANS])
    channel: Ints = np.where(np.arange(len(few)) % 10 == 3, CHANNELS.index("script"), few.channel)
    return replace(few, channel=channel)


def test_what_the_bench_says_is_what_the_live_code_says(
    shop: tuple[Site, list[str]], world: World
) -> None:
    """Scan for scan, stored one after the other, the same outcome for the same reasons."""
    (site, printed), scans = shop, _busiest(world)
    clock = [0]
    site = replace(site, clock=lambda: clock[0])
    codes = {unit: n for n, unit in enumerate(dict.fromkeys(scans.unit.tolist()))}
    live: dict[int, Verdict] = {}
    for row in range(len(scans)):
        look, clock[0] = look_at(scans, row), moment(float(scans.day[row]))
        scan = ScanIn(
            link=printed[codes[int(scans.unit[row])]],
            key=f"scan {row}",
            device=Device(look.device, b"key"),
            channel=CHANNELS[int(scans.channel[row])],
            place=look.place,
        )
        live[row] = store(site, scan).checked.verdict
    assert dict(verdicts(scans)) == live
    reasons = {code for verdict in live.values() for code in verdict.reasons}
    assert {"FIRST_SCAN", "SEEN_BEFORE", "SEEN_BY_YOU", "MANY_DEVICES"} <= reasons


def test_fakes_are_counted_by_the_truth_alone(world: World) -> None:
    """What the truth says of each scan is what the simulator knows of it, but for owners who look
    again after copies are sold."""
    marks = marked(world.scans, world.truth())
    fakes = world.cause > 0
    assert (marks.copied[fakes] > 0).all()
    assert (marks.copied > 0).sum() <= 1.02 * fakes.sum()
    assert not (marks.people & fakes).any()
    unknown = world.scans.lot < 0
    assert not (marks.people & unknown).any()
    assert marks.people.sum() > 0.97 * (~fakes).sum()


def test_figures_of_a_world_are_shares_of_what_was_counted(world: World) -> None:
    """The share after the tenth fake is told twice, and honest worlds have none."""
    found = measure(world.scans, world.truth())
    assert found.keys() == {"scans", "cautioned", "rate", "fakes", "caught", "caught_after"}
    assert found["caught"] == found["caught_after"]["10"]
    assert found["rate"] == pytest.approx(found["cautioned"] / found["scans"], abs=1e-6)
    assert found["caught"] > 0.8 and found["rate"] < 0.002
    honest = simulate(11, Settings(scans=3_000))
    assert measure(honest.scans, honest.truth())["caught"] is None
