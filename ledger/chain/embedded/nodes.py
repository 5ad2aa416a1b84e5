"""The key-value face that py-evm sees: trie nodes and code by their keccak hash.

Every key is the hash of its value, so nothing is ever changed or deleted, any cache stays right
for ever, and the state of every block remains provable.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from eth.db.atomic import AtomicDBWriteBatch
from eth.db.backends.base import BaseAtomicDB


class NodeOverlay(BaseAtomicDB):  # type: ignore[misc]  # py-evm is untyped
    """Reads through to the store; writes stay in `fresh` until somebody saves them.

    fetch: returns the bytes under a hash, raises KeyError when there are none.
    """

    def __init__(self, fetch: Callable[[bytes], bytes]) -> None:
        self._fetch = fetch
        self.fresh: dict[bytes, bytes] = {}

    def __getitem__(self, key: bytes) -> bytes:
        fresh = self.fresh.get(key)
        return self._fetch(key) if fresh is None else fresh

    def __setitem__(self, key: bytes, value: bytes) -> None:
        self.fresh[key] = bytes(value)

    def __delitem__(self, key: bytes) -> None:
        raise TypeError("trie nodes and code are never deleted")

    def _exists(self, key: bytes) -> bool:
        try:
            self[key]
        except KeyError:
            return False
        return True

    @contextmanager
    def atomic_batch(self) -> Iterator[Any]:
        """Collect writes and apply them together, as py-evm's interface asks."""
        with AtomicDBWriteBatch._commit_unless_raises(self) as batch:
            yield batch
