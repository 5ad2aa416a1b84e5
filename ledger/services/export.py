"""The file of a mint's codes, a line an item, as fast as the disk takes it."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, Future
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from ledger.db.models import Mint
from ledger.domain.digital_link import inner_link, printed_link
from ledger.errors import Rejected
from ledger.services import hashing
from ledger.services.mint import released
from ledger.services.site import Site

_CHUNK = 1 << 15  # lines made at a time
_AHEAD = 4  # chunks that may wait for the disk


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
    Raises Unavailable ROOT_PENDING, Rejected NO_INNER_CODES, and as `printed_link`.
    """
    ref = released(mint)
    if inner and not mint.inner:
        raise Rejected(
            "NO_INNER_CODES", f"Mint {mint.id} was ordered without inner codes: order new ones."
        )
    outer_head = printed_link(site.link_base, f"{mint.gtin:014d}", "", upper).encode()
    inner_head = b"," + inner_link(site.link_base, "", upper).encode()

    codes = hashing.codes_for(ref.count)
    serials = site.minter.encoder(ref, codes)
    inner_codes = site.minter.encoder(ref, codes, inner=True)

    def lines(start: int) -> memoryview:
        stop = min(start + _CHUNK, to)
        columns: list[bytes | NDArray[np.bytes_]] = [
            outer_head,
            serials(start, stop),
        ]
        if inner:
            columns += [inner_head, inner_codes(start, stop)]
        return _table(stop - start, [*columns, b"\n"]).data

    with hashing.pool() as pool:
        for at, text in zip(
            range(first, to, _CHUNK), _in_order(pool, lines, range(first, to, _CHUNK)), strict=True
        ):
            file.write(text)
            written(min(_CHUNK, to - at))


def join_columns(rows: int, columns: list[bytes | NDArray[np.bytes_]]) -> bytes:
    """Return lines whose columns are the same text in each row, or one text a row."""
    return _table(rows, columns).tobytes()


def _table(rows: int, columns: list[bytes | NDArray[np.bytes_]]) -> NDArray[np.uint8]:
    widths = [len(c) if isinstance(c, bytes) else c.dtype.itemsize for c in columns]
    table = np.empty((rows, sum(widths)), np.uint8)
    at = 0
    for column, width in zip(columns, widths, strict=True):
        if isinstance(column, bytes):
            table[:, at : at + width] = np.frombuffer(column, np.uint8)
        else:
            table[:, at : at + width] = column.view(np.uint8).reshape(rows, width)
        at += width
    return table


def _in_order(
    pool: Executor, work: Callable[[int], memoryview], numbers: Iterable[int]
) -> Iterator[memoryview]:
    """Yield what work gives for each number, computed ahead by a few, so that memory is bounded."""
    waiting: deque[Future[memoryview]] = deque()
    for number in numbers:
        waiting.append(pool.submit(work, number))
        if len(waiting) > _AHEAD:
            yield waiting.popleft().result()
    while waiting:
        yield waiting.popleft().result()
