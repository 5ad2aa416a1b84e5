"""What a reading method may see: the store, and how a request names a block."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ledger.chain.embedded.jsonrpc import SERVER_ERROR, RpcError, read_data, read_quantity
from ledger.chain.embedded.records import Block
from ledger.chain.embedded.store import Store

# A transaction is in a block within milliseconds, so "pending" is the newest block.
NEWEST_TAGS = {"latest", "pending", "safe", "finalized"}


@dataclass(frozen=True)
class View:
    """What a reading method may see."""

    store: Store
    chain_id: int

    def head(self) -> Block:
        """Return the newest block."""
        block = self.store.head()
        assert block is not None, "the opening wrote block 0"
        return block

    def find(self, reference: Any) -> Block | None:
        """Return the block named by a tag, a number, or an EIP-1898 object; None if unknown."""
        if isinstance(reference, dict):
            if "blockHash" in reference:
                return self.store.block(read_data(reference["blockHash"], "block hash", 32))
            reference = reference.get("blockNumber")
        if reference in NEWEST_TAGS:
            return self.head()
        if reference == "earliest":
            return self.store.block(0)
        number = read_quantity(reference, "block number")
        return self.store.block(number) if number < 2**63 else None

    def block(self, reference: Any) -> Block:
        """Return the block named, raising geth's "header not found"."""
        block = self.find(reference)
        if block is None:
            raise RpcError(SERVER_ERROR, "header not found")
        return block
