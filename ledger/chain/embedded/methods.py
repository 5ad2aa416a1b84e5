"""The table of JSON-RPC methods that read. (`rpc.py` has the one that writes.)"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from importlib.metadata import version
from typing import Any

from ledger.chain.embedded import shapes
from ledger.chain.embedded.calls import eth_call, eth_estimate_gas
from ledger.chain.embedded.execution import state_at
from ledger.chain.embedded.jsonrpc import Params, invalid, read_word
from ledger.chain.embedded.logs import get_logs
from ledger.chain.embedded.proofs import prove
from ledger.chain.embedded.records import Block, LogRow
from ledger.chain.embedded.view import View

MAX_SLOTS = 1_024
MAX_FEE_BLOCKS = 1_024


def _get_block(view: View, params: Params, block: Block | None) -> Any:
    if block is None:
        return None
    full = params.get(1, False)
    if not isinstance(full, bool):
        raise invalid("argument 1", "true or false")
    return shapes.block_json(block, view.store.transactions(block.number), full)


def get_block_by_number(view: View, params: Params) -> Any:
    """Answer eth_getBlockByNumber: the block, or None if there is none yet."""
    return _get_block(view, params, view.find(params.need(0)))


def get_block_by_hash(view: View, params: Params) -> Any:
    """Answer eth_getBlockByHash: the block, or None."""
    return _get_block(view, params, view.store.block(params.data(0, 32)))


def get_block_receipts(view: View, params: Params) -> Any:
    """Answer eth_getBlockReceipts: the receipts in order, or None without the block."""
    block = view.find(params.need(0))
    if block is None:
        return None
    logs: dict[int, list[LogRow]] = defaultdict(list)
    for log in view.store.block_logs(block.number):
        logs[log.tx].append(log)
    return [
        shapes.receipt_json(row, block.hash, logs[row.index])
        for row in view.store.transactions(block.number)
    ]


def get_transaction(view: View, params: Params) -> Any:
    """Answer eth_getTransactionByHash: the sealed transaction, or None."""
    row = view.store.transaction(params.data(0, 32))
    if row is None:
        return None
    return shapes.transaction_json(row, view.block(hex(row.block)).hash)


def get_receipt(view: View, params: Params) -> Any:
    """Answer eth_getTransactionReceipt: the receipt, or None."""
    row = view.store.transaction(params.data(0, 32))
    if row is None:
        return None
    logs = [log for log in view.store.block_logs(row.block) if log.tx == row.index]
    return shapes.receipt_json(row, view.block(hex(row.block)).hash, logs)


def _state(view: View, params: Params, place: int) -> Any:
    return state_at(view.store, view.block(params.get(place, "latest")), view.chain_id)


def get_transaction_count(view: View, params: Params) -> str:
    """Answer eth_getTransactionCount: the next nonce of an account."""
    return hex(_state(view, params, 1).get_nonce(params.data(0, 20)))


def get_balance(view: View, params: Params) -> str:
    """Answer eth_getBalance, in wei."""
    return hex(_state(view, params, 1).get_balance(params.data(0, 20)))


def get_code(view: View, params: Params) -> str:
    """Answer eth_getCode."""
    return shapes.data(_state(view, params, 1).get_code(params.data(0, 20)))


def get_storage_at(view: View, params: Params) -> str:
    """Answer eth_getStorageAt: the 32-byte word in a slot."""
    address, slot = params.data(0, 20), read_word(params.need(1), "argument 1")
    return shapes.word(_state(view, params, 2).get_storage(address, slot))


def get_proof(view: View, params: Params) -> Any:
    """Answer eth_getProof (EIP-1186), at any block."""
    address, slots = params.data(0, 20), params.get(1, [])
    if not isinstance(slots, list) or len(slots) > MAX_SLOTS:
        raise invalid("argument 1", f"a list of at most {MAX_SLOTS} slots")
    numbers = [read_word(slot, "storage slot") for slot in slots]
    block = view.block(params.get(2, "latest"))
    return shapes.proof_json(address, prove(view.store, block, address, numbers))


def fee_history(view: View, params: Params) -> Any:
    """Answer eth_feeHistory: base fees and rewards are nought, gas ratios are real."""
    wanted = min(params.quantity(0), MAX_FEE_BLOCKS)
    newest, percentiles = view.block(params.need(1)), params.get(2, [])
    if not isinstance(percentiles, list) or len(percentiles) > 100:
        raise invalid("argument 2", "a list of at most 100 percentiles")
    numbers = range(max(newest.number - wanted + 1, 0), newest.number + 1)
    headers = [view.block(hex(number)).header for number in numbers]
    history: dict[str, Any] = {
        "oldestBlock": hex(numbers.start),
        "baseFeePerGas": ["0x0"] * (len(headers) + 1),
        "gasUsedRatio": [header.gas_used / header.gas_limit for header in headers],
    }
    if percentiles:
        history["reward"] = [["0x0"] * len(percentiles) for _ in headers]
    return history


def client_version(_view: View, _params: Params) -> str:
    """Answer web3_clientVersion."""
    return f"Touchstone/v{version('touchstone-ledger')}/py-evm-{version('py-evm')}"


METHODS: dict[str, Callable[[View, Params], Any]] = {
    "eth_blockNumber": lambda view, _: hex(view.head().number),
    "eth_call": eth_call,
    "eth_chainId": lambda view, _: hex(view.chain_id),
    "eth_estimateGas": eth_estimate_gas,
    "eth_feeHistory": fee_history,
    "eth_gasPrice": lambda _view, _params: "0x0",
    "eth_getBalance": get_balance,
    "eth_getBlockByHash": get_block_by_hash,
    "eth_getBlockByNumber": get_block_by_number,
    "eth_getBlockReceipts": get_block_receipts,
    "eth_getCode": get_code,
    "eth_getLogs": get_logs,
    "eth_getProof": get_proof,
    "eth_getStorageAt": get_storage_at,
    "eth_getTransactionByHash": get_transaction,
    "eth_getTransactionCount": get_transaction_count,
    "eth_getTransactionReceipt": get_receipt,
    "eth_maxPriorityFeePerGas": lambda _view, _params: "0x0",
    "eth_syncing": lambda _view, _params: False,
    "net_version": lambda view, _: str(view.chain_id),
    "web3_clientVersion": client_version,
}
