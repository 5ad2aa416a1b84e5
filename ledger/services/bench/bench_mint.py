"""`touchstone bench mint`: from an order of codes to their root on chain and a file of their links.

Each round orders a batch as a brand does and drives the worker step by step. Timed are the way from
the batch's number on chain to its root being signed and kept, and the writing of the file, durable;
the chain's own answers are not. Then lines of the file, taken at random, are decoded and
proved against the root that the chain has.
"""

from __future__ import annotations

import os
import secrets
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import select, text

from ledger.db.engine import reading
from ledger.db.models import ChainBatch, Mint, Relay, Submission
from ledger.domain import code, digital_link, merkle
from ledger.domain.leaf import leaf
from ledger.domain.verbs import Role
from ledger.domain.verdict import ScanFacts
from ledger.errors import Broken
from ledger.services import export, hashing, mint, parties
from ledger.services.act import settled
from ledger.services.keys import epochs
from ledger.services.proving import prove
from ledger.services.site import Site
from ledger.services.work import IDLE_S, Worker

BRAND, GTIN, PREFIX = 9506000134352, "09506000134376", "950600013"
BUNDLES = 50  # whole proof bundles that are timed a round


@dataclass(frozen=True)
class Round:
    """What one round gave. Times in seconds but for *_ms; sizes in bytes.

    processor: what build and export took of all processors, which other work slows down less.
    """

    build: float
    export: float
    processor: float
    stored: int
    gas: int
    lines_proved: int
    siblings_ms: float
    proof_ms: float
    hashes_per_second: float


@contextmanager
def working(worker: Worker) -> Iterator[None]:
    """Let the worker go on by itself meanwhile."""
    stopping = threading.Event()
    thread = threading.Thread(target=worker.run, args=(stopping.is_set,), daemon=True)
    thread.start()
    try:
        yield
    finally:
        stopping.set()
        thread.join()


def prepare(site: Site, worker: Worker) -> None:
    """Register a brand with a product and a key epoch."""
    with working(worker):
        brand = parties.NewParty(BRAND, "Brand", "品牌", int(Role.BRAND), prefix=PREFIX)
        settled(site, [parties.register(site, brand, "brand")[1]])
        mint.add_product(site, BRAND, GTIN, "Item", "商品")
        epochs.ensure_epoch(site, BRAND)


def measure(
    site: Site, worker: Worker, directory: Path, count: int, lines: int, *, inner: bool
) -> Round:
    """Mint `count` codes, write and check them; the file is removed again.

    lines: how many of its lines are proved. Raises Broken BENCH_FAILED for a line that is not.
    """
    before = _stored(site)
    key = secrets.token_hex(8)
    number = mint.order_codes(site, BRAND, GTIN, count, key, inner)
    begun = used = 0.0
    while mint.mint_of(site, number).state == "RESERVING":
        if not _is_reserved(site, number):
            begun, used = time.perf_counter(), time.process_time()
        worker.step()
        time.sleep(IDLE_S)  # as the worker does by itself
    build, processor = time.perf_counter() - begun, time.process_time() - used
    while mint.mint_of(site, number).state == "COMMISSIONING":
        worker.step()
    made = mint.mint_of(site, number)
    if made.state != "DONE":
        raise Broken("BENCH_FAILED", f"The mint ended as {made.state}: {made.error}. Report this.")
    path = directory / "links.txt"
    try:
        used = time.process_time()
        writing = _seconds(lambda: _write(site, made, path))
        processor += time.process_time() - used
        chosen = _random_lines(path, count, lines)
    finally:
        path.unlink(missing_ok=True)
    proving = _seconds(lambda: _prove_lines(site, made, chosen))
    bundles = min(BUNDLES, len(chosen))
    proofs = _seconds(lambda: _prove_bundles(site, chosen[:bundles]))
    return Round(
        build=build,
        export=writing,
        processor=processor,
        stored=_stored(site) - before,
        gas=_gas(site, made),
        lines_proved=len(chosen),
        siblings_ms=proving / len(chosen) * 1e3,
        proof_ms=proofs / bundles * 1e3,
        hashes_per_second=1e9 / hashing.library_nanoseconds(),
    )


