"""Who may make codes: serials, inner codes, and the hashes over them.

Only for the ledger that the key epoch is bound to. A large batch is hashed on all processors by the
kernels that `ledger.services.hashing` has measured to be the fastest here; a small one, or one on a
machine without them, item by item, to the same bytes.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ledger.domain import code, merkle, merkle_arrays
from ledger.errors import Rejected
from ledger.services import hashing
from ledger.services.keys.keeper import (
    BatchRef,
    Decoded,
    encoder,
    epoch_keys,
    indices,
    leaves_of,
    serials_of,
)
from ledger.services.keys.keyring import EpochKeys, KeyRing

if TYPE_CHECKING:
    from ledger.domain.lane_codes import LaneCodes
    from ledger.domain.lane_hashes import LaneHashes


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
        return serials_of(self._keys(batch).outer, batch, start, stop)

    def inner_codes(self, batch: BatchRef, start: int, stop: int) -> NDArray[np.bytes_]:
        """Return the inner codes of items start … stop − 1, dtype S20."""
        inner = self._keys(batch).inner
        return code.encode_inners(inner, batch.epoch, batch.number, indices(batch, start, stop))

    def encoder(
        self, batch: BatchRef, codes: LaneCodes | None, inner: bool = False
    ) -> Callable[[int, int], NDArray[np.bytes_]]:
        """Return f(start, stop) -> serials, or inner codes, of items start … stop − 1, dtype S20.

        codes: the kernel that makes many at once; None encrypts arrays, to the same bytes.
        """
        keys = self._keys(batch)
        if inner:
            return encoder(codes, keys.inner, code.INNER_TWEAK, batch)
        return encoder(codes, keys.outer, code.serial_tweak(batch.gtin), batch)

    def rows(
        self, batch: BatchRef, places: NDArray[np.int64], inner: bool
    ) -> list[NDArray[np.bytes_]]:
        """Return the serials of some items, and their inner codes if wanted, each dtype S20."""
        if len(places) and not 0 <= int(places.min()) <= int(places.max()) < batch.count:
            raise Rejected("INDEX_OUT_OF_RANGE", f"A batch of {batch.count} has no such item.")
        keys, number = self._keys(batch), places.astype(np.uint32)
        outer = code.encode_serials(keys.outer, batch.epoch, batch.gtin, batch.number, number)
        if not inner:
            return [outer]
        return [outer, code.encode_inners(keys.inner, batch.epoch, batch.number, number)]

    def copy_key(self, batch: BatchRef, copy: int, purpose: str) -> bytes:
        """Return 32 secret bytes of one copy of a batch's codes: HMAC-SHA-256(outer key,
        "touchstone-copy/1" ‖ uint64 batch ‖ uint32 copy ‖ purpose)."""
        said = batch.number.to_bytes(8, "big") + copy.to_bytes(4, "big") + purpose.encode()
        return hmac.digest(self._keys(batch).outer, b"touchstone-copy/1" + said, "sha256")

    def leaves(self, batch: BatchRef, start: int, stop: int) -> list[bytes]:
        """Return the leaves of items start … stop − 1."""
        return leaves_of(self._keys(batch).outer, batch, start, stop)

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
        lanes = hashing.for_count(batch.count)
        if lanes is None:
            return merkle.build_kept(batch.count, lambda a, b: self.leaves(batch, a, b))

        encode = self.encoder(batch, hashing.codes_for(batch.count))

        def leaves_at(start: int, stop: int) -> merkle_arrays.Hashes:
            return lanes.leaves(batch.gtin, start, encode(start, stop))

        with hashing.pool() as pool:
            return merkle_arrays.build_kept(batch.count, leaves_at, lanes.pairs, pool.map)

    def inner_kept(self, batch: BatchRef) -> bytes:
        """Return the nodes to store of the tree over the batch's inner commitments."""
        lanes = hashing.for_count(batch.count)
        if lanes is None:
            return merkle.build_kept(
                batch.count,
                lambda a, b: self.inner_commitments(batch, a, b),
                merkle.INNER_SUBTREE_LEVELS,
            )
        leaves_at = self._commitments_by(lanes, hashing.codes_for(batch.count), batch)
        with hashing.pool() as pool:
            return merkle_arrays.build_kept(
                batch.count, leaves_at, lanes.pairs, pool.map, merkle.INNER_SUBTREE_LEVELS
            )

    def decode_inner(self, text: str) -> Decoded | None:
        """Return what a canonical inner code says, or None if no brand of this ledger made it."""
        number = code.serial_epoch(text)
        for brand, keys in self._ring.parties().items():
            if number is not None and number < len(keys.epochs):
                place = code.decode_inner(keys.epochs[number].inner, text)
                if place is not None:
                    return Decoded(brand, number, *place)
        return None

    def inner_salt(self, batch: BatchRef, index: int) -> bytes:
        """Return the salt of an item's inner commitment."""
        return code.inner_salt(self._keys(batch).inner, batch.number, index)

    def inner_siblings(
        self, batch: BatchRef, index: int, above: int = merkle.INNER_SUBTREE_LEVELS
    ) -> tuple[bytes, list[bytes]]:
        """Return (kept node, siblings from an item's inner commitment up to it), as
        `merkle.subtree_proof`. above: levels from the deepest leaves up to the kept nodes."""
        lanes, codes = hashing.at_hand()
        if lanes is None:
            return merkle.subtree_proof(
                batch.count, index, lambda a, b: self.inner_commitments(batch, a, b), above
            )
        leaves_at = self._commitments_by(lanes, codes, batch)
        return merkle_arrays.subtree_proof(batch.count, index, leaves_at, lanes.pairs, above)

    def _commitments_by(
        self, lanes: LaneHashes, codes: LaneCodes | None, batch: BatchRef
    ) -> merkle_arrays.LeavesAt:
        inner, encode = self._keys(batch).inner, self.encoder(batch, codes, inner=True)
        return lambda start, stop: lanes.commitments(
            inner, batch.number, start, encode(start, stop)
        )

    def _keys(self, batch: BatchRef) -> EpochKeys:
        keys = epoch_keys(self._ring, batch)
        if not keys.bound_to(self._chain_id, self._contract):
            raise Rejected(
                "EPOCH_BOUND_ELSEWHERE",
                f"Key epoch {batch.epoch} of brand {batch.brand} belongs to another chain or "
                "contract: open a new epoch here before minting.",
            )
        return keys
