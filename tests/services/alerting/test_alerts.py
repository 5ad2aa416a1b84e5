"""The life of an alert: one a cause, counted on, put aside until something, judged, explained."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError
from sqlalchemy import select
from sqlalchemy.orm import Session

from ledger.db.alerting import (
    AlertChange,
    AlertException,
    AlertRule,
    BlacklistEntry,
    RuleHit,
)
from ledger.db.engine import open_database
from ledger.db.models import Alert, AuditEntry, Product
from ledger.domain.verdict import Outcome
from ledger.errors import Rejected
from ledger.services.alerting import alerts, alerts_exceptions, alerts_rules, blacklist
from ledger.services.alerting.alerts_feed import type_of
from ledger.services.alerting.alerts_summary import put_value, summary
from ledger.services.alerting.alerts_view import alert_json, severity
from ledger.services.settings import Settings

BRAND, GTIN, NOW, FDR = 9506000000015, 9506000134352, 1_760_000_000, 0.05
DAY = 86_400


@pytest.fixture
def session(tmp_path: Path) -> Iterator[Session]:
    """A unit of work on an empty database."""
    engine = open_database(f"sqlite:///{tmp_path / 'alerts.db'}")
    with Session(engine) as opened:
        yield opened
    engine.dispose()


def rule(session: Session, kind: str = "diversion") -> AlertRule:
    """Return a rule of the brand."""
    return alerts_rules.ensure(session, BRAND, NOW)[kind]


def cause(name: str = "a", **changes: Any) -> alerts.Cause:
    """Return a cause with ten scans."""
    given: dict[str, Any] = {
        "key": name,
        "brand": BRAND,
        "raised": NOW,
        "last": NOW,
        "scans": 10,
        "goods": (3, 8),
        "body": {"sentence": name, "evidence": {"units": []}},
        "lot": "L1",
        "region": 44,
        "consignee": 77,
        "gtin": GTIN,
        **changes,
    }
    return alerts.Cause(**given)


def keep(session: Session, name: str = "a", kind: str = "diversion", **changes: Any) -> Alert:
    """Raise a cause."""
    return alerts.keep(session, NOW, rule(session, kind), cause(name, **changes))[0]


def told(session: Session, alert: Alert) -> list[str]:
    """Return what the feed says of an alert."""
    query = select(AlertChange.what).where(AlertChange.alert == alert.id).order_by(AlertChange.id)
    return list(session.scalars(query))


def audited(session: Session, what: str) -> list[AuditEntry]:
    """Return what the audit log has of one kind."""
    query = select(AuditEntry).where(AuditEntry.what == what).order_by(AuditEntry.id)
    return list(session.scalars(query))


def excepted(session: Session, begins: int, ends: int, reason: str = "promotion") -> AlertException:
    """Except everything in [begins, ends)."""
    cover = alerts_exceptions.Cover()
    return alerts_exceptions.add(session, NOW, "p", BRAND, reason, (begins, ends), cover)[0]


def close(session: Session, alert: Alert, outcome: str, now: int = NOW) -> None:
    """Judge an alert."""
    alerts.close(session, now, "a person", alert, outcome, "", FDR)


def test_one_cause_is_one_alert(session: Session) -> None:
    """Raised again it is the same; one that has grown has its newest words."""
    first = keep(session)
    again, new = alerts.keep(session, NOW, rule(session), cause())
    assert (again.id, new, told(session, first)) == (first.id, False, ["raised"])
    keep(session, scans=25, goods=(9, 20), body={"sentence": "more", "evidence": {}})
    assert (first.scans, first.goods_high, first.body["sentence"]) == (25, 20, "more")
    assert told(session, first) == ["raised", "updated"]


def test_the_feed_tells_of_doublings(session: Session) -> None:
    """A hundred scans are a few messages."""
    alert = keep(session)
    for number in range(100):
        alerts.count(session, NOW, alert, 1, NOW + number)
    assert (alert.scans, alert.last) == (110, NOW + 99)
    assert told(session, alert) == ["raised", "updated", "updated", "updated"]


def test_a_diversion_says_how_many_of_its_codes_are_copies(session: Session) -> None:
    """The feed once, when half of them are; those of another lot, and what was no copy, count for
    nothing."""
    codes = [f"{GTIN:014d}/{n}" for n in range(5)]
    moved = keep(session, body={"sentence": "moved", "evidence": {"codes": codes}})
    other = keep(session, "other", body={"sentence": "other", "evidence": {"codes": ["x/1"]}})

    def copy(number: int, lot: str = "L1") -> Alert:
        code = codes[number]
        body = {"sentence": "copied", "evidence": {}}
        return keep(session, f"clone/{code}", "clone", code=code, lot=lot, body=body)

    def copied() -> int:
        count = alert_json(session, moved)["copied"]
        assert isinstance(count, int)
        return count

    first = copy(0)
    assert "copied" not in alert_json(session, first)
    copy(1)
    assert (copied(), told(session, moved)) == (2, ["raised"])
    close(session, first, "false")
    assert copied() == 1
    copy(2)
    assert (copied(), told(session, moved)) == (2, ["raised"])
    copy(3)
    assert (copied(), told(session, moved)) == (3, ["raised", "updated"])
    copy(4)
    close(session, first, "confirmed")
    assert (copied(), told(session, moved)) == (5, ["raised", "updated"])
    assert (alert_json(session, other)["copied"], told(session, other)) == (0, ["raised"])


def test_archived_until_so_many_more(session: Session) -> None:
    """At the N-th it has regressed, not at the one before."""
    alert = keep(session)
    alerts.archive(session, NOW, "a person", alert, until=None, more=5)
    for _ in range(4):
        alerts.count(session, NOW, alert, 1, NOW)
    assert alert.state == alerts.ARCHIVED
    alerts.count(session, NOW, alert, 1, NOW)
    assert (alert.state, alert.quiet_scans) == (alerts.REGRESSED, None)
    assert told(session, alert) == ["raised", "archived", "regressed"]


def test_archived_until_a_time(session: Session) -> None:
    """The first scan from then on; a day without scans changes nothing."""
    alert = keep(session)
    alerts.archive(session, NOW, "a person", alert, until=NOW + DAY, more=1000)
    alerts.count(session, NOW + DAY, alert, 1, NOW + DAY - 1)
    assert alert.state == alerts.ARCHIVED
    alerts.count(session, NOW + DAY, alert, 1, NOW + DAY)
    assert alert.state == alerts.REGRESSED


def test_what_is_closed_stays_closed(session: Session) -> None:
    """Goods that are out go on being scanned; a person may open it again."""
    alert = keep(session)
    close(session, alert, "confirmed")
    alerts.count(session, NOW, alert, 500, NOW + DAY)
    assert (alert.state, alert.scans) == (alerts.CLOSED, 510)
    alerts.reopen(session, NOW, "a person", alert)
    assert (alert.state, alert.outcome) == (alerts.OPEN, None)
    with pytest.raises(Rejected, match="An outcome is one of"):
        close(session, alert, "odd")


def test_a_rule_below_its_promise_mutes_itself_and_says_so(session: Session) -> None:
    """Two false ones of two; what it raises then is kept and told to nobody, until a person says
    otherwise; then it is judged anew."""
    first, second = keep(session, "a"), keep(session, "b")
    close(session, first, "false", NOW + 1)
    assert rule(session).muted is None, "one alone may be chance"
    close(session, second, "false", NOW + 2)
    assert rule(session).muted == NOW + 2
    assert "2 of its 2 judged alerts were false" in str(rule(session).muted_why)
    silent = keep(session, "c")
    assert (silent.muted, told(session, silent)) == (True, [])
    alerts_rules.unmute(session, "a person", NOW + 3, rule(session))
    assert alerts_rules.record_of(session, rule(session)).judged == 0
    assert told(session, keep(session, "d")) == ["raised"]
    alerts.count(session, NOW, silent, 1, NOW)
    assert (silent.muted, told(session, silent)) == (False, ["raised"]), "it goes on"
    log = [(row.who, row.what) for row in session.scalars(select(AuditEntry))]
    assert ("worker", "rule mute") in log and ("a person", "rule unmute") in log


def test_that_a_rule_fell_silent_is_told(session: Session) -> None:
    """In the feed, with the reason: silence alone could be taken for calm."""
    for name in ("a", "b"):
        close(session, keep(session, name), "false", NOW + 1)
    alerts_rules.unmute(session, "a person", NOW + 3, rule(session))
    query = select(AlertChange).where(AlertChange.alert == 0).order_by(AlertChange.id)
    silent, heard = session.scalars(query)
    assert [type_of(silent), type_of(heard)] == ["rule.muted", "rule.unmuted"]
    assert silent.body["rule"] == "diversion"
    assert "2 of its 2 judged alerts were false" in silent.body["why"]
    assert heard.body["why"] is None


@pytest.mark.parametrize("outcome", ["confirmed", "explained", "false"])
def test_what_was_closed_in_silence_is_not_told_as_raised(session: Session, outcome: str) -> None:
    """Nobody needs to look at what was judged; opened again, it is told."""
    alerts_rules.mute(session, "p", NOW, rule(session), "noisy")
    alert = keep(session)
    close(session, alert, outcome)
    alerts_rules.unmute(session, "p", NOW + 1, rule(session))
    alerts.count(session, NOW + 2, alert, 100, NOW + 2)
    assert (alert.state, alert.muted, told(session, alert)) == (alerts.CLOSED, False, [])
    alerts.reopen(session, NOW + 3, "p", alert)
    assert told(session, alert) == ["reopened"]


@pytest.mark.parametrize("share", [0.5000001, 0.9999999999999999, 1.0, 0.0, -0.1, float("nan")])
def test_a_share_that_no_rule_may_have_is_refused(session: Session, share: float) -> None:
    """Of the dial, of a rule and of the installation: a rule is not to be wrong more often than
    right."""
    with pytest.raises(Rejected, match=r"at most 0\.5") as error:
        alerts_rules.turn_dial(session, "p", NOW, BRAND, share, False)
    assert error.value.code == "BAD_FDR"
    terms = {"test": "devices", "n": 2, "days": 1}
    with pytest.raises(Rejected, match=r"at most 0\.5") as error:
        alerts_rules.put(session, "p", NOW, BRAND, "x", "threshold", terms, promise=share)
    assert error.value.code == "BAD_RULE"
    with pytest.raises(ValidationError):
        Settings(fdr=share)


def test_the_widest_share_may_be_stated(session: Session) -> None:
    """One half, of each."""
    alerts_rules.turn_dial(session, "p", NOW, BRAND, 0.5, False)
    terms = {"test": "devices", "n": 2, "days": 1}
    row = alerts_rules.put(session, "p", NOW, BRAND, "x", "threshold", terms, promise=0.5)
    assert (alerts_rules.dial(session, BRAND, FDR), row.promise) == (0.5, 0.5)
    assert Settings(fdr=0.5).fdr == 0.5


def test_a_rule_without_a_promise_is_never_muted_by_itself(session: Session) -> None:
    """A person's threshold promises nothing, unless the person says so."""
    terms = {"test": "devices", "n": 2, "days": 1}
    for name, promise in (("plain", None), ("promising", 0.2)):
        row = alerts_rules.put(session, "p", NOW, BRAND, name, "threshold", terms, promise=promise)
        for number in range(6):
            alert, _ = alerts.keep(session, NOW, row, cause(f"{name}{number}"))
            close(session, alert, "false", NOW + 1 + number)
        assert (row.muted is not None) is (promise is not None)


