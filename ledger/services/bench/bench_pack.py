"""`touchstone bench pack`: from a line's file to units that the chain has confirmed.

Each round mints a batch, writes the file that a line would write, and packs it: codes to cases,
cases to pallets, one event a pallet. Timed is all from opening the file to the last confirmation;
node and worker are processes of their own, as in production. Then items taken at random are looked
up, and proved in the units around them up to the children root that the chain has.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from ledger.db.engine import reading
from ledger.db.models import ChainUnit, Relay, Submission
from ledger.domain import merkle
from ledger.domain.children import ITEM, UNIT
from ledger.domain.gs1 import with_check_digit
from ledger.domain.keccak import keccak
from ledger.domain.leaf import leaf
from ledger.domain.verbs import Role
from ledger.errors import Broken
from ledger.services import mint, parties, runs
from ledger.services.act import settled
from ledger.services.bench.bench_mint import BRAND, GTIN, PREFIX
from ledger.services.goods.line_file import pack_file
from ledger.services.goods.ways import find_way
from ledger.services.proving.prove_custody import steps_of
from ledger.services.site import Site

CASE, PALLET = 24, 60  # items in a case, cases on a pallet
ORDERS = ("contiguous", "random")
TABLES = ("unit_name", "unit_run", "unit_page", "unit_box", "unit_child", "line_box", "line_run")
SETTLE_S = 600.0


@dataclass(frozen=True)
class Round:
    """What one round gave. seconds: wall; processor: of all processes; stored: bytes that the
    tables of packing grew by, and the whole file; gas: of all transactions; hashes_per_second: the
    yardstick, one keccak of a pair after the other."""

    seconds: float
    processor: float
    stored: int
    file: int
    gas: int
    units: int
    proved: int
    hashes_per_second: float


def prepare(site: Site) -> None:
    """Register a brand with a product."""
    brand = parties.NewParty(BRAND, "Brand", "品牌", int(Role.BRAND), prefix=PREFIX)
    settled(site, [parties.register(site, brand, "brand")[1]])
    mint.add_product(site, BRAND, GTIN, "Item", "商品")


def measure(
    site: Site,
    path: Path,
    items: int,
    order: str,
    round_number: int,
    samples: int,
    used: Callable[[], float],
) -> Round:
    """Mint, write the file, pack it and check it. used: processor seconds of all processes so far.

    order: one of ORDERS. Raises Broken BENCH_FAILED for an item that is not where the file says.
    """
    batch = _mint(site, items)
    indices = _ordered(items, order)
    _write(site, path, batch, indices, order, round_number)
    before, whole = _stored(site), _file(site)
    yardstick = _hashes_per_second()
    began, processor = time.perf_counter(), used()
    report = pack_file(site, BRAND, path)
    settled(site, report.submissions, SETTLE_S)
    seconds, processor = time.perf_counter() - began, used() - processor
    if report.refused or report.items != items:
        raise _failed(f"{len(report.refused)} units were refused, {report.items} items packed")
    return Round(
        seconds,
        processor,
        _stored(site) - before,
        _file(site) - whole,
        _gas(site, report.submissions),
        len(report.submissions),
        _prove(site, batch, indices, round_number, samples),
        yardstick,
    )


def _mint(site: Site, items: int) -> int:
    number = mint.order_codes(site, BRAND, GTIN, items, secrets.token_hex(8), inner=False)
    while (made := mint.mint_of(site, number)).state != "DONE":
        if made.state == "FAILED":
            raise _failed(f"the mint failed: {made.error}")
        time.sleep(0.05)
    assert made.batch is not None  # it is done
    settled(site, [runs.activate(site, made.batch, 0, items, site.clock(), secrets.token_hex(8))])
    return made.batch


def _ordered(items: int, order: str) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """Return the indices in the order in which they come down the line."""
    if order == "contiguous":
        return np.arange(items)
    return np.random.default_rng(items).permutation(items)


def _sscc(round_number: int, level: int, number: int) -> str:
    return with_check_digit(f"{level}{PREFIX}{round_number:02d}{number:05d}")


def _write(
    site: Site,
    path: Path,
    batch: int,
    indices: np.ndarray[tuple[int], np.dtype[np.int64]],
    order: str,
    round_number: int,
) -> None:
    """Write the file: a row an item by its link, or a row a case where its codes are a run."""
    with reading(site.engine) as session:
        ref = mint.batch_ref(session, batch)
    serials = site.minter.serials(ref, 0, len(indices)).tolist() if order == "random" else []
    with path.open("w") as file:
        for number, start in enumerate(range(0, len(indices), CASE)):
            case, pallet = _sscc(round_number, 0, number), _sscc(round_number, 1, number // PALLET)
            own = indices[start : start + CASE].tolist()
            if order == "contiguous":
                file.write(f"{case},{batch}:{own[0]}-{own[-1]}\n")
            else:
                head = f"{site.link_base}/01/{GTIN}/21/"
                file.writelines(f"{case},{head}{serials[index].decode()}\n" for index in own)
            file.write(f"{pallet},{case}\n")


def _prove(
    site: Site,
    batch: int,
    indices: np.ndarray[tuple[int], np.dtype[np.int64]],
    round_number: int,
    samples: int,
) -> int:
    """Look up items taken at random, and prove each in its case and that on its pallet."""
    with reading(site.engine) as session:
        ref = mint.batch_ref(session, batch)
        for _ in range(samples):
            at = secrets.randbelow(len(indices))
            index = int(indices[at])
            serial = site.minter.serials(ref, index, index + 1).tolist()[0].decode()
            _prove_one(site, session, batch, index, leaf(ref.gtin, index, serial))
            epc = site.keeper.hashed_epcs(
                BRAND, ["https://id.gs1.org/00/" + _sscc(round_number, 1, at // CASE // PALLET)]
            )
            way = find_way(site, session, leaf(ref.gtin, index, serial), batch, index)
            if way is None or not epc or len(way.steps) != 2:
                raise _failed(f"item {index} is not in a case on a pallet")
    return samples


def _prove_one(site: Site, session: Session, batch: int, index: int, item: bytes) -> None:
    way = find_way(site, session, item, batch, index)
    if way is None:
        raise _failed(f"item {index} is in no unit")
    child, kind, root, count = item, ITEM, bytes(32), 0
    for step in steps_of(site, session, way):
        node = merkle.children_leaf(kind, step.position, child, root, count)
        if not merkle.verify(
            step.children_root, step.count, step.position, node, list(step.siblings)
        ):
            raise _failed(f"item {index} does not prove")
        child, kind, root, count = step.unit, UNIT, step.children_root, step.count
    row = session.get_one(ChainUnit, way.stored[0].id)
    if (row.children_root, row.count) != (root, count):
        raise _failed(f"item {index} is under another root than the chain's")


def _stored(site: Site) -> int:
    """Return the bytes of the pages that packing's tables and their indices take."""
    query = text(
        "SELECT m.tbl_name, sum(s.pgsize) FROM dbstat AS s JOIN sqlite_master AS m "
        "ON m.name = s.name GROUP BY m.tbl_name"
    )
    with reading(site.engine) as session:
        return sum(size for table, size in session.execute(query) if table in TABLES)


def _file(site: Site) -> int:
    """Return what the database holds in bytes, without the pages that it will use again."""
    with reading(site.engine) as session:
        count, free, size = (
            int(session.execute(text(f"PRAGMA {name}")).scalar_one())
            for name in ("page_count", "freelist_count", "page_size")
        )
    return (count - free) * size


def _gas(site: Site, submissions: list[int]) -> int:
    with reading(site.engine) as session:
        nonces = set(
            session.scalars(
                select(Submission.nonce).where(
                    Submission.id >= min(submissions), Submission.id <= max(submissions)
                )
            )
        )
        hashes = session.scalars(select(Relay.hash).where(Relay.nonce.in_(nonces))).all()
    receipts = [site.rpc.call("eth_getTransactionReceipt", "0x" + each.hex()) for each in hashes]
    return sum(int(receipt["gasUsed"], 16) for receipt in receipts)


def _hashes_per_second() -> float:
    data, count = bytes(64), 200_000
    began = time.perf_counter()
    for _ in range(count):
        keccak(data)
    return count / (time.perf_counter() - began)


def _failed(what: str) -> Broken:
    return Broken("BENCH_FAILED", f"The bench's own work went wrong: {what}. Report this.")
