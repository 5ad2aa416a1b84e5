"""What follows when a file of codes was taken: batches, roots and lots on the chain; the worker's.

A crash anywhere is gone on from: each step is kept with its submission, and done once.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

from sqlalchemy import select
from sqlalchemy.orm import Session

from ledger.db.engine import reading, transaction
from ledger.db.imports import CodeImport, ImportedBatch, ImportedLot
from ledger.db.models import Mint, Submission
from ledger.domain.code import IMPORTED_EPOCH
from ledger.errors import Rejected
from ledger.services import runs
from ledger.services.act import is_refused
from ledger.services.importing import imports
from ledger.services.mint import reserve
from ledger.services.site import Site


def advance(site: Site) -> int:
    """Take every import one step further where the chain has answered; return how many moved."""
    with reading(site.engine) as session:
        query = select(CodeImport).where(CodeImport.state == imports.COMMISSIONING)
        waiting = session.scalars(query.order_by(CodeImport.id)).all()
    return sum(_advance(site, row) for row in waiting)


def _advance(site: Site, row: CodeImport) -> int:
    with reading(site.engine) as session:
        batches = session.execute(
            select(ImportedBatch, Mint)
            .outerjoin(Mint, Mint.id == ImportedBatch.mint)
            .where(ImportedBatch.code_import == row.id)
            .order_by(ImportedBatch.id)
        ).all()
    try:
        for batch, mint in batches:
            if mint is None:
                _reserve(site, batch, row.tries)
                return 1
            if mint.state == imports.FAILED:
                raise Rejected("MINT_FAILED", mint.error or "The chain refused the batch.")
        if any(mint.state != imports.DONE for _, mint in batches):
            return 0
        return _bind(site, row, {batch.id: mint.batch or 0 for batch, mint in batches})
    except Rejected as fault:
        if fault.code == "StaleHead":
            return 0  # another verb of the brand is on its way: the next one is over the new head
        return _end(site, row.id, imports.FAILED, fault.message)


def _reserve(site: Site, batch: ImportedBatch, tries: int) -> None:
    mint = Mint(
        key=f"import-{batch.id}-{tries}",
        brand=batch.brand,
        gtin=batch.gtin,
        count=batch.count,
        inner=False,
        epoch=IMPORTED_EPOCH,
    )

    def name_it(session: Session) -> None:
        session.get_one(ImportedBatch, batch.id).mint = mint.id

    reserve(site, mint, name_it)


def _bind(site: Site, row: CodeImport, numbers: Mapping[int, int]) -> int:
    """Bind the first lot that is not bound yet, one at a time: each moves its batch's head."""
    with reading(site.engine) as session:
        lots = session.execute(
            select(ImportedLot, Submission)
            .outerjoin(Submission, Submission.id == ImportedLot.submission)
            .where(ImportedLot.source.in_(numbers))
            .order_by(ImportedLot.source, ImportedLot.first)
        ).all()
    for lot, sent in lots:
        if sent is None:
            day = date.fromisoformat(lot.expiry) if lot.expiry is not None else None
            key = f"import-lot-{lot.source}-{lot.first}-{row.tries}"
            terms = runs.LotTerms(lot.lot, day)
            try:
                number = runs.bind_lot(site, numbers[lot.source], lot.first, lot.to, terms, key)
            except Rejected as fault:
                raise fault if fault.code == "StaleHead" else _refused(lot, fault.message) from None
            # If we die before this the same key gives the same submission.
            with transaction(site.engine) as session:
                session.get_one(ImportedLot, (lot.source, lot.first)).submission = number
            return 1
        if is_refused(sent):
            raise _refused(lot, sent.detail or "The chain refused it.")
        if sent.state != "CONFIRMED":
            return 0
    return _end(site, row.id, imports.DONE)


def _refused(lot: ImportedLot, why: str) -> Rejected:
    return Rejected(
        "LOT_REFUSED", f"The codes are on the ledger, but not bound to lot {lot.lot}: {why}"
    )


def _end(site: Site, number: int, state: str, error: str | None = None) -> int:
    with transaction(site.engine) as session:
        row = imports.find(session, number)
        row.state, row.error = state, error
    return 1
