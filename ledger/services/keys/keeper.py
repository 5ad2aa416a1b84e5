"""Who may turn codes into numbers: `CodeKeeper` decodes a scan and proves it.

None of its calls returns a serial, so it can run in a process of its own while everything else that
faces the public runs without keys (`ledger.services.keys.keeper_socket`). Codes are made by
`ledger.services.minter`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

from ledger.domain import children, code, ids, merkle, merkle_arrays
from ledger.domain.bits import Numbers
from ledger.errors import Rejected
from ledger.services import hashing
from ledger.services.importing import import_seal
from ledger.services.keys.keyring import EpochKeys, KeyRing

if TYPE_CHECKING:
    from ledger.domain.lane_codes import LaneCodes

Found = tuple[NDArray[np.int64], Numbers, Numbers]
"""Of many serials: brands, batches and indices; batch 0 where no brand of this ledger made it."""


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


class Keeper(Protocol):
    """What everything but minting needs of the code keys: here, or in a process of its own."""

    def decode(self, gtin: int, serial: str) -> Decoded | None:
        """Return what a canonical serial says."""

    def siblings(self, batch: BatchRef, index: int) -> tuple[bytes, list[bytes]]:
        """Return (kept node, siblings up to it) for one item."""

    def leaves(self, batch: BatchRef, start: int, stop: int) -> list[bytes]:
        """Return the leaves of items start … stop − 1."""

    def tag(self, brand: int, gtin: int, serial: str) -> bytes | None:
        """Return what an imported code of a brand is stored under."""

    def imported_leaves(
        self, brand: int, gtin: int, digest: bytes, number: int, sealed: bytes
    ) -> list[bytes]:
        """Return the leaves of a sealed chunk of imported codes."""

    def decode_many(self, gtin: int, serials: NDArray[np.bytes_]) -> Found:
        """Return what many serials of one GTIN say."""

    def leaves_at(self, batch: BatchRef, indices: Numbers) -> children.Hashes:
        """Return the leaves of any items."""

    def hashed_epcs(self, creator: int, epcs: Sequence[str]) -> list[bytes]:
        """Return what the chain sees of the EPCs of a party's units."""


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
        outer = epoch_keys(self._ring, batch).outer
        lanes, codes = hashing.at_hand()
        if lanes is None:
            return merkle.subtree_proof(
                batch.count, index, lambda start, stop: leaves_of(outer, batch, start, stop)
            )
        encode = encoder(codes, outer, code.serial_tweak(batch.gtin), batch)

        def leaves_at(start: int, stop: int) -> merkle_arrays.Hashes:
            return lanes.leaves(batch.gtin, start, encode(start, stop))

        return merkle_arrays.subtree_proof(batch.count, index, leaves_at, lanes.pairs)

    def leaves(self, batch: BatchRef, start: int, stop: int) -> list[bytes]:
        """Return the leaves of items start … stop − 1: siblings in the tree of what they are in.

        Raises Rejected INDEX_OUT_OF_RANGE and UNKNOWN_EPOCH.
        """
        return leaves_of(epoch_keys(self._ring, batch).outer, batch, start, stop)

    def tag(self, brand: int, gtin: int, serial: str) -> bytes | None:
        """Return what an imported code is stored under, None without keys of that brand."""
        try:
            return import_seal.tag(import_seal.tag_key(self._ring.unit_key(brand)), gtin, serial)
        except Rejected:
            return None

    def imported_leaves(
        self, brand: int, gtin: int, digest: bytes, number: int, sealed: bytes
    ) -> list[bytes]:
        """Return the leaves of a sealed chunk of imported codes: those from 1,024 · number on.

        digest: of the file that told them. Raises Rejected NO_UNIT_KEY, Broken IMPORT_DAMAGED.
        """
        texts = import_seal.unseal(self._ring.unit_key(brand), digest, gtin, number, sealed)
        first = import_seal.CHUNK * number
        return [code.leaf(gtin, index, text) for index, text in enumerate(texts, first)]

    def decode_many(self, gtin: int, serials: NDArray[np.bytes_]) -> Found:
        """Return what many serials of one GTIN say; serials: S20, shape (n,), canonical or not."""
        self._ring.refresh()
        brands = np.zeros(len(serials), np.int64)
        batches, indices = np.zeros(len(serials), np.uint32), np.zeros(len(serials), np.uint32)
        first = np.ascontiguousarray(serials).view(np.uint8).reshape(len(serials), -1)[:, 0]
        for brand, keys in self._ring.parties().items():
            for number, epoch in enumerate(keys.epochs):
                which = np.flatnonzero((first == ord(code.ALPHABET[number])) & (batches == 0))
                if len(which):
                    batches[which], indices[which] = code.decode_serials(
                        epoch.outer, gtin, serials[which]
                    )
                    brands[which] = np.where(batches[which] > 0, brand, 0)
        return brands, batches, indices

    def leaves_at(self, batch: BatchRef, indices: Numbers) -> children.Hashes:
        """Return the leaves of any items. Raises Rejected INDEX_OUT_OF_RANGE and UNKNOWN_EPOCH."""
        if len(indices) and int(indices.max()) >= batch.count:
            raise Rejected(
                "INDEX_OUT_OF_RANGE",
                f"Batch {batch.number} has {batch.count} items, none {int(indices.max())}.",
            )
        serials = code.encode_serials(
            epoch_keys(self._ring, batch).outer, batch.epoch, batch.gtin, batch.number, indices
        )
        lanes = hashing.for_count(len(indices))
        if lanes is not None:
            return lanes.leaves_at(batch.gtin, indices, serials)
        return children.joined(code.leaves_at(batch.gtin, indices, serials))

    def hashed_epcs(self, creator: int, epcs: Sequence[str]) -> list[bytes]:
        """Return what the chain sees of the EPCs of a party's units. Raises NO_UNIT_KEY."""
        return [ids.epc_hash(self._ring.unit_salt(creator, epc), epc) for epc in epcs]

    def _search(self, gtin: int, serial: str, number: int) -> Decoded | None:
        for brand, keys in self._ring.parties().items():
            if number < len(keys.epochs):
                place = code.decode_serial(keys.epochs[number].outer, gtin, serial)
                if place is not None:
                    return Decoded(brand, number, *place)
        return None


