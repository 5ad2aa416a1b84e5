"""The worker's watch: each scan looked at once, one alert a cause, evidence that computes again."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path

import pytest
from sqlalchemy import Engine, event, select
from sqlalchemy.orm import Session

from ledger.db.alerting import AlertChange, AlertEvidence
from ledger.db.engine import reading, transaction
from ledger.db.models import ChainEvent, Scan, WatchState
from ledger.detect import detect
from ledger.detect.guessers import UNKNOWN
from ledger.domain.gs1 import with_check_digit
from ledger.domain.regions import REGIONS
from ledger.errors import Broken
from ledger.services.alerting import alerts, alerts_rules
from ledger.services.alerting.alerts_again import looks
from ledger.services.alerting.alerts_evidence import evidence_of
from ledger.services.alerting.alerts_picture import picture
from ledger.services.alerting.alerts_words import sentence
from ledger.services.alerting.watch import Watcher
from ledger.services.alerting.watch_consignments import GROWING
from ledger.services.scans import PAGE_WAIT_S
from ledger.services.worlds.world import demo_world
from ledger.services.worlds.world_frame import world_frames
from ledger.services.worlds.world_plan import PALLETS
from tests.services.watch_world import (
    BRAND,
    END,
    GTIN,
    SHIPPED,
    Board,
    board,
    demo_row,
    lot_name,
    pack,
    pack_and_store,
    pallet_of,
    party_of,
    raised,
    scan_row,
    sscc,
)

WORLD = demo_world(2, False, 0.25)
HONEST = demo_world(3, True, 0.15)
DAY = 86_400


def feed(at: Board, rows: Sequence[Scan], parts: int) -> Watcher:
    """Store scans in parts, as they come, with a pass of the watcher after each."""
    watcher = Watcher(at.site, 0.05)
    size = -(-len(rows) // parts)
    for start in range(0, len(rows), size):
        with transaction(at.engine) as session:
            session.add_all(rows[start : start + size])
        while watcher.is_due():
            watcher.step()
    return watcher


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Board:
    """A world with a diverted pallet and a copied code, watched in thirty passes."""
    at = board(tmp_path_factory.mktemp("watched"))
    pack(at, WORLD)
    feed(at, [demo_row(scan) for scan in WORLD.scans], 30)
    return at


def test_the_passes_make_no_difference(watched: Board, tmp_path: Path) -> None:
    """One pass over all scans raises what thirty did: the same causes at the same scans."""
    at = board(tmp_path)
    pack(at, WORLD)
    feed(at, [demo_row(scan) for scan in WORLD.scans], 1)

    def told(board: Board) -> list[tuple[str, int, dict[str, object], int]]:
        return sorted((row.key, row.raised, row.body, row.scans) for row in raised(board).values())

    assert told(at) == told(watched)


def test_the_cheats_are_found_live_as_in_a_backtest(watched: Board) -> None:
    """The same causes, named with what only this installation knows."""
    found = {one.kind: one for one in detect(*world_frames(WORLD))}
    live = raised(watched)
    assert set(live) == set(found) == {"diversion", "clone"}
    truth = WORLD.diverted
    assert truth is not None
    alert = live["diversion"]
    assert (alert.lot, alert.region, alert.consignee) == (
        lot_name(truth.lot),
        truth.region,
        party_of(truth.distributor),
    )
    size = WORLD.lots[truth.lot].cases_per_pallet
    pallet = {sscc(truth.lot, truth.pallet * size + case) for case in range(size)}
    assert set(alert.body["evidence"]["units"]) <= pallet


@pytest.mark.parametrize("kept", [True, False], ids=["kept-back", "passed-on"])
def test_who_has_most_likely_leaked_is_said(tmp_path: Path, kept: bool) -> None:
    """Whoever had the pallet last by the ledger: a distributor that passed on all but this one, or
    the store that got it; in figures, in the sentence, and in both languages."""
    at = board(tmp_path)
    pack(at, WORLD)
    truth = WORLD.diverted
    assert truth is not None
    owner, stores = party_of(truth.distributor), [party_of(4), party_of(5)]
    whole = WORLD.lots[truth.lot]
    for number in range(PALLETS):
        diverted = number == truth.pallet
        if whole.distributor_of(number) == truth.distributor and not (kept and diverted):
            unit = pallet_of(truth.lot, number)
            at.ship(unit, owner, stores[not diverted], SHIPPED + DAY + number)
    feed(at, [demo_row(scan) for scan in WORLD.scans], 1)
    alert = raised(at)["diversion"]
    first, *others = alert.body["evidence"]["leakers"]
    who = ("consignee", owner) if kept else ("store", stores[0])
    assert (first["level"], first["number"]) == who
    assert first["probability"] > 0.99 > 0.01 > sum(one["probability"] for one in others)
    with reading(at.engine) as session:
        told = evidence_of(session, alert.id)
    said = f"if diverted, most likely by {who[0]} {who[1]} (over 99 %)"
    assert said in sentence(told, "en")
    party = "首个收货方" if kept else "门店"
    assert f"最可能流出自{party}{who[1]}（超过99%）" in sentence(told, "zh")


def test_a_sentence_names_the_lot_as_it_is_printed(watched: Board) -> None:
    """Not by the chain's number, and the province by its name."""
    for alert in raised(watched).values():
        if alert.kind == "diversion":
            assert alert.region is not None
            where = f"lot {alert.lot} seen in {REGIONS[alert.region].en}, outside its territory"
            assert where in alert.body["sentence"]
        assert "lot 7" not in alert.body["sentence"] and "lot 8" not in alert.body["sentence"]


