"""The feed: every change of an alert, in order, for those who listen (SSE) and who are sent it.

An entry and its first deliveries are rows of the transaction that makes the change: what happened
is in the feed, and what is in the feed happened.
"""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from ledger.db.alerting import AlertChange, AlertRule
from ledger.db.models import Alert
from ledger.db.webhooks import Delivery, Webhook
from ledger.services.alerting.alerts_view import alert_json

WAITING = "WAITING"
OF_RULES = ("muted", "unmuted")


def tell(session: Session, now: int, alert: Alert, what: str) -> None:
    """Enter a change of an alert in the feed. Alerts of a muted rule are not told."""
    if alert.muted:
        return
    session.flush()  # a new alert gets its number
    add(session, now, alert.brand, alert.id, what, alert_json(session, alert), alert.kind)


def tell_rule(session: Session, now: int, rule: AlertRule, what: str) -> None:
    """Enter in the feed that a rule fell silent, or speaks again: its silence is no calm."""
    body = {"rule": rule.name, "kind": rule.kind, "brand": rule.brand, "why": rule.muted_why}
    add(session, now, rule.brand, 0, what, body, rule.kind)


def add(
    session: Session, now: int, brand: int, alert: int, what: str, body: dict[str, Any], kind: str
) -> AlertChange:
    """Enter a change, and a delivery of it for each webhook that wants this kind."""
    change = AlertChange(brand=brand, alert=alert, time=now, what=what, body=body)
    session.add(change)
    session.flush()
    wanted = select(Webhook).where(Webhook.brand.in_((0, brand)), Webhook.disabled.is_(None))
    for webhook in session.scalars(wanted):
        if not webhook.kinds or kind in webhook.kinds:
            deliver(session, now, webhook, change)
    return change


def deliver(session: Session, due: int, webhook: Webhook, change: AlertChange) -> Delivery:
    """Add the first attempt to deliver an entry, from `due` on."""
    row = Delivery(
        brand=webhook.brand,
        webhook=webhook.id,
        change=change.id,
        message=message_id(change),
        attempt=1,
        state=WAITING,
        due=due,
    )
    session.add(row)
    return row


def deliver_again(session: Session, due: int, before: Delivery, attempt: int) -> Delivery:
    """Add another attempt to deliver what was attempted before, under the same message id."""
    row = Delivery(
        brand=before.brand,
        webhook=before.webhook,
        change=before.change,
        message=before.message,
        attempt=attempt,
        state=WAITING,
        due=due,
    )
    session.add(row)
    return row


def message_id(change: AlertChange) -> str:
    """Return the id of the message that an entry is; it is kept with the first attempt.

    The entry's number alone would come again after a database was restored from a backup, and
    receivers take each id once: a digest of when and what it was tells the two apart.
    """
    said = [change.id, change.brand, change.alert, change.time, change.what, change.body]
    digest = hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()
    return f"msg_{change.id}_{digest[:24]}"


def newest(session: Session) -> int:
    """Return the number of the newest entry."""
    return session.scalar(select(func.max(AlertChange.id))) or 0


def changes(session: Session, brand: int, after: int, limit: int = 100) -> list[AlertChange]:
    """Return a brand's entries (0: all) numbered above `after`, in order."""
    query = select(AlertChange).where(AlertChange.id > after).order_by(AlertChange.id).limit(limit)
    return list(session.scalars(query.where(AlertChange.brand == brand) if brand else query))


def message(change: AlertChange) -> dict[str, Any]:
    """Return an entry as those outside are told it (a payload of Standard Webhooks)."""
    at = f"{datetime.fromtimestamp(change.time, UTC):%Y-%m-%dT%H:%M:%SZ}"
    return {"type": type_of(change), "timestamp": at, "data": change.body}


def type_of(change: AlertChange) -> str:
    """Return the type of an entry's event, as alert.raised."""
    return f"{'rule' if change.what in OF_RULES else 'alert'}.{change.what}"
