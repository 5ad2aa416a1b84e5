"""Sealed packages of an order's codes: made once, fetched a few times, each copy marked.

A copy holds the quantity that was ordered out of a slightly larger mint; which codes it leaves out,
and in which order it has the rest, is its watermark (`ledger.domain.watermark`).
"""

from __future__ import annotations

import fcntl
import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from ledger.db.engine import reading, transaction
from ledger.db.models import Mint
from ledger.db.ordering import CodeOrder, CodePackage, PackageDownload, Receiver
from ledger.domain.digital_link import inner_link, printed_link
from ledger.domain.watermark import rows_of
from ledger.errors import Rejected
from ledger.services.audit import record
from ledger.services.export import join_columns
from ledger.services.mint import released
from ledger.services.ordering import sealing
from ledger.services.site import Site

FORMS = {
    "links": (False, False),
    "links-upper": (True, False),
    "pairs": (False, True),
    "pairs-upper": (True, True),
}
"""Form of the file: links in capitals?, each with its inner code's link after a comma?"""

MOST_DOWNLOADS = 3
LIFE_S = 7 * 86_400
_CHUNK = 1 << 15


@dataclass(frozen=True)
class Fetched:
    """A package on its way to its receiver. left: downloads after this one."""

    path: Path
    name: str
    left: int


@contextmanager
def alone(site: Site) -> Iterator[None]:
    """Make packages one at a time, whichever processes make them: two would write one file."""
    descriptor = os.open(_folder(site), os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def make(site: Site, order: CodeOrder, mint: Mint, receiver: Receiver, copy: int) -> CodePackage:
    """Write the sealed file of one copy, durably, and return its row, which is not kept yet.

    Done again it replaces the file. Raises Unavailable ROOT_PENDING, EXTRA_MISSING.
    """
    ref, ending = released(mint), sealing.METHODS[receiver.method]
    plain = f"codes-{order.id}-{copy}.csv"
    name = plain + ending
    folder = _folder(site)
    rows = rows_of(site.minter.copy_key(ref, copy, "rows"), mint.count, order.quantity)
    part = folder / f"{name}.part"
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        secret = passphrase(site, mint, copy) if receiver.method == "zip" else ""
        pieces = _pieces(site, order, mint, rows)
        sealing.seal(receiver.method, receiver.key, secret, plain, pieces, file)
        file.flush()
        os.fsync(file.fileno())
    part.replace(folder / name)
    now = site.clock()
    return CodePackage(
        order=order.id,
        copy=copy,
        name=name,
        size=(folder / name).stat().st_size,
        sha256=_digest(folder / name),
        made=now,
        expires=now + LIFE_S,
        told=[],
    )


def passphrase(site: Site, mint: Mint, copy: int) -> str:
    """Return the passphrase of a copy that is sealed as a ZIP. It is kept nowhere."""
    return sealing.passphrase_text(site.minter.copy_key(released(mint), copy, "passphrase"))


def fetch(site: Site, order: CodeOrder, who: str, place: str) -> Fetched:
    """Count one download of an order's newest package and say where its file is.

    Raises Rejected PACKAGE_NOT_READY, PACKAGE_EXPIRED, PACKAGE_SPENT, PACKAGE_DAMAGED, SAME_PERSON
    (who was told the passphrase leaves the file to somebody else).
    """
    now = site.clock()
    with reading(site.engine) as session:
        package = newest(session, order.id)
    if package is None:
        raise Rejected(
            "PACKAGE_NOT_READY",
            f"Order {order.id} is {order.state}: its package comes after approval and minting.",
        )
    path = _folder(site) / package.name
    # A package is large, and never changes: others write meanwhile.
    whole = path.exists() and _digest(path) == package.sha256
    with transaction(site.engine) as session:
        package = locked(session, package.id)
        if package.ended is not None or now >= package.expires:
            raise Rejected(
                "PACKAGE_EXPIRED",
                f"Package {package.name} could be fetched for a week: ask for another copy.",
            )
        done = downloads(session, package.id)
        if done >= MOST_DOWNLOADS:
            raise Rejected(
                "PACKAGE_SPENT",
                f"Package {package.name} was fetched {done} times: ask for another copy.",
            )
        if who in package.told:
            raise Rejected(
                "SAME_PERSON",
                "The file and its passphrase go by two ways: let somebody else fetch it.",
            )
        if not whole:
            raise Rejected(
                "PACKAGE_DAMAGED", f"The file of {package.name} is not what it was: make a copy."
            )
        session.add(PackageDownload(package=package.id, time=now, who=who, place=place))
        record(
            session,
            now,
            who,
            "package fetch",
            brand=order.brand,
            order=order.id,
            copy=package.copy,
            place=place,
        )
        # If we die after this line the download is counted, and the package may be fetched again.
        return Fetched(path, package.name, MOST_DOWNLOADS - done - 1)


def expire(site: Site) -> int:
    """Remove the files of packages whose time is over; return how many there were."""
    now = site.clock()
    query = select(CodePackage).where(CodePackage.ended.is_(None), CodePackage.expires <= now)
    with reading(site.engine) as session:
        if session.scalars(query.limit(1)).first() is None:
            return 0  # nearly always: nobody waits for a writer that has nothing to write
    with transaction(site.engine) as session:
        over = session.scalars(query).all()
        for package in over:
            (_folder(site) / package.name).unlink(missing_ok=True)
            package.ended = now
        return len(over)


def newest(session: Session, order: int) -> CodePackage | None:
    """Return the newest package of an order."""
    query = select(CodePackage).where(CodePackage.order == order)
    return session.scalars(query.order_by(CodePackage.copy.desc())).first()


def locked(session: Session, package: int) -> CodePackage:
    """Return a package that nobody else fetches, or is told the passphrase of, meanwhile."""
    return session.get_one(CodePackage, package, with_for_update=True)


def downloads(session: Session, package: int) -> int:
    """Return how often a package was fetched."""
    query = select(func.count()).where(PackageDownload.package == package)
    return session.scalar(query) or 0


def was_fetched_by(session: Session, package: int, who: str) -> bool:
    """Say whether this person has fetched a package."""
    query = select(func.count()).where(
        PackageDownload.package == package, PackageDownload.who == who
    )
    return bool(session.scalar(query))


def _pieces(site: Site, order: CodeOrder, mint: Mint, rows: NDArray[np.int64]) -> Iterator[bytes]:
    upper, inner = FORMS[order.form]
    ref = released(mint)
    heads: list[bytes] = [printed_link(site.link_base, f"{mint.gtin:014d}", "", upper).encode()]
    if inner:
        heads.append(b"," + inner_link(site.link_base, "", upper).encode())
    for at in range(0, len(rows), _CHUNK):
        part = rows[at : at + _CHUNK]
        columns: list[bytes | NDArray[np.bytes_]] = []
        for head, codes in zip(heads, site.minter.rows(ref, part, inner), strict=True):
            columns += [head, codes]
        yield join_columns(len(part), [*columns, b"\n"])


def _folder(site: Site) -> Path:
    folder = site.home.path / "packages"
    folder.mkdir(mode=0o700, exist_ok=True)
    return folder


def _digest(path: Path) -> bytes:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").digest()
