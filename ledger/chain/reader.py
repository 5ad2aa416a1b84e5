"""Read blocks from a node that is not trusted, each proved before it is handed on.

A run of headers is taken when it continues the checkpoint by parent hashes and its last header is
sealed by a quorum; where the validators change inside a run, the votes prove it and both sides are
sealed. The bloom in a sealed header says which blocks can hold events of our contract; of those the
receipts and transactions must rebuild the roots. So the worst a node can do is refuse or delay.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from ledger.chain.header import Header
from ledger.chain.receipts import Log, logs_of, may_hold_logs_of
from ledger.chain.rpc import Rpc, answers
from ledger.chain.validators import EPOCH_LENGTH, Change, Succession, changed_address
from ledger.errors import Broken, Rejected, Unavailable

RUN = 200  # headers asked for in one request
RECEIPTS = 8  # blocks whose receipts are asked for in one request, while the node has no objection


@dataclass(frozen=True)
class Checkpoint:
    """A block that was proved (or pinned): its number and hash."""

    number: int
    hash: bytes


@dataclass(frozen=True)
class Block:
    """A proved block: its header, and in order the logs of our contract in it."""

    header: Header
    logs: tuple[Log, ...]


class BlockReader:
    """Reads proved blocks, run by run, from a checkpoint on.

    rpc: any node. chain_id: the chain it must serve. checkpoint: the last block taken (genesis at
    first). succession: who seals what, see Succession.start; it must know the set that seals the
    block after the checkpoint. contract: 20 bytes. epoch_length: of the chain's genesis file.
    drift_s: seconds by which a block's time may be ahead of the caller's clock.

    Holds `checkpoint`, `succession` and `changes` (evidence met so far, for proof bundles),
    which move forward only when a whole run is proved. After a run that the caller could not store,
    make a new reader from what is stored.
    """

    def __init__(
        self,
        rpc: Rpc,
        *,
        chain_id: int,
        checkpoint: Checkpoint,
        succession: Succession,
        contract: bytes,
        epoch_length: int = EPOCH_LENGTH,
        drift_s: int = 15,
    ) -> None:
        self.checkpoint = checkpoint
        self.succession = succession
        self.changes: tuple[Change, ...] = ()
        self._rpc = rpc
        self._chain_id = chain_id
        self._contract = contract
        self._epoch_length = epoch_length
        self._drift_s = drift_s
        self._time: int | None = None  # of the checkpoint, once its header is seen

    def next_run(self, now: float, limit: int = RUN) -> tuple[Block, ...]:
        """Return the next proved blocks, at most `limit`; () when the node has nothing newer.

        now: unix seconds. Raises Broken, to stop the follower: WRONG_CHAIN, CHAIN_FORKED,
        BAD_HEADER, HEADER_NOT_SEALED, CHANGE_NOT_PROVED, TIME_WENT_BACK, RECEIPTS_DIFFER,
        TRANSACTIONS_DIFFER. Raises Unavailable, to try again: LEDGER_UNREACHABLE, LEDGER_REFUSED,
        LEDGER_BEHIND (the node has less than was proved, or lacks a block), BLOCK_AHEAD_OF_CLOCK.
        """
        head = self._head()
        if self._time is None:
            self._time = self._fetch_checkpoint().timestamp
        first = self.checkpoint.number + 1
        if head < first:
            return ()
        headers = fetch_headers(self._rpc, range(first, min(head, first + limit - 1) + 1))
        self._check_links(headers)
        self._check_times(headers, self._time, now)
        succession, changes = self._check_seals(headers)
        blocks = tuple(
            Block(header, logs) for header, logs in zip(headers, self._logs(headers), strict=True)
        )
        self.checkpoint = Checkpoint(headers[-1].number, headers[-1].hash)
        self.succession = succession
        self.changes += changes
        self._time = headers[-1].timestamp
        return blocks

    def _head(self) -> int:
        """Return the number of the node's newest block, on the right chain."""
        chain_id, head = (
            _number(answer)
            for answer in answers(self._rpc, [("eth_chainId", ()), ("eth_blockNumber", ())])
        )
        if chain_id != self._chain_id:
            raise Broken(
                "WRONG_CHAIN",
                f"The node serves chain {chain_id}, not {self._chain_id}: set the URL of the "
                "right one.",
            )
        if head < self.checkpoint.number:
            raise Unavailable(
                "LEDGER_BEHIND",
                f"The node is at block {head}, but block {self.checkpoint.number} was proved: "
                "wait until it has caught up, or use another node.",
            )
        return head

    def _fetch_checkpoint(self) -> Header:
        (header,) = fetch_headers(
            self._rpc, range(self.checkpoint.number, self.checkpoint.number + 1)
        )
        if header.hash != self.checkpoint.hash:
            raise _forked(self.checkpoint.number)
        return header

    def _check_links(self, headers: Sequence[Header]) -> None:
        parent = self.checkpoint.hash
        for header in headers:
            if header.parent_hash != parent:
                raise _forked(header.number)
            parent = header.hash

    def _check_times(self, headers: Sequence[Header], since: int, now: float) -> None:
        times = [since, *[header.timestamp for header in headers]]
        for number, (before, after) in enumerate(pairwise(times), headers[0].number):
            if after < before:
                raise Broken(
                    "TIME_WENT_BACK",
                    f"Block {number} is {before - after} s older than its parent: ask the "
                    "validators' operators.",
                )
        ahead = times[-1] - now
        if ahead > self._drift_s:
            raise Unavailable(
                "BLOCK_AHEAD_OF_CLOCK",
                f"Block {headers[-1].number} is {ahead:.0f} s ahead of this machine's clock: set "
                "the clock, or wait.",
            )

    def _check_seals(self, headers: Sequence[Header]) -> tuple[Succession, tuple[Change, ...]]:
        """Prove each change in the run and the last header; the rest follows by parent hash."""
        succession = self.succession
        changes: list[Change] = []
        for header in headers:
            if frozenset(header.extra.validators) != succession.latest:
                change = self._evidence(succession, header)
                succession = succession.extend(change, self._epoch_length)
                changes.append(change)
        try:
            succession.check(headers[-1])
        except Rejected as error:
            raise Broken("HEADER_NOT_SEALED", error.message) from None
        return succession, tuple(changes)

    def _evidence(self, succession: Succession, first: Header) -> Change:
        """Collect the votes for the change that `first` lists, from its parent back to the epoch.

        The newest vote of each proposer comes first, so it stops at the shortest evidence.
        """
        try:
            subject = changed_address(succession.latest, frozenset(first.extra.validators))
            votes: list[Header] = []
            for header in self._back(first):
                vote = header.extra.vote
                if vote is None or vote.address != subject:
                    continue
                votes.insert(0, header)
                change = Change(tuple(votes), first)
                try:
                    succession.extend(change, self._epoch_length)
                    return change
                except Rejected as error:
                    if error.code != "NOT_ENOUGH_VOTES":
                        raise
            raise Rejected("NOT_ENOUGH_VOTES", "too few validators voted for it in this epoch.")
        except Rejected as error:
            raise Broken(
                "CHANGE_NOT_PROVED",
                f"Block {first.number} lists other validators, and that is not proved: "
                f"{error.message}",
            ) from None

    def _back(self, first: Header) -> Iterator[Header]:
        """Yield the ancestors of `first` in its parent's epoch, newest first, linked by hash."""
        stop = (first.number - 1) // self._epoch_length * self._epoch_length
        child = first
        while child.number - 1 > stop:
            start = max(stop + 1, child.number - RUN)
            for header in reversed(fetch_headers(self._rpc, range(start, child.number))):
                if header.hash != child.parent_hash:
                    raise _forked(child.number)
                yield header
                child = header

    def _logs(self, headers: Sequence[Header]) -> list[tuple[Log, ...]]:
        """Return our contract's logs of each header's block; most blocks are not even asked for."""
        wanted = [header for header in headers if may_hold_logs_of(header, self._contract)]
        found: dict[int, tuple[Log, ...]] = {}
        for at in range(0, len(wanted), RECEIPTS):
            part = wanted[at : at + RECEIPTS]
            numbers = [hex(header.number) for header in part]
            receipts = _ask_parts(self._rpc, [("eth_getBlockReceipts", (n,)) for n in numbers])
            blocks = _ask_parts(self._rpc, [("eth_getBlockByNumber", (n, True)) for n in numbers])
            for header, its_receipts, block in zip(part, receipts, blocks, strict=True):
                found[header.number] = self._block_logs(header, its_receipts, block)
        return [found.get(header.number, ()) for header in headers]

    def _block_logs(self, header: Header, receipts: Any, block: Any) -> tuple[Log, ...]:
        if receipts is None or block is None:
            raise _missing(header.number)
        transactions = block.get("transactions") if isinstance(block, dict) else None
        try:
            return logs_of(header, receipts, transactions or (), self._contract)
        except Rejected as error:
            raise Broken(error.code, error.message) from None


