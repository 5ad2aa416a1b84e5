"""The operator's blacklist of codes: what the log says of a code, beside its history.

A person's entry says `do_not_use`, or `caution`; what a clone alert puts there by itself says
caution, and goes when the alert is explained or was false. Each has its own reason, so a code may
have both. No entry is ever deleted: it is lifted, and who did that is kept.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import bindparam, select
from sqlalchemy.orm import Session

from ledger.db.alerting import BlacklistEntry
from ledger.db.models import Alert, AuditEntry
from ledger.domain.verdict import Outcome
from ledger.errors import Rejected
from ledger.services.alerting.alerts_rules import lists_copies
from ledger.services.alerting.own import own
from ledger.services.audit import WORKER, record
from ledger.services.lookup import find_item, read_link
from ledger.services.site import Site

LEVELS = (Outcome.CAUTION, Outcome.DO_NOT_USE)  # the graver last
MOST, CHUNK = 10_000, 500  # codes a request, and a query
LIFT = "blacklist lift"  # in the audit log
# Asked for every verdict: of the table and not of the class, and built once, a quarter of the time.
_TABLE = BlacklistEntry.__table__.c
_LEVELS = select(_TABLE.level).where(
    _TABLE.batch == bindparam("batch"),
    _TABLE.index == bindparam("index"),
    _TABLE.lifted.is_(None),
)


@dataclass(frozen=True)
class Code:
    """A code of ours: its brand, GTIN-14/serial, and where its leaf is."""

    brand: int
    text: str
    batch: int
    index: int


def level(session: Session, batch: int, index: int) -> Outcome | None:
    """Return the gravest level at which a code is listed, None if it is not."""
    found = (Outcome(text) for text in session.scalars(_LEVELS, {"batch": batch, "index": index}))
    return max(found, key=LEVELS.index, default=None)


def codes_of(site: Site, session: Session, texts: Sequence[str], brand: int) -> list[Code]:
    """Return the codes that links or GTIN/serial name, all of one brand (0: of any).

    Raises Rejected BAD_BLACKLIST, naming the first that is none.
    """
    found = []
    for number, text in enumerate(texts, 1):
        try:
            link = read_link(text if "/01/" in text else f"https://{site.host}/01/{_slashed(text)}")
            item = find_item(site, session, link.gtin, link.serial)
        except Rejected:
            item = None
        if item is None or (brand and item.brand != brand):
            raise Rejected("BAD_BLACKLIST", f"Code {number} ({text[:80]}) is none of this brand's.")
        code = f"{item.gtin:014d}/{item.serial}"
        found.append(Code(item.brand, code, item.batch, item.index))
    return found


def _slashed(text: str) -> str:
    gtin, _, serial = text.strip().partition("/")
    return f"{gtin}/21/{serial}"


def add(
    session: Session,
    now: int,
    who: str,
    codes: Sequence[Code],
    grade: str,
    reason: str,
    alert: int | None = None,
) -> list[BlacklistEntry]:
    """List codes, all or none. alert: which one does it, None for a person.

    One that is listed at this level already, by the same alert or by any person, stays as it is.
    Raises Rejected BAD_BLACKLIST.
    """
    if grade not in LEVELS:
        raise Rejected("BAD_BLACKLIST", f"A level is one of {', '.join(LEVELS)}.")
    if not 1 <= len(codes) <= MOST:
        raise Rejected("BAD_BLACKLIST", f"List 1 to {MOST:,} codes at a time.")
    listed = _listed(session, codes, grade, alert)
    new = {}
    for code in codes:
        if (code.batch, code.index) not in listed:
            new[code.batch, code.index] = BlacklistEntry(
                brand=code.brand,
                code=code.text,
                batch=code.batch,
                index=code.index,
                level=grade,
                reason=reason,
                alert=alert,
                since=now,
                who=who,
            )
    session.add_all(new.values())
    session.flush()  # gives them numbers
    for row in new.values():
        told = {"code": row.code, "entry": row.id, "level": grade, "reason": reason}
        record(session, now, who, "blacklist add", brand=row.brand, alert=alert, **told)
    listed |= new
    return [listed[code.batch, code.index] for code in codes]


def _listed(
    session: Session, codes: Sequence[Code], grade: str, alert: int | None
) -> dict[tuple[int, int], BlacklistEntry]:
    """The entries that some codes have at a level, by the same alert or by any person."""
    found: dict[tuple[int, int], BlacklistEntry] = {}
    for start in range(0, len(codes), CHUNK):
        part = codes[start : start + CHUNK]
        query = select(BlacklistEntry).where(
            BlacklistEntry.batch.in_({code.batch for code in part}),
            BlacklistEntry.index.in_({code.index for code in part}),
            BlacklistEntry.level == grade,
            BlacklistEntry.alert == alert,
            BlacklistEntry.lifted.is_(None),
        )
        found |= {(row.batch, row.index): row for row in session.scalars(query)}
    return found


def lift(
    session: Session,
    now: int,
    who: str,
    entry: BlacklistEntry,
    why: str,
    alert: int | None = None,
) -> None:
    """Take an entry off the list; it stays on record. alert: whose outcome does it, None where a
    person does it by hand."""
    if entry.lifted is None:
        entry.lifted, entry.lifted_by = now, who
        told = {"code": entry.code, "entry": entry.id, "why": why}
        record(session, now, who, LIFT, brand=entry.brand, alert=alert, **told)


def entries(
    session: Session, brand: int, after: int, limit: int, lifted: bool
) -> list[BlacklistEntry]:
    """Return a brand's entries (0: all) numbered above `after`, in order."""
    query = select(BlacklistEntry).where(BlacklistEntry.id > after).order_by(BlacklistEntry.id)
    if brand:
        query = query.where(BlacklistEntry.brand == brand)
    if not lifted:
        query = query.where(BlacklistEntry.lifted.is_(None))
    return list(session.scalars(query.limit(limit)))


