"""Rules on each scan: they raise an alert at their N-th device, and count on."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from random import Random
from typing import Any

import pytest
from sqlalchemy import event, func, select

from ledger.db.alerting import AlertRule, RuleHit
from ledger.db.engine import reading, transaction
from ledger.db.models import Alert, ChainLot, ChainUnit, Scan
from ledger.domain.verbs import Verb
from ledger.errors import Rejected
from ledger.services.alerting import alerts_exceptions, alerts_rules, markets, watch_past
from ledger.services.alerting.alerts_again import recompute
from ledger.services.alerting.alerts_evidence import COLUMNS, Document, evidence_of
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
    scan_row,
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
    scan that it tips, with those after it counted; not where one of them is a day away. Whatever
    another rule asks."""
    own = {"test": "devices"} if kind == "threshold" else {}
    at, watcher = ready(tmp_path, kind, n=3, days=1, **own)
    with transaction(at.engine) as session:
        markets.put(session, 1, "a person", BRAND, 3, markets.Terms("the east", (31, 32)))
        longer = {"test": "scans", "n": 1000, "days": 366}
        alerts_rules.put(session, "a person", 1, BRAND, "longer", "threshold", longer)
    start, hour = END - 5 * DAY, 3600
    outside = {"region": 44, "loc_src": "gps", "lat": 23.1, "lon": 113.3, "acc_km": 1.0}
    for number, hours in enumerate((0, 10, 23, 28, 40)):
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
    at.scan(0, 8, END - 800, "phone")
    at.scan(0, 9, END - 800, "phone")
    watcher.step()
    assert raised(at) == {}


def store(at: Board, rows: Sequence[Scan]) -> None:
    """Store many scans at once."""
    with transaction(at.engine) as session:
        session.add_all(rows)


def kept(at: Board, alert: Alert) -> Document:
    """Return the evidence of an alert, which gives the alert again."""
    with reading(at.engine) as session:
        told = evidence_of(session, alert.id)
    assert recompute(told).holds
    return told


def gps(lat: float, lon: float) -> dict[str, Any]:
    """Return a place that is certain."""
    return {"loc_src": "gps", "lat": lat, "lon": lon, "acc_km": 1.0, "region": 31}


MOST = watch_past.MOST
# Devices in the order in which they scan one code, and how many of them there are.
CROWDS: dict[str, tuple[list[str], int]] = {
    "each twice": ([f"phone {number // 2}" for number in range(1198)], 599),
    "each twice, in two rounds": ([f"phone {number % 599}" for number in range(1198)], 599),
    "one without end, then others": (["bot"] * (MOST + 50) + [f"b {n}" for n in range(4)], 5),
    "others, then one without end": ([f"a {n}" for n in range(4)] + ["bot"] * (MOST + 50), 5),
    "others before and after it": (["a 0", "a 1", *["bot"] * (MOST + 50), "b 0", "b 1"], 5),
}


@pytest.mark.parametrize("crowd", CROWDS)
def test_a_phone_that_scans_without_end_hides_no_device(tmp_path: Path, crowd: str) -> None:
    """However often others scan: told at the N-th device, not at the one before; the evidence is
    bounded and gives it again."""
    devices, found = CROWDS[crowd]
    at, watcher = ready(tmp_path, "threshold", test="devices", n=found + 1, days=7)
    store(at, [scan_row(0, 9, END - 3000 + n, device) for n, device in enumerate(devices)])
    watcher.step()
    assert raised(at) == {}
    at.scan(0, 9, END - 100, devices[-1])
    watcher.step()
    assert raised(at) == {}
    at.scan(0, 9, END - 99, "the last")
    watcher.step()
    alert = raised(at)["threshold"]
    assert (alert.raised, alert.goods_high) == (END - 99, found + 1)
    assert alert.body["sentence"].startswith(f"{found + 1} devices")
    told = kept(at, alert)
    device = COLUMNS.index("device")
    assert len({row[device] for row in told["scans"]}) == found + 1 <= len(told["scans"]) <= MOST


