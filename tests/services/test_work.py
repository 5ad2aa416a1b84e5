"""How far a worker looks that has nothing to do, and how long it waits where it has."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest
from sqlalchemy import event, select

from ledger.db.changes import Changes
from ledger.db.engine import reading, transaction
from ledger.db.models import WatchState
from ledger.services import api_keys
from ledger.services.open import found, open_installation
from ledger.services.settings import Settings
from ledger.services.work import Worker
from tests.chain.embedded.conftest import start_node, stop_node
from tests.services.watch_world import SHIPPED, scan_row


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    """An installation of its own, with a node."""
    folder = tmp_path_factory.mktemp("work")
    node = start_node(folder / "node")
    try:
        settings = Settings(data=folder / "data", rpc_url=node.url)
        found(settings)
        yield settings
    finally:
        stop_node(node)


def test_where_nothing_moves_the_database_is_left_alone_until_somebody_writes(
    settings: Settings,
) -> None:
    """A commit is looked for each time, all else after one or after a quarter of a second."""
    site = open_installation(settings)
    worker = Worker(site, settings.heartbeat_s, settings.fdr)
    asked: list[Any] = []
    event.listen(site.engine, "before_cursor_execute", lambda *told: asked.append(told[2]))
    with closing(Changes(site.engine)) as changes:

        def glance() -> list[Any]:
            asked.clear()
            worker.glance(changes)
            return [*asked]

        assert glance() != []  # the first look is at everything
        while glance() != []:
            pass  # what is looked at four times a second; in between nothing is asked
        api_keys.ensure_admin(open_installation(settings))
        assert glance() != []


def test_scans_are_waited_for_only_where_the_last_was_looked_at(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Passes that look at all they may follow each other; what comes then waits a second."""
    site, now = open_installation(settings), [100.0]
    monkeypatch.setattr("ledger.services.alerting.watch.AT_ONCE", 2)
    monkeypatch.setattr("ledger.services.work.time.monotonic", lambda: now[0])
    with transaction(site.engine) as session:
        session.add_all([scan_row(0, item, SHIPPED, "one") for item in range(5)])
    worker = Worker(site, settings.heartbeat_s, settings.fdr)

    def watched() -> int:
        worker._watch()
        with reading(site.engine) as session:
            return session.scalars(select(WatchState.scan)).one()

    assert [watched() for _ in range(3)] == [2, 4, 5]
    with transaction(site.engine) as session:
        session.add(scan_row(0, 5, SHIPPED, "one"))
    assert watched() == 5
    now[0] += 1
    assert watched() == 6
