"""The memory of a brand's detectors: built in pieces, by itself, and not lost while it is true."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from ledger.db.alerting import AlertEvidence
from ledger.db.engine import reading, transaction
from ledger.db.models import Alert, Product, Scan, WatchState
from ledger.detect.guessers import UNKNOWN
from ledger.errors import Unavailable
from ledger.services.alerting import alerts_rules
from ledger.services.alerting.watch import Watcher
from ledger.services.worlds.world import demo_world
from tests.services.watch_world import BRAND, END, GTIN, Board, board, demo_row, pack, scan_row

WORLD = demo_world(2, False, 0.25)
OTHER, OTHERS_GTIN = 9506000999999, 9506000134369
PIECE = 100
Told = list[tuple[str, int, dict[str, object], int, bytes]]


@pytest.fixture
def at(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Board:
    """Scans of a brand that take eight pieces to remember, and the goods of another."""
    monkeypatch.setattr("ledger.services.alerting.watch.REMEMBERED", PIECE)
    found = board(tmp_path)
    pack(found, WORLD)
    with transaction(found.engine) as session:
        session.add(Product(gtin=OTHERS_GTIN, brand=OTHER, name_en="tea", name_zh="茶"))
        session.add_all([demo_row(scan) for scan in WORLD.scans])
    return found


def guess(at: Board, device: str, time: int, count: int = UNKNOWN, gtin: int = OTHERS_GTIN) -> None:
    """Let a device try codes of a brand that were never issued."""
    with transaction(at.engine) as session:
        session.add_all(
            scan_row(-1, time + n, time + n, f"{device} {gtin}", gtin=gtin) for n in range(count)
        )


def watched(at: Board, watcher: Watcher) -> int:
    """Let a watcher look until nothing is left; return in how many steps."""
    steps = 0
    while watcher.is_due():
        watcher.step()
        steps += 1
    return steps


def turn(at: Board, fdr: float) -> None:
    """Turn the dial of the brand with many scans."""
    with transaction(at.engine) as session:
        alerts_rules.turn_dial(session, "a person", 1, BRAND, fdr, False)


def causes(at: Board, brand: int) -> set[str]:
    """Return what the alerts of a brand are."""
    with reading(at.engine) as session:
        return set(session.scalars(select(Alert.kind).where(Alert.brand == brand)))


def told(at: Board) -> Told:
    """Return all alerts with their evidence."""
    with reading(at.engine) as session:
        query = select(Alert, AlertEvidence).where(AlertEvidence.alert == Alert.id)
        rows = session.execute(query).all()
        return sorted((a.key, a.raised, a.body, a.scans, e.sha256) for a, e in rows)


def test_what_one_brand_changes_keeps_nobody_waiting(at: Board) -> None:
    """Its own scans are read again, in pieces; another's are looked at in the next pass, by the
    rules and the detectors, and what was known of them is still known."""
    watcher = Watcher(at.site, 0.05)
    guess(at, "script", END - 900, UNKNOWN - 1)
    watched(at, watcher)
    known = watcher._seen.brands[OTHER].detection
    assert causes(at, BRAND) == {"diversion", "clone"}
    for fdr in (0.04, 0.03):
        turn(at, fdr)
        watcher.step()
    assert watcher._seen.brands[BRAND].scan == PIECE
    guess(at, "script", END - 800, 1)
    watcher.step()
    assert causes(at, OTHER) == {"guess"}
    assert watcher._seen.brands[OTHER].detection is known
    assert watcher._seen.brands[BRAND].scan == 2 * PIECE
    assert watched(at, watcher) >= 5
    assert causes(at, BRAND) == {"diversion", "clone"}


def test_who_begins_anew_again_and_again_holds_up_nobody(at: Board) -> None:
    """Another brand's memory is built first, however often the dial of one is turned."""
    guess(at, "script", END - 900, UNKNOWN - 1)
    watched(at, Watcher(at.site, 0.05))
    watcher = Watcher(at.site, 0.05)
    for number in range(12):
        turn(at, 0.01 + 0.001 * number)
        watcher.step()
    guess(at, "script", END - 800, 1)
    watcher.step()
    assert causes(at, OTHER) == {"guess"}


