"""Chain tables of what the ledger says of parties' keys, exceptions, items, and itself.

As all chain tables they are written by the follower alone, and can be rebuilt from the chain.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy.orm import Mapped, mapped_column

from ledger.db.base import Base


class ChainRegistry(Base):
    """The admins as the last change left them, and whether the ledger is in force. One row.

    There is none until the first change: the first admins are in no event. admins: 0x addresses.
    open: 0 = sealed, and goes on at `successor` (20 bytes) of `successor_chain` (0x hex).
    """

    __tablename__ = "chain_registry"
    id: Mapped[int] = mapped_column(primary_key=True)
    era: Mapped[int]
    threshold: Mapped[int | None]
    admins: Mapped[list[Any] | None]
    open: Mapped[int]
    successor_chain: Mapped[str | None]
    successor: Mapped[bytes | None]
    seq: Mapped[int]
    head: Mapped[bytes]


class ChainPrefix(Base):
    """A GTIN prefix of a brand: the value of its leading digits, and how many they are."""

    __tablename__ = "chain_prefix"
    length: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    prefix: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    party: Mapped[int] = mapped_column(index=True)


class ChainDelegate(Base):
    """A device that may sign for a party's account. verbs: 16 bytes, bit n = verb number n.

    expiry: last second (unix), 0 = cut off. left: verbs that it may still sign. era: its own.
    """

    __tablename__ = "chain_delegate"
    party: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    account: Mapped[bytes] = mapped_column(primary_key=True)
    key: Mapped[bytes] = mapped_column(primary_key=True)
    key_mode: Mapped[int]
    verbs: Mapped[bytes]
    expiry: Mapped[int]
    left: Mapped[int]
    era: Mapped[int]


class ChainException(Base):
    """A receipt that was not as sent. report: its seq in the unit's history.

    settled: bits, 1 the shipper, 2 the receiver, 4 the brand; open until 3 or 4 and more.
    """

    __tablename__ = "chain_exception"
    unit: Mapped[bytes] = mapped_column(primary_key=True)
    report: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    shipper: Mapped[int] = mapped_column(index=True)
    receiver: Mapped[int] = mapped_column(index=True)
    good: Mapped[int]
    damaged: Mapped[int]
    short: Mapped[int]
    over: Mapped[int]
    wrong: Mapped[int]
    settled: Mapped[int]
    time: Mapped[int]


class ChainItem(Base):
    """An item's state by its leaf: 1 active (undone), 2 blocked, 3 stolen; decommissioned:
    4 supplied, 5 exported, 6 sample, 7 destroyed. by, since: who set it, and when (unix)."""

    __tablename__ = "chain_item"
    leaf: Mapped[bytes] = mapped_column(primary_key=True)
    batch: Mapped[int]
    by: Mapped[int]
    since: Mapped[int]
    state: Mapped[int]
    seq: Mapped[int]
    head: Mapped[bytes]


class ChainClaim(Base):
    """An inner code that was uncovered, once. time: unix."""

    __tablename__ = "chain_claim"
    batch: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    index: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    by: Mapped[int]
    time: Mapped[int]
    seq: Mapped[int]
    head: Mapped[bytes]
