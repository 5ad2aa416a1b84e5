"""Opening a database: it is brought to the newest revision, and only when it is behind."""

from __future__ import annotations

import resource
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, create_engine, select, text
from sqlalchemy.exc import OperationalError

from ledger.chain.embedded.schema import open_reader, open_writer
from ledger.db.alerting import AlertRule, RuleHit
from ledger.db.base import Base
from ledger.db.engine import (
    MIGRATIONS,
    _prepare_sqlite,
    newest_revision,
    open_database,
    reading,
    revision,
    sqlite_url,
    transaction,
    upgrade,
)
from ledger.db.models import Mint, Profile, UnitName
from ledger.db.packing import UnitChild, UnitRun
from ledger.db.webhooks import Delivery, Webhook
from ledger.domain import contents, merkle
from ledger.domain.contents import Codes
from ledger.errors import Broken, Rejected, TouchstoneError, Unavailable
from ledger.services.goods import places


def test_the_newest_revision_is_the_head_of_the_migrations() -> None:
    """What the file names say is what Alembic finds, in one line without branches."""
    assert ScriptDirectory(str(MIGRATIONS)).get_heads() == [newest_revision()]


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
            text("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite%'")
        ).all():
            connection.execute(text("PRAGMA defer_foreign_keys = ON"))
            connection.execute(text(f'DROP TABLE "{name}"'))
    engine.dispose()
    engine = open_database(f"sqlite:///{tmp_path / 'a.db'}")
    with engine.connect() as connection:
        assert revision(connection) == newest_revision()
        assert connection.scalar(text("SELECT count(*) FROM scan")) == 0
    engine.dispose()


def test_what_the_migrations_make_is_what_the_models_say(tmp_path: Path) -> None:
    """Tables, columns and indexes, and where SQLite may give a number out only once."""
    engine = open_database(f"sqlite:///{tmp_path / 'a.db'}")
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, Base.metadata) == []
        made = dict(connection.execute(text("SELECT name, sql FROM sqlite_master")).all())
    engine.dispose()
    once = {name for name, sql in made.items() if sql and "AUTOINCREMENT" in sql}
    assert once == {
        table.name
        for table in Base.metadata.sorted_tables
        if table.dialect_options["sqlite"]["autoincrement"]
    }
    assert once == {"alert_rule", "webhook"}


