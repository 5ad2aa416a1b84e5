"""Units worked out: ids, EPCs and children trees, from what lies in them.

Everything that packs, proves or opens a unit goes through here, so what is signed and what is read
back from a few stored bytes is one computation; thousands of cases are hashed side by side.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from sqlalchemy.orm import Session

from ledger.db.models import UnitName
from ledger.domain import children, contents, ids, merkle
from ledger.domain.children import ITEM, PLAIN, UNIT, Hasher, Hashes, Rows
from ledger.domain.contents import Codes, Inner, Part, Picked, places
from ledger.errors import Rejected
from ledger.services import hashing
from ledger.services.codes import leaves_at
from ledger.services.goods.units import Child, differ, unit_name
from ledger.services.mint import batch_ref
from ledger.services.site import Site

Items = Codes | Picked


@dataclass(frozen=True)
class Packed:
    """A unit worked out. parts: what is in it; rows: the same as children of its tree; inner: the
    units that were packed with it, in order."""

    id: bytes
    sscc: str
    epc: str
    hashed_epc: bytes
    level: int
    root: bytes
    parts: tuple[Part, ...]
    rows: Rows
    inner: tuple[Packed, ...]

    @property
    def count(self) -> int:
        """How many children it has."""
        return len(self.rows.ids)

    def children(self) -> list[Child]:
        """Return its children as leaves of its tree, in the packer's order."""
        rows = self.rows
        return [
            {"kind": kind, "position": place, "child": child, "childrenRoot": root, "count": count}
            for place, (kind, child, root, count) in enumerate(
                zip(
                    rows.kinds.tolist(),
                    children.split(rows.ids),
                    children.split(rows.roots),
                    rows.counts.tolist(),
                    strict=True,
                )
            )
        ]

    def nodes(self) -> list[bytes]:
        """Return its children tree as a flat array."""
        return merkle.tree(children.split(self.rows.leaves(PLAIN)))


def everything(packed: Packed) -> Iterator[Packed]:
    """Yield a unit and all that was packed with it, however deep."""
    yield packed
    for inner in packed.inner:
        yield from everything(inner)


def work_out(site: Site, session: Session, creator: int, boxes: Sequence[Inner]) -> list[Packed]:
    """Return units worked out, each with all that is packed with it.

    Raises Rejected NO_CHILDREN, UNKNOWN_BATCH, BAD_RANGE, UNKNOWN_UNIT, NO_UNIT_KEY and as
    `ids.sscc_epc`.
    """
    flat = [box for top in boxes for box in _inside_first(top)]
    for box in flat:
        if not box.inside:
            raise Rejected("NO_CHILDREN", f"There is nothing in unit {box.sscc}: name what it has.")
    epcs = [ids.sscc_epc(box.sscc) for box in flat]
    hashed = site.keeper.hashed_epcs(creator, epcs)
    leaves = _leaves(site, session, flat)
    lanes = hashing.for_count(sum(map(len, leaves.values())))
    made: dict[int, Packed] = {}
    todo = list(zip(flat, epcs, hashed, strict=True))
    while todo:
        # What has nothing unmade inside comes next: all of one height together.
        ready = [one for one in todo if all(id(p) in made for p in _boxes(one[0]))]
        done = {id(box) for box, _, _ in ready}
        todo = [one for one in todo if id(one[0]) not in done]
        _make(session, creator, ready, leaves, made, lanes or PLAIN)
    return [made[id(box)] for box in boxes]


def load(site: Site, session: Session, name: UnitName) -> Packed:
    """Return a unit that is known by itself, from what is stored of it.

    Raises Broken UNIT_ROWS_DIFFER where that is not what was packed.
    """
    parts = parts_of(name)
    (packed,) = work_out(site, session, name.creator, [Inner(name.epc[-18:], parts)])
    if (packed.id, packed.root) != (name.id, name.children_root):
        raise differ()
    return packed


def parts_of(name: UnitName) -> tuple[Part, ...]:
    """Return what lies in a unit that is known by itself; nothing in an item alone."""
    return contents.decode(name.contents or contents.NOTHING)


def _inside_first(box: Inner) -> Iterator[Inner]:
    for inner in _boxes(box):
        yield from _inside_first(inner)
    yield box


def _boxes(box: Inner) -> Iterator[Inner]:
    return (part for part in box.inside if isinstance(part, Inner))


def _leaves(site: Site, session: Session, flat: Sequence[Inner]) -> dict[int, Hashes]:
    """Return the leaves of all items, by the part (its id in memory) that names them."""
    parts: dict[int, list[Items]] = {}
    for box in flat:
        for part in box.inside:
            if isinstance(part, Codes | Picked):
                parts.setdefault(part.batch, []).append(part)
    found: dict[int, Hashes] = {}
    for number, named in parts.items():
        ref = batch_ref(session, number)
        for part in named:
            first, to = _range(part)
            if not 0 <= first < to <= ref.count:
                raise Rejected("BAD_RANGE", f"{first} to {to} is no range of batch {number}.")
        hashes = leaves_at(site, session, ref, np.concatenate([part.indices for part in named]))
        at = 0
        for part in named:
            found[id(part)] = hashes[at : at + len(part)]
            at += len(part)
    return found


def _range(part: Items) -> tuple[int, int]:
    if isinstance(part, Codes):
        return part.first, part.to
    return int(part.indices[0]), int(part.indices[-1]) + 1


def _make(
    session: Session,
    creator: int,
    ready: Sequence[tuple[Inner, str, bytes]],
    leaves: dict[int, Hashes],
    made: dict[int, Packed],
    hasher: Hasher,
) -> None:
    """Work out boxes of which all that is inside is made."""
    sizes = [sum(map(places, box.inside)) for box, _, _ in ready]
    rows = children.empty_rows(sizes)
    levels = []
    at = 0
    for box, _, _ in ready:
        level = 1  # one above the highest unit inside
        for part in box.inside:
            if isinstance(part, Codes | Picked):
                rows.ids[at : at + len(part)] = leaves[id(part)]
            else:
                unit, root, count, below = _unit(session, part, made)
                rows.kinds[at], rows.counts[at] = UNIT if count else ITEM, count
                rows.ids[at], rows.roots[at] = np.frombuffer(unit + root, np.uint64).reshape(2, 4)
                level = max(level, below + 1)
            at += places(part)
        levels.append(level)
    roots = children.split(children.roots_of(rows, hasher))
    start = 0
    for (box, epc, hashed), level, root, size in zip(ready, levels, roots, sizes, strict=True):
        own = slice(start, start + size)
        start += size
        made[id(box)] = Packed(
            ids.unit_id(creator, hashed),
            box.sscc,
            epc,
            hashed,
            level,
            root,
            box.inside,
            Rows(
                rows.kinds[own],
                rows.positions[own],
                rows.ids[own],
                rows.roots[own],
                rows.counts[own],
                np.array([size]),
            ),
            tuple(made[id(inner)] for inner in _boxes(box)),
        )


def _unit(
    session: Session, part: Inner | bytes, made: dict[int, Packed]
) -> tuple[bytes, bytes, int, int]:
    """Return id, children root, count and level of a unit inside."""
    if isinstance(part, Inner):
        inner = made[id(part)]
        return inner.id, inner.root, inner.count, inner.level
    name = unit_name(session, part)
    return name.id, name.children_root, name.count, name.level
