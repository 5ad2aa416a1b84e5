"""A data directory that was last used on another machine is not started by accident."""

from __future__ import annotations

import socket
from pathlib import Path

from ledger.services.home import Home
from scripts.up import refuse_moved
from tests.support.installation import refused


def test_a_directory_from_elsewhere_is_refused_until_it_is_said_to_have_moved(
    tmp_path: Path,
) -> None:
    """A copy would make the same serials twice. `up` refuses, and starts nothing; once told, it
    takes the machine for its own."""
    home = Home(tmp_path / "data")
    home.path.mkdir()
    (home.path / "machine").write_text("another machine")
    assert refused("up", "--data", str(home.path), "--port", str(free_port())) == "DATA_MOVED"
    assert sorted(path.name for path in home.path.iterdir()) == ["machine", "up.lock"]
    refuse_moved(home, moved=True)
    refuse_moved(home, moved=False)
    assert (home.path / "machine").read_text() != "another machine"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
