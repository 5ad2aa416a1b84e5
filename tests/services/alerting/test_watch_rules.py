"""Rules on each scan: they raise an alert at their N-th device, and count on."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import func, select

from ledger.db.alerting import AlertRule, RuleHit
from ledger.db.engine import reading, transaction
from ledger.db.models import Alert, ChainLot, ChainUnit
from ledger.domain.verbs import Verb
from ledger.services.alerting import alerts_rules, markets
from ledger.services.alerting.alerts_again import recompute
from ledger.services.alerting.alerts_evidence import evidence_of
from ledger.services.alerting.watch import Watcher
from ledger.services.worlds.world import demo_world
from tests.services.watch_world import (
    BRAND,
    END,
    GTIN,
    SHIPPED,
    Board,
    board,
    case_of,
    pack,
    party_of,
    raised,
)

HONEST = demo_world(3, True, 0.15)
DAY = 86_400


def ready(folder: Path, kind: str, **terms: object) -> tuple[Board, Watcher]:
    """Return goods at rest, and a watcher of one rule that is on with these terms."""
    at = board(folder)
    pack(at, HONEST, lots=(0,))
    with transaction(at.engine) as session:
        name = kind if kind in alerts_rules.BUILT_IN else "mine"
        alerts_rules.put(session, "a person", 1, BRAND, name, kind, terms)
    return at, Watcher(at.site, 0.05)


def scanned(at: Board, watcher: Watcher, count: int, start: int, **changes: object) -> list[int]:
    """Let so many phones scan an item each; return how many alerts there are after each."""
    totals = []
    for number in range(count):
        at.scan(0, number, start + number, f"phone {number}", **changes)
        watcher.step()
        with reading(at.engine) as session:
            totals.append(session.scalar(select(func.count()).select_from(Alert)) or 0)
    return totals


def test_goods_on_their_way_are_ahead_of_their_receipt(tmp_path: Path) -> None:
    """At the third phone, not the second; a further one is counted; nothing once it is received."""
    terms = {"n": 3, "days": 30, "confirms": 0.95}
    at, watcher = ready(tmp_path, "ahead_of_receipt", **terms)
    distributor, store = party_of(1), party_of(4)
    for case in range(1, 4):  # the store has confirmed what it was sent before
        at.ship(case_of(0, case), distributor, store, SHIPPED + DAY)
        at.ship(case_of(0, case), store, distributor, SHIPPED + DAY + 60, Verb.RECEIVE_FROM)
    at.ship(case_of(0, 0), distributor, store, END - 1000)
    assert scanned(at, watcher, 4, END - 900) == [0, 0, 1, 1]
    alert = raised(at)["ahead_of_receipt"]
    assert (alert.scans, alert.lot, alert.consignee) == (4, "DEMO-1", store)
    assert "not received yet" in alert.body["sentence"]
    assert alert.body["calibrated"] is False
    with reading(at.engine) as session:
        assert len(evidence_of(session, alert.id)["scans"]) == 3
    at.ship(case_of(0, 0), store, distributor, END - 800, Verb.REFUSE)
    scanned(at, watcher, 3, END - 700)
    assert raised(at)["ahead_of_receipt"].scans == 4


def test_who_never_confirms_says_nothing_by_it(tmp_path: Path) -> None:
    """A party that confirms late raises no alert of goods ahead of their receipt."""
    at, watcher = ready(tmp_path, "ahead_of_receipt", n=1, days=30, confirms=0.95)
    store = party_of(4)
    with transaction(at.engine) as session:
        for case in range(3):
            session.add(
                ChainUnit(
                    id=case_of(0, case),
                    holder=party_of(1),
                    addressee=store,
                    state=2,
                    parent=None,
                    count=1,
                    gone=0,
                    level=1,
                    lot=7,
                    market=0,
                    children_root=b"",
                    seq=1,
                    head=b"",
                )
            )
    for case in range(3):
        at.ship(case_of(0, case), party_of(1), store, SHIPPED + DAY)
    assert scanned(at, watcher, 3, END - 900) == [0, 0, 0]


def test_goods_that_a_distributor_holds_skipped_a_hop(tmp_path: Path) -> None:
    """Where a brand has turned that on; goods of a store are where they belong."""
    at, watcher = ready(tmp_path, "skipped_hop", n=2, days=30, confirms=0.95)
    assert scanned(at, watcher, 3, END - 900) == [0, 1, 1]
    alert = raised(at)["skipped_hop"]
    assert (alert.consignee, alert.lot) == (party_of(1), "DEMO-1")
    store = party_of(4)
    size = HONEST.lots[0].case_size
    at.ship(case_of(0, 5), party_of(1), store, END - 500)
    at.ship(case_of(0, 5), store, party_of(1), END - 400, Verb.RECEIVE_FROM)
    watcher = Watcher(at.site, 0.05)
    at.scan(0, 5 * size, END - 300, "in the store")
    watcher.step()
    assert raised(at)["skipped_hop"].scans == 3


def test_goods_of_a_market_are_sold_in_it(tmp_path: Path) -> None:
    """Outside its regions at the N-th phone; inside them never."""
    at, watcher = ready(tmp_path, "out_of_market", n=2, days=7)
    east = markets.Terms("the east", (31, 32))
    with transaction(at.engine) as session:
        markets.put(session, 1, "a person", BRAND, 3, east)
    assert scanned(at, watcher, 3, END - 900, region=31, loc_src="gps") == [0, 0, 0]
    assert scanned(at, watcher, 3, END - 850, region=44, loc_src="ip_mobile") == [0, 0, 0]
    assert scanned(at, watcher, 2, END - 800, region=44, loc_src="gps") == [0, 1]
    alert = raised(at)["out_of_market"]
    assert (alert.region, alert.gtin) == (44, GTIN)
    assert "Guangdong" in alert.body["sentence"]


def test_what_no_scan_can_ask_for_any_more_is_forgotten(tmp_path: Path) -> None:
    """A hit is kept for the rule's days, and a week for those who were offline: not longer."""
    at, watcher = ready(tmp_path, "out_of_market", n=2, days=7)
    with transaction(at.engine) as session:
        markets.put(session, 1, "a person", BRAND, 3, markets.Terms("the east", (31, 32)))
    outside = {"region": 44, "loc_src": "gps"}
    first = END - 40 * DAY
    for item, time, region, kept in (
        (0, first, 44, 1),
        (1, first + 14 * DAY - 1, 31, 1),
        (2, first + 14 * DAY, 31, 0),
        (3, first + 20 * DAY, 44, 1),
        (4, first + 20 * DAY + 8 * DAY, 31, 1),
        (5, first + 27 * DAY - 1, 44, 2),
    ):
        at.scan(0, item, time, f"phone {item}", **{**outside, "region": region})
        watcher.step()
        with reading(at.engine) as session:
            assert session.scalar(select(func.count()).select_from(RuleHit)) == kept
    assert set(raised(at)) == {"out_of_market"}, "the last came late, and found the one before"