def peak_rss_mb() -> float:
    """Return the most memory that this process ever had, in MiB."""
    import resource  # not on Windows, where nothing else of this is measured either

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (1 << 20 if sys.platform == "darwin" else 1 << 10)


def _is_reserved(site: Site, number: int) -> bool:
    reservation = mint.mint_of(site, number).reservation
    query = select(ChainBatch.number).where(ChainBatch.reservation == reservation)
    with reading(site.engine) as session:
        return session.scalars(query).first() is not None


def _write(site: Site, made: Mint, path: Path) -> None:
    with path.open("wb") as file:
        export.write_links(site, made, 0, made.count, file, inner=made.inner)
        file.flush()
        os.fsync(file.fileno())


def _random_lines(path: Path, count: int, wanted: int) -> list[tuple[int, str]]:
    """Return (number, text) of random lines, all of which are equally long."""
    size = path.stat().st_size
    width, rest = divmod(size, count)
    if rest:
        raise _failed(f"{size} bytes are not {count} lines")
    numbers = [secrets.randbelow(count) for _ in range(wanted)]
    with path.open("rb") as file:
        found = []
        for number in numbers:
            file.seek(number * width)
            line = file.read(width).decode()
            if line[-1] != "\n" or "\n" in line[:-1]:
                raise _failed(f"line {number} is not one line")
            found.append((number, line[:-1]))
    return found


def _prove_lines(site: Site, made: Mint, lines: Sequence[tuple[int, str]]) -> None:
    """Decode each line, and prove it under the root that the chain has."""
    with reading(site.engine) as session:
        batch = session.get_one(ChainBatch, made.batch)
    root, kept, top = batch.root, made.kept, made.top
    if root is None or kept is None or top is None or made.inner != (batch.inner_root is not None):
        raise _failed("the chain has other roots")
    ref = mint.released(made)
    inner_key = site.ring.parties()[BRAND].epochs[made.epoch].inner
    for number, line in lines:
        outer, *inner = line.split(",")
        serial = digital_link.parse(outer).serial or ""
        decoded = site.keeper.decode(made.gtin, serial)
        if decoded is None or (decoded.batch, decoded.index) != (ref.number, number):
            raise _failed(f"line {number} decodes to {decoded}")
        first, stop = merkle.kept_group(ref.count, number)
        group, subtree = kept[32 * first : 32 * stop], site.keeper.siblings(ref, number)
        proof = merkle.join_proof(ref.count, number, subtree, group, top)
        item = leaf(made.gtin, number, serial)
        if not merkle.verify(root, ref.count, number, item, proof):
            raise _failed(f"line {number} is not under the root on chain")
        for link in inner:
            if code.decode_inner(inner_key, link.rpartition("/")[2]) != (ref.number, number):
                raise _failed(f"the inner code of line {number} is another's")


def _prove_bundles(site: Site, lines: Sequence[tuple[int, str]]) -> None:
    with reading(site.engine) as session:
        for _, line in lines:
            serial = digital_link.parse(line.split(",")[0]).serial or ""
            facts = ScanFacts(regions=1)
            prove.build(site, session, gtin=GTIN, serial=serial, scans=facts, made=site.clock())


def _stored(site: Site) -> int:
    """Return what the database holds in bytes, without the pages that it will use again."""
    with reading(site.engine) as session:
        count, free, size = (
            int(session.execute(text(f"PRAGMA {name}")).scalar_one())
            for name in ("page_count", "freelist_count", "page_size")
        )
    return (count - free) * size


def _gas(site: Site, made: Mint) -> int:
    """Return the gas of the transactions that reserved and commissioned the batch."""
    keys = (f"mint-{made.key}", f"commission-{made.key}")
    query = select(Relay.hash).join(Submission, Submission.nonce == Relay.nonce)
    with reading(site.engine) as session:
        hashes = session.scalars(query.where(Submission.key.in_(keys))).all()
    receipts = [site.rpc.call("eth_getTransactionReceipt", "0x" + each.hex()) for each in hashes]
    return sum(int(receipt["gasUsed"], 16) for receipt in receipts)


def _seconds(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def _failed(what: str) -> Broken:
    return Broken("BENCH_FAILED", f"The bench's own work went wrong: {what}. Report this.")
