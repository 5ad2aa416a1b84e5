"""Goods of a consignment that are sold in the same place after a diversion was raised."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

from ledger.db.alerting import AlertChange, RuleHit
from ledger.db.engine import open_database, reading, transaction
from ledger.db.models import Alert
from ledger.domain.regions import REGIONS
from ledger.services.alerting import alerts
from ledger.services.alerting.watch import Watcher
from ledger.services.alerting.watch_joined import DAYS, JOINS
from ledger.services.scans import OFFLINE_S
from ledger.services.worlds.world import demo_world
from ledger.services.worlds.world_plan import PALLETS
from tests.services.watch_world import END, Board, Clock, board, pack_and_store, raised, sscc, watch

WORLD = demo_world(2, False, 0.25)
TRUTH = WORLD.diverted
assert TRUTH is not None
LOT = WORLD.lots[TRUTH.lot]
DAY = 86_400
# A pallet that the same party was sent.
OTHER = next(
    at
    for at in range(PALLETS)
    if at != TRUTH.pallet and LOT.distributor_of(at) == TRUTH.distributor
)
FIRST = OTHER * LOT.cases_per_pallet
SCANNED = {scan.item for scan in WORLD.scans if scan.lot == TRUTH.lot}


def unscanned(number: int) -> list[int]:
    """Return the items of a case of the lot that nobody has scanned yet."""
    start = number * LOT.case_size
    return [item for item in range(start, start + LOT.case_size) if item not in SCANNED]


CASES = [
    number
    for number in range(FIRST, FIRST + LOT.cases_per_pallet)
    if len(unscanned(number)) > JOINS + 1
]


def items(case: int) -> list[int]:
    """Return unscanned items of one of the other pallet's cases."""
    return unscanned(CASES[case])


@dataclass
class Case:
    """An installation in which a pallet's diversion was raised."""

    at: Board
    watcher: Watcher
    before: Alert

    def sell(self, item: int, device: str, time: int = END + DAY, **changes: Any) -> None:
        """Let an item be scanned where the diverted goods are sold, and watch."""
        assert TRUTH is not None
        place = REGIONS[TRUTH.region]
        where = {"loc_src": "gps", "lat": place.lat, "lon": place.lon, "acc_km": 1.0}
        row = {"region": TRUTH.region, **where, **changes}
        self.at.clock.now = max(self.at.clock.now, time + 1)
        self.at.scan(TRUTH.lot, item, time, device, **row)
        watch(self.at, self.watcher)

    def sell_case(self, case: int, time: int = END + DAY) -> None:
        """Let so many devices scan a case's items that it joins."""
        for number, item in enumerate(items(case)[:JOINS]):
            self.sell(item, f"buyer {case}/{number}/{time}", time)

    @property
    def now(self) -> Alert:
        """The alert as it stands."""
        return raised(self.at)["diversion"]

    @property
    def more(self) -> int:
        """How many scans came to it since."""
        return self.now.scans - self.before.scans

    def told(self) -> list[str]:
        """What the feed says of it since it was raised."""
        with reading(self.at.engine) as session:
            query = select(AlertChange.what).where(AlertChange.alert == self.before.id)
            return list(session.scalars(query.order_by(AlertChange.id)))[1:]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Board:
    """A world in which a pallet was diverted, watched to its end."""
    at = board(tmp_path_factory.mktemp("whole"))
    pack_and_store(at, WORLD)
    watch(at)
    return at


@pytest.fixture
def case(whole: Board, tmp_path: Path) -> Case:
    """The same world, for one test."""
    path, clock = tmp_path / "watched.db", Clock()
    with closing(sqlite3.connect(whole.site.home.path / path.name)) as source:
        source.execute("VACUUM INTO ?", (str(path),))
    site = replace(whole.site, engine=open_database(f"sqlite:///{path}"), clock=clock)
    at = Board(site, clock, whole.blocks)
    before = raised(at)["diversion"]
    assert "joined" not in before.body
    return Case(at, Watcher(at.site, 0.05), before)


