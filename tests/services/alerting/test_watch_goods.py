"""Goods as they are packed: cases of any size, on pallets of any size, in any order."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from sqlalchemy import delete, select

from ledger.db.engine import reading, transaction
from ledger.db.models import Alert, ChainEvent, Scan
from ledger.detect.finding import Evidence, Finding, Leaker
from ledger.domain.contents import Codes, Picked
from ledger.domain.verbs import Verb
from ledger.services.alerting.alerts_again import recompute
from ledger.services.alerting.alerts_evidence import evidence_of
from ledger.services.alerting.alerts_frames import frames
from ledger.services.alerting.watch import Watcher
from ledger.services.alerting.watch_causes import _keys
from ledger.services.alerting.watch_consignments import GROWING
from ledger.services.worlds.world import demo_world
from ledger.services.worlds.world_plan import PALLETS, DemoLot
from tests.services.watch_world import (
    BRAND,
    END,
    Board,
    Packing,
    alike,
    board,
    demo_row,
    pack,
    pallet_of,
    party_of,
    raised,
)

WORLD = demo_world(2, False, 0.25)


def one_large(lot: DemoLot) -> list[list[Codes | Picked]]:
    """Return a lot whose pallets each begin with a case of the size of four."""
    found = []
    for cases in alike(lot):
        first, last = cases[0], cases[3]
        assert isinstance(first, Codes) and isinstance(last, Codes)
        found.append([Codes(first.batch, first.first, last.to), *cases[4:]])
    return found


def watched(at: Board, packed: Packing) -> Watcher:
    """Pack a world, and look at all of its scans."""
    pack(at, WORLD, packed=packed)
    with transaction(at.engine) as session:
        session.add_all([demo_row(scan) for scan in WORLD.scans])
    watcher = Watcher(at.site, 0.05)
    while watcher.is_due():
        watcher.step()
    return watcher


def test_cases_need_not_be_alike(tmp_path: Path) -> None:
    """All of them are tested, and the evidence is of as many; goods are counted by the average."""
    at = board(tmp_path)
    watched(at, one_large)
    alert = raised(at)["diversion"]
    with reading(at.engine) as session:
        told = evidence_of(session, alert.id)
    _, lots, _ = frames(told)
    assert lots.cases().tolist() == [len(told["consignment"]["cases"])]
    assert recompute(told).holds
    truth = WORLD.diverted
    assert truth is not None
    lot = WORLD.lots[truth.lot]
    pallets = sum(lot.distributor_of(at) == truth.distributor for at in range(PALLETS))
    cases = lot.cases_per_pallet - 3
    assert lots.cases().tolist() == [pallets * cases]
    assert lots.case_size.tolist() == [round(lot.case_size * lot.cases_per_pallet / cases)]


def serials(lot: DemoLot) -> list[int]:
    """Return the index of each item of a lot whose serials are in no order."""
    return [int(at) for at in np.random.default_rng(lot.number).permutation(lot.items)]


def in_no_order(lot: DemoLot) -> list[list[Codes | Picked]]:
    """Return a lot whose cases hold codes from all over it."""
    index = serials(lot)

    def picked(case: Codes | Picked) -> Picked:
        own = sorted(index[item] for item in case.indices.tolist())
        return Picked(case.batch, np.array(own, np.uint32))

    return [[picked(case) for case in cases] for cases in alike(lot)]


def short_first(lot: DemoLot) -> list[list[Codes | Picked]]:
    """Return a lot of which every third pallet, from the first on, is short."""
    return [cases[: 20 if at % 3 else 7] for at, cases in enumerate(alike(lot))]


@pytest.mark.parametrize("packed", [in_no_order, short_first])
def test_a_pallet_is_what_lies_on_it(tmp_path: Path, packed: Packing) -> None:
    """Whatever the order of the codes, and however full the others are: the one that was diverted
    is named, by its number among its consignee's and by its SSCC; the evidence computes again."""
    at = board(tmp_path)
    pack(at, WORLD, packed=packed)
    index = {lot.number: serials(lot) for lot in WORLD.lots}
    with transaction(at.engine) as session:
        for row in (demo_row(scan) for scan in WORLD.scans):
            if packed is in_no_order and row.batch is not None and row.index is not None:
                row.index = index[row.batch - 1][row.index]
            session.add(row)
    watcher = Watcher(at.site, 0.05)
    while watcher.is_due():
        watcher.step()
    alert, truth = raised(at)["diversion"], WORLD.diverted
    assert truth is not None
    evidence = alert.body["evidence"]
    assert evidence["pallet_units"] == [f"pallet {truth.lot}-{truth.pallet}"]
    assert evidence["pallets_of"] == 4
    with reading(at.engine) as session:
        told = evidence_of(session, alert.id)
    number = told["consignment"]["pallets"].index(f"pallet {truth.lot}-{truth.pallet}")
    assert evidence["pallets"] == [told["consignment"]["first_pallet"] + number]
    lies_on = "0x" + pallet_of(truth.lot, truth.pallet).hex()
    cases = {c["sscc"] for c in told["consignment"]["cases"] if c["pallet"] == lies_on}
    assert set(evidence["units"]) == cases
    assert f"pallet {evidence['pallets'][0] + 1} (cases" in alert.body["sentence"]
    assert recompute(told).holds


