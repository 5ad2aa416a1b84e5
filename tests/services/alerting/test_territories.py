"""A territory that is stated anew: what it was, for whom it goes on holding, and corrections."""

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
from ledger.services import districts, territories
from ledger.services.alerting import markets
from ledger.services.alerting.watch import Watcher
from ledger.services.worlds.world import demo_world
from tests.services.watch_world import (
    BRAND,
    END,
    SHIPPED,
    Board,
    board,
    pack_and_store,
    party_of,
    raised,
    watch,
)

PARTY = 7
WORLD = demo_world(2, False, 0.25)
TRUTH = WORLD.diverted
assert TRUTH is not None
CHEAT, THERE = party_of(TRUTH.distributor), TRUTH.region
ALL, BUT_ONE = list(REGIONS), [region for region in REGIONS if region != THERE]


@pytest.fixture
def session(tmp_path: Path) -> Iterator[Session]:
    """A unit of work on a database with one party, which may sell in Shanghai."""
    engine = open_database(f"sqlite:///{tmp_path / 'territories.db'}")
    with Session(engine) as opened:
        opened.add(Profile(party=PARTY, name_en="East", name_zh="东", regions=[31]))
        opened.flush()
        yield opened
    engine.dispose()


def test_what_a_territory_was_is_remembered(session: Session) -> None:
    """With when it ended; said again it stays, and who said so is in the audit log."""
    for now, regions in ((10, [32, 31, 32]), (20, [31, 32]), (30, []), (40, [33])):
        territories.put(session, now, "p", PARTY, regions)
    session.flush()
    found = territories.known(session)
    assert found.stated == {PARTY: frozenset({33})}
    assert found.since(PARTY, 40) == [frozenset({33})]
    assert found.since(PARTY, 39) == [frozenset({33}), frozenset()]
    whole = [frozenset({33}), frozenset({31}), frozenset({31, 32}), frozenset()]
    assert found.since(PARTY, 9) == whole
    assert found.since(PARTY + 1, 0) == [frozenset()]
    assert session.scalars(select(AuditEntry.what)).all() == ["territory set"] * 4


def test_a_correction_forgets_what_was_stated(session: Session) -> None:
    """Everything before was a mistake."""
    territories.put(session, 10, "p", PARTY, [32])
    territories.put(session, 20, "p", PARTY, [33], corrects=True)
    session.flush()
    assert territories.known(session).since(PARTY, 0) == [frozenset({33})]


@pytest.mark.parametrize(
    ("party", "regions", "code"), [(8, [31], "UnknownParty"), (PARTY, [99], "BAD_PARTY")]
)
def test_what_is_not_known_is_refused(
    session: Session, party: int, regions: list[int], code: str
) -> None:
    """A party that nobody registered, a region that does not exist; nothing changes."""
    with pytest.raises(Rejected) as refused:
        territories.put(session, 10, "p", party, regions)
    assert refused.value.code == code
    assert territories.known(session).since(PARTY, 0) == [frozenset({31})]


def test_districts_of_an_earlier_territory_stay_loaded(session: Session, tmp_path: Path) -> None:
    """Goods that were shipped by it are tested by them; a file without them is refused."""
    file = tmp_path / "districts.csv"
    file.write_text("code,name_en,name_zh,lat,lon\n3205,Suzhou,苏州,31.3,120.6\n", "utf-8")
    districts.load(session, 1, "p", file)
    territories.put(session, 10, "p", PARTY, [3205])
    territories.put(session, 20, "p", PARTY, [31])
    session.flush()
    file.write_text("code,name_en,name_zh,lat,lon\n3202,Wuxi,无锡,31.5,120.3\n", "utf-8")
    with pytest.raises(Rejected, match="3205"):
        districts.load(session, 30, "p", file)


def stated(at: Board, *pieces: tuple[int, list[int]]) -> None:
    """State the cheat's territory from each time on; the first holds from the beginning."""
    with transaction(at.engine) as session:
        territories.put(session, 0, "p", CHEAT, pieces[0][1], corrects=True)
        for since, regions in pieces[1:]:
            territories.put(session, since, "p", CHEAT, regions)


@pytest.mark.parametrize(
    ("pieces", "found"),
    [
        ([(0, ALL), (END, BUT_ONE)], False),
        ([(0, ALL), (SHIPPED - 1, BUT_ONE)], True),
        ([(0, []), (END, BUT_ONE)], False),
        ([(0, BUT_ONE), (END, ALL)], False),
        ([(0, BUT_ONE[:9]), (END, BUT_ONE)], True),
        ([(0, ALL), (SHIPPED - 1, BUT_ONE), (END, BUT_ONE[:9])], True),
    ],
    ids=["out-already", "shipped-after", "anywhere-then", "widened", "never-allowed", "twice"],
)
def test_a_narrower_territory_accuses_nobody_of_what_was_allowed(
    tmp_path: Path, pieces: list[tuple[int, list[int]]], found: bool
) -> None:
    """Goods that were out already may be sold where they might; those shipped later may not."""
    at = board(tmp_path)
    stated(at, *pieces)
    pack_and_store(at, WORLD)
    watch(at)
    assert ("diversion" in raised(at)) == found


def test_a_party_that_had_no_territory_was_bound_by_the_market(tmp_path: Path) -> None:
    """What it was sent then may be sold in the market too, and nowhere else."""
    found = []
    for name, market in (("in", ALL), ("out", BUT_ONE)):
        (tmp_path / name).mkdir()
        at = board(tmp_path / name)
        stated(at, (0, []), (END, BUT_ONE[:9]))
        with transaction(at.engine) as session:
            markets.put(session, 1, "p", BRAND, 3, markets.Terms("a market", market))
        pack_and_store(at, WORLD)
        watch(at)
        found.append("diversion" in raised(at))
    assert found == [False, True]


def test_a_territory_that_is_corrected_holds_for_all_scans(tmp_path: Path) -> None:
    """They are looked at anew; stated anew it moves nothing that is known."""
    at = board(tmp_path)
    stated(at, (0, ALL))
    pack_and_store(at, WORLD)
    watcher = Watcher(at.site, 0.05)
    while watcher.is_due():
        watcher.step()
    assert "diversion" not in raised(at)
    memory = watcher._seen.brands[BRAND]
    with transaction(at.engine) as session:
        territories.put(session, END, "p", CHEAT, BUT_ONE)
    watcher.step()
    assert watcher._seen.brands[BRAND] is memory
    with transaction(at.engine) as session:
        territories.put(session, END, "p", CHEAT, BUT_ONE, corrects=True)
    watcher.step()
    while watcher.is_due():
        watcher.step()
    assert raised(at)["diversion"].region == THERE