def test_a_recalled_lot_that_goes_on_being_sold(tmp_path: Path) -> None:
    """By first scans a while after the recall; owners who ask again are no sale."""
    at, watcher = ready(tmp_path, "recalled_selling", n=2, days=30, grace_days=7)
    at.scan(0, 0, END - 20 * DAY, "an owner", region=31)
    watcher.step()
    with transaction(at.engine) as session:
        session.scalars(select(ChainLot).where(ChainLot.number == 7)).one().status = 2
    at.scan(0, 0, END - 900, "the owner asks", region=31)
    watcher.step()
    assert raised(at) == {}
    for number, item in enumerate((50, 51)):
        at.scan(0, item, END - 800 + number, f"buyer {item}", region=31)
        watcher.step()
    alert = raised(at)["recalled_selling"]
    assert (alert.lot, alert.region, alert.scans) == ("DEMO-1", 31, 2)


@pytest.mark.parametrize("n", [2, 5])
def test_a_threshold_fires_at_n(tmp_path: Path, n: int) -> None:
    """Devices of one code: at the N-th, not at the one before."""
    at, watcher = ready(tmp_path, "threshold", test="devices", n=n, days=7)
    for number in range(n + 1):
        at.scan(0, 9, END - 900 + number, f"phone {number}")
        watcher.step()
        assert len(raised(at)) == (number + 1 >= n)
    alert = raised(at)["threshold"]
    assert (alert.scans, alert.code) == (n + 1, f"{GTIN:014d}/0-9")
    assert "not a calibrated test" in alert.body["sentence"]


@pytest.mark.parametrize("kind", ["threshold", "out_of_market"])
def test_a_scan_that_comes_late_tips_those_after_it(tmp_path: Path, kind: str) -> None:
    """Three phones within a day, the second of which was offline: told when its scan comes, at the
    scan that it tips, with those after it counted; not where one of them is a day away."""
    own = {"test": "devices"} if kind == "threshold" else {}
    at, watcher = ready(tmp_path, kind, n=3, days=1, **own)
    with transaction(at.engine) as session:
        markets.put(session, 1, "a person", BRAND, 3, markets.Terms("the east", (31, 32)))
    start, hour = END - 5 * DAY, 3600
    outside = {"region": 44, "loc_src": "gps", "lat": 23.1, "lon": 113.3, "acc_km": 1.0}
    for number, hours in enumerate((0, 10, 23, 28)):
        at.scan(0, 9, start + hours * hour, f"phone {number % 2}", **outside)
    watcher.step()
    at.scan(0, 9, start - 20 * hour, "phone 8", **outside)
    watcher.step()
    assert raised(at) == {}
    at.scan(0, 9, start + 5 * hour, "phone 9", **outside)
    watcher.step()
    alert = raised(at)[kind]
    assert (alert.raised, alert.last, alert.scans) == (start + 10 * hour, start + 28 * hour, 5)
    assert alert.body["evidence"]["scans"] == 3
    with reading(at.engine) as session:
        told = evidence_of(session, alert.id)
    assert recompute(told).holds
    seen = told["columns"].index("time")
    assert [row[seen] - start for row in told["scans"]] == [0, 5 * hour, 10 * hour]


def test_a_rule_that_is_off_looks_at_nothing(tmp_path: Path) -> None:
    """Neither alerts nor hits."""
    at, watcher = ready(tmp_path, "skipped_hop", n=1, days=30, confirms=0)
    with transaction(at.engine) as session:
        session.scalars(
            select(AlertRule).where(AlertRule.kind == "skipped_hop")
        ).one().enabled = False
    assert scanned(at, watcher, 2, END - 900) == [0, 0]
    with reading(at.engine) as session:
        assert session.scalars(select(RuleHit)).all() == []


def test_what_scripts_and_weak_devices_do_is_no_evidence(tmp_path: Path) -> None:
    """They hit no rule."""
    at, watcher = ready(tmp_path, "threshold", test="scans", n=2, days=7)
    for number in range(3):
        at.scan(0, 9, END - 900 + number, f"script {number}", channel="script")
        at.scan(0, 8, END - 900 + number, f"weak {number}", weak=True)
    watcher.step()
    assert raised(at) == {}