def test_numbers_given_out_before_0017_do_not_come_again(tmp_path: Path) -> None:
    """Neither of rows that are there nor of those that others name; rows are as they were, and a
    delivery belongs to the brand that it told of."""
    url = f"sqlite:///{tmp_path / 'a.db'}"
    engine = create_engine(url)
    with engine.begin() as connection:
        upgrade(connection, "0016")
        for statement in (
            # Webhook 2 was A's (brand 1), then B's (brand 2); 3 was removed; 4 only has an entry.
            "INSERT INTO webhook (id, brand, url, kinds, secrets, created, who) VALUES "
            "(1, 0, 'https://o', '[]', '[[\"webhook-1-1\", null]]', 5, 'w'), "
            "(2, 2, 'https://b', '[\"clone\"]', '[]', 6, 'w')",
            "INSERT INTO alert_change (id, brand, alert, time, what, body) VALUES "
            "(1, 1, 9, 5, 'raised', '{}'), (2, 2, 8, 6, 'raised', '{}')",
            "INSERT INTO delivery (id, webhook, change, attempt, state, due) VALUES "
            "(1, 1, 1, 1, 'FAILED', 5), (2, 2, 1, 1, 'DEAD', 5), (3, 2, 2, 3, 'WAITING', 5), "
            "(4, 3, 1, 1, 'DROPPED', 5)",
            "INSERT INTO audit (time, who, what, detail) VALUES "
            "(5, 'w', 'webhook add', '{\"webhook\": 4}'), (5, 'w', 'rule set', '{\"rule\": 13}')",
            "INSERT INTO alert_rule (id, brand, name, kind, terms, calibrated, enabled, "
            "judged_from, created) VALUES (11, 1, 'mine', 'threshold', '{\"n\": 2}', 0, 1, 0, 5)",
            "INSERT INTO alert (key, brand, kind, raised, body, rule) "
            "VALUES ('1/threshold/12/x', 1, 'threshold', 5, '{}', 12)",
            "INSERT INTO rule_hit (rule, scan, cause, time, device, code) "
            "VALUES (10, 1, 'c', 5, 'd', 'x'), (11, 1, 'c', 5, 'd', 'x')",
        ):
            connection.exec_driver_sql(statement)
    engine.dispose()

    engine = open_database(url)
    with transaction(engine) as session:
        rows = session.scalars(select(Delivery).order_by(Delivery.id))
        assert [(row.id, row.brand, row.webhook, row.message, row.state) for row in rows] == [
            (1, 0, 1, "msg_1", "FAILED"),
            (2, 1, 2, "msg_1", "DEAD"),
            (3, 2, 2, "msg_2", "WAITING"),
            (4, 1, 3, "msg_1", "DROPPED"),
        ]
        hooks = session.scalars(select(Webhook).order_by(Webhook.id)).all()
        assert [(row.id, row.url, row.kinds, row.secrets) for row in hooks] == [
            (1, "https://o", [], [["webhook-1-1", None]]),
            (2, "https://b", ["clone"], []),
        ]
        rule = session.scalars(select(AlertRule)).one()
        assert (rule.id, rule.name, rule.terms, rule.enabled) == (11, "mine", {"n": 2}, True)
        assert session.scalars(select(RuleHit.rule)).all() == [11]
        new = Webhook(brand=2, url="https://c", kinds=[], secrets=[], created=7, who="w")
        other = AlertRule(
            brand=1, name="other", kind="threshold", terms={}, calibrated=False, enabled=True,
            judged_from=0, created=7,
        )  # fmt: skip
        session.add_all([new, other])
        session.flush()
        assert (new.id, other.id) == (5, 14)
    engine.dispose()


def test_processes_that_open_a_new_database_at_once_all_find_it_whole(tmp_path: Path) -> None:
    """One migrates, the others wait for it."""
    url = sqlite_url(tmp_path / "a.db")
    program = f"from ledger.db.engine import open_database; open_database({url!r})"
    started = [
        subprocess.Popen([sys.executable, "-c", program], stderr=subprocess.PIPE, text=True)
        for _ in range(4)
    ]
    assert [process.communicate()[1] for process in started] == [""] * 4
    assert [process.returncode for process in started] == [0] * 4


def test_connections_that_turn_a_new_file_to_wal_at_once_all_can(tmp_path: Path) -> None:
    """SQLite refuses all but one of them at the same moment, and lets none of them wait."""
    ready = threading.Barrier(4)

    def connect() -> None:
        for number in range(100):
            ready.wait(60)
            try:
                with closing(sqlite3.connect(tmp_path / f"{number}.db")) as connection:
                    _prepare_sqlite(connection, None)
                    connection.execute("BEGIN IMMEDIATE")
                    connection.execute("CREATE TABLE IF NOT EXISTS kept (row)")
                    connection.execute("COMMIT")
            except sqlite3.OperationalError:
                ready.abort()  # or the others wait
                raise

    with ThreadPoolExecutor(4) as threads:
        for each in [threads.submit(connect) for _ in range(4)]:
            each.result()


def test_a_database_of_a_newer_version_is_left_alone(tmp_path: Path) -> None:
    """Said in one line, with both revisions."""
    url = sqlite_url(tmp_path / "a.db")
    engine = open_database(url)
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    engine.dispose()
    with pytest.raises(Broken) as caught:
        open_database(url)
    assert caught.value.code == "SCHEMA_UNKNOWN"
    assert f"revision 9999; this one's is {newest_revision()}" in caught.value.message
    assert str(tmp_path / "a.db") in caught.value.message


