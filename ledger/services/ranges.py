"""Many codes at once: a range over runs of different state, a whole batch, what is in a unit.

The contract changes one run or one gap at a time, so that nothing in it loops. What is asked for is
cut here at the bounds of runs, looked at as a whole, and then sent piece after piece: each is over
the history that the one before it has left. Dying in between leaves whole pieces done; the same
request under the same idempotency key goes on with the rest. Only `void`, which nobody can undo, is
never spread: who names codes of several states may have named too many.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from ledger.db.engine import reading
from ledger.db.models import ChainLot, ChainRun, ChainUnit, UnitName
from ledger.db.packing import UnitChild
from ledger.domain import ids
from ledger.domain.contents import Codes, Inner, Part
from ledger.errors import Rejected
from ledger.services import act, runs
from ledger.services.codes import leaves_of
from ledger.services.goods.packed import load, parts_of
from ledger.services.goods.places import by_batch, spans
from ledger.services.goods.ways import INSIDE
from ledger.services.mint import batch_ref
from ledger.services.site import Site

MOST_PIECES = 64  # each is a block of its own
_CHUNK = 500  # leaves a query


@dataclass(frozen=True)
class Piece:
    """Codes [first, to) of a batch, all of one state: a part of a run, or of a gap (all zero)."""

    batch: int
    first: int
    to: int
    active_from: int = 0
    lot: int = 0
    voided: bool = False


Send = Callable[[Piece, str], int]
"""Keeps one piece's verb: (piece, idempotency key) -> submission."""


def activate(
    site: Site, codes: Sequence[Codes], active_from: int, key: str, is_now: bool = False
) -> list[int]:
    """Make codes active from a time on (unix seconds; 0: inactive); return the submissions.

    Void codes stay void, and what is active already is let be. is_now: as in `runs`. Raises
    Rejected UNKNOWN_BATCH, BAD_RANGE, TOO_SCATTERED and the contract's names.
    """
    now = site.clock()

    def done(piece: Piece) -> bool:
        active = 0 < piece.active_from <= now and 0 < active_from <= now
        return piece.voided or active or piece.active_from == active_from

    def send(piece: Piece, own: str) -> int:
        return runs.activate(site, piece.batch, piece.first, piece.to, active_from, own, is_now)

    return _send_all(site, _cut(site, codes), done, send, key)


def bind_lot(site: Site, codes: Sequence[Codes], terms: runs.LotTerms, key: str) -> list[int]:
    """Bind codes to a lot; return the submissions.

    Raises Rejected as `activate` and `runs.bind_lot`, LotAlreadyBound for codes of another lot,
    RunVoided for void ones, LotRecalled.
    """
    runs.ends_of(site, terms)  # what is wrong with them is said first
    pieces = _cut(site, codes)
    number = _number(site, pieces, terms.lot)
    for piece in pieces:
        where = f"{piece.first} to {piece.to} of batch {piece.batch}"
        if piece.lot not in (0, number):
            raise Rejected(
                "LotAlreadyBound", f"Codes {where} belong to a lot already (number {piece.lot})."
            )
        if piece.voided:
            raise Rejected("RunVoided", f"Codes {where} are void: bind those before and after.")

    def send(piece: Piece, own: str) -> int:
        return runs.bind_lot(site, piece.batch, piece.first, piece.to, terms, own)

    return _send_all(site, pieces, lambda piece: piece.lot != 0, send, key)


def in_batch(site: Site, batch: int, first: int = 0, to: int | None = None) -> list[Codes]:
    """Return the codes of a batch, or those from `first` on and before `to`.

    Raises Rejected UNKNOWN_BATCH.
    """
    with reading(site.engine) as session:
        count = batch_ref(session, batch).count
    return [Codes(batch, first, count if to is None else to)]


def in_unit(site: Site, session: Session, unit: bytes) -> list[Codes]:
    """Return the items that lie in a unit and in those inside it, as its packers say, in order.

    What has left it is not in it. Raises Rejected NO_CHILDREN.
    """
    found = sorted(_inside(site, session, unit), key=lambda codes: (codes.batch, codes.first))
    if not found:
        raise Rejected("NO_CHILDREN", "There are no items in the unit: name another.")
    joined = found[:1]
    for codes in found[1:]:
        last = joined[-1]
        if (last.batch, last.to) == (codes.batch, codes.first):
            joined[-1] = Codes(last.batch, last.first, codes.to)
        else:
            joined.append(codes)
    return joined


