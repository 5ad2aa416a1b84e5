"""Starting on something broken: a sentence that says what to do, and exit status 1."""

from __future__ import annotations

import os
import shutil
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.installation import installation
from tests.trips.demo_run import free_port, touchstone

START_S = 90.0  # after which a start has certainly not been refused


def _truncate(name: str, part: float) -> Callable[[Path], None]:
    def damage(data: Path) -> None:
        os.truncate(data / name, round((data / name).stat().st_size * part))

    return damage


def _remove(name: str) -> Callable[[Path], None]:
    return lambda data: (data / name).unlink()


FAULTS = {
    "the database cut in half": (_truncate("touchstone.db", 0.5), "DATABASE_DAMAGED"),
    "the database cut to nothing": (_truncate("touchstone.db", 0), "MISSING_DATABASE"),
    "the database gone": (_remove("touchstone.db"), "MISSING_DATABASE"),
    "the chain cut in half": (_truncate("node/chain.db", 0.5), "DATABASE_DAMAGED"),
    "the chain gone": (_remove("node/chain.db"), "MISSING_DATABASE"),
    "the code keys gone": (_remove("keys.json"), "KEYS_MISSING"),
    "the code keys cut": (_truncate("keys.json", 0.5), "KEYS_DAMAGED"),
    "the accounts gone": (_remove("accounts.json"), "KEYS_MISSING"),
    "the devices' key gone": (_remove("device.key"), "KEYS_MISSING"),
    "the validator's key gone": (_remove("node/validator.key"), "MISSING_KEY"),
    "the passphrase gone": (_remove("passphrase"), "PASSPHRASE_MISSING"),
}


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The directory of an installation that was ended in order."""
    with installation(tmp_path_factory.mktemp("whole") / "data") as made:
        return made.data


@pytest.fixture
def data(whole: Path, tmp_path: Path) -> Path:
    """A copy of it, to be damaged."""
    return Path(shutil.copytree(whole, tmp_path / "data"))


@pytest.mark.parametrize("fault", FAULTS)
def test_up_names_what_is_broken(data: Path, fault: str) -> None:
    """Each is found before anything is served; where a child found it, the parent says which."""
    damage, code = FAULTS[fault]
    damage(data)
    refused = touchstone("up", "--data", str(data), "--port", str(free_port()), timeout=START_S)
    lines = refused.stderr.splitlines()
    assert (refused.returncode, refused.stdout) == (1, "")
    assert lines[0].startswith(f"touchstone: {code}: ")
    assert lines[1:] == [] or [line.split(": ")[1] for line in lines[1:]] == ["CHILD_FAILED"]


def test_a_busy_port_is_named(data: Path) -> None:
    """One line, and no process is started."""
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        refused = touchstone("up", "--data", str(data), "--port", str(port))
    assert refused.returncode == 1
    assert refused.stderr.startswith(f"touchstone: PORT_BUSY: Port {port} ")
    assert refused.stderr.count("\n") == 1
    assert not (data / "processes.json").exists()
