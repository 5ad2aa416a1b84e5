"""Goods as they are packed: cases of any size, on pallets of any size, in any order."""

from __future__ import annotations

from pathlib import Path

import pytest

from ledger.db.engine import reading, transaction
from ledger.domain.contents import Codes, Picked
from ledger.services.alerting.alerts_again import recompute
from ledger.services.alerting.alerts_evidence import evidence_of
from ledger.services.alerting.alerts_frames import frames
from ledger.services.alerting.watch import Watcher
from ledger.services.worlds.world import demo_world
from ledger.services.worlds.world_plan import PALLETS, DemoLot
from tests.services.watch_world import Board, Packing, alike, board, demo_row, pack, raised

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
