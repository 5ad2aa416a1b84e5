"""Packing from a file: rows of a parent and what is in it, as lines and label printers write them.

Whatever is no child in the file is a unit that goes on the ledger by itself, with all that is in it
or not at all. A row that is wrong refuses the unit that it belongs to, and no other. The same file
again does nothing twice.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np
from sqlalchemy.orm import Session

from ledger.chain.account import Account
from ledger.db.engine import reading
from ledger.domain.contents import Codes, items_in
from ledger.errors import Rejected
from ledger.services.goods.line_boxes import Boxes, Fault, build, join, key_of
from ledger.services.goods.line_codes import Read, read_codes
from ledger.services.goods.packing import Box, Refused, pack_many
from ledger.services.site import Site

BLOCK = 50_000  # texts that are read at a time
UNITS = 256  # that are kept in one transaction
MAX_LINE = 1 << 20  # characters; a longer one is no row


NO_ROW = Rejected(
    "BAD_ROW", "This row is no text of a parent and what is in it: write it anew, with all of it."
)


@dataclass
class Report:
    """What became of a file. refused: by row; submissions: of the units that were packed."""

    units: list[str] = field(default_factory=list)
    items: int = 0
    submissions: list[int] = field(default_factory=list)
    refused: list[Fault] = field(default_factory=list)


@dataclass
class _Rows:
    """All children of the file: the row and the parent of each, and what it was read as."""

    read: Read
    rows: np.ndarray[tuple[int], np.dtype[np.int64]]
    owners: np.ndarray[tuple[int], np.dtype[np.int64]]
    parents: list[str]
    first_row: dict[str, int]

    @cached_property
    def inside(self) -> Mapping[str, list[str]]:
        """The boxes in each parent."""
        found: dict[str, list[str]] = {}
        for at, other in self.read.others.items():
            if isinstance(other, str):
                found.setdefault(self.parents[int(self.owners[at])], []).append(other)
        return found


def pack_file(
    site: Site,
    actor: int,
    path: Path,
    lot: str | None = None,
    signer: Account | None = None,
    advance: Callable[[int], None] = lambda _: None,
) -> Report:
    """Pack all that a CSV file says: `PARENT,CHILD[,CHILD…]` a row, as docs/packing.md has it.

    lot: of every unit. advance is called with the number of units done. Raises Rejected NO_FILE.
    """
    report = Report()
    with reading(site.engine) as session:
        rows = _read(site, session, path, report.refused)
        boxes, faults = build(site, session, rows.read, rows.rows, rows.owners, rows.parents)
        report.refused += faults
        tops = _tops(rows, report.refused)
    for start in range(0, len(tops), UNITS):
        part = tops[start : start + UNITS]
        _pack(site, actor, part, boxes, rows, lot, signer, report)
        advance(len(part))
    report.refused.sort(key=lambda fault: fault.row)
    return report


def _pack(
    site: Site,
    actor: int,
    tops: list[str],
    boxes: Boxes,
    rows: _Rows,
    lot: str | None,
    signer: Account | None,
    report: Report,
) -> None:
    """Pack some units; a box that is missing or cannot be refuses its unit."""
    wanted: list[tuple[Box, str]] = []
    bad = {fault.sscc for fault in report.refused}
    with reading(site.engine) as session:
        for top in tops:
            if top in bad:
                continue
            broken = next((name for name in _under(top, rows) if name in bad), None)
            try:
                if broken is not None:
                    raise Rejected(
                        "BOX_REFUSED", f"Box {broken} in it is refused: correct that first."
                    )
                parts = join(session, actor, top, boxes)
            except Rejected as error:
                report.refused.append(Fault(rows.first_row[top], top, error))
                continue
            wanted.append((Box(top, parts, lot), key_of(actor, top, parts)))
    for (box, _), result in zip(wanted, pack_many(site, actor, wanted, signer), strict=True):
        if isinstance(result, Refused):
            row = _row_of(rows, result.code) or rows.first_row[box.sscc]
            report.refused.append(Fault(row, box.sscc, result.error))
        else:
            report.units.append(box.sscc)
            report.items += items_in([p for p in box.inside if not isinstance(p, Box)])
            report.submissions.append(result[1])


def _read(site: Site, session: Session, path: Path, refused: list[Fault]) -> _Rows:
    numbers: list[int] = []
    owners: list[int] = []
    texts: list[str] = []
    parts: list[Read] = []
    parents: dict[str, int] = {}
    first_row: dict[str, int] = {}
    last, lost = "", None

    def take() -> None:
        parts.append(read_codes(site, session, texts))
        texts.clear()

    for number, fields in _fields(path):
        if isinstance(fields, Rejected):
            # Nobody knows whose it is: what stands around it may lack a child.
            lost = (number, fields)
            refused.append(Fault(number, last, fields))
            continue
        parent, *children = fields
        if lost is not None and parent != last:
            refused.append(Fault(lost[0], parent, lost[1]))
        last, lost = parent, None
        if number == 1 and not parent[:1].isdigit():
            continue  # a head line
        owner = parents.setdefault(parent, len(parents))
        first_row.setdefault(parent, number)
        if not children:  # what was in it is lost
            refused.append(Fault(number, parent, NO_ROW))
        for child in children:
            texts.append(child)
            owners.append(owner)
            numbers.append(number)
        if len(texts) >= BLOCK:
            take()
    take()
    return _Rows(
        _joined(parts), np.array(numbers, np.int64), np.array(owners, np.int64), list(parents),
        first_row,
    )  # fmt: skip


def _fields(path: Path) -> Iterator[tuple[int, list[str] | Rejected]]:
    """Yield each row's number and its fields, without empty ones; or why it cannot be read."""
    try:
        data = path.open("rb")
    except OSError as error:
        raise Rejected("NO_FILE", f"{path} cannot be read: {error.strerror}.") from None
    with data:
        head = data.read(4)
        wide = head[:2] in (b"\xff\xfe", b"\xfe\xff")
        data.seek(3 if head[:3] == b"\xef\xbb\xbf" else 0)
        if wide:
            text = data.read().decode("utf-16", "replace")
            lines: Iterator[bytes] = (line.encode() for line in text.splitlines())
        else:
            lines = iter(data)
        for number, line in enumerate(lines, 1):
            fields = _split(line)
            if fields is None:
                yield (
                    number,
                    Rejected(
                        "BAD_ROW",
                        "This row is no text of a parent and what is in it: write it anew.",
                    ),
                )
            elif fields:
                yield number, fields


