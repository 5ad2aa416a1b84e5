"""OWN TABLES of webhooks: where to send the feed, and one row for each attempt to do so."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Index, String
from sqlalchemy.orm import Mapped, mapped_column

from ledger.db.base import Base


class Webhook(Base):
    """An address that is sent a brand's feed. kinds: of alerts, [] = all.

    secrets: names in the sealed file, each with the time until which it signs (null = for good).
    Rows are deleted and deliveries name them, so no id is ever used again (SQLite would).
    """

    __tablename__ = "webhook"
    __table_args__ = {"sqlite_autoincrement": True}  # noqa: RUF012 (SQLAlchemy's own way)
    id: Mapped[int] = mapped_column(primary_key=True)
    brand: Mapped[int] = mapped_column(index=True)
    url: Mapped[str]
    kinds: Mapped[list[Any]]
    secrets: Mapped[list[Any]]
    created: Mapped[int]
    who: Mapped[str]
    disabled: Mapped[int | None]
    disabled_why: Mapped[str | None]


class Delivery(Base):
    """One attempt to deliver an entry of the feed. brand: of the webhook.

    message: the id under which receivers know the entry, the same on every attempt and replay.
    state: WAITING (until due), DELIVERED, FAILED (another attempt follows), DEAD (none follows
    unless it is replayed), DROPPED (its webhook was removed or disabled).
    """

    __tablename__ = "delivery"
    __table_args__ = (
        Index("delivery_next", "webhook", "state", "due", "id"),
        Index("delivery_webhook", "webhook", "id"),
    )
    id: Mapped[int] = mapped_column(primary_key=True)
    brand: Mapped[int]
    webhook: Mapped[int]
    change: Mapped[int]  # the entry
    message: Mapped[str] = mapped_column(String(64))
    attempt: Mapped[int]  # 1, 2, …
    state: Mapped[str] = mapped_column(String(12))
    due: Mapped[int]
    sent: Mapped[int | None]
    status: Mapped[int | None]  # of the answer
    error: Mapped[str | None]
