"""What shows that a code is its brand's: its proof to the batch's root, and its GTIN's prefix.

Codes that the ledger made and imported ones differ here and nowhere above: the first are decoded,
the others looked up.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from sqlalchemy import LargeBinary, Select, and_, bindparam, func, or_, select
from sqlalchemy.orm import Session

from ledger.chain.message import Code
from ledger.db.chain_states import ChainPrefix
from ledger.db.engine import plain_rows, reading
from ledger.db.models import ChainBatch, Mint, Product
from ledger.domain import children, merkle
from ledger.domain.bits import Numbers
from ledger.domain.code import IMPORTED_EPOCH
from ledger.domain.gs1 import gtin14
from ledger.errors import Broken
from ledger.services.importing import imported
from ledger.services.importing.import_seal import CHUNK
from ledger.services.keys.keeper import BatchRef, Decoded
from ledger.services.minter import Minter
from ledger.services.site import Site

PREFIX_LENGTHS = range(4, 13)
# Built once, and one query for all lengths: every proof and every unknown code asks it.
_PREFIX = select(ChainPrefix.length, ChainPrefix.prefix, ChainPrefix.party).where(
    or_(
        *(
            and_(ChainPrefix.length == length, ChainPrefix.prefix == bindparam(f"of{length}"))
            for length in PREFIX_LENGTHS
        )
    )
)

# A part of the stored nodes: all of them are half a megabyte at ten million codes.
_STORED = select(
    func.substr(Mint.kept, bindparam("at"), bindparam("size"), type_=LargeBinary), Mint.top
).where(Mint.batch == bindparam("batch"))


_INNER_SIZE = select(func.length(Mint.inner_kept)).where(Mint.batch == bindparam("batch"))
_INNER_STORED = select(
    func.substr(Mint.inner_kept, bindparam("at"), bindparam("size"), type_=LargeBinary),
    Mint.inner_top,
).where(Mint.batch == bindparam("batch"))


@dataclass(frozen=True, slots=True)
class Prefix:
    """A registered prefix: its digits as a number, how many they are, and whose it is."""

    length: int
    prefix: int
    party: int


def leaf_proof(site: Site, session: Session, ref: BatchRef, index: int) -> list[bytes]:
    """Return the siblings from a code's leaf up to its batch's root.

    Raises Broken MINT_MISSING, TREE_MISMATCH.
    """
    group, top = _stored(session, _STORED, ref, index, merkle.SUBTREE_LEVELS)
    if ref.epoch == IMPORTED_EPOCH:
        subtree = merkle.subtree_proof(
            ref.count, index, lambda a, b: imported.leaves(site, session, ref.number, a, b)
        )
    else:
        subtree = site.keeper.siblings(ref, index)
    return merkle.join_proof(ref.count, index, subtree, group, top)


def inner_proof(minter: Minter, session: Session, ref: BatchRef, index: int) -> list[bytes]:
    """Return the siblings from an item's inner commitment up to its batch's inner root.

    Raises as `leaf_proof`, and as `Minter.inner_siblings`.
    """
    sizes = plain_rows(session, _INNER_SIZE, batch=ref.number)
    above = merkle.levels_above(ref.count, (sizes[0][0] or 0) if sizes else 0)
    group, top = _stored(session, _INNER_STORED, ref, index, above)
    subtree = minter.inner_siblings(ref, index, above)
    return merkle.join_proof(ref.count, index, subtree, group, top, above)


def _stored(
    session: Session, query: Select[*tuple[Any, ...]], ref: BatchRef, index: int, above: int
) -> tuple[bytes, bytes]:
    """Return the kept nodes beside an item's, and those half-way to the root."""
    first, stop = merkle.kept_group(ref.count, index, above)
    asked = {"at": 32 * first + 1, "size": 32 * (stop - first), "batch": ref.number}
    rows = plain_rows(session, query, **asked)
    group, top = rows[0] if rows else (None, None)
    if group is None or top is None:
        raise Broken(
            "MINT_MISSING",
            f"The tree of batch {ref.number} is not stored: restore a backup of the database.",
        )
    return group, top


