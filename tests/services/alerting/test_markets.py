"""A market is a set of regions that a brand states: for alerts, diversion and consumers."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from ledger.db.engine import open_database, transaction
from ledger.db.models import AuditEntry, Profile
from ledger.domain.regions import REGIONS
from ledger.errors import Rejected
from ledger.services.alerting import markets
from ledger.services.alerting.watch import Watcher
from ledger.services.scan_facts import Place
from ledger.services.worlds.world import demo_world
from tests.services.watch_world import (
    BRAND,
    END,
    SHIPPED,
    Board,
    board,
    pack_and_store,
    raised,
    watch,
)

EAST = markets.Terms("the east", (32, 31, 32))
WORLD = demo_world(2, False, 0.25)


@pytest.fixture
def session(tmp_path: Path) -> Iterator[Session]:
    """A unit of work on an empty database."""
    engine = open_database(f"sqlite:///{tmp_path / 'markets.db'}")
    with Session(engine) as opened:
        yield opened
    engine.dispose()


def test_a_market_is_what_was_stated_last(session: Session) -> None:
    """Of each brand by itself; who said so is in the audit log."""
    markets.put(session, 1, "p", BRAND, 3, EAST)
    assert markets.stated(session, BRAND) == {3: frozenset({31, 32})}
    markets.put(session, 2, "p", BRAND, 3, markets.Terms("all of it", (), "CN"))
    assert markets.stated(session, BRAND) == {3: frozenset(REGIONS)}
    assert markets.stated(session, BRAND + 1) == {}
    markets.remove(session, 3, "p", BRAND, 3)
    assert markets.listing(session, 0) == []
    told = session.scalars(select(AuditEntry.what).order_by(AuditEntry.id)).all()
    assert told == ["market set", "market set", "market remove"]
    with pytest.raises(Rejected, match="Nothing is stated"):
        markets.remove(session, 3, "p", BRAND, 3)


def test_where_resale_is_free_nothing_is_outside(session: Session) -> None:
    """Neither for an alert nor for a consumer."""
    markets.put(session, 1, "p", BRAND, 3, markets.Terms("free", (31,), free=True))
    assert (markets.stated(session, BRAND), markets.free(session, BRAND)) == ({}, {3})


@pytest.mark.parametrize(
    ("number", "terms"),
    [
        (0, EAST),
        (256, EAST),
        (3, markets.Terms("", (31,))),
        (3, markets.Terms("x" * 101, (31,))),
        (3, markets.Terms("none")),
        (3, markets.Terms("odd", (99,))),
        (3, markets.Terms("odd", (), "XX")),
        (3, markets.Terms("both", (31,), free=True, tells=True)),
    ],
)
def test_what_is_no_market_is_refused(session: Session, number: int, terms: markets.Terms) -> None:
    """And nothing is kept."""
    with pytest.raises(Rejected) as error:
        markets.put(session, 1, "p", BRAND, number, terms)
    assert (error.value.code, markets.listing(session, 0)) == ("BAD_MARKET", [])


@pytest.mark.parametrize(
    ("source", "region", "outside"),
    [
        ("gps", 44, True),
        ("ip_fixed", 44, True),
        ("ip_mobile", 44, False),
        ("none", 44, False),
        ("gps", 31, False),
        ("gps", None, False),
        ("gps", 99, False),
    ],
)
def test_outside_is_only_what_is_certainly_so(
    session: Session, source: str, region: int | None, outside: bool
) -> None:
    """A consumer is told where the brand wants it; a market that nobody stated has no outside."""
    place = Place(source, 23.1, 113.3, 1.0, region)
    assert not markets.is_outside(None, source, region)
    assert not markets.tells(session, BRAND, 3, place)
    markets.put(session, 1, "p", BRAND, 3, EAST)
    assert markets.is_outside(markets.stated(session, BRAND)[3], source, region) is outside
    assert not markets.tells(session, BRAND, 3, place), "the brand has not asked for it"
    told = markets.Terms("the east", (31, 32), tells=True)
    markets.put(session, 1, "p", BRAND, 3, told)
    assert markets.tells(session, BRAND, 3, place) is outside
    assert not markets.tells(session, BRAND, 0, place)
    assert not markets.tells(session, BRAND, 3, None)


def watched(at: Board) -> set[str]:
    """Watch a world with a diversion; return the kinds of alerts."""
    pack_and_store(at, WORLD)
    watch(at)
    return set(raised(at))


def nowhere(at: Board) -> None:
    """Take all territories away."""
    with transaction(at.engine) as session:
        for row in session.scalars(select(Profile)):
            row.regions = []


def test_goods_of_a_market_are_tested_by_it_where_no_territory_binds(tmp_path: Path) -> None:
    """A consignee without a territory may sell in the lot's market, and not outside it."""
    truth = WORLD.diverted
    assert truth is not None
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    at = board(tmp_path / "a")
    nowhere(at)
    assert "diversion" not in watched(at)
    at = board(tmp_path / "b")
    nowhere(at)
    home = tuple(set(REGIONS) - {truth.region})
    with transaction(at.engine) as session:
        markets.put(session, 1, "p", BRAND, 3, markets.Terms("but one", home))
    assert "diversion" in watched(at)
    assert raised(at)["diversion"].region == truth.region


