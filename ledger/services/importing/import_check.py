"""Which rows of a file of codes can be used: of the brand's products, each code once, none that the
ledger has already. A row that cannot be used is named, with its column and what to do.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import islice
from typing import Any

from sqlalchemy import select

from ledger.db.engine import reading
from ledger.db.imports import CodeImport, ImportedBatch, ImportedCode
from ledger.domain.code import serial_epoch
from ledger.domain.import_rows import BadCell, Cell, Printed, find_columns, read_row
from ledger.errors import Rejected
from ledger.services.codes import prefix_of
from ledger.services.importing.import_csv import Row
from ledger.services.importing.import_seal import tag, tag_key
from ledger.services.site import Site

_BLOCK = 500  # rows that are looked up together


@dataclass(frozen=True, slots=True)
class BadRow:
    """A row that cannot be used. column: as its header names it; cells: as they were read."""

    number: int
    column: str
    code: str
    message: str
    cells: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """What machines are told of it."""
        return {
            "row": self.number,
            "column": self.column,
            "error": self.code,
            "detail": self.message,
        }


@dataclass(frozen=True, slots=True)
class GoodRow:
    """A row that can be used, with the tag of its code."""

    number: int
    printed: Printed
    tag: bytes


@dataclass(frozen=True)
class Table:
    """The rows below a header. gtin: of all of them, 14 digits, where no column tells it."""

    header: tuple[str, ...]
    rows: Iterator[Row]
    gtin: str | None

    @classmethod
    def of(cls, rows: Iterator[Row], gtin: str | None) -> Table:
        """Return the table that begins with a header. Raises as `find_columns`."""
        _, cells = next(rows, (0, list[Cell]()))
        header = tuple(cell.text for cell in cells)
        find_columns(header, gtin)
        return cls(header, rows, gtin)


class Checker:
    """Checks the rows of one file for one brand; the codes seen so far are kept in memory."""

    def __init__(self, site: Site, brand: int) -> None:
        """Raises Rejected NO_UNIT_KEY."""
        self._site = site
        self._brand = brand
        self._key = tag_key(site.ring.unit_key(brand))
        self._seen: set[bytes] = set()
        self._gtins: dict[str, bool] = {}
        self._expiries: dict[tuple[str, str], date | None] = {}

    def check(self, table: Table) -> Iterator[GoodRow | BadRow]:
        """Yield what each row is, in order. Raises what reading the rows raises."""
        columns = find_columns(table.header, table.gtin)
        while block := list(islice(table.rows, _BLOCK)):
            found = [self._one(table, columns, number, cells) for number, cells in block]
            yield from self._known(found, table, columns)

    def _one(
        self, table: Table, columns: dict[str, int], number: int, cells: Sequence[Cell]
    ) -> GoodRow | BadRow:
        try:
            printed = read_row(cells, columns, table.gtin)
            return GoodRow(number, printed, self._judge(printed))
        except BadCell as fault:
            texts = tuple(cell.text for cell in cells)
            return _bad(number, fault, table.header, columns, texts)

    def _judge(self, printed: Printed) -> bytes:
        """Return the tag of a code that may be taken. Raises BadCell."""
        if not self._is_ours(printed.gtin):
            raise BadCell(
                "gtin",
                Rejected(
                    "ForeignGtin",
                    f"GTIN {printed.gtin} is under no prefix of brand {self._brand}: compare it "
                    "with the print.",
                ),
            )
        if printed.host and not self._site.is_ours(printed.host):
            raise BadCell(
                "link",
                Rejected(
                    "FOREIGN_LINK",
                    f"Scans of links on {printed.host} do not come here: lead that host here and "
                    "add it to TOUCHSTONE_HOSTS first.",
                ),
            )
        if printed.lot is not None:
            day = self._expiries.setdefault((printed.gtin, printed.lot), printed.expiry)
            if day != printed.expiry:
                raise BadCell(
                    "expiry",
                    Rejected(
                        "CELLS_DIFFER",
                        f"Lot {printed.lot} has another last day further up: one lot has one.",
                    ),
                )
        gtin = int(printed.gtin)
        found = tag(self._key, gtin, printed.serial)
        if found in self._seen:
            raise BadCell(
                "serial",
                Rejected(
                    "CODE_REPEATED", "The code is in the file before: delete one of the rows."
                ),
            )
        # Whoever imports a serial of the ledger's own form may have taken it from the ledger.
        if serial_epoch(printed.serial) is not None and self._site.keeper.decode(
            gtin, printed.serial
        ):
            raise BadCell(
                "serial",
                Rejected("CODE_KNOWN", "The ledger made this code itself: delete the row."),
            )
        self._seen.add(found)
        return found

    def _is_ours(self, gtin: str) -> bool:
        if gtin not in self._gtins:
            with reading(self._site.engine) as session:
                prefix = prefix_of(session, int(gtin))
            self._gtins[gtin] = prefix is not None and prefix.party == self._brand
        return self._gtins[gtin]

    def _known(
        self, found: Sequence[GoodRow | BadRow], table: Table, columns: dict[str, int]
    ) -> Iterable[GoodRow | BadRow]:
        """Refuse those rows of a block whose codes another file has told."""
        tags = [row.tag for row in found if isinstance(row, GoodRow)]
        with reading(self._site.engine) as session:
            known = {
                kept: (number, name)
                for kept, number, name in session.execute(
                    select(ImportedCode.tag, CodeImport.id, CodeImport.name)
                    .join(ImportedBatch, ImportedBatch.id == ImportedCode.source)
                    .join(CodeImport, CodeImport.id == ImportedBatch.code_import)
                    .where(ImportedCode.tag.in_(tags))
                )
            }
        for row in found:
            if isinstance(row, GoodRow) and row.tag in known:
                number, name = known[row.tag]
                fault = BadCell(
                    "serial",
                    Rejected(
                        "CODE_KNOWN",
                        f"Import {number} ({name}) has this code already: delete the row.",
                    ),
                )
                texts = (row.printed.gtin, row.printed.serial)
                yield _bad(row.number, fault, table.header, columns, texts)
            else:
                yield row


def _bad(
    number: int,
    fault: BadCell,
    header: Sequence[str],
    columns: dict[str, int],
    cells: tuple[str, ...],
) -> BadRow:
    place = columns.get(fault.field, columns.get("link"))
    column = header[place] if place is not None else fault.field
    return BadRow(number, column, fault.fault.code, fault.fault.message, cells)
