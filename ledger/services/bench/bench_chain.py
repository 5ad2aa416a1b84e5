"""`touchstone bench chain`: how fast the embedded chain takes verbs, and the follower takes blocks.

All rates are of one run: each round measures every kind of work and the yardstick one after the
other, so that what else the machine does touches all of them alike; medians are reported.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from sqlalchemy import func, select

from ledger.chain.account import Account
from ledger.chain.embedded.chain import EmbeddedChain
from ledger.chain.embedded.yardstick import stores_per_second
from ledger.chain.rpc import HttpRpc
from ledger.db.engine import open_database, reading, sqlite_url
from ledger.db.models import ChainCheckpoint, ChainEvent
from ledger.domain.verbs import Verb
from ledger.errors import Broken
from ledger.services.bench.bench_ground import PART, Call, Entropy, Ground, batches
from ledger.services.following.follow import Follower
from ledger.services.network import Network

SENDERS = 16  # concurrent, for verbs sent one by one
HANDOFF = (Verb.SHIP, Verb.RECEIVE_FROM)


@dataclass(frozen=True)
class Size:
    """How much one round does. single, batched, listed: units handed over; empty: blocks."""

    rounds: int
    single: int
    batched: int
    listed: int
    stores: int
    empty: int


FULL = Size(rounds=5, single=64, batched=2 * PART, listed=4 * PART, stores=150, empty=4_000)
QUICK = Size(rounds=1, single=SENDERS, batched=PART, listed=PART, stores=20, empty=200)

Rates = dict[str, list[float]]
"""Name of a JSON key -> its rate in each round."""


@dataclass(frozen=True)
class Target:
    """What must hold: `key` is at least `times` the rate of `of`, or `times` by itself."""

    key: str
    times: float
    of: str | None = None

    def judge(self, figures: dict[str, float]) -> tuple[float, float]:
        """Return (the ratio or rate that was measured, that share of the target)."""
        found = figures[self.key] / (figures[self.of] if self.of else 1.0)
        return found, found / self.times


TARGETS = (
    Target("batched_per_second", 2.5, "sequential_per_second"),
    Target("listed_units_per_second", 2.0, "batched_per_second"),
    Target("follow_events_per_second", 2_000.0),
    Target("empty_blocks_per_second", 1_000.0),
)


def seal_empty(directory: Path, count: int) -> None:
    """Make a chain of `count` empty blocks in `directory`, for `measure_following`."""
    chain = EmbeddedChain(directory)
    try:
        for _ in range(count):
            chain.seal()
    finally:
        chain.close()


def measure(ground: Ground, empty_url: str, directory: Path, size: Size, entropy: Entropy) -> Rates:
    """Return all rates, `size.rounds` of each. Raises Broken BENCH_FAILED.

    empty_url: a node of `seal_empty`'s chain. directory: for databases.
    """
    rates: Rates = {}

    def note(key: str, rate: float) -> None:
        rates.setdefault(key, []).append(rate)

    for _ in range(size.rounds):
        note("yardstick_per_second", stores_per_second(size.stores, Account(entropy(32))))
        for key, units, split in _works(ground, size):
            note(key, handoffs_per_second(ground, units, split))
    empty = empty_network(empty_url)
    for place in range(size.rounds):
        events, seconds = follow_afresh(ground.rpc, ground.network, directory / f"busy{place}.db")
        note("follow_events_per_second", events / seconds)
        rpc = HttpRpc(empty_url)
        _, seconds = follow_afresh(rpc, empty, directory / f"empty{place}.db")
        rpc.close()
        note("empty_blocks_per_second", size.empty / seconds)
    return rates


def summary(rates: Rates) -> dict[str, float]:
    """Return the median of each rate."""
    return {key: round(median(found), 1) for key, found in rates.items()}


Split = Callable[[Verb, Sequence[bytes]], Sequence[Sequence[Call]]]


def _works(ground: Ground, size: Size) -> list[tuple[str, int, Split]]:
    """Return (key, units to hand over, how they become each sender's transactions)."""
    return [
        (
            "sequential_per_second",
            size.single,
            lambda verb, units: ground.share(ground.handoff(verb, units)),
        ),
        (
            "batched_per_second",
            size.batched,
            lambda verb, units: [batches(ground.handoff(verb, units))],
        ),
        (
            "listed_units_per_second",
            size.listed,
            lambda verb, units: [ground.handoff_lists(verb, units)],
        ),
    ]


def handoffs_per_second(ground: Ground, count: int, split: Split) -> float:
    """Return the rate of signed verbs while `count` new units are shipped, then received.

    Only the sending is timed: signing ahead is the parties' work, following the follower's.
    """
    units = ground.pack(count)
    seconds = 0.0
    for verb in HANDOFF:
        seconds += ground.send(split(verb, units))
        ground.follow()
    ground.check_received(units)
    return len(HANDOFF) * count / seconds


def empty_network(url: str) -> Network:
    """Return a chain of empty blocks as a network; no contract is on it."""
    rpc = HttpRpc(url)
    genesis = rpc.call("eth_getBlockByNumber", "0x0", False)
    newest = rpc.call("eth_getBlockByNumber", "latest", False)
    chain_id = int(rpc.call("eth_chainId"), 16)
    rpc.close()
    return Network(chain_id, genesis["hash"], "0x" + "11" * 20, (newest["miner"],))


def follow_afresh(rpc: HttpRpc, network: Network, path: Path) -> tuple[int, float]:
    """Follow a whole chain into a new database, all checks on; return (events, seconds)."""
    engine = open_database(sqlite_url(path))
    follower = Follower(engine, rpc, network)
    started = time.perf_counter()
    blocks = follower.catch_up(time.time())
    seconds = time.perf_counter() - started
    with reading(engine) as session:
        events = session.scalar(select(func.count()).select_from(ChainEvent)) or 0
        checkpoint = session.get(ChainCheckpoint, 1)
    engine.dispose()
    if checkpoint is None or checkpoint.number != blocks:
        raise Broken("BENCH_FAILED", "The follower did not reach the newest block. Report this.")
    return events, seconds
