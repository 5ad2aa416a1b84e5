"""The follower, on a ledger with every kind of event: however the blocks come, the same rows."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import Engine, select

from ledger.chain.events import decode
from ledger.chain.message import batch_call
from ledger.chain.receipts import Log
from ledger.db.engine import open_database, reading, transaction
from ledger.db.models import ChainEvent, ChainFailure
from ledger.domain.keccak import keccak
from ledger.domain.verbs import Verb
from ledger.errors import Broken
from ledger.services.following.chain_rows import ChainRows
from ledger.services.following.follow import Follower
from ledger.services.following.project import project
from ledger.services.network import Network
from tests.contracts.ledger_harness import Chain, key, word
from tests.contracts.world import BRAND
from tests.services.proof_world import World, open_world
from tests.support.installation import chain_rows


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """The small ledger, followed block by block while it was made."""
    with open_world(tmp_path_factory.mktemp("ledger")) as opened:
        yield opened


def database(tmp_path: Path, name: str) -> Engine:
    """An empty database."""
    return open_database(f"sqlite:///{tmp_path / name}")


def test_blocks_taken_together_give_the_rows_of_blocks_taken_one_by_one(
    world: World, tmp_path: Path
) -> None:
    """A row that one run adds and changes again is that of two runs; so is a rebuilt one."""
    site = world.site
    one_by_one = chain_rows(site)
    verbs = {verb for verb in Verb if verb.name in ("SHIP", "PACKED_INTO", "UNPACKED_FROM")}
    with reading(site.engine) as session:
        assert verbs <= set(session.scalars(select(ChainEvent.verb)))
    other = replace(site, engine=database(tmp_path, "other.db"))
    follower = Follower(other.engine, site.rpc, site.network)
    blocks = follower.step(world.now)
    assert blocks == int(one_by_one["chain_checkpoint"][0][1])
    assert chain_rows(other) == one_by_one
    assert follower.rebuild(world.now) == blocks
    assert chain_rows(other) == one_by_one


@pytest.mark.parametrize("lost", [0, 1])
def test_a_history_that_lost_an_event_is_not_taken(world: World, tmp_path: Path, lost: int) -> None:
    """Whether the unit itself or only a step of its way is unknown, nothing is made up."""
    site = world.site
    empty = replace(site, engine=database(tmp_path, "gap.db"))
    blocks = Follower(empty.engine, site.rpc, site.network)._reader.next_run(world.now)
    logs = [(log, block.header) for block in blocks for log in block.logs]
    found = [decode(log, header.number, header.timestamp) for log, header in logs]
    unit = world.units["pallet 1"]
    own = [seen for seen in found if seen is not None and seen.fields.get("unit") == unit]
    assert len(own) > 2
    rest = [seen for seen in found if seen is not None and seen is not own[lost]]
    with (
        pytest.raises(Broken) as caught,
        transaction(empty.engine) as session,
        ChainRows(session, rest) as rows,
    ):
        for seen in rest:
            project(rows, site.network, seen)
    assert caught.value.code == "HISTORY_GAP"
    assert not any(chain_rows(empty).values())


def test_two_batches_of_one_transaction_are_followed(tmp_path: Path) -> None:
    """A contract of anybody's calls the same batch twice: two failures, both of part 0."""
    chain = Chain()
    call = bytes.fromhex("60006000366000600073") + chain.contract + bytes.fromhex("5af150")
    code = bytes.fromhex("366000600037") + 2 * call + b"\0"  # calldata to memory, call twice, stop
    creation = bytes.fromhex(f"60{len(code):02x}80600b6000396000f3") + code
    caller = chain._transact(b"", creation).msg.storage_address
    refused = chain.call(Verb.CANCEL, {"actor": BRAND}, signer=key("nobody"))
    logs = chain._transact(caller, batch_call([refused])).get_log_entries()
    seen = [
        decode(
            Log(address, tuple(map(word, topics)), body, index, 0, keccak(b"transaction")), 5, 1000
        )
        for index, (address, topics, body) in enumerate(logs)
    ]
    engine = database(tmp_path, "twice.db")
    network = Network(chain.chain_id, "0x" + "00" * 32, "0x" + chain.contract.hex(), ())
    with transaction(engine) as session, ChainRows(session, seen) as rows:
        for one in seen:
            project(rows, network, one)
    with reading(engine) as session:
        found = session.scalars(select(ChainFailure).order_by(ChainFailure.log_index)).all()
        assert [(row.block, row.log_index, row.part) for row in found] == [(5, 0, 0), (5, 1, 0)]
