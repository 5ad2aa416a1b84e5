"""London rules for a chain whose gas is free, without a second check of each transaction.

London and not Paris, because the difficulty is 1 and the opcode 0x44 must say so; contracts
compiled for `paris` or older run unchanged. Blocks are assembled in `builder.py` from the state
object alone: py-evm's own block import would insist on strictly increasing times, on a base fee
that moves, and on proof of work, none of which QBFT has.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from eth.consensus.noproof import NoProofConsensus
from eth.vm.chain_context import ChainContext
from eth.vm.forks.berlin.transactions import calculate_txn_intrinsic_gas_berlin
from eth.vm.forks.london import LondonVM
from eth.vm.forks.london.state import LondonState, LondonTransactionExecutor

from ledger.chain.embedded.nodes import NodeOverlay
from ledger.chain.embedded.opcodes import FlatComputation

TX_GAS_LIMIT = 10**8
"""Most gas of one transaction or call: it bounds the time that one of them can take."""


class FreeExecutor(LondonTransactionExecutor):  # type: ignore[misc]  # py-evm is untyped
    """Runs a transaction that `admission.py` and `builder.py` have already checked."""

    def validate_transaction(self, transaction: Any) -> None:
        """Check nothing: signature and gas were checked at admission, nonce and funds in turn."""


class FreeState(LondonState):  # type: ignore[misc]  # py-evm is untyped
    computation_class = FlatComputation
    transaction_executor_class = FreeExecutor


class QbftVM(LondonVM):  # type: ignore[misc]  # py-evm is untyped
    consensus_class = NoProofConsensus
    _state_class = FreeState


def state_for(
    nodes: NodeOverlay, header: Any, chain_id: int, previous_hashes: Iterable[bytes]
) -> Any:
    """Return a state that starts at `header.state_root` and executes in `header`'s block.

    previous_hashes: hashes of the blocks before it, newest first, for BLOCKHASH.
    """
    return QbftVM.build_state(nodes, header, ChainContext(chain_id), previous_hashes)


def intrinsic_gas(transaction: Any) -> int:
    """Return the gas that `transaction` costs before its first instruction (EIP-2930 rules)."""
    gas: int = calculate_txn_intrinsic_gas_berlin(transaction)
    return gas
