"""Blocks, transactions, logs and trie nodes in one SQLite file: one writer, many readers."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import rlp
from eth.vm.forks.london.blocks import LondonBlockHeader

from ledger.chain.embedded.records import Block, LogFilter, LogRow, TxRow
from ledger.chain.embedded.schema import INDEXED_TOPICS, damaged, open_reader, open_writer

CACHED_NODES = 1 << 16
"""Trie nodes kept in memory: about 30 MB."""

_TX = "block, idx, hash, raw, sender, status, gas_used, cumulative_gas, contract"
_LOG = "block, idx, tx, address, topic0, topic1, topic2, topic3, data"


class Store:
    """The file at `path`. Reading is safe from every thread; `commit` is for the sealing one.

    Raises Broken DATABASE_DAMAGED or SCHEMA_UNKNOWN when it opens.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._writer = open_writer(path)
        self._local = threading.local()
        self._readers: list[sqlite3.Connection] = []
        self.node = lru_cache(maxsize=CACHED_NODES)(self._select_node)

    def close(self) -> None:
        """Close every connection; the last one folds the write-ahead log into the file."""
        for connection in self._readers:
            connection.close()
        self._writer.close()

    # ------------------------------------------------------------------ writing

    def commit(
        self,
        block: Block,
        transactions: Sequence[TxRow],
        logs: Sequence[LogRow],
        nodes: Mapping[bytes, bytes],
        meta: Mapping[str, str] | None = None,
    ) -> None:
        """Add a block and everything in it, durably: on return it survives power loss."""
        write = self._writer
        write.execute("begin immediate")
        try:
            write.executemany("insert or ignore into nodes values (?, ?)", nodes.items())
            write.executemany(
                f"insert into transactions ({_TX}) values (?,?,?,?,?,?,?,?,?)",  # noqa: S608
                [tuple(vars(row).values()) for row in transactions],
            )
            write.executemany(
                f"insert into logs ({_LOG}) values (?,?,?,?,?,?,?,?,?)",  # noqa: S608
                [_log_values(row) for row in logs],
            )
            write.execute(
                "insert into blocks values (?, ?, ?, ?)",
                (block.number, block.hash, rlp.encode(block.header), block.seal),
            )
            write.executemany("insert into meta values (?, ?)", (meta or {}).items())
            # If we die before COMMIT returns, SQLite drops all of it at the next start, and no
            # sender has been told; after it, the block is on the disk whole.
            write.execute("commit")
        except BaseException:
            if write.in_transaction:
                write.execute("rollback")
            raise

    # ------------------------------------------------------------------ reading

    def meta(self, name: str) -> str | None:
        """Return a named text, None when there is none."""
        row = self._one("select value from meta where name = ?", name)
        return None if row is None else str(row[0])

    def head(self) -> Block | None:
        """Return the newest block, None in an empty file."""
        return _block(self._one("select * from blocks order by number desc limit 1"))

    def block(self, key: int | bytes) -> Block | None:
        """Return the block of that number or hash."""
        column = "number" if isinstance(key, int) else "hash"
        return _block(self._one(f"select * from blocks where {column} = ?", key))  # noqa: S608

    def hashes_down_from(self, number: int) -> Iterator[bytes]:
        """Yield block hashes from `number` down to block 0, reading only what is asked for."""
        for height in range(number, -1, -1):
            row = self._one("select hash from blocks where number = ?", height)
            if row is None:
                return
            yield row[0]

    def transactions(self, number: int) -> list[TxRow]:
        """Return the transactions of block `number`, in order."""
        sql = f"select {_TX} from transactions where block = ? order by idx"  # noqa: S608
        return [TxRow(*row) for row in self._all(sql, number)]

    def transaction(self, tx_hash: bytes) -> TxRow | None:
        """Return the transaction of that hash."""
        row = self._one(f"select {_TX} from transactions where hash = ?", tx_hash)  # noqa: S608
        return None if row is None else TxRow(*row)

    def block_logs(self, number: int) -> list[LogRow]:
        """Return the logs of block `number`, in order."""
        sql = f"select {_LOG} from logs where block = ? order by idx"  # noqa: S608
        return [_log(row) for row in self._all(sql, number)]

    def logs(self, wanted: LogFilter, limit: int) -> list[LogRow]:
        """Return at most `limit` logs that match `wanted`, in order, found by an index."""
        where, values = _log_conditions(wanted)
        sql = f"select {_LOG} from logs where {where} order by block, idx limit ?"  # noqa: S608
        return [_log(row) for row in self._all(sql, *values, limit)]

    def places(self, logs: Sequence[LogRow]) -> dict[tuple[int, int], tuple[bytes, bytes]]:
        """Return {(block, tx): (block hash, transaction hash)} for the logs given."""
        sql = (
            "select b.hash, t.hash from transactions t join blocks b on b.number = t.block "
            "where t.block = ? and t.idx = ?"
        )
        wanted = {(log.block, log.tx) for log in logs}
        return {place: (row[0], row[1]) for place in wanted for row in self._all(sql, *place)}

    def _select_node(self, key: bytes) -> bytes:
        row = self._one("select data from nodes where hash = ?", key)
        if row is None:
            raise KeyError(key)
        data: bytes = row[0]
        return data

    def _one(self, sql: str, *values: Any) -> Any:
        rows = self._all(sql, *values)
        return rows[0] if rows else None

    def _all(self, sql: str, *values: Any) -> list[Any]:
        connection = getattr(self._local, "connection", None)
        if connection is None:
            connection = self._local.connection = open_reader(self._path)
            self._readers.append(connection)
        try:
            return list(connection.execute(sql, values))
        except sqlite3.DatabaseError as error:
            raise damaged(self._path, error) from error


