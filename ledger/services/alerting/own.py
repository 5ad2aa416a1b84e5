"""A row by its number, for those whose brand it is of."""

from __future__ import annotations

from typing import TypeVar

from sqlalchemy.orm import Session

from ledger.db.alerting import AlertException, BlacklistEntry
from ledger.db.models import Alert
from ledger.db.webhooks import Delivery, Webhook

Row = TypeVar("Row", Alert, AlertException, BlacklistEntry, Delivery, Webhook)


def own(session: Session, kind: type[Row], number: int, brand: int) -> Row | None:
    """Return a row of a brand (0: of any), None where it has none of this number: what is another's
    is not told apart from what there is not."""
    row = session.get(kind, number)
    return row if row is not None and brand in (0, row.brand) else None
