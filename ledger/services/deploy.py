"""Putting the contract on a chain, once."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from ledger.chain import rlp
from ledger.chain.account import Account
from ledger.chain.artifact import artifact, deploy_data
from ledger.chain.header import Header
from ledger.chain.rpc import Rpc
from ledger.domain.keccak import keccak
from ledger.errors import Broken, Unavailable
from ledger.services.network import Network

GAS = 15_000_000


def deploy(
    rpc: Rpc,
    relay: Account,
    admins: Sequence[bytes],
    threshold: int,
    *,
    tries: int = 60,
    pause: Callable[[float], None] = time.sleep,
) -> Network:
    """Deploy the contract and return the network it is on.

    admins: 20 bytes each, of whom `threshold` must sign registry verbs. Done again after a crash it
    finds the contract of the first time, since its address follows from the relay's nonce 0.
    Raises Unavailable DEPLOY_PENDING, Broken DEPLOY_FAILED, WRONG_REGISTRAR, and what `rpc` raises.
    """
    chain_id = int(rpc.call("eth_chainId"), 16)
    genesis = Header.from_rpc(rpc.call("eth_getBlockByNumber", "0x0", False))
    contract = keccak(rlp.encode([relay.address, b""]))[12:]
    if rpc.call("eth_getCode", "0x" + contract.hex(), "latest") == "0x":
        raw = relay.transaction(chain_id, 0, None, deploy_data(admins, threshold), GAS, 0)
        rpc.call("eth_sendRawTransaction", "0x" + raw.hex())
        _await(rpc, "0x" + keccak(raw).hex(), tries, pause)
        if rpc.call("eth_getCode", "0x" + contract.hex(), "latest") == "0x":
            raise Broken(
                "DEPLOY_FAILED", "The contract could not be created: check the node's log."
            )
    _check_registrar(rpc, contract)
    validators = tuple("0x" + v.hex() for v in genesis.extra.validators)
    return Network(chain_id, "0x" + genesis.hash.hex(), "0x" + contract.hex(), validators)


def _check_registrar(rpc: Rpc, contract: bytes) -> None:
    """Half of the ledger's code is in its registrar, which it has made in its constructor."""
    registrar = keccak(rlp.encode([contract, b"\x01"]))[12:]
    code = bytes.fromhex(rpc.call("eth_getCode", "0x" + registrar.hex(), "latest")[2:])
    if "0x" + keccak(code).hex() != artifact()["registrar"]["runtime_hash"]:
        raise Broken(
            "WRONG_REGISTRAR",
            f"The ledger at 0x{contract.hex()} is not of this version: use the version that made "
            "it, or begin a new ledger.",
        )


def _await(rpc: Rpc, transaction: str, tries: int, pause: Callable[[float], None]) -> None:
    for _ in range(tries):
        if rpc.call("eth_getTransactionReceipt", transaction) is not None:
            return
        pause(1.0)
    raise Unavailable("DEPLOY_PENDING", "The chain does not seal blocks: start its validators.")
