"""One whole demo for all tests that look at it, also where several processes run the tests."""

from __future__ import annotations

import fcntl
import json
from pathlib import Path

import pytest

from tests.trips.demo_run import Demo, Played, free_port

SEED = 1
SCALE = 0.5


@pytest.fixture(scope="session")
def played(tmp_path_factory: pytest.TempPathFactory) -> Played:
    """A finished demo, played by whichever test process comes first. Not to be changed."""
    base = tmp_path_factory.getbasetemp()
    if base.name.startswith("popen-"):
        base = base.parent  # that of all test processes
    directory = base / "played"
    directory.mkdir(exist_ok=True)
    kept = directory / "told.json"
    with (directory / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not kept.exists():
            port = free_port()
            options = ("--seed", str(SEED), "--scale", str(SCALE), "--port", str(port))
            demo = Demo(directory / "demo", *options)
            told = demo.result()
            kept.write_text(json.dumps({"port": port, "told": told}))
        said = json.loads(kept.read_text())
    return Played(directory / "demo", SEED, SCALE, said["port"], said["told"])


@pytest.fixture
def copied(played: Played, tmp_path: Path) -> Played:
    """The finished demo in a directory of the test's own."""
    return played.copy(tmp_path / "demo")
