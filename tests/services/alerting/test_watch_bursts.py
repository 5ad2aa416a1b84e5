"""Guessers that act together are one alert, with its members."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from pathlib import Path

import pytest
from sqlalchemy import select

from ledger.db.engine import reading, transaction
from ledger.db.models import Alert, Scan
from ledger.detect.guessers import UNKNOWN
from ledger.services.alerting import alerts, alerts_rules
from ledger.services.alerting.alerts_again import recompute
from ledger.services.alerting.alerts_evidence import evidence_of
from ledger.services.alerting.alerts_words import sentence
from ledger.services.alerting.watch import Watcher
from ledger.services.alerting.watch_bursts import MOST
from tests.services.watch_world import BRAND, END, Board, board, scan_row

HOUR, DAY = 3600, 86_400
START = END - 20 * DAY
NAMED = 60 * (UNKNOWN - 1)  # seconds from a device's first try to the one that names it


def tries(device: str, start: int, count: int = UNKNOWN) -> list[Scan]:
    """Codes that were never issued, a minute apart."""
    return [scan_row(-1, start + number, start + 60 * number, device) for number in range(count)]


def watched(at: Board, rows: Sequence[Scan], parts: int) -> list[Alert]:
    """Store scans in order of time, in so many parts, each looked at by a worker that has just
    started; return the alerts."""
    rows = sorted(rows, key=lambda row: (row.time, row.device))
    size = -(-len(rows) // parts)
    for part in range(parts):
        with transaction(at.engine) as session:
            session.add_all(rows[part * size : (part + 1) * size])
        watcher = Watcher(at.site, 0.05)
        while watcher.is_due():
            watcher.step()
    with reading(at.engine) as session:
        return list(session.scalars(select(Alert).order_by(Alert.id)))


@pytest.mark.parametrize("parts", [1, 7, 31], ids=lambda parts: f"{parts}-parts")
def test_a_botnet_is_one_alert_with_its_members(tmp_path: Path, parts: int) -> None:
    """Ten devices in a day and a half, the first of them all the time, in however many passes and
    starts; one that comes two days later is another cause, and who tries fewer codes is none."""
    rows = [row for n in range(10) for row in tries(f"bot {n}", START + 4 * n * HOUR)]
    rows += tries("bot 0", START + 5 * HOUR, 30) + tries("typist", START + HOUR, UNKNOWN - 1)
    rows += tries("late", START + 4 * DAY, UNKNOWN + 1)
    first, second = watched(board(tmp_path), rows, parts)
    assert [one.kind for one in (first, second)] == ["guess", "guess"]
    assert (first.scans, first.body["members"]) == (10 * UNKNOWN + 30, 10)
    assert first.body["devices"] == [f"bot {n}" for n in range(10)]
    assert first.body["sentence"].startswith("10 devices, each within a day of another")
    assert first.body["sentence"].endswith(f"{10 * UNKNOWN + 30} times in all")
    assert (first.raised, first.last) == (START + NAMED, START + 36 * HOUR + NAMED)
    assert (second.scans, second.body["members"]) == (UNKNOWN + 1, 1)
    assert second.body["sentence"] == (
        f"{UNKNOWN} of {UNKNOWN} codes scanned by one device were never issued"
    )


def test_trying_without_end_is_told_of_again(tmp_path: Path) -> None:
    """A cause takes in devices for a week, so that one that was closed hides none for ever."""
    rows = [row for n in range(18) for row in tries(f"bot {n}", START + n * DAY // 2)]
    found = watched(board(tmp_path), rows, 1)
    assert [one.body["members"] for one in found] == [15, 3]


def test_a_botnet_of_any_size_is_one_alert_of_bounded_size(tmp_path: Path) -> None:
    """Its members are counted; the first of them are named."""
    rows = [row for n in range(MOST + 40) for row in tries(f"bot {n:03}", START + 60 * n)]
    (found,) = watched(board(tmp_path), rows, 2)
    assert (found.body["members"], len(found.body["devices"])) == (MOST + 40, MOST)
    assert found.scans == UNKNOWN * (MOST + 40)


def test_the_evidence_of_a_burst_shows_its_members(tmp_path: Path) -> None:
    """Of each the scans that named it, in however many passes they came; it is computed again from
    them, by every one, and says in both languages how many there were."""
    at = board(tmp_path)
    burst = tries("a", START, UNKNOWN + 2), tries("b", START + 61), tries("c", START + HOUR, 30)
    for new in burst:
        (found,) = watched(at, new, 1)
        with reading(at.engine) as session:
            told = evidence_of(session, found.id)
        assert recompute(told).holds
    assert (found.raised, found.body["members"]) == (START + NAMED, 3)
    device, times = told["columns"].index("device"), sum(map(len, burst))
    assert sorted(row[device] for row in told["scans"]) == sorted([1, 2, 3] * UNKNOWN)
    assert sentence(told, "en") == found.body["sentence"]
    assert sentence(told, "en").startswith("3 devices") and f" {times} times" in sentence(
        told, "en"
    )
    assert sentence(told, "zh") == f"3台设备先后相隔不到一天，共{times}次扫描了从未发行的编码"
    for row in told["scans"]:
        without = {**told, "scans": [other for other in told["scans"] if other != row]}
        assert not recompute(without).holds
    assert not recompute({**told, "terms": {**told["terms"], "unknown": UNKNOWN + 1}}).holds
    more = copy.deepcopy(told)
    more["alert"]["finding"]["members"] = 4
    assert not recompute(more).holds


def test_the_evidence_of_a_large_burst_is_bounded(tmp_path: Path) -> None:
    """It shows the first of its members, and says how many there are."""
    at = board(tmp_path)
    rows = [row for n in range(MOST + 3) for row in tries(f"bot {n:03}", START + 60 * n)]
    (found,) = watched(at, rows, 6)
    with reading(at.engine) as session:
        told = evidence_of(session, found.id)
    assert recompute(told).holds
    assert len({row[told["columns"].index("device")] for row in told["scans"]}) == MOST
    assert told["alert"]["finding"]["members"] == found.body["members"] == MOST + 3


def test_a_burst_that_goes_on_wakes_what_was_archived(tmp_path: Path) -> None:
    """A second device of it is more of the same cause."""
    at = board(tmp_path)
    (first,) = watched(at, tries("a", START), 1)
    with transaction(at.engine) as session:
        archived = session.get_one(Alert, first.id)
        alerts.archive(session, START, "a person", archived, until=None, more=3)
    (again,) = watched(at, tries("b", START + HOUR), 1)
    assert (again.state, again.scans) == (alerts.REGRESSED, 2 * UNKNOWN)


def test_what_was_off_is_found_whole_when_it_is_turned_on(tmp_path: Path) -> None:
    """By a rule that looks at all scans anew: with all members at once."""
    at = board(tmp_path)
    rows = tries("a", START) + tries("b", START + HOUR) + tries("c", START + 2 * HOUR)
    for enabled in (False, True):
        with transaction(at.engine) as session:
            alerts_rules.put(session, "p", 1, BRAND, "guess", "guess", {}, enabled=enabled)
        found = watched(at, [] if enabled else rows, 1)
        assert len(found) == enabled
    assert (found[0].scans, found[0].body["members"]) == (3 * UNKNOWN, 3)
