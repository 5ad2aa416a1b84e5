"""Writing what a file of codes gives, so that nothing counts before all of it is there.

Rows are written a few at a time, so that the scans of a busy day wait for no million of them; their
import is STAGED meanwhile, and nothing looks at it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from itertools import groupby, islice
from typing import Any

from sqlalchemy import delete, insert, select

from ledger.db.base import Base
from ledger.db.engine import reading, transaction
from ledger.db.imports import CodeImport, ImportedBatch, ImportedChunk, ImportedCode, ImportedLot
from ledger.services.importing.import_seal import CHUNK, seal
from ledger.services.site import Site

STAGED = "STAGED"
_INSERTED = 20_000  # rows a transaction


@dataclass
class Codes:
    """Good codes of one GTIN, in the order of their rows; lots: of each, its number in a list."""

    serials: list[str] = field(default_factory=list)
    tags: list[bytes] = field(default_factory=list)
    lots: list[int] = field(default_factory=list)


@dataclass
class Found:
    """What a file holds. lots: (name, last day) by number, the first being none."""

    codes: dict[int, Codes] = field(default_factory=dict)
    lots: list[tuple[str, date | None]] = field(default_factory=lambda: [("", None)])
    rows: int = 0
    bad: int = 0


def stage(site: Site, brand: int, name: str, digest: bytes, found: Found) -> int:
    """Write all that a file gives; return the id of its import, which is STAGED.

    digest: SHA-256 of the file. Raises Rejected NO_UNIT_KEY.
    """
    with transaction(site.engine) as session:
        row = CodeImport(
            brand=brand,
            digest=digest,
            name=name[:200],
            rows=found.rows,
            good=found.rows - found.bad,
            state=STAGED,
            tries=0,
            created=site.clock(),
        )
        session.add(row)
        session.flush()
        batches = [
            ImportedBatch(code_import=row.id, brand=brand, gtin=gtin, count=len(codes.serials))
            for gtin, codes in sorted(found.codes.items())
        ]
        session.add_all(batches)
    for batch in batches:
        codes = found.codes[batch.gtin]
        # Lot by lot, so that each lot is one range of the batch; else in the order of the file.
        order = sorted(range(batch.count), key=codes.lots.__getitem__)
        _insert(site, ImportedLot, _lots(batch.id, [codes.lots[at] for at in order], found.lots))
        _insert(
            site, ImportedChunk, _chunks(site, batch, digest, [codes.serials[at] for at in order])
        )
        # In order of the key, which a database takes several times as fast.
        placed = sorted((codes.tags[at], index) for index, at in enumerate(order))
        _insert(
            site,
            ImportedCode,
            ({"tag": tag, "source": batch.id, "index": index} for tag, index in placed),
        )
    return row.id


def _insert(site: Site, table: type[Base], rows: Iterable[dict[str, Any]]) -> None:
    rows = iter(rows)
    while part := list(islice(rows, _INSERTED)):
        with transaction(site.engine) as session:
            session.connection().execute(insert(table), part)


def _lots(
    source: int, lots: Sequence[int], named: Sequence[tuple[str, date | None]]
) -> Iterator[dict[str, Any]]:
    first = 0
    for lot, run in groupby(lots):
        to = first + sum(1 for _ in run)
        name, day = named[lot]
        if lot:
            expiry = day.isoformat() if day is not None else None
            yield {"source": source, "first": first, "to": to, "lot": name, "expiry": expiry}
        first = to


def _chunks(
    site: Site, batch: ImportedBatch, digest: bytes, serials: Sequence[str]
) -> Iterator[dict[str, Any]]:
    key = site.ring.unit_key(batch.brand)
    for number, first in enumerate(range(0, len(serials), CHUNK)):
        part, nonce = serials[first : first + CHUNK], site.home.entropy(12)
        sealed = seal(key, digest, batch.gtin, number, part, nonce)
        yield {"source": batch.id, "number": number, "sealed": sealed}


def clear(site: Site) -> None:
    """Remove what an import has left that died while it was STAGED."""
    with reading(site.engine) as session:
        dead = session.scalars(select(CodeImport.id).where(CodeImport.state == STAGED)).all()
    for number in dead:
        with transaction(site.engine) as session:
            sources = select(ImportedBatch.id).where(ImportedBatch.code_import == number)
            for table in (ImportedCode, ImportedChunk, ImportedLot):
                session.execute(delete(table).where(table.source.in_(sources)))
            session.execute(delete(ImportedBatch).where(ImportedBatch.code_import == number))
            session.execute(delete(CodeImport).where(CodeImport.id == number))