def test_a_rule_inherits_nothing_from_one_that_was_removed(session: Session) -> None:
    """Neither its number, by which outcomes and causes are known, nor what it has counted."""
    terms = {"test": "devices", "n": 2, "days": 1}
    old = alerts_rules.put(session, "p", NOW, BRAND, "old", "threshold", terms)
    alert, _ = alerts.keep(session, NOW, old, cause(f"threshold/{old.id}/code"))
    close(session, alert, "false", NOW + 1)
    hit = RuleHit(rule=old.id, scan=1, cause="c", time=NOW, device="d", code="code")
    session.add(hit)
    session.flush()
    alerts_rules.remove(session, "p", NOW + 2, old)
    new = alerts_rules.put(session, "p", NOW + 3, BRAND, "new", "threshold", terms)
    assert (new.id > alert.rule, alerts_rules.record_of(session, new).judged) == (True, 0)
    assert session.scalars(select(RuleHit)).all() == []


def test_a_dial_turned_down_does_not_judge_what_was_raised_before(session: Session) -> None:
    """What was raised at 10 % may be wrong as often as that; what is raised at 1 % may not."""

    def judge(name: str, fdr: float, outcome: str) -> None:
        body = {"sentence": "", "evidence": {"units": []}, "fdr": fdr}
        close(session, keep(session, name, body=body), outcome, NOW + 1)

    alerts_rules.turn_dial(session, "p", NOW, BRAND, 0.1, False)
    for number in range(18):
        judge(f"right{number}", 0.1, "confirmed")
    for number in range(2):
        judge(f"wrong{number}", 0.1, "false")
    alerts_rules.turn_dial(session, "p", NOW, BRAND, 0.01, False)
    judge("one more", 0.1, "confirmed")
    assert rule(session).muted is None
    judge("narrow", 0.01, "false")
    assert "1 of its 1 judged alerts were false" in str(rule(session).muted_why)


