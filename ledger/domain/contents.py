"""What lies in a logistic unit, and how that is kept: a few bytes for a run, two for a picked item.

A unit's parts stand in the packer's order, and their places in its children tree follow from it: an
item or a unit has one place, a run of codes one for each code. Items that are no run (the usual
bottling line fills cases in no order) are sorted by index within their part, so that their order
costs nothing. Of all items picked in a unit, however deep, the indices are kept once, rising, and
beside each the number of the part that it is in.

Neither ids nor roots are kept: they follow from the SSCCs, the keys and the codes.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ledger.domain.bits import Numbers, Reader, fixed, rising, unzigzag, varints, zigzag
from ledger.domain.gs1 import with_check_digit

_CODES, _PICKED, _INNER, _KNOWN = range(4)
_FORMAT = 1


@dataclass(frozen=True, slots=True)
class Codes:
    """Items [first, to) of a batch."""

    batch: int
    first: int
    to: int

    def __len__(self) -> int:
        return self.to - self.first

    @property
    def indices(self) -> Numbers:
        """Their indices."""
        return np.arange(self.first, self.to, dtype=np.uint32)


@dataclass(frozen=True, slots=True, eq=False)
class Picked:
    """Items of a batch that are no run. indices: distinct, rising."""

    batch: int
    indices: Numbers

    def __len__(self) -> int:
        return len(self.indices)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Picked):
            return NotImplemented
        return self.batch == other.batch and np.array_equal(self.indices, other.indices)

    def __hash__(self) -> int:
        return hash((self.batch, self.indices.tobytes()))


@dataclass(frozen=True, slots=True)
class Inner:
    """A unit that was packed together with the one around it. sscc: 18 digits."""

    sscc: str
    inside: tuple[Part, ...]

    def __len__(self) -> int:
        return 1


Part = Codes | Picked | Inner | bytes
"""bytes: the id (32 bytes) of a unit that had a slot of its own when it was packed."""


def places(part: Part) -> int:
    """Return how many places a part takes in the children tree of its unit."""
    return 1 if isinstance(part, bytes) else len(part)


def items_in(parts: Iterable[Part]) -> int:
    """Count the items, however deep; those in units known already are not."""
    return sum(
        items_in(part.inside) if isinstance(part, Inner) else len(part)
        for part in parts
        if not isinstance(part, bytes)
    )


def height(parts: Iterable[Part]) -> int:
    """Return the level of a box with these parts: one above the highest box in it."""
    return 1 + max((height(part.inside) for part in parts if isinstance(part, Inner)), default=0)


def walk(parts: Iterable[Part]) -> Iterator[Part]:
    """Yield all parts, however deep, in order, each before what is in it."""
    for part in parts:
        yield part
        if isinstance(part, Inner):
            yield from walk(part.inside)


def find_item(parts: Sequence[Part], batch: int, index: int) -> list[int] | None:
    """Return the places that lead to an item: that in the unit, then in the one inside it, …

    None if it is not there as a code of its own.
    """
    at = 0
    for part in parts:
        if isinstance(part, Inner):
            found = find_item(part.inside, batch, index)
            if found is not None:
                return [at, *found]
        elif not isinstance(part, bytes) and part.batch == batch:
            place = _place_in(part, index)
            if place is not None:
                return [at + place]
        at += places(part)
    return None


def find_box(parts: Sequence[Part], sscc: str) -> list[int] | None:
    """Return the places that lead to a box that was packed with the unit; None if it was not."""
    at = 0
    for part in parts:
        if isinstance(part, Inner):
            found = [] if part.sscc == sscc else find_box(part.inside, sscc)
            if found is not None:
                return [at, *found]
        at += places(part)
    return None


def part_at(parts: Sequence[Part], place: int) -> tuple[Part, int]:
    """Return the part that has a place in the tree, and which of its items that is.

    Raises IndexError for a place that there is not.
    """
    for part in parts:
        if place < places(part):
            return part, place
        place -= places(part)
    raise IndexError(place)


def to_json(codes: Codes | Picked) -> dict[str, Any]:
    """Return items of a batch as JSON values: a range, or the indices of those that are none."""
    if isinstance(codes, Codes):
        return {"batch": codes.batch, "first": codes.first, "to": codes.to}
    return {"batch": codes.batch, "indices": codes.indices.tolist()}


def from_json(told: Mapping[str, Any]) -> Codes | Picked:
    """Return the items that `to_json` told, whatever else is told beside them."""
    if "indices" in told:
        return Picked(told["batch"], np.array(told["indices"], np.uint32))
    return Codes(told["batch"], told["first"], told["to"])


def as_parts(batch: int, indices: NDArray[np.integer]) -> tuple[Codes | Picked, ...]:
    """Return items as one part: a run, where they are one. indices: distinct, in any order."""
    ordered = np.sort(indices).astype(np.uint32)
    if not len(ordered):
        return ()
    first, last = int(ordered[0]), int(ordered[-1])
    if last - first + 1 == len(ordered):
        return (Codes(batch, first, last + 1),)
    return (Picked(batch, ordered),)


def encode(parts: Sequence[Part]) -> bytes:
    """Return what is kept of a unit's parts."""
    numbers: list[int] = []
    _structure(parts, numbers, _Last())
    known = [part for part in walk(parts) if isinstance(part, bytes)]
    shape = zlib.compress(varints(numbers), 9)
    out = [bytes([_FORMAT]), varints([len(shape)]), shape, *known]
    picked: dict[int, list[Numbers]] = {}
    for part in walk(parts):
        if isinstance(part, Picked):
            picked.setdefault(part.batch, []).append(part.indices)
    for groups in picked.values():
        indices = np.concatenate(groups)
        labels = np.repeat(np.arange(len(groups), dtype=np.uint32), [len(g) for g in groups])
        order = np.argsort(indices, kind="stable")
        out += [rising(indices[order]), fixed(labels[order], _width(len(groups)))]
    return b"".join(out)


