"""Blanket exceptions with dates: what is known beforehand (a promotion, flood relief) is no alert.

What an exception covers is kept, closed as explained, and told as such; it judges no rule. It is
about what is raised within its dates, and what was put aside and goes on then.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from ledger.db.alerting import AlertException
from ledger.domain.regions import REGIONS
from ledger.errors import Rejected
from ledger.services.alerting.alerts import except_open
from ledger.services.alerting.alerts_rules import KINDS
from ledger.services.alerting.own import own
from ledger.services.audit import record

LONGEST_S = 366 * 86_400


@dataclass(frozen=True)
class Cover:
    """What an exception is about; empty: all of them."""

    kinds: Sequence[str] = ()
    lots: Sequence[str] = ()
    regions: Sequence[int] = ()
    consignees: Sequence[int] = ()


def add(
    session: Session,
    now: int,
    who: str,
    brand: int,
    reason: str,
    span: tuple[int, int],
    what: Cover,
) -> tuple[AlertException, int]:
    """Except what is raised or would regress in [begins, ends); return it and how many open alerts
    it explains.

    The same again gives the first. Raises Rejected BAD_EXCEPTION.
    """
    begins, ends = span
    if not begins < ends <= begins + LONGEST_S:
        raise Rejected("BAD_EXCEPTION", "An exception ends after it begins, within 366 days.")
    if not set(what.kinds) <= set(KINDS):
        raise Rejected("BAD_EXCEPTION", f"Kinds are {', '.join(KINDS)}.")
    if not set(what.regions) <= set(REGIONS):
        raise Rejected("BAD_EXCEPTION", "Regions are two digits of GB/T 2260 each, as 31.")
    lists = {
        "kinds": sorted(set(what.kinds)),
        "lots": sorted(set(what.lots)),
        "regions": sorted(set(what.regions)),
        "consignees": sorted(set(what.consignees)),
    }
    same = select(AlertException).where(
        AlertException.brand == brand,
        AlertException.reason == reason,
        AlertException.begins == begins,
        AlertException.ends == ends,
    )
    for known in session.scalars(same):
        if all(getattr(known, name) == values for name, values in lists.items()):
            return known, 0
    row = AlertException(
        brand=brand, reason=reason, begins=begins, ends=ends, created=now, who=who, **lists
    )
    session.add(row)
    session.flush()
    told = {"exception": row.id, "reason": reason, "begins": begins, "ends": ends}
    record(session, now, who, "exception add", brand=brand, **told, **lists)
    return row, except_open(session, now, who, row)


def end(session: Session, now: int, who: str, row: AlertException) -> None:
    """End an exception now, if it goes on; what it explained stays so until it goes on itself, and
    no other covers that."""
    if row.ends > now:
        row.ends = max(now, row.begins)
        record(session, now, who, "exception end", brand=row.brand, exception=row.id)


def listing(session: Session, brand: int) -> list[AlertException]:
    """Return a brand's exceptions (0: all), the newest last."""
    query = select(AlertException).order_by(AlertException.id)
    return list(session.scalars(query.where(AlertException.brand == brand) if brand else query))


def exception_json(row: AlertException) -> dict[str, Any]:
    """Return an exception as people and programs are told it."""
    return {
        "id": row.id,
        "brand": row.brand,
        "reason": row.reason,
        "begins": row.begins,
        "ends": row.ends,
        "kinds": row.kinds,
        "lots": row.lots,
        "regions": row.regions,
        "consignees": row.consignees,
        "created": row.created,
        "who": row.who,
    }


def find(session: Session, number: int, brand: int) -> AlertException:
    """Return an exception of a brand (0: any). Raises Rejected UNKNOWN_EXCEPTION."""
    row = own(session, AlertException, number, brand)
    if row is None:
        raise Rejected("UNKNOWN_EXCEPTION", f"There is no exception {number}.")
    return row
