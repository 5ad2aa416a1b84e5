"""Logs found by an index are those that a scan of every receipt finds."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.chain.embedded.chain import EmbeddedChain
from ledger.chain.embedded.jsonrpc import Params, RpcError
from ledger.chain.embedded.logs import get_logs
from ledger.chain.embedded.records import LogFilter, LogRow
from ledger.chain.embedded.store import _log_conditions
from ledger.chain.embedded.view import View
from tests.chain.embedded.conftest import Signer
from tests.chain.embedded.contracts import deployer, runtime, words

BLOCKS = 14
VALUES = range(4)


@pytest.fixture(scope="module")
def logged(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[EmbeddedChain, list[bytes]]]:
    """A chain with five contracts (0 to 4 topics) and some 120 logs of few distinct values."""
    chain = EmbeddedChain(tmp_path_factory.mktemp("logs"))
    signer, random = Signer(chain.chain_id), Random(7)
    chain.seal([signer.send(data=deployer(runtime(topics))) for topics in range(5)])
    contracts = [row.contract for row in chain.store.transactions(1) if row.contract]
    for _ in range(BLOCKS - 2):
        chain.seal(
            [
                signer.send(
                    random.choice(contracts), words(random.choice(VALUES), random.choice(VALUES))
                )
                for _ in range(10)
            ]
        )
    chain.seal()
    yield chain, contracts
    chain.close()


def _matches(log: LogRow, wanted: LogFilter) -> bool:
    """The rule of eth_getLogs, read off the execution API's text."""
    return (
        wanted.first <= log.block <= wanted.last
        and (not wanted.addresses or log.address in wanted.addresses)
        and len(wanted.topics) <= len(log.topics)
        and all(
            not alternatives or topic in alternatives
            for alternatives, topic in zip(wanted.topics, log.topics, strict=False)
        )
    )


@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_the_index_finds_what_a_scan_finds(
    logged: tuple[EmbeddedChain, list[bytes]], data: st.DataObject
) -> None:
    """Any range, addresses, and topic alternatives."""
    chain, contracts = logged
    ends = st.integers(0, BLOCKS + 1)
    alternatives = st.lists(st.sampled_from([words(v) for v in range(5)]), max_size=3, unique=True)
    wanted = LogFilter(
        data.draw(ends),
        data.draw(ends),
        tuple(data.draw(st.lists(st.sampled_from(contracts), max_size=3, unique=True))),
        tuple(tuple(place) for place in data.draw(st.lists(alternatives, max_size=4))),
    )
    every = [log for number in range(BLOCKS + 1) for log in chain.store.block_logs(number)]
    assert chain.store.logs(wanted, 10_000) == [log for log in every if _matches(log, wanted)]


def test_each_condition_has_an_index(logged: tuple[EmbeddedChain, list[bytes]]) -> None:
    """SQLite's plan searches and never scans, whatever leads."""
    chain, contracts = logged
    word = (words(1),)
    filters = [
        LogFilter(1, 9),
        LogFilter(0, 9, (contracts[0],)),
        LogFilter(0, 9, (contracts[0],), (word,)),
        LogFilter(0, 9, (contracts[0],), (word, word)),
        LogFilter(0, 9, (), ((), word)),
        LogFilter(0, 9, (), ((), (), word)),
        LogFilter(0, 9, (), ((), (), (), word)),
    ]
    leads = [_plan(chain, wanted) for wanted in filters]
    assert leads == [
        "PRIMARY KEY (block",
        *(
            f"INDEX logs_{column} ({column}"
            for column in ("address", "topic0", "topic1", "topic1", "topic2", "topic3")
        ),
    ]


def _plan(chain: EmbeddedChain, wanted: LogFilter) -> str:
    """Return the index that the plan names first."""
    where, values = _log_conditions(wanted)
    rows = chain.store._all(
        f"explain query plan select * from logs where {where} order by block, idx", *values
    )
    text = str(rows[0][3])
    assert text.startswith("SEARCH logs USING ")
    return text.removeprefix("SEARCH logs USING ").partition("=")[0].partition(">")[0]


def test_a_filter_reads_tags_hashes_and_single_values(
    logged: tuple[EmbeddedChain, list[bytes]],
) -> None:
    """A block's hash, its number and its range name the same logs."""
    chain, contracts = logged
    view = View(chain.store, chain.chain_id)
    block = chain.store.block(5)
    assert block is not None
    by_hash = get_logs(view, Params([{"blockHash": "0x" + block.hash.hex()}]))
    by_range = get_logs(view, Params([{"fromBlock": "0x5", "toBlock": "0x5"}]))
    assert by_hash == by_range
    assert len(by_hash) == 10
    assert {log["blockHash"] for log in by_hash} == {"0x" + block.hash.hex()}
    everything = get_logs(view, Params([{"fromBlock": "earliest", "toBlock": "latest"}]))
    one = get_logs(view, Params([{"fromBlock": "0x0", "address": "0x" + contracts[2].hex()}]))
    assert one == [log for log in everything if log["address"] == "0x" + contracts[2].hex()]
    assert get_logs(view, Params([{}])) == []


def test_too_many_logs_are_refused_with_advice(
    logged: tuple[EmbeddedChain, list[bytes]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Over the limit the caller is told to narrow the range."""
    chain, _ = logged
    monkeypatch.setattr("ledger.chain.embedded.logs.MAX_LOGS", 20)
    view = View(chain.store, chain.chain_id)
    with pytest.raises(RpcError, match="narrow the block range") as caught:
        get_logs(view, Params([{"fromBlock": "0x0"}]))
    assert caught.value.code == -32005
    assert len(get_logs(view, Params([{"fromBlock": "0x3", "toBlock": "0x4"}]))) == 20
