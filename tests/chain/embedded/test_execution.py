"""What contracts see, and the cryptography underneath."""

from __future__ import annotations

import logging

import eth_hash.auto
import pytest
from eth_hash.backends import pysha3

from ledger.chain.embedded import backends
from ledger.chain.embedded.chain import EmbeddedChain
from ledger.chain.embedded.execution import Call, run
from ledger.chain.embedded.genesis import BLOCK_GAS_LIMIT
from ledger.errors import Broken
from tests.chain.embedded.conftest import Signer
from tests.chain.embedded.contracts import deployer

# Returns number, timestamp, coinbase, difficulty, chainid, basefee, gaslimit, gasprice,
# blockhash(number - 1), blockhash(number), each as a word.
OPCODES = ["43", "42", "41", "44", "46", "48", "45", "3a", "6001430340", "4340"]
CONTEXT = bytes.fromhex(
    "".join(f"{code}61{32 * place:04x}52" for place, code in enumerate(OPCODES))
    + f"61{32 * len(OPCODES):04x}6000f3"
)


def test_a_contract_sees_its_block(chain: EmbeddedChain, signer: Signer) -> None:
    """The context of a call at block N is N's header, with the hash of the block before it."""
    chain.seal([signer.send(data=deployer(CONTEXT))])
    for _ in range(3):
        chain.seal()
    contract = chain.store.transactions(1)[0].contract
    parent, block = chain.store.block(2), chain.store.block(3)
    assert contract is not None and parent is not None and block is not None
    call = Call(sender=signer.address, to=contract, data=b"", value=0, gas=10**6, nonce=0)
    seen = run(chain.store, block, chain.chain_id, call).output
    assert [int.from_bytes(seen[at : at + 32], "big") for at in range(0, len(seen), 32)] == [
        3,
        block.header.timestamp,
        int.from_bytes(chain.genesis.validator, "big"),
        1,
        chain.chain_id,
        0,
        BLOCK_GAS_LIMIT,
        0,
        int.from_bytes(parent.hash, "big"),
        0,
    ]


def test_a_call_leaves_nothing_behind(chain: EmbeddedChain, signer: Signer) -> None:
    """Deploying by a call returns the code and changes no state."""
    call = Call(signer.address, b"", deployer(CONTEXT), 0, 10**6, 0)
    outcome = run(chain.store, chain.head(), chain.chain_id, call)
    assert (outcome.error, outcome.output) == (None, CONTEXT)
    sealed = chain.seal()
    first = chain.store.block(0)
    assert first is not None
    assert sealed.header.state_root == first.header.state_root


def test_opening_a_chain_puts_the_fast_hash_under_py_evm(chain: EmbeddedChain) -> None:
    """eth_hash, left alone, would take the slower of the two that are installed."""
    assert eth_hash.auto.keccak.hasher is pysha3.keccak256


def test_a_slow_backend_is_refused_on_linux_and_warned_of_elsewhere(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Without safe-pysha3 a Linux node does not start; another one says that it is slow."""
    monkeypatch.setattr(backends, "BACKEND", "pycryptodome")
    with pytest.raises(Broken) as caught:
        backends.require_fast_backends("linux")
    assert caught.value.code == "SLOW_BACKEND"
    with caplog.at_level(logging.WARNING):
        backends.require_fast_backends("darwin")
    assert "safe-pysha3 cannot be used here" in caplog.text
