"""Alerts: one a cause. Raised once, counted on, archived until something, closed with an outcome.

    open ──archive──► archived ──until is over, or so many scans──► regressed
      └──────────┬────────┴──────────────────────┘
               close (confirmed, explained, false) ──reopen──► open

A cause that an exception covers is kept closed, as explained; if it goes on when none covers it any
more, it has regressed. Every change is in the audit log and in the feed, in one transaction.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from ledger.db.alerting import AlertException, AlertRule
from ledger.db.models import Alert
from ledger.domain.regions import REGIONS
from ledger.errors import Rejected
from ledger.services.alerting import blacklist
from ledger.services.alerting.alerts_copied import doubted
from ledger.services.alerting.alerts_feed import tell
from ledger.services.alerting.alerts_rules import KINDS, mute_if_broken
from ledger.services.alerting.outcomes import EXPLAINED, FALSE, OUTCOMES
from ledger.services.alerting.own import own
from ledger.services.audit import WORKER, record

OPEN, ARCHIVED, REGRESSED, CLOSED = "open", "archived", "regressed", "closed"
STATES = (OPEN, ARCHIVED, REGRESSED, CLOSED)
GROWTH = 2  # a cause is told of again when its scans have grown by this factor
OTHER_CASES = 2  # that join a diversion after it was closed, and it has regressed


@dataclass(frozen=True)
class Cause:
    """What is to become an alert. key: names the cause within the brand; it never changes.

    raised: unix seconds of the scan that tipped it; last: of its newest. body: the finding, with
    `sentence` and `evidence`. goods: how many are probably involved, at least and at most.
    """

    key: str
    brand: int
    raised: int
    last: int
    scans: int
    goods: tuple[int, int]
    body: dict[str, Any]
    lot: str | None = None
    region: int | None = None
    code: str | None = None
    gtin: int | None = None
    consignee: int | None = None


def keep(session: Session, now: int, rule: AlertRule, cause: Cause) -> tuple[Alert, bool]:
    """Return the alert of a cause and whether it is new; one that has grown is updated."""
    key = f"{cause.brand}/{cause.key}"
    alert = session.scalars(select(Alert).where(Alert.key == key)).one_or_none()
    if alert is not None:
        if cause.scans > alert.scans:
            joined = {"joined": alert.body["joined"]} if "joined" in alert.body else {}
            alert.body, alert.goods_low, alert.goods_high = {**cause.body, **joined}, *cause.goods
            count(session, now, alert, cause.scans - alert.scans, cause.last)
        return alert, False
    alert = Alert(
        key=key,
        brand=cause.brand,
        kind=rule.kind,
        rule=rule.id,
        muted=rule.muted is not None,
        raised=cause.raised,
        last=cause.last,
        scans=cause.scans,
        told=cause.scans,
        goods_low=cause.goods[0],
        goods_high=cause.goods[1],
        lot=cause.lot,
        region=cause.region,
        code=cause.code,
        gtin=cause.gtin,
        consignee=cause.consignee,
        body=cause.body,
        state=OPEN,
    )
    session.add(alert)
    session.flush()
    excuse = _excused(session, alert)
    if excuse is not None:
        _explain(session, now, WORKER, alert, excuse)
    else:
        tell(session, now, alert, "raised")
        blacklist.follow(session, now, alert)
    for other in doubted(session, alert) if alert.kind == "clone" else ():
        tell(session, now, other, "updated")
    return alert, True


def count(session: Session, now: int, alert: Alert, more: int, last: int) -> None:
    """Add scans to an alert's cause: it may regress, or be told of again."""
    alert.scans += more
    alert.last = max(alert.last, last)
    if alert.muted and _speaks(session, alert):
        alert.muted, alert.told = False, alert.scans
        if alert.state != CLOSED:  # nobody needs to look at what was judged meanwhile
            tell(session, now, alert, "raised")
        if alert.outcome not in (EXPLAINED, FALSE):
            blacklist.follow(session, now, alert)
    wakes = _awake(session, alert)
    excuse = _excused(session, alert) if wakes else None
    if excuse is not None:
        _explain(session, now, WORKER, alert, excuse)
    elif wakes:
        alert.state = REGRESSED
        _forget(alert)
        alert.told = alert.scans
        record(session, now, WORKER, "alert regress", brand=alert.brand, alert=alert.id)
        tell(session, now, alert, "regressed")
        blacklist.follow(session, now, alert)
    elif alert.state in (OPEN, REGRESSED) and alert.scans >= GROWTH * alert.told:
        alert.told = alert.scans
        tell(session, now, alert, "updated")


