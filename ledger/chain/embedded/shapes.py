"""The JSON shapes of blocks, transactions, receipts, logs and proofs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from eth.constants import CREATE_CONTRACT_ADDRESS

from ledger.chain import rlp
from ledger.chain.embedded import qbft
from ledger.chain.embedded.admission import chain_id_of, decode
from ledger.chain.embedded.proofs import AccountProof
from ledger.chain.embedded.records import Block, LogRow, TxRow
from ledger.chain.receipts import bloom

_EXTRA_DATA = 12  # its place in a header


def data(value: bytes) -> str:
    """Return bytes as 0x and hex."""
    return "0x" + value.hex()


def word(value: int) -> str:
    """Return a number as 32 bytes in hex."""
    return data(value.to_bytes(32, "big"))


def block_json(block: Block, transactions: Sequence[TxRow], full: bool) -> dict[str, Any]:
    """Return a block with its seal put into extraData, as a QBFT node shows it."""
    header = block.header
    extra = qbft.with_seals(header.extra_data, [block.seal] if block.seal else [])
    return {
        "number": hex(block.number),
        "hash": data(block.hash),
        "parentHash": data(header.parent_hash),
        "sha3Uncles": data(header.uncles_hash),
        "miner": data(header.coinbase),
        "stateRoot": data(header.state_root),
        "transactionsRoot": data(header.transaction_root),
        "receiptsRoot": data(header.receipt_root),
        "logsBloom": data(header.bloom.to_bytes(256, "big")),
        "difficulty": hex(header.difficulty),
        "totalDifficulty": hex(block.number + 1),
        "gasLimit": hex(header.gas_limit),
        "gasUsed": hex(header.gas_used),
        "timestamp": hex(header.timestamp),
        "extraData": data(extra),
        "mixHash": data(header.mix_hash),
        "nonce": data(header.nonce),
        "baseFeePerGas": hex(header.base_fee_per_gas),
        "size": hex(_size(header, extra, transactions)),
        "uncles": [],
        "transactions": [
            transaction_json(row, block.hash) if full else data(row.hash) for row in transactions
        ],
    }


def _size(header: Any, extra: bytes, transactions: Sequence[TxRow]) -> int:
    """Return the bytes of the block's RLP: header with its seal, transactions, no uncles."""
    fields = list(header.serialize(header))
    fields[_EXTRA_DATA] = extra
    items = [row.raw if row.raw[0] < 0x80 else rlp.decode(row.raw) for row in transactions]
    return len(rlp.encode([fields, items, []]))


def transaction_json(row: TxRow, block_hash: bytes) -> dict[str, Any]:
    """Return a sealed transaction with its place."""
    tx = decode(row.raw)
    shape: dict[str, Any] = {
        "type": hex(tx.type_id or 0),
        "hash": data(row.hash),
        "blockHash": data(block_hash),
        "blockNumber": hex(row.block),
        "transactionIndex": hex(row.index),
        "from": data(row.sender),
        "to": None if tx.to == CREATE_CONTRACT_ADDRESS else data(tx.to),
        "nonce": hex(tx.nonce),
        "gas": hex(tx.gas),
        "gasPrice": hex(tx.max_priority_fee_per_gas),
        "value": hex(tx.value),
        "input": data(tx.data),
        "chainId": hex(chain_id_of(tx) or 0),
        "r": hex(tx.r),
        "s": hex(tx.s),
    }
    if tx.type_id is None:
        return {**shape, "v": hex(tx.v)}
    shape |= {
        "v": hex(tx.y_parity),
        "yParity": hex(tx.y_parity),
        "accessList": [
            {"address": data(address), "storageKeys": [word(slot) for slot in slots]}
            for address, slots in tx.access_list
        ],
    }
    if tx.type_id == 2:
        shape |= {
            "maxFeePerGas": hex(tx.max_fee_per_gas),
            "maxPriorityFeePerGas": hex(tx.max_priority_fee_per_gas),
        }
    return shape


def receipt_json(row: TxRow, block_hash: bytes, logs: Sequence[LogRow]) -> dict[str, Any]:
    """Return the receipt of `row`; `logs` are its own, of the transaction and no other."""
    tx = decode(row.raw)
    bits = bloom(item for log in logs for item in (log.address, *log.topics))
    return {
        "type": hex(tx.type_id or 0),
        "transactionHash": data(row.hash),
        "transactionIndex": hex(row.index),
        "blockHash": data(block_hash),
        "blockNumber": hex(row.block),
        "from": data(row.sender),
        "to": None if tx.to == CREATE_CONTRACT_ADDRESS else data(tx.to),
        "contractAddress": None if row.contract is None else data(row.contract),
        "status": hex(row.status),
        "gasUsed": hex(row.gas_used),
        "cumulativeGasUsed": hex(row.cumulative_gas),
        "effectiveGasPrice": hex(tx.max_priority_fee_per_gas),
        "logsBloom": data(bits.to_bytes(256, "big")),
        "logs": [log_json(log, block_hash, row.hash) for log in logs],
    }


def log_json(log: LogRow, block_hash: bytes, tx_hash: bytes) -> dict[str, Any]:
    """Return a log with its place."""
    return {
        "address": data(log.address),
        "topics": [data(topic) for topic in log.topics],
        "data": data(log.data),
        "blockNumber": hex(log.block),
        "blockHash": data(block_hash),
        "transactionHash": data(tx_hash),
        "transactionIndex": hex(log.tx),
        "logIndex": hex(log.index),
        "removed": False,
    }


def proof_json(address: bytes, proof: AccountProof) -> dict[str, Any]:
    """Return an EIP-1186 proof."""
    return {
        "address": data(address),
        "balance": hex(proof.balance),
        "nonce": hex(proof.nonce),
        "codeHash": data(proof.code_hash),
        "storageHash": data(proof.storage_hash),
        "accountProof": [data(node) for node in proof.nodes],
        "storageProof": [
            {
                "key": word(slot.slot),
                "value": hex(slot.value),
                "proof": [data(node) for node in slot.nodes],
            }
            for slot in proof.slots
        ],
    }
