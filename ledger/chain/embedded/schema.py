"""The node's SQLite file: its tables, and how it is opened.

Three of its habits are promises. WAL with synchronous=FULL: a commit that returned survives power
loss. One SQLite transaction a block: a block is there whole or not at all. Rows are never changed
or deleted: readers need no lock.
"""

from __future__ import annotations

import sqlite3
from pathlib import Path

from ledger.errors import Broken

VERSION = 1
INDEXED_TOPICS = 4

_TABLES = """
create table meta (name text primary key, value text not null) strict, without rowid;
create table nodes (hash blob primary key, data blob not null) strict, without rowid;
create table blocks (
  number integer primary key, hash blob not null unique, header blob not null, seal blob not null
) strict;
create table transactions (
  block integer not null, idx integer not null, hash blob not null unique, raw blob not null,
  sender blob not null, status integer not null, gas_used integer not null,
  cumulative_gas integer not null, contract blob, primary key (block, idx)
) strict, without rowid;
create table logs (
  block integer not null, idx integer not null, tx integer not null, address blob not null,
  topic0 blob, topic1 blob, topic2 blob, topic3 blob, data blob not null, primary key (block, idx)
) strict, without rowid;
create index logs_address on logs (address, block);
create index logs_topic0 on logs (topic0, block) where topic0 is not null;
create index logs_topic1 on logs (topic1, block) where topic1 is not null;
create index logs_topic2 on logs (topic2, block) where topic2 is not null;
create index logs_topic3 on logs (topic3, block) where topic3 is not null;
"""


def open_writer(path: Path) -> sqlite3.Connection:
    """Open the file for the one writer, making the tables if it is new.

    Raises Broken DATABASE_DAMAGED or SCHEMA_UNKNOWN.
    """
    try:
        connection = _connect(path, "rwc")
        connection.execute("pragma journal_mode = wal")
        connection.execute("pragma synchronous = full")
        _prepare(connection, path)
        connection.execute("select count(*) from sqlite_schema").fetchone()
    except sqlite3.DatabaseError as error:
        raise damaged(path, error) from error
    return connection


def open_reader(path: Path) -> sqlite3.Connection:
    """Open the file for reading; each thread has its own connection."""
    connection = _connect(path, "ro")
    connection.execute("pragma cache_size = -8000")  # 8 MB a thread
    return connection


def damaged(path: Path, error: Exception) -> Broken:
    """Return the error for a file that SQLite cannot read."""
    return Broken(
        "DATABASE_DAMAGED",
        f"The chain's database {path} is damaged ({error}): "
        "put it back from your last backup, or start a new chain in another --data.",
    )


def _connect(path: Path, mode: str) -> sqlite3.Connection:
    uri = f"{path.resolve().as_uri()}?mode={mode}"  # in which "#", "?" and "%" are escaped
    connection = sqlite3.connect(
        uri, uri=True, isolation_level=None, check_same_thread=False, timeout=5.0
    )
    connection.execute("pragma temp_store = memory")
    return connection


def _prepare(connection: sqlite3.Connection, path: Path) -> None:
    version = connection.execute("pragma user_version").fetchone()[0]
    if version == VERSION:
        return
    if version != 0:
        raise Broken(
            "SCHEMA_UNKNOWN",
            f"{path} was written by another version of Touchstone (schema {version}, this one "
            f"reads {VERSION}): start that version, or restore a backup made by this one.",
        )
    # If we die inside, SQLite rolls back and the next start finds an empty file again.
    connection.executescript(f"begin;{_TABLES}pragma user_version = {VERSION};commit;")
