"""A server is ended in order by a signal that comes at the worst moment."""

from __future__ import annotations

import subprocess
import sys

import pytest

PROGRAM = """
import signal, sys, threading, time
import uvicorn
from ledger.serving import Server

threading.Thread(target=threading.Event().wait, daemon=True).start()
OTHER = threading.enumerate()[-1].ident
MAIN = threading.main_thread().ident

class Config(uvicorn.Config):
    def get_loop_factory(self):
        # Asked for once the coroutine exists and before anything runs it.
        signal.pthread_kill(MAIN, signal.SIGTERM)
        time.sleep(0.2)  # the other thread must run to take it
        return super().get_loop_factory()

async def app(scope, receive, send):
    raise AssertionError("nobody asks")

signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
Server(Config(app, port=0, lifespan="off", log_level="warning")).run()
sys.exit(3)
"""


@pytest.mark.parametrize("thread", ["MAIN", "OTHER"])
def test_a_signal_while_the_server_starts_ends_it_without_a_word(thread: str) -> None:
    """Whichever thread the system hands it to; the process ends as the signal's handler says."""
    program = PROGRAM.replace("pthread_kill(MAIN", f"pthread_kill({thread}")
    ended = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False
    )
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "", "")


def test_uvicorns_own_server_says_so() -> None:
    """The control: there the coroutine is dropped, and Python says so on stderr."""
    program = PROGRAM.replace("from ledger.serving import Server", "from uvicorn import Server")
    ended = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False
    )
    assert "never awaited" in ended.stderr
