"""OWN TABLE of markets: which regions a number of the ledger means to a brand."""

from __future__ import annotations

from typing import Any

from sqlalchemy import String
from sqlalchemy.orm import Mapped, mapped_column

from ledger.db.base import Base


class Market(Base):
    """What a brand says of a market, which is a number from 1 to 255 on the ledger.

    regions: codes of its provinces, cities and counties. free: resale outside it may not be
    prohibited (inside the EEA it usually may not be). tells: a consumer who scans outside it is
    told. before: what was stated earlier, [until, regions] each, none of these where it was free.
    """

    __tablename__ = "market"
    brand: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    name: Mapped[str] = mapped_column(String(100))
    regions: Mapped[list[Any]]
    free: Mapped[bool]
    tells: Mapped[bool]
    before: Mapped[list[Any]]