def test_live_precision_counts_what_was_explained_as_right(session: Session) -> None:
    """It spoke the truth; what nobody judged says nothing."""
    for name, outcome in (("a", "confirmed"), ("b", "explained"), ("c", "false"), ("d", "")):
        alert = keep(session, name)
        if outcome:
            close(session, alert, outcome, NOW + 1)
    record = alerts_rules.record_of(session, rule(session))
    assert (record.confirmed, record.explained, record.false) == (1, 1, 1)
    assert record.precision == pytest.approx(2 / 3)


def test_expected_false_alarms_of_the_month(session: Session) -> None:
    """The stated share of what was raised; of the uncalibrated by their record, else unknown."""
    for number in range(8):
        keep(session, f"d{number}")
    alerts.keep(session, NOW - 31 * DAY, rule(session), cause("old"))
    keep(session, "farm", kind="farm")
    said = summary(session, BRAND, FDR, NOW)
    rules = {row["name"]: row for row in said["rules"]}
    assert (rules["diversion"]["raised"], rules["diversion"]["expected_false"]) == (8, 0.4)
    assert (said["expected_false"], said["unknown"]) == (0.4, ["farm"])
    close(session, keep(session, "farm", kind="farm"), "confirmed", NOW + 1)
    assert summary(session, BRAND, FDR, NOW)["unknown"] == []