def test_goods_of_a_free_market_are_not_tested(tmp_path: Path) -> None:
    """Whatever the territory of whoever got them."""
    at = board(tmp_path)
    with transaction(at.engine) as session:
        markets.put(session, 1, "p", BRAND, 3, markets.Terms("free", (31,), free=True))
    assert watched(at) == {"clone"}


def test_a_market_that_is_stated_later_holds_for_all_scans(tmp_path: Path) -> None:
    """As a dial that is turned: all is looked at anew; a party that is new changes nothing."""
    at = board(tmp_path)
    nowhere(at)
    truth = WORLD.diverted
    assert truth is not None and "diversion" not in watched(at)
    watcher = Watcher(at.site, 0.05)
    while watcher.is_due():
        watcher.step()
    seen = watcher._seen
    with transaction(at.engine) as session:
        session.add(Profile(party=77, name_en="new", name_zh="new", regions=[31]))
    watcher.step()
    assert watcher._seen is seen, "nothing that is known has moved"
    home = tuple(set(REGIONS) - {truth.region})
    with transaction(at.engine) as session:
        markets.put(session, 1, "p", BRAND, 3, markets.Terms("but one", home))
    watcher.step()
    while watcher.is_due():
        watcher.step()
    assert "diversion" in raised(at)


@pytest.mark.parametrize(
    ("first", "until", "found"),
    [
        (markets.Terms("all", (), "CN"), END, False),
        (markets.Terms("all", (), "CN"), SHIPPED - 1, True),
        (markets.Terms("free", (31,), free=True), END, False),
        (markets.Terms("free", (31,), free=True), SHIPPED - 1, True),
        (markets.Terms("less", (31,)), END, True),
    ],
    ids=["out-already", "shipped-after", "free-then", "free-before", "never-allowed"],
)
def test_a_market_that_is_stated_anew_accuses_nobody_of_what_was_allowed(
    tmp_path: Path, first: markets.Terms, until: int, found: bool
) -> None:
    """Goods that were out already may be sold where they might; those shipped later may not."""
    at = board(tmp_path)
    nowhere(at)
    truth = WORLD.diverted
    assert truth is not None
    home = tuple(set(REGIONS) - {truth.region})
    with transaction(at.engine) as session:
        markets.put(session, 1, "p", BRAND, 3, first)
        markets.put(session, until, "p", BRAND, 3, markets.Terms("but one", home))
        markets.put(session, END + 1, "p", BRAND, 3, markets.Terms("renamed", home))
        assert [len(past) for past in markets.before(session, BRAND).values()] == [1]
    assert ("diversion" in watched(at)) == found
