"""What people have set holds for what the watch raises: thresholds, exceptions, silence, lists."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from ledger.db.alerting import AlertChange
from ledger.db.engine import reading, transaction
from ledger.db.models import Alert
from ledger.domain.regions import REGIONS
from ledger.domain.verdict import Outcome
from ledger.services.alerting import alerts, alerts_exceptions, alerts_rules, blacklist
from ledger.services.worlds.world import demo_world
from tests.services.watch_world import BRAND, END, Board, board, pack, pack_and_store, raised, watch

WORLD = demo_world(2, False, 0.25)
DAY = 86_400


def copied(at: Board) -> Alert:
    """Watch a world in which a code is copied; return the alert."""
    pack_and_store(at, WORLD)
    watch(at)
    return raised(at)["clone"]


def told(at: Board, alert: Alert) -> list[str]:
    """Return what the feed says of an alert."""
    with reading(at.engine) as session:
        query = select(AlertChange.what).where(AlertChange.alert == alert.id)
        return list(session.scalars(query.order_by(AlertChange.id)))


def gps(region: int) -> dict[str, Any]:
    """Return the place of a province's capital."""
    place = {"lat": REGIONS[region].lat, "lon": REGIONS[region].lon, "acc_km": 1.0}
    return {"region": region, "loc_src": "gps", **place}


@pytest.mark.parametrize(
    ("terms", "regions", "fires"),
    [
        ({"test": "scans", "n": 3, "days": 1}, (31, 31, 31, 31), 3),
        ({"test": "devices", "n": 3, "days": 1}, (31, 31, 31, 31), 3),
        ({"test": "radius", "km": 500, "days": 1}, (31, 32, 44, 31), 3),
        ({"test": "radius", "km": 5_000, "days": 1}, (31, 32, 44, 31), None),
        ({"test": "speed", "km": 500, "kmh": 1000, "days": 1}, (31, 32, 44, 31), 3),
    ],
    ids=lambda value: str(value.get("test")) if isinstance(value, dict) else None,
)
def test_each_threshold_fires_at_the_scan_that_crosses_it(
    tmp_path: Path, terms: dict[str, Any], regions: tuple[int, ...], fires: int | None
) -> None:
    """Live, not at the one before; once it has fired, what follows is counted."""
    at = board(tmp_path)
    pack(at, WORLD, lots=(0,))
    with transaction(at.engine) as session:
        alerts_rules.put(session, "a person", 1, BRAND, "mine", "threshold", terms)
    for number, region in enumerate(regions, 1):
        at.scan(0, 9, END - 900 + number, f"phone {number}", **gps(region))
        watch(at)
        assert bool(raised(at)) == (fires is not None and number >= fires), number
    if fires is not None:
        alert = raised(at)["threshold"]
        assert (alert.raised, alert.last) == (END - 900 + fires, END - 900 + len(regions))
        assert alert.body["calibrated"] is False


def test_what_an_exception_covers_is_raised_as_explained(tmp_path: Path) -> None:
    """By its dates and kinds; nobody is woken, and the other kinds are raised as ever."""
    at = board(tmp_path)
    cover = alerts_exceptions.Cover(kinds=["clone"])
    with transaction(at.engine) as session:
        span = (END - 90 * DAY, END + DAY)
        alerts_exceptions.add(session, 1, "p", BRAND, "a promotion", span, cover)
    clone = copied(at)
    assert (clone.state, clone.outcome, told(at, clone)) == (alerts.CLOSED, "explained", ["closed"])
    other = raised(at)["diversion"]
    assert (other.state, told(at, other)[0]) == (alerts.OPEN, "raised")


def test_what_goes_on_after_its_exception_wakes_people(tmp_path: Path) -> None:
    """The next scan of it after the last day."""
    at = board(tmp_path)
    with transaction(at.engine) as session:
        span = (END - 90 * DAY, END - 1)
        alerts_exceptions.add(session, 1, "p", BRAND, "relief", span, alerts_exceptions.Cover())
    clone = copied(at)
    place = clone.body["item"]
    assert clone.state == alerts.CLOSED
    at.scan(place["batch"] - 1, place["index"], END, "one more", serial=clone.code.split("/")[1])
    watch(at)
    again = raised(at)["clone"]
    assert (again.state, again.scans, told(at, again)[-1]) == (
        alerts.REGRESSED, clone.scans + 1, "regressed",
    )  # fmt: skip


def test_what_a_muted_rule_finds_is_kept_and_told_to_nobody(tmp_path: Path) -> None:
    """Until a person lets it speak; then it is told of as it goes on."""
    at = board(tmp_path)
    with transaction(at.engine) as session:
        rule = alerts_rules.named(session, BRAND, "clone", 1)
        alerts_rules.mute(session, "worker", 1, rule, "below its promise")
    clone = copied(at)
    assert (clone.muted, told(at, clone)) == (True, [])
    with transaction(at.engine) as session:
        rule = alerts_rules.named(session, BRAND, "clone", 1)
        alerts_rules.unmute(session, "a person", 2, rule)
    place = clone.body["item"]
    at.scan(place["batch"] - 1, place["index"], END, "one more", serial=clone.code.split("/")[1])
    watch(at)
    again = raised(at)["clone"]
    assert (again.muted, told(at, again)) == (False, ["raised"])


def test_a_copied_code_is_listed_while_its_alert_stands(tmp_path: Path) -> None:
    """By the watch itself where the brand wants that; a false alarm takes it off."""
    at = board(tmp_path)
    with transaction(at.engine) as session:
        alerts_rules.turn_dial(session, "p", 1, BRAND, None, True)
    clone = copied(at)
    place = clone.body["item"]
    with transaction(at.engine) as session:
        assert blacklist.level(session, **place) is Outcome.CAUTION
        (entry,) = blacklist.entries(session, BRAND, 0, 10, lifted=False)
        assert (entry.who, entry.alert, entry.code) == ("worker", clone.id, clone.code)
        alert = session.get_one(Alert, clone.id)
        alerts.close(session, 2, "a person", alert, "false", "a display bottle", 0.05)
        assert blacklist.level(session, **place) is None