def test_each_alert_is_expected_to_be_false_as_stated_when_it_was_raised(session: Session) -> None:
    """Turning the dial makes no alert of yesterday better or worse."""
    for number in range(20):
        body = {"sentence": "", "evidence": {"units": []}, "fdr": 0.1}
        keep(session, f"before{number}", body=body)
    alerts_rules.turn_dial(session, "p", NOW, BRAND, 0.01, False)
    said = summary(session, BRAND, FDR, NOW)
    diversion = next(row for row in said["rules"] if row["name"] == "diversion")
    assert (said["fdr"], diversion["promise"], said["expected_false"]) == (0.01, 0.01, 2.0)
    for number in range(10):
        body = {"sentence": "", "evidence": {"units": []}, "fdr": 0.01}
        keep(session, f"after{number}", body=body)
    assert summary(session, BRAND, FDR, NOW)["expected_false"] == 2.1


def in_the_month(session: Session, now: int = NOW) -> tuple[int, float]:
    """Return how many alerts count, and how many of them are expected to be false."""
    said = summary(session, BRAND, FDR, now)
    return said["raised"], said["expected_false"]


def test_the_month_is_that_in_which_an_alert_was_told(session: Session) -> None:
    """However old its scans: a dial that is turned up tells today of scans of last year."""
    keep(session, raised=NOW - 400 * DAY, last=NOW - 400 * DAY)
    assert in_the_month(session) == (1, 0.05)
    assert in_the_month(session, NOW + 30 * DAY) == (1, 0.05)
    assert in_the_month(session, NOW + 30 * DAY + 1) == (0, 0.0)


def test_an_alert_counts_once_though_it_is_told_again(session: Session) -> None:
    """When it was raised, and not when it has regressed or was opened again."""
    alert = keep(session)
    alerts.archive(session, NOW, "p", alert, until=None, more=1)
    later = NOW + 31 * DAY
    alerts.count(session, later, alert, 1, later)
    close(session, alert, "confirmed", later)
    alerts.reopen(session, later, "p", alert)
    assert told(session, alert)[-3:] == ["regressed", "closed", "reopened"]
    assert (in_the_month(session), in_the_month(session, later)) == ((1, 0.05), (0, 0.0))


def test_what_nobody_was_told_of_is_no_false_alarm(session: Session) -> None:
    """An alert of a muted rule counts from when it is told."""
    alerts_rules.mute(session, "p", NOW, rule(session), "noisy")
    alert = keep(session)
    assert in_the_month(session) == (0, 0.0)
    later = NOW + 60 * DAY
    alerts_rules.unmute(session, "p", later, rule(session))
    alerts.count(session, later, alert, 1, NOW)
    assert in_the_month(session, later) == (1, 0.05)


def test_what_is_excepted_is_no_false_alarm(session: Session) -> None:
    """Neither what was told before, nor what never was; once it goes on without an exception it is
    one, and so is what a person opens again."""
    before = keep(session, "before")
    assert in_the_month(session) == (1, 0.05)
    excepted(session, NOW - DAY, NOW + DAY)
    after = keep(session, "after")
    assert (before.state, after.state, in_the_month(session)) == (
        alerts.CLOSED, alerts.CLOSED, (0, 0.0),
    )  # fmt: skip
    later = NOW + 60 * DAY
    alerts.count(session, later, after, 1, later)
    assert in_the_month(session, later) == (1, 0.05)
    third = keep(session, "third")
    alerts.reopen(session, later, "p", third)
    assert in_the_month(session, later) == (2, 0.1)


