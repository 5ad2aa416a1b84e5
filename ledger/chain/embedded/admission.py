"""What can be checked of a signed transaction without any state; the texts are geth's."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from eth._utils.transactions import extract_chain_id, is_eip_155_signed_transaction
from eth.constants import SECPK1_N, UINT_64_MAX, UINT_256_MAX

from ledger.chain.embedded.vm import TX_GAS_LIMIT, QbftVM, intrinsic_gas
from ledger.domain.keccak import keccak
from ledger.errors import Rejected

MAX_TX_BYTES = 128 * 1024


@dataclass(frozen=True)
class Candidate:
    """A transaction that is well formed, for this chain, and signed by `sender`.

    raw: its bytes as sent. hash: keccak(raw). decoded: py-evm's object.
    """

    raw: bytes
    hash: bytes
    sender: bytes
    decoded: Any

    @property
    def nonce(self) -> int:
        """The sender's count of transactions that must come before."""
        nonce: int = self.decoded.nonce
        return nonce


def admit(raw: bytes, chain_id: int) -> Candidate:
    """Return `raw` as a candidate for a block of chain `chain_id`.

    Raises Rejected with a geth-like sentence: TX_MALFORMED, TX_TOO_LARGE, WRONG_CHAIN,
    UNPROTECTED, BAD_SIGNATURE, GAS_LIMIT, INTRINSIC_GAS, FEE_CAP, NONCE_MAX.
    """
    if len(raw) > MAX_TX_BYTES:
        raise Rejected(
            "TX_TOO_LARGE",
            f"oversized data: transaction size {len(raw)}, limit {MAX_TX_BYTES}",
        )
    transaction = decode(raw)
    _check_chain(transaction, chain_id)
    _check_numbers(transaction)
    sender = _recover(transaction)
    _check_gas(transaction)
    return Candidate(raw=raw, hash=keccak(raw), sender=sender, decoded=transaction)


@lru_cache(maxsize=256)  # one is read at admission, and again for its block and its receipt
def decode(raw: bytes) -> Any:
    """Return py-evm's transaction object for `raw`; raises Rejected TX_MALFORMED."""
    try:
        return QbftVM.get_transaction_builder().decode(raw)
    except Exception as error:  # rlp, py-evm and plain index errors alike: the bytes are wrong
        if raw and 0x80 > raw[0] > 2:
            raise Rejected("TX_MALFORMED", "transaction type not supported") from error
        raise Rejected("TX_MALFORMED", f"rlp: cannot decode the transaction ({error})") from error


def chain_id_of(transaction: Any) -> int | None:
    """Return the chain id that `transaction` is signed for, None for one without (pre EIP-155)."""
    if transaction.type_id is not None:
        typed: int = transaction.chain_id
        return typed
    if not is_eip_155_signed_transaction(transaction):
        return None
    legacy: int = extract_chain_id(transaction.v)
    return legacy


def _check_chain(transaction: Any, chain_id: int) -> None:
    signed_for = chain_id_of(transaction)
    if signed_for is None:
        raise Rejected(
            "UNPROTECTED", "only replay-protected (EIP-155) transactions allowed over RPC"
        )
    if signed_for != chain_id:
        raise Rejected(
            "WRONG_CHAIN", f"invalid chain id for signer: have {signed_for} want {chain_id}"
        )


def _check_numbers(transaction: Any) -> None:
    if transaction.nonce >= UINT_64_MAX:
        raise Rejected("NONCE_MAX", "nonce has max value")
    words = {
        "value": transaction.value,
        "maxFeePerGas": transaction.max_fee_per_gas,
        "maxPriorityFeePerGas": transaction.max_priority_fee_per_gas,
    }
    for name, word in words.items():
        if word > UINT_256_MAX:
            raise Rejected("TX_MALFORMED", f"{name} higher than 2^256-1")
    if transaction.max_priority_fee_per_gas > transaction.max_fee_per_gas:
        raise Rejected(
            "FEE_CAP",
            "max priority fee per gas higher than max fee per gas: "
            f"maxPriorityFeePerGas: {transaction.max_priority_fee_per_gas}, "
            f"maxFeePerGas: {transaction.max_fee_per_gas}",
        )


def _recover(transaction: Any) -> bytes:
    in_range = 0 < transaction.r < SECPK1_N and 0 < transaction.s <= SECPK1_N // 2
    if not in_range or transaction.y_parity not in (0, 1):
        raise Rejected("BAD_SIGNATURE", "invalid transaction v, r, s values")
    try:
        sender: bytes = transaction.sender
    except Exception as error:  # coincurve's and eth_keys' own kinds
        raise Rejected("BAD_SIGNATURE", "invalid sender") from error
    return sender


def _check_gas(transaction: Any) -> None:
    if transaction.gas > TX_GAS_LIMIT:
        raise Rejected(
            "GAS_LIMIT",
            f"exceeds block gas limit: gas {transaction.gas}, "
            f"at most {TX_GAS_LIMIT} for one transaction",
        )
    needed = intrinsic_gas(transaction)
    if transaction.gas < needed:
        raise Rejected(
            "INTRINSIC_GAS",
            f"intrinsic gas too low: gas {transaction.gas}, minimum needed {needed}",
        )
