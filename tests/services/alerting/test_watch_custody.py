"""What rules take to be the custody of a scanned item: its newest move, wherever it is packed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from ledger.db.engine import reading, transaction
from ledger.db.models import Alert, ChainEvent, ChainLot, ChainUnit
from ledger.domain import ids
from ledger.domain.verbs import Verb
from ledger.services.alerting import alerts_rules
from ledger.services.alerting.alerts_again import recompute
from ledger.services.alerting.alerts_evidence import evidence_of
from ledger.services.worlds.world import demo_world
from tests.services.watch_world import (
    BRAND,
    END,
    SHIPPED,
    Board,
    board,
    case_of,
    pack,
    pallet_of,
    party_of,
    watch,
)

HONEST = demo_world(3, True, 0.15)
DAY = 86_400
DISTRIBUTOR, STORE = party_of(1), party_of(4)
CASE, PALLET, OTHER = case_of(0, 0), pallet_of(0, 0), b"X" * 32


def ready(folder: Path, kind: str, **terms: float) -> Board:
    """Return goods at their distributor's, with one rule that fires at two devices."""
    at = board(folder)
    pack(at, HONEST, lots=(0,))
    with transaction(at.engine) as session:
        alerts_rules.put(session, "a person", 1, BRAND, kind, kind, {"n": 2, "days": 30, **terms})
    return at


def packed_into(at: Board, unit: bytes, parent: bytes, time: int) -> None:
    """Let the follower see a unit being packed again."""
    with transaction(at.engine) as session:
        row = at.move(unit, DISTRIBUTOR, 0, time, Verb.PACKED_INTO)
        row.args = {"parent": "0x" + parent.hex(), "parentSeq": 1}
        session.add(row)


def sold(at: Board, first: int = 0, start: int = END - 900) -> list[tuple[str, int | None]]:
    """Let three customers scan items, of the first case if not said otherwise; return the alerts,
    kind and whose, all of which compute again."""
    for number in range(3):
        at.scan(0, first + number, start + number, f"customer {start + number}")
    watch(at)
    with reading(at.engine) as session:
        found = list(session.scalars(select(Alert).order_by(Alert.id)))
        assert all(recompute(evidence_of(session, alert.id)).holds for alert in found)
    return [(alert.kind, alert.consignee) for alert in found]


def repacked(at: Board) -> None:
    """The distributor takes a case from its pallet and packs it onto another."""
    at.ship(CASE, DISTRIBUTOR, 0, SHIPPED + 2 * DAY, Verb.UNPACKED_FROM)
    packed_into(at, CASE, OTHER, SHIPPED + 3 * DAY)


def test_a_case_that_was_packed_again_moves_with_what_it_is_in(tmp_path: Path) -> None:
    """Goods that a store has received on another pallet skipped no hop."""
    at = ready(tmp_path, "skipped_hop", confirms=0.0)
    repacked(at)
    at.ship(OTHER, DISTRIBUTOR, STORE, SHIPPED + 4 * DAY)
    at.ship(OTHER, STORE, DISTRIBUTOR, SHIPPED + 5 * DAY, Verb.RECEIVE_FROM)
    assert sold(at) == []


def test_a_case_on_another_pallet_that_is_not_received_is_ahead(tmp_path: Path) -> None:
    """The cause is the pallet that is on its way; taken out of it again, the case is not."""
    at = ready(tmp_path, "ahead_of_receipt", confirms=0.0)
    at.ship(pallet_of(0, 1), STORE, DISTRIBUTOR, SHIPPED + 5 * DAY, Verb.RECEIVE_FROM)
    repacked(at)
    at.ship(OTHER, DISTRIBUTOR, STORE, END - 2 * DAY)
    assert sold(at) == [("ahead_of_receipt", STORE)]
    with reading(at.engine) as session:
        (key,) = session.scalars(select(Alert.key))
    assert f"/{OTHER.hex()}/" in key
    at.ship(CASE, STORE, 0, END - DAY, Verb.UNPACKED_FROM)
    with transaction(at.engine) as session:
        session.delete(session.scalars(select(Alert)).one())
    assert sold(at, start=END - 500) == []


def test_a_pallet_of_the_same_goods_is_counted_with_what_lies_on_it(tmp_path: Path) -> None:
    """The evidence has its other cases, too."""
    at = ready(tmp_path, "ahead_of_receipt", confirms=0.0)
    at.ship(pallet_of(0, 2), STORE, DISTRIBUTOR, SHIPPED + 5 * DAY, Verb.RECEIVE_FROM)
    at.ship(CASE, DISTRIBUTOR, 0, SHIPPED + 2 * DAY, Verb.UNPACKED_FROM)
    packed_into(at, CASE, pallet_of(0, 1), SHIPPED + 3 * DAY)
    at.ship(pallet_of(0, 1), DISTRIBUTOR, STORE, END - 2 * DAY)
    assert sold(at) == [("ahead_of_receipt", STORE)]
    lot = HONEST.lots[0]
    with reading(at.engine) as session:
        assert session.scalars(select(Alert.goods_high)).one() == (
            lot.cases_per_pallet * lot.case_size
        )


