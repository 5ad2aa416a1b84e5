"""Codes that were printed already: from a file to batches, verdicts and proofs like any other's."""

from __future__ import annotations

import json
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

from ledger.chain import bundle_format
from ledger.chain.artifact import layout
from ledger.chain.bundle import conclude
from ledger.chain.storage import Layout
from ledger.db.base import Base
from ledger.db.engine import reading
from ledger.db.imports import CodeImport
from ledger.db.models import ChainBatch
from ledger.domain import merkle
from ledger.domain.code import IMPORTED_EPOCH
from ledger.domain.contents import Codes
from ledger.domain.gs1 import with_check_digit
from ledger.domain.verbs import Role
from ledger.domain.verdict import ScanFacts
from ledger.errors import Rejected
from ledger.services import mint, parties, runs
from ledger.services.act import settled
from ledger.services.codes import code_at, leaf_proof
from ledger.services.goods import packing
from ledger.services.goods.packing import Box
from ledger.services.importing import import_stage, imports
from ledger.services.keys.keeper import CodeKeeper
from ledger.services.keys.keeper_socket import KeeperServer
from ledger.services.lookup import find_item, history
from ledger.services.press.printing import mint_of_batch
from ledger.services.proving import prove
from ledger.services.site import Site
from ledger.services.verify import check
from tests.support.installation import Installation, all_rows, await_mint, command, installation

BRAND, OTHER = (int(with_check_digit(f"9506000{number:05d}")) for number in (1, 2))
GTIN, SECOND = with_check_digit("0950600013435"), with_check_digit("0950600013436")
FOREIGN = with_check_digit("0400638133393")


