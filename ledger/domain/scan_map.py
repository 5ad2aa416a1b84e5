"""The scan map: how often each code was scanned, as a sparse Merkle tree whose root is anchored.

Formats "Scan log": depth 256, key = code leaf, value = keccak(0x02 ‖ uint32 count ‖ bytes32 head),
node = keccak(0x01 ‖ left ‖ right), empty subtree = 32 zero bytes at every depth, so a node over two
empty subtrees is 32 zero bytes too. The path is the key's bits, the most significant first; 0 goes
left. With it "no earlier scan" is proved as of a block: an absent key has an empty leaf.

In memory only branches with two sides exist: n keys make n leaves and n − 1 branches. A subtree
with one key is hashed up through its empty siblings when its place in the tree is known: about 256
hashes a key written. Maps are values: an update shares all that it did not touch, so the map of the
last anchor stays there for proofs while the next one grows. Keys never leave the map: counts only
grow.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping
from dataclasses import dataclass

from ledger.domain import abi
from ledger.domain.keccak import keccak

DEPTH = 256
EMPTY = bytes(32)


@dataclass(frozen=True, slots=True)
class Entry:
    """What the map says of one code: how many scans (1 to 2³² − 1), and the head over them."""

    count: int
    head: bytes

    def packed(self) -> bytes:
        """Return uint32 count ‖ head; OverflowError outside the fields' ranges."""
        if self.count < 1:
            raise OverflowError("a code without scans is absent from the map")
        return abi.uint(self.count, 32)[28:] + abi.bytes32(self.head)

    def value(self) -> bytes:
        """Return keccak(0x02 ‖ uint32 count ‖ head). Raises as `packed`."""
        return keccak(b"\x02" + self.packed())


def next_entry(entry: Entry | None, scan_leaf: bytes) -> Entry:
    """Return a code's entry after one more scan: head = keccak(0x03 ‖ head ‖ scan leaf).

    `entry` is None before the first scan, whose head follows 32 zero bytes. scan_leaf: as
    `scan_log.leaf_hash` gives it. All `count` scan leaves of a code lead to its head, and nothing
    else does: none can be left out.
    """
    count, head = (entry.count, entry.head) if entry else (0, bytes(32))
    return Entry(count + 1, keccak(b"\x03" + head + abi.bytes32(scan_leaf)))


@dataclass(frozen=True, slots=True)
class MapProof:
    """The siblings on a key's path, without the empty ones.

    mask: 32 bytes; bit d, most significant first, says that the sibling under the node at depth d
    is not empty. siblings: those, from the leaf up.
    """

    mask: bytes
    siblings: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class _Leaf:
    key: int
    packed: bytes  # `Entry.packed`: a third of what an object and its hash would take

    @property
    def entry(self) -> Entry:
        return Entry(int.from_bytes(self.packed[:4], "big"), self.packed[4:])


@dataclass(frozen=True, slots=True)
class _Branch:
    """A node with keys on both sides. `key` is any key below it; `hashes` are the roots of the two
    sides at depth + 1, left and right."""

    key: int
    depth: int
    left: _Leaf | _Branch
    right: _Leaf | _Branch
    hashes: bytes


_Node = _Leaf | _Branch


@dataclass(frozen=True, slots=True)
class ScanMap:
    """The map at one moment; `ScanMap()` is empty."""

    _top: _Node | None = None

    def updated(self, entries: Mapping[bytes, Entry]) -> ScanMap:
        """Return the map with these entries put or replaced, by code leaf (32 bytes).

        Each touched branch is hashed once, so many entries at a time cost less than one by one.
        Raises OverflowError for a key or an entry outside its range.
        """
        leaves = [
            _Leaf(int.from_bytes(abi.bytes32(key), "big"), entry.packed())
            for key, entry in sorted(entries.items())
        ]
        return ScanMap(_merged(self._top, leaves)) if leaves else self

    @property
    def root(self) -> bytes:
        """The root at depth 0: 32 zero bytes for the empty map."""
        return EMPTY if self._top is None else _hash_at(self._top, 0)

    def get(self, key: bytes) -> Entry | None:
        """Return the entry of a code leaf, None if it was never scanned."""
        number = int.from_bytes(abi.bytes32(key), "big")
        node = self._top
        while isinstance(node, _Branch):
            node = node.right if _bit(number, node.depth) else node.left
        return node.entry if node is not None and node.key == number else None

    def prove(self, key: bytes) -> MapProof:
        """Return the proof of the key's entry, or of its absence if the map has none."""
        number = int.from_bytes(abi.bytes32(key), "big")
        mask, siblings = 0, []
        for depth, sibling in _siblings(self._top, number):
            mask |= 1 << DEPTH - 1 - depth
            siblings.append(sibling)
        return MapProof(mask.to_bytes(32, "big"), tuple(reversed(siblings)))


