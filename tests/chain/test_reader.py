"""The reader against a local node that serves a sealed chain, or lies about it in every way."""

from __future__ import annotations

import socket
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from ledger.chain.header import Vote
from ledger.chain.reader import BlockReader, Checkpoint
from ledger.chain.rpc import HttpRpc
from ledger.chain.validators import Succession
from ledger.errors import Broken, Rejected, TouchstoneError, Unavailable

from .synthetic import (
    CONTRACT,
    GENESIS_TIME,
    Chain,
    Lie,
    address,
    keys,
    seal,
    serve,
    to_rpc,
    with_seals,
)

FOUR, FIVE = keys(1, 2, 3, 4), keys(1, 2, 3, 4, 5)
TOPIC, STRANGER = b"\x11" * 32, b"\x22" * 20
NOW = GENESIS_TIME + 3600.0


def world(blocks: int = 12) -> Chain:
    """Return a chain in which every third block holds events of ours among others."""
    chain = Chain(FOUR)
    for number in range(1, blocks + 1):
        ours = [(CONTRACT, [TOPIC], bytes([number])), (STRANGER, [], b"x")]
        chain.add(logs=[ours, [(CONTRACT, [], b"last")]] if number % 3 == 0 else [])
    return chain


def reader(url: str, chain: Chain, **options: Any) -> BlockReader:
    """Return a reader at the genesis of a chain, trusting FOUR."""
    start = {
        "chain_id": chain.chain_id,
        "checkpoint": Checkpoint(0, chain.headers[0].hash),
        "succession": Succession.start(address(k) for k in FOUR),
        "contract": CONTRACT,
    }
    return BlockReader(HttpRpc(url), **{**start, **options})


def read_all(source: BlockReader, now: float = NOW, limit: int = 5) -> list:
    """Read runs until there is nothing newer."""
    blocks: list = []
    while run := source.next_run(now, limit):
        blocks += run
    return blocks


def failure(lie: Lie | None, chain: Chain | None = None, **options: Any) -> TouchstoneError:
    """Return the error with which reading ends; nothing of the bad run has moved the reader."""
    chain = chain or world()
    now = options.pop("now", NOW)
    with serve(chain, lie) as url:
        source = reader(url, chain, **options)
        before = source.checkpoint
        with pytest.raises(TouchstoneError) as caught:
            source.next_run(now)
        assert source.checkpoint == before
        return caught.value


def test_an_honest_node_is_read_to_its_head_and_followed():
    """Every block in order with our contract's logs only, then the blocks that come later."""
    chain = world()
    with serve(chain) as url:
        source = reader(url, chain)
        blocks = read_all(source)
        assert [block.header for block in blocks] == chain.headers[1:]
        assert [(b.header.number, [log.data for log in b.logs]) for b in blocks if b.logs] == [
            (number, [bytes([number]), b"last"]) for number in (3, 6, 9, 12)
        ]
        assert source.checkpoint == Checkpoint(12, chain.headers[12].hash)
        assert source.next_run(NOW) == ()
        chain.add()
        assert [block.header.number for block in source.next_run(NOW)] == [13]


def test_a_reader_goes_on_from_a_stored_checkpoint():
    """A new reader at a checkpoint reads exactly what comes after it."""
    chain = world()
    with serve(chain) as url:
        source = reader(url, chain, checkpoint=Checkpoint(7, chain.headers[7].hash))
        assert [block.header.number for block in read_all(source)] == [8, 9, 10, 11, 12]


def test_receipts_are_asked_for_only_where_the_bloom_has_our_address():
    """Blocks that provably hold nothing of ours cost one header each."""
    chain, asked = world(), []

    def listen(method: str, params: list[Any], result: Any) -> Any:
        if method == "eth_getBlockReceipts":
            asked.append(int(params[0], 16))
        return result

    with serve(chain, listen) as url:
        read_all(reader(url, chain))
    assert asked == [3, 6, 9, 12]