@pytest.fixture(scope="module")
def at(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    with installation(tmp_path_factory.mktemp("data") / "data") as made:
        brand = parties.NewParty(BRAND, "Brand", "品牌", int(Role.BRAND), prefix="950600013")
        settled(made.site, [parties.register(made.site, brand, "brand")[1]])
        for gtin in (GTIN, SECOND):
            mint.add_product(made.site, BRAND, gtin, "Item", "商品")
        yield made


@pytest.fixture
def site(at: Installation) -> Site:
    return at.site


def csv(path: Path, *lines: str, encoding: str = "utf-8") -> Path:
    path.write_bytes("\r\n".join(lines).encode(encoding) + b"\r\n")
    return path


def link(site: Site, gtin: str, serial: str) -> str:
    return f"{site.link_base}/01/{gtin}/21/{serial}"


def verdict(site: Site, text: str) -> tuple[str, ...]:
    with reading(site.engine) as session:
        return check(site, session, text).verdict.reasons


def test_a_file_becomes_batches_that_are_proved_like_any_other(
    at: Installation, site: Site, tmp_path: Path
) -> None:
    """Two products, lots, bad rows, in GBK: good codes are on chain, each bad row is named."""
    file = csv(
        tmp_path / "old.csv",
        "条码;序列号;批号;有效期;备注",
        f"{GTIN[1:]};SN-0001;L1;2031-12-31;好",
        f"{GTIN};sn-0002;L2;;",
        "",
        f"{FOREIGN};SN-0003;;;",
        f"{GTIN};SN-0001;L1;2031-12-31;again",
        f"{GTIN[:-1]}{(int(GTIN[-1]) + 1) % 10};SN-0004;;;",
        f"{SECOND};12345678901234567890;;;",
        f"{GTIN};SN 5;;;",
        f"{GTIN};SN-0006;L1;2031-12-31;",
        f"{GTIN};SN-0007;L1;2030-12-31;",
        encoding="gb18030",
    )
    report = tmp_path / "bad.csv"
    words = ("import", str(file), "--brand", str(BRAND), "--report", str(report))
    assert at.refused(*words, "--all-or-nothing") == "ROWS_REFUSED"
    with reading(site.engine) as session:
        assert session.scalar(select(func.count()).select_from(CodeImport)) == 0
    done = command(*words, "--data", str(at.data), "--json")
    told = json.loads(done.out)
    assert (done.status, told["state"], told["good"], told["bad"]) == (1, "DONE", 4, 5)
    assert [(row["row"], row["column"], row["error"]) for row in told["bad_rows"]] == [
        (5, "条码", "ForeignGtin"),
        (6, "序列号", "CODE_REPEATED"),
        (7, "条码", "BAD_CHECK_DIGIT"),
        (9, "序列号", "BAD_SERIAL"),
        (11, "有效期", "CELLS_DIFFER"),
    ]
    lines = report.read_text("utf-8-sig").splitlines()
    assert len(lines) == 6
    first, second = told["batches"]
    assert [(b["gtin"], b["count"]) for b in told["batches"]] == [(GTIN, 3), (SECOND, 1)]
    assert first["lots"] == [
        {"lot": "L1", "expiry": "2031-12-31", "from": 0, "to": 2},
        {"lot": "L2", "expiry": None, "from": 2, "to": 3},
    ]
    # Not active before it is said so; then as any other, and exactly as it is written.
    one = link(site, GTIN, "SN-0006")
    assert verdict(site, one) == ("NOT_ACTIVATED",)
    for batch, first_of, to in ((first, 0, 2), (first, 2, 3), (second, 0, 1)):
        settled(site, [runs.activate(site, batch["batch"], first_of, to, 1, f"{batch} {to}")])
    with pytest.raises(Rejected) as caught:
        mint.released(mint_of_batch(site, first["batch"]))
    assert caught.value.code == "PRINTED_ELSEWHERE"
    assert verdict(site, one) == ("FIRST_SCAN",)
    assert verdict(site, link(site, SECOND, "12345678901234567890")) == ("FIRST_SCAN",)
    assert verdict(site, link(site, GTIN, "sn-0006")) == ("MALFORMED",)
    assert verdict(site, link(site, SECOND, "12345678901234567891")) == ("UNKNOWN_CODE",)
    with reading(site.engine) as session:
        bundle = prove.build(
            site,
            session,
            gtin=GTIN,
            serial="sn-0002",
            scans=ScanFacts(regions=1),
            made=site.clock(),
        )
    found = conclude(bundle_format.read(json.dumps(bundle).encode()), Layout(layout()))
    assert found.proved[:3] == ("CODE_UNDER_ROOT", "CODE_IMPORTED", "BRAND_PREFIX")


def take(site: Site, path: Path, **how: Any) -> tuple[imports.Taken, list[tuple[int, str]]]:
    """Take a file and return what became of it, with the bad rows."""
    bad: list[tuple[int, str]] = []
    wish = imports.Wish(BRAND, path, path.name, **how)
    taken = imports.take(site, wish, lambda row: bad.append((row.number, row.code)))
    return taken, bad


def done(site: Site, number: int) -> dict[str, Any]:
    """Wait until an import is on chain, and return it."""
    end = time.monotonic() + 60
    while time.monotonic() < end:
        with reading(site.engine) as session:
            found = imports.import_json(session, imports.find(session, number))
        if found["state"] != imports.COMMISSIONING:
            assert found["error"] is None
            return found
        time.sleep(0.02)
    raise AssertionError("the import does not end")


def test_the_same_code_is_never_on_the_ledger_twice(
    at: Installation, site: Site, tmp_path: Path
) -> None:
    """The same file is told and changes nothing; its codes in another file are refused by row."""
    first = csv(tmp_path / "a.csv", "serial", "T-1", "T-2")
    taken, bad = take(site, first, gtin=GTIN)
    assert (taken.again, bad) == (False, [])
    done(site, taken.id)
    before = all_rows(site)
    again, bad = take(site, first, gtin=GTIN)
    assert (again, bad) == (replace(taken, again=True), [])
    assert before == all_rows(site)
    mixed = csv(tmp_path / "b.csv", "serial", "T-3", "T-2", "T-3")
    more, bad = take(site, mixed, gtin=GTIN)
    assert bad == [(3, "CODE_KNOWN"), (4, "CODE_REPEATED")]
    assert done(site, more.id)["batches"][0]["count"] == 1
    known = csv(tmp_path / "c.csv", "serial", "T-1", "T-2", "T-3")
    with pytest.raises(Rejected) as refusal:
        take(site, known, gtin=GTIN)
    assert refusal.value.code == "NO_GOOD_ROWS"


def test_codes_of_the_ledgers_own_cannot_be_imported(
    at: Installation, site: Site, tmp_path: Path
) -> None:
    """A serial that the brand's key decodes is refused; another of the same form is not."""
    made = mint.mint_of(site, mint.order_codes(site, BRAND, GTIN, 3, "own", inner=False))
    await_mint(site, made.id)
    own = next(mint.links(site, mint.mint_of(site, made.id), 0, 1))[0]
    file = csv(tmp_path / "a.csv", "serial", own, "0" * 20)
    taken, bad = take(site, file, gtin=GTIN)
    assert bad == [(2, "CODE_KNOWN")]
    done(site, taken.id)
    assert verdict(site, link(site, GTIN, "0" * 20)) == ("NOT_ACTIVATED",)


def test_many_codes_are_proved_and_packed_and_nobody_reads_them_in_the_database(
    at: Installation, site: Site, tmp_path: Path
) -> None:
    """Over several sealed chunks: proofs through a keeper apart, a case; no serial at rest."""
    count = 2_100
    serials = [f"clear-{at:06d}" for at in range(count)]
    taken, bad = take(site, csv(tmp_path / "a.csv", "sn", *serials), gtin=GTIN)
    assert bad == []
    batch = done(site, taken.id)["batches"][0]["batch"]
    socket = Path(tempfile.mkdtemp()) / "keeper"
    with KeeperServer(socket, CodeKeeper(site.ring)) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        apart = replace(site, keeper_socket=socket)
        for index in (0, 1023, 1024, 2047, 2099):
            with reading(site.engine) as session:
                item = find_item(site, session, GTIN, serials[index])
                row = session.get_one(ChainBatch, batch)
                proof = leaf_proof(apart, session, row, index)
            assert item is not None and (item.batch, item.index) == (batch, index)
            assert merkle.verify(row.root or b"", count, index, item.leaf, proof)
        server.shutdown()
    assert (row.epoch, code_at(site, row, 7).serial) == (IMPORTED_EPOCH, serials[7])
    sscc = with_check_digit(f"0950600{1:010d}")
    settled(site, [packing.pack(site, BRAND, Box(sscc, [Codes(batch, 5, 9)], None), "case")[1]])
    with reading(site.engine) as session:
        assert history(site, session, find_item(site, session, GTIN, serials[6]) or item)
    site.engine.dispose()
    for path in at.data.glob("touchstone.db*"):
        assert b"clear-0" not in path.read_bytes()


def test_what_the_chain_refused_goes_on_with_the_same_file(
    at: Installation, site: Site, tmp_path: Path
) -> None:
    """A lot whose days the ledger knows otherwise is said; the codes are there all the same."""
    lot = csv(tmp_path / "a.csv", "gtin,sn,lot,exp", f"{GTIN},F-1,FIX,2030-01-31")
    done(site, take(site, lot)[0].id)
    other = csv(tmp_path / "b.csv", "gtin,sn,lot,exp", f"{GTIN},F-2,FIX,2031-01-31")
    number = take(site, other)[0].id
    assert at.refused("import", str(other), "--brand", str(BRAND)) == "IMPORT_FAILED"
    with reading(site.engine) as session:
        kept = imports.import_json(session, imports.find(session, number))
    assert (kept["state"], "FIX" in kept["error"]) == ("FAILED", True)
    assert verdict(site, link(site, GTIN, "F-2")) == ("NOT_ACTIVATED",)


def test_nothing_is_kept_of_a_file_that_is_refused(
    at: Installation, site: Site, tmp_path: Path
) -> None:
    """A file that breaks off, a stranger's brand, an unknown one: not a row is changed."""
    broken = csv(tmp_path / "a.csv", "serial", *(f"N-{row}" for row in range(700)), '"N-9')
    whole = csv(tmp_path / "b.csv", "serial", "N-1")
    before = all_rows(site)
    for path, how, code in (
        (broken, {}, "BAD_TABLE"),
        (tmp_path, {}, "NO_FILE"),
        (whole, {"gtin": "12345"}, "MALFORMED"),
        (whole, {"gtin": FOREIGN}, "NO_GOOD_ROWS"),
        (whole, {"brand": OTHER}, "UnknownParty"),
    ):
        words = [
            f"--{name}={value}" for name, value in {"brand": BRAND, "gtin": GTIN, **how}.items()
        ]
        assert at.refused("import", str(path), *words) == code
    assert before == all_rows(site)


def test_a_file_that_died_half_way_never_was(
    at: Installation, site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a dead process has written counts for nothing; the same file is then taken whole."""
    serials = [f"D-{row}" for row in range(40)]
    file = csv(tmp_path / "a.csv", "serial", *serials)
    monkeypatch.setattr(import_stage, "_INSERTED", 16)
    insert, left = import_stage._insert, [2]

    def dying(site: Site, table: type[Base], rows: Any) -> None:
        left[0] -= 1
        insert(site, table, rows if left[0] else islice(rows, 20))
        if not left[0]:
            raise KeyboardInterrupt

    monkeypatch.setattr(import_stage, "_insert", dying)
    for kills in (1, 2, 3):
        left[0] = kills
        with pytest.raises(KeyboardInterrupt):
            take(site, file, gtin=GTIN)
        assert verdict(site, link(site, GTIN, "D-1")) == ("MALFORMED",)
    monkeypatch.setattr(import_stage, "_insert", insert)
    taken, bad = take(site, file, gtin=GTIN)
    assert (taken.good, taken.again, bad) == (40, False, [])
    assert done(site, taken.id)["batches"][0]["count"] == 40
    assert verdict(site, link(site, GTIN, "D-1")) == ("NOT_ACTIVATED",)
