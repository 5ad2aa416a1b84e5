"""`touchstone rebuild` and `touchstone trust make` beside a working worker."""

from __future__ import annotations

import json
import time
from dataclasses import replace
from pathlib import Path

import pytest

from ledger.chain.rpc import HttpRpc
from ledger.chain.trust import check_trust
from ledger.db.engine import open_database, transaction
from ledger.db.models import ChainParty
from ledger.errors import Unavailable
from ledger.services.following.follow import Follower
from tests.scripts.conftest import BRAND, Goods
from tests.support.installation import chain_rows


def test_the_chain_tables_come_back_from_the_chain(goods: Goods) -> None:
    """Tables that somebody has altered are as the chain has them; nothing else is touched."""
    site = goods.at.site
    right = chain_rows(site)
    with transaction(site.engine) as session:
        party = session.get(ChainParty, int(BRAND))
        assert party is not None
        party.roles = 0
    assert chain_rows(site) != right
    said = goods.at.said("rebuild")
    assert chain_rows(site) == right
    assert said["blocks"] == int(right["chain_checkpoint"][0][1])


def test_a_rebuild_that_fails_changes_nothing(goods: Goods) -> None:
    """Without the node the old tables stand."""
    site = goods.at.site
    before = chain_rows(site)
    follower = Follower(site.engine, HttpRpc("http://127.0.0.1:9"), site.network)
    with pytest.raises(Unavailable):
        follower.rebuild(time.time())
    assert chain_rows(site) == before


def test_two_followers_of_one_database_do_no_harm(goods: Goods, tmp_path: Path) -> None:
    """The one that comes late is told, goes on where the other has come to, and adds nothing."""
    site = goods.at.site
    other = replace(site, engine=open_database(f"sqlite:///{tmp_path / 'other.db'}"))
    first, late = (Follower(other.engine, site.rpc, site.network) for _ in range(2))
    assert first.catch_up(time.time()) > 0
    with pytest.raises(Unavailable) as told:
        late.catch_up(time.time())
    assert told.value.code == "FOLLOWER_OVERTAKEN"
    assert late.catch_up(time.time()) == 0
    assert chain_rows(other) == chain_rows(site)


def test_a_trust_file_is_made_for_this_ledger(goods: Goods) -> None:
    """Signed by the validator, and good for as long as was said."""
    made = goods.at.said("trust", "make", "--valid-days", "30", "--max-age", "600")
    file = goods.at.data / "trust.json"
    trust = check_trust(file.read_bytes(), int(time.time()) + 5)
    network = goods.at.site.network
    assert (made["file"], made["valid_until"]) == (str(file), trust.valid_until)
    assert trust.valid_until - trust.issued == 30 * 86_400
    assert (trust.max_age_s, trust.chain_id) == (600, network.chain_id)
    assert trust.contract == network.address
    assert {"0x" + v.hex() for v in trust.validators} == set(network.validators)
    assert json.loads(file.read_text())["format"] == "touchstone-trust/1"
