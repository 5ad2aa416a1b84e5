"""OWN TABLES around alerts: rules and their promises, exceptions, the blacklist, and the feed.

The alert itself is `ledger.db.models.Alert`. Times are unix seconds; every row carries its brand, 0
where no brand of this ledger is meant.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import Index, String
from sqlalchemy.orm import Mapped, mapped_column

from ledger.db.base import Base


class AlertRule(Base):
    """What raises alerts for a brand: a detector of ours, or a threshold that a person has set.

    terms: the threshold's numbers, {} for a detector. promise: accepted share of false alerts, None
    where none is stated. judged_from: outcomes set before do not count against the rule. Rows are
    deleted and alerts name them, so no id is ever used again (SQLite would).
    """

    __tablename__ = "alert_rule"
    __table_args__ = (
        Index("alert_rule_name", "brand", "name", unique=True),
        {"sqlite_autoincrement": True},
    )
    id: Mapped[int] = mapped_column(primary_key=True)
    brand: Mapped[int]
    name: Mapped[str] = mapped_column(String(64))
    kind: Mapped[str] = mapped_column(String(16))
    terms: Mapped[dict[str, Any]]
    calibrated: Mapped[bool]
    promise: Mapped[float | None]
    enabled: Mapped[bool]
    muted: Mapped[int | None]  # since when it has been silent
    muted_why: Mapped[str | None]
    judged_from: Mapped[int]
    created: Mapped[int]


class RuleHit(Base):
    """A scan that a rule counts towards a cause."""

    __tablename__ = "rule_hit"
    __table_args__ = (
        Index("rule_hit_cause", "rule", "cause", "time"),
        Index("rule_hit_time", "rule", "time"),
    )
    rule: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    scan: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    cause: Mapped[str]
    time: Mapped[int]
    device: Mapped[str]
    code: Mapped[str]


class AlertDial(Base):
    """What a brand has set for all its alerts. fdr: stated share of false ones, None = setting.

    list_copies: put codes that a clone alert names on the blacklist, with the word caution.
    """

    __tablename__ = "alert_dial"
    brand: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    fdr: Mapped[float | None]
    list_copies: Mapped[bool]


class AlertEvidence(Base):
    """All that is needed to compute an alert again: JSON, gzipped; sha256 of the JSON."""

    __tablename__ = "alert_evidence"
    alert: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    made: Mapped[int]
    sha256: Mapped[bytes]
    body: Mapped[bytes]


class AlertChange(Base):
    """One entry of the feed: what happened to an alert. Its id orders the feed."""

    __tablename__ = "alert_change"
    __table_args__ = (Index("alert_change_brand", "brand", "id"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    brand: Mapped[int]
    alert: Mapped[int] = mapped_column(index=True)
    time: Mapped[int]
    what: Mapped[str] = mapped_column(String(24))
    body: Mapped[dict[str, Any]]


class AlertException(Base):
    """A blanket exception: what it covers in [begins, ends) is explained beforehand.

    kinds, lots, regions, consignees: [] = all.
    """

    __tablename__ = "alert_exception"
    id: Mapped[int] = mapped_column(primary_key=True)
    brand: Mapped[int] = mapped_column(index=True)
    reason: Mapped[str]
    begins: Mapped[int]
    ends: Mapped[int]
    kinds: Mapped[list[Any]]
    lots: Mapped[list[Any]]
    regions: Mapped[list[Any]]
    consignees: Mapped[list[Any]]
    created: Mapped[int]
    who: Mapped[str]


class BlacklistEntry(Base):
    """A code on the operator's blacklist. level: caution or do_not_use. alert: which one put it
    there, None for a person."""

    __tablename__ = "blacklist"
    __table_args__ = (Index("blacklist_code", "batch", "index"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    brand: Mapped[int] = mapped_column(index=True)
    code: Mapped[str]  # GTIN-14/serial
    batch: Mapped[int]
    index: Mapped[int]
    level: Mapped[str] = mapped_column(String(12))
    reason: Mapped[str]
    alert: Mapped[int | None] = mapped_column(index=True)
    since: Mapped[int]
    who: Mapped[str]
    lifted: Mapped[int | None]
    lifted_by: Mapped[str | None]


class ItemValue(Base):
    """What one item is worth to its brand, for the severity of alerts. cents: 1/100 of currency."""

    __tablename__ = "item_value"
    gtin: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    brand: Mapped[int]
    cents: Mapped[int]
    currency: Mapped[str] = mapped_column(String(3))
