"""A whole installation for tests: a real node as a process, keys, contract, and a worker."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from sqlalchemy import select

from ledger.db.base import Base
from ledger.db.engine import reading
from ledger.db.models import ChainCheckpoint, chain_tables
from ledger.services.keys import sealed_file
from ledger.services.mint import mint_of
from ledger.services.open import found, open_installation
from ledger.services.settings import Settings
from ledger.services.site import Site
from ledger.services.work import Worker
from scripts.cli import main

ROOT = Path(__file__).resolve().parents[2]
COMMAND = [sys.executable, "-m", "scripts.main"]
Rows = dict[str, list[tuple[str, ...]]]

# What a passphrase and a salt give takes 0.1 s on purpose, and each command asks for it twice or
# more. It is the same every time, so it is worked out once: by the real function.
sealed_file.make_seal = cache(sealed_file.make_seal)


@dataclass(frozen=True)
class Done:
    """What a command has said, and its exit status."""

    status: int
    out: str
    err: str


def command(*words: str) -> Done:
    """Run `touchstone WORDS` as the program does, but in this process: ten times faster."""
    out, err, before, status = io.StringIO(), io.StringIO(), sys.argv, 0
    mask = os.umask(0o022)  # as most shells have it
    sys.argv = ["touchstone", *words]
    try:
        with redirect_stdout(out), redirect_stderr(err):
            main()
    except SystemExit as end:
        assert isinstance(end.code, int | None)
        status = end.code or 0
    finally:
        sys.argv = before
        os.umask(mask)
    return Done(status, out.getvalue(), err.getvalue())


def refused(*words: str) -> str:
    """Run a command that fails and return the code in its one line of error."""
    done = command(*words)
    assert (done.status, done.out) == (1, "")
    program, code, sentence = done.err.split(": ", 2)
    assert (program, sentence.count("\n"), sentence[-1]) == ("touchstone", 1, "\n")
    return code


@dataclass(frozen=True)
class Installation:
    """A running installation: its directory, and its parts as a process of its own has them."""

    data: Path
    site: Site

    def said(self, *words: str) -> Any:
        """Run a command on it that succeeds and return its JSON."""
        done = command(*words, "--data", str(self.data), "--json")
        assert (done.status, done.err) == (0, "")
        return json.loads(done.out)

    def refused(self, *words: str) -> str:
        """Run a command on it that fails and return the code of its error."""
        return refused(*words, "--data", str(self.data))


class WorkerThread(threading.Thread):
    """The worker until it is stopped; what ends it is kept and raised then."""

    def __init__(self, site: Site, settings: Settings) -> None:
        super().__init__(daemon=True)
        self._worker = Worker(site, settings.heartbeat_s, settings.fdr)
        self._stopping = threading.Event()
        self._fault: BaseException | None = None

    def run(self) -> None:
        """Work."""
        try:
            self._worker.run(self._stopping.is_set)
        except BaseException as fault:
            self._fault = fault

    def stop(self) -> None:
        """End it, and raise what went wrong."""
        self._stopping.set()
        self.join(30)
        if self._fault is not None:
            raise self._fault


@contextmanager
def installation(data: Path) -> Iterator[Installation]:
    """Make an installation in a directory, and run its node and its worker meanwhile."""
    lifeline, ours = os.pipe()  # closes with this process: a crashed test run leaves no node
    node = subprocess.Popen(
        [*COMMAND, "node", "--data", str(data / "node"), "--json"],
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env={**os.environ, "TOUCHSTONE_LIFELINE": str(lifeline)},
        pass_fds=(lifeline,),
    )
    os.close(lifeline)
    try:
        assert node.stdout is not None
        assert node.stdout.readline()  # it says where it is once it answers
        settings = Settings(data=data, heartbeat_s=86_400)  # no anchor between two looks
        found(settings)
        worker = WorkerThread(open_installation(settings), settings)
        worker.start()
        try:
            yield Installation(data, open_installation(settings))
        finally:
            worker.stop()
    finally:
        node.terminate()
        node.wait(20)
        os.close(ours)
        assert node.stdout is not None
        node.stdout.close()


def all_rows(site: Site) -> Rows:
    """Return every row of every table but the checkpoint, which goes on by itself."""
    tables = [mapper.class_ for mapper in Base.registry.mappers]
    return _rows(site, [table for table in tables if table is not ChainCheckpoint])


def chain_rows(site: Site) -> Rows:
    """Return what the follower has projected, with its checkpoint."""
    return _rows(site, chain_tables())


def _rows(site: Site, tables: Sequence[type[Base]]) -> Rows:
    with reading(site.engine) as session:
        return {
            table.__tablename__: sorted(
                tuple(repr(getattr(row, column.name)) for column in table.__table__.columns)
                for row in session.scalars(select(table))
            )
            for table in tables
        }


def await_mint(site: Site, number: int) -> int:
    """Wait for a mint and return its batch."""
    while (made := mint_of(site, number)).state != "DONE":
        assert made.state != "FAILED", made.error
        time.sleep(0.02)
    assert made.batch is not None
    return made.batch