def fetch_headers(rpc: Rpc, numbers: range) -> list[Header]:
    """Return the headers that a node gives for these numbers, parsed but not yet proved.

    Raises Broken(BAD_HEADER), Unavailable(LEDGER_BEHIND) for one it lacks, and what Rpc raises.
    """
    found = answers(rpc, [("eth_getBlockByNumber", (hex(number), False)) for number in numbers])
    headers = []
    for number, answer in zip(numbers, found, strict=True):
        if answer is None:
            raise _missing(number)
        try:
            header = Header.from_rpc(answer)
            header.hash  # noqa: B018  # kept, and what follows cannot fail on its extraData
        except (Rejected, AttributeError) as error:
            raise Broken("BAD_HEADER", f"Block {number}: {error}") from None
        if header.number != number:
            raise Broken("BAD_HEADER", f"The node gives block {header.number} for {number}.")
        headers.append(header)
    return headers


def _ask_parts(rpc: Rpc, calls: Sequence[tuple[str, Sequence[Any]]]) -> list[Any]:
    """Make a batch of reads; where that fails (nodes bound their answers), halves of it."""
    try:
        return answers(rpc, calls)
    except Unavailable:
        if len(calls) == 1:
            raise
    middle = len(calls) // 2
    return _ask_parts(rpc, calls[:middle]) + _ask_parts(rpc, calls[middle:])


def _number(answer: Any) -> int:
    try:
        return int(answer, 16)
    except (TypeError, ValueError):
        raise Unavailable(
            "LEDGER_UNREACHABLE", "The node gives no number where one belongs: use another node."
        ) from None


def _forked(number: int) -> Broken:
    return Broken(
        "CHAIN_FORKED",
        f"The node's block {number} does not continue the chain that was proved so far: use "
        "another node; if that one says the same, ask the validators' operators.",
    )


def _missing(number: int) -> Unavailable:
    return Unavailable(
        "LEDGER_BEHIND",
        f"The node lacks block {number} or its content: wait, or use another node.",
    )