def _log_conditions(wanted: LogFilter) -> tuple[str, list[Any]]:
    """Return the SQL condition and its values.

    The most telling column leads the search: a subject's topic before the event's kind (topic 0)
    before the address, which in a chain of one contract tells nothing. The unary plus keeps
    SQLite from choosing another index.
    """
    columns: list[tuple[str, tuple[bytes, ...]]] = [
        (f"topic{place}", alternatives)
        for place, alternatives in enumerate(wanted.topics)
        if alternatives
    ]
    columns = [*columns[1:], *columns[:1]] if columns and columns[0][0] == "topic0" else columns
    if wanted.addresses:
        columns.append(("address", wanted.addresses))
    parts, values = ["block between ? and ?"], [wanted.first, wanted.last]
    for place, (column, alternatives) in enumerate(columns):
        marks = ",".join("?" * len(alternatives))
        parts.append(f"{'+' if place else ''}{column} in ({marks})")
        values.extend(alternatives)  # type: ignore[arg-type]  # numbers and bytes alike
    # Places past the last condition must exist too: [A, null] asks for two topics or more.
    parts.extend(
        f"+topic{place} is not null"
        for place, alternatives in enumerate(wanted.topics)
        if not alternatives
    )
    return " and ".join(parts), values


def _log_values(row: LogRow) -> tuple[Any, ...]:
    topics = (*row.topics, *[None] * (INDEXED_TOPICS - len(row.topics)))
    return (row.block, row.index, row.tx, row.address, *topics, row.data)


def _log(row: Sequence[Any]) -> LogRow:
    block, index, tx, address, *topics, data = row
    return LogRow(block, index, tx, address, tuple(t for t in topics if t is not None), data)


def _block(row: Sequence[Any] | None) -> Block | None:
    if row is None:
        return None
    _, block_hash, header, seal = row
    return Block(_header(header), block_hash, seal)


@lru_cache(maxsize=256)
def _header(encoded: bytes) -> LondonBlockHeader:
    """Return a header; one costs as much as ten proofs of a slot, and the newest is asked for
    again and again."""
    return rlp.decode(encoded, sedes=LondonBlockHeader)
