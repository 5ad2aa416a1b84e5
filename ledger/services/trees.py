"""The trees of large batches, computed beside the worker's other work.

Ten million codes take seconds, or minutes without kernels: meanwhile blocks are followed, handoffs
submitted and scans merged. Nothing is stored before a tree is whole; if we die, it is begun anew.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass

from ledger.domain import merkle
from ledger.services.keys.keeper import BatchRef
from ledger.services.minter import Minter

BESIDE = 10_000  # codes; a smaller batch is done within a tenth of a second


@dataclass(frozen=True, slots=True)
class Tree:
    """What a batch puts on chain and into its row. inner_kept: None without inner codes."""

    kept: bytes
    inner_kept: bytes | None

    @property
    def inner_root(self) -> bytes:
        """The root over the inner codes, zeros without them."""
        return merkle.kept_root(self.inner_kept) if self.inner_kept is not None else bytes(32)


def compute(minter: Minter, ref: BatchRef, inner: bool) -> Tree:
    """Return the tree of a batch. Raises as `Minter`."""
    return Tree(minter.kept(ref), minter.inner_kept(ref) if inner else None)


class Trees:
    """Computes one tree at a time in a thread of its own."""

    def __init__(self) -> None:
        self._running: _Running | None = None

    def find(self, number: int, work: Callable[[], Tree]) -> Tree | None:
        """Return the tree of batch `number` if it is done, else None, having begun it if possible.

        Raises what `work` raised.
        """
        running = self._running
        if running is not None and running.is_alive() and running.number != number:
            return None
        if running is None or running.number != number:
            self._running = _Running(number, work)
            self._running.start()
            return None
        if running.is_alive():
            return None
        self._running = None
        if running.fault is not None:
            raise running.fault
        return running.tree


class _Running(threading.Thread):
    """One tree under way; as a daemon it does not keep a stopped worker."""

    def __init__(self, number: int, work: Callable[[], Tree]) -> None:
        super().__init__(daemon=True, name=f"tree of batch {number}")
        self.number, self._work = number, work
        self.tree: Tree | None = None
        self.fault: BaseException | None = None

    def run(self) -> None:
        """Keep the tree, or what went wrong."""
        try:
            self.tree = self._work()
        except BaseException as fault:  # told to who asks for the tree
            self.fault = fault