def test_severity_is_goods_and_money(session: Session) -> None:
    """By the product's value, where one is set."""
    alert = keep(session)
    assert severity(session, alert)["value_high"] is None
    session.add(Product(gtin=GTIN, brand=BRAND, name_en="x", name_zh="x"))
    put_value(session, NOW, "p", BRAND, GTIN, 19_950, "CNY")
    assert severity(session, alert) == {
        "goods_low": 3,
        "goods_high": 8,
        "value_low": 598.5,
        "value_high": 1596.0,
        "currency": "CNY",
    }
    with pytest.raises(Rejected, match="no product"):
        put_value(session, NOW, "p", BRAND + 1, GTIN, 1, "CNY")


@pytest.mark.parametrize(
    ("cover", "covered"),
    [
        (alerts_exceptions.Cover(), True),
        (alerts_exceptions.Cover(["diversion"], ["L1"], [44], [77]), True),
        (alerts_exceptions.Cover(kinds=["clone"]), False),
        (alerts_exceptions.Cover(lots=["L2"]), False),
        (alerts_exceptions.Cover(regions=[31]), False),
        (alerts_exceptions.Cover(consignees=[78]), False),
    ],
)
def test_an_exception_explains_what_it_covers_before_and_after(
    session: Session, cover: alerts_exceptions.Cover, covered: bool
) -> None:
    """Open ones at once, later ones as they are raised; none of them judges its rule."""
    before = keep(session, "before")
    span = (NOW - DAY, NOW + DAY)
    row, explained = alerts_exceptions.add(session, NOW, "p", BRAND, "promotion", span, cover)
    assert (explained, before.state == alerts.CLOSED) == (int(covered), covered)
    after = keep(session, "after")
    assert (after.state, after.exception) == (
        (alerts.CLOSED, row.id) if covered else (alerts.OPEN, None)
    )
    assert told(session, after) == (["closed"] if covered else ["raised"])


def test_what_is_explained_is_put_aside_no_more(session: Session) -> None:
    """Until when it was archived says nothing of an alert that an exception has closed."""
    alert = keep(session)
    alerts.archive(session, NOW, "p", alert, until=NOW + DAY, more=5)
    span = (NOW - DAY, NOW + DAY)
    alerts_exceptions.add(session, NOW, "p", BRAND, "promotion", span, alerts_exceptions.Cover())
    assert (alert.state, alert.quiet_until, alert.quiet_scans) == (alerts.CLOSED, None, None)
    assert keep(session, "outside", raised=NOW + DAY).state == alerts.OPEN
    assert alerts_rules.record_of(session, rule(session)).judged == 0


def test_what_goes_on_after_its_exception_has_regressed(session: Session) -> None:
    """A promotion ends; goods that still leak are no promotion."""
    span = (NOW - DAY, NOW + DAY)
    cover = alerts_exceptions.Cover()
    alerts_exceptions.add(session, NOW, "p", BRAND, "promotion", span, cover)
    alert = keep(session)
    alerts.count(session, NOW, alert, 50, NOW + DAY - 1)
    assert alert.state == alerts.CLOSED
    alerts.count(session, NOW + DAY, alert, 1, NOW + DAY)
    assert (alert.state, alert.exception, alert.outcome) == (alerts.REGRESSED, None, None)


@pytest.mark.parametrize(
    ("at", "covered"), [(NOW - 1, False), (NOW, True), (NOW + DAY - 1, True), (NOW + DAY, False)]
)
def test_an_exception_has_its_first_second_and_not_its_last(
    session: Session, at: int, covered: bool
) -> None:
    """Of what was open before, of what is raised later, and of what wakes up."""
    before, archived = keep(session, "before", raised=at), keep(session, "old", raised=1, last=1)
    alerts.archive(session, NOW, "p", archived, until=None, more=1)
    excepted(session, NOW, NOW + DAY)
    after = keep(session, "after", raised=at)
    alerts.count(session, NOW, archived, 1, at)
    states = [before.state, after.state, archived.state]
    awake = [alerts.OPEN, alerts.OPEN, alerts.REGRESSED]
    assert states == ([alerts.CLOSED] * 3 if covered else awake)


