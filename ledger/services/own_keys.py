"""Idempotency keys that the installation makes itself, of what is to be done: `epoch-…` …

A caller's key keeps its first answer, a refusal too: who asks anew takes another one. Our own has
no other, so one refusal (a brand suspended between asking and its block) would stand for ever.
Hence a refused submission gives its key back, and what it stands for is asked again.
"""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from ledger.db.models import Submission
from ledger.services.act import is_refused


def free(session: Session, *keys: str) -> bool:
    """Take the keys from those of their submissions that were refused; say whether any was.

    Such a submission stays, under a name of its own: nothing that it signed can be carried out.
    """
    rows = session.scalars(select(Submission).where(Submission.key.in_(keys))).all()
    refused = [row for row in rows if is_refused(row)]
    for row in refused:
        row.key = f"refused {row.id} {row.key}"
    session.flush()
    return bool(refused)
