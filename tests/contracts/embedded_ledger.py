"""The harness's ledger on the embedded node, asked over JSON-RPC as any client asks it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from eth_account import Account

from ledger.chain.artifact import decode_error, decode_event, deploy_data
from ledger.chain.embedded.chain import EmbeddedChain
from ledger.chain.embedded.rpc import Rpc
from ledger.domain import typed_data
from tests.contracts.ledger_harness import PLENTY, Chain, Outcome, Refused, address, key


class Reverted(Exception):
    """A call that the node answers with the contract's error."""


@dataclass
class EmbeddedLedger(Chain):
    """`Chain`, but mined, called and read by a node of its own in `directory`."""

    directory: Path = field(default_factory=Path)

    def __post_init__(self) -> None:
        """Start a chain and create the contract."""
        self._account = Account.create()
        self._nonce = 0
        self.node = EmbeddedChain(self.directory, lambda: self.now)
        self.rpc = Rpc(self.node)
        self.chain_id = self.node.chain_id
        admins = [address(key(name)) for name in self.admins]
        receipt = self._mine(None, deploy_data(admins, self.threshold, self.predecessor), PLENTY)
        self.contract = bytes.fromhex(receipt["contractAddress"][2:])
        self.separator = typed_data.domain_separator(self.chain_id, self.contract)

    def close(self) -> None:
        """Stop the node."""
        self.rpc.close()
        self.node.close()

    def send(self, data: bytes, gas: int = PLENTY) -> Outcome:
        """Relay a call in a block of its own; raises Refused, as a call before it has foretold."""
        error = self._foretold(data, gas)
        receipt = self._mine(self.contract, data, gas)
        assert int(receipt["status"], 16) == (error is None), "a call and its block differ"
        if error is not None:
            raise error
        block = self.ask("eth_getBlockByNumber", receipt["blockNumber"], False)
        events = []
        for log in receipt["logs"]:
            topics = [bytes.fromhex(topic[2:]) for topic in log["topics"]]
            event = decode_event(topics, bytes.fromhex(log["data"][2:]))
            assert event is not None, "an event that is not in the ABI"
            events.append(event)
        time = int(block["timestamp"], 16)
        self._follow(events, time)
        return Outcome(events, int(receipt["gasUsed"], 16), time)

    def storage(self, slot: int) -> int:
        """Return one raw word of the contract."""
        word = self.ask("eth_getStorageAt", "0x" + self.contract.hex(), f"0x{slot:064x}", "latest")
        return int(word, 16)

    def ask(self, method: str, *params: Any) -> Any:
        """Return the node's answer. Raises Reverted with the contract's error."""
        request = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
        answer = asyncio.run(self.rpc.answer(json.dumps(request).encode()))
        assert answer is not None
        document = json.loads(answer)
        if "error" in document:
            raise Reverted(document["error"].get("data", "0x"), document["error"]["message"])
        return document["result"]

    def _foretold(self, data: bytes, gas: int) -> Refused | None:
        call = {"to": "0x" + self.contract.hex(), "data": "0x" + data.hex(), "gas": hex(gas)}
        try:
            self.ask("eth_call", call, "latest")
        except Reverted as reverted:
            output = bytes.fromhex(reverted.args[0][2:])
            decoded = decode_error(output) if output else None
            return Refused(decoded[0], *decoded[1]) if decoded else Refused("")
        return None

    def _mine(self, to: bytes | None, data: bytes, gas: int) -> Any:
        values: dict[str, Any] = {
            "nonce": self._nonce,
            "gas": gas,
            "value": 0,
            "data": data,
            "chainId": self.chain_id,
            "maxFeePerGas": 0,
            "maxPriorityFeePerGas": 0,
        }
        raw = self._account.sign_transaction(values | ({"to": to} if to else {})).raw_transaction
        self._nonce += 1
        sent = self.ask("eth_sendRawTransaction", "0x" + bytes(raw).hex())
        self.now += 1
        return self.ask("eth_getTransactionReceipt", sent)


@contextmanager
def embedded() -> Iterator[EmbeddedLedger]:
    """A ledger on a node that ends with what is inside."""
    with TemporaryDirectory() as directory:
        ledger = EmbeddedLedger(directory=Path(directory))
        try:
            yield ledger
        finally:
            ledger.close()
