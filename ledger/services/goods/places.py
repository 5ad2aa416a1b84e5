"""Which unit an item or a box lies in: the way back from what was packed, kept in a few bytes.

A run of codes costs a row, codes in no order some ten bits each. Whoever writes here holds the
transaction in which the pack itself is kept.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import bindparam, delete, func, insert, select
from sqlalchemy.orm import Session

from ledger.db.engine import plain_rows
from ledger.db.models import Mint, UnitName
from ledger.db.packing import UnitBox, UnitChild, UnitPage, UnitRun
from ledger.domain import contents, pages
from ledger.domain.bits import Numbers
from ledger.domain.contents import Codes, Inner, Part, Picked, places, walk

LONG = 16  # codes in a row from which on a run is a row of its own
CHUNK = 500  # terms of one IN list
Held = NDArray[np.int64]
"""Numbers of units, 0 for none."""

# Built once, since every scan and proof asks it: the last run before an item, and its page.
_RUN, _RUN_NUMBER = (
    select(column)
    .where(UnitRun.batch == bindparam("batch"), UnitRun.first <= bindparam("index"))
    .order_by(UnitRun.first.desc())
    .limit(1)
    .scalar_subquery()
    for column in (UnitRun.to, UnitRun.number)
)
_PAGE = (
    select(UnitPage.units)
    .where(UnitPage.batch == bindparam("batch"), UnitPage.page == bindparam("page"))
    .scalar_subquery()
)
_HOLDERS = select(_RUN.label("to"), _RUN_NUMBER.label("number"), _PAGE.label("units"))


def holder_of(session: Session, batch: int, index: int) -> UnitName | None:
    """Return the unit that an item was packed in, at whatever depth; None if it never was."""
    asked = {"batch": batch, "index": index, "page": index // pages.SIZE}
    ((to, number, units),) = plain_rows(session, _HOLDERS, **asked)
    if to is not None and index < to:
        return numbered(session, number)
    if units is None:
        return None
    number = int(pages.decode(units)[index % pages.SIZE])
    return numbered(session, number) if number else None


def holders_of(session: Session, batch: int, indices: Numbers) -> Held:
    """Return the numbers of the units that items were packed in; indices in any order."""
    found = np.zeros(len(indices), np.int64)
    if not len(indices):
        return found
    low, high = int(indices.min()), int(indices.max())
    rows = session.execute(
        select(UnitRun.first, UnitRun.to, UnitRun.number)
        .where(UnitRun.batch == batch, UnitRun.first <= high, UnitRun.to > low)
        .order_by(UnitRun.first)
    ).all()
    if rows:
        first, to, number = np.array(rows, np.int64).T
        at = np.searchsorted(first, indices, "right") - 1
        inside = (at >= 0) & (indices < to[at])
        found[inside] = number[at[inside]]
    which = indices // np.uint32(pages.SIZE)
    for number, units in _pages(session, batch, np.unique(which).tolist()).items():
        own = np.flatnonzero(which == number)
        found[own] = np.maximum(found[own], units[indices[own] % np.uint32(pages.SIZE)])
    return found


def box_of(session: Session, sscc: str) -> list[UnitName]:
    """Return the units that hold a box of this SSCC which was packed with them, one a creator."""
    body = int(sscc[:-1])
    rows = session.scalars(select(UnitBox).where(UnitBox.first <= body, UnitBox.to > body))
    return [numbered(session, row.number) for row in rows]


def boxes_taken(session: Session, creator: int, bodies: Sequence[int]) -> dict[int, int]:
    """Return which SSCCs (their first 17 digits) are boxes inside units already: body -> number."""
    if not bodies:
        return {}
    wanted = np.array(sorted(bodies), np.int64)
    rows = session.execute(
        select(UnitBox.first, UnitBox.to, UnitBox.number).where(
            UnitBox.creator == creator,
            UnitBox.first <= int(wanted[-1]),
            UnitBox.to > int(wanted[0]),
        )
    )
    found = {}
    for first, to, number in rows:
        for body in wanted[np.searchsorted(wanted, first) : np.searchsorted(wanted, to)].tolist():
            found[body] = number
    return found


def numbered(session: Session, number: int) -> UnitName:
    """Return the unit of a number."""
    return session.scalars(select(UnitName).where(UnitName.number == number)).one()


def lock(session: Session, batches: Iterable[int]) -> None:
    """Wait for others who pack of these batches, and keep them waiting until the commit."""
    # SQLite has one writer anyway.
    locked = select(Mint.id).where(Mint.batch.in_(sorted(batches))).order_by(Mint.id)
    session.execute(locked.with_for_update()).all()


def next_number(session: Session, batches: Iterable[int]) -> int:
    """Return the next free number of a unit, with packing of these batches locked meanwhile."""
    lock(session, batches)
    return (session.scalar(select(func.max(UnitName.number))) or 0) + 1


def enter(session: Session, units: Sequence[UnitName], inside: Sequence[Sequence[Part]]) -> None:
    """Write where all that lies in units is to be found. inside: the parts of each."""
    runs: list[dict[str, int]] = []
    boxes: list[dict[str, int]] = []
    known: list[dict[str, int | bytes]] = []
    loose: dict[int, list[tuple[Numbers, int]]] = {}
    for unit, parts in zip(units, inside, strict=True):
        for batch, indices in by_batch(parts).items():
            long, rest = _split(indices)
            runs += [
                {"batch": batch, "first": first, "to": to, "number": unit.number}
                for first, to in long
            ]
            if len(rest):
                loose.setdefault(batch, []).append((rest, unit.number))
        boxes += [
            {"creator": unit.creator, "first": first, "to": to, "number": unit.number}
            for first, to in spans(np.array(bodies_in(parts), np.int64))
        ]
        known += _known(unit.id, parts)
    for model, rows in ((UnitRun, runs), (UnitBox, boxes), (UnitChild, known)):
        if rows:
            session.execute(insert(model), rows)
    for batch, named in loose.items():
        indices = np.concatenate([each for each, _ in named])
        numbers = np.concatenate([np.full(len(each), n, np.uint32) for each, n in named])
        _set(session, batch, indices, numbers)


def enter_item(session: Session, batch: int, index: int, number: int) -> None:
    """Write that an item which was in no unit is a unit of its own."""
    _set(session, batch, np.array([index], np.uint32), np.array([number], np.uint32))


def leave(session: Session, unit: UnitName) -> None:
    """Forget where what lies in a unit is to be found: it was never packed after all."""
    parts = contents.decode(unit.contents or contents.NOTHING)
    for batch, indices in by_batch(parts).items():
        session.execute(
            delete(UnitRun).where(UnitRun.batch == batch, UnitRun.number == unit.number)
        )
        _, rest = _split(indices)
        _set(session, batch, rest, np.zeros(len(rest), np.uint32))
    session.execute(
        delete(UnitBox).where(UnitBox.creator == unit.creator, UnitBox.number == unit.number)
    )
    session.execute(delete(UnitChild).where(UnitChild.unit == unit.id))
    session.delete(unit)
    session.flush()


def by_batch(parts: Iterable[Part]) -> dict[int, Numbers]:
    """Return the indices of all items in a unit, however deep, by batch."""
    found: dict[int, list[Numbers]] = {}
    for part in walk(parts):
        if isinstance(part, Codes | Picked):
            found.setdefault(part.batch, []).append(part.indices)
    return {batch: np.concatenate(each) for batch, each in found.items()}


def bodies_in(parts: Iterable[Part]) -> list[int]:
    """Return the first 17 digits of the SSCCs of all boxes inside, however deep."""
    return [int(part.sscc[:-1]) for part in walk(parts) if isinstance(part, Inner)]


def _known(unit: bytes, parts: Sequence[Part]) -> list[dict[str, int | bytes]]:
    found: list[dict[str, int | bytes]] = []
    at = 0
    for part in parts:
        if isinstance(part, bytes):
            found.append({"unit": unit, "position": at, "child": part})
        at += places(part)
    return found


def spans(numbers: NDArray[np.integer]) -> list[tuple[int, int]]:
    """Return numbers as [first, to) of those that follow each other."""
    if not len(numbers):
        return []
    ordered = np.sort(numbers).astype(np.int64)
    cuts = np.flatnonzero(np.diff(ordered) != 1) + 1
    return [(int(part[0]), int(part[-1]) + 1) for part in np.split(ordered, cuts)]


def _split(indices: Numbers) -> tuple[list[tuple[int, int]], Numbers]:
    """Return the long runs among indices, and the rest."""
    ordered = np.sort(indices).astype(np.int64)
    starts = np.flatnonzero(np.diff(ordered, prepend=-2) != 1)
    lengths = np.diff(starts, append=len(ordered))
    long = lengths >= LONG
    firsts = ordered[starts[long]]
    runs = list(zip(firsts.tolist(), (firsts + lengths[long]).tolist(), strict=True))
    return runs, ordered[~np.repeat(long, lengths)].astype(np.uint32)


def _pages(session: Session, batch: int, numbers: Sequence[int]) -> dict[int, Numbers]:
    found = {}
    for at in range(0, len(numbers), CHUNK):
        query = select(UnitPage.page, UnitPage.units).where(
            UnitPage.batch == batch, UnitPage.page.in_(numbers[at : at + CHUNK])
        )
        found.update({page: pages.decode(units) for page, units in session.execute(query)})
    return found


def _set(session: Session, batch: int, indices: Numbers, numbers: Numbers) -> None:
    """Write the units of items that are in no run."""
    order = np.argsort(indices, kind="stable")
    indices, numbers = indices[order], numbers[order]
    which = indices // np.uint32(pages.SIZE)
    wanted = np.unique(which)
    known = _pages(session, batch, wanted.tolist())
    ends = np.searchsorted(which, wanted, "right")
    start = 0
    rows = []
    for page, end in zip(wanted.tolist(), ends.tolist(), strict=True):
        units = known.get(page, np.zeros(pages.SIZE, np.uint32)).copy()
        units[indices[start:end] % np.uint32(pages.SIZE)] = numbers[start:end]
        rows.append({"batch": batch, "page": page, "units": pages.encode(units)})
        start = end
    for at in range(0, len(rows), CHUNK):
        part = [row["page"] for row in rows[at : at + CHUNK]]
        session.execute(delete(UnitPage).where(UnitPage.batch == batch, UnitPage.page.in_(part)))
    if rows:
        session.execute(insert(UnitPage), rows)
