"""Diversions whose codes turn out to be copies.

Who copies the codes of one carton and sells them elsewhere leaves the first scan of each in one
region, as goods that were moved do; only later scans tell the two apart. Such an alert stays, for a
person to judge, and says how many of the codes that it names were raised as copies since.
"""

from __future__ import annotations

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from ledger.db.models import Alert
from ledger.services.alerting.outcomes import EXPLAINED, FALSE


def named_codes(alert: Alert) -> list[str]:
    """Return the codes that a diversion's evidence names, the first hundred."""
    return list(alert.body["evidence"].get("codes", ()))


def copied(session: Session, alert: Alert) -> int:
    """Return how many of a diversion's codes are raised as copies, and not judged otherwise."""
    keys = [f"{alert.brand}/clone/{code}" for code in named_codes(alert)]
    held = or_(Alert.outcome.is_(None), Alert.outcome.not_in((EXPLAINED, FALSE)))
    query = select(func.count()).where(Alert.key.in_(keys), held)
    return session.scalar(query) or 0 if keys else 0


def doubted(session: Session, clone: Alert) -> list[Alert]:
    """Return the diversions of which a new clone alert makes half of the codes copies."""
    query = select(Alert).where(
        Alert.brand == clone.brand, Alert.kind == "diversion", Alert.lot == clone.lot
    )
    found = []
    for alert in session.scalars(query):
        codes = named_codes(alert)
        if clone.code in codes and 0 <= 2 * copied(session, alert) - len(codes) < 2:
            found.append(alert)
    return found
