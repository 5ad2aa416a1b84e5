"""What rules ask of alerts, of a code's earlier scans and of a cause's hits: once, for all of them.

A phone that scans without end hides nobody. Where more scans of a code than MOST lie within the
time, each device counts by its newest, of the last DEEP scans; where there are more hits of a
cause, all but each device's newest go.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from sqlalchemy import Row, bindparam, delete, insert, literal, select
from sqlalchemy.orm import Session

from ledger.db.alerting import AlertRule, RuleHit
from ledger.db.engine import plain_rows
from ledger.db.models import Alert, Scan
from ledger.domain.thresholds import CERTAIN, DAY_S, History, Seen
from ledger.services.alerting.watch_frame import code_of
from ledger.services.alerting.watch_scan import ScanRow
from ledger.services.scans import OFFLINE_S

CONSUMERS = ("web", "wechat", "app")
MOST = 1_000  # scans of one code, or hits of one cause, that are looked at
DEEP = 10_000  # scans of one code, of which each device's newest is
HELD = 20_000  # scans, and alerts, that are remembered before all of them are forgotten
_EVER = 2**62
# Asked for every scan: of tables and not of classes, and built once, a tenth of the time.
_ALERT, _SCAN, _HIT = Alert.__table__.c, Scan.__table__.c, RuleHit.__table__.c
_KNOWN = select(_ALERT.id).where(_ALERT.key.in_(bindparam("keys", expanding=True)))
_OF_CODE = (
    select(_SCAN.id, _SCAN.time, _SCAN.device, _SCAN.loc_src, _SCAN.lat, _SCAN.lon, _SCAN.acc_km)
    .where(
        _SCAN.batch == bindparam("batch"),
        _SCAN.index == bindparam("index"),
        # None that came after this one: each has its turn.
        _SCAN.id <= bindparam("scan"),
        _SCAN.channel.in_([literal(name) for name in CONSUMERS]),
        _SCAN.weak.is_(False),
        _SCAN.time > bindparam("since"),
    )
    .limit(bindparam("most"))
)
_BEFORE = _OF_CODE.where(_SCAN.time <= bindparam("until")).order_by(
    _SCAN.time.desc(), _SCAN.id.desc()
)
_AFTER = _OF_CODE.where(_SCAN.time < bindparam("until")).order_by(_SCAN.time, _SCAN.id)
_OF_CAUSE = (
    select(_HIT.scan, _HIT.time, _HIT.device)
    .where(
        _HIT.rule == bindparam("rule"),
        _HIT.cause == bindparam("cause"),
        _HIT.time > bindparam("since"),
    )
    .limit(MOST)
)
_HITS_BEFORE = _OF_CAUSE.where(_HIT.time <= bindparam("until")).order_by(
    _HIT.time.desc(), _HIT.scan.desc()
)
_HITS_AFTER = _OF_CAUSE.where(_HIT.time < bindparam("until")).order_by(_HIT.time, _HIT.scan)
_ADD_HIT = insert(RuleHit)
Counted = Row[Any]
"""A scan that hits a cause, when it was made, and its device."""


@dataclass
class Past:
    """The scans of one code up to one of them, as far back as any threshold asks.

    asked: what was asked for them. newest: MOST at most, in order of time, the last the one that is
    looked at. after: those that were made later, where that one came late.
    """

    session: Session
    asked: dict[str, Any]
    newest: list[Seen]
    after: Sequence[Seen] = ()

    @cached_property
    def each(self) -> dict[str, Seen]:
        """Each device's newest scan, MOST at most, in order of time."""
        found: dict[str, Any] = {}
        for row in plain_rows(self.session, _BEFORE, **{**self.asked, "most": DEEP}):
            found.setdefault(row.device, row)
        newest = list(found.values())[:MOST]
        return {row.device: seen_of(*row) for row in reversed(newest)}

    def add(self, seen: Seen) -> None:
        """Go on to a further scan, which was made last."""
        self.asked["scan"] = seen.id
        self.newest = [*self.newest[1 - MOST :], seen]
        if "each" in vars(self):
            self.each.pop(seen.device, None)
            self.each[seen.device] = seen
            while len(self.each) > MOST:
                del self.each[next(iter(self.each))]

    def turns(self) -> Iterator[Turn]:
        """Yield the scan that is looked at, and then those that it may tip because it was made
        before them and came after."""
        for count in range(len(self.after) + 1):
            yield Turn(self, self.after[:count], self.after[count:])


@dataclass(frozen=True)
class Turn:
    """A scan at which thresholds are judged. between: those made after the one that is looked at,
    up to this one; left: those made after this one."""

    past: Past
    between: Sequence[Seen]
    left: Sequence[Seen]

    @cached_property
    def pair(self) -> History:
        """The scan that is looked at, and this one."""
        return History([self.past.newest[-1], *self.between[-1:]])

    @cached_property
    def newest(self) -> History:
        """The newest scans up to it."""
        return History([*self.past.newest, *self.between])

    @cached_property
    def each(self) -> History:
        """Each device's newest up to the one that is looked at, and those between."""
        return History([*self.past.each.values(), *self.between])

    def histories(self, days: float) -> Iterator[History]:
        """Yield what to judge by."""
        yield self.newest
        if len(self.past.newest) == MOST and not self.newest.first(days):
            yield self.each  # there may be more than the newest


