"""Opening the database: SQLite by default, PostgreSQL by URL, the same code on both.

Every SQLite connection runs in WAL with synchronous=FULL, so that a committed row survives kill -9
and a power cut, and begins its transactions IMMEDIATE when it is going to write.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from threading import Lock
from typing import Any
from weakref import WeakKeyDictionary

from sqlalchemy import (
    URL,
    Connection,
    Engine,
    Row,
    Select,
    create_engine,
    event,
    inspect,
    make_url,
    text,
)
from sqlalchemy.exc import (
    ArgumentError,
    DatabaseError,
    DBAPIError,
    IntegrityError,
    OperationalError,
)
from sqlalchemy.orm import Session

from ledger.errors import Broken, Rejected, Unavailable

MIGRATIONS = Path(__file__).parent / "migrations"

BUSY_S = 30  # that another process may write on SQLite
_MIGRATING = 0x746F756368  # the lock in PostgreSQL of who migrates
# SQLite has one writer at a time, and lets those that wait try again after ever longer naps: the
# threads of one process queue here instead.
_TURNS: WeakKeyDictionary[Engine, AbstractContextManager[Any]] = WeakKeyDictionary()


def open_database(url: str) -> Engine:
    """Return an engine on an up-to-date database, creating or migrating it first.

    Raises Broken DATABASE_DAMAGED when the file is no (whole) database, SCHEMA_UNKNOWN when another
    version made it; Unavailable DATABASE_UNREACHABLE when the server does not answer; Rejected
    BAD_SETTING, Unavailable EXTRA_MISSING when there is no such kind of database, or no driver.
    """
    engine = _engine(url)
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _prepare_sqlite)
        event.listen(engine, "begin", _begin)
        _TURNS[engine] = Lock()
    try:
        with engine.begin() as connection:
            found = revision(connection)
        if found != newest_revision():
            _migrate(engine, url)
    except OperationalError as error:
        raise _unreachable(url, error) from error
    except DatabaseError as error:
        fault = _damaged if engine.dialect.name == "sqlite" else _unreachable
        raise fault(url, error) from error
    return engine


def sqlite_url(path: Path) -> str:
    """Return the URL of a database file, whatever characters its path has."""
    return URL.create("sqlite", database=str(path)).render_as_string()


@contextmanager
def transaction(engine: Engine) -> Iterator[Session]:
    """One unit of work that writes: committed at the end, rolled back when anything is raised.

    Raises Unavailable DATABASE_BUSY when another process writes, on SQLite for longer than half a
    minute, on a server the same row; DATABASE_FAILED when the disk is full or the server away, also
    at the commit itself.
    """
    turn = _TURNS.get(engine, nullcontext())
    with turn, answering(engine), Session(engine, expire_on_commit=False) as session:
        try:
            session.connection(execution_options={"touchstone_writes": True})
        except OperationalError as error:
            raise Unavailable(
                "DATABASE_BUSY", f"The database takes no writer now ({error.orig}): try again."
            ) from None
        yield session
        # If we die before this line nothing happened; after it, all of it did.
        session.commit()


@contextmanager
def reading(engine: Engine) -> Iterator[Session]:
    """A unit of work that only reads: one snapshot, rolled back at the end.

    Raises Unavailable DATABASE_FAILED as `transaction`.
    """
    with answering(engine), Session(engine, expire_on_commit=False) as session:
        yield session


@contextmanager
def answering(engine: Engine) -> Iterator[None]:
    """Raise Unavailable DATABASE_FAILED for what is no fault of a statement, but of disk or server.

    Nothing of the unit of work is kept then, but for a server that is lost while it commits: it may
    have taken all of it. Whoever asks again finds out, as after any lost answer. A row that was not
    there when it was looked for, and is when it is written, another process has written meanwhile:
    DATABASE_BUSY. Of SQLite's one writer at a time that would be a fault, and is raised as it is.
    """
    try:
        yield
    except DBAPIError as error:
        if isinstance(error, IntegrityError) and engine.dialect.name != "sqlite":
            raise Unavailable(
                "DATABASE_BUSY", "Another process has written the same at this moment: try again."
            ) from error
        if not (isinstance(error, OperationalError) or error.connection_invalidated):
            raise
        raise Unavailable(
            "DATABASE_FAILED",
            f"The database cannot be used now ({_first_line(error.orig)}): see to its disk or "
            "server, and try again.",
        ) from error


def plain_rows(
    session: Session, statement: Select[*tuple[Any, ...]], **values: Any
) -> Sequence[Row[*tuple[Any, ...]]]:
    """Return what a statement gives, as rows without objects: a third of the time of one query.

    For statements built once that every scan or proof asks, of tables that the session has not
    changed: nothing is flushed before.
    """
    return session.connection().execute(statement, values).all()


def newest_revision() -> str:
    """Return the revision that this version of the product works on: its files count up."""
    return max(_revisions())


def revision(connection: Connection) -> str | None:
    """Return the revision of a database, None for an empty one."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    found: str | None = connection.scalar(text("SELECT version_num FROM alembic_version"))
    return found


