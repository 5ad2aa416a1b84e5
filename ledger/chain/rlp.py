"""Recursive Length Prefix: the one byte form of headers, trie nodes and transactions.

Strict on purpose: every byte string decodes to at most one item and every item has exactly one
encoding, so a hash over an encoding commits to the item. Source: Ethereum yellow paper, appendix B.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

from ledger.errors import Rejected

Item: TypeAlias = "bytes | Sequence[Item]"
Decoded: TypeAlias = "bytes | list[Decoded]"

MAX_DEPTH = 16  # a typed transaction nests 4 deep, a trie node 3; more is an attack on the stack


def encode(item: Item) -> bytes:
    """Return the canonical encoding of a byte string or a (nested) sequence of them."""
    if isinstance(item, bytes):
        if len(item) == 1 and item[0] < 0x80:
            return item
        return _prefix(0x80, len(item)) + item
    body = b"".join([encode(part) for part in item])
    return _prefix(0xC0, len(body)) + body


def decode(data: bytes) -> Decoded:
    """Return the only item that `data` is the canonical encoding of.

    Raises Rejected(BAD_RLP) for lengths that are not minimal or overrun, a single byte below 0x80
    written with a prefix, bytes after the item, and lists nested deeper than MAX_DEPTH.
    """
    item, end = _item(data, 0, len(data), 0)
    if end != len(data):
        raise _bad("there are bytes after the item")
    return item


def from_uint(number: int) -> bytes:
    """Return a number as big-endian bytes without leading zeros (0 is the empty string)."""
    return number.to_bytes((number.bit_length() + 7) // 8, "big")


def uint(item: Item, size: int) -> int:
    """Read a number of at most `size` bytes; Rejected(BAD_RLP) if longer or with leading zeros."""
    if not isinstance(item, bytes) or len(item) > size or item[:1] == b"\0":
        raise _bad(f"a number of at most {size} bytes without leading zeros is expected")
    return int.from_bytes(item, "big")


def fixed(item: Item, size: int) -> bytes:
    """Read a byte string of exactly `size` bytes, else Rejected(BAD_RLP)."""
    if not isinstance(item, bytes) or len(item) != size:
        raise _bad(f"a string of {size} bytes is expected")
    return item


def items(item: Decoded, count: int | None = None) -> list[Decoded]:
    """Read a list, of exactly `count` items where given, else Rejected(BAD_RLP)."""
    if not isinstance(item, list) or (count is not None and len(item) != count):
        raise _bad(f"a list of {count} items is expected" if count else "a list is expected")
    return item


def _prefix(base: int, length: int) -> bytes:
    if length < 56:
        return bytes((base + length,))
    size = from_uint(length)
    return bytes((base + 55 + len(size),)) + size


def _item(data: bytes, at: int, end: int, depth: int) -> tuple[Decoded, int]:
    """Decode the item that starts at `at` and must not reach beyond `end`."""
    if at >= end:
        raise _bad("it ends too early")
    first = data[at]
    if first < 0x80:
        return data[at : at + 1], at + 1
    base = 0x80 if first < 0xC0 else 0xC0
    start, length = at + 1, first - base
    if length > 55:
        start, length = _long_length(data, at, end, length - 55)
    stop = start + length
    if stop > end:
        raise _bad("a length reaches beyond the end")
    if base == 0x80:
        if length == 1 and data[start] < 0x80:
            raise _bad("a single byte is written with a prefix")
        return data[start:stop], stop
    if depth == MAX_DEPTH:
        raise _bad(f"it is nested deeper than {MAX_DEPTH}")
    parts: list[Decoded] = []
    while start < stop:
        part, start = _item(data, start, stop, depth + 1)
        parts.append(part)
    return parts, stop


def _long_length(data: bytes, at: int, end: int, size: int) -> tuple[int, int]:
    start = at + 1 + size
    if start > end:
        raise _bad("it ends too early")
    length = int.from_bytes(data[at + 1 : start], "big")
    if data[at + 1] == 0 or length < 56:
        raise _bad("a length is not written in its shortest form")
    return start, length


def _bad(what: str) -> Rejected:
    return Rejected("BAD_RLP", f"The bytes are not canonical RLP ({what}): fetch them again.")