@dataclass
class Asked:
    """What was asked in one session, which looks at scans in the order in which they came.

    alerts: of causes, by key. pasts: by batch and index. held: how many scans these have.
    """

    session: Session
    alerts: dict[str, Alert] = field(default_factory=dict)
    pasts: dict[tuple[int | None, int | None], Past] = field(default_factory=dict)
    held: int = 0

    @classmethod
    def of(cls, session: Session) -> Asked:
        """Return what was asked in a session."""
        if cls not in session.info:
            session.info[cls] = cls(session)
        asked: Asked = session.info[cls]
        return asked

    def known(self, keys: Sequence[str]) -> Mapping[str, Alert]:
        """Return alerts by key: those of these causes, as far as there are any, among others."""
        if len(self.alerts) > HELD:
            self.alerts.clear()
        missing = [key for key in keys if key not in self.alerts]
        found = plain_rows(self.session, _KNOWN, keys=missing) if missing else ()
        if found:
            query = select(Alert).where(Alert.id.in_([row.id for row in found]))
            self.alerts |= {alert.key: alert for alert in self.session.scalars(query)}
        return self.alerts

    def past(self, row: ScanRow, days: float) -> Past:
        """Return the scans of a code up to one of them, for thresholds of so many days at most, as
        many each time."""
        code, span = (row.batch, row.index), days * DAY_S
        seen = seen_of(row.id, row.time, row.device, row.loc_src, row.lat, row.lon, row.acc_km)
        since = math.floor(row.time - span)
        past = self.pasts.pop(code, None)
        if past is not None and past.newest[-1].time <= seen.time:
            past.add(seen)
            self.held += 1
        else:
            asked = {"batch": row.batch, "index": row.index, "scan": row.id, "since": since}
            past = self._read({**asked, "until": _EVER})
            if past.newest[-1].id != row.id:
                past = self._read({**asked, "until": row.time})
                asked |= {"since": row.time, "until": math.ceil(row.time + span)}
                after = plain_rows(self.session, _AFTER, **asked, most=MOST)
                past.after = [seen_of(*one) for one in after]
                return past  # which no scan goes on from: others were made later
            self.held += len(past.newest)
        if self.held > HELD:
            self.pasts.clear()
            self.held = 0
        self.pasts[code] = past
        return past

    def _read(self, asked: dict[str, Any]) -> Past:
        rows = plain_rows(self.session, _BEFORE, **asked, most=MOST)
        return Past(self.session, asked, [seen_of(*row) for row in reversed(rows)])


def seen_of(
    number: int,
    time: int,
    device: str,
    source: str,
    lat: float | None,
    lon: float | None,
    acc_km: float | None,
) -> Seen:
    """Return a scan as thresholds look at it."""
    known = lat is not None and lon is not None and source in CERTAIN
    place = (lat or 0.0, lon or 0.0, acc_km or 0.0) if known else None
    return Seen(number, time, device, place)


def hits_with(
    session: Session, rule: AlertRule, cause: str, row: ScanRow
) -> tuple[Sequence[Counted], Sequence[Counted]]:
    """Add a scan to the hits of a cause; return those within the rule's days before it, itself the
    last, and those after it, in order of time."""
    of = {"rule": rule.id, "cause": cause}
    hit = {**of, "scan": row.id, "time": row.time, "device": row.device, "code": code_of(row)}
    session.connection().execute(_ADD_HIT, hit)
    span = rule.terms["days"] * DAY_S
    since, until = math.floor(row.time - span), math.ceil(row.time + span)
    before = plain_rows(session, _HITS_BEFORE, **of, since=since, until=row.time)
    while len(before) == MOST and (spare := _repeated(before)):
        gone = delete(RuleHit).where(RuleHit.rule == rule.id, RuleHit.scan.in_(spare))
        session.execute(gone)
        before = plain_rows(session, _HITS_BEFORE, **of, since=since, until=row.time)
    return before[::-1], plain_rows(session, _HITS_AFTER, **of, since=row.time, until=until)


def forget_hits(session: Session, rule: int, days: float, newest: int) -> None:
    """Delete the hits of a rule that no scan will ask for: one that was made offline asks late.
    newest: when the newest scan so far was made."""
    until = newest - OFFLINE_S - days * DAY_S
    session.execute(delete(RuleHit).where(RuleHit.rule == rule, RuleHit.time <= until))


def _repeated(hits: Sequence[Counted]) -> list[int]:
    """Return the scans that are not the first here by their device."""
    first: dict[str, int] = {}
    return [hit.scan for hit in hits if first.setdefault(hit.device, hit.scan) != hit.scan]