def test_evidence_of_pallets_that_were_taken_as_alike_is_read_as_it_was_made(
    tmp_path: Path,
) -> None:
    """With the pallets that the detector counted, and without their names."""
    at = board(tmp_path)
    watched(at, alike)
    with reading(at.engine) as session:
        told = evidence_of(session, raised(at)["diversion"].id)
    del told["consignment"]["pallets"], told["alert"]["finding"]["evidence"]["pallet_units"]
    assert recompute(told).holds


@pytest.mark.parametrize("packed", [alike, one_large])
def test_evidence_of_cases_that_were_taken_as_alike_is_read_as_it_was_made(
    tmp_path: Path, packed: Packing
) -> None:
    """As many as the largest case gives; where they were alike it says what it said."""
    at = board(tmp_path)
    watched(at, packed)
    with reading(at.engine) as session:
        told = evidence_of(session, raised(at)["diversion"].id)
    del told["consignment"]["items_per_case"]
    _, lots, _ = frames(told)
    assert lots.cases().tolist() == [-(-lots.items[0] // lots.case_size[0])]
    assert recompute(told).holds is (packed is alike)


def not_shipped(at: Board, lot: int, *pallets: int) -> None:
    """Let pallets still be with the brand."""
    units = [pallet_of(lot, pallet) for pallet in pallets]
    with transaction(at.engine) as session:
        session.execute(delete(ChainEvent).where(ChainEvent.identity.in_(units)))


def held(watcher: Watcher) -> set[tuple[int, int, int, tuple[str, ...], str]]:
    """Return the consignments that were scanned: their numbers, cases and names."""
    return {
        (one.lot.number, one.consignee, one.first, tuple(c.sscc for c in one.cases), one.further)
        for one in watcher._seen.goods.consignments
        if one.first != GROWING
    }


def alerts_of(at: Board) -> list[tuple[str, int, dict[str, object]]]:
    """Return all alerts as they were raised."""
    with reading(at.engine) as session:
        return sorted((a.key, a.raised, a.body) for a in session.scalars(select(Alert)))


def test_memory_that_is_rebuilt_has_the_same_consignments_and_findings(tmp_path: Path) -> None:
    """What a party was sent after a scan is another consignment, whether the shipment was known
    when the scan was looked at or not; an item that nobody had been sent then is of none."""
    truth = WORLD.diverted
    assert truth is not None
    owner, count = party_of(truth.distributor), len(WORLD.scans)
    late = {0: int(END + WORLD.scans[200].t), 3: int(END + WORLD.scans[500].t)}
    told, consignments = [], []
    for parts in (10, 1):
        (tmp_path / str(parts)).mkdir()
        at = board(tmp_path / str(parts))
        pack(at, WORLD)
        not_shipped(at, truth.lot, *late)
        at.blocks += 1000
        coming, watcher = dict(late), Watcher(at.site, 0.05)
        for part in range(parts):
            some = WORLD.scans[part * count // parts : (part + 1) * count // parts]
            rows = [demo_row(scan) for scan in some]
            for pallet in [one for one, when in coming.items() if when <= rows[-1].time]:
                unit, when = pallet_of(truth.lot, pallet), coming.pop(pallet)
                at.ship(unit, BRAND, owner, when)
                at.ship(unit, owner, BRAND, when + 1, Verb.RECEIVE_FROM)
            with transaction(at.engine) as session:
                session.add_all(rows)
            while watcher.is_due():
                watcher.step()
        told.append(alerts_of(at))
        again = Watcher(at.site, 0.05)
        while again.is_due():
            assert again.step() == 0
        consignments += [held(watcher), held(again)]
    assert told[0] == told[1]
    assert {key.split("/")[1] for key, *_ in told[0]} == {"diversion", "clone"}
    assert len(consignments[0]) == 8
    assert consignments[1:] == 3 * consignments[:1]


def test_a_further_consignment_has_causes_of_its_own(tmp_path: Path) -> None:
    """Of the same lot, consignee and province: what was judged of the first says nothing of it.
    Their names stay, and so do those of causes from before there were further ones."""
    at = board(tmp_path)
    pack(at, WORLD, lots=(0,))
    not_shipped(at, 0, 1, 2, 3)
    at.blocks += 100
    for pallet, when in ((1, END - 900), (2, END - 800), (3, END - 800)):
        at.ship(pallet_of(0, pallet), BRAND, party_of(1), when)
    size = WORLD.lots[0].case_size * WORLD.lots[0].cases_per_pallet
    for pallet in range(3):
        at.scan(0, pallet * size, END - 850 + 100 * pallet, f"phone {pallet}", region=52)
    watcher = Watcher(at.site, 0.05)
    watcher.step()
    goods, memory = watcher._seen.goods, watcher._seen.brands[BRAND]
    keys = []
    with reading(at.engine) as session:
        finder = memory.finder(session, goods, 3)
        for one in memory.consignments:
            if one.first != GROWING:
                who = Leaker("consignee", party_of(1), 1.0)
                evidence = Evidence(1, 1, (one.first,), items=(1, 1, 1), leakers=(who,))
                finding = Finding("diversion", 0.0, evidence, "", 0.05, 7, 52, e_value=1e3)
                keys.append(finder._cause(finding, finder._consignment(finding)).key)
    first = f"diversion/7/{party_of(1)}/52"
    further = min(pallet_of(0, 2), pallet_of(0, 3))
    assert keys == [first, f"{first}/{further[:8].hex()}"]
    with reading(at.engine) as session:
        rows = session.scalars(select(Scan).order_by(Scan.id)).all()
    assert [_keys(row, goods, ())[1] for row in rows] == [keys[0], keys[0], keys[1]]
