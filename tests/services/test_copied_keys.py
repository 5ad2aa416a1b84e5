"""Key epochs that change, and installations that were copied or restored: no serial twice."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from ledger.db.engine import reading
from ledger.db.models import ChainCheckpoint
from ledger.domain.verbs import Role
from ledger.errors import Rejected
from ledger.services import mint, parties
from ledger.services.act import settled
from ledger.services.keys import epochs
from ledger.services.open import open_installation
from ledger.services.settings import Settings
from ledger.services.site import Site
from tests.support.installation import Installation, WorkerThread, await_mint, installation

BRAND, GTIN = 9506000134352, "09506000134376"


@pytest.fixture(scope="module")
def at(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    with installation(tmp_path_factory.mktemp("at") / "data") as at:
        brand = parties.NewParty(BRAND, "Brand", "品牌", int(Role.BRAND), prefix="950600013")
        settled(at.site, [parties.register(at.site, brand, "brand")[1]])
        mint.add_product(at.site, BRAND, GTIN, "Item", "商品")
        yield at


def codes(site: Site, order: int) -> set[str]:
    made = mint.mint_of(site, order)
    return {serial for serial, _ in mint.links(site, made, 0, made.count)}


def order(site: Site, key: str) -> int:
    return mint.order_codes(site, BRAND, GTIN, 50, key, inner=False)


def copied(at: Installation, to: Path) -> Settings:
    """Copy the installation without its node: the copy uses the same chain."""
    shutil.copytree(at.data, to, ignore=shutil.ignore_patterns("node", "*.lock"))
    return Settings(data=to, rpc_url=at.site.rpc.url, heartbeat_s=86_400)


@contextmanager
def working(settings: Settings) -> Iterator[Site]:
    """Run the copy's worker meanwhile; gives the copy."""
    worker = WorkerThread(open_installation(settings), settings)
    worker.start()
    try:
        yield open_installation(settings)
    finally:
        worker.stop()


def follow(copy: Site, original: Site) -> None:
    """Wait until the copy has seen what the original has."""
    while height(copy) < height(original):
        time.sleep(0.02)


def height(site: Site) -> int:
    with reading(site.engine) as session:
        return session.get_one(ChainCheckpoint, 1).number


def test_a_copy_and_the_original_get_different_numbers(at: Installation, tmp_path: Path) -> None:
    """Both order at once on one chain, under the same keys: its counter keeps them apart."""
    epochs.ensure_epoch(at.site, BRAND)
    with working(copied(at, tmp_path / "copy")) as copy:
        ours, theirs = [], []
        for n in range(3):
            ours.append(order(at.site, f"original {n}"))
            theirs.append(order(copy, f"copy {n}"))
        for site, orders in ((at.site, ours), (copy, theirs)):
            for number in orders:
                await_mint(site, number)
        made = [codes(at.site, number) for number in ours] + [codes(copy, n) for n in theirs]
    assert len(set().union(*made)) == 6 * 50


def test_a_restored_backup_goes_on_with_new_numbers(at: Installation, tmp_path: Path) -> None:
    """What was minted after the backup was made is not minted again, and stays valid."""
    settings = copied(at, tmp_path / "backup")
    later = order(at.site, "after the backup")
    number = await_mint(at.site, later)
    with working(settings) as restored:
        follow(restored, at.site)
        again = order(restored, "after the restoration")
        assert await_mint(restored, again) != number
    assert codes(restored, again) & codes(at.site, later) == set()
    assert restored.keeper.decode(int(GTIN), min(codes(at.site, later))) is not None


def test_the_next_epoch_makes_other_codes_and_keeps_the_old_ones(
    at: Installation, tmp_path: Path
) -> None:
    """After a rotation codes begin with the next epoch's character; a key file of before, put in
    place again, mints nothing, since it could not decode what is printed."""
    before = copied(at, tmp_path / "before")
    old = order(at.site, "old keys")
    await_mint(at.site, old)
    said = at.said("key", "rotate", "--brand", str(BRAND))
    assert said == {"brand": str(BRAND), "epoch": 1}
    new = order(at.site, "new keys")
    await_mint(at.site, new)
    assert {serial[0] for serial in codes(at.site, old)} == {"0"}
    assert {serial[0] for serial in codes(at.site, new)} == {"1"}
    for made in (old, new):
        decoded = at.site.keeper.decode(int(GTIN), min(codes(at.site, made)))
        assert decoded is not None
        assert decoded.batch == mint.mint_of(at.site, made).batch
    stale = at.site.home.code_keys.parent / "stale.json"
    shutil.copy(before.data / "keys.json", stale)
    settings = Settings(data=at.data, keys_file=stale, heartbeat_s=86_400)
    with pytest.raises(Rejected) as refusal:
        order(open_installation(settings), "stale keys")
    assert refusal.value.code == "EPOCH_KEYS_LOST"


def test_an_epoch_that_the_chain_never_heard_of_is_announced_later(at: Installation) -> None:
    """Opened here and then dead: the next rotation takes up the same one."""
    network = at.site.network
    number, _ = at.site.ring.open_epoch(BRAND, network.chain_id, network.address)
    assert epochs.rotate(at.site, BRAND) == number
    assert epochs.ensure_epoch(at.site, BRAND) == number
    assert epochs.rotate(at.site, BRAND) == number + 1
