"""The follower: takes proved blocks and projects them into the chain tables.

What a run of blocks changes and the checkpoint are one transaction, so the tables are always the
state of exactly one block. Two followers of one database do no harm: whoever finds the checkpoint
moved goes on from there.
"""

from __future__ import annotations

from sqlalchemy import Engine, delete
from sqlalchemy.orm import Session

from ledger.chain.events import decode
from ledger.chain.reader import Block, BlockReader, Checkpoint
from ledger.chain.rpc import Rpc
from ledger.chain.validators import Reign, Succession
from ledger.db.engine import reading, transaction
from ledger.db.models import ChainCheckpoint, chain_tables
from ledger.errors import Unavailable
from ledger.services.following.chain_rows import ChainRows
from ledger.services.following.project import project
from ledger.services.network import Network


class Follower:
    """Follows one contract into one database; the only writer of the chain tables."""

    def __init__(self, engine: Engine, rpc: Rpc, network: Network) -> None:
        self._engine = engine
        self._rpc = rpc
        self._network = network
        self._reader = self._resume()

    def step(self, now: float) -> int:
        """Take the next run of blocks and return how many; 0 when nothing is newer.

        now: unix seconds. Raises what BlockReader.next_run raises, Broken HISTORY_GAP, and
        Unavailable FOLLOWER_OVERTAKEN when another process follows into the same database.
        """
        try:
            blocks = self._reader.next_run(now)
            if blocks:
                with transaction(self._engine) as session:
                    self._store(session, blocks)
                # Before that commit we die without a trace: the same blocks are taken again.
        except Exception:
            # The reader is ahead of what is stored: go on from what is stored.
            self._reader = self._resume()
            raise
        return len(blocks)

    def catch_up(self, now: float) -> int:
        """Take all there is and return how many blocks."""
        taken = 0
        while count := self.step(now):
            taken += count
        return taken

    def rebuild(self, now: float) -> int:
        """Take every block again into emptied chain tables; return how many. Raises as `step`.

        One transaction: readers see the old tables or the new ones, never half of them, and if we
        die on the way the old ones stand. Other writers wait for it.
        """
        taken = 0
        try:
            with transaction(self._engine) as session:
                for table in chain_tables():
                    session.execute(delete(table))
                self._reader = self._reader_from(None)
                while blocks := self._reader.next_run(now):
                    self._store(session, blocks)
                    session.flush()
                    session.expunge_all()  # a long history does not fit in memory
                    taken += len(blocks)
        except Exception:
            self._reader = self._resume()
            raise
        return taken

    def _resume(self) -> BlockReader:
        with reading(self._engine) as session:
            return self._reader_from(session.get(ChainCheckpoint, 1))

    def _reader_from(self, row: ChainCheckpoint | None) -> BlockReader:
        if row is None:
            genesis = bytes.fromhex(self._network.genesis_hash[2:])
            checkpoint = Checkpoint(0, genesis)
            validators = (bytes.fromhex(v[2:]) for v in self._network.validators)
            succession = Succession.start(validators)
        else:
            checkpoint = Checkpoint(row.number, row.hash)
            succession = Succession(tuple(_reign(since, members) for since, members in row.reigns))
        return BlockReader(
            self._rpc,
            chain_id=self._network.chain_id,
            checkpoint=checkpoint,
            succession=succession,
            contract=self._network.address,
            epoch_length=self._network.epoch_length,
        )

    def _store(self, session: Session, blocks: tuple[Block, ...]) -> None:
        row = session.get(ChainCheckpoint, 1)
        if (row.number if row else 0) != blocks[0].header.number - 1:
            raise Unavailable(
                "FOLLOWER_OVERTAKEN",
                "Another process follows the chain into this database: one worker is enough.",
            )
        found = (
            decode(log, block.header.number, block.header.timestamp)
            for block in blocks
            for log in block.logs
        )
        events = [seen for seen in found if seen is not None]
        with ChainRows(session, events) as rows:
            for seen in events:
                project(rows, self._network, seen)
        newest = blocks[-1].header
        if row is None:
            row = ChainCheckpoint(id=1, changes=[])
            session.add(row)
        row.number, row.hash, row.time = newest.number, newest.hash, newest.timestamp
        row.reigns = [
            [reign.since, sorted("0x" + v.hex() for v in reign.validators)]
            for reign in self._reader.succession.reigns
        ]
        row.changes = row.changes + [
            {
                "votes": ["0x" + vote.encode().hex() for vote in change.votes],
                "first": "0x" + change.first.encode().hex(),
            }
            for change in self._reader.changes
        ]
        self._reader.changes = ()


def _reign(since: int, members: list[str]) -> Reign:
    return Reign(since, frozenset(bytes.fromhex(m[2:]) for m in members))
