"""OWN TABLES of packing: from an item, or from a box inside, to the unit that is known by itself.

A run of codes is one row a unit, whatever is between them inside it; codes in no order cost some
ten bits each in a page (`ledger.domain.pages`). An item is in one unit here, in all its life: what
leaves a unit gets a slot of its own, and travels by that.
"""

from __future__ import annotations

from sqlalchemy.orm import Mapped, mapped_column

from ledger.db.base import Base


class UnitRun(Base):
    """Codes [first, to) of a batch lie in a unit, however deep. number: the unit's."""

    __tablename__ = "unit_run"
    batch: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    first: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    to: Mapped[int]
    number: Mapped[int]


class UnitPage(Base):
    """The units of 4,096 codes of a batch that lie in no runs, from index page · 4096 on."""

    __tablename__ = "unit_page"
    batch: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    page: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    units: Mapped[bytes]


class UnitBox(Base):
    """SSCCs of boxes that were packed together with a unit, however deep: those whose first 17
    digits are from `first` up to before `to`. number: the unit's."""

    __tablename__ = "unit_box"
    creator: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    first: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    to: Mapped[int]
    number: Mapped[int]


class UnitChild(Base):
    """Units with a slot of their own that were packed into a unit. position: in its tree."""

    __tablename__ = "unit_child"
    unit: Mapped[bytes] = mapped_column(primary_key=True)
    position: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    child: Mapped[bytes] = mapped_column(index=True)


class LineBox(Base):
    """A box that a line has closed and that is in no unit on the ledger yet. lot: as printed."""

    __tablename__ = "line_box"
    actor: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    sscc: Mapped[str] = mapped_column(primary_key=True)
    contents: Mapped[bytes]
    lot: Mapped[str | None]
    created: Mapped[int]


class LineRun(Base):
    """Codes [first, to) of a batch lie in a closed box of a line; gone when it is on the ledger."""

    __tablename__ = "line_run"
    batch: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    first: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    to: Mapped[int]
    actor: Mapped[int]
    sscc: Mapped[str] = mapped_column(index=True)


class PackingRule(Base):
    """How a brand packs. most: items that one box may hold directly. active: whether codes must be
    active when they are packed. rejects: what a rejected item's code becomes: destroyed, void or
    free."""

    __tablename__ = "packing_rule"
    brand: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    most: Mapped[int]
    active: Mapped[bool]
    rejects: Mapped[str]
