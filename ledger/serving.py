"""A uvicorn server that a signal ends in order at any moment, also while it starts."""

from __future__ import annotations

import signal
import socket
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn

STOPS = (signal.SIGINT, signal.SIGTERM)


class Server(uvicorn.Server):
    """Keeps signals that come between the call of `run` and uvicorn's listening to them.

    Such a one would unwind the start and leave a warning of Python's on stderr, where a command
    promises one line. They are caught, not blocked: a mask is one thread's, and the system hands
    a signal to any other thread, whence Python brings it to the main one all the same.
    """

    def __init__(self, config: uvicorn.Config) -> None:
        """Take uvicorn's configuration."""
        super().__init__(config)
        self._kept: list[int] = []

    def run(self, sockets: list[socket.socket] | None = None) -> None:
        """Serve until SIGINT or SIGTERM, then raise that signal; called in the main thread."""
        before = {
            stop: signal.signal(stop, lambda number, _: self._kept.append(number)) for stop in STOPS
        }
        try:
            super().run(sockets)
        finally:
            for stop, handler in before.items():
                signal.signal(stop, handler)
        for number in self._kept:
            signal.raise_signal(number)

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Give what was kept to uvicorn, which from here on listens itself.

        What ended it uvicorn raises at the end; that is kept again, and raised by `run`.
        """
        with super().capture_signals():
            while self._kept:
                self.handle_exit(self._kept.pop(0), None)
            yield
