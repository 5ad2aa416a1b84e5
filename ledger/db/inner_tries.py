"""OWN TABLE of wrong inner codes: who tried one when, kept for an hour."""

from __future__ import annotations

from sqlalchemy import Index, String
from sqlalchemy.orm import Mapped, mapped_column

from ledger.db.base import Base


class InnerTry(Base):
    """A wrong inner code. who: keyed name of a device, or of a browser at an address; time: unix
    seconds."""

    __tablename__ = "inner_try"
    __table_args__ = (Index("inner_try_who", "who", "time"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    who: Mapped[str] = mapped_column(String(22))
    time: Mapped[int] = mapped_column(index=True)
