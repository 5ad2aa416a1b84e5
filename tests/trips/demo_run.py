"""`touchstone demo` as a process of its own, its journal, and its end."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
COMMAND = [sys.executable, "-m", "scripts.main"]
PATIENCE_S = 600.0  # for a whole demo on a busy machine; a hang, not a slow run, ends here
Json = dict[str, Any]


def free_port() -> int:
    """A port that nobody uses, below those that outgoing connections get."""
    while True:
        port = random.randrange(10_000, 20_000)
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) != 0:
                return port


@dataclass
class Journal:
    """What the demo's people have sent and what they were told, read as it grows.

    acks: (key, facts) in their order. in_flight: keys that were sent and have no answer.
    """

    path: Path
    acks: list[tuple[str, Json]] = field(default_factory=list)
    in_flight: set[str] = field(default_factory=set)
    _read: int = 0

    def read_on(self) -> None:
        """Take in the whole lines that have come since."""
        if not self.path.exists():
            return
        with self.path.open("rb") as file:
            file.seek(self._read)
            new = file.read()
        whole = new[: new.rfind(b"\n") + 1]
        self._read += len(whole)
        for line in whole.decode("ascii").splitlines():
            word, key, facts = line.split(" ", 2)
            if word == "SENT":
                self.in_flight.add(key)
            else:
                self.in_flight.discard(key)
                self.acks.append((key, json.loads(facts)))


class Demo:
    """A running `touchstone demo --no-serve --json` in a directory."""

    def __init__(self, data: Path, *options: str, journal: Path | None = None) -> None:
        self.data = data
        self._out, self._err = TemporaryFile(), TemporaryFile()  # noqa: SIM115 (closed by `ended`)
        words = ["demo", "--data", str(data), "--no-serve", "--json", *options]
        if journal is not None:
            words += ["--journal", str(journal)]
        self.process = subprocess.Popen(
            [*COMMAND, *words], cwd=ROOT, stdout=self._out, stderr=self._err, umask=0o022
        )

    @staticmethod
    @contextmanager
    def served(played: Played, port: int) -> Iterator[str]:
        """Serve a finished demo meanwhile; yields what it said when it was ready."""
        process = subprocess.Popen(
            [*COMMAND, *played.again(port=port), "--json"],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            text=True,
        )
        try:
            assert process.stdout is not None
            process.stdout.readline()  # the result
            yield "".join(
                process.stdout.readline() for _ in range(1 + len(played.told["verdicts"]))
            )
        finally:
            process.send_signal(signal.SIGINT)
            process.communicate(timeout=PATIENCE_S)
        assert process.returncode == 0

    def pids(self) -> dict[str, int]:
        """The children by name."""
        try:
            found: dict[str, int] = json.loads((self.data / "processes.json").read_text())
        except FileNotFoundError:
            return {}
        return found

    def kill(self) -> None:
        """Kill the parent, as kill -9 does."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def ended(self) -> tuple[int, str, str]:
        """Wait for the end; return the status and what it said on stdout and stderr."""
        try:
            status = self.process.wait(PATIENCE_S)
        except subprocess.TimeoutExpired:
            self.process.kill()  # and the children with it
            status = self.process.wait()
        return status, _text(self._out), _text(self._err)

    def result(self) -> Json:
        """Wait for a good end; return the object that it printed."""
        status, out, err = self.ended()
        assert status == 0, err
        told: Json = json.loads(out)
        return told


@dataclass(frozen=True)
class Played:
    """A finished demo: its directory, the world in it, and what it told."""

    data: Path
    seed: int
    scale: float
    port: int
    told: Json

    def copy(self, to: Path) -> Played:
        """Copy it: whatever is done to the copy, this one stays whole."""
        shutil.copytree(self.data, to)
        return Played(to, self.seed, self.scale, self.port, self.told)

    def again(self, **other: object) -> list[str]:
        """The words that play or serve it once more; other: options that differ."""
        options = {"seed": self.seed, "scale": self.scale, "port": self.port, **other}
        words = [word for name, value in options.items() for word in (f"--{name}", str(value))]
        return ["demo", "--data", str(self.data), *words]


def touchstone(
    *words: str, cwd: Path = ROOT, timeout: float = PATIENCE_S
) -> subprocess.CompletedProcess[str]:
    """Run a command in a process of its own until it ends; one that goes on is killed."""
    path = {"PYTHONPATH": str(ROOT)} if cwd != ROOT else {}
    return subprocess.run(
        [*COMMAND, *words],
        cwd=cwd,
        env={**os.environ, **path},
        capture_output=True,
        text=True,
        check=False,
        timeout=timeout,
    )


def is_running(pid: int) -> bool:
    """Say whether a process lives; one that is dead and not yet buried does not."""
    found = subprocess.run(
        ["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True, check=False
    )
    return found.stdout.strip()[:1] not in ("", "Z")


def all_end(pids: list[int]) -> bool:
    """Wait for processes to end; say whether all of them did."""
    end = time.monotonic() + PATIENCE_S / 10
    while any(is_running(pid) for pid in pids):
        if time.monotonic() > end:
            return False
        time.sleep(0.05)
    return True


def stop_and_look(pid: int, journal: Journal) -> bool:
    """Freeze a process; say whether a request is in flight now, and let it go on if none is."""
    os.kill(pid, signal.SIGSTOP)
    journal.read_on()
    if journal.in_flight:
        return True
    os.kill(pid, signal.SIGCONT)
    return False


def _text(file: Any) -> str:
    file.seek(0)
    text: str = file.read().decode()
    file.close()
    return text