def _forget(alert: Alert) -> None:
    """Drop what was decided about an alert; the audit log keeps it."""
    alert.outcome = alert.judged = alert.judged_by = alert.exception = None
    alert.quiet_until = alert.quiet_scans = None


def _speaks(session: Session, alert: Alert) -> bool:
    """Say whether the rule of an alert is not muted (any more)."""
    rule = session.get(AlertRule, alert.rule) if alert.rule is not None else None
    return rule is None or rule.muted is None


def _awake(session: Session, alert: Alert) -> bool:
    """Say whether what an alert was put aside for is over, at its newest scan."""
    if alert.state == ARCHIVED:
        late = alert.quiet_until is not None and alert.last >= alert.quiet_until
        many = alert.quiet_scans is not None and alert.scans >= alert.quiet_scans
        return late or many
    if alert.state == CLOSED and alert.exception is not None:
        excuse = session.get(AlertException, alert.exception)
        return excuse is not None and alert.last >= excuse.ends
    if alert.state == CLOSED and alert.judged is not None:
        since = [one for one in alert.body.get("joined", ()) if one["time"] > alert.judged]
        return len(since) >= OTHER_CASES
    return False


def archive(
    session: Session, now: int, who: str, alert: Alert, *, until: int | None, more: int | None
) -> None:
    """Put an alert aside until a time (unix seconds) or until it has `more` scans than now.

    Raises Rejected BAD_ARCHIVE, ALERT_CLOSED.
    """
    if until is None and more is None:
        raise Rejected("BAD_ARCHIVE", "Say until when, or until how many more scans.")
    if (until is not None and until <= now) or (more is not None and more < 1):
        raise Rejected("BAD_ARCHIVE", "The time is to come, and the scans are at least one.")
    if alert.state == CLOSED:
        raise Rejected("ALERT_CLOSED", "The alert is closed: reopen it first.")
    alert.state, alert.quiet_until = ARCHIVED, until
    alert.quiet_scans = None if more is None else alert.scans + more
    record(
        session,
        now,
        who,
        "alert archive",
        brand=alert.brand,
        alert=alert.id,
        until=until,
        more=more,
    )
    tell(session, now, alert, "archived")


def close(
    session: Session, now: int, who: str, alert: Alert, outcome: str, note: str, setting: float
) -> None:
    """Close an alert with its outcome, which judges its rule. Again, it corrects the outcome.

    setting: stated share of false alerts where the brand has set none. What the alert put on the
    blacklist is taken off unless it is confirmed. Raises Rejected BAD_OUTCOME.
    """
    if outcome not in OUTCOMES:
        raise Rejected("BAD_OUTCOME", f"An outcome is one of {', '.join(OUTCOMES)}.")
    _forget(alert)
    alert.state, alert.outcome, alert.judged, alert.judged_by = CLOSED, outcome, now, who
    told = {"brand": alert.brand, "alert": alert.id, "outcome": outcome, "note": note}
    record(session, now, who, "alert close", **told)
    tell(session, now, alert, "closed")
    if outcome in (EXPLAINED, FALSE):
        blacklist.unfollow(session, now, who, alert)
    rule = session.get(AlertRule, alert.rule) if alert.rule is not None else None
    if rule is not None:
        session.flush()
        mute_if_broken(session, rule, setting, now)


def reopen(session: Session, now: int, who: str, alert: Alert) -> None:
    """Open an alert again: its outcome, if it had one, no longer judges its rule."""
    if alert.state == OPEN:
        return
    alert.state = OPEN
    _forget(alert)
    record(session, now, who, "alert reopen", brand=alert.brand, alert=alert.id)
    tell(session, now, alert, "reopened")
    blacklist.follow(session, now, alert)


