"""The rows of boxes that a line has closed, until the unit around them is on its way."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import delete, insert, select
from sqlalchemy.orm import Session

from ledger.db.packing import LineBox, LineRun
from ledger.domain import contents
from ledger.domain.contents import Inner, Part, walk
from ledger.services.goods import places


def keep(
    session: Session,
    actor: int,
    boxes: Sequence[tuple[str, tuple[Part, ...], str | None]],
    now: int,
) -> None:
    """Keep closed boxes: (SSCC, what is in it, lot). A box inside another is part of that."""
    names = [sscc for sscc, _, _ in boxes]
    names += [part.sscc for _, parts, _ in boxes for part in walk(parts) if isinstance(part, Inner)]
    forget(session, actor, names)
    kept = [
        {
            "actor": actor,
            "sscc": sscc,
            "contents": contents.encode(parts),
            "lot": lot,
            "created": now,
        }
        for sscc, parts, lot in boxes
    ]
    session.execute(insert(LineBox), kept)
    runs = [run for sscc, parts, _ in boxes for run in _runs(actor, sscc, parts)]
    if runs:
        session.execute(insert(LineRun), runs)


def forget(session: Session, actor: int, names: Sequence[str]) -> None:
    """Forget closed boxes, those of these SSCCs that there are."""
    if session.scalars(select(LineBox.sscc).where(LineBox.actor == actor).limit(1)).first() is None:
        return
    for at in range(0, len(names), places.CHUNK):
        part = names[at : at + places.CHUNK]
        session.execute(delete(LineBox).where(LineBox.actor == actor, LineBox.sscc.in_(part)))
        session.execute(delete(LineRun).where(LineRun.actor == actor, LineRun.sscc.in_(part)))


def _runs(actor: int, sscc: str, parts: Sequence[Part]) -> list[dict[str, Any]]:
    return [
        {"batch": batch, "first": first, "to": to, "actor": actor, "sscc": sscc}
        for batch, indices in places.by_batch(parts).items()
        for first, to in places.spans(indices)
    ]