def test_an_exception_that_follows_on_another_prolongs_it(session: Session) -> None:
    """What goes on under the second stays closed, by that one; after both it has regressed."""
    excepted(session, NOW - DAY, NOW + DAY)
    second = excepted(session, NOW + DAY, NOW + 2 * DAY, "prolonged")
    alert = keep(session)
    alerts.count(session, NOW + DAY, alert, 1, NOW + DAY)
    assert (alert.state, alert.outcome, alert.exception) == (alerts.CLOSED, "explained", second.id)
    assert audited(session, "alert explain")[-1].detail["exception"] == second.id
    alerts.count(session, NOW + 2 * DAY, alert, 1, NOW + 2 * DAY - 1)
    assert alert.state == alerts.CLOSED
    alerts.count(session, NOW + 2 * DAY, alert, 1, NOW + 2 * DAY)
    assert (alert.state, alert.exception) == (alerts.REGRESSED, None)
    assert told(session, alert) == ["closed", "closed", "regressed"]


@pytest.mark.parametrize(
    ("cover", "state"),
    [
        (alerts_exceptions.Cover(), alerts.CLOSED),
        (alerts_exceptions.Cover(["diversion"], ["L1"], [44], [77]), alerts.CLOSED),
        (alerts_exceptions.Cover(kinds=["clone"]), alerts.REGRESSED),
        (alerts_exceptions.Cover(lots=["L2"]), alerts.REGRESSED),
        (alerts_exceptions.Cover(regions=[31]), alerts.REGRESSED),
        (alerts_exceptions.Cover(consignees=[78]), alerts.REGRESSED),
    ],
)
def test_what_was_archived_does_not_wake_within_an_exception(
    session: Session, cover: alerts_exceptions.Cover, state: str
) -> None:
    """If that is about it, though it was raised before."""
    alert = keep(session)
    alerts.archive(session, NOW, "p", alert, until=None, more=1)
    span = (NOW + 1, NOW + DAY)
    _, explained = alerts_exceptions.add(session, NOW, "p", BRAND, "promotion", span, cover)
    assert (explained, alert.state) == (0, alerts.ARCHIVED)
    alerts.count(session, NOW + 1, alert, 1, NOW + 1)
    assert alert.state == state
    assert told(session, alert)[-1] == ("closed" if state == alerts.CLOSED else "regressed")


def test_what_has_regressed_is_explained_by_an_exception_that_comes_late(session: Session) -> None:
    """As it would have been by one that was there before its newest scan."""
    excepted(session, NOW - DAY, NOW + DAY)
    alert = keep(session)
    alerts.count(session, NOW + DAY, alert, 1, NOW + DAY)
    assert alert.state == alerts.REGRESSED
    second = excepted(session, NOW + DAY, NOW + 2 * DAY, "prolonged")
    assert (alert.state, alert.exception) == (alerts.CLOSED, second.id)


def test_what_is_open_stays_open_when_an_exception_begins(session: Session) -> None:
    """What was raised before, or opened by a person: that its goods go on says nothing."""
    before, opened = keep(session, "before"), keep(session, "opened", raised=NOW + DAY)
    excepted(session, NOW + 1, NOW + 2 * DAY)
    assert opened.state == alerts.CLOSED
    alerts.reopen(session, NOW + DAY, "p", opened)
    for alert in (before, opened):
        alerts.count(session, NOW + DAY, alert, 100, NOW + DAY)
    assert [before.state, opened.state] == [alerts.OPEN, alerts.OPEN]


def test_an_exception_is_ended(session: Session) -> None:
    """From then on it covers nothing; one that is over stays so, one to come never begins."""
    over, running, coming = (
        excepted(session, NOW + begins * DAY, NOW + ends * DAY, "x")
        for begins, ends in ((-9, -8), (-1, 5), (3, 4))
    )
    alert = keep(session)
    for row in (over, running, coming):
        alerts_exceptions.end(session, NOW + DAY, "a person", row)
    assert over.ends == NOW - 8 * DAY
    assert running.ends == NOW + DAY
    assert coming.begins == coming.ends == NOW + 3 * DAY
    assert keep(session, "next", raised=NOW + DAY).state == alerts.OPEN
    assert keep(session, "much later", raised=NOW + 3 * DAY).state == alerts.OPEN
    assert alert.state == alerts.CLOSED
    alerts.count(session, NOW + DAY, alert, 1, NOW + DAY)
    assert alert.state == alerts.REGRESSED
    begun = [(row.who, row.detail["exception"]) for row in audited(session, "exception add")]
    assert begun == [("p", row.id) for row in (over, running, coming)]
    ended = [(row.who, row.detail["exception"]) for row in audited(session, "exception end")]
    assert ended == [("a person", row.id) for row in (running, coming)]


