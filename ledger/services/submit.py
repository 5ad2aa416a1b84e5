"""The submitter: takes the outbox to the chain, and settles what the chain has answered.

Calls go out in batches in which each part fails alone, so both success and refusal leave a log in a
sealed block: a submission is settled from the chain tables, never on an RPC node's word alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Engine, func, select
from sqlalchemy.orm import Session

from ledger.chain.account import Account
from ledger.chain.message import batch_call
from ledger.chain.refusals import NEEDS_SIGNATURE, refusal_of
from ledger.chain.rpc import Rpc, answers
from ledger.db.engine import reading, transaction
from ledger.db.models import ChainCheckpoint, ChainFailure, ChainTransaction, Relay, Submission
from ledger.domain.keccak import keccak
from ledger.errors import Broken, Unavailable
from ledger.services.capture import GAS_BASE, GAS_BYTE, GAS_PART, MAX_GAS
from ledger.services.network import Network

MAX_PARTS = 50


class Submitter:
    """Relays the outbox with one account, and settles it."""

    def __init__(self, engine: Engine, rpc: Rpc, network: Network, relay: Account) -> None:
        self._engine = engine
        self._rpc = rpc
        self._network = network
        self._relay = relay

    def step(self, now: int) -> int:
        """Settle what is answered, then send what waits; return how many rows moved.

        Raises Unavailable when the node does not answer, or refuses; nothing is lost by that.
        """
        return self.settle(now) + self.send(now)

    def settle(self, now: int) -> int:
        """Settle submissions whose transaction the follower has proved; return how many."""
        moved = 0
        for relay in self._open():
            with transaction(self._engine) as session:
                block = session.get(ChainTransaction, relay.hash)
                if block is not None:
                    moved += self._settle(session, relay, block.block, now)
            if block is None:
                self._chase(relay)
        return moved

    def send(self, now: int) -> int:
        """Sign and broadcast the next batch, unless one is under way; return its parts."""
        if not self._is_waited_for():
            return 0  # looked at without the lock that keeps others from writing
        with transaction(self._engine) as session:
            if session.scalars(select(Relay).where(~Relay.settled).limit(1)).first():
                return 0
            rows = self._next_rows(session)
            if not rows:
                return 0
            nonce = self._next_nonce(session)
            call = batch_call([row.data for row in rows])
            raw = self._relay.transaction(
                self._network.chain_id,
                nonce,
                self._network.address,
                call,
                _gas([row.data for row in rows]),
                0,
            )
            relay = Relay(nonce=nonce, hash=keccak(raw), raw=raw, created=now, settled=False)
            session.add(relay)
            session.flush()
            for part, row in enumerate(rows):
                row.nonce, row.part, row.state = nonce, part, "SENT"
        # If we die here, the next start broadcasts the same bytes.
        self._broadcast(relay)
        return len(rows)

    def _is_waited_for(self) -> bool:
        with reading(self._engine) as session:
            query = select(Submission.id).where(Submission.state == "QUEUED").limit(1)
            return session.scalars(query).first() is not None

    def _open(self) -> Sequence[Relay]:
        with reading(self._engine) as session:
            return session.scalars(select(Relay).where(~Relay.settled).order_by(Relay.nonce)).all()

    def _next_rows(self, session: Session) -> list[Submission]:
        query = (
            select(Submission)
            .where(Submission.state == "QUEUED")
            .order_by(Submission.id)
            .limit(MAX_PARTS)
            .with_for_update()  # whoever is faster sends them, and they are queued no more
        )
        rows: list[Submission] = []
        for row in session.scalars(query):
            if rows and _gas([r.data for r in [*rows, row]]) > MAX_GAS:
                break
            rows.append(row)
        return rows

    def _next_nonce(self, session: Session) -> int:
        newest = session.scalar(select(func.max(Relay.nonce)))
        # The chain may know of more than a database that was restored, and less than a newer one.
        return max(0 if newest is None else int(newest) + 1, self._chain_count())

    def _chain_count(self) -> int:
        address = "0x" + self._relay.address.hex()
        return int(self._ask("eth_getTransactionCount", address, "latest"), 16)

    def _settle(self, session: Session, relay: Relay, block: int, now: int) -> int:
        failures = {
            row.part: row.reason
            for row in session.scalars(
                select(ChainFailure).where(ChainFailure.transaction_hash == relay.hash)
            )
        }
        rows = session.scalars(select(Submission).where(Submission.nonce == relay.nonce)).all()
        for row in rows:
            row.settled, row.block = now, block
            if row.part not in failures:
                row.state = "CONFIRMED"
                continue
            told = refusal_of(row.data, failures[row.part])
            row.state = "NEEDS_SIGNATURE" if told.code in NEEDS_SIGNATURE else "REJECTED"
            row.error, row.detail = told.code, told.message
        session.merge(relay).settled = True
        return len(rows)

    def _chase(self, relay: Relay) -> None:
        """A transaction without a proved log: not mined yet, overtaken, or reverted as a whole."""
        # In this order: a count that is past our number and then no receipt of ours mean that the
        # number went to another transaction, so ours can never be mined.
        overtaken = self._chain_count() > relay.nonce
        receipt = self._ask("eth_getTransactionReceipt", "0x" + relay.hash.hex())
        if receipt is None:
            if overtaken:
                self._queue_again(relay)
            else:
                self._broadcast(relay)
            return
        with reading(self._engine) as session:
            checkpoint = session.get(ChainCheckpoint, 1)
        if checkpoint is None or checkpoint.number < int(receipt["blockNumber"], 16):
            return  # the follower has yet to take that block
        # Every part leaves a log, so this one reverted as a whole: too little gas was given.
        raise Broken(
            "RELAY_REVERTED",
            f"Transaction {relay.hash.hex()} of the relay account reverted as a whole: report this "
            "with the node's trace of it.",
        )

    def _queue_again(self, relay: Relay) -> None:
        """Take back a transaction whose number a copy of this installation has used."""
        with transaction(self._engine) as session:
            for row in session.scalars(select(Submission).where(Submission.nonce == relay.nonce)):
                row.nonce, row.part, row.state = None, None, "QUEUED"
            session.flush()
            session.delete(session.get_one(Relay, relay.nonce))

    def _broadcast(self, relay: Relay) -> None:
        try:
            self._ask("eth_sendRawTransaction", "0x" + relay.raw.hex())
        except Unavailable as error:
            # Known already (sent before we died) is what we want; settle() sees to the rest.
            if not any(word in error.message.lower() for word in ("known", "nonce too low")):
                raise

    def _ask(self, method: str, *params: str) -> Any:
        return answers(self._rpc, [(method, params)])[0]


def _gas(calls: Sequence[bytes]) -> int:
    return GAS_BASE + sum(GAS_PART + GAS_BYTE * len(call) for call in calls)