def upgrade(connection: Connection, to: str = "head") -> None:
    """Bring a database to a revision, the newest if none is named."""
    # Alembic takes longer to load than a command to run, and nearly always nothing is to be done.
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = connection
    command.upgrade(config, to)


def _first_line(error: BaseException | None) -> str:
    return str(error).partition("\n")[0]


def _engine(url: str) -> Engine:
    try:
        # What a row holds, inner codes and salts among it, is for no log.
        # A server may have been restarted since a connection was last used: it is asked first.
        ping = not url.startswith("sqlite")
        return create_engine(url, hide_parameters=True, pool_pre_ping=ping)
    except ModuleNotFoundError as error:
        raise Unavailable(
            "EXTRA_MISSING",
            f"This kind of database needs {error.name}: .venv/bin/pip install "
            "'touchstone-ledger[postgres]' brings PostgreSQL's.",
        ) from None
    except (ArgumentError, ValueError):  # its words may hold the password
        raise Rejected(
            "BAD_SETTING",
            "TOUCHSTONE_DATABASE_URL is no URL of a database: postgresql+psycopg://USER@HOST/NAME.",
        ) from None


def _migrate(engine: Engine, url: str) -> None:
    """Bring a database to the newest revision, once: of several processes the others wait."""
    with engine.connect().execution_options(touchstone_writes=True) as connection:
        if engine.dialect.name == "postgresql":
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _MIGRATING})
        found = revision(connection)
        if found is not None and found not in _revisions():
            raise Broken(
                "SCHEMA_UNKNOWN",
                f"The database {_shown(url)} was written by another version of Touchstone "
                f"(revision {found}; this one's is {newest_revision()}): start that version, or "
                "restore a backup made by this one.",
            )
        if found != newest_revision():
            upgrade(connection)
        # If we die before this line the database is as it was.
        connection.commit()


def _revisions() -> set[str]:
    return {path.stem[:4] for path in (MIGRATIONS / "versions").glob("[0-9]*.py")}


def _prepare_sqlite(connection: Any, _record: Any) -> None:
    # pysqlite's own transaction handling commits behind our back: we say BEGIN ourselves.
    connection.isolation_level = None
    cursor = connection.cursor()
    cursor.execute(f"PRAGMA busy_timeout={1000 * BUSY_S}")
    _keep_a_log(cursor)
    cursor.execute("PRAGMA synchronous=FULL")
    cursor.execute("PRAGMA foreign_keys=ON")
    cursor.close()


def _keep_a_log(cursor: sqlite3.Cursor) -> None:
    """Turn WAL on. SQLite waits for nobody there: of several who open a new file at once all but
    one are refused, so they try again."""
    end = time.monotonic() + BUSY_S
    while True:
        try:
            cursor.execute("PRAGMA journal_mode=WAL")
            return
        except sqlite3.OperationalError as error:
            busy = error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_BUSY
            if not busy or time.monotonic() > end:
                raise
        time.sleep(0.01)


def _begin(connection: Any) -> None:
    # A reader that turns writer halfway can only fail (SQLITE_BUSY_SNAPSHOT), so writers say so.
    writes = connection.get_execution_options().get("touchstone_writes")
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _unreachable(url: str, error: Exception) -> Unavailable:
    return Unavailable(
        "DATABASE_UNREACHABLE",
        f"The database {_shown(url)} cannot be opened ({_first_line(error.__cause__)}): check the "
        "path or URL.",
    )


def _damaged(url: str, error: Exception) -> Broken:
    return Broken(
        "DATABASE_DAMAGED",
        f"The database {_shown(url)} is damaged ({_first_line(error.__cause__)}): restore a "
        "backup, or run `touchstone rebuild` for what the chain holds.",
    )


def _shown(url: str) -> str:
    made = make_url(url)
    if made.get_backend_name() == "sqlite":
        return str(made.database)
    return f"{made.host or 'here'}/{made.database}"