@pytest.mark.parametrize(
    ("url", "kind", "code"),
    [
        ("ledger.db", Rejected, "BAD_SETTING"),
        ("ledger://host/name", Rejected, "BAD_SETTING"),
        ("postgresql://user:pass:word@host:port/name", Rejected, "BAD_SETTING"),
        ("mssql+pymssql://user:pass:word@host/name", Unavailable, "EXTRA_MISSING"),
        ("sqlite:////none/such.db", Unavailable, "DATABASE_UNREACHABLE"),
    ],
)
def test_what_cannot_be_opened_is_said_in_one_line(
    url: str, kind: type[TouchstoneError], code: str
) -> None:
    """By name, and without a password."""
    with pytest.raises(kind) as caught:
        open_database(url)
    assert caught.value.code == code
    assert "\n" not in caught.value.message
    assert "word" not in caught.value.message


@pytest.mark.parametrize("name", ["proj#1", "50%25", "50% off", "a?b&c=d", "货 仓", "e&mode=ro"])
def test_a_directory_may_be_called_anything(tmp_path: Path, name: str) -> None:
    """Both databases are made in it, found there again, and nothing appears beside it."""
    folder = tmp_path / name
    folder.mkdir()
    for _ in range(2):
        open_database(sqlite_url(folder / "touchstone.db")).dispose()
        with closing(open_writer(folder / "chain.db")), closing(open_reader(folder / "chain.db")):
            pass
    assert sorted(path.name for path in folder.iterdir()) == ["chain.db", "touchstone.db"]
    assert list(tmp_path.iterdir()) == [folder]


def test_an_error_shows_no_value_of_a_row(tmp_path: Path) -> None:
    """It ends in logs, where no inner code and no place belongs."""
    engine = open_database(sqlite_url(tmp_path / "a.db"))
    with pytest.raises(OperationalError) as caught, engine.connect() as connection:
        connection.execute(text("SELECT :code FROM nowhere"), {"code": "7KQ2"})
    assert "nowhere" in str(caught.value)
    assert "7KQ2" not in str(caught.value)
    engine.dispose()


def test_units_packed_before_0013_are_found_and_open_as_they_were(tmp_path: Path) -> None:
    """Rows of revision 0012 (a row a run, whole ids) become contents, numbers and ways back."""
    url = f"sqlite:///{tmp_path / 'a.db'}"
    pallet, case, item = bytes([9]) * 32, bytes([3]) * 32, bytes([5]) * 32
    engine = create_engine(url)
    with engine.begin() as connection:
        upgrade(connection, "0012")
        for unit, level, count in ((pallet, 2, 16), (case, 1, 4), (item, 0, 0)):
            row = {"id": unit, "level": level, "count": count}
            connection.execute(
                text(
                    "INSERT INTO unit_name (id, brand, creator, epc, hashed_epc, level, count, "
                    "children_root) VALUES (:id, 1, 2, hex(:id), :id, :level, :count, :id)"
                ),
                row,
            )
        for unit, position, batch, first, to in (
            (pallet, 11, 8, 0, 5),
            (case, 0, 7, 0, 4),
            (pallet, 1, 7, 10, 20),
        ):
            connection.execute(
                text("INSERT INTO unit_run VALUES (:unit, :position, :batch, :first, :to)"),
                {"unit": unit, "position": position, "batch": batch, "first": first, "to": to},
            )
        connection.execute(
            text("INSERT INTO unit_child VALUES (:unit, 0, :child)"),
            {"unit": pallet, "child": case},
        )
    engine.dispose()

    engine = open_database(url)
    with reading(engine) as session:
        units = {row.id: row for row in session.scalars(select(UnitName))}
        runs = session.scalars(select(UnitRun).order_by(UnitRun.batch, UnitRun.first))
        assert [(row.batch, row.first, row.to, row.number) for row in runs] == [
            (7, 0, 4, units[case].number),
            (7, 10, 20, units[pallet].number),
            (8, 0, 5, units[pallet].number),
        ]
        assert sorted(row.number for row in units.values()) == [1, 2, 3]
        assert {row.origin for row in units.values()} == {None}
        assert units[item].contents is None
        assert contents.decode(units[case].contents) == (Codes(7, 0, 4),)
        assert contents.decode(units[pallet].contents) == (case, Codes(7, 10, 20), Codes(8, 0, 5))
        kept = (units[pallet].epc, units[pallet].level, units[pallet].count)
        assert kept == (pallet.hex().upper(), 2, 16)
        found = [places.holder_of(session, 7, index) for index in (3, 4, 10, 19, 20)]
        assert [unit and unit.id for unit in found] == [case, None, pallet, pallet, None]
        child = session.scalars(select(UnitChild)).one()
        assert (child.unit, child.position, child.child) == (pallet, 0, case)
    engine.dispose()


