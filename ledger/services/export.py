"""The file of a mint's codes, a line an item, as fast as the disk takes it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import accumulate
from queue import SimpleQueue
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from ledger.db.models import Mint
from ledger.domain.code import SERIAL_LENGTH
from ledger.domain.digital_link import inner_link, printed_link
from ledger.errors import Rejected
from ledger.services import hashing
from ledger.services.mint import open_codes
from ledger.services.past_cache import BLOCK, memory_for, past_cache
from ledger.services.site import Site

_PIECE = 8 * BLOCK  # lines made at a time: of any length, they fill whole blocks

CodesOf = Callable[[int, int], NDArray[np.bytes_]]
"""codes_of(start, stop) -> the codes of items start … stop − 1, dtype S20."""


class LinkLines:
    """Lines of equal length: in each some heads, the same in all, and behind each a code."""

    def __init__(self, columns: Sequence[tuple[bytes, CodesOf]]) -> None:
        """columns: each head, and what gives the codes behind it."""
        self._row = b"".join(head + bytes(SERIAL_LENGTH) for head, _ in columns) + b"\n"
        ends = accumulate(len(head) + SERIAL_LENGTH for head, _ in columns)
        self._codes = [
            (slice(end - SERIAL_LENGTH, end), codes_of)
            for end, (_, codes_of) in zip(ends, columns, strict=True)
        ]

    @property
    def width(self) -> int:
        """How many bytes a line has."""
        return len(self._row)

    def memory(self, lines: int) -> NDArray[np.uint8]:
        """Return memory for so many lines, with their heads, for `fill` to use again and again."""
        found = memory_for(lines * self.width)
        self._table(found, lines)[:] = np.frombuffer(self._row, np.uint8)
        return found

    def fill(self, memory: NDArray[np.uint8], start: int, stop: int) -> NDArray[np.uint8]:
        """Write the codes of items start … stop − 1 behind the heads; return the whole blocks of
        memory that their lines lie in, from its beginning."""
        table = self._table(memory, stop - start)
        for place, codes_of in self._codes:
            table[:, place] = codes_of(start, stop).view(np.uint8).reshape(-1, SERIAL_LENGTH)
        return memory[: -(-table.size // BLOCK) * BLOCK]

    def _table(self, memory: NDArray[np.uint8], lines: int) -> NDArray[np.uint8]:
        return memory[: lines * self.width].reshape(lines, self.width)


def write_links(
    site: Site,
    mint: Mint,
    first: int,
    to: int,
    file: BinaryIO,
    *,
    upper: bool = False,
    inner: bool = False,
    written: Callable[[int], None] = lambda _: None,
) -> None:
    """Write the printed links of items first … to − 1 of a mint that is DONE, one a line.

    upper: in capitals. inner: each followed by a comma and the link of its inner code. written is
    called with the number of lines that each piece had.
    Raises Unavailable ROOT_PENDING, Rejected NO_INNER_CODES, ORDERED_CODES, and as `printed_link`.
    """
    ref = open_codes(site, mint)
    if inner and not mint.inner:
        raise Rejected(
            "NO_INNER_CODES", f"Mint {mint.id} was ordered without inner codes: order new ones."
        )
    outer_head = printed_link(site.link_base, f"{mint.gtin:014d}", "", upper).encode()
    inner_head = b"," + inner_link(site.link_base, "", upper).encode()

    codes = hashing.codes_for(ref.count)
    columns = [(outer_head, site.minter.encoder(ref, codes))]
    if inner:
        columns.append((inner_head, site.minter.encoder(ref, codes, inner=True)))
    lines = LinkLines(columns)
    free: SimpleQueue[NDArray[np.uint8]] = SimpleQueue()
    for _ in range(hashing.workers()):
        free.put(lines.memory(min(_PIECE, to - first)))

    def piece(start: int) -> int:
        stop, memory = min(start + _PIECE, to), free.get()
        try:
            write((start - first) * lines.width, lines.fill(memory, start, stop))
        finally:
            free.put(memory)
        return stop - start

    with past_cache(file, (to - first) * lines.width) as write, hashing.pool() as pool:
        for count in pool.map(piece, range(first, to, _PIECE)):
            written(count)


def join_columns(rows: int, columns: list[bytes | NDArray[np.bytes_]]) -> bytes:
    """Return lines whose columns are the same text in each row, or one text a row."""
    widths = [len(c) if isinstance(c, bytes) else c.dtype.itemsize for c in columns]
    table = np.empty((rows, sum(widths)), np.uint8)
    at = 0
    for column, width in zip(columns, widths, strict=True):
        if isinstance(column, bytes):
            table[:, at : at + width] = np.frombuffer(column, np.uint8)
        else:
            table[:, at : at + width] = column.view(np.uint8).reshape(rows, width)
        at += width
    return table.tobytes()
