"""Solidity's `abi.encode` for the few types that our hashes use: fixed words and strings.

Written out because every hash of the ledger goes through here, some of them millions of times;
eth_abi is the referee in the tests.
"""

from __future__ import annotations


def uint(value: int, bits: int = 256) -> bytes:
    """Return `value` as the 32-byte word of a uint<bits>.

    Raises OverflowError when it does not fit: the caller has to bound what comes from outside.
    """
    if not 0 <= value < 1 << bits:
        raise OverflowError(f"{value} is no uint{bits}")
    return value.to_bytes(32, "big")


def bytes32(value: bytes) -> bytes:
    """Return `value` unchanged; raises OverflowError unless it has exactly 32 bytes."""
    if len(value) != 32:
        raise OverflowError(f"{len(value)} bytes are no bytes32")
    return value


def address(value: bytes) -> bytes:
    """Return the 32-byte word of a 20-byte account address; OverflowError for another length."""
    if len(value) != 20:
        raise OverflowError(f"{len(value)} bytes are no address")
    return value.rjust(32, b"\0")


def ascii32(text: str) -> bytes:
    """Return `text` as a bytes32: ASCII, left-aligned, zero-padded.

    Raises OverflowError over 32 characters and UnicodeEncodeError outside ASCII.
    """
    return bytes32(text.encode("ascii").ljust(32, b"\0"))


def encode(*arguments: bytes | str) -> bytes:
    """Return abi.encode of the arguments in order: bytes are ready words, str are dynamic strings.

    Contract ABI specification, "Formal Specification of the Encoding": a string's place in the head
    holds the offset of its tail, which is its UTF-8 length and its bytes padded to whole words.
    """
    head: list[bytes] = []
    tail = b""
    for argument in arguments:
        if isinstance(argument, bytes):
            head.append(bytes32(argument))
            continue
        head.append(uint(32 * len(arguments) + len(tail)))
        text = argument.encode()
        tail += uint(len(text)) + text + bytes(-len(text) % 32)
    return b"".join(head) + tail
