"""How far a worker looks that has nothing to do."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import Any

from sqlalchemy import event

from ledger.db.changes import Changes
from ledger.services import api_keys
from ledger.services.open import found, open_installation
from ledger.services.settings import Settings
from ledger.services.work import Worker
from tests.chain.embedded.conftest import start_node, stop_node


def test_where_nothing_moves_the_database_is_left_alone_until_somebody_writes(
    tmp_path: Path,
) -> None:
    """A commit is looked for each time, all else after one or after a quarter of a second."""
    node = start_node(tmp_path / "node")
    try:
        settings = Settings(data=tmp_path / "data", rpc_url=node.url)
        found(settings)
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
    finally:
        stop_node(node)
