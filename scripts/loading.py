"""Loading the modules of a process without looking for garbage among what stays."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def loading() -> Iterator[None]:
    """What is made meanwhile stays as long as the process does, and is not looked through again.

    Modules are hundreds of thousands of objects. Python's collector would go through them again
    and again while they come, and with each full collection ever after: a third of the processor
    time of a start, and a fifth of that of a worker.
    """
    was = gc.isenabled()
    gc.disable()
    try:
        yield
        gc.freeze()
    finally:
        if was:
            gc.enable()