def test_a_case_joins_at_the_third_device_with_a_third_item(case: Case) -> None:
    """Not by one phone with three items, nor by items that it scanned before them; then all that
    were counted are its, and all that come."""
    first, second, third, fourth, fifth, *_ = items(0)
    for item in (first, second, third):
        case.sell(item, "one phone")
    for number, device in enumerate("abc"):
        case.sell(first, device, END + DAY + 1 + number)
    case.sell(second, "b", END + DAY + 5)
    case.sell(fourth, "d", END + DAY + 6)
    assert (case.more, case.now.goods_high) == (0, case.before.goods_high)
    case.sell(fifth, "e", END + 2 * DAY)
    assert case.more == 9
    assert case.now.goods_high - case.before.goods_high == LOT.case_size
    assert case.now.goods_low - case.before.goods_low == 5
    unit = sscc(LOT.number, CASES[0])
    assert case.now.body["joined"] == [{"unit": unit, "time": END + 2 * DAY}]
    assert (case.now.last, case.now.body["evidence"]) == (
        END + 2 * DAY,
        case.before.body["evidence"],
    )
    case.sell(second, "f", END + 3 * DAY)
    assert (case.more, len(case.now.body["joined"])) == (10, 1)


@pytest.mark.parametrize(
    "changes",
    [
        {"weak": True},
        {"channel": "script"},
        {"region": min(set(REGIONS) - {TRUTH.region}), "loc_src": "ip_fixed"},
        {"time": END - DAYS * DAY},
    ],
    ids=["weak", "script", "elsewhere", "long-ago"],
)
def test_what_tells_nothing_does_not_count(case: Case, changes: dict[str, Any]) -> None:
    """Devices without a lasting name, scripts, other places, and what lies too far back."""
    for number, item in enumerate(items(0)[: JOINS - 1]):
        case.sell(item, f"buyer {number}")
    case.sell(items(0)[JOINS], "another", **changes)
    assert case.more == 0
    case.sell(items(0)[JOINS + 1], "the third")
    assert case.more == JOINS


def test_what_was_closed_stays_so_until_two_other_cases_join(case: Case) -> None:
    """Whatever is scanned of the goods that it named."""
    with transaction(case.at.engine) as session:
        alert = session.get_one(Alert, case.before.id)
        alerts.close(session, END, "a person", alert, "confirmed", "", 0.05)
    assert TRUTH is not None
    named = TRUTH.pallet * LOT.cases_per_pallet * LOT.case_size
    for number in range(10):
        case.sell(named + number, f"late buyer {number}")
    case.sell_case(0)
    assert (case.now.state, case.now.outcome) == (alerts.CLOSED, "confirmed")
    case.sell_case(1)
    assert (case.now.state, case.now.outcome) == (alerts.REGRESSED, None)
    assert case.told()[-2:] == ["closed", "regressed"]


def test_what_had_joined_before_it_was_closed_is_no_news(case: Case) -> None:
    """It was judged with them."""
    case.sell_case(0)
    case.sell_case(1)
    with transaction(case.at.engine) as session:
        alert = session.get_one(Alert, case.before.id)
        alerts.close(session, END + 2 * DAY, "a person", alert, "false", "a station", 0.05)
    case.sell_case(2, END + 3 * DAY)
    assert case.now.state == alerts.CLOSED
    case.sell_case(3, END + 3 * DAY)
    assert case.now.state == alerts.REGRESSED


def test_what_joins_wakes_what_was_archived(case: Case) -> None:
    """Until so many scans more."""
    with transaction(case.at.engine) as session:
        alert = session.get_one(Alert, case.before.id)
        alerts.archive(session, END, "a person", alert, until=None, more=JOINS)
    case.sell_case(0)
    assert case.now.state == alerts.REGRESSED


def test_a_worker_that_starts_again_counts_on(case: Case) -> None:
    """What was counted is kept, and counted once; what is too old for any case is not."""
    first, second, third, *_ = items(0)
    case.sell(first, "a")
    case.sell(second, "b")
    case.watcher = Watcher(case.at.site, 0.05)
    case.sell(third, "c")
    assert case.more == 3
    case.sell(items(1)[0], "d", END + DAY + DAYS * DAY + OFFLINE_S + 1)
    with reading(case.at.engine) as session:
        assert session.scalar(select(func.count()).select_from(RuleHit)) == 1
