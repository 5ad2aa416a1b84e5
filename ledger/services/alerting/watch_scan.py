"""A stored scan as the watch reads it: a value, which costs half of what a database object does."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from typing import Any, NamedTuple

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from ledger.db.models import Scan


class ScanRow(NamedTuple):
    """Columns of `ledger.db.models.Scan` by their names; the rest is read by nobody here."""

    id: int
    time: int
    gtin: int
    serial: str
    batch: int | None
    index: int | None  # type: ignore[assignment]  # the column, not the method of tuples
    device: str
    channel: str
    loc_src: str
    lat: float | None
    lon: float | None
    acc_km: float | None
    region: int | None
    brand: int = 0
    final_at: int = 0
    weak: bool = False
    code_leaf: bytes | None = None
    position: int | None = None
    leaf: bytes = b""


Query = Select[Any]


def all_scans() -> Query:
    """Return the query for all scans as rows, to be narrowed."""
    return select(*(getattr(Scan, name) for name in ScanRow._fields))


def of_ids(session: Session, ids: Collection[int]) -> list[ScanRow]:
    """Return the scans of some ids, in order of time."""
    return [*read(session, all_scans().where(Scan.id.in_(ids)).order_by(Scan.time, Scan.id))]


def read(session: Session, query: Query) -> Iterator[ScanRow]:
    """Read what a query of `all_scans` asks for."""
    found: Iterable[Any] = session.execute(query)
    return map(ScanRow._make, found)
