"""A large file, written by several threads and past the page cache.

Through the cache every page of a file is taken from the system, copied into and written out later,
which for a file of links costs more than making its lines. Where the filesystem writes straight
from memory (Linux, O_DIRECT) it is asked to; elsewhere the same bytes go through the cache.
"""

from __future__ import annotations

import errno
import mmap
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

BLOCK = 4096  # addresses, places and lengths of what is written are multiples of it
Write = Callable[[int, NDArray[np.uint8]], None]
"""write(at, data): data, from `memory_for`, to the place `at`; both multiples of BLOCK."""


def memory_for(size: int) -> NDArray[np.uint8]:
    """Return whole blocks, `size` bytes or more, that can be written straight from."""
    return np.frombuffer(mmap.mmap(-1, (size // BLOCK + 1) * BLOCK), np.uint8)


@contextmanager
def past_cache(file: BinaryIO, size: int) -> Iterator[Write]:
    """Yield what writes pieces of an empty file that will have `size` bytes, from any thread.

    The last piece may reach beyond the end, and is cut there. Durable is the file when its owner
    has called fsync. Raises OSError, also at once if there is no room for `size` bytes.
    """
    descriptor = file.fileno()
    _reserve(descriptor, size)
    _direct(descriptor, True)
    try:
        yield partial(_write, descriptor)
    finally:
        _direct(descriptor, False)
    os.ftruncate(descriptor, size)


def _reserve(descriptor: int, size: int) -> None:
    """Take the room beforehand: pieces of a file that does not grow are written side by side."""
    if sys.platform == "linux" and size:
        os.posix_fallocate(descriptor, 0, size)


def _direct(descriptor: int, on: bool) -> None:
    if sys.platform == "linux":
        import fcntl

        flags = fcntl.fcntl(descriptor, fcntl.F_GETFL) & ~os.O_DIRECT
        try:
            fcntl.fcntl(descriptor, fcntl.F_SETFL, flags | (os.O_DIRECT if on else 0))
        except OSError as error:
            if error.errno != errno.EINVAL:  # a filesystem without it
                raise


def _write(descriptor: int, at: int, data: NDArray[np.uint8]) -> None:
    try:
        _write_all(descriptor, at, data)
    except OSError as error:
        if error.errno != errno.EINVAL:
            raise
        # Other multiples are wanted here, or only a part was taken: the piece goes by the cache.
        _direct(descriptor, False)
        _write_all(descriptor, at, data)


def _write_all(descriptor: int, at: int, data: NDArray[np.uint8]) -> None:
    done = 0
    while done < len(data):
        done += os.pwrite(descriptor, data[done:].data, at + done)