def decode(data: bytes) -> tuple[Part, ...]:
    """Return the parts that `encode` was given. Raises Broken CONTENTS_DAMAGED."""
    reader = Reader(data, 1)
    shape = Reader(zlib.decompress(reader.take(reader.varint())))
    parts = _read_structure(shape, _Last())
    known = iter([reader.take(32) for part in walk(parts) if isinstance(part, bytes)])
    sizes: dict[int, list[int]] = {}
    for part in walk(parts):
        if isinstance(part, Picked):
            sizes.setdefault(part.batch, []).append(len(part))
    groups = {batch: _read_groups(reader, len(each)) for batch, each in sizes.items()}
    return _filled(parts, known, groups)


@dataclass
class _Last:
    """What the next SSCC or run is likely to follow on."""

    sscc: int = 0
    index: int = 0


def _structure(parts: Sequence[Part], out: list[int], last: _Last) -> None:
    out.append(len(parts))
    for part in parts:
        if isinstance(part, bytes):
            out.append(_KNOWN)
        elif isinstance(part, Codes):
            out += [_CODES, part.batch, zigzag(part.first - last.index), len(part)]
            last.index = part.to
        elif isinstance(part, Picked):
            out += [_PICKED, part.batch, len(part)]
        else:
            body = int(part.sscc[:-1])
            out += [_INNER, zigzag(body - last.sscc)]
            last.sscc = body
            _structure(part.inside, out, last)


def _read_structure(shape: Reader, last: _Last) -> tuple[Part, ...]:
    parts: list[Part] = []
    for _ in range(shape.varint()):
        kind = shape.varint()
        if kind == _KNOWN:
            parts.append(bytes(32))
        elif kind == _CODES:
            batch = shape.varint()
            first = last.index + unzigzag(shape.varint())
            last.index = first + shape.varint()
            parts.append(Codes(batch, first, last.index))
        elif kind == _PICKED:
            batch = shape.varint()
            parts.append(Picked(batch, np.zeros(shape.varint(), np.uint32)))
        else:
            last.sscc += unzigzag(shape.varint())
            sscc = with_check_digit(f"{last.sscc:017d}")
            parts.append(Inner(sscc, _read_structure(shape, last)))
    return tuple(parts)


def _read_groups(reader: Reader, count: int) -> Iterator[Numbers]:
    indices = reader.rising()
    labels = reader.fixed(len(indices), _width(count))
    order = np.argsort(labels, kind="stable")
    ends = np.cumsum(np.bincount(labels, minlength=count))
    return iter(np.split(indices[order], ends[:-1]))


def _filled(
    parts: Sequence[Part], known: Iterator[bytes], groups: dict[int, Iterator[Numbers]]
) -> tuple[Part, ...]:
    filled: list[Part] = []
    for part in parts:
        if isinstance(part, bytes):
            filled.append(next(known))
        elif isinstance(part, Picked):
            filled.append(Picked(part.batch, next(groups[part.batch])))
        elif isinstance(part, Inner):
            filled.append(Inner(part.sscc, _filled(part.inside, known, groups)))
        else:
            filled.append(part)
    return tuple(filled)


def _place_in(part: Codes | Picked, index: int) -> int | None:
    if isinstance(part, Codes):
        return index - part.first if part.first <= index < part.to else None
    place = int(np.searchsorted(part.indices, np.uint32(index)))
    return place if place < len(part) and part.indices[place] == index else None


def _width(count: int) -> int:
    return max(0, count - 1).bit_length()


NOTHING = encode(())
"""What is kept of a unit with nothing in it, such as an item that travels alone."""
