"""What a line reads: links, runs, SSCCs, unit ids; thousands at once, each with its own fault."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from sqlalchemy.orm import Session

from ledger.db.models import ChainBatch
from ledger.domain import code, ids
from ledger.domain.bits import Numbers
from ledger.domain.contents import Codes
from ledger.errors import Rejected
from ledger.services.claims import read_inner
from ledger.services.keys.keeper import Found
from ledger.services.lookup import find_item, read_link
from ledger.services.mint import COMMISSIONED
from ledger.services.site import Site

_RUN = re.compile(r"([0-9]{1,10}):([0-9]{1,10})-([0-9]{1,10})")
_ITEM, _INNER = "/21/", "/i/"

Other = Codes | str | bytes | Rejected
"""A run, the SSCC of a box or unit, a unit id, or why a text is nothing of these."""


@dataclass
class Read:
    """Texts as they were read. batches, indices: of single items, batch 0 for anything else, which
    is in `others` by its place."""

    batches: Numbers
    indices: Numbers
    others: dict[int, Other] = field(default_factory=dict)


def read_codes(site: Site, session: Session, texts: Sequence[str]) -> Read:
    """Return what texts name: an item's link or its inner code's, `BATCH:FROM-TO` or
    `LINK..LINK` (both ends included), an SSCC, or a unit id (0x…).

    Faults are UNKNOWN_CODE, FOREIGN_LINK, MALFORMED, BAD_CHECK_DIGIT, BAD_RANGE.
    """
    found = Read(np.zeros(len(texts), np.uint32), np.zeros(len(texts), np.uint32))
    heads: dict[str, int | Rejected] = {}
    serials: dict[int, tuple[list[int], list[str]]] = {}
    for at, text in enumerate(texts):
        head, mark, serial = text.rpartition(_ITEM)
        if not mark or ".." in text:
            found.others[at] = _other(site, session, text)
            continue
        gtin = heads.get(head)
        if gtin is None:
            gtin = heads[head] = _gtin(site, head)
        if isinstance(gtin, Rejected):
            found.others[at] = gtin
        else:
            places, own = serials.setdefault(gtin, ([], []))
            places.append(at)
            own.append(serial)
    for gtin, (places, own) in serials.items():
        _decode(site, session, gtin, np.array(places), own, texts, found)
    return found


def _gtin(site: Site, head: str) -> int | Rejected:
    """Return the GTIN of links that begin like this, or what is wrong with all of them."""
    try:
        link = read_link(f"{head}{_ITEM}{code.ALPHABET[0] * code.SERIAL_LENGTH}")
    except Rejected as fault:
        return fault
    if not site.is_ours(link.host):
        return Rejected(
            "FOREIGN_LINK",
            f"{link.host} is no host of this ledger's codes: scan one of ours, or name that host "
            "in TOUCHSTONE_HOSTS.",
        )
    return int(link.gtin)


def _decode(
    site: Site,
    session: Session,
    gtin: int,
    places: NDArray[np.int64],
    serials: Sequence[str],
    texts: Sequence[str],
    found: Read,
) -> None:
    right = [len(serial) == code.SERIAL_LENGTH and serial.isascii() for serial in serials]
    table = np.array([s if ok else "" for s, ok in zip(serials, right, strict=True)], "S20")
    brands, batches, indices = site.keeper.decode_many(gtin, table)
    known = _on_ledger(session, gtin, (brands, batches, indices))
    found.batches[places[known]] = batches[known]
    found.indices[places[known]] = indices[known]
    for at in places[~known].tolist():
        item = _one(site, session, texts[at])
        if isinstance(item, Codes):
            found.batches[at], found.indices[at] = item.batch, item.first
        else:
            found.others[at] = item


def _on_ledger(session: Session, gtin: int, read: Found) -> NDArray[np.bool_]:
    """Say which decoded places are codes of commissioned batches."""
    brands, batches, indices = read
    known = np.zeros(len(batches), np.bool_)
    for number in np.unique(batches[batches > 0]).tolist():
        row = session.get(ChainBatch, number)
        if row is not None and row.status == COMMISSIONED and row.gtin == gtin:
            known |= (batches == number) & (brands == row.brand) & (indices < row.count)
    return known


def _one(site: Site, session: Session, text: str) -> Codes | Rejected:
    """Return the item of one link, with all that may be said of it."""
    try:
        link = read_link(text)
    except Rejected as fault:
        return fault
    item = find_item(site, session, link.gtin, link.serial)
    if item is not None:
        return Codes(item.batch, item.index, item.index + 1)
    if link.canonical is not None:
        return Rejected(
            "MALFORMED", f"The serial is written in another way: it should be {link.canonical}."
        )
    return Rejected("UNKNOWN_CODE", f"{text} is no code of this ledger: compare the print.")


def _other(site: Site, session: Session, text: str) -> Other:
    try:
        if (run := _RUN.fullmatch(text)) is not None:
            batch, first, last = (int(part) for part in run.groups())
            return _run(batch, first, last, text)
        if ".." in text:
            ends = [_one(site, session, part) for part in text.split("..", 1)]
            return _between(ends[0], ends[1], text)
        if _INNER in text.lower():
            inner = read_inner(site, session, text[text.lower().rindex(_INNER) + len(_INNER) :])
            return Codes(inner.batch, inner.index, inner.index + 1)
        if text.startswith("0x") and len(text) == 66:
            return bytes.fromhex(text[2:])
        ids.sscc_epc(text)
        return text
    except Rejected as fault:
        return fault
    except ValueError:
        return Rejected("MALFORMED", f"'{text[:80]}' is no unit id: give 64 hex digits.")


def _between(first: Codes | Rejected, last: Codes | Rejected, text: str) -> Codes | Rejected:
    for end in (first, last):
        if isinstance(end, Rejected):
            return end
    assert isinstance(first, Codes)
    assert isinstance(last, Codes)
    if first.batch != last.batch:
        return Rejected("BAD_RANGE", f"'{text[:80]}' begins and ends in different batches.")
    return _run(first.batch, first.first, last.first, text)


def _run(batch: int, first: int, last: int, text: str) -> Codes | Rejected:
    if not 0 <= first <= last < 1 << 32:
        return Rejected("BAD_RANGE", f"'{text[:80]}' is no run: its end comes before its begin.")
    return Codes(batch, first, last + 1)