def pieces_of(session: Session, codes: Codes) -> list[Piece]:
    """Return a range cut at the bounds of its batch's runs, in order. Raises Rejected BAD_RANGE,
    UNKNOWN_BATCH."""
    ref = batch_ref(session, codes.batch)
    if not 0 <= codes.first <= codes.to <= ref.count:
        raise Rejected(
            "BAD_RANGE",
            f"{codes.first} to {codes.to} is no range of batch {codes.batch} ({ref.count}).",
        )
    if codes.first == codes.to:
        return [Piece(codes.batch, codes.first, codes.to)]
    query = (
        select(ChainRun)
        .where(ChainRun.batch == codes.batch, ChainRun.first < codes.to, ChainRun.to > codes.first)
        .order_by(ChainRun.first)
    )
    pieces: list[Piece] = []
    at = codes.first
    for run in session.scalars(query):
        start, stop = max(run.first, codes.first), min(run.to, codes.to)
        if at < start:
            pieces.append(Piece(codes.batch, at, start))
        state = (run.active_from, run.lot, bool(run.voided))
        pieces.append(Piece(codes.batch, start, stop, *state))
        at = stop
    if at < codes.to:
        pieces.append(Piece(codes.batch, at, codes.to))
    return pieces


def _cut(site: Site, codes: Sequence[Codes]) -> list[Piece]:
    with reading(site.engine) as session:
        pieces = [piece for each in codes for piece in pieces_of(session, each)]
    if len(pieces) > MOST_PIECES:
        raise Rejected(
            "TOO_SCATTERED",
            f"These codes lie in {len(pieces)} ranges of different state, and at most "
            f"{MOST_PIECES} are changed at once: name fewer, or their whole batch.",
        )
    return pieces


def _send_all(
    site: Site, pieces: Sequence[Piece], done: Callable[[Piece], bool], send: Send, key: str
) -> list[int]:
    """Send what is to be done, waiting for all but the last, or the last if all is done: whoever
    asks again gets the answer of the first time, or the contract's refusal."""
    todo = [piece for piece in pieces if not done(piece)] or list(pieces[-1:])
    sent: list[int] = []
    for piece in todo:
        act.settled(site, sent[-1:])
        own = key if len(pieces) == 1 else f"{key} {piece.batch}:{piece.first}-{piece.to}"
        sent.append(send(piece, own))
    return sent


def _number(site: Site, pieces: Sequence[Piece], lot: str) -> int:
    """Return the number of a lot of what is bound, 0 if it is new. Raises Rejected LotRecalled."""
    with reading(site.engine) as session:
        gtin = batch_ref(session, pieces[0].batch).gtin
        query = select(ChainLot).where(ChainLot.id == ids.lot_id(gtin, lot), ChainLot.gtin == gtin)
        known = session.scalars(query).one_or_none()
    if known is not None and known.set_by:
        raise Rejected(
            "LotRecalled", f"Lot {lot} is recalled: release it first, or bind to another lot."
        )
    return known.number if known is not None else 0


def _inside(site: Site, session: Session, unit: bytes) -> Iterator[Codes]:
    name, own = session.get(UnitName, unit), session.get(ChainUnit, unit)
    if name is None:
        return
    parts = parts_of(name)
    if own is None or not own.gone:
        yield from _runs(parts)
    else:
        inner = iter(load(site, session, name).inner)
        for part in parts:
            if isinstance(part, Inner):
                slot = session.get(ChainUnit, next(inner).id)
                yield from _runs(part.inside) if slot is None else ()
            elif not isinstance(part, bytes):
                for codes in _runs([part]):
                    yield from _still_in(site, session, unit, codes)
    for child in session.scalars(select(UnitChild.child).where(UnitChild.unit == unit)).all():
        slot = session.get(ChainUnit, child)
        if slot is None or (slot.state, slot.parent) == (INSIDE, unit):
            yield from _inside(site, session, child)


def _runs(parts: Sequence[Part]) -> Iterator[Codes]:
    """Yield the codes in a unit, however deep, as ranges."""
    for batch, indices in by_batch(parts).items():
        for first, to in spans(indices):
            yield Codes(batch, first, to)


def _still_in(site: Site, session: Session, unit: bytes, codes: Codes) -> Iterator[Codes]:
    """Yield what is left of a run of items of which some have got slots of their own."""
    leaves = leaves_of(site, session, batch_ref(session, codes.batch), codes.first, codes.to)
    start = codes.first
    for at in range(0, len(leaves), _CHUNK):
        part = leaves[at : at + _CHUNK]
        query = select(ChainUnit).where(ChainUnit.id.in_(part))
        gone = {
            row.id for row in session.scalars(query) if (row.state, row.parent) != (INSIDE, unit)
        }
        for offset, leaf in enumerate(part):
            if leaf in gone:
                index = codes.first + at + offset
                if start < index:
                    yield Codes(codes.batch, start, index)
                start = index + 1
    if start < codes.to:
        yield Codes(codes.batch, start, codes.to)
