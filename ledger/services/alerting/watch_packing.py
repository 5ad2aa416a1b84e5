"""What lies in a shipped unit, by the unit that it lies in directly, and of which lots that is.

Asked for in a few statements a shipment, however many cases it has: a worker that starts reads the
packing of all goods.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from ledger.db.models import ChainRun, UnitName
from ledger.domain import contents, ids
from ledger.domain.contents import Codes, Inner, Part, Picked
from ledger.services.goods.places import CHUNK
from ledger.services.site import Site

LEVELS = 6  # of packing; more would be a unit in itself


@dataclass(frozen=True)
class Inside:
    """Items of one batch that lie in one unit."""

    unit: bytes
    sscc: str
    items: Codes | Picked


_Named = tuple[bytes, str, int, bytes | None]
"""A unit's name, EPC, creator and contents."""


def cases_in(site: Site, session: Session, unit: bytes) -> Iterator[Inside]:
    """Yield the items that lie in a unit and in all that is in it."""
    units = [unit]
    for _ in range(LEVELS):
        known: list[bytes] = []
        for name, epc, creator, packed in _named(session, units):
            parts, boxes = contents.decode(packed or contents.NOTHING), list[Inner]()
            yield from _direct(name, epc.rsplit("/", 1)[-1], parts)
            known += _split(parts, boxes)
            yield from _boxed(site, creator, boxes)
        units = known
        if not units:
            return


def _named(session: Session, units: Sequence[bytes]) -> Iterator[_Named]:
    """Yield the units that are known, in this order."""
    for start in range(0, len(units), CHUNK):
        some = units[start : start + CHUNK]
        columns = UnitName.id, UnitName.epc, UnitName.creator, UnitName.contents
        rows = session.execute(select(*columns).where(UnitName.id.in_(some)))
        named: dict[bytes, _Named] = {
            name: (name, epc, creator, packed) for name, epc, creator, packed in rows
        }
        yield from (named[unit] for unit in some if unit in named)


def _split(parts: Sequence[Part], boxes: list[Inner]) -> list[bytes]:
    """Add all boxes inside, and return the units that are known by themselves."""
    known = []
    for part in parts:
        if isinstance(part, Inner):
            boxes.append(part)
            known += _split(part.inside, boxes)
        elif isinstance(part, bytes):
            known.append(part)
    return known


def _boxed(site: Site, creator: int, boxes: Sequence[Inner]) -> Iterator[Inside]:
    if not boxes:
        return
    epcs = [ids.sscc_epc(box.sscc) for box in boxes]
    for box, hashed in zip(boxes, site.keeper.hashed_epcs(creator, epcs), strict=True):
        yield from _direct(ids.unit_id(creator, hashed), box.sscc, box.inside)


def _direct(unit: bytes, sscc: str, parts: Sequence[Part]) -> Iterator[Inside]:
    return (Inside(unit, sscc, part) for part in parts if isinstance(part, Codes | Picked))


def ssccs(session: Session, units: Sequence[bytes]) -> list[str]:
    """Return the SSCC of each unit, nothing for one that nobody knows."""
    names: dict[bytes, str] = {}
    for start in range(0, len(units), CHUNK):
        some = units[start : start + CHUNK]
        query = select(UnitName.id, UnitName.epc).where(UnitName.id.in_(some))
        names |= {unit: epc.rsplit("/", 1)[-1] for unit, epc in session.execute(query)}
    return [names.get(unit, "") for unit in units]


def lots_inside(session: Session, inside: Sequence[Inside]) -> list[int | None]:
    """Return the lot that each is of by its first code, None where it is of none yet."""
    firsts: dict[int, list[int]] = {}
    for one in inside:
        firsts.setdefault(one.items.batch, []).append(int(one.items.indices[0]))
    runs = {batch: _runs(session, batch, min(of), max(of)) for batch, of in firsts.items()}
    found: list[int | None] = []
    for one in inside:
        first, of = int(one.items.indices[0]), runs[one.items.batch]
        at = bisect_right(of, first, key=lambda run: run[0]) - 1
        found.append(of[at][2] or None if at >= 0 and first < of[at][1] else None)
    return found


def _runs(session: Session, batch: int, low: int, high: int) -> list[tuple[int, int, int]]:
    """The runs of a batch that hold codes from `low` to `high`: first, to and lot, in order."""
    query = (
        select(ChainRun.first, ChainRun.to, ChainRun.lot)
        .where(ChainRun.batch == batch, ChainRun.first <= high, ChainRun.to > low)
        .order_by(ChainRun.first)
    )
    return [(first, to, lot) for first, to, lot in session.execute(query)]