class BoundedRpc(HttpRpc):
    """A node that refuses to answer about more than `most` blocks' content at once."""

    most = 1

    def batch(self, calls: Any) -> list[Any]:
        """Return what the node answers, or its refusal."""
        content = [c for c in calls if c[0] == "eth_getBlockReceipts" or c[1][-1:] == (True,)]
        if len(content) > self.most:
            raise Rejected("LEDGER_REFUSED", "response too large")
        return super().batch(calls)


@pytest.mark.parametrize("most", [0, 1, 3])
def test_what_a_node_finds_too_much_is_asked_for_in_parts(most: int):
    """Down to one block; whoever refuses that one is waited for."""
    chain = world()
    with serve(chain) as url:
        source = reader(url, chain)
        expected = read_all(reader(url, chain), limit=50)
        source._rpc = BoundedRpc(url)
        source._rpc.most = most
        if most:
            assert read_all(source, limit=50) == expected
            return
        with pytest.raises(Unavailable) as caught:
            source.next_run(NOW)
        assert caught.value.code == "LEDGER_REFUSED"


def on_block(number: int, change: Callable[[dict[str, Any]], Any]) -> Lie:
    """Lie about one block's header."""

    def lie(method: str, params: list[Any], result: Any) -> Any:
        if method == "eth_getBlockByNumber" and int(params[0], 16) == number:
            return change(result)
        return result

    return lie


def on_receipts(number: int, change: Callable[[list[dict[str, Any]]], Any]) -> Lie:
    """Lie about one block's receipts."""

    def lie(method: str, params: list[Any], result: Any) -> Any:
        if method == "eth_getBlockReceipts" and int(params[0], 16) == number:
            return change(result)
        return result

    return lie


def on_method(name: str, answer: Any) -> Lie:
    """Lie with a constant answer to one method."""
    return lambda method, params, result: answer if method == name else result


def on_transactions(number: int, change: Callable[[list[dict[str, Any]]], Any]) -> Lie:
    """Lie about one block's transactions."""
    return on_block(number, lambda block: {**block, "transactions": change(block["transactions"])})


def forged(number: int, **changes: Any) -> Lie:
    """Replace a header by one sealed with keys that are not the validators'."""
    header = seal(replace(world().headers[number], **changes), keys(6, 7, 8))
    return on_block(number, lambda block: {**block, **to_rpc(header)})


def seals_of(number: int, count: int) -> Lie:
    """Leave only some of a header's seals."""
    header = world().headers[number]
    fewer = with_seals(header, header.extra.seals[:count])
    return on_block(number, lambda block: {**block, **to_rpc(fewer)})


