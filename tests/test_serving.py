"""A server is ended in order by a signal that comes at the worst moment."""

from __future__ import annotations

import subprocess
import sys

PROGRAM = """
import signal, sys
import uvicorn
from ledger.serving import Server

class Config(uvicorn.Config):
    def get_loop_factory(self):
        # Asked for once the coroutine exists and before anything runs it.
        signal.raise_signal(signal.SIGTERM)
        return super().get_loop_factory()

async def app(scope, receive, send):
    raise AssertionError("nobody asks")

signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
Server(Config(app, port=0, lifespan="off", log_level="warning")).run()
sys.exit(3)
"""


def test_a_signal_while_the_server_starts_ends_it_without_a_word() -> None:
    """With uvicorn's own class the coroutine is dropped, and Python says so on stderr."""
    ended = subprocess.run(
        [sys.executable, "-c", PROGRAM], capture_output=True, text=True, timeout=60, check=False
    )
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "", "")


def test_uvicorns_own_server_says_so() -> None:
    """The control: what the class is for still happens without it."""
    program = PROGRAM.replace("from ledger.serving import Server", "from uvicorn import Server")
    ended = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False
    )
    assert "never awaited" in ended.stderr
