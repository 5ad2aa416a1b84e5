"""OWN TABLE of districts: cities and counties, what they are called and where they lie."""

from __future__ import annotations

from sqlalchemy.orm import Mapped, mapped_column

from ledger.db.base import Base


class District(Base):
    """A city (four digits of GB/T 2260) or a county (six). lat, lon: its centre, degrees (WGS 84).

    version: of the whole table, which is loaded at once.
    """

    __tablename__ = "district"
    code: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    name_en: Mapped[str]
    name_zh: Mapped[str]
    lat: Mapped[float]
    lon: Mapped[float]
    version: Mapped[int]
