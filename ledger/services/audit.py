"""The audit log: who changed what, when. Rows are added in the transaction of the change."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from ledger.db.models import AuditEntry

WORKER = "worker"  # who, where no person asked for it
COMMAND = "command"  # who, where a command was typed; with the user's name after a colon, if known


def record(session: Session, now: int, who: str, what: str, **detail: Any) -> None:
    """Add an entry. who: name of an API key, COMMAND or WORKER. what: noun and verb, as
    'alert close'."""
    session.add(AuditEntry(time=now, who=who, what=what, detail=detail))


def entries(session: Session, *, brand: int, after: int = 0, limit: int = 100) -> list[AuditEntry]:
    """Return the entries of a brand's doings (0: all) with an id above `after`, in order."""
    query = select(AuditEntry).where(AuditEntry.id > after).order_by(AuditEntry.id).limit(limit)
    if brand:
        query = query.where(AuditEntry.detail["brand"].as_integer() == brand)
    return list(session.scalars(query))
