"""Minting through kill -9, and with two workers: one batch an order, each code in it once."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import select

from ledger.db.engine import reading
from ledger.db.models import ChainBatch
from ledger.domain import digital_link, merkle
from ledger.domain.verbs import Role
from ledger.errors import Rejected
from ledger.services import mint, parties
from ledger.services.act import settled
from ledger.services.export import write_links
from ledger.services.keys.epochs import ensure_epoch
from ledger.services.keys.keeper_socket import listens
from ledger.services.open import found, open_installation
from ledger.services.proving import prove
from ledger.services.settings import Settings
from ledger.services.site import Site
from ledger.services.verify import check
from scripts.crew import Crew
from tests.support.installation import COMMAND, ROOT, await_mint, command

BRAND, GTIN = 9506000134352, "09506000134376"
COUNT = 60_000  # about a second of work for a machine without kernels


@pytest.fixture(scope="module")
def crew(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Crew]:
    crew = Crew(tmp_path_factory.mktemp("data"), {})
    try:
        crew.start_node("wall")
        found(Settings(data=crew.data))
        crew.start("worker")
        yield crew
    finally:
        crew.close()


@pytest.fixture(scope="module")
def site(crew: Crew) -> Site:
    site = open_installation(Settings(data=crew.data))
    brand = parties.NewParty(BRAND, "Brand", "品牌", int(Role.BRAND), prefix="950600013")
    settled(site, [parties.register(site, brand, "brand")[1]])
    mint.add_product(site, BRAND, GTIN, "Item", "商品")
    ensure_epoch(site, BRAND)
    return site


def numbers(site: Site) -> list[int]:
    """The numbers of all batches on chain."""
    with reading(site.engine) as session:
        return list(session.scalars(select(ChainBatch.number).order_by(ChainBatch.number)))


def test_a_worker_killed_while_it_computes_makes_the_same_batch(crew: Crew, site: Site) -> None:
    """Killed in the middle and on its way up again: one batch, and the roots of its codes."""
    before = numbers(site)
    order = mint.order_codes(site, BRAND, GTIN, COUNT, "killed")
    for delay in (0.1, 0.4):
        while numbers(site) == before:
            time.sleep(0.005)
        time.sleep(delay)
        assert mint.mint_of(site, order).state == "RESERVING"  # its number is there, its tree not
        os.kill(crew.pids()["worker"], signal.SIGKILL)
        while crew._children[1].process.poll() is None:
            time.sleep(0.005)
        crew.tend()
    number = await_mint(site, order)
    assert numbers(site) == [*before, number]
    ref = mint.released(mint.mint_of(site, order))
    with reading(site.engine) as session:
        batch = session.get_one(ChainBatch, number)
    assert (batch.count, batch.root) == (COUNT, merkle.kept_root(site.minter.kept(ref)))
    assert batch.inner_root == merkle.kept_root(site.minter.inner_kept(ref))


def test_a_file_cut_short_by_a_kill_is_written_again_whole(site: Site, tmp_path: Path) -> None:
    """No half file stands under the name; the second run has each code of the batch once."""
    path, data = tmp_path / "links.txt", str(site.home.path)
    words = ("mint", "--brand", str(BRAND), "--gtin", GTIN, "--count", str(COUNT), "--id", "killed")
    export = (*words, "--links", str(path), "--data", data, "--json")
    partial = path.with_name("links.txt.new")
    while not partial.exists():  # until the kill has hit while the file was being written
        path.unlink(missing_ok=True)
        program = subprocess.Popen([*COMMAND, *export], cwd=ROOT, stdout=subprocess.DEVNULL)
        while not partial.exists() and program.poll() is None:
            time.sleep(0.001)
        program.kill()
        program.wait(20)
    assert not path.exists()
    assert command(*export).status == 0
    assert not partial.exists()
    ref = mint.released(mint.mint_of(site, mint.order_codes(site, BRAND, GTIN, COUNT, "killed")))
    lines = path.read_text().splitlines()
    assert (len(lines), len(set(lines))) == (COUNT, COUNT)
    for index in (0, 1, 32_767, 32_768, COUNT - 1):
        decoded = site.keeper.decode(int(GTIN), digital_link.parse(lines[index]).serial or "")
        assert decoded is not None
        assert (decoded.batch, decoded.index) == (ref.number, index)
    assert [line.rpartition("/")[2].encode() for line in lines] == site.minter.serials(
        ref, 0, COUNT
    ).tolist()


def test_a_part_of_the_links_has_the_lines_of_its_codes(site: Site, tmp_path: Path) -> None:
    """From the middle of one piece to the end of the next; inner codes behind them."""
    made = mint.mint_of(site, mint.order_codes(site, BRAND, GTIN, COUNT, "killed"))
    ref, path = mint.released(made), tmp_path / "part.txt"
    told: list[int] = []
    with path.open("wb") as file:
        write_links(site, made, 20_001, COUNT, file, upper=True, inner=True, written=told.append)
    pairs = [line.split(",") for line in path.read_text().splitlines()]
    links = mint.links(site, made, 20_001, COUNT, upper=True)
    assert [outer for outer, _ in pairs] == [link for _, link in links]
    codes = site.minter.inner_codes(ref, 20_001, COUNT).tolist()
    assert [inner.rpartition("/")[2].encode() for _, inner in pairs] == codes
    assert sum(told) == COUNT - 20_001


def test_two_workers_at_once_use_no_number_twice(crew: Crew, site: Site) -> None:
    """Each order has a batch of its own, and no serial is in two of them."""
    before = numbers(site)
    crew.start("worker")
    orders = [mint.order_codes(site, BRAND, GTIN, 500, f"both {n}") for n in range(8)]
    made = [await_mint(site, order) for order in orders]
    crew.tend()
    assert numbers(site) == [*before, *sorted(made)]
    assert len(set(made)) == len(orders)
    serials = [
        serial
        for order in orders
        for _, serial in mint.links(site, mint.mint_of(site, order), 0, 500)
    ]
    assert len(set(serials)) == len(orders) * 500


def test_verdict_and_proof_come_from_a_keeper_of_its_own(crew: Crew, site: Site) -> None:
    """With a setting alone: no key file where the codes are asked for; also after a kill."""
    where = crew.data / "keeper.sock"
    crew.start("keeper", "--socket", str(where))
    crew.until(lambda: listens(where), "KEEPER_DOWN", "the code keeper did not start")
    without = Settings(
        data=crew.data, keeper_socket=where, keys_file=crew.data / "elsewhere" / "keys.json"
    )
    public = open_installation(without)
    order = mint.order_codes(site, BRAND, GTIN, 300, "apart")
    await_mint(site, order)
    ((serial, link),) = mint.links(site, mint.mint_of(site, order), 299, 300)
    for _ in range(2):
        with reading(public.engine) as session:
            checked = check(public, session, link)
            bundle = prove.build(
                public,
                session,
                gtin=GTIN,
                serial=serial,
                scans=checked.evidence.scans,
                made=public.clock(),
            )
        assert checked.item is not None
        assert checked.item.index == 299
        with reading(public.engine) as session:
            ref = mint.batch_ref(session, bundle["code"]["batch"])
        leaves = public.keeper.leaves(ref, 290, 300)
        assert bundle["verdict"]["reasons"] == ["NOT_ACTIVATED"]
        ref = mint.released(mint.mint_of(site, order))
        assert leaves == site.minter.leaves(ref, 290, 300)
        os.kill(crew.pids()["keeper"], signal.SIGKILL)
        while listens(where):
            time.sleep(0.005)
        crew.tend()
        crew.until(lambda: listens(where), "KEEPER_DOWN", "the code keeper did not start")
    with pytest.raises(Rejected) as refusal:
        public.minter.serials(mint.released(mint.mint_of(site, order)), 0, 1)
    assert refusal.value.code == "KEYS_MISSING"
