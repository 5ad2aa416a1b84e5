"""Codes that were printed before they joined the ledger: finding one by its tag, and their leaves.

No key decodes such a serial, so it is looked up; everything after that is as for any other code.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from ledger.db.engine import reading
from ledger.db.imports import CodeImport, ImportedBatch, ImportedChunk, ImportedCode
from ledger.db.models import Mint
from ledger.domain import code, merkle, merkle_arrays
from ledger.errors import Broken
from ledger.services import hashing
from ledger.services.importing.import_seal import CHUNK, unseal
from ledger.services.keys.keeper import BatchRef, Decoded
from ledger.services.site import Site
from ledger.services.trees import Tree


@dataclass(frozen=True)
class Source:
    """An imported batch: whose codes, of which file (its SHA-256), and its row's id."""

    id: int
    brand: int
    gtin: int
    digest: bytes


def find(site: Site, session: Session, brand: int, gtin: int, serial: str) -> Decoded | None:
    """Return where a brand's imported code is, None if there is none or it has no batch yet."""
    tag = site.keeper.tag(brand, gtin, serial)
    if tag is None:
        return None
    row = session.execute(
        select(Mint.batch, ImportedCode.index)
        .join(ImportedBatch, ImportedBatch.id == ImportedCode.source)
        .join(Mint, Mint.id == ImportedBatch.mint)
        .where(ImportedCode.tag == tag, Mint.batch.is_not(None))
    ).first()
    if row is None or row[0] is None:
        return None
    return Decoded(brand, code.IMPORTED_EPOCH, row[0], row[1])


def leaves(site: Site, session: Session, batch: int, start: int, stop: int) -> list[bytes]:
    """Return the leaves of items start … stop − 1 of an imported batch.

    Raises Broken MINT_MISSING, IMPORT_DAMAGED.
    """
    source = _source(session, _SOURCE.where(Mint.batch == batch))
    found: list[bytes] = []
    for number, sealed in _chunks(session, source, start, stop):
        made = site.keeper.imported_leaves(source.brand, source.gtin, source.digest, number, sealed)
        found += _part(made, number, start, stop)
    return found


def serials(site: Site, session: Session, batch: int, start: int, stop: int) -> list[str]:
    """Return the serials of items start … stop − 1 of an imported batch; the keys must be here.

    Raises Broken MINT_MISSING, IMPORT_DAMAGED, Rejected NO_UNIT_KEY.
    """
    return _unsealed(
        site, session, _source(session, _SOURCE.where(Mint.batch == batch)), start, stop
    )


def tree(site: Site, mint: int, ref: BatchRef) -> Tree:
    """Return the tree of an imported batch, from what is sealed. Raises as `serials`."""
    with reading(site.engine) as session:
        source = _source(session, _SOURCE.where(Mint.id == mint))

    def texts(start: int, stop: int) -> list[str]:
        with reading(site.engine) as session:
            return _unsealed(site, session, source, start, stop)

    def arrays(start: int, stop: int) -> np.ndarray[tuple[int], np.dtype[np.bytes_]]:
        return np.array([text.encode() for text in texts(start, stop)], "S20")

    lanes = hashing.for_count(ref.count)
    if lanes is None:
        kept = merkle.build_kept(ref.count, lambda a, b: code.leaves(ref.gtin, a, arrays(a, b)))
        return Tree(kept, None)
    with hashing.pool() as pool:
        kept = merkle_arrays.build_kept(
            ref.count, lambda a, b: lanes.leaves(ref.gtin, a, arrays(a, b)), lanes.pairs, pool.map
        )
    return Tree(kept, None)


_SOURCE = (
    select(ImportedBatch.id, ImportedBatch.brand, ImportedBatch.gtin, CodeImport.digest)
    .join(CodeImport, CodeImport.id == ImportedBatch.code_import)
    .join(Mint, Mint.id == ImportedBatch.mint)
)


def _source(session: Session, query: Select[int, int, int, bytes]) -> Source:
    row = session.execute(query).first()
    if row is None:
        raise _missing()
    number, brand, gtin, digest = row
    return Source(number, brand, gtin, digest)


def _unsealed(site: Site, session: Session, source: Source, start: int, stop: int) -> list[str]:
    key, found = site.ring.unit_key(source.brand), list[str]()
    for number, sealed in _chunks(session, source, start, stop):
        made = unseal(key, source.digest, source.gtin, number, sealed)
        found += _part(made, number, start, stop)
    return found


def _part(chunk: list[Any], number: int, start: int, stop: int) -> list[Any]:
    first = number * CHUNK
    return chunk[max(start - first, 0) : max(stop - first, 0)]


def _chunks(session: Session, source: Source, start: int, stop: int) -> list[tuple[int, bytes]]:
    numbers = range(start // CHUNK, -(-stop // CHUNK))
    rows = session.execute(
        select(ImportedChunk.number, ImportedChunk.sealed)
        .where(
            ImportedChunk.source == source.id,
            ImportedChunk.number >= numbers.start,
            ImportedChunk.number < numbers.stop,
        )
        .order_by(ImportedChunk.number)
    ).all()
    if len(rows) != len(numbers):
        raise _missing()
    return [(number, sealed) for number, sealed in rows]


def _missing() -> Broken:
    return Broken(
        "MINT_MISSING", "Imported codes are not stored here: restore a backup of the database."
    )
