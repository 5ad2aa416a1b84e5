"""An alert as people and programs are told it, with its severity in goods and money."""

from __future__ import annotations

from typing import Any

from sqlalchemy.orm import Session

from ledger.db.alerting import ItemValue
from ledger.db.models import Alert
from ledger.services.alerting.alerts_copied import copied

_OWN = ("kind", "lot", "region", "code", "day")  # of a finding, told by the alert's own columns


def alert_json(session: Session, alert: Alert) -> dict[str, Any]:
    """Return an alert: its own members, then those of the finding that raised it. A diversion also
    says how many of the codes that it names were raised as copies since (`copied`)."""
    return {
        "id": alert.id,
        "kind": alert.kind,
        "rule": alert.rule,
        "state": alert.state,
        "muted": alert.muted,
        "brand": alert.brand,
        "raised": alert.raised,
        "last": alert.last,
        "scans": alert.scans,
        "lot": alert.lot,
        "region": alert.region,
        "code": alert.code,
        "consignee": alert.consignee,
        "severity": severity(session, alert),
        "archived_until": alert.quiet_until,
        "archived_until_scans": alert.quiet_scans,
        "outcome": alert.outcome,
        "judged": alert.judged,
        "judged_by": alert.judged_by,
        "exception": alert.exception,
        **({"copied": copied(session, alert)} if alert.kind == "diversion" else {}),
        **{name: value for name, value in alert.body.items() if name not in _OWN},
    }


def severity(session: Session, alert: Alert) -> dict[str, Any]:
    """Return how many goods are probably involved, and what they are worth if that is known."""
    value = session.get(ItemValue, alert.gtin) if alert.gtin is not None else None
    return {
        "goods_low": alert.goods_low,
        "goods_high": alert.goods_high,
        "value_low": value.cents * alert.goods_low / 100 if value else None,
        "value_high": value.cents * alert.goods_high / 100 if value else None,
        "currency": value.currency if value else None,
    }
