"""OWN TABLES of orders of codes: who is sent them, the order's way, its packages, their downloads.

Times are unix seconds. What was done, by whom and from where is in the audit log.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from ledger.db.base import Base


class Receiver(Base):
    """Who prints codes for a brand. method: age, openpgp or zip. key: the public key that packages
    are sealed for, '' for zip. removed: since when nothing more is ordered for it."""

    __tablename__ = "receiver"
    __table_args__ = (Index("receiver_name", "brand", "name", unique=True),)
    id: Mapped[int] = mapped_column(primary_key=True)
    brand: Mapped[int]
    name: Mapped[str] = mapped_column(String(200))
    method: Mapped[str] = mapped_column(String(16))
    key: Mapped[str]
    created: Mapped[int]
    removed: Mapped[int | None]


class CodeOrder(Base):
    """An order of codes. state: REQUESTED, APPROVED, MINTING, READY, FETCHED, PRINTED, ACTIVATED,
    or ended by REFUSED, CANCELLED or FAILED.

    form: of the file, see `ledger.services.ordering.packages`. who: the requester.
    since: of the state.
    printed: rows that were printed. warn_h: hours in READY or PRINTED after which it is warned of.
    warned: the warnings that were given.
    """

    __tablename__ = "code_order"
    __table_args__ = (Index("code_order_state", "state"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(unique=True)
    brand: Mapped[int] = mapped_column(index=True)
    gtin: Mapped[int]
    quantity: Mapped[int]
    form: Mapped[str] = mapped_column(String(16))
    receiver: Mapped[int] = mapped_column(ForeignKey("receiver.id"))
    who: Mapped[str]
    created: Mapped[int]
    state: Mapped[str] = mapped_column(String(16))
    since: Mapped[int]
    error: Mapped[str | None]
    mint: Mapped[int | None] = mapped_column(ForeignKey("mint.id"))
    printed: Mapped[int | None]
    warn_h: Mapped[int]
    warned: Mapped[list[Any]]


class CodePackage(Base):
    """One sealed copy of an order's codes; `copy` counts from 1 and decides its watermark.

    name: of its file. expires: after which it can no longer be fetched, and its file goes. told:
    who knows its passphrase, and does not fetch the file.
    """

    __tablename__ = "code_package"
    __table_args__ = (Index("code_package_copy", "order", "copy", unique=True),)
    id: Mapped[int] = mapped_column(primary_key=True)
    order: Mapped[int] = mapped_column(ForeignKey("code_order.id"))
    copy: Mapped[int]
    name: Mapped[str]
    size: Mapped[int]
    sha256: Mapped[bytes]
    made: Mapped[int]
    expires: Mapped[int]
    told: Mapped[list[Any]]
    ended: Mapped[int | None]


class PackageDownload(Base):
    """One download of a package. place: the network address that it went to."""

    __tablename__ = "package_download"
    id: Mapped[int] = mapped_column(primary_key=True)
    package: Mapped[int] = mapped_column(ForeignKey("code_package.id"), index=True)
    time: Mapped[int]
    who: Mapped[str]
    place: Mapped[str]
