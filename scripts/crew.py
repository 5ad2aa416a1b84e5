"""The processes of one installation: node, API and worker as children that die with the parent.

One command, one lock, one data directory. A child that dies is started again; what it had
acknowledged is durable, and what it was doing is done again.
"""

from __future__ import annotations

import fcntl
import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from ledger.errors import Broken, Rejected, Unavailable

MAX_RESTARTS = 30  # a minute, of one child: more means that it cannot run
START_S = 60.0
NODE_PORTS = range(20_000, 32_000)


@dataclass
class Child:
    """One child process and how it is started."""

    name: str
    command: list[str]
    process: subprocess.Popen[bytes] | None = None
    starts: list[float] = field(default_factory=list)


class Crew:
    """Starts, watches and ends the children of one data directory."""

    def __init__(self, data: Path, environment: Mapping[str, str]) -> None:
        """Take the directory's lock. Raises Rejected DATA_IN_USE."""
        data.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.data = data
        self._lock = _take_lock(data / "up.lock")
        self._read, self._write = os.pipe()
        self._environment = {
            **os.environ,
            **environment,
            "TOUCHSTONE_DATA": str(data),
            "TOUCHSTONE_LIFELINE": str(self._read),
        }
        self._children: list[Child] = []

    def start(self, name: str, *arguments: str) -> Child:
        """Start `touchstone NAME ARGUMENTS` as a child."""
        child = Child(name, [sys.executable, "-m", "scripts.main", name, *arguments])
        self._children.append(child)
        self._spawn(child)
        return child

    def start_node(self, clock: str) -> str:
        """Start the embedded node and return its URL. Raises Unavailable NODE_DOWN."""
        said = self.data / "node" / "node.json"
        said.unlink(missing_ok=True)
        node = ["--data", str(said.parent), "--clock", clock]
        # The port is ours to say: started again after a kill, the node must be found where it was.
        self.start("node", *node, "--port", str(_free_port()))
        self.until(said.exists, "NODE_DOWN", "the node did not start")
        url: str = json.loads(said.read_text())["url"]
        return url

    def until(self, ready: Callable[[], bool], code: str, what: str) -> None:
        """Wait for something while the children run. Raises Unavailable with `code`."""
        end = time.monotonic() + START_S
        while not ready():
            self.tend()
            if time.monotonic() > end:
                raise Unavailable(code, f"In {START_S:.0f} s {what}: see its message above.")
            time.sleep(0.02)

    def tend(self) -> None:
        """Start again what has died. Raises Broken CHILD_FAILED for one that cannot run."""
        for child in self._children:
            if child.process is not None and child.process.poll() is not None:
                if child.process.returncode == 1:
                    raise Broken("CHILD_FAILED", f"{child.name} has ended: see its message above.")
                self._spawn(child)

    def pids(self) -> dict[str, int]:
        """The children's process ids by name."""
        return {c.name: c.process.pid for c in self._children if c.process is not None}

    def close(self) -> None:
        """End the children, the last started first, and give the lock back."""
        for child in reversed(self._children):
            if child.process is not None and child.process.poll() is None:
                child.process.send_signal(signal.SIGTERM)
                with suppress(subprocess.TimeoutExpired):
                    child.process.wait(5)
        os.close(self._write)
        os.close(self._read)
        os.close(self._lock)

    def _spawn(self, child: Child) -> None:
        now = time.monotonic()
        child.starts = [at for at in child.starts if now - at < 60] + [now]
        if len(child.starts) > MAX_RESTARTS:
            raise Broken("CHILD_FAILED", f"{child.name} dies again and again: see its messages.")
        child.process = subprocess.Popen(  # noqa: S603 (our own command, no shell)
            child.command,
            env=self._environment,
            pass_fds=(self._read,),
            stdout=subprocess.DEVNULL,
            stdin=subprocess.DEVNULL,
            start_new_session=True,  # Ctrl-C is for the parent, which ends them in order
        )
        fresh = self.data / "processes.json.new"
        fresh.write_text(json.dumps(self.pids()))
        fresh.rename(self.data / "processes.json")


def _free_port() -> int:
    """A port that is free now, below those that the system gives to outgoing connections.

    Such a one could be taken while the node is down, even by our own attempt to reach it.
    """
    while True:
        port = secrets.choice(NODE_PORTS)
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


def _take_lock(path: Path) -> int:
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        holder = os.read(descriptor, 32).decode().strip()
        os.close(descriptor)
        raise Rejected(
            "DATA_IN_USE",
            f"Another touchstone (pid {holder}) uses {path.parent}: stop it, or choose another "
            "--data.",
        ) from None
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, str(os.getpid()).encode(), 0)
    return descriptor