def test_a_worker_that_starts_looks_at_new_scans_at_once(at: Board) -> None:
    """By the rules, and by the detectors as soon as they remember."""
    watched(at, Watcher(at.site, 0.05))
    with transaction(at.engine) as session:
        terms = {"test": "devices", "n": 2, "days": 1}
        alerts_rules.put(session, "a person", 1, BRAND, "two", "threshold", terms)
    guess(at, "script", END - 900, gtin=GTIN)
    for number in range(2):
        at.scan(0, 7, END - 800 + number, f"phone {number}")
    watcher = Watcher(at.site, 0.05)
    watcher.step()
    assert causes(at, BRAND) == {"diversion", "clone", "threshold"}
    watched(at, watcher)
    assert causes(at, BRAND) == {"diversion", "clone", "threshold", "guess"}


def test_what_is_remembered_in_pieces_is_told_as_in_one(at: Board, tmp_path: Path) -> None:
    """The same alerts with the same evidence, by a worker that starts after each hundred scans and
    by one that looks at all of them."""
    with transaction(at.engine) as session:
        for row in session.scalars(select(Scan)):
            session.delete(row)
    rows = [demo_row(scan) for scan in WORLD.scans]
    for start in range(0, len(rows), PIECE):
        with transaction(at.engine) as session:
            session.add_all(rows[start : start + PIECE])
        watcher = Watcher(at.site, 0.05)
        watcher.step()
        watched(at, watcher)
    (tmp_path / "whole").mkdir()
    whole = board(tmp_path / "whole")
    pack(whole, WORLD)
    with transaction(whole.engine) as session:
        session.add_all([demo_row(scan) for scan in WORLD.scans])
    watched(whole, Watcher(whole.site, 0.05))
    assert [one[:3] for one in told(at)] == [one[:3] for one in told(whole)]
    assert [one[4] for one in told(at)] == [one[4] for one in told(whole)]


@contextmanager
def _busy(engine: Engine) -> Iterator[Session]:
    raise Unavailable("DATABASE_BUSY", "The database takes no writer now: try again.")
    yield Session(engine)


def test_a_database_that_is_busy_costs_no_memory(
    at: Board, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was found is kept when it may be written, and no scan is read again for it."""
    watcher = Watcher(at.site, 0.05)
    guess(at, "script", END - 900, UNKNOWN - 1)
    watched(at, watcher)
    guess(at, "script", END - 800, 1)
    known = {brand: own.detection for brand, own in watcher._seen.brands.items()}
    with monkeypatch.context() as patch:
        patch.setattr("ledger.services.alerting.watch.transaction", _busy)
        for _ in range(2):
            with pytest.raises(Unavailable, match="no writer"):
                watcher.step()
    with reading(at.engine) as session:
        before = session.get_one(WatchState, 1).scan
    assert watcher.is_due()
    assert watcher.step() == 1
    assert causes(at, OTHER) == {"guess"}
    assert not watcher.is_due()
    with reading(at.engine) as session:
        assert session.get_one(WatchState, 1).scan == before + 1
    assert {brand: own.detection for brand, own in watcher._seen.brands.items()} == known


def test_what_a_brand_was_fed_in_vain_is_built_anew(
    at: Board, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where its evidence could not be read; the memory of the others stays."""
    watcher = Watcher(at.site, 0.05)
    guess(at, "script", END - 900, UNKNOWN - 1)
    guess(at, "another", END - 890, UNKNOWN - 1, gtin=GTIN)
    watched(at, watcher)
    known = watcher._seen.brands[BRAND].detection
    guess(at, "script", END - 800, 1)
    guess(at, "another", END - 790, 1, gtin=GTIN)

    def broken(*_: object) -> None:
        raise Unavailable("DATABASE_BUSY", "The database cannot be read.")

    with monkeypatch.context() as patch:
        patch.setattr("ledger.services.alerting.watch_causes.Finder.find", broken)
        with pytest.raises(Unavailable, match="cannot be read"):
            watcher.step()
    assert watcher._seen.brands[OTHER].scan == 0
    assert watcher._seen.brands[BRAND].detection is known
    watched(at, watcher)
    assert causes(at, OTHER) == {"guess"}
    assert causes(at, BRAND) == {"diversion", "clone", "guess"}