def test_a_device_of_long_ago_is_not_among_those_within_the_time(tmp_path: Path) -> None:
    """Also where there are more scans than are looked at: its newest is too old."""
    at, watcher = ready(tmp_path, "threshold", test="devices", n=3, days=1)
    start = END - 3 * DAY
    many = [scan_row(0, 9, start + 1 + n, "bot") for n in range(MOST + 50)]
    store(at, [scan_row(0, 9, start, "a"), *many, scan_row(0, 9, start + DAY, "b")])
    watcher.step()
    assert raised(at) == {}
    at.scan(0, 9, start + DAY - 1, "late")
    watcher.step()
    assert raised(at)["threshold"].raised == start + DAY - 1


@pytest.mark.parametrize(
    "terms", [{"test": "radius", "km": 500}, {"test": "speed", "km": 500, "kmh": 1000}]
)
def test_a_phone_that_scans_without_end_hides_no_place(
    tmp_path: Path, terms: dict[str, object]
) -> None:
    """Where another device was before counts as if it had not scanned."""
    at, watcher = ready(tmp_path, "threshold", days=7, **terms)
    many = [scan_row(0, 9, END - 2000 + n, "bot", **gps(31.2, 117.3)) for n in range(MOST + 50)]
    store(at, [scan_row(0, 9, END - 2001, "a", **gps(31.2, 121.5)), *many])
    watcher.step()
    assert raised(at) == {}
    at.scan(0, 9, END - 900, "c", **gps(31.2, 113.0))
    watcher.step()
    assert kept(at, raised(at)["threshold"])["alert"]["finding"]["evidence"]["scans"] == 2


def test_a_phone_that_hits_a_cause_without_end_hides_no_device(tmp_path: Path) -> None:
    """Of a rule that counts devices: at the fourth, not the third; no hit is kept for nothing."""
    at, watcher = ready(tmp_path, "out_of_market", n=4, days=7)
    with transaction(at.engine) as session:
        markets.put(session, 1, "a person", BRAND, 3, markets.Terms("the east", (31, 32)))
    outside = {"region": 44, "loc_src": "gps"}
    devices = ["a", *["bot"] * (MOST + 50), "b"]
    made = enumerate(devices)
    store(at, [scan_row(0, n % 5, END - 3000 + n, device, **outside) for n, device in made])
    watcher.step()
    assert raised(at) == {}
    with reading(at.engine) as session:
        hits = session.scalars(select(RuleHit.device).order_by(RuleHit.time)).all()
    assert (hits[0], hits[-1]) == ("a", "b")
    assert len(hits) < MOST
    at.scan(0, 3, END - 100, "c", **outside)
    watcher.step()
    alert = raised(at)["out_of_market"]
    assert alert.raised == END - 100
    assert alert.body["sentence"].startswith("4 devices")
    assert len(kept(at, alert)["scans"]) <= MOST


def test_one_halfway_hides_no_speed(tmp_path: Path) -> None:
    """810 km in two minutes by two devices, whoever scanned between them; 405 km are not 500."""
    at, watcher = ready(tmp_path, "threshold", test="speed", km=500, kmh=1000, days=1)
    at.scan(0, 9, END - 900, "A", **gps(31.2, 121.5))
    at.scan(0, 9, END - 840, "B", **gps(31.2, 117.25))
    watcher.step()
    assert raised(at) == {}
    at.scan(0, 9, END - 780, "C", **gps(31.2, 113.0))
    watcher.step()
    alert = raised(at)["threshold"]
    assert (alert.raised, alert.scans, alert.goods_high) == (END - 780, 2, 2)
    assert len(kept(at, alert)["scans"]) == 3


