"""The validator's key: 32 random bytes in hex, in a file that only its owner can read."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from eth_keys import keys

from ledger.errors import Broken

Entropy = Callable[[int], bytes]
"""Returns that many unpredictable bytes (secrets.token_bytes outside tests)."""


def create_key(path: Path, entropy: Entropy) -> Any:
    """Write a new key to `path`, durably and with mode 0600, and return it as an eth_keys key."""
    fresh = path.with_suffix(".new")
    fresh.unlink(missing_ok=True)
    fd = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(fd, "w", encoding="ascii") as file:
        file.write(entropy(32).hex() + "\n")
        file.flush()
        os.fsync(file.fileno())
    # If we die before the rename there is no key and no chain yet: the next start begins anew.
    fresh.rename(path)
    sync_directory(path.parent)
    return load_key(path)


def load_key(path: Path) -> Any:
    """Return the eth_keys private key in `path`.

    Raises Broken MISSING_KEY or DAMAGED_KEY.
    """
    try:
        text = path.read_text("ascii")
    except FileNotFoundError:
        raise Broken(
            "MISSING_KEY",
            f"The validator key {path} is missing, so no block can be sealed: "
            "put it back from your backup.",
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise _damaged(path) from error
    try:
        return keys.PrivateKey(bytes.fromhex(text.strip()))
    except Exception as error:  # eth_keys' own ValidationError, or not hex
        raise _damaged(path) from error


def sync_directory(path: Path) -> None:
    """Make the names in `path` durable."""
    fd = os.open(path, os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def _damaged(path: Path) -> Broken:
    return Broken(
        "DAMAGED_KEY",
        f"The validator key {path} is not 32 bytes in hex: put it back from your backup.",
    )
