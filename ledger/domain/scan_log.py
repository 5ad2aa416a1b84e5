"""The scan log: an append-only Merkle tree over salted scans, with proofs and what its key signs.

Formats "Scan log": leaf = keccak(0x00 ‖ salt32 ‖ JCS(scan)), node = keccak(0x01 ‖ left ‖ right),
in the shape of RFC 6962, section 2.1: n leaves are split after the largest power of two below n.
The empty log has keccak of the empty string as its root, as RFC 6962 has the hash of it.

Whoever appends keeps only `LogTree`: the size and the roots of its perfect subtrees, one for each 1
in the bits of the size. Proofs ask for leaf hashes again. Destroying a scan's salt forgets the
scan; its leaf stays. Hashes are 32 bytes, indices count from 0. The map of codes beside the log is
in `ledger.domain.scan_map`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ledger.domain import abi, jcs, typed_data
from ledger.domain.keccak import keccak
from ledger.errors import Broken, Rejected

EMPTY_ROOT = keccak(b"")
LeafHashes = Callable[[int, int], Sequence[bytes]]
"""leaf_at(start, stop) -> the leaf hashes start … stop − 1."""

_RECEIPT_TYPE = keccak(b"ScanReceipt(bytes32 leaf,uint64 time)")
_ROOT_TYPE = keccak(b"ScanRoot(uint64 size,bytes32 logRoot,bytes32 mapRoot,uint64 time)")


def leaf_hash(salt: bytes, scan: Mapping[str, Any]) -> bytes:
    """Return keccak(0x00 ‖ salt ‖ JCS(scan)). salt: 32 random bytes of this scan alone.

    Raises OverflowError for another length of salt, and Rejected NOT_CANONICAL: a scan holds no
    fractions (places are whole microdegrees).
    """
    return keccak(b"\x00" + abi.bytes32(salt) + jcs.canonical(scan))


def node_hash(left: bytes, right: bytes) -> bytes:
    """Return keccak(0x01 ‖ left ‖ right)."""
    return keccak(b"\x01" + left + right)


@dataclass(frozen=True, slots=True)
class LogTree:
    """All that is needed to append: (size, peaks) may be stored and taken up again.

    peaks: the roots of the perfect subtrees, largest first, one for each 1 in the bits of `size`.
    Raises Broken SCAN_LOG_STATE where the two do not fit.
    """

    size: int = 0
    peaks: tuple[bytes, ...] = ()

    def __post_init__(self) -> None:
        whole = all(len(peak) == 32 for peak in self.peaks)
        if self.size < 0 or len(self.peaks) != self.size.bit_count() or not whole:
            raise Broken(
                "SCAN_LOG_STATE",
                f"The stored scan log of {self.size} scans has not the hashes of that size: "
                "rebuild it from its leaves.",
            )

    def append(self, leaf: bytes) -> LogTree:
        """Return the log with one more leaf; OverflowError unless it has 32 bytes."""
        return self.extend((leaf,))

    def extend(self, leaves: Iterable[bytes]) -> LogTree:
        """Return the log with more leaves, in order."""
        size, peaks = self.size, list(self.peaks)
        for leaf in leaves:
            node = abi.bytes32(leaf)
            # Each trailing 1 of the size is a subtree that the new one completes.
            for _ in range((size ^ size + 1).bit_length() - 1):
                node = node_hash(peaks.pop(), node)
            peaks.append(node)
            size += 1
        return LogTree(size, tuple(peaks))

    @property
    def root(self) -> bytes:
        """The root over all leaves."""
        if not self.peaks:
            return EMPTY_ROOT
        node = self.peaks[-1]
        for peak in reversed(self.peaks[:-1]):
            node = node_hash(peak, node)
        return node


def inclusion_proof(size: int, index: int, leaf_at: LeafHashes) -> list[bytes]:
    """Return the siblings from leaf `index` up to the root of the first `size` leaves.

    RFC 6962, section 2.1.1 (PATH). Raises Rejected INDEX_OUT_OF_RANGE, and Broken SCAN_LOG_STATE
    where `leaf_at` gives too few leaves.
    """
    if not 0 <= index < size:
        raise Rejected("INDEX_OUT_OF_RANGE", f"The log has {size} scans; {index} is outside.")
    ranges: list[tuple[int, int]] = []
    start, stop = 0, size
    while stop - start > 1:
        middle = start + _split(stop - start)
        if index < middle:
            ranges.append((middle, stop))
            stop = middle
        else:
            ranges.append((start, middle))
            start = middle
    return [_range_root(leaf_at, *part) for part in reversed(ranges)]


def verify_inclusion(
    root: bytes, size: int, index: int, leaf: bytes, proof: Sequence[bytes]
) -> bool:
    """Say whether `leaf` stands at `index` of the log of `size` leaves with this root.

    RFC 9162, section 2.1.3.2. False also for a proof that is too long, too short or malformed.
    """
    if not 0 <= index < size or any(len(part) != 32 for part in (leaf, *proof)):
        return False
    position, last, node = index, size - 1, leaf
    for sibling in proof:
        if last == 0:
            return False
        if position & 1 or position == last:
            node = node_hash(sibling, node)
            position, last = _skip_missing(position, last)
        else:
            node = node_hash(node, sibling)
        position, last = position >> 1, last >> 1
    return last == 0 and node == root


def consistency_proof(old_size: int, size: int, leaf_at: LeafHashes) -> list[bytes]:
    """Return the nodes that show the log of `old_size` to be the beginning of that of `size`.

    RFC 6962, section 2.1.2 (PROOF). Nothing is to be shown from 0 leaves or between equal sizes:
    the proof is then empty. Raises Rejected INDEX_OUT_OF_RANGE, Broken SCAN_LOG_STATE.
    """
    if not 0 <= old_size <= size:
        raise Rejected("INDEX_OUT_OF_RANGE", f"The log has {size} scans, not yet {old_size}.")
    if old_size in (0, size):
        return []
    ranges: list[tuple[int, int]] = []
    start, stop = 0, size
    while stop != old_size:
        middle = start + _split(stop - start)
        if old_size <= middle:
            ranges.append((middle, stop))
            stop = middle
        else:
            ranges.append((start, middle))
            start = middle
    if start > 0:  # else what is left is the whole old log, whose root the checker has
        ranges.append((start, stop))
    return [_range_root(leaf_at, *part) for part in reversed(ranges)]


def verify_consistency(
    old_size: int, size: int, old_root: bytes, root: bytes, proof: Sequence[bytes]
) -> bool:
    """Say whether the log of `size` leaves begins with the log of `old_size` leaves.

    RFC 9162, section 2.1.4.2; with every log consistent with the empty one.
    """
    if not 0 <= old_size <= size or any(len(part) != 32 for part in (old_root, root, *proof)):
        return False
    if old_size == 0 and old_root != EMPTY_ROOT:
        return False
    if old_size == size:
        return not proof and old_root == root
    if old_size == 0:
        return not proof
    perfect = old_size & (old_size - 1) == 0
    nodes = [old_root, *proof] if perfect else list(proof)
    if not nodes:
        return False
    position, last = old_size - 1, size - 1
    while position & 1:
        position, last = position >> 1, last >> 1
    old_node = node = nodes[0]
    for sibling in nodes[1:]:
        if last == 0:
            return False
        if position & 1 or position == last:
            old_node, node = node_hash(sibling, old_node), node_hash(sibling, node)
            position, last = _skip_missing(position, last)
        else:
            node = node_hash(node, sibling)
        position, last = position >> 1, last >> 1
    return last == 0 and old_node == old_root and node == root


def receipt_digest(separator: bytes, leaf: bytes, time: int) -> bytes:
    """Return what the log key signs for a scan that it will merge: EIP-712 ScanReceipt.

    separator: `typed_data.domain_separator` of the ledger. time: unix seconds of the promise.
    """
    struct = abi.encode(_RECEIPT_TYPE, abi.bytes32(leaf), abi.uint(time, 64))
    return typed_data.digest(separator, keccak(struct))


def root_digest(separator: bytes, size: int, log_root: bytes, map_root: bytes, time: int) -> bytes:
    """Return what the log key signs for a state of log and map: EIP-712 ScanRoot."""
    struct = abi.encode(
        _ROOT_TYPE,
        abi.uint(size, 64),
        abi.bytes32(log_root),
        abi.bytes32(map_root),
        abi.uint(time, 64),
    )
    return typed_data.digest(separator, keccak(struct))


def _split(count: int) -> int:
    """Return the largest power of two below `count` (at least 2)."""
    return 1 << (count - 1).bit_length() - 1


def _range_root(leaf_at: LeafHashes, start: int, stop: int) -> bytes:
    leaves = leaf_at(start, stop)
    if len(leaves) != stop - start:
        raise Broken("SCAN_LOG_STATE", f"Scans {start} to {stop} of the log are not all there.")
    return LogTree().extend(leaves).root


def _skip_missing(position: int, last: int) -> tuple[int, int]:
    """Return both at the level where `position` is a right child, or the first.

    The last node of a level that has no sibling moves up unhashed: no part of a proof is for it.
    """
    while position and not position & 1:
        position, last = position >> 1, last >> 1
    return position, last
