"""The node's clock: an argument, so that a demonstration can seal at simulated past times.

No clock ever reads ahead of the wall: a sealed time is a time that has passed.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from ledger.errors import Rejected, Unavailable

Clock = Callable[[], int]
"""Returns unix seconds."""


def wall_clock() -> int:
    """Return the machine's time in whole unix seconds."""
    return int(time.time())


def file_clock(path: Path, wall: Clock = wall_clock) -> Clock:
    """Return a clock that reads unix seconds from `path`, capped to `wall`.

    Another process moves the time by replacing the file atomically (write beside it, rename).
    The clock raises Unavailable CLOCK_UNREADABLE while the file is missing or not a number.
    """

    def read() -> int:
        try:
            seconds = int(path.read_text("ascii"))
        except (OSError, ValueError) as error:
            raise Unavailable(
                "CLOCK_UNREADABLE",
                f"The clock file {path} cannot be read as unix seconds: write it anew ({error}).",
            ) from error
        return min(seconds, wall())

    return read


def parse_clock(spec: str) -> Clock:
    """Return the clock named by `spec`: `wall`, or `file:PATH`.

    Raises Rejected CLOCK_SPEC for anything else.
    """
    if spec == "wall":
        return wall_clock
    kind, _, path = spec.partition(":")
    if kind == "file" and path:
        return file_clock(Path(path))
    raise Rejected("CLOCK_SPEC", f"'{spec}' is no clock: use 'wall' or 'file:PATH'.")
