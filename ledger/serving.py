"""A uvicorn server that a signal ends in order at any moment, also while it starts."""

from __future__ import annotations

import signal
import socket
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn

STOPS = (signal.SIGINT, signal.SIGTERM)


class Server(uvicorn.Server):
    """Holds signals back from the call of `run` until uvicorn listens to them.

    One that came between would unwind the start and leave a warning of Python's on stderr, where a
    command promises one line.
    """

    def run(self, sockets: list[socket.socket] | None = None) -> None:
        """Serve until SIGINT or SIGTERM; called in the main thread."""
        before = signal.pthread_sigmask(signal.SIG_BLOCK, STOPS)
        try:
            super().run(sockets)
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Let the signals through once they have uvicorn's handlers."""
        with super().capture_signals():
            signal.pthread_sigmask(signal.SIG_UNBLOCK, STOPS)
            yield
