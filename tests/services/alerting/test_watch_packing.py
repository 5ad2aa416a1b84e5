"""What lies in a shipped unit, and of which lots it is."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from ledger.db.engine import reading, transaction
from ledger.db.models import ChainRun
from ledger.domain.contents import Codes, Picked, encode
from ledger.services.alerting import watch_packing
from ledger.services.alerting.watch_packing import Inside, cases_in, lots_inside
from tests.services.watch_world import Board, board, case_of, named, pallet_of


def inside(items: Codes | Picked) -> Inside:
    """Return some items in a case."""
    return Inside(b"", "", items)


def test_each_case_is_of_the_lot_that_its_first_code_is_bound_to(tmp_path: Path) -> None:
    """At the edges of runs, between them, in a run that is bound to no lot, and in order or not."""
    at = board(tmp_path)
    runs = [(1, 0, 10, 7), (1, 10, 20, 8), (1, 30, 40, 0), (2, 0, 99, 9)]
    with transaction(at.engine) as session:
        for batch, first, to, lot in runs:
            session.add(ChainRun(batch=batch, first=first, to=to, active_from=1, lot=lot, voided=0))
    asked = [
        (inside(Codes(1, 0, 5)), 7),
        (inside(Codes(1, 9, 12)), 7),
        (inside(Codes(1, 10, 12)), 8),
        (inside(Codes(1, 19, 25)), 8),
        (inside(Codes(1, 20, 25)), None),
        (inside(Codes(1, 30, 35)), None),
        (inside(Codes(1, 40, 45)), None),
        (inside(Picked(2, np.array([50, 98], np.uint32))), 9),
        (inside(Codes(3, 0, 5)), None),
    ]
    with reading(at.engine) as session:
        assert lots_inside(session, [one for one, _ in asked]) == [lot for _, lot in asked]
        assert lots_inside(session, []) == []


@pytest.mark.parametrize("chunk", [1, 3, 500])
def test_the_cases_of_a_pallet_come_in_their_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, chunk: int
) -> None:
    """However many are asked for at a time; one that nobody knows is left out."""
    monkeypatch.setattr(watch_packing, "CHUNK", chunk)
    at: Board = board(tmp_path)
    cases = [case_of(0, number) for number in range(8)]
    with transaction(at.engine) as session:
        for number, case in enumerate(cases):
            if number != 5:
                codes = Codes(1, 10 * number, 10 * number + 10)
                session.add(named(case, f"urn/{number:018d}", encode([codes])))
        session.add(named(pallet_of(0, 0), "urn/pallet", encode(cases)))
    with reading(at.engine) as session:
        found = list(cases_in(at.site, session, pallet_of(0, 0)))
    assert [one.unit for one in found] == cases[:5] + cases[6:]
    assert [int(one.items.indices[0]) for one in found] == [0, 10, 20, 30, 40, 60, 70]
