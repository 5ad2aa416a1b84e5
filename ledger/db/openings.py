"""OWN TABLE of items that were opened: who uncovered an inner code, so that they can be told so."""

from __future__ import annotations

from sqlalchemy.orm import Mapped, mapped_column

from ledger.db.base import Base


class Opening(Base):
    """An inner code that was uncovered here. device: keyed name for this item alone; place only on
    consent."""

    __tablename__ = "opening"
    batch: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    index: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    brand: Mapped[int]
    time: Mapped[int]
    device: Mapped[str | None]
    lat: Mapped[float | None]
    lon: Mapped[float | None]
