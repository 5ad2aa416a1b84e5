"""What is printed of a batch: its labels one by one, and the data file of a line's own printer."""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import select

from ledger.db.engine import reading
from ledger.db.models import Mint
from ledger.domain.digital_link import inner_link, printed_link
from ledger.errors import Rejected
from ledger.services.export import join_columns
from ledger.services.mint import open_codes
from ledger.services.press.labels import Label
from ledger.services.site import Site

_CHUNK = 10_000  # codes made at a time


def mint_of_batch(site: Site, batch: int) -> Mint:
    """Return the mint that made a batch. Raises Rejected UNKNOWN_BATCH."""
    with reading(site.engine) as session:
        made = session.scalars(select(Mint).where(Mint.batch == batch)).one_or_none()
    if made is None:
        raise Rejected("UNKNOWN_BATCH", f"No batch {batch} was minted here: check its number.")
    return made


def labels(
    site: Site, mint: Mint, first: int, to: int, *, upper: bool, inner: bool
) -> Iterator[Label]:
    """Yield the labels of items first … to − 1, made as they are taken.

    upper: links in capitals. inner: of the inner codes, which a label shows as its serial.
    Raises Unavailable ROOT_PENDING, Rejected NO_INNER_CODES, ORDERED_CODES, and as `printed_link`.
    """
    ref, gtin = open_codes(site, mint), f"{mint.gtin:014d}"
    _need_inner(mint, inner)
    make = site.minter.inner_codes if inner else site.minter.serials
    for at in range(first, to, _CHUNK):
        for code in make(ref, at, min(at + _CHUNK, to)).tolist():
            text = code.decode()
            if inner:
                yield Label(inner_link(site.link_base, text, upper), gtin, text)
            else:
                yield Label(printed_link(site.link_base, gtin, text, upper), gtin, text)


def write_table(
    site: Site, mint: Mint, first: int, to: int, file: BinaryIO, *, upper: bool, inner: bool
) -> Iterator[int]:
    """Write a data file (CSV, UTF-8, a head line) for an inkjet or laser, and yield the rows of
    each piece.

    Columns: link, serial; with `inner` also inner_link, inner_code of the same item, so that a line
    which prints cap and inside takes both from one row. Raises as `labels`.
    """
    ref = open_codes(site, mint)
    _need_inner(mint, inner)
    outer_head = printed_link(site.link_base, f"{mint.gtin:014d}", "", upper).encode()
    inner_head = b"," + inner_link(site.link_base, "", upper).encode()
    file.write(b"link,serial,inner_link,inner_code\n" if inner else b"link,serial\n")
    for at in range(first, to, _CHUNK):
        stop = min(at + _CHUNK, to)
        serials = site.minter.serials(ref, at, stop)
        columns: list[bytes | NDArray[np.bytes_]] = [outer_head, serials, b",", serials]
        if inner:
            codes = site.minter.inner_codes(ref, at, stop)
            columns += [inner_head, codes, b",", codes]
        file.write(join_columns(stop - at, [*columns, b"\n"]))
        yield stop - at


def _need_inner(mint: Mint, inner: bool) -> None:
    if inner and not mint.inner:
        raise Rejected(
            "NO_INNER_CODES", f"Mint {mint.id} was ordered without inner codes: order new ones."
        )