def test_inner_trees_kept_before_0014_have_the_nodes_half_way_to_the_root(tmp_path: Path) -> None:
    """They are computed from what is kept; a batch without inner codes has none."""
    url = f"sqlite:///{tmp_path / 'a.db'}"
    kept = b"".join(bytes([number]) * 32 for number in range(16))
    engine = create_engine(url)
    with engine.begin() as connection:
        upgrade(connection, "0013")
        for number, inner in ((1, kept), (2, None)):
            connection.execute(
                text(
                    "INSERT INTO mint (id, key, brand, gtin, count, epoch, state, reservation, "
                    "created, inner, inner_kept) "
                    "VALUES (:id, :id, 1, 2, 3, 0, 'DONE', x'', 0, :inner, :kept)"
                ),
                {"id": number, "inner": inner is not None, "kept": inner},
            )
    engine.dispose()

    engine = open_database(url)
    with reading(engine) as session:
        tops = [row.inner_top for row in session.scalars(select(Mint).order_by(Mint.id))]
    assert tops == [merkle.top_nodes(kept), None]
    engine.dispose()


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    """A new database."""
    opened = open_database(f"sqlite:///{tmp_path / 'a.db'}")
    yield opened
    opened.dispose()


def large(name: str) -> Profile:
    """A row of a megabyte."""
    return Profile(party=int(name), name_en="x" * 1_000_000, name_zh="x", regions=[])


def failed(attempt: Callable[[], object]) -> str:
    """Return the sentence of an attempt that the database refuses."""
    with pytest.raises(Unavailable) as caught:
        attempt()
    assert caught.value.code == "DATABASE_FAILED"
    return caught.value.message


def test_a_full_database_is_no_fault_of_a_statement(engine: Engine) -> None:
    """A statement that finds no room: nothing of the transaction is kept, and the next ones go."""

    def limit(pages: int) -> None:
        with reading(engine) as session:
            session.execute(text(f"PRAGMA max_page_count = {pages}"))

    def write() -> None:
        with transaction(engine) as session:
            session.add(Profile(party=1, name_en="B", name_zh="乙", regions=[]))
            session.flush()
            session.add(large("2"))

    limit(1)  # it becomes what the file has
    assert "full" in failed(write)
    with reading(engine) as session:
        assert session.scalars(select(Profile)).all() == []
    limit(1_000_000)
    write()
    with reading(engine) as session:
        assert len(session.scalars(select(Profile)).all()) == 2


def test_a_disk_that_takes_no_more_is_told_at_the_commit(engine: Engine, tmp_path: Path) -> None:
    """All statements went through, in memory: it is the commit that finds no room."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    try:

        def write() -> None:
            with transaction(engine) as session:
                session.add(large("1"))
                session.flush()
                size = max(path.stat().st_size for path in tmp_path.iterdir())
                resource.setrlimit(resource.RLIMIT_FSIZE, (size + 4096, before[1]))

        assert "I/O" in failed(write)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    with reading(engine) as session:
        assert session.scalars(select(Profile)).all() == []


def test_a_reader_is_told_the_same(engine: Engine, tmp_path: Path) -> None:
    """A file that can be opened no more."""
    engine.dispose()
    for path in tmp_path.iterdir():
        path.unlink()
    (tmp_path / "a.db").mkdir()

    def read() -> None:
        with reading(engine) as session:
            session.scalars(select(Profile)).all()

    assert "unable to open" in failed(read)
