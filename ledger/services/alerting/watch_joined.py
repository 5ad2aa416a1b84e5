"""Cases that join a diversion after it was raised.

The test of a consignment and place ends with its alert, which names some cases. What else of the
consignment is sold there later joins it by a rule: of the items of one case that were scanned
there, JOINS were so first by different devices.
"""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from ledger.db.alerting import AlertRule, RuleHit
from ledger.db.models import Alert
from ledger.domain.thresholds import DAY_S
from ledger.services.alerting.watch_consignments import Case
from ledger.services.alerting.watch_frame import code_of
from ledger.services.alerting.watch_past import CONSUMERS, forget_hits
from ledger.services.alerting.watch_scan import ScanRow

JOINS = 3  # gifts have fewer that are scanned, but for one in a hundred
DAYS = 60  # within which
MOST = 1_000  # scans of a case that are looked at, and cases that join an alert


def is_of(alert: Alert, case: Case) -> bool:
    """Say whether a diversion names a case, or it has joined."""
    if case.sscc in alert.body["evidence"]["units"]:
        return True
    return any(one["unit"] == case.sscc for one in alert.body.get("joined", ()))


def join(session: Session, alert: Alert, row: ScanRow, case: Case) -> int:
    """Count a scan of a case that is not the alert's; return how many scans that adds to it: all
    that were counted when the case joins, else none."""
    joined = alert.body.get("joined", [])
    if alert.rule is None or row.weak or row.channel not in CONSUMERS or len(joined) == MOST:
        return 0
    if session.get(RuleHit, (alert.rule, row.id)) is not None:
        return 0  # by a wider place's alert
    hit = RuleHit(
        rule=alert.rule,
        scan=row.id,
        cause=f"{alert.id}/{case.sscc}",
        time=row.time,
        device=row.device,
        code=code_of(row),
    )
    session.add(hit)
    session.flush()
    query = select(RuleHit.code, RuleHit.device).where(
        RuleHit.rule == alert.rule,
        RuleHit.cause == hit.cause,
        RuleHit.time > row.time - DAYS * DAY_S,
        RuleHit.time < row.time + DAYS * DAY_S,
    )
    hits = session.execute(query.order_by(RuleHit.time.desc()).limit(MOST)).all()
    first = {hit.code: hit.device for hit in hits}  # the last one given is the first there was
    if len(set(first.values())) < JOINS:
        return 0
    alert.body = {**alert.body, "joined": [*joined, {"unit": case.sscc, "time": row.time}]}
    alert.goods_low += len(first)
    alert.goods_high += len(case.codes)
    return len(hits)


def forget(session: Session, rule: AlertRule, newest: int) -> None:
    """Delete the scans that no case can join by any more. newest: when the newest was made."""
    forget_hits(session, rule.id, DAYS, newest)