def test_what_a_pallet_did_before_is_not_the_cases(tmp_path: Path) -> None:
    """Who had it then has nothing to do with what was put on it later."""
    at = ready(tmp_path, "skipped_hop", confirms=0.0)
    at.ship(OTHER, STORE, BRAND, SHIPPED + DAY, Verb.RECEIVE_FROM)
    repacked(at)
    assert sold(at) == [("skipped_hop", DISTRIBUTOR)]


def test_what_a_pallet_does_later_is_not_the_cases(tmp_path: Path) -> None:
    """Once that was taken out."""
    at = ready(tmp_path, "skipped_hop", confirms=0.0)
    repacked(at)
    at.ship(CASE, DISTRIBUTOR, 0, SHIPPED + 4 * DAY, Verb.UNPACKED_FROM)
    at.ship(OTHER, DISTRIBUTOR, STORE, SHIPPED + 5 * DAY)
    at.ship(OTHER, STORE, DISTRIBUTOR, SHIPPED + 6 * DAY, Verb.RECEIVE_FROM)
    assert sold(at) == [("skipped_hop", DISTRIBUTOR)]


@pytest.mark.parametrize(
    ("verb", "actor", "other", "held"),
    [
        (None, 0, 0, None),
        (Verb.TAKE_BACK, DISTRIBUTOR, STORE, DISTRIBUTOR),
        (Verb.REFUSE, STORE, DISTRIBUTOR, DISTRIBUTOR),
        (Verb.REPORT_LOST, DISTRIBUTOR, STORE, None),
        (Verb.RECEIVE_FROM, STORE, DISTRIBUTOR, None),
        (Verb.REPORT_EXCEPTION, STORE, DISTRIBUTOR, None),
    ],
    ids=["on-its-way", "taken-back", "refused", "lost", "received", "received-in-part"],
)
def test_who_holds_goods_is_by_the_last_move(
    tmp_path: Path, verb: Verb | None, actor: int, other: int, held: int | None
) -> None:
    """Taken back or refused, whoever sent them has them; lost, nobody."""
    at = ready(tmp_path, "skipped_hop", confirms=0.0)
    at.ship(CASE, DISTRIBUTOR, STORE, END - 3 * DAY)
    if verb is not None:
        at.ship(CASE, actor, other, END - 2 * DAY, verb)
    assert sold(at) == ([] if held is None else [("skipped_hop", held)])


def waiting(at: Board, unit: bytes, to: int, time: int) -> None:
    """Let a unit be on its way to a party since a time."""
    row: dict[str, Any] = {
        "id": unit, "holder": DISTRIBUTOR, "addressee": to, "state": 2, "parent": None,
        "count": 1, "gone": 0, "level": 1, "lot": 7, "market": 0, "children_root": b"", "seq": 1,
        "head": b"",
    }  # fmt: skip
    with transaction(at.engine) as session:
        session.add(ChainUnit(**row))
    at.ship(unit, BRAND, to, time)


@pytest.mark.parametrize(("days", "fires"), [(6, True), (8, False)])
def test_a_shipment_of_this_week_is_not_called_unconfirmed(
    tmp_path: Path, days: int, fires: bool
) -> None:
    """The distributor has confirmed its pallets; another one has been under way for some days."""
    at = ready(tmp_path, "skipped_hop", confirms=0.95)
    waiting(at, OTHER, DISTRIBUTOR, END - days * DAY)
    assert sold(at) == ([("skipped_hop", DISTRIBUTOR)] if fires else [])


def test_a_recall_counts_from_the_last_time_it_was_said(tmp_path: Path) -> None:
    """A lot that was recalled, released and recalled again."""
    at = ready(tmp_path, "recalled_selling", grace_days=7)
    with transaction(at.engine) as session:
        session.scalars(select(ChainLot).where(ChainLot.number == 7)).one().status = 2
        for number, time in enumerate((END - 30 * DAY, END - 3 * DAY)):
            row = at.move(bytes(32), BRAND, 0, time, Verb.SET_LOT_STATE)
            row.subject, row.kind, row.seq = ids.subject("lot", 7), "lot", number + 1
            session.add(row)
    assert sold(at) == []
    with transaction(at.engine) as session:
        last = session.scalars(select(ChainEvent).where(ChainEvent.time == END - 3 * DAY)).one()
        session.delete(last)
    assert sold(at, 3) == [("recalled_selling", None)]
