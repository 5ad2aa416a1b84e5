"""Whose copy a leaked list of codes was taken from: the tool behind `touchstone order whose`.

It works on links as they were printed, in any order, cut, or among other lines.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import select

from ledger.db.engine import reading
from ledger.db.models import Mint
from ledger.db.ordering import CodeOrder, CodePackage, PackageDownload, Receiver
from ledger.domain.watermark import Suspect, suspects
from ledger.errors import Rejected
from ledger.services.lookup import read_link
from ledger.services.mint import released
from ledger.services.site import Site


@dataclass(frozen=True)
class Copy:
    """A copy that was given out. fetched_by: who fetched it."""

    order: int
    copy: int
    receiver: str
    fetched_by: tuple[str, ...]


@dataclass(frozen=True)
class Trace:
    """What the rows of one order tell. suspects: the likeliest first; a name is `str(copy)`."""

    order: int
    rows: int
    suspects: tuple[Suspect, ...]
    copies: dict[str, Copy]


@dataclass(frozen=True)
class Report:
    """What a list tells. foreign: numbers of the lines (from 1) that hold no code of an order."""

    traces: tuple[Trace, ...]
    foreign: tuple[int, ...]


def trace(site: Site, lines: Iterable[str], brand: int) -> Report:
    """Return what a leaked list tells of the copies of a brand's orders (0: of all).

    lines: each begins with a link, up to a comma, a tab or a semicolon.
    """
    found: dict[int, dict[int, int]] = defaultdict(dict)  # batch -> line -> index
    foreign = []
    for number, line in enumerate(lines, 1):
        place = _place(site, line) if line.strip() else None
        if place is not None:
            found[place[0]][number] = place[1]
        elif line.strip():
            foreign.append(number)
    traces = []
    for batch, rows in sorted(found.items()):
        order, copies, mint = _order_of(site, batch, brand)
        if order is None or mint is None:
            foreign += rows
            continue
        ref, indices = released(mint), list(rows.values())
        keys = {name: site.minter.copy_key(ref, c.copy, "rows") for name, c in copies.items()}
        told = suspects(indices, keys, mint.count, order.quantity)
        traces.append(Trace(order.id, len(set(indices)), tuple(told), copies))
    return Report(tuple(traces), tuple(sorted(foreign)))


def _place(site: Site, line: str) -> tuple[int, int] | None:
    text = line.replace("\t", ",").replace(";", ",").split(",")[0].strip().strip('"')
    try:
        link = read_link(text)
    except Rejected:
        return None
    decoded = site.keeper.decode(int(link.gtin), link.canonical or link.serial)
    return None if decoded is None else (decoded.batch, decoded.index)


def _order_of(
    site: Site, batch: int, brand: int
) -> tuple[CodeOrder | None, dict[str, Copy], Mint | None]:
    with reading(site.engine) as session:
        mint = session.scalars(select(Mint).where(Mint.batch == batch)).one_or_none()
        query = select(CodeOrder).where(CodeOrder.mint == (mint.id if mint else None))
        order = session.scalars(query).one_or_none() if mint else None
        if order is None or (brand and order.brand != brand):
            return None, {}, None
        receiver = session.get_one(Receiver, order.receiver).name
        packages = session.scalars(select(CodePackage).where(CodePackage.order == order.id)).all()
        copies = {}
        for package in packages:
            people = session.scalars(
                select(PackageDownload.who)
                .where(PackageDownload.package == package.id)
                .distinct()
                .order_by(PackageDownload.who)
            ).all()
            copies[str(package.copy)] = Copy(order.id, package.copy, receiver, tuple(people))
        return order, copies, mint
