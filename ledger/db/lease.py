"""One process at a time of those that work on a database: a lock that dies with its holder.

It spares others work, and is no proof: a lock file can be deleted, a server cut off. What must not
be done twice is also checked in the transaction that does it.
"""

from __future__ import annotations

import fcntl
from contextlib import suppress
from pathlib import Path
from typing import IO

from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import DBAPIError

from ledger.db.engine import answering
from ledger.domain.keccak import keccak


class Lease:
    """A name on a database that one process has until it closes the lease, or dies.

    Beside an SQLite file a locked file of its own; on a server a lock of the session, under a
    number that the name is hashed to.
    """

    def __init__(self, engine: Engine, name: str) -> None:
        """Take nothing yet."""
        self._engine = engine
        self._name = name
        self._file: IO[bytes] | None = None
        self._connection: Connection | None = None

    def is_held(self) -> bool:
        """Say whether the lease is ours, taking it if it is free.

        Raises Unavailable DATABASE_FAILED when the server does not answer.
        """
        if self._engine.dialect.name != "sqlite":
            return self._is_held_on_server()
        return self._file is not None or self._lock_file()

    def close(self) -> None:
        """Leave it to others."""
        if self._file is not None:
            self._file.close()
        if self._connection is not None:
            self._connection.close()  # the session ends, and its lock with it
        self._file = self._connection = None

    def _lock_file(self) -> bool:
        database = Path(self._engine.url.database or "")
        file = database.with_name(f"{database.name}.{self._name}.lock").open("ab")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            file.close()
            return False
        self._file = file
        return True

    def _is_held_on_server(self) -> bool:
        if self._connection is not None:
            with suppress(DBAPIError):
                self._connection.execute(text("SELECT 1"))
                return True
            self.close()  # the session is gone, and its lock with it
        with answering(self._engine):
            connection = self._engine.connect().execution_options(isolation_level="AUTOCOMMIT")
            number = int.from_bytes(keccak(self._name.encode())[:8], "big", signed=True)
            connection.detach()  # never given back to the pool with its lock
            if connection.scalar(text("SELECT pg_try_advisory_lock(:number)"), {"number": number}):
                self._connection = connection
                return True
            connection.close()
            return False