def except_open(session: Session, now: int, who: str, excuse: AlertException) -> int:
    """Explain the alerts that a new exception covers; return how many."""
    query = select(Alert).where(Alert.brand == excuse.brand, Alert.state != CLOSED)
    covered = [alert for alert in session.scalars(query) if covers(excuse, alert)]
    for alert in covered:
        _explain(session, now, who, alert, excuse)
    return len(covered)


def _excused(session: Session, alert: Alert) -> AlertException | None:
    at = _spoke(alert)
    query = select(AlertException).where(
        AlertException.brand == alert.brand, AlertException.begins <= at, AlertException.ends > at
    )
    known = session.scalars(query.order_by(AlertException.id))
    return next((row for row in known if covers(row, alert)), None)


def _spoke(alert: Alert) -> int:
    """When the scan was made that is to be excused: the one that raised an alert, or once that was
    put aside the newest."""
    return alert.raised if alert.state == OPEN else alert.last


def covers(excuse: AlertException, alert: Alert) -> bool:
    """Say whether an exception is about an alert."""
    wanted = (
        (excuse.kinds, alert.kind),
        (excuse.lots, alert.lot),
        (excuse.regions, alert.region),
        (excuse.consignees, alert.consignee),
    )
    inside = excuse.begins <= _spoke(alert) < excuse.ends
    return inside and all(not those or this in those for those, this in wanted)


def _explain(session: Session, now: int, who: str, alert: Alert, excuse: AlertException) -> None:
    _forget(alert)
    alert.state, alert.outcome, alert.judged, alert.judged_by = CLOSED, EXPLAINED, now, who
    alert.exception = excuse.id
    told = {"brand": alert.brand, "alert": alert.id, "exception": excuse.id}
    record(session, now, who, "alert explain", **told)
    tell(session, now, alert, "closed")
    blacklist.unfollow(session, now, who, alert)


@dataclass(frozen=True)
class Filter:
    """Which alerts. brand: 0 = all. since, until: raised in [since, until). muted: None = both."""

    brand: int = 0
    kind: str | None = None
    state: str | None = None
    lot: str | None = None
    region: int | None = None
    code: str | None = None
    outcome: str | None = None
    since: int | None = None
    until: int | None = None
    muted: bool | None = None

    def query(self) -> Select[Alert]:
        """Return the alerts that pass, in no order. Raises Rejected BAD_FILTER."""
        for name, known in (("kind", KINDS), ("state", STATES), ("outcome", OUTCOMES)):
            if getattr(self, name) not in (None, *known):
                raise Rejected("BAD_FILTER", f"The {name} is one of {', '.join(known)}.")
        if self.region not in (None, *REGIONS):
            raise Rejected("BAD_FILTER", "A region is two digits of GB/T 2260, as 31.")
        if self.since is not None and self.until is not None and self.since >= self.until:
            raise Rejected("BAD_FILTER", "`since` is before `until`.")
        query = select(Alert)
        if self.brand:
            query = query.where(Alert.brand == self.brand)
        for name in ("kind", "state", "lot", "region", "code", "outcome", "muted"):
            if (value := getattr(self, name)) is not None:
                query = query.where(getattr(Alert, name) == value)
        if self.since is not None:
            query = query.where(Alert.raised >= self.since)
        return query if self.until is None else query.where(Alert.raised < self.until)


def page(
    session: Session, wanted: Filter, after: int = 0, limit: int = 100, *, newest: bool = False
) -> list[Alert]:
    """Return the alerts that come after number `after`, in order: the last one's number leads on.

    newest: from the newest down, after 0 from the first of them.
    """
    query = wanted.query().limit(limit)
    if not newest:
        return list(session.scalars(query.where(Alert.id > after).order_by(Alert.id)))
    query = query.where(Alert.id < after) if after else query
    return list(session.scalars(query.order_by(Alert.id.desc())))


def find(session: Session, number: int, brand: int) -> Alert:
    """Return an alert of a brand (0: any). Raises Rejected UNKNOWN_ALERT."""
    alert = own(session, Alert, number, brand)
    if alert is None:
        raise Rejected("UNKNOWN_ALERT", f"There is no alert {number}.")
    return alert
