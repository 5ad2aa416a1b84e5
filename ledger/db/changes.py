"""Whether anybody has written: asked twenty times a second by whoever waits for work."""

from __future__ import annotations

from sqlalchemy import Engine


class Changes:
    """Tells whether something was committed to a database since it was last asked.

    SQLite answers in microseconds, from a connection of its own that never writes, by which it
    also tells what this process has committed. No other database says so: there it is always yes.
    """

    def __init__(self, engine: Engine) -> None:
        """Take a connection of the engine until `close`."""
        self._connection = engine.raw_connection() if engine.dialect.name == "sqlite" else None
        self._seen: int | None = None

    def came(self) -> bool:
        """Say whether something may have been committed; the first time yes."""
        if self._connection is None:
            return True
        cursor = self._connection.cursor()
        try:
            (version,) = cursor.execute("PRAGMA data_version").fetchone()
        finally:
            cursor.close()
        before, self._seen = self._seen, version
        return bool(before != version)

    def close(self) -> None:
        """Give the connection back."""
        if self._connection is not None:
            self._connection.close()
