"""Opening a database: it is brought to the newest revision, and only when it is behind."""

from __future__ import annotations

from pathlib import Path

from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine, text

from ledger.db.engine import MIGRATIONS, newest_revision, open_database, revision


def test_the_newest_revision_is_the_head_of_the_migrations() -> None:
    """What the file names say is what Alembic finds, in one line without branches."""
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    assert ScriptDirectory.from_config(config).get_heads() == [newest_revision()]


def test_a_new_database_is_at_the_newest_revision(tmp_path: Path) -> None:
    """An empty file becomes a whole database, and opening it once more changes nothing."""
    url = f"sqlite:///{tmp_path / 'a.db'}"
    plain = create_engine(url)
    with plain.connect() as connection:
        assert revision(connection) is None
    for _ in range(2):
        engine = open_database(url)
        with engine.connect() as connection:
            assert revision(connection) == newest_revision()
        engine.dispose()
    plain.dispose()


def test_a_database_that_is_behind_is_upgraded(tmp_path: Path) -> None:
    """Tables of later revisions come when the database is opened."""
    engine = open_database(f"sqlite:///{tmp_path / 'a.db'}")
    with engine.begin() as connection:
        for (name,) in connection.execute(
            text("SELECT name FROM sqlite_master WHERE type = 'table'")
        ).all():
            connection.execute(text("PRAGMA defer_foreign_keys = ON"))
            connection.execute(text(f'DROP TABLE "{name}"'))
    engine.dispose()
    engine = open_database(f"sqlite:///{tmp_path / 'a.db'}")
    with engine.connect() as connection:
        assert revision(connection) == newest_revision()
        assert connection.scalar(text("SELECT count(*) FROM scan")) == 0
    engine.dispose()
