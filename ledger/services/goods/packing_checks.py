"""What may be packed: refuse what the contract cannot see, each unit for itself and by its reason.

The contract sees roots. That an item lies in one unit only, is this brand's, and is neither void
nor gone, is judged here, for thousands of units at once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import and_, or_, select
from sqlalchemy.orm import Session

from ledger.db.chain_states import ChainItem
from ledger.db.models import ChainParty, ChainRun, ChainUnit, Submission, UnitName
from ledger.db.packing import LineRun, PackingRule
from ledger.domain import children, ids
from ledger.domain.bits import Numbers
from ledger.domain.contents import Codes, Inner, Part, Picked, items_in, walk
from ledger.domain.gs1 import with_check_digit
from ledger.domain.verbs import Role, Verb
from ledger.errors import Rejected
from ledger.services.codes import leaves_at
from ledger.services.goods import places
from ledger.services.goods.whereabouts import loose_items
from ledger.services.keys.keeper import BatchRef
from ledger.services.mint import batch_ref
from ledger.services.site import Site

MAX_CHILDREN = 100_000
DESTROYED = "destroyed"


@dataclass(frozen=True)
class Load:
    """A unit that shall be packed by itself. sscc: 18 digits; lot: as printed."""

    sscc: str
    parts: tuple[Part, ...]
    lot: str | None = None


@dataclass
class Checked:
    """What is wrong with each load, None for nothing. dead: units that were packed in vain, whose
    goods are in these loads. named: batch and index of the code that is at fault, by load."""

    faults: list[Rejected | None]
    dead: frozenset[bytes] = frozenset()
    named: dict[int, tuple[int, int]] = field(default_factory=dict)


@dataclass(frozen=True)
class Rule:
    """How a brand packs; see `ledger.db.packing.PackingRule`."""

    most: int = MAX_CHILDREN
    active: bool = False
    rejects: str = DESTROYED


@dataclass
class _Items:
    """All items of a batch in the loads that are still good. loads: which one each is in."""

    ref: BatchRef
    indices: Numbers
    loads: NDArray[np.int64]


@dataclass
class _Work:
    """What the steps share: the faults so far, and all items by batch."""

    actor: int
    loads: Sequence[Load]
    own: Sequence[bytes]
    faults: list[Rejected | None]
    dead: set[bytes] = field(default_factory=set)
    named: dict[int, tuple[int, int]] = field(default_factory=dict)

    def refuse(self, load: int, code: str, sentence: str) -> None:
        """Note what is wrong with a load, if nothing else is."""
        self.faults[load] = self.faults[load] or Rejected(code, f"{self._name(load)}: {sentence}")

    def _name(self, load: int) -> str:
        return f"Unit {self.loads[load].sscc}"


def rule_of(session: Session, brand: int) -> Rule:
    """Return how a brand packs."""
    row = session.get(PackingRule, brand)
    return Rule() if row is None else Rule(row.most, row.active, row.rejects)


def check(site: Site, session: Session, actor: int, loads: Sequence[Load]) -> Checked:
    """Judge loads together; what is wrong with one stops no other.

    The codes are TOO_MANY_CHILDREN, NO_CHILDREN, BAD_CHECK_DIGIT, MALFORMED, UNKNOWN_BATCH,
    BAD_RANGE, UNKNOWN_UNIT, NESTED_UNIT, TWICE_PACKED (an item or a box in two units),
    FOREIGN_CODE, VOID_CODE, INACTIVE_CODE, GONE_ITEM, MOVED_ALONE.
    """
    faults = [_shape(load) for load in loads]
    epcs = [ids.sscc_epc(x.sscc) for x, fault in zip(loads, faults, strict=True) if fault is None]
    hashed = iter(site.keeper.hashed_epcs(actor, epcs) if epcs else ())
    own = [ids.unit_id(actor, next(hashed)) if f is None else b"" for f in faults]
    work = _Work(actor, loads, own, faults)
    for at, load in enumerate(loads):
        if work.faults[at] is None:
            work.faults[at] = _units(session, load)
    for items in _by_batch(session, work):
        _refuse_twice(site, session, work, items)
        _refuse_states(session, work, items)
        _refuse_gone(site, session, work, items)
    _refuse_boxes(session, work)
    return Checked(work.faults, frozenset(work.dead), work.named)


def again(
    session: Session, actor: int, loads: Sequence[Load], dead: frozenset[bytes] = frozenset()
) -> None:
    """Judge once more, where nobody else writes, that no item or box is in another unit, or in a
    box that a line has closed.

    dead: units that were packed in vain, and whose places are not given back yet. Raises Rejected
    TWICE_PACKED: somebody has packed it since it was judged.
    """
    parts = [part for load in loads for part in load.parts]
    inside = places.by_batch(parts)
    held = {int(n) for one in inside.items() for n in np.unique(places.holders_of(session, *one))}
    held |= set(places.boxes_taken(session, actor, places.bodies_in(parts)).values())
    taken = held - {0} and held - {0} - _own(session, actor, loads, dead)
    names = {name for load in loads for name in _names(load)}
    closed = [box for one in inside.items() for _, box in _closed(session, *one)]
    if taken or not names.issuperset(closed):
        raise Rejected(
            "TWICE_PACKED", "Somebody else has packed some of these goods meanwhile: read it again."
        )


def _own(session: Session, actor: int, loads: Sequence[Load], dead: frozenset[bytes]) -> set[int]:
    """Return the numbers of units that may hold what is in these loads: they themselves."""
    epcs = [ids.sscc_epc(load.sscc) for load in loads]
    own = and_(UnitName.creator == actor, UnitName.epc.in_(epcs))
    return set(session.scalars(select(UnitName.number).where(or_(own, UnitName.id.in_(dead)))))


def _shape(load: Load) -> Rejected | None:
    """Judge a load by itself: its ranges, how much is in it, and what its boxes are called."""
    for part in walk(load.parts):
        if isinstance(part, Codes) and not 0 <= part.first < part.to:
            return _no_range(load, part.first, part.to, part.batch)
    if items_in(load.parts) > MAX_CHILDREN:  # said before anything is computed
        return Rejected(
            "TOO_MANY_CHILDREN",
            f"Unit {load.sscc}: at most {MAX_CHILDREN:,} items are packed at once.",
        )
    boxes = [Inner(load.sscc, load.parts), *(p for p in walk(load.parts) if isinstance(p, Inner))]
    names = set()
    try:
        for box in boxes:
            ids.sscc_epc(box.sscc)
            if not box.inside:
                raise Rejected("NO_CHILDREN", f"There is nothing in unit {box.sscc}: name it all.")
            if box.sscc in names:
                raise Rejected(
                    "TWICE_PACKED", f"Unit {load.sscc}: box {box.sscc} is named twice in it."
                )
            names.add(box.sscc)
            if box.sscc != load.sscc and any(isinstance(part, bytes) for part in box.inside):
                raise Rejected(
                    "NESTED_UNIT",
                    f"Box {box.sscc} holds what has travelled alone: pack that box by itself, "
                    f"then into {load.sscc}.",
                )
    except Rejected as fault:
        return fault
    return None


def _no_range(load: Load, first: int, to: int, batch: int) -> Rejected:
    return Rejected("BAD_RANGE", f"Unit {load.sscc}: {first} to {to} is no range of batch {batch}.")


def _units(session: Session, load: Load) -> Rejected | None:
    """Judge the units that are known already."""
    for part in load.parts:
        if isinstance(part, bytes) and session.get(UnitName, part) is None:
            return Rejected("UNKNOWN_UNIT", f"Unit 0x{part.hex()} was not packed here.")
    return None


def _by_batch(session: Session, work: _Work) -> list[_Items]:
    """Return all items of the good loads by batch, having judged batches, ranges and brands."""
    found: dict[int, list[tuple[Numbers, int]]] = {}
    refs: dict[int, BatchRef] = {}
    party = session.get(ChainParty, work.actor)
    packer = work.actor if party is not None and party.roles & Role.BRAND else 0
    for at, load in enumerate(work.loads):
        if work.faults[at] is not None:
            continue
        try:
            named = _named(session, load, refs, packer)
        except Rejected as fault:
            work.faults[at] = fault
            continue
        for batch, indices in named.items():
            found.setdefault(batch, []).append((indices, at))
    return [
        _Items(
            refs[batch],
            np.concatenate([indices for indices, _ in parts]),
            np.repeat([at for _, at in parts], [len(indices) for indices, _ in parts]),
        )
        for batch, parts in found.items()
    ]


def _named(
    session: Session, load: Load, refs: dict[int, BatchRef], packer: int
) -> dict[int, Numbers]:
    """Return the items of one load by batch."""
    brands = set()
    for part in walk(load.parts):
        if not isinstance(part, Codes | Picked):
            continue
        ref = refs.get(part.batch) or batch_ref(session, part.batch)
        refs[part.batch] = ref
        brands.add(ref.brand)
        first, to = (part.first, part.to) if isinstance(part, Codes) else _ends(part)
        if not 0 <= first < to <= ref.count:
            raise _no_range(load, first, to, ref.number)
    if len(brands) > 1 or (packer and brands and brands != {packer}):
        raise Rejected(
            "FOREIGN_CODE", f"Unit {load.sscc} holds codes of another brand: take them out."
        )
    most = rule_of(session, next(iter(brands))).most if brands else MAX_CHILDREN
    for box in (Inner(load.sscc, load.parts), *walk(load.parts)):
        if isinstance(box, Inner):
            direct = sum(len(p) for p in box.inside if isinstance(p, Codes | Picked))
            if direct > most:
                raise Rejected(
                    "TOO_MANY_CHILDREN",
                    f"Box {box.sscc} holds {direct:,} items, its brand's boxes at most {most:,}.",
                )
    return places.by_batch(load.parts)


def _ends(part: Picked) -> tuple[int, int]:
    if not len(part):
        return 0, 0
    return int(part.indices[0]), int(part.indices[-1]) + 1


def _refuse_twice(site: Site, session: Session, work: _Work, items: _Items) -> None:
    """Refuse an item that is named twice here, lies in a unit already, or in a closed box."""
    number = items.ref.number
    order = np.argsort(items.indices, kind="stable")
    same = np.flatnonzero(np.diff(items.indices[order].astype(np.int64)) == 0) + 1
    double = np.zeros(len(order), np.bool_)
    double[order[same]] = True
    told = "is named twice: it is in one box only."
    _refuse_first(work, items, double, "TWICE_PACKED", told)
    held = places.holders_of(session, number, items.indices)
    loose = loose_items(site, session, number, items.indices, held)
    if loose:
        told = "has travelled alone: name it by its link, as a unit."
        _refuse_first(work, items, np.isin(items.indices, list(loose)), "MOVED_ALONE", told)
    for holder in np.unique(held[held > 0]).tolist():
        which = np.flatnonzero(held == holder)
        name = places.numbered(session, holder)
        if is_dead(session, name):
            work.dead.add(name.id)
            continue
        own = [load for load, unit in enumerate(work.own) if unit == name.id]
        told = f"lies in {name.epc[-18:]} already: take it out first."
        bad = np.zeros(len(held), np.bool_)
        bad[which] = ~np.isin(items.loads[which], own)
        _refuse_first(work, items, bad, "TWICE_PACKED", told)
    _refuse_closed(session, work, items)


def _refuse_closed(session: Session, work: _Work, items: _Items) -> None:
    closed = _closed(session, items.ref.number, items.indices)
    if not closed:
        return
    boxes = [_names(load) for load in work.loads]
    bad = np.zeros(len(items.indices), np.bool_)
    for at, box in closed:
        bad[at] = box not in boxes[int(items.loads[at])]
    told = "lies in another box that a line has closed: reopen that box first."
    _refuse_first(work, items, bad, "TWICE_PACKED", told)


def _closed(session: Session, batch: int, indices: Numbers) -> list[tuple[int, str]]:
    """Return which items lie in boxes that lines have closed: (place in `indices`, SSCC)."""
    if not len(indices):
        return []
    rows = session.execute(
        select(LineRun.first, LineRun.to, LineRun.sscc)
        .where(
            LineRun.batch == batch,
            LineRun.first <= int(indices.max()),
            LineRun.to > int(indices.min()),
        )
        .order_by(LineRun.first)
    ).all()
    if not rows:
        return []
    first, to = (np.array([row[at] for row in rows], np.int64) for at in (0, 1))
    at = np.searchsorted(first, indices, "right") - 1
    inside = np.flatnonzero((at >= 0) & (indices < to[at]))
    return [(one, rows[int(at[one])][2]) for one in inside.tolist()]


def _names(load: Load) -> set[str]:
    """Return the SSCCs of a load and of the boxes in it."""
    return {load.sscc, *(box.sscc for box in walk(load.parts) if isinstance(box, Inner))}


def is_dead(session: Session, name: UnitName) -> bool:
    """Say whether a unit was packed in vain: the ledger has refused it, and it has no slot."""
    if session.get(ChainUnit, name.id) is not None or name.origin is not None:
        return False
    if not name.count:
        return True  # an item that was to travel alone, and does not
    query = select(Submission.state).where(
        Submission.subject == ids.subject("unit", name.id), Submission.verb == int(Verb.PACK)
    )
    states = session.scalars(query).all()
    return bool(states) and all(state == "REJECTED" for state in states)


def _refuse_states(session: Session, work: _Work, items: _Items) -> None:
    """Refuse void codes, and inactive ones where the brand wants active ones only."""
    number = items.ref.number
    rows = session.execute(
        select(ChainRun.first, ChainRun.to, ChainRun.active_from, ChainRun.voided)
        .where(ChainRun.batch == number)
        .order_by(ChainRun.first)
    ).all()
    first, to, active, void = np.array(rows, np.int64).reshape(-1, 4).T
    at = np.searchsorted(first, items.indices, "right") - 1
    covered = (at >= 0) & (items.indices < (to[at] if len(to) else 0))
    is_void, is_active = covered.copy(), covered.copy()
    is_void[covered] = void[at[covered]] > 0
    is_active[covered] = active[at[covered]] > 0
    _refuse_first(work, items, is_void, "VOID_CODE", "is void: take it out of the box.")
    if rule_of(session, items.ref.brand).active:
        told = "is not active, as its brand asks: activate it, or take it out."
        _refuse_first(work, items, ~is_active, "INACTIVE_CODE", told)


def _refuse_gone(site: Site, session: Session, work: _Work, items: _Items) -> None:
    """Refuse items that are no longer goods."""
    states = select(ChainItem.leaf).where(ChainItem.batch == items.ref.number, ChainItem.state > 1)
    gone = set(session.scalars(states))
    if not gone:
        return
    leaves = children.split(leaves_at(site, session, items.ref, items.indices))
    told = "is blocked, stolen or decommissioned: take it out of the box."
    _refuse_first(work, items, np.array([x in gone for x in leaves]), "GONE_ITEM", told)


def _refuse_first(work: _Work, items: _Items, bad: NDArray[np.bool_], code: str, told: str) -> None:
    """Refuse the loads of bad items, each by its first."""
    which = np.flatnonzero(bad)
    loads, firsts = np.unique(items.loads[which], return_index=True)
    for load, at in zip(loads.tolist(), which[firsts].tolist(), strict=True):
        index = int(items.indices[at])
        if work.faults[load] is None:
            work.named[load] = (items.ref.number, index)
        work.refuse(load, code, f"code {index} of batch {items.ref.number} {told}")


def _refuse_boxes(session: Session, work: _Work) -> None:
    """Refuse a box that is in two loads, or in a unit already, or was packed by itself."""
    owner: dict[int, int] = {}
    for at, load in enumerate(work.loads):
        if work.faults[at] is not None:
            continue
        for body in places.bodies_in(load.parts):
            if owner.setdefault(body, at) != at:
                work.refuse(at, "TWICE_PACKED", f"box {body:017d}… is in two units: in one only.")
    tops: dict[int, int] = {}
    for at, load in enumerate(work.loads):
        body = int(load.sscc[:-1]) if work.faults[at] is None else -1
        if body >= 0 and (body in owner or tops.setdefault(body, at) != at):
            work.refuse(at, "TWICE_PACKED", "it is named twice, or is in another: in one only.")
    for body, number in places.boxes_taken(session, work.actor, [*owner, *tops]).items():
        name = places.numbered(session, number)
        load_at = owner.get(body, tops.get(body, 0))
        if is_dead(session, name):
            work.dead.add(name.id)
        elif work.own[load_at] != name.id:
            work.refuse(
                load_at,
                "TWICE_PACKED",
                f"box {body:017d}… lies in {name.epc[-18:]} already: take it out first.",
            )
    for body in _packed_alone(session, work.actor, list(owner)):
        told = f"box {body:017d}… is known by itself: name it as a unit."
        work.refuse(owner[body], "TWICE_PACKED", told)


def _packed_alone(session: Session, creator: int, bodies: Sequence[int]) -> list[int]:
    epcs = {ids.sscc_epc(with_check_digit(f"{body:017d}")): body for body in bodies}
    found: list[int] = []
    names = list(epcs)
    for at in range(0, len(names), places.CHUNK):
        query = select(UnitName.epc).where(
            UnitName.epc.in_(names[at : at + places.CHUNK]), UnitName.creator == creator
        )
        found += [epcs[epc] for epc in session.scalars(query)]
    return found
