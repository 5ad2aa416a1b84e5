"""Who may turn codes into numbers, and who may make codes.

`CodeKeeper` decodes a scan and proves it; none of its calls returns a serial, so it can run in a
process of its own while everything else runs without keys. `Minter` yields serials and inner codes,
and only for a ledger that the key epoch is bound to.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ledger.domain import code, merkle
from ledger.errors import Rejected
from ledger.services.keyring import EpochKeys, KeyRing


@dataclass(frozen=True, slots=True)
class Decoded:
    """What a serial says: the brand whose key opened it, the key epoch, batch number and index.

    A guess decodes under a wrong key once in 2³² trials, so the caller still has to find the batch
    on chain with this brand, epoch and GTIN, an index below its count, and the leaf under its root.
    """

    brand: int
    epoch: int
    batch: int
    index: int


@dataclass(frozen=True, slots=True)
class BatchRef:
    """What defines the codes of a batch. gtin: the value of its 14 digits; count: 1 to 2³²."""

    brand: int
    epoch: int
    gtin: int
    number: int
    count: int


class CodeKeeper:
    """Decodes scans and recomputes the siblings that prove them."""

    def __init__(self, ring: KeyRing) -> None:
        self._ring = ring

    def decode(self, gtin: int, serial: str) -> Decoded | None:
        """Return what a canonical serial says, or None if no brand of this ledger made it."""
        number = code.serial_epoch(serial)
        if number is None:
            return None
        found = self._search(gtin, serial, number)
        # Another process may have opened the epoch since; an unchanged file costs one stat.
        if found is None and self._ring.refresh():
            found = self._search(gtin, serial, number)
        return found

    def siblings(self, batch: BatchRef, index: int) -> tuple[bytes, list[bytes]]:
        """Return (kept node, siblings up to it) for one item, as `merkle.subtree_proof`.

        Join it with the batch's stored nodes by `merkle.join_proof`. Raises Rejected
        INDEX_OUT_OF_RANGE and UNKNOWN_EPOCH.
        """
        outer = _epoch(self._ring, batch).outer
        return merkle.subtree_proof(
            batch.count, index, lambda start, stop: _leaves(outer, batch, start, stop)
        )

    def _search(self, gtin: int, serial: str, number: int) -> Decoded | None:
        for brand, keys in self._ring.parties().items():
            if number < len(keys.epochs):
                place = code.decode_serial(keys.epochs[number].outer, gtin, serial)
                if place is not None:
                    return Decoded(brand, number, *place)
        return None


class Minter:
    """Makes the codes of batches on one ledger, and the hashes over them."""

    def __init__(self, ring: KeyRing, chain_id: int, contract: bytes) -> None:
        """contract: its 20 bytes."""
        self._ring = ring
        self._chain_id = chain_id
        self._contract = contract

    def serials(self, batch: BatchRef, start: int, stop: int) -> NDArray[np.bytes_]:
        """Return the serials of items start … stop − 1, dtype S20.

        Raises, as all methods here, Rejected UNKNOWN_EPOCH, EPOCH_BOUND_ELSEWHERE and
        INDEX_OUT_OF_RANGE.
        """
        outer = self._keys(batch).outer
        return code.encode_serials(
            outer, batch.epoch, batch.gtin, batch.number, _indices(batch, start, stop)
        )

    def inner_codes(self, batch: BatchRef, start: int, stop: int) -> NDArray[np.bytes_]:
        """Return the inner codes of items start … stop − 1, dtype S20."""
        inner = self._keys(batch).inner
        return code.encode_inners(inner, batch.epoch, batch.number, _indices(batch, start, stop))

    def leaves(self, batch: BatchRef, start: int, stop: int) -> list[bytes]:
        """Return the leaves of items start … stop − 1."""
        return _leaves(self._keys(batch).outer, batch, start, stop)

    def inner_commitments(self, batch: BatchRef, start: int, stop: int) -> list[bytes]:
        """Return the leaves of the inner tree for items start … stop − 1."""
        inner = self._keys(batch).inner
        codes = self.inner_codes(batch, start, stop).tolist()
        return [
            code.inner_commitment(index, text.decode(), code.inner_salt(inner, batch.number, index))
            for index, text in enumerate(codes, start)
        ]

    def kept(self, batch: BatchRef) -> bytes:
        """Return the nodes to store of the batch's tree; `merkle.kept_root` gives its root."""
        return merkle.build_kept(batch.count, lambda a, b: self.leaves(batch, a, b))

    def inner_root(self, batch: BatchRef) -> bytes:
        """Return the root over the batch's inner commitments."""
        kept = merkle.build_kept(batch.count, lambda a, b: self.inner_commitments(batch, a, b))
        return merkle.kept_root(kept)

    def _keys(self, batch: BatchRef) -> EpochKeys:
        keys = _epoch(self._ring, batch)
        if not keys.bound_to(self._chain_id, self._contract):
            raise Rejected(
                "EPOCH_BOUND_ELSEWHERE",
                f"Key epoch {batch.epoch} of brand {batch.brand} belongs to another chain or "
                "contract: open a new epoch here before minting.",
            )
        return keys


def _epoch(ring: KeyRing, batch: BatchRef) -> EpochKeys:
    for _ in range(2):
        keys = ring.parties().get(batch.brand)
        if keys is not None and 0 <= batch.epoch < len(keys.epochs):
            return keys.epochs[batch.epoch]
        ring.refresh()
    raise Rejected(
        "UNKNOWN_EPOCH",
        f"The key file has no epoch {batch.epoch} of brand {batch.brand}: open one, or restore "
        "the file that has it.",
    )


def _indices(batch: BatchRef, start: int, stop: int) -> NDArray[np.uint64]:
    if not 0 <= start <= stop <= batch.count:
        raise Rejected(
            "INDEX_OUT_OF_RANGE",
            f"Batch {batch.number} has {batch.count} items; {start} to {stop} is outside.",
        )
    return np.arange(start, stop, dtype=np.uint64)


def _leaves(outer: bytes, batch: BatchRef, start: int, stop: int) -> list[bytes]:
    serials = code.encode_serials(
        outer, batch.epoch, batch.gtin, batch.number, _indices(batch, start, stop)
    )
    return code.leaves(batch.gtin, start, serials)
