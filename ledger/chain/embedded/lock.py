"""One node for each data directory: a file lock that explains itself."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from ledger.errors import Rejected


class DataLock:
    """An exclusive lock on DIR/node.lock, held until `release` or until the process ends.

    The kernel drops the lock with the process, so a kill leaves nothing to clean up; the file
    itself stays and holds the process id of the last holder.
    Raises Rejected DATA_IN_USE when another process has it.
    """

    def __init__(self, directory: Path) -> None:
        self._fd = os.open(directory / "node.lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            holder = os.pread(self._fd, 20, 0).decode("ascii", "replace").strip() or "unknown"
            os.close(self._fd)
            raise Rejected(
                "DATA_IN_USE",
                f"Another touchstone node (pid {holder}) is using {directory}; "
                "stop it or choose another --data.",
            ) from None
        os.ftruncate(self._fd, 0)
        os.pwrite(self._fd, str(os.getpid()).encode("ascii"), 0)

    def release(self) -> None:
        """Let another process have the directory."""
        os.close(self._fd)