@pytest.mark.parametrize(
    ("span", "cover"),
    [
        ((NOW, NOW), alerts_exceptions.Cover()),
        ((NOW, NOW + 367 * DAY), alerts_exceptions.Cover()),
        ((NOW, NOW + 1), alerts_exceptions.Cover(kinds=["odd"])),
        ((NOW, NOW + 1), alerts_exceptions.Cover(regions=[99])),
    ],
)
def test_an_exception_that_is_none_is_refused(
    session: Session, span: tuple[int, int], cover: alerts_exceptions.Cover
) -> None:
    """Endless, empty, or about nothing that there is."""
    with pytest.raises(Rejected) as error:
        alerts_exceptions.add(session, NOW, "p", BRAND, "x", span, cover)
    assert error.value.code == "BAD_EXCEPTION"


CODE = f"{GTIN:014d}/COPIED"


def copied(session: Session) -> Alert:
    """Raise a clone of a code."""
    body = {"sentence": "copied", "evidence": {}, "item": {"batch": 3, "index": 9}}
    return keep(session, "copy", kind="clone", code=CODE, body=body, lot=None)


def test_a_clone_alert_lists_its_code_only_where_a_brand_wants_that(session: Session) -> None:
    """With the word caution; a false alarm takes it off, and both are in the audit log."""
    alert = copied(session)
    assert blacklist.level(session, 3, 9) is None
    alerts_rules.turn_dial(session, "p", NOW, BRAND, None, True)
    alerts.reopen(session, NOW, "p", alert)
    assert blacklist.level(session, 3, 9) is None, "it was open all the time"
    close(session, alert, "confirmed")
    alerts.reopen(session, NOW, "p", alert)
    assert blacklist.level(session, 3, 9) is Outcome.CAUTION
    close(session, alert, "false", NOW + 5)
    assert blacklist.level(session, 3, 9) is None
    entry = session.scalars(select(BlacklistEntry)).one()
    assert (entry.who, entry.lifted, entry.lifted_by) == ("worker", NOW + 5, "a person")
    (listed,) = audited(session, "blacklist add")
    assert (listed.who, listed.detail["entry"], listed.detail["alert"]) == (
        "worker", entry.id, alert.id,
    )  # fmt: skip
    (lifted,) = audited(session, "blacklist lift")
    assert lifted.detail["why"] == f"alert {alert.id} is false"


def test_what_a_person_listed_stays_when_an_alert_goes(session: Session) -> None:
    """Each entry has its own reason; the gravest speaks."""
    alerts_rules.turn_dial(session, "p", NOW, BRAND, None, True)
    alert = copied(session)
    code = blacklist.Code(BRAND, CODE, 3, 9)
    blacklist.add(session, NOW, "p", [code], Outcome.DO_NOT_USE, "stolen")
    assert blacklist.level(session, 3, 9) is Outcome.DO_NOT_USE
    close(session, alert, "explained")
    assert blacklist.level(session, 3, 9) is Outcome.DO_NOT_USE
    assert len(blacklist.entries(session, BRAND, 0, 10, lifted=False)) == 1


def open_entries(session: Session) -> list[tuple[str, str]]:
    """Return who has listed a code, and why, of what is on the list."""
    rows = blacklist.entries(session, BRAND, 0, 10, lifted=False)
    return [(row.who, row.reason) for row in rows]


@pytest.mark.parametrize("first", ["the alert", "a person"])
def test_a_persons_entry_is_its_own_beside_an_alerts(session: Session, first: str) -> None:
    """Of the same code at the same level, one by one or in bulk: it is on record, and stays when
    the alert's goes, and the other way about."""
    alerts_rules.turn_dial(session, "p", NOW, BRAND, None, True)
    codes = [blacklist.Code(BRAND, CODE, 3, 9), blacklist.Code(BRAND, f"{GTIN:014d}/X", 3, 10)]

    def add(who: str) -> list[BlacklistEntry]:
        return blacklist.add(session, NOW, who, codes, Outcome.CAUTION, "seized")

    alert = copied(session) if first == "the alert" else None
    made = add("investigator")
    alert = alert or copied(session)
    assert ("worker", f"alert {alert.id}") in open_entries(session)
    assert add("investigator") == made, "again"
    assert len(open_entries(session)) == 3
    own = [row.detail for row in audited(session, "blacklist add") if row.who == "investigator"]
    assert [(one["entry"], one["code"], one["reason"], one["alert"]) for one in own] == [
        (row.id, row.code, "seized", None) for row in made
    ]
    close(session, alert, "explained")
    assert open_entries(session) == [("investigator", "seized")] * 2
    assert blacklist.level(session, 3, 9) is Outcome.CAUTION
    alerts.reopen(session, NOW, "p", alert)
    blacklist.lift(session, NOW, "investigator", made[0], "found again")
    assert blacklist.level(session, 3, 9) is Outcome.CAUTION, "the alert's"
    close(session, alert, "false")
    assert blacklist.level(session, 3, 9) is None