def _split(line: bytes) -> list[str] | None:
    """Return the fields of a row, None where they cannot be read; [] for an empty row.

    What counts is ASCII, so any encoding that contains it does: UTF-8, GBK and their like.
    """
    if len(line) > MAX_LINE or b"\0" in line:
        return None
    try:
        text = line.decode("ascii")
    except UnicodeDecodeError:
        text = line.decode("gb18030", "replace")
    text = text.strip("\r\n \t")
    mark = "," if "," in text else ";" if ";" in text else "\t"
    fields = next(csv.reader([text], delimiter=mark)) if '"' in text else text.split(mark)
    if " " in text:
        fields = [part.strip() for part in fields]
    kept = fields if all(fields) else [part for part in fields if part]
    if not kept:
        return []
    return kept if fields[0] and (len(kept) > 1 or kept[0].isdigit()) else None


def _joined(parts: list[Read]) -> Read:
    others = {}
    start = 0
    for part in parts:
        others.update({start + at: other for at, other in part.others.items()})
        start += len(part.batches)
    return Read(
        np.concatenate([part.batches for part in parts]),
        np.concatenate([part.indices for part in parts]),
        others,
    )


def _tops(rows: _Rows, refused: list[Fault]) -> list[str]:
    """Return the parents that are in no other; a box in two parents is a fault of the second."""
    parent_of: dict[str, int] = {}
    for at, other in rows.read.others.items():
        if isinstance(other, str):
            owner = int(rows.owners[at])
            if parent_of.setdefault(other, owner) != owner:
                told = f"box {other} is in {rows.parents[parent_of[other]]} already: in one only."
                refused.append(
                    Fault(int(rows.rows[at]), rows.parents[owner], Rejected("TWICE_PACKED", told))
                )
    tops = [name for name in rows.parents if name not in parent_of]
    seen = {name for top in tops for name in (top, *_under(top, rows))}
    for name in rows.parents:
        if name not in seen:
            told = f"box {name} lies in itself, by way of what is around it: compare the list."
            refused.append(Fault(rows.first_row[name], name, Rejected("UNIT_CYCLE", told)))
    return tops


def _under(top: str, rows: _Rows) -> Iterator[str]:
    """Yield the boxes of this file that are in a unit, however deep."""
    todo, seen = list(rows.inside.get(top, ())), {top}
    while todo:
        name = todo.pop()
        if name not in seen:
            seen.add(name)
            yield name
            todo += rows.inside.get(name, ())


def _row_of(rows: _Rows, code: tuple[int, int] | None) -> int | None:
    """Return the row that names a code, None if there is none."""
    if code is None:
        return None
    batch, index = code
    which = np.flatnonzero((rows.read.batches == batch) & (rows.read.indices == index))
    if len(which):
        return int(rows.rows[which[-1]])
    for at, other in rows.read.others.items():
        if isinstance(other, Codes) and other.batch == batch and other.first <= index < other.to:
            return int(rows.rows[at])
    return None