def entry_json(row: BlacklistEntry) -> dict[str, Any]:
    """Return an entry as people and programs are told it."""
    return {
        "id": row.id,
        "brand": row.brand,
        "code": row.code,
        "level": row.level,
        "reason": row.reason,
        "alert": row.alert,
        "since": row.since,
        "who": row.who,
        "lifted": row.lifted,
        "lifted_by": row.lifted_by,
    }


def find(session: Session, number: int, brand: int) -> BlacklistEntry:
    """Return an entry of a brand (0: any). Raises Rejected UNKNOWN_ENTRY."""
    row = own(session, BlacklistEntry, number, brand)
    if row is None:
        raise Rejected("UNKNOWN_ENTRY", f"The blacklist has no entry {number}.")
    return row


def follow(session: Session, now: int, alert: Alert) -> None:
    """List the code that a clone alert names, with the word caution, if the brand wants that and
    nobody has lifted what this alert listed before."""
    place = alert.body.get("item")
    if alert.kind != "clone" or alert.muted or not place or alert.code is None:
        return
    if lists_copies(session, alert.brand) and not _is_lifted_by_hand(session, alert):
        code = Code(alert.brand, alert.code, place["batch"], place["index"])
        add(session, now, WORKER, [code], Outcome.CAUTION, f"alert {alert.id}", alert.id)


def unfollow(session: Session, now: int, who: str, alert: Alert) -> None:
    """Take off the list what an alert put there."""
    query = select(BlacklistEntry).where(
        BlacklistEntry.alert == alert.id, BlacklistEntry.lifted.is_(None)
    )
    for entry in session.scalars(query).all():
        lift(session, now, who, entry, f"alert {alert.id} is {alert.outcome}", alert.id)


def _is_lifted_by_hand(session: Session, alert: Alert) -> bool:
    """Say whether a person has taken off what an alert had listed: the audit log tells that from
    what its outcome took off."""
    query = select(BlacklistEntry).where(
        BlacklistEntry.alert == alert.id, BlacklistEntry.lifted.is_not(None)
    )
    lifted = {entry.id: entry.lifted for entry in session.scalars(query)}
    told = select(AuditEntry.detail).where(
        AuditEntry.what == LIFT, AuditEntry.time.in_(lifted.values())
    )
    details = session.scalars(told) if lifted else ()
    # Rows of earlier versions do not say it: of those the code is listed again.
    return any(one["entry"] in lifted and one.get("alert", alert.id) is None for one in details)