@pytest.mark.parametrize(
    ("how", "again"),
    [("by hand", None), ("outcome", Outcome.CAUTION), ("old outcome", Outcome.CAUTION)],
)
def test_what_a_person_took_off_an_alert_does_not_list_again(
    session: Session, how: str, again: Outcome | None
) -> None:
    """Neither as it regresses nor as it is opened again; what its outcome took off comes back, also
    where the audit log did not yet say that it was its outcome."""
    alerts_rules.turn_dial(session, "p", NOW, BRAND, None, True)
    alert = copied(session)
    body = {**alert.body, "item": {"batch": 3, "index": 10}}
    other = keep(session, "other", kind="clone", code="x/1", body=body)
    own, others = blacklist.entries(session, BRAND, 0, 10, lifted=False)
    by_hand = how == "by hand"
    # One by a person and one by its outcome, at the same second.
    lifted, judged = (own, other) if by_hand else (others, alert)
    blacklist.lift(session, NOW + 1, "investigator", lifted, "its owner is known")
    close(session, judged, "false", NOW + 1)
    if how == "old outcome":
        entry = audited(session, "blacklist lift")[-1]
        entry.detail = {name: value for name, value in entry.detail.items() if name != "alert"}
    if by_hand:
        alerts.archive(session, NOW + 1, "p", alert, until=None, more=1)
        alerts.count(session, NOW + 2, alert, 1, NOW + 2)
        assert alert.state == alerts.REGRESSED
    else:
        alerts.reopen(session, NOW + 2, "p", alert)
    assert blacklist.level(session, 3, 9) is again
    close(session, alert, "explained", NOW + 3)
    assert blacklist.level(session, 3, 9) is None
    alerts.reopen(session, NOW + 4, "p", alert)
    assert blacklist.level(session, 3, 9) is again


def test_an_exception_takes_off_the_list_what_its_end_puts_back(session: Session) -> None:
    """As any outcome that says that nobody did wrong; one that has regressed is listed again."""
    alerts_rules.turn_dial(session, "p", NOW, BRAND, None, True)
    alert = copied(session)
    assert blacklist.level(session, 3, 9) is Outcome.CAUTION
    excepted(session, NOW - DAY, NOW + DAY)
    assert (alert.state, blacklist.level(session, 3, 9)) == (alerts.CLOSED, None)
    alerts.count(session, NOW + DAY, alert, 1, NOW + DAY)
    assert alert.state == alerts.REGRESSED
    assert blacklist.level(session, 3, 9) is Outcome.CAUTION


def test_a_muted_rules_clone_lists_nothing(session: Session) -> None:
    """What is told to nobody is told to no consumer."""
    alerts_rules.turn_dial(session, "p", NOW, BRAND, None, True)
    alerts_rules.mute(session, "p", NOW, rule(session, "clone"), "noisy")
    copied(session)
    assert blacklist.level(session, 3, 9) is None


@pytest.mark.parametrize(
    ("outcome", "listed"),
    [("", Outcome.CAUTION), ("confirmed", Outcome.CAUTION), ("explained", None), ("false", None)],
)
def test_a_rules_clone_is_listed_when_the_rule_speaks_again(
    session: Session, outcome: str, listed: Outcome | None
) -> None:
    """With its next scan, by which it is told, unless somebody judged it otherwise meanwhile."""
    alerts_rules.turn_dial(session, "p", NOW, BRAND, None, True)
    alerts_rules.mute(session, "p", NOW, rule(session, "clone"), "noisy")
    alert = copied(session)
    if outcome:
        close(session, alert, outcome)
    alerts_rules.unmute(session, "p", NOW + 1, rule(session, "clone"))
    assert blacklist.level(session, 3, 9) is None
    alerts.count(session, NOW + 2, alert, 1, NOW + 2)
    assert blacklist.level(session, 3, 9) is listed