def map_root(entries: Mapping[bytes, Entry]) -> bytes:
    """Return the root over entries by code leaf."""
    return ScanMap().updated(entries).root


def verify(root: bytes, key: bytes, entry: Entry | None, proof: MapProof) -> bool:
    """Say whether the map with this root holds `entry` at `key`; None: holds nothing there.

    False also for a proof that is not in its one form: a sibling too many or too few, an empty one
    listed, a field outside its range.
    """
    if len(key) != 32 or len(proof.mask) != 32:
        return False
    number, mask = int.from_bytes(key, "big"), int.from_bytes(proof.mask, "big")
    if mask.bit_count() != len(proof.siblings):
        return False
    if any(len(sibling) != 32 or sibling == EMPTY for sibling in proof.siblings):
        return False
    try:
        node = EMPTY if entry is None else entry.value()
    except OverflowError:
        return False
    siblings = iter(proof.siblings)
    for depth in range(DEPTH - 1, -1, -1):
        sibling = next(siblings) if _bit(mask, depth) else EMPTY
        node = _node_hash(sibling, node) if _bit(number, depth) else _node_hash(node, sibling)
    return node == root


def _bit(number: int, depth: int) -> int:
    return number >> DEPTH - 1 - depth & 1


def _common(a: int, b: int) -> int:
    """Return how many leading bits of two keys agree."""
    return DEPTH - (a ^ b).bit_length()


def _node_hash(left: bytes, right: bytes) -> bytes:
    return EMPTY if left == right == EMPTY else keccak(b"\x01" + left + right)


def _hash_at(node: _Node, depth: int) -> bytes:
    """Return the hash of the subtree at `depth` above `node` in which there is nothing else."""
    if isinstance(node, _Leaf):
        value, below = keccak(b"\x02" + node.packed), DEPTH
    else:
        value, below = keccak(b"\x01" + node.hashes), node.depth
    # Bit 0 of `path` is the turn just above `value`.
    path = node.key >> DEPTH - below
    for _ in range(below - depth):
        value = keccak(b"\x01" + EMPTY + value if path & 1 else b"\x01" + value + EMPTY)
        path >>= 1
    return value


def _branch(depth: int, left: _Node, right: _Node) -> _Branch:
    above = depth + 1
    return _Branch(left.key, depth, left, right, _hash_at(left, above) + _hash_at(right, above))


def _built(leaves: list[_Leaf]) -> _Node:
    """Return the subtree over leaves with ascending keys, at least one."""
    if len(leaves) == 1:
        return leaves[0]
    depth = _common(leaves[0].key, leaves[-1].key)
    left, right = _divided(leaves, depth)
    return _branch(depth, _built(left), _built(right))


def _divided(leaves: list[_Leaf], depth: int) -> tuple[list[_Leaf], list[_Leaf]]:
    """Return the leaves with bit `depth` 0 and 1; all agree in the bits before."""
    at = bisect_left(leaves, 1, key=lambda leaf: _bit(leaf.key, depth))
    return leaves[:at], leaves[at:]


def _merged(node: _Node | None, leaves: list[_Leaf]) -> _Node:
    """Return the subtree of `node` with `leaves` (at least one, ascending) put in."""
    if node is None:
        return _built(leaves)
    if isinstance(node, _Leaf):
        by_key = {node.key: node} | {leaf.key: leaf for leaf in leaves}
        return _built(sorted(by_key.values(), key=lambda leaf: leaf.key))
    parting = min(_common(leaves[0].key, node.key), _common(leaves[-1].key, node.key))
    if parting < node.depth:
        left, right = _divided(leaves, parting)
        if _bit(node.key, parting):
            return _branch(parting, _built(left), _merged(node, right) if right else node)
        return _branch(parting, _merged(node, left) if left else node, _built(right))
    below, (left, right) = node.depth + 1, _divided(leaves, node.depth)
    new_left = _merged(node.left, left) if left else node.left
    new_right = _merged(node.right, right) if right else node.right
    return _Branch(
        node.key,
        node.depth,
        new_left,
        new_right,
        (_hash_at(new_left, below) if left else node.hashes[:32])
        + (_hash_at(new_right, below) if right else node.hashes[32:]),
    )


def _siblings(node: _Node | None, key: int) -> list[tuple[int, bytes]]:
    """Return the siblings that are not empty on the way down to `key`, with their nodes' depths."""
    found: list[tuple[int, bytes]] = []
    while node is not None:
        parting = _common(key, node.key)
        if parting < (node.depth if isinstance(node, _Branch) else DEPTH):
            # The key leaves the path to all that is below here: that is one sibling.
            return [*found, (parting, _hash_at(node, parting + 1))]
        if isinstance(node, _Leaf):
            return found
        right = _bit(key, node.depth)
        found.append((node.depth, node.hashes[:32] if right else node.hashes[32:]))
        node = node.right if right else node.left
    return found