def altered_log(receipts: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Change one byte of an event."""
    log = {**receipts[0]["logs"][0], "data": "0xff"}
    return [{**receipts[0], "logs": [log, *receipts[0]["logs"][1:]]}, *receipts[1:]]


def fork() -> Chain:
    """Return another chain of the same validators from the same genesis."""
    chain = Chain(FOUR)
    for _ in range(12):
        chain.add(seconds=2)
    return chain


@pytest.mark.parametrize(
    ("kind", "code", "lie"),
    [
        (Broken, "WRONG_CHAIN", on_method("eth_chainId", "0x1")),
        (Broken, "RECEIPTS_DIFFER", on_receipts(3, altered_log)),
        (Broken, "RECEIPTS_DIFFER", on_receipts(6, lambda r: [{**r[0], "logs": []}, *r[1:]])),
        (Broken, "RECEIPTS_DIFFER", on_receipts(6, lambda r: r[:-1])),
        (Broken, "RECEIPTS_DIFFER", on_receipts(9, lambda r: r[::-1])),
        (Broken, "RECEIPTS_DIFFER", on_receipts(9, lambda r: [])),
        (Broken, "RECEIPTS_DIFFER", on_receipts(9, lambda r: "none")),
        (Broken, "TRANSACTIONS_DIFFER", on_transactions(3, lambda t: t[::-1])),
        (
            Broken,
            "TRANSACTIONS_DIFFER",
            on_transactions(3, lambda t: [{**t[0], "input": "0x"}, t[1]]),
        ),
        (Broken, "TRANSACTIONS_DIFFER", on_transactions(3, lambda t: ["0x" + "00" * 32] * 2)),
        (Broken, "HEADER_NOT_SEALED", forged(12)),
        (Broken, "HEADER_NOT_SEALED", forged(12, state_root=bytes(32))),
        (Broken, "HEADER_NOT_SEALED", seals_of(12, 2)),
        (Broken, "HEADER_NOT_SEALED", seals_of(12, 0)),
        (
            Broken,
            "HEADER_NOT_SEALED",
            on_block(12, lambda b: {**b, "logsBloom": "0x" + "00" * 256}),
        ),
        (Broken, "CHAIN_FORKED", on_block(6, lambda b: {**b, "logsBloom": "0x" + "00" * 256})),
        (Broken, "CHAIN_FORKED", forged(5, state_root=bytes(32))),
        (Broken, "CHAIN_FORKED", on_block(1, lambda b: {**b, "parentHash": "0x" + "00" * 32})),
        (Broken, "CHAIN_FORKED", on_block(0, lambda b: {**b, "stateRoot": "0x" + "00" * 32})),
        (Broken, "CHAIN_FORKED", on_block(7, lambda b: {**b, **to_rpc(fork().headers[7])})),
        (Broken, "BAD_HEADER", on_block(4, lambda b: {**b, "number": "0x5"})),
        (Broken, "BAD_HEADER", on_block(4, lambda b: {**b, "extraData": "0x"})),
        (Broken, "BAD_HEADER", on_block(4, lambda b: {"number": "0x4"})),
        (Broken, "BAD_HEADER", on_block(4, lambda b: "header")),
        (Unavailable, "LEDGER_BEHIND", on_block(4, lambda b: None)),
        (Unavailable, "LEDGER_BEHIND", on_receipts(3, lambda r: None)),
        (Unavailable, "LEDGER_BEHIND", on_method("eth_blockNumber", "0x63")),
        (
            Unavailable,
            "LEDGER_REFUSED",
            on_receipts(3, lambda r: RuntimeError("too many requests")),
        ),
        (Unavailable, "LEDGER_UNREACHABLE", on_method("eth_blockNumber", None)),
    ],
)
def test_each_lie_is_caught(kind, code, lie):
    """What a node alters, drops, forges, reorders or withholds is named by its code."""
    error = failure(lie)
    assert (type(error), error.code) == (kind, code)


def test_a_node_that_lost_blocks_is_waited_for():
    """A head below what was proved means that the node is behind, not that we forget."""
    chain = world()
    error = failure(
        on_method("eth_blockNumber", "0x5"), checkpoint=Checkpoint(7, chain.headers[7].hash)
    )
    assert (type(error), error.code) == (Unavailable, "LEDGER_BEHIND")


def test_a_chain_of_the_same_validators_that_does_not_hold_our_checkpoint_is_a_fork():
    """A second history, honestly sealed, is refused at the checkpoint."""
    mine = world().headers[7]
    error = failure(None, fork(), checkpoint=Checkpoint(7, mine.hash))
    assert (type(error), error.code) == (Broken, "CHAIN_FORKED")


def test_a_fork_after_the_last_run_is_refused():
    """A node that changes its history between two runs is found out by the parent hash."""
    chain = world()
    with serve(chain) as url:
        source = reader(url, chain)
        read_all(source)
        other = fork()
        other.add()
        vars(chain).update(vars(other))
        with pytest.raises(Broken) as caught:
            source.next_run(NOW)
    assert caught.value.code == "CHAIN_FORKED"


def test_time_does_not_go_back():
    """A sealed block older than its parent stops the reader."""
    chain = world(3)
    chain.add(seconds=-1)
    chain.add()
    error = failure(None, chain)
    assert (type(error), error.code) == (Broken, "TIME_WENT_BACK")


def test_blocks_of_one_second_are_in_order():
    """A block may have its parent's time."""
    chain = world(3)
    chain.add(seconds=0)
    with serve(chain) as url:
        assert len(read_all(reader(url, chain))) == 4


@pytest.mark.parametrize(("ahead", "taken"), [(15, True), (16, False)])
def test_a_block_ahead_of_the_clock_waits(ahead, taken):
    """A block is taken once the caller's clock has come within the drift."""
    chain = world(3)
    now = chain.headers[-1].timestamp - ahead
    if taken:
        with serve(chain) as url:
            assert len(read_all(reader(url, chain), now)) == 3
    else:
        error = failure(None, chain, now=now)
        assert (type(error), error.code) == (Unavailable, "BLOCK_AHEAD_OF_CLOCK")


JOIN = Vote(next(a for a in map(address, FIVE) if a not in map(address, FOUR)), True)


def grown(votes: int = 3, before: int = 2) -> Chain:
    """Return a chain whose set grows from four to five after some votes, and goes on."""
    chain = Chain(FOUR)
    for _ in range(before):
        chain.add()
    for proposer in FOUR[:votes]:
        chain.add(proposer=proposer, vote=JOIN)
    chain.validators = FIVE
    for _ in range(6):
        chain.add()
    return chain


@pytest.mark.parametrize("limit", [1, 2, 4, 200])
def test_a_change_of_validators_is_followed_by_its_votes(limit):
    """Wherever a run ends, the votes are found and the new set is taken, with the evidence."""
    chain = grown()
    with serve(chain) as url:
        source = reader(url, chain)
        assert len(read_all(source, limit=limit)) == len(chain.headers) - 1
        assert source.succession.latest == {address(k) for k in FIVE}
        (change,) = source.changes
        assert [header.number for header in change.votes] == [3, 4, 5]
        assert change.first.number == 6
        proved = Succession.start(address(k) for k in FOUR).extend(change)
        assert proved == source.succession


def test_votes_before_the_checkpoint_count():
    """A reader that starts between the votes and the change fetches the votes by parent hash."""
    chain = grown()
    with serve(chain) as url:
        source = reader(url, chain, checkpoint=Checkpoint(5, chain.headers[5].hash))
        assert read_all(source)[-1].header == chain.headers[-1]
        assert source.succession.latest == {address(k) for k in FIVE}


@pytest.mark.parametrize(
    ("chain", "options", "code"),
    [
        (grown(votes=2), {}, "CHANGE_NOT_PROVED"),
        (grown(votes=0), {}, "CHANGE_NOT_PROVED"),
        (grown(before=2), {"epoch_length": 4}, "CHANGE_NOT_PROVED"),
        (grown(before=3), {"epoch_length": 3}, "CHANGE_NOT_PROVED"),
    ],
)
def test_a_change_without_enough_votes_of_its_epoch_is_refused(chain, options, code):
    """Too few votes, or an epoch block among them."""
    error = failure(None, chain, **options)
    assert (type(error), error.code) == (Broken, code)


def test_a_lie_about_the_votes_is_caught():
    """While the votes are collected, a header that is not the parent is a fork."""
    chain = grown()
    start = Checkpoint(5, chain.headers[5].hash)
    error = failure(
        on_block(4, lambda b: {**b, "stateRoot": "0x" + "00" * 32}), chain, checkpoint=start
    )
    assert (type(error), error.code) == (Broken, "CHAIN_FORKED")


def test_a_node_that_is_away_is_unreachable():
    """No node behind the address: try again, with a sentence that names the address."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}"
    with pytest.raises(Unavailable) as caught:
        reader(url, world(0)).next_run(NOW)
    assert caught.value.code == "LEDGER_UNREACHABLE"
    assert url.removeprefix("http://") in caught.value.message