def test_a_cause_is_one_alert_that_goes_on_counting(watched: Board) -> None:
    """Scans after the one that tipped it belong to it; the feed tells of doublings, not of each."""
    for alert in raised(watched).values():
        assert alert.scans > alert.body["evidence"]["scans"]
        assert alert.last > alert.raised
        with reading(watched.engine) as session:
            query = select(AlertChange.what).where(AlertChange.alert == alert.id)
            told = session.scalars(query.order_by(AlertChange.id)).all()
        assert told[0] == "raised"
        assert set(told[1:]) <= {"updated"} and len(told) < alert.scans / 3


def test_the_evidence_computes_the_alert_again(watched: Board) -> None:
    """From the document alone: every look of the test, the last of them the alert's."""
    alert = raised(watched)["diversion"]
    with reading(watched.engine) as session:
        told = evidence_of(session, alert.id)
    assert looks(told) == told["looks"]
    finding = told["alert"]["finding"]
    inside = {row[0]: row for row in told["scans"]}
    region, seen = told["columns"].index("region"), told["columns"].index("seen")
    regions = {row[region] == alert.region for row in told["scans"]}
    assert regions == {True, False}, "in and out of the cell"
    assert max(row[seen] for row in told["scans"]) <= alert.raised, "nothing of the future"
    assert told["looks"][-1][0] in inside
    price = finding["evidence"]["log_price"]
    assert told["looks"][-1][1] == pytest.approx(finding["e_value"] * 2.718281828**price, rel=1e-2)


def test_evidence_that_was_altered_is_noticed(watched: Board) -> None:
    """By its hash."""
    alert = raised(watched)["clone"]
    with transaction(watched.engine) as session:
        row = session.get_one(AlertEvidence, alert.id)
        kept, row.body = row.body, row.body[:-9]
    with reading(watched.engine) as session, pytest.raises(Broken, match="altered"):
        evidence_of(session, alert.id)
    with transaction(watched.engine) as session:
        session.get_one(AlertEvidence, alert.id).body = kept


def test_the_picture_says_which_and_where(watched: Board) -> None:
    """A bar for each case that was scanned there, the named ones marked; a dot for each scan."""
    with reading(watched.engine) as session:
        for alert in raised(watched).values():
            told = evidence_of(session, alert.id)
            drawn = picture(told, 480)
            assert alert.body["sentence"][:40] in drawn
            if alert.kind == "diversion":
                cases = [case["sscc"] for case in told["consignment"]["cases"]]
                named = [sscc in alert.body["evidence"]["units"] for sscc in cases]
                runs = sum(one and not before for before, one in pairwise([False, *named]))
                assert drawn.count('fill="#fbe3e1"') == runs > 0
            else:
                assert drawn.count("<circle") == len(told["scans"])


