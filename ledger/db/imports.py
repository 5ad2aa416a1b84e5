"""OWN TABLES of codes that were printed before they joined the ledger: which file told them, where
each is, and their serials, sealed.

A code is found by its tag, which only the brand's key makes; neither a tag nor a sealed chunk tells
a serial to who has the database alone.
"""

from __future__ import annotations

from sqlalchemy import ForeignKey, LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column

from ledger.db.base import Base


class CodeImport(Base):
    """A file of codes that was taken. digest: SHA-256 of its bytes; rows: read, of which `good` are
    kept. state: STAGED (does not count
    yet), COMMISSIONING, DONE, FAILED. tries: how often it was begun again after that."""

    __tablename__ = "code_import"
    id: Mapped[int] = mapped_column(primary_key=True)
    brand: Mapped[int] = mapped_column(index=True)
    digest: Mapped[bytes] = mapped_column(unique=True)
    name: Mapped[str] = mapped_column(String(200))
    rows: Mapped[int]
    good: Mapped[int]
    state: Mapped[str] = mapped_column(String(16), index=True)
    tries: Mapped[int]
    created: Mapped[int]
    error: Mapped[str | None]


class ImportedBatch(Base):
    """The codes of one GTIN in a file: one batch on the chain. mint: what commissions it."""

    __tablename__ = "imported_batch"
    id: Mapped[int] = mapped_column(primary_key=True)
    code_import: Mapped[int] = mapped_column(ForeignKey("code_import.id"), index=True)
    brand: Mapped[int]
    gtin: Mapped[int]
    count: Mapped[int]
    mint: Mapped[int | None] = mapped_column(unique=True)


class ImportedLot(Base):
    """Codes [first, to) that the file puts into one lot. expiry: last day, YYYY-MM-DD; submission:
    what binds them."""

    __tablename__ = "imported_lot"
    source: Mapped[int] = mapped_column(
        ForeignKey("imported_batch.id"), primary_key=True, autoincrement=False
    )
    first: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    to: Mapped[int]
    lot: Mapped[str]
    expiry: Mapped[str | None] = mapped_column(String(10))
    submission: Mapped[int | None]


class ImportedCode(Base):
    """Where a code is, by its tag (16 bytes). source: the imported batch."""

    __tablename__ = "imported_code"
    __table_args__ = {"sqlite_with_rowid": False}  # noqa: RUF012 (SQLAlchemy's own way)
    tag: Mapped[bytes] = mapped_column(LargeBinary(16), primary_key=True)
    source: Mapped[int]
    index: Mapped[int]


class ImportedChunk(Base):
    """Serials of 1,024 codes of an imported batch, sealed by the brand's key."""

    __tablename__ = "imported_chunk"
    source: Mapped[int] = mapped_column(
        ForeignKey("imported_batch.id"), primary_key=True, autoincrement=False
    )
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    sealed: Mapped[bytes]
