"""`touchstone up`: no directory from elsewhere by accident, and a trust file that stays good."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
from dataclasses import replace
from pathlib import Path

import pytest

from ledger.errors import Rejected
from ledger.services.home import Home
from ledger.services.settings import Settings
from scripts import up
from scripts.crew import Crew
from scripts.up import refuse_moved
from tests.support.installation import installation, refused


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


def test_without_a_machine_id_a_copy_is_told_by_its_own_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another network or container changes the host's name, and nothing here."""
    monkeypatch.setattr(up, "MACHINE_ID", tmp_path / "none")
    monkeypatch.setattr(socket, "gethostname", lambda: "one")
    home, copy = Home(tmp_path / "data"), Home(tmp_path / "copy")
    home.path.mkdir()
    refuse_moved(home, moved=False)
    monkeypatch.setattr(socket, "gethostname", lambda: "another")
    refuse_moved(home, moved=False)
    shutil.copytree(home.path, copy.path)
    with pytest.raises(Rejected) as caught:
        refuse_moved(copy, moved=False)
    assert caught.value.code == "DATA_MOVED"
    refuse_moved(copy, moved=True)
    refuse_moved(copy, moved=False)
    refuse_moved(home, moved=False)


def test_the_trust_file_is_renewed_before_it_ends(tmp_path: Path) -> None:
    """With a month left and not before; where another party runs the chain, it is theirs."""
    with installation(tmp_path) as made:
        site, chosen = made.site, Settings(data=tmp_path)

        def after(days: int) -> int:
            at = site.clock() + days * up.DAY_S
            up.renew_trust(chosen, replace(site, clock=lambda: at))
            found: int = json.loads(site.home.trust.read_text())["issued"]
            return round((found - site.clock()) / up.DAY_S)

        assert [after(days) for days in (0, 140, 160, 170)] == [0, 0, 160, 160]
        before = site.home.trust.read_bytes()
        elsewhere = Settings(data=tmp_path, rpc_url="http://127.0.0.1:1")
        up.renew_trust(elsewhere, replace(site, clock=lambda: site.clock() + 400 * up.DAY_S))
        assert site.home.trust.read_bytes() == before


def test_what_is_due_each_day_goes_on_after_a_failure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The installation stays up, and it is tried again."""
    monkeypatch.setattr(up, "DAY_S", 0)
    calls: list[int] = []

    def daily() -> None:
        calls.append(1)
        if len(calls) == 1:
            raise Rejected("NO_VALIDATOR_KEY", "The key is away.")
        os.kill(os.getpid(), signal.SIGTERM)

    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    crew = Crew(tmp_path, {})
    try:
        up.tend(crew, daily)
    finally:
        crew.close()
        for number, handler in before.items():
            signal.signal(number, handler)
    assert len(calls) == 2
    assert (
        capsys.readouterr().err == "touchstone: the trust file is not renewed: The key is away.\n"
    )


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
