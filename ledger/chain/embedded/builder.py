"""Build a block from candidates: each is refused or executed on its own, in one pass."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from eth.constants import EMPTY_SHA3
from eth.db.trie import make_trie_root_and_nodes
from eth.vm.forks.london.blocks import LondonBlockHeader

from ledger.chain.embedded import qbft
from ledger.chain.embedded.admission import Candidate
from ledger.chain.embedded.nodes import NodeOverlay
from ledger.chain.embedded.records import LogRow, TxRow
from ledger.chain.embedded.vm import QbftVM, state_for
from ledger.errors import Broken, Rejected, TouchstoneError


@dataclass
class Draft:
    """A block that is executed and not yet sealed, and what became of each candidate.

    refused: answered now. gaps: may follow when their predecessor comes, else answered so.
    later: no room in this block.
    """

    header: Any = None
    transactions: list[TxRow] = field(default_factory=list)
    logs: list[LogRow] = field(default_factory=list)
    refused: list[tuple[Candidate, TouchstoneError]] = field(default_factory=list)
    gaps: list[tuple[Candidate, TouchstoneError]] = field(default_factory=list)
    later: list[Candidate] = field(default_factory=list)


class Builder:
    """Executes candidates on top of `parent`, for a block of time `timestamp`.

    nodes: where the new trie nodes end up. previous_hashes: newest first, for BLOCKHASH.
    """

    def __init__(
        self,
        parent: Any,
        timestamp: int,
        chain_id: int,
        validator: bytes,
        nodes: NodeOverlay,
        previous_hashes: Iterable[bytes],
    ) -> None:
        self._header = LondonBlockHeader(
            parent_hash=parent.hash,
            block_number=parent.block_number + 1,
            timestamp=timestamp,
            coinbase=validator,
            difficulty=qbft.DIFFICULTY,
            gas_limit=parent.gas_limit,
            state_root=parent.state_root,
            extra_data=qbft.extra_data([validator]),
            mix_hash=qbft.MIX_HASH,
            nonce=qbft.NONCE,
            base_fee_per_gas=0,
        )
        self._state = state_for(nodes, self._header, chain_id, previous_hashes)
        self._receipts: list[Any] = []
        self._included: list[Any] = []
        self._draft = Draft()

    def build(self, candidates: Sequence[Candidate]) -> Draft:
        """Return the draft of a block with all candidates that can be in it."""
        for candidate in in_nonce_order(candidates):
            if self._header.gas_used + candidate.decoded.gas > self._header.gas_limit:
                self._draft.later.append(candidate)
                continue
            refusal = self._refusal(candidate)
            if refusal is None:
                self._execute(candidate)
            elif refusal.code == "NONCE_TOO_HIGH":
                self._draft.gaps.append((candidate, refusal))
            else:
                self._draft.refused.append((candidate, refusal))
        self._state.persist()
        self._draft.header = self._header.copy(
            state_root=self._state.state_root,
            transaction_root=make_trie_root_and_nodes(self._included)[0],
            receipt_root=make_trie_root_and_nodes(self._receipts)[0],
        )
        return self._draft

    def _refusal(self, candidate: Candidate) -> Rejected | None:
        """Return why the state at this place does not admit the candidate, None if it does."""
        transaction, sender = candidate.decoded, candidate.sender
        expected = self._state.get_nonce(sender)
        nonces = f"next nonce {expected}, tx nonce {candidate.nonce}"
        if candidate.nonce < expected:
            return Rejected("NONCE_TOO_LOW", f"nonce too low: {nonces}")
        if candidate.nonce > expected:
            return Rejected("NONCE_TOO_HIGH", f"nonce too high: {nonces}")
        if self._state.get_code_hash(sender) != EMPTY_SHA3:
            return Rejected("SENDER_NOT_EOA", "sender not an eoa (EIP-3607)")
        balance = self._state.get_balance(sender)
        cost = transaction.value + transaction.gas * transaction.max_fee_per_gas
        if balance < cost:
            return Rejected(
                "INSUFFICIENT_FUNDS",
                f"insufficient funds for gas * price + value: balance {balance}, tx cost {cost}, "
                f"overshot {cost - balance}",
            )
        return None

    def _execute(self, candidate: Candidate) -> None:
        state, transaction = self._state, candidate.decoded
        state.lock_changes()
        snapshot = state.snapshot()
        try:
            computation = state.apply_transaction(transaction)
        except Exception as error:  # py-evm's own failure: this one is out, the others go on
            state.revert(snapshot)
            broken = Broken("EXECUTION_FAILED", f"the EVM could not run it: {error!r}")
            self._draft.refused.append((candidate, broken))
            return
        state.commit(snapshot)
        receipt = QbftVM.make_receipt(self._header, transaction, computation, state)
        self._record(candidate, receipt, computation.msg.storage_address)
        self._header = self._header.copy(
            gas_used=receipt.gas_used, bloom=self._header.bloom | int(receipt.bloom)
        )
        self._included.append(transaction)
        self._receipts.append(receipt)

    def _record(self, candidate: Candidate, receipt: Any, created: bytes | None) -> None:
        number, index = self._header.block_number, len(self._included)
        self._draft.transactions.append(
            TxRow(
                block=number,
                index=index,
                hash=candidate.hash,
                raw=candidate.raw,
                sender=candidate.sender,
                status=int.from_bytes(receipt.state_root, "big"),
                gas_used=receipt.gas_used - self._header.gas_used,
                cumulative_gas=receipt.gas_used,
                contract=created if not candidate.decoded.to else None,
            )
        )
        for log in receipt.logs:
            self._draft.logs.append(
                LogRow(
                    block=number,
                    index=len(self._draft.logs),
                    tx=index,
                    address=log.address,
                    topics=tuple(topic.to_bytes(32, "big") for topic in log.topics),
                    data=log.data,
                )
            )


def in_nonce_order(candidates: Sequence[Candidate]) -> list[Candidate]:
    """Return the candidates in order of arrival, each sender's own places sorted by nonce."""
    by_sender: dict[bytes, list[Candidate]] = defaultdict(list)
    for candidate in candidates:
        by_sender[candidate.sender].append(candidate)
    ordered = {s: iter(sorted(own, key=lambda c: c.nonce)) for s, own in by_sender.items()}
    return [next(ordered[candidate.sender]) for candidate in candidates]
