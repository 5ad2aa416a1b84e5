"""Run a call without sealing it, and find the gas that a transaction needs."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from eth.exceptions import OutOfGas, Revert

from ledger.chain.embedded.nodes import NodeOverlay
from ledger.chain.embedded.records import Block
from ledger.chain.embedded.store import Store
from ledger.chain.embedded.vm import TX_GAS_LIMIT, intrinsic_gas, state_for

CALL_STIPEND = 2300
ESTIMATE_SLACK = 0.015
"""An estimate is at most this share above the least gas that works (geth's ratio)."""


@dataclass(frozen=True)
class Call:
    """A message to run; shaped as py-evm's executor reads a transaction. Fees are nought."""

    sender: bytes
    to: bytes
    data: bytes
    value: int
    gas: int
    nonce: int
    access_list: tuple[tuple[bytes, tuple[int, ...]], ...] = ()
    gas_price: int = 0
    max_fee_per_gas: int = 0
    max_priority_fee_per_gas: int = 0

    @property
    def intrinsic_gas(self) -> int:
        """Gas before the first instruction."""
        return intrinsic_gas(self)


@dataclass(frozen=True)
class Outcome:
    """What a call did. error: None, or geth's words for it. refund: gas given back at the end."""

    output: bytes
    gas_used: int
    refund: int
    error: str | None
    reverted: bool = False
    out_of_gas: bool = False


def state_at(store: Store, block: Block, chain_id: int) -> Any:
    """Return py-evm's state after `block`, for reading or for calls in that block's context."""
    return state_for(
        NodeOverlay(store.node),
        block.header,
        chain_id,
        store.hashes_down_from(block.number - 1),
    )


def run(store: Store, block: Block, chain_id: int, call: Call) -> Outcome:
    """Execute `call` on the state after `block`; nothing is kept."""
    if call.gas < call.intrinsic_gas:
        error = f"intrinsic gas too low: gas {call.gas}, minimum needed {call.intrinsic_gas}"
        return Outcome(b"", 0, 0, error, out_of_gas=True)
    state = state_at(store, block, chain_id)
    balance = state.get_balance(call.sender)
    if balance < call.value:
        error = f"insufficient funds for transfer: balance {balance}, value {call.value}"
        return Outcome(b"", 0, 0, error)
    call = replace(call, nonce=state.get_nonce(call.sender))
    computation = state.apply_transaction(call)
    spent = call.gas - computation.get_gas_remaining()
    refund = min(computation.get_gas_refund(), spent // 5)  # EIP-3529
    if not computation.is_error:
        return Outcome(computation.output, spent - refund, refund, None)
    reverted = isinstance(computation.error, Revert)
    return Outcome(
        computation.output if reverted else b"",
        spent,
        0,
        "execution reverted" if reverted else _words(computation.error),
        reverted,
        isinstance(computation.error, OutOfGas),
    )


def estimate_gas(store: Store, block: Block, chain_id: int, call: Call) -> int | Outcome:
    """Return gas with which `call` succeeds, or the outcome that no gas up to `call.gas` mends.

    Geth's search: the gas it used, a guess that leaves every inner call its 63/64, then halving.
    """
    top = min(call.gas, TX_GAS_LIMIT)
    first = run(store, block, chain_id, replace(call, gas=top))
    if first.error is not None:
        return first
    low, high = first.gas_used - 1, top
    guess = (first.gas_used + first.refund + CALL_STIPEND) * 64 // 63
    while low + 1 < high and (high - low) / high >= ESTIMATE_SLACK:
        middle = guess if low < guess < high else (low + high) // 2
        guess = 0
        if run(store, block, chain_id, replace(call, gas=middle)).error is None:
            high = middle
        else:
            low = middle
    return high


def _words(error: Any) -> str:
    if isinstance(error, OutOfGas):
        return "out of gas"
    return str(error) or type(error).__name__