@pytest.mark.parametrize(("made", "fires"), [(END - 900, True), (END - 780 - 3600, False)])
def test_a_late_scan_is_the_first_of_a_pair(tmp_path: Path, made: int, fires: bool) -> None:
    """What was made before it and came after is compared with it, across the one in between."""
    at, watcher = ready(tmp_path, "threshold", test="speed", km=500, kmh=1000, days=1)
    at.scan(0, 9, END - 840, "B", **gps(31.2, 117.25))
    at.scan(0, 9, END - 780, "C", **gps(31.2, 113.0))
    at.scan(0, 9, END - 700, "D", **gps(31.2, 113.0))
    watcher.step()
    assert raised(at) == {}
    at.scan(0, 9, made, "A", **gps(31.2, 121.5))
    watcher.step()
    assert bool(raised(at)) is fires
    if fires:
        alert = raised(at)["threshold"]
        assert (alert.raised, alert.last, alert.scans) == (END - 780, END - 700, 3)
        assert len(kept(at, alert)["scans"]) == 3


def crowded(seed: int) -> list[Scan]:
    """Scans of three codes by some devices, of which one scans most; a tenth come late."""
    random, now, rows = Random(seed), END - 20 * DAY, []
    for _ in range(150):
        now += int(random.expovariate(1 / 7200))
        made = now - random.randrange(3 * DAY) if random.random() < 0.1 else now
        device = "bot" if random.random() < 0.6 else f"phone {random.randrange(20)}"
        place = gps(random.choice([31.2, 39.9]), 118.0) if random.random() < 0.2 else {}
        rows.append(scan_row(0, random.randrange(3), made, device, final_at=now, **place))
    return rows


@pytest.mark.parametrize(("most", "seed"), [(4, 1), (4, 2), (MOST, 3)])
def test_what_is_asked_once_a_pass_is_what_each_scan_would_ask(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seed: int, most: int
) -> None:
    """One pass over all scans raises what a pass for each does, with many scans and with few."""
    monkeypatch.setattr(watch_past, "MOST", most)
    told = []
    for size in (150, 1):
        folder = tmp_path / str(size)
        folder.mkdir()
        at, watcher = ready(folder, "threshold", test="devices", n=4, days=1)
        rules: list[dict[str, object]] = [
            {"test": "scans", "n": 4, "days": 0.5},
            {"test": "devices", "n": 3, "days": 3},
            {"test": "radius", "km": 500, "days": 2},
            {"test": "speed", "km": 500, "kmh": 30, "days": 10},
        ]
        with transaction(at.engine) as session:
            for number, terms in enumerate(rules):
                alerts_rules.put(session, "a person", 1, BRAND, f"{number}", "threshold", terms)
        rows = crowded(seed)
        for start in range(0, len(rows), size):
            store(at, rows[start : start + size])
            watcher.step()
        with reading(at.engine) as session:
            alerts = session.scalars(select(Alert).order_by(Alert.key)).all()
            assert all(recompute(evidence_of(session, alert.id)).holds for alert in alerts)
            told.append([(a.key, a.raised, a.last, a.scans, a.body) for a in alerts])
    assert told[0] == told[1]
    assert len(told[0]) > 8


def asked(at: Board, watcher: Watcher, rows: Sequence[Scan]) -> int:
    """Return how many statements a pass over some scans takes."""
    store(at, rows)
    statements = []
    event.listen(at.engine, "before_cursor_execute", lambda *given: statements.append(given[2]))
    watcher.step()
    return len(statements)