def epoch_keys(ring: KeyRing, batch: BatchRef) -> EpochKeys:
    """Return the keys of a batch's epoch. Raises Rejected UNKNOWN_EPOCH."""
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


def indices(batch: BatchRef, start: int, stop: int) -> NDArray[np.uint64]:
    """Return the indices of items start … stop − 1. Raises Rejected INDEX_OUT_OF_RANGE."""
    check_range(batch, start, stop)
    return np.arange(start, stop, dtype=np.uint64)


def check_range(batch: BatchRef, start: int, stop: int) -> None:
    """Raises Rejected INDEX_OUT_OF_RANGE unless the batch has the items start … stop − 1."""
    if not 0 <= start <= stop <= batch.count:
        raise Rejected(
            "INDEX_OUT_OF_RANGE",
            f"Batch {batch.number} has {batch.count} items; {start} to {stop} is outside.",
        )


def encoder(
    codes: LaneCodes | None, key: bytes, tweak: int, batch: BatchRef
) -> Callable[[int, int], NDArray[np.bytes_]]:
    """Return f(start, stop) -> the codes of items start … stop − 1, dtype S20.

    codes: the kernel that makes many at once; None encrypts arrays, to the same bytes. key, tweak:
    of serials or of inner codes. f raises Rejected INDEX_OUT_OF_RANGE.
    """
    if codes is None:
        return lambda start, stop: code.encode_codes(
            key, tweak, batch.epoch, batch.number, indices(batch, start, stop)
        )
    encode = codes.encoder(key, tweak, batch.epoch, batch.number)

    def checked(start: int, stop: int) -> NDArray[np.bytes_]:
        check_range(batch, start, stop)
        return encode(start, stop)

    return checked


def leaves_of(outer: bytes, batch: BatchRef, start: int, stop: int) -> list[bytes]:
    """Return the leaves of items start … stop − 1 under an outer key."""
    return code.leaves(batch.gtin, start, serials_of(outer, batch, start, stop))


def serials_of(outer: bytes, batch: BatchRef, start: int, stop: int) -> NDArray[np.bytes_]:
    """Return the serials of items start … stop − 1 under an outer key, dtype S20."""
    return code.encode_serials(
        outer, batch.epoch, batch.gtin, batch.number, indices(batch, start, stop)
    )