def test_a_worker_that_starts_again_raises_nothing_twice(
    watched: Board, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its memory is built from the scans; what was raised stays one alert."""
    before = raised(watched)
    watcher, more = Watcher(watched.site, 0.05), []
    with monkeypatch.context() as patch:
        patch.setattr("ledger.services.alerting.watch.REMEMBERED", 100)
        while watcher.is_due():
            assert watcher.step() == 0
            more.append(watcher.has_more)
    assert len(more) >= 3, "it remembers in parts, and lets the worker work between them"
    assert more == [True] * (len(more) - 1) + [False]
    after = raised(watched)
    assert {k: (v.id, v.scans) for k, v in after.items()} == {
        k: (v.id, v.scans) for k, v in before.items()
    }


def test_a_pass_that_dies_is_made_again(tmp_path: Path) -> None:
    """Nothing of it is kept; the next finds the same."""
    at = board(tmp_path)
    pack_and_store(at, WORLD)
    watcher = Watcher(at.site, 0.05)
    with at.engine.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE alert_change RENAME TO away")
    with pytest.raises(Exception, match="alert_change"):
        while watcher.is_due():
            watcher.step()
    with at.engine.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE away RENAME TO alert_change")
    while watcher.is_due():
        watcher.step()
    assert set(raised(at)) == {"diversion", "clone"}


def test_two_watchers_count_a_scan_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One that has looked at scans which another was faster with keeps nothing of them; what one
    finds, and how far it has come, is kept at once."""
    at = board(tmp_path)
    with transaction(at.engine) as session:
        terms = {"test": "devices", "n": 2, "days": 1}
        alerts_rules.put(session, "a person", 1, BRAND, "two", "threshold", terms)
    for number in range(7):
        at.scan(0, 9, END - 900 + number, f"phone {number}")
    late, faster, units = Watcher(at.site, 0.05), Watcher(at.site, 0.05), 0

    @contextmanager
    def between(engine: Engine) -> Iterator[Session]:
        nonlocal units
        units += 1
        if units == 1:
            assert faster.step() == 1
            assert units == 2, "all in one"
            at.scan(0, 9, END - 800, "one more")
        with transaction(engine) as session:
            yield session

    monkeypatch.setattr("ledger.services.alerting.watch.transaction", between)
    assert late.step() == 0
    with reading(at.engine) as session:
        assert session.get_one(WatchState, 1).scan == 7
    assert raised(at)["threshold"].scans == 7
    while late.is_due():
        late.step()
    assert raised(at)["threshold"].scans == 8


def test_an_honest_world_raises_nothing(tmp_path: Path) -> None:
    """Neither the detectors nor the rules that are on from the start."""
    at = board(tmp_path)
    pack(at, HONEST)
    feed(at, [demo_row(scan) for scan in HONEST.scans], 5)
    assert raised(at) == {}


def test_a_pass_asks_no_more_of_a_longer_history(tmp_path: Path) -> None:
    """As many statements for the last part of the scans as for the first."""
    at = board(tmp_path)
    pack(at, HONEST)
    rows = [demo_row(scan) for scan in HONEST.scans][:400]
    watcher = Watcher(at.site, 0.05)
    counts: list[int] = []

    def counted(*_: object) -> None:
        counts[-1] += 1

    event.listen(at.engine, "before_cursor_execute", counted)
    for start in range(0, 400, 40):
        counts.append(0)
        with transaction(at.engine) as session:
            session.add_all(rows[start : start + 40])
        watcher.step()
    assert max(counts[-4:]) <= max(counts[1:5])


def test_a_scan_that_may_still_get_a_place_waits(tmp_path: Path) -> None:
    """And those after it with it, so that each is looked at once, whole."""
    at = board(tmp_path)
    at.scan(0, 1, END - 50, "a", final_at=END - 20)
    at.scan(0, 2, END - 40, "b", final_at=END + 30)
    at.scan(0, 3, END - 30, "c", final_at=END - 30)
    watcher = Watcher(at.site, 0.05)
    assert watcher.is_due()
    watcher.step()
    assert not watcher.is_due()
    with reading(at.engine) as session:
        assert session.get_one(WatchState, 1).scan == 1
    at.clock.now = END + 30
    assert watcher.is_due()
    watcher.step()
    with reading(at.engine) as session:
        assert session.get_one(WatchState, 1).scan == 3


def test_an_alert_comes_within_a_minute_of_the_scan_that_tips_it(tmp_path: Path) -> None:
    """By the worker's clock, at one step a second, while others go on scanning pages that may each
    get a place for half a minute."""
    at = board(tmp_path)
    pack(at, HONEST, lots=(0,))
    with transaction(at.engine) as session:
        terms = {"test": "devices", "n": 3, "days": 1}
        alerts_rules.put(session, "a person", 1, BRAND, "three", "threshold", terms)
    watcher = Watcher(at.site, 0.05)
    begin, tips = END - 200, 90
    for second in range(180):
        now = at.clock.now = begin + second
        at.scan(5, second, now, f"passer-by {second}", final_at=now + PAGE_WAIT_S)
        if second in (10, 50, tips):
            at.scan(0, 7, now, f"phone {second}", final_at=now + PAGE_WAIT_S)
        if watcher.is_due():
            watcher.step()
        if raised(at):
            break
    alert = raised(at)["threshold"]
    assert (alert.raised, alert.scans) == (begin + tips, 3)
    assert at.clock.now - alert.raised <= 60


def test_a_code_that_is_scanned_without_end_costs_no_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of one code, and of one guesser, only the first scans are remembered; all are counted."""
    monkeypatch.setattr("ledger.services.alerting.watch_frame.MOST_OF_ONE", 40)
    monkeypatch.setattr("ledger.services.alerting.watch_frame.MOST", 10)
    at = board(tmp_path)
    pack(at, HONEST, lots=(0,))
    with transaction(at.engine) as session:
        terms = {"test": "devices", "n": 5, "days": 1}
        alerts_rules.put(session, "a person", 1, BRAND, "five", "threshold", terms)
        session.add_all(scan_row(0, 7, END - 900 + n, f"phone {n}") for n in range(300))
        session.add_all(scan_row(-1, n, END - 500 + n, "guesser") for n in range(300))
    watcher = Watcher(at.site, 0.05)
    watcher.step()
    seen = watcher._seen
    names = seen.brands[BRAND].names
    assert (len(names.devices), len(names.codes)) == (41, 1 + UNKNOWN)
    assert raised(at)["threshold"].scans == 300
    assert raised(at)["guess"].scans == 300
    again = Watcher(at.site, 0.05)
    while again.is_due():
        again.step()
    assert again._seen.brands[BRAND].names.devices == names.devices


def test_whoever_takes_a_new_name_for_each_guess_costs_no_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who tries fewer codes than a guesser has no number, and is forgotten when others have tried
    since; who is one is told of as if there were no others."""
    monkeypatch.setattr("ledger.services.alerting.watch_frame.HELD", 10)
    monkeypatch.setattr("ledger.services.alerting.watch.GTINS", 5)
    told = []
    for others in (0, 40):
        (tmp_path / str(others)).mkdir()
        at = board(tmp_path / str(others))
        # Of every other one the GTIN is nobody's.
        stems = [GTIN // 10 + 1_000_000 * n * (n % 2) for n in range(others)]
        gtins = [int(with_check_digit(f"{stem:013d}")) for stem in stems]
        rows = [scan_row(-1, n, END - 990, f"cookie {n}", gtin=gtins[n]) for n in range(others)]
        rows += [scan_row(-1, n, END - 900 + n, "guesser") for n in (5, 6)]
        rows += [scan_row(-1, 6, END - 800, "guesser")]
        rows += [scan_row(-1, n, END - 950, f"late cookie {n}") for n in range(others // 5)]
        rows += [scan_row(-1, n, END - 700 + n, "guesser") for n in range(7, 5 + UNKNOWN)]
        with transaction(at.engine) as session:
            session.add_all(rows)
        watcher = Watcher(at.site, 0.05)
        while watcher.is_due():
            watcher.step()
        names = watcher._seen.brands[BRAND].names
        assert names is not None
        assert (len(names.codes), len(names.devices)) == (UNKNOWN, 1)
        assert len(names._held) == min(others, 9) and len(names.late) == others // 5
        assert len(watcher._seen.brand_of) <= 5
        alert = raised(at)["guess"]
        told.append((alert.key, alert.raised, alert.scans, alert.body))
    assert told[0] == told[1]


def test_devices_without_a_lasting_name_are_no_evidence_for_a_detector(tmp_path: Path) -> None:
    """Else one person without cookies would be a crowd by and by."""
    at = board(tmp_path)
    pack(at, WORLD)
    rows = [demo_row(scan) for scan in WORLD.scans]
    for row in rows:
        row.weak = True
    feed(at, rows, 1)
    assert raised(at) == {}


def test_a_scan_made_offline_counts_when_it_comes(tmp_path: Path) -> None:
    """What was said before it stands; the evidence says when it was made and when seen."""
    at = board(tmp_path)
    watcher = Watcher(at.site, 0.05)
    before = [END - 60] * (UNKNOWN - 3)
    for number, time in enumerate((*before, END - 50, END - 3 * DAY, END - 40)):
        at.scan(-1, number, time, "guesser")
    watcher.step()
    alert = raised(at)["guess"]
    assert (alert.brand, alert.raised) == (BRAND, END - 40)
    with reading(at.engine) as session:
        told = evidence_of(session, alert.id)
    names = told["columns"].index("time"), told["columns"].index("seen")
    assert [tuple(row[at] for at in names) for row in told["scans"][-3:]] == [
        (END - 50, END - 50), (END - 3 * DAY, END - 50), (END - 40, END - 40),
    ]  # fmt: skip


def test_goods_shipped_after_the_first_scan_are_a_consignment_of_their_own(tmp_path: Path) -> None:
    """A test that runs is not given other cases; codes are found in both."""
    at = board(tmp_path)
    pack(at, HONEST)
    with transaction(at.engine) as session:
        late = pallet_of(0, 1)
        for event in session.scalars(select(ChainEvent).where(ChainEvent.identity == late)):
            session.delete(event)
    size = HONEST.lots[0].case_size * HONEST.lots[0].cases_per_pallet
    watcher = Watcher(at.site, 0.05)
    at.scan(0, 1, END - 100, "a")
    watcher.step()
    seen = watcher._seen
    before = len(seen.goods.consignments)
    assert seen.goods.place(1, size) is None
    at.blocks += 100
    at.ship(late, BRAND, party_of(1), END - 90)
    at.scan(0, size, END - 80, "b")
    watcher.step()
    first, second = seen.goods.place(1, 1), seen.goods.place(1, size)
    assert first is not None and second is not None
    assert len(seen.goods.consignments) == before + 1 == second.row + 1
    numbers = [
        number
        for one in seen.goods.consignments
        if one.lot.number == 7 and one.first != GROWING
        for number in range(one.first, one.first + len(one.cases))
    ]
    assert len(numbers) == len(set(numbers))


def test_the_dial_that_is_turned_holds_for_all_scans(tmp_path: Path) -> None:
    """Raised at once if the new rate allows it; alerts that were raised stay."""
    at = board(tmp_path)
    pack(at, WORLD)
    with transaction(at.engine) as session:
        alerts_rules.turn_dial(session, "a person", 1, BRAND, 1e-200, False)
    watcher = feed(at, [demo_row(scan) for scan in WORLD.scans], 3)
    assert raised(at) == {}
    with transaction(at.engine) as session:
        alerts_rules.turn_dial(session, "a person", 2, BRAND, 0.05, False)
    watcher.step()
    while watcher.is_due():
        watcher.step()
    assert set(raised(at)) == {"diversion", "clone"}
    assert {alert.state for alert in raised(at).values()} == {alerts.OPEN}