def decode(site: Site, session: Session, gtin: int, serial: str) -> Decoded | None:
    """Return what a serial says, or where it was imported to; None if it is neither.

    An imported serial matches exactly as it is written.
    """
    found = site.keeper.decode(gtin, serial)
    if found is not None:
        return found
    prefix = prefix_of(session, gtin)
    return imported.find(site, session, prefix.party, gtin, serial) if prefix else None


def leaves_of(site: Site, session: Session, ref: BatchRef, start: int, stop: int) -> list[bytes]:
    """Return the leaves of items start … stop − 1 of a batch. Raises as `CodeKeeper.leaves`."""
    if ref.epoch == IMPORTED_EPOCH:
        return imported.leaves(site, session, ref.number, start, stop)
    return site.keeper.leaves(ref, start, stop)


def leaves_at(site: Site, session: Session, ref: BatchRef, indices: Numbers) -> children.Hashes:
    """Return the leaves of any items of a batch. Raises as `CodeKeeper.leaves_at`."""
    if ref.epoch != IMPORTED_EPOCH:
        return site.keeper.leaves_at(ref, indices)
    out = np.zeros((len(indices), 4), np.uint64)
    chunks = indices // np.uint32(CHUNK)
    for number in np.unique(chunks).tolist():
        which = np.flatnonzero(chunks == number)
        first, stop = CHUNK * number, min(CHUNK * number + CHUNK, ref.count)
        made = children.joined(imported.leaves(site, session, ref.number, first, stop))
        out[which] = made[indices[which] - np.uint32(first)]
    return out


def code_at(site: Site, batch: ChainBatch, index: int) -> Code:
    """Return what the leaf of an item is made of. Raises as `Minter.serials`."""
    if batch.epoch == IMPORTED_EPOCH:
        with reading(site.engine) as session:
            texts = imported.serials(site, session, batch.number, index, index + 1)
        return Code(batch.gtin, index, texts[0])
    serial = site.minter.serials(ref_of(batch), index, index + 1).tolist()[0].decode()
    return Code(batch.gtin, index, serial)


def made_as(site: Site, session: Session, batch: ChainBatch, index: int) -> list[bytes]:
    """Return what shows on chain who made an item: [code, batch, siblings …]."""
    number = batch.number.to_bytes(32, "big")
    code = code_at(site, batch, index)
    return [code.hash, number, *leaf_proof(site, session, ref_of(batch), index)]


def coded_as(site: Site, session: Session, batch: ChainBatch, index: int) -> list[bytes]:
    """Return what shows on chain whose brand's an item is, which tells the code itself:
    [gtin, index, serial, batch, siblings …].

    Raises as `leaf_proof` and `Minter.serials`.
    """
    code = code_at(site, batch, index)
    numbers = (number.to_bytes(32, "big") for number in (code.gtin, code.index, batch.number))
    gtin, place, number = numbers
    serial = code.serial.encode().ljust(32, b"\0")
    return [gtin, place, serial, number, *leaf_proof(site, session, ref_of(batch), index)]


def ref_of(batch: ChainBatch) -> BatchRef:
    """Return what defines a commissioned batch's codes."""
    return BatchRef(batch.brand, batch.epoch, batch.gtin, batch.number, batch.count)


def prefix_of(session: Session, gtin: int) -> Prefix | None:
    """Return the registered prefix that a GTIN lies under, None if there is none."""
    text = gtin14(f"{gtin:014d}")
    # After the indicator digit, as `gs1.prefix_value` has it.
    values = {f"of{length}": int(text[1 : 1 + length]) for length in PREFIX_LENGTHS}
    # Prefixes never overlap, so whichever matches is the only one.
    return next((Prefix(*row) for row in plain_rows(session, _PREFIX, **values)), None)


def brand_of(session: Session, gtin: int) -> int:
    """Return the brand whose GTIN this is, as it says or by its prefix; 0 for nobody's."""
    product = session.get(Product, gtin)
    if product is not None:
        return product.brand
    prefix = prefix_of(session, gtin)
    return prefix.party if prefix is not None else 0