def test_statements_do_not_grow_with_the_rules(tmp_path: Path) -> None:
    """Two more a scan for one rule, and for fifty; no more either for scans of a code that was
    scanned before, for one that comes late, or for those that are counted on what is raised."""
    counts = {}
    for rules in (0, 1, 50):
        folder = tmp_path / str(rules)
        folder.mkdir()
        at = board(folder)
        pack(at, HONEST, lots=(0,))
        with transaction(at.engine) as session:
            for number in range(rules):
                terms = {"test": "scans", "n": 4, "days": 1 + number}
                alerts_rules.put(session, "a person", 1, BRAND, f"{number}", "threshold", terms)
        watcher = Watcher(at.site, 0.05)
        store(at, [scan_row(0, 9, END - 900, "before")])
        watcher.step()
        own = [scan_row(0, item, END - 800 + item, "phone") for item in range(10, 30)]
        same = [scan_row(0, 9, END - 700 + n, f"phone {n}") for n in range(2)]
        counts[rules] = [asked(at, watcher, own), asked(at, watcher, same)]
        store(at, [scan_row(0, 9, END - 600, "the fourth")])
        watcher.step()
        with reading(at.engine) as session:
            assert session.scalar(select(func.count()).select_from(Alert)) == rules
        store(at, [scan_row(0, 8, END - 500, "on")])
        watcher.step()
        counts[rules] += [
            asked(at, watcher, [scan_row(0, 8, END - 5000, "offline")]),
            asked(at, watcher, [scan_row(0, 9, END - 500 + n, "on") for n in range(3)]),
        ]
    assert counts[1] == counts[50]
    assert counts[1][0] == counts[0][0] + 2 * 20


def test_a_threshold_names_the_goods_of_its_code(tmp_path: Path) -> None:
    """Lot and consignee, by which it is found and excepted; neither where they are not known."""
    at, watcher = ready(tmp_path, "threshold", test="devices", n=2, days=1)
    with transaction(at.engine) as session:
        rule = alerts_rules.named(session, BRAND, "mine", 1).id
        cover = alerts_exceptions.Cover(lots=["DEMO-1"], consignees=[party_of(1)])
        dates = (END - 1000, END - 500)
        alerts_exceptions.add(session, 1, "a person", BRAND, "a promotion", dates, cover)
    for lot, item, time in ((0, 9, END - 900), (0, 10, END - 400), (1, 9, END - 900)):
        for number in range(2):
            at.scan(lot, item, time + number, f"phone {number}")
    watcher.step()
    with reading(at.engine) as session:
        found = session.scalars(select(Alert).order_by(Alert.id)).all()
    assert [(one.key, one.lot, one.consignee, one.state) for one in found] == [
        (f"{BRAND}/threshold/{rule}/{GTIN:014d}/0-9", "DEMO-1", party_of(1), "closed"),
        (f"{BRAND}/threshold/{rule}/{GTIN:014d}/0-10", "DEMO-1", party_of(1), "open"),
        (f"{BRAND}/threshold/{rule}/{GTIN:014d}/1-9", None, None, "open"),
    ]
    told = kept(at, found[1])["alert"]
    assert (told["lot"], told["consignee"]) == ("DEMO-1", party_of(1))


def test_a_brand_has_fifty_rules_of_its_own(tmp_path: Path) -> None:
    """And no more, which says what to do; those that there are may be changed, as those that are
    built in, and another brand has its own."""
    at, _ = ready(tmp_path, "threshold", test="scans", n=2, days=7)

    def put(name: str, kind: str = "threshold", n: int = 2, brand: int = BRAND) -> None:
        terms = {"n": n, "days": 7, **({"test": "scans"} if kind == "threshold" else {})}
        with transaction(at.engine) as session:
            alerts_rules.put(session, "a person", 1, brand, name, kind, terms)

    for number in range(49):
        put(f"{number}")
    with pytest.raises(Rejected, match="change or remove one") as error:
        put("one more")
    assert error.value.code == "TOO_MANY_RULES"
    put("mine", n=3)
    put("out_of_market", "out_of_market", n=3)
    put("one more", brand=BRAND + 1)
    with transaction(at.engine) as session:
        alerts_rules.remove(session, "a person", 1, alerts_rules.named(session, BRAND, "7", 1))
    put("one more")
    with pytest.raises(Rejected):
        put("and another")
