"""What a block is once it is sealed: plain rows, with no py-evm in them but the header."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class LogRow:
    """One event. index: its place in the block. tx: its transaction's place in the block."""

    block: int
    index: int
    tx: int
    address: bytes
    topics: tuple[bytes, ...]
    data: bytes


@dataclass(frozen=True)
class TxRow:
    """One transaction and the outcome of its execution.

    contract: the address that it created or tried to create, None for a call.
    """

    block: int
    index: int
    hash: bytes
    raw: bytes
    sender: bytes
    status: int
    gas_used: int
    cumulative_gas: int
    contract: bytes | None


@dataclass(frozen=True)
class Block:
    """A header (py-evm's object, without seals), its hash, and the validator's commit seal.

    seal: 65 bytes, or empty for block 0, which nobody seals.
    """

    header: Any
    hash: bytes
    seal: bytes

    @property
    def number(self) -> int:
        """The block's height."""
        number: int = self.header.block_number
        return number


@dataclass(frozen=True)
class LogFilter:
    """Which logs are wanted: first and last block, any of `addresses`, any of each topic place.

    An empty tuple means no condition.
    """

    first: int
    last: int
    addresses: tuple[bytes, ...] = ()
    topics: tuple[tuple[bytes, ...], ...] = ()
