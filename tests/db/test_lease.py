"""A lease on a database is one process's until it closes it or dies."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from contextlib import closing
from pathlib import Path

from ledger.db.engine import open_database, sqlite_url
from ledger.db.lease import Lease

HOLD = """
import sys, time
from ledger.db.engine import open_database
from ledger.db.lease import Lease
lease = Lease(open_database(sys.argv[1]), "work")
print(lease.is_held(), flush=True)
time.sleep(600)
"""


def test_a_lease_is_one_holders_until_it_is_closed(tmp_path: Path) -> None:
    """Asked again it is still its own; another name is another lease."""
    engine = open_database(sqlite_url(tmp_path / "a.db"))
    other = open_database(sqlite_url(tmp_path / "a.db"))
    with closing(Lease(engine, "work")) as first, closing(Lease(other, "work")) as second:
        assert [first.is_held(), second.is_held(), first.is_held()] == [True, False, True]
        with closing(Lease(other, "play")) as third:
            assert third.is_held()
        first.close()
        assert [second.is_held(), first.is_held()] == [True, False]


def test_a_killed_holder_leaves_its_lease(tmp_path: Path) -> None:
    """Nothing is to be cleaned up."""
    url = sqlite_url(tmp_path / "a.db")
    with closing(Lease(open_database(url), "work")) as lease:
        holder = subprocess.Popen([sys.executable, "-c", HOLD, url], stdout=subprocess.PIPE)
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"True\n"
        assert not lease.is_held()
        os.kill(holder.pid, signal.SIGKILL)
        holder.communicate()
        assert lease.is_held()
