"""A signer, an in-process chain, and a node as a real process."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from eth_account import Account
from web3 import HTTPProvider, Web3
from web3.middleware import ExtraDataToPOAMiddleware

from ledger.chain.embedded.chain import EmbeddedChain


@dataclass
class Signer:
    """Signs free transactions for one chain, counting its nonces itself."""

    chain_id: int
    account: Any = field(default_factory=Account.create)
    nonce: int = 0

    @property
    def address(self) -> bytes:
        """The account's 20 bytes."""
        return bytes.fromhex(self.account.address[2:])

    def sign(self, **fields: Any) -> bytes:
        """Return a signed transaction with `fields` over the defaults; no nonce is used up."""
        values: dict[str, Any] = {
            "nonce": self.nonce,
            "gas": 200_000,
            "value": 0,
            "data": b"",
            "chainId": self.chain_id,
        }
        if "gasPrice" not in fields:
            values |= {"maxFeePerGas": 0, "maxPriorityFeePerGas": 0}
        values |= fields
        return bytes(self.account.sign_transaction(values).raw_transaction)

    def send(self, to: bytes | None = None, data: bytes = b"") -> bytes:
        """Return the next signed transaction."""
        target = {} if to is None else {"to": to}
        raw = self.sign(data=data, **target)
        self.nonce += 1
        return raw


@dataclass
class NodeProcess:
    """A running `touchstone node` and where it answers."""

    process: subprocess.Popen[str]
    url: str
    chain_id: int
    directory: Path

    def web3(self) -> Web3:
        """Return web3 as a client of any QBFT chain sets it up."""
        web3 = Web3(HTTPProvider(self.url))
        web3.middleware_onion.inject(ExtraDataToPOAMiddleware, layer=0)
        return web3


COMMAND = [sys.executable, "-c", "from scripts.cli import main; main()", "node"]


def start_node(directory: Path, *options: str) -> NodeProcess:
    """Start a node and wait for the line that says where it is."""
    process = subprocess.Popen(
        [*COMMAND, "--data", str(directory), "--json", *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None and process.stderr is not None
    line = process.stdout.readline()
    if not line:
        raise AssertionError(f"the node did not start: {process.stderr.read()}")
    said = json.loads(line)
    return NodeProcess(process, said["url"], said["chain_id"], directory)


def stop_node(node: NodeProcess) -> None:
    """End a node and its pipes."""
    node.process.kill()
    node.process.communicate()


@pytest.fixture
def chain(tmp_path: Path) -> Iterator[EmbeddedChain]:
    """A new chain in this process."""
    opened = EmbeddedChain(tmp_path / "data")
    yield opened
    opened.close()


@pytest.fixture
def signer(chain: EmbeddedChain) -> Signer:
    """A new account on the in-process chain."""
    return Signer(chain.chain_id)


@pytest.fixture(scope="session")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[NodeProcess]:
    """A node that the tests of a session share."""
    running = start_node(tmp_path_factory.mktemp("node"))
    yield running
    stop_node(running)


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., NodeProcess]]:
    """Start nodes on this test's own directory; all are ended after it."""
    started: list[NodeProcess] = []

    def begin(*options: str) -> NodeProcess:
        started.append(start_node(tmp_path / "data", *options))
        return started[-1]

    yield begin
    for running in started:
        stop_node(running)
