"""The embedded chain in one process: open it, give it transactions, read its store."""

from __future__ import annotations

import logging
import secrets
import sqlite3
import threading
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from pathlib import Path
from typing import Any

from ledger.chain.embedded import qbft
from ledger.chain.embedded.admission import Candidate, admit
from ledger.chain.embedded.backends import require_fast_backends
from ledger.chain.embedded.builder import Builder, Draft
from ledger.chain.embedded.clock import Clock, wall_clock
from ledger.chain.embedded.keyfile import Entropy
from ledger.chain.embedded.lock import DataLock
from ledger.chain.embedded.nodes import NodeOverlay
from ledger.chain.embedded.opening import open_chain
from ledger.chain.embedded.queue import Entry, Result, Sealed, SealingQueue
from ledger.chain.embedded.records import Block
from ledger.errors import Broken, Rejected, TouchstoneError, Unavailable

log = logging.getLogger(__name__)

CLOCK_WAIT_S = 5.0
"""How long a block waits for a clock that is behind its parent before its senders are told."""


class EmbeddedChain:
    """A chain of one validator in the directory `path`, which it locks.

    clock: gives block times. entropy: makes the key and the chain id at the first start.
    predecessor: {"chainId", "number", "hash"} of the chain that a new one continues.
    Raises Rejected DATA_IN_USE or PREDECESSOR_DIFFERS, and Broken MISSING_KEY, DAMAGED_KEY,
    WRONG_KEY, MISSING_DATABASE, DATABASE_DAMAGED, SCHEMA_UNKNOWN or SLOW_BACKEND.
    """

    def __init__(
        self,
        path: Path,
        clock: Clock = wall_clock,
        *,
        entropy: Entropy = secrets.token_bytes,
        predecessor: Mapping[str, Any] | None = None,
        clock_wait_s: float = CLOCK_WAIT_S,
    ) -> None:
        require_fast_backends()
        path.mkdir(parents=True, exist_ok=True)
        self._lock = DataLock(path)
        try:
            opened = open_chain(path, clock, entropy, predecessor)
        except BaseException:
            self._lock.release()
            raise
        self.store, self.genesis, self._key = opened.store, opened.genesis, opened.key
        self.chain_id = self.genesis.chain_id
        self._clock, self._clock_wait_s = clock, clock_wait_s
        self._head: Block = opened.head
        self._sealing = threading.Lock()
        self._queue = SealingQueue(self._seal_group)

    def close(self) -> None:
        """Finish the block being sealed, refuse what is queued, and let go of the directory."""
        self._queue.close()
        self.store.close()
        self._lock.release()

    def enqueue(self, raws: Sequence[bytes]) -> list[Future[Sealed]]:
        """Ask for signed transactions to be sealed, in one group if they fit into one.

        Each future is done when its block is durable. It fails with Rejected (see `admission` and
        `Builder`; ALREADY_KNOWN for bytes already in a block), Unavailable (CLOCK_BEHIND,
        CLOCK_UNREADABLE, QUEUE_FULL, STOPPING, DISK) or Broken.
        """
        futures: list[Future[Sealed]] = []
        entries = []
        for raw in raws:
            future: Future[Sealed] = Future()
            futures.append(future)
            try:
                entries.append(Entry(admit(raw, self.chain_id), future))
            except TouchstoneError as error:
                future.set_exception(error)
        self._queue.put(entries)
        return futures

    def submit(self, raws: Sequence[bytes]) -> list[Result]:
        """Seal transactions and return, in order, where each one is or why it is not."""
        return [_result(future) for future in self.enqueue(raws)]

    def seal(self, raws: Sequence[bytes] = ()) -> Block:
        """Seal one block now with exactly these transactions, even none, and return it.

        Raises the first refusal, and then seals nothing.
        """
        candidates = [admit(raw, self.chain_id) for raw in raws]
        with self._sealing:
            draft, nodes = self._draft(candidates)
            for _, error in [*draft.refused, *draft.gaps]:
                raise error
            if draft.later:
                raise Rejected("GAS_LIMIT", "exceeds block gas limit: the group has no room")
            return self._commit(draft, nodes)

    def head(self) -> Block:
        """Return the newest block."""
        return self._head

    # ------------------------------------------------------------------ the sealing thread

    def _seal_group(self, candidates: Sequence[Candidate]) -> Draft:
        """Seal what can be sealed of a group into one block, or into none if nothing can."""
        with self._sealing:
            draft, nodes = self._draft(candidates)
            if draft.transactions:
                self._commit(draft, nodes)
            included = {row.hash for row in draft.transactions}
            draft.refused = [
                (candidate, self._known(candidate, error, included))
                for candidate, error in draft.refused
            ]
            return draft

    def _draft(self, candidates: Sequence[Candidate]) -> tuple[Draft, NodeOverlay]:
        parent = self._head
        timestamp = self._time_after(parent)
        nodes = NodeOverlay(self.store.node)
        builder = Builder(
            parent.header,
            timestamp,
            self.chain_id,
            self.genesis.validator,
            nodes,
            self.store.hashes_down_from(parent.number),
        )
        return builder.build(candidates), nodes

    def _commit(self, draft: Draft, nodes: NodeOverlay) -> Block:
        """Sign the draft and make it durable. Nobody hears of a block before this returns."""
        header = draft.header
        block = Block(header, header.hash, qbft.commit_seal(self._key, header.hash))
        try:
            self.store.commit(block, draft.transactions, draft.logs, nodes.fresh)
        except sqlite3.OperationalError as error:  # disk full, file locked by a person's tool
            self._head = self.store.head() or self._head
            raise Unavailable(
                "DISK", f"The block could not be written ({error}): make room and send again."
            ) from error
        except sqlite3.DatabaseError as error:
            raise Broken(
                "DATABASE_DAMAGED",
                f"The block could not be written ({error}): stop the node and put the database "
                "back from your last backup.",
            ) from error
        self._head = block
        return block

    def _time_after(self, parent: Block) -> int:
        """Return the clock's time, waiting a little while it is behind the parent's."""
        deadline, told = time.monotonic() + self._clock_wait_s, False
        while (now := self._clock()) < parent.header.timestamp:
            behind = parent.header.timestamp - now
            sentence = f"The clock is {behind} s behind block {parent.number}"
            if not told:
                log.warning("%s: waiting.", sentence)
                told = True
            if time.monotonic() >= deadline:
                raise Unavailable(
                    "CLOCK_BEHIND", f"{sentence}: set the clock right, or send again later."
                )
            time.sleep(0.05)
        return now

    def _known(
        self, candidate: Candidate, error: TouchstoneError, included: set[bytes]
    ) -> TouchstoneError:
        """Return `error`, or ALREADY_KNOWN if it is for bytes that are in a block."""
        if error.code != "NONCE_TOO_LOW":
            return error
        if candidate.hash in included or self.store.transaction(candidate.hash):
            return Rejected("ALREADY_KNOWN", "already known")
        return error


def _result(future: Future[Sealed]) -> Result:
    try:
        return future.result()
    except TouchstoneError as error:
        return error
