"""From what a line reads to boxes: the parts of each, and why a box cannot be."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import select
from sqlalchemy.orm import Session

from ledger.db.models import UnitName
from ledger.db.packing import LineBox
from ledger.domain import contents, ids
from ledger.domain.contents import Codes, Inner, Part, as_parts
from ledger.errors import Rejected
from ledger.services.goods.line_codes import Read
from ledger.services.goods.places import box_of, holders_of
from ledger.services.goods.units import inner_of
from ledger.services.goods.whereabouts import loose_items
from ledger.services.site import Site

Parts = tuple[Part, ...]
Boxes = dict[str, Parts]
"""What is in boxes, by SSCC; a box inside is Inner with nothing in it until `join`."""


@dataclass(frozen=True)
class Fault:
    """Why a box cannot be. row: of the file or stream where that is said."""

    row: int
    sscc: str
    error: Rejected


def build(
    site: Site,
    session: Session,
    read: Read,
    rows: NDArray[np.int64],
    owners: NDArray[np.int64],
    names: Sequence[str],
) -> tuple[Boxes, list[Fault]]:
    """Return the content of boxes, and the faults of those that cannot be.

    read: all texts; rows, owners: the row that each stands in, and the box (its place in `names`,
    the SSCCs) that it is said to be in. Items of a box are put in order, and an item that has
    travelled alone is named as its unit.
    """
    boxes: Boxes = {}
    loose = _loose(site, session, read)
    faults = _doubles(read, rows, owners, names)
    order = np.argsort(owners, kind="stable")
    ends = np.searchsorted(owners[order], np.arange(len(names)), "right")
    start = 0
    for name, end in zip(names, ends.tolist(), strict=True):
        own = order[start:end]
        start = end
        row = int(rows[own[0]]) if len(own) else 0
        try:
            ids.sscc_epc(name)
            for at in own[read.batches[own] == 0].tolist():
                if isinstance(other := read.others[at], Rejected):
                    row = int(rows[at])
                    raise other
            boxes[name] = _parts(read, own, loose)
        except Rejected as error:
            faults.append(Fault(row, name, error))
    for fault in faults:
        boxes.pop(fault.sscc, None)
    return boxes, faults


def join(session: Session, actor: int, sscc: str, boxes: Mapping[str, Parts]) -> Parts:
    """Return the parts of a box with the content of each box inside it.

    boxes: those of this file or stream. A box inside is one of them, one that the line has closed
    before, one that `sscc` holds already (then this is said a second time), or a unit that is known
    by itself. Raises Rejected UNIT_CYCLE, UNKNOWN_UNIT, TWICE_PACKED.
    """
    return _join(session, actor, sscc, boxes, (sscc,))


def key_of(actor: int, sscc: str, parts: Sequence[Part]) -> str:
    """Return the idempotency key of a box: the same content, said again, is the same request."""
    digest = hashlib.sha256(contents.encode(parts)).hexdigest()[:32]
    return f"pack-{actor}-{sscc}-{digest}"


def _loose(site: Site, session: Session, read: Read) -> dict[tuple[int, int], bytes]:
    """Return the items that travel by themselves, by batch and index."""
    found = {}
    for batch in np.unique(read.batches[read.batches > 0]).tolist():
        items = read.indices[read.batches == batch]
        held = holders_of(session, batch, items)
        if held.any():
            some = loose_items(site, session, batch, items, held)
            found.update({(batch, index): leaf for index, leaf in some.items()})
    return found


def _doubles(
    read: Read, rows: NDArray[np.int64], owners: NDArray[np.int64], names: Sequence[str]
) -> list[Fault]:
    """Return a fault for each single item that was named before, in the same box or another."""
    single = np.flatnonzero(read.batches > 0)
    places = read.batches[single].astype(np.uint64) << np.uint64(32) | read.indices[single]
    order = single[np.argsort(places, kind="stable")]
    ordered = np.sort(places, kind="stable")
    faults = []
    for at in np.flatnonzero(ordered[1:] == ordered[:-1]).tolist():
        first, second = int(order[at]), int(order[at + 1])
        told = (
            f"code {read.indices[second]} of batch {read.batches[second]} is named in row "
            f"{rows[first]} already: it is in one box only."
        )
        name = names[int(owners[second])]
        faults.append(Fault(int(rows[second]), name, Rejected("TWICE_PACKED", told)))
    return faults


def _parts(read: Read, own: NDArray[np.int64], loose: Mapping[tuple[int, int], bytes]) -> Parts:
    parts: list[Part] = []
    batches, indices = read.batches[own], read.indices[own]
    for batch in np.unique(batches[batches > 0]).tolist():
        items = indices[batches == batch]
        if loose:
            alone = [index for index in items.tolist() if (batch, index) in loose]
            parts += [loose[batch, index] for index in alone]
            items = items[~np.isin(items, alone)]
        parts += as_parts(batch, items)
    for at in own[batches == 0].tolist():
        other = read.others[at]
        if isinstance(other, str):
            parts.append(Inner(other, ()))
        elif isinstance(other, Codes | bytes):
            parts.append(other)
    return tuple(parts)


def _join(
    session: Session, actor: int, sscc: str, boxes: Mapping[str, Parts], around: tuple[str, ...]
) -> Parts:
    joined: list[Part] = []
    for part in boxes[sscc]:
        if not isinstance(part, Inner):
            joined.append(part)
        elif part.sscc in around:
            raise Rejected("UNIT_CYCLE", f"Box {part.sscc} would lie in itself: compare the list.")
        elif part.sscc in boxes:
            inside = _join(session, actor, part.sscc, boxes, (*around, part.sscc))
            joined.append(Inner(part.sscc, inside))
        else:
            joined.append(_known(session, actor, part.sscc, around[0]))
    return tuple(joined)


def _known(session: Session, actor: int, sscc: str, top: str) -> Part:
    box = session.get(LineBox, (actor, sscc))
    if box is not None:
        return Inner(sscc, contents.decode(box.contents))
    row = session.scalars(select(UnitName).where(UnitName.epc == ids.sscc_epc(sscc))).first()
    if row is not None:
        return row.id
    for holder in box_of(session, sscc):
        if holder.epc == ids.sscc_epc(top):
            return inner_of(holder, sscc)
        raise Rejected(
            "TWICE_PACKED", f"Box {sscc} lies in {holder.epc[-18:]} already: take it out first."
        )
    raise Rejected(
        "UNKNOWN_UNIT", f"Box {sscc} is neither in this list nor closed before it: name it first."
    )
