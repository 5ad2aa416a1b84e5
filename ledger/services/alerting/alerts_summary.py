"""How a brand's rules do: raised, judged, and how many false alarms are to be expected a month."""

from __future__ import annotations

from typing import Any

from sqlalchemy import func, null, select
from sqlalchemy.orm import Session

from ledger.db.alerting import AlertChange, AlertRule, ItemValue
from ledger.db.models import Alert, Product
from ledger.errors import Rejected
from ledger.services.alerting import alerts_rules as rules
from ledger.services.audit import record

MONTH_S = 30 * 86_400
TOLD = ("raised", "regressed", "reopened")  # the first of these is when people were first alarmed


def summary(session: Session, brand: int, setting: float, now: int) -> dict[str, Any]:
    """Return the dial, each rule with its record, and what is expected of the last 30 days.

    setting: stated share where the brand has set none. expected_false: of a calibrated rule what
    was stated of each alert when it was raised, whatever the dial says now; of another its share
    of false outcomes so far, None before the first. Alerts count by when they were first told,
    however old their scans; excepted ones do not count, nor those that nobody was told of.
    """
    rows = [_rule(session, row, setting, now) for row in rules.of_brand(session, brand)]
    known = [row["expected_false"] for row in rows if row["expected_false"] is not None]
    return {
        "brand": brand,
        "fdr": rules.dial(session, brand, setting),
        "list_copies": rules.lists_copies(session, brand),
        "since": now - MONTH_S,
        "raised": sum(row["raised"] for row in rows),
        "expected_false": round(sum(known), 2),
        "unknown": sorted(
            row["name"] for row in rows if row["expected_false"] is None and row["raised"]
        ),
        "rules": rows,
    }


def _rule(session: Session, row: AlertRule, setting: float, now: int) -> dict[str, Any]:
    told, promise = rules.record_of(session, row), rules.promise_of(session, row, setting)
    stated = func.sum(func.coalesce(Alert.body["fdr"].as_float(), promise))
    told_at = (
        select(func.min(AlertChange.time))
        .where(AlertChange.alert == Alert.id, AlertChange.what.in_(TOLD))
        .correlate(Alert)
        .scalar_subquery()
    )
    raised, expected = session.execute(
        select(func.count(), stated if row.calibrated else null())
        .select_from(Alert)
        .where(Alert.rule == row.id, Alert.exception.is_(None))
        .where(told_at >= now - MONTH_S)  # what is muted is not in the feed
    ).one()
    if row.calibrated:
        expected = expected or 0.0
    elif told.precision is not None:
        expected = (1 - told.precision) * raised
    return {
        **rule_json(row),
        "promise": promise,
        "raised": raised,
        "confirmed": told.confirmed,
        "explained": told.explained,
        "false": told.false,
        "precision": told.precision,
        "expected_false": None if expected is None else round(expected, 2),
    }


def rule_json(row: AlertRule) -> dict[str, Any]:
    """Return a rule as it is set."""
    return {
        "name": row.name,
        "kind": row.kind,
        "terms": row.terms,
        "calibrated": row.calibrated,
        "enabled": row.enabled,
        "promise": row.promise,
        "muted": row.muted,
        "muted_why": row.muted_why,
    }


def put_value(
    session: Session, now: int, who: str, brand: int, gtin: int, cents: int, currency: str
) -> None:
    """Say what one item is worth, in 1/100 of a currency.

    Raises Rejected UNKNOWN_PRODUCT, BAD_VALUE.
    """
    product = session.get(Product, gtin)
    if product is None or product.brand != brand:
        raise Rejected(
            "UNKNOWN_PRODUCT", f"Brand {brand} has no product {gtin:014d}: name it first."
        )
    if cents < 0 or not (len(currency) == 3 and currency.isascii() and currency.isupper()):
        raise Rejected("BAD_VALUE", "A value is 0 or more, in a currency of three letters as CNY.")
    session.merge(ItemValue(gtin=gtin, brand=brand, cents=cents, currency=currency))
    told = {"gtin": f"{gtin:014d}", "cents": cents, "currency": currency}
    record(session, now, who, "value set", brand=brand, **told)
