"""The queue before the one sealing thread.

Whatever has arrived while a block was being sealed makes the next block: no wait is added, and
the group grows with the load. A transaction whose nonce is too high is held for HOLD_S, since two
connections may swap a sender's transactions; if its predecessor has not come by then it is refused
as "nonce too high".
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field

from ledger.chain.embedded.admission import Candidate
from ledger.chain.embedded.builder import Draft
from ledger.errors import Broken, TouchstoneError, Unavailable

log = logging.getLogger(__name__)

HOLD_S = 2.0
MAX_GROUP = 500
MAX_QUEUE = 10_000

_STOPPING = Unavailable("STOPPING", "The node is stopping: send again when it is back.")
_QUEUE_FULL = Unavailable("QUEUE_FULL", "The node's queue is full: send again later.")


@dataclass(frozen=True)
class Sealed:
    """Where a transaction is. status: 1 if it succeeded, 0 if it failed in its block."""

    hash: bytes
    block: int
    index: int
    status: int


Result = Sealed | TouchstoneError


@dataclass(eq=False)
class Entry:
    """A candidate and who waits for it. deadline: monotonic seconds, when held for its nonce."""

    candidate: Candidate
    future: Future[Sealed]
    deadline: float = field(default_factory=lambda: time.monotonic() + HOLD_S)


class SealingQueue:
    """Feeds groups of candidates to `seal`, which returns what became of each."""

    def __init__(self, seal: Callable[[Sequence[Candidate]], Draft]) -> None:
        self._seal = seal
        self._arrived: list[Entry] = []
        self._held: list[tuple[Entry, TouchstoneError]] = []
        self._stopping = False
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._run, name="sealing", daemon=True)
        self._thread.start()

    def put(self, entries: Sequence[Entry]) -> None:
        """Queue entries together, or fail them: Unavailable STOPPING or QUEUE_FULL."""
        with self._changed:
            if self._stopping:
                _fail_all(entries, _STOPPING)
            elif len(self._arrived) + len(self._held) + len(entries) > MAX_QUEUE:
                _fail_all(entries, _QUEUE_FULL)
            else:
                self._arrived.extend(entries)
                self._changed.notify()

    def close(self) -> None:
        """Finish the group at work and refuse the rest."""
        with self._changed:
            self._stopping = True
            self._changed.notify()
        self._thread.join()
        _fail_all([*self._arrived, *(entry for entry, _ in self._held)], _STOPPING)

    def _run(self) -> None:
        while (group := self._next_group()) is not None:
            self._refuse_expired()
            if group:
                self._seal_entries(group)

    def _next_group(self) -> list[Entry] | None:
        """Wait for arrivals or for a held entry's deadline; None when stopping."""
        with self._changed:
            while not self._arrived and not self._stopping:
                if not self._held:
                    self._changed.wait()
                    continue
                left = min(entry.deadline for entry, _ in self._held) - time.monotonic()
                if left <= 0:
                    return []
                self._changed.wait(left)
            if self._stopping:
                return None
            group, self._arrived = self._arrived[:MAX_GROUP], self._arrived[MAX_GROUP:]
            return group

    def _refuse_expired(self) -> None:
        now = time.monotonic()
        for entry, refusal in self._held:
            if entry.deadline <= now:
                _fail(entry, refusal)
        self._held = [(entry, why) for entry, why in self._held if entry.deadline > now]

    def _seal_entries(self, arrived: list[Entry]) -> None:
        """Seal arrivals together with what is held, and answer everyone who can be answered."""
        group = [entry for entry, _ in self._held] + arrived
        self._held = []
        try:
            draft = self._seal([entry.candidate for entry in group])
        except TouchstoneError as error:
            _fail_all(group, error)
            return
        except Exception as error:  # a defect: the thread must live, the senders must hear
            log.exception("sealing failed")
            _fail_all(group, Broken("SEALING_FAILED", f"The block could not be sealed: {error!r}"))
            return
        # The block is durable (Store.commit has returned): only now may a sender be told.
        self._answer(group, draft)

    def _answer(self, group: list[Entry], draft: Draft) -> None:
        places = {
            row.hash: Sealed(row.hash, row.block, row.index, row.status)
            for row in draft.transactions
        }
        refused = {id(candidate): error for candidate, error in draft.refused}
        gaps = {id(candidate): error for candidate, error in draft.gaps}
        later = {id(candidate) for candidate in draft.later}
        waiting: list[Entry] = []
        for entry in group:
            key = id(entry.candidate)
            if key in refused:
                _fail(entry, refused[key])
            elif key in gaps:
                self._held.append((entry, gaps[key]))
            elif key in later:
                waiting.append(entry)
            else:
                _succeed(entry, places[entry.candidate.hash])
        with self._changed:
            self._arrived[:0] = waiting


def _succeed(entry: Entry, place: Sealed) -> None:
    if entry.future.set_running_or_notify_cancel():
        entry.future.set_result(place)


def _fail(entry: Entry, error: TouchstoneError) -> None:
    if entry.future.set_running_or_notify_cancel():
        entry.future.set_exception(error)


def _fail_all(entries: Sequence[Entry], error: TouchstoneError) -> None:
    for entry in entries:
        _fail(entry, error)
