"""A small secret file: wrapped with a passphrase, replaced as a whole, readable by its owner only.

Form `touchstone-sealed/1`: JSON with the scrypt parameters (RFC 7914) and salt, a check value that
tells a wrong passphrase from a damaged file, and AES-256-GCM's nonce and ciphertext in hex; all
other members are authenticated as additional data.
"""

from __future__ import annotations

import fcntl
import hashlib
import hmac
import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from ledger.domain.jcs import canonical
from ledger.errors import Broken, Rejected

Entropy = Callable[[int], bytes]
"""Returns that many unpredictable bytes (secrets.token_bytes outside tests)."""

_FORMAT = "touchstone-sealed/1"
_COST, _BLOCK_SIZE, _PARALLEL = 1 << 15, 8, 1  # 32 MiB, about 0.1 s
_MEMORY = 64 << 20
_SALT_BYTES, _NONCE_BYTES = 16, 12


@dataclass(frozen=True, slots=True)
class Seal:
    """What a passphrase and a salt give: the wrapping key and the value that checks both."""

    salt: bytes
    check: bytes
    key: bytes = field(repr=False)


def make_seal(passphrase: str, salt: bytes) -> Seal:
    """Return the seal of a passphrase; takes about 0.1 s on purpose."""
    derived = hashlib.scrypt(
        passphrase.encode(),
        salt=salt,
        n=_COST,
        r=_BLOCK_SIZE,
        p=_PARALLEL,
        maxmem=_MEMORY,
        dklen=48,
    )
    return Seal(salt, check=derived[32:], key=derived[:32])


def new_seal(passphrase: str, entropy: Entropy) -> Seal:
    """Return a seal with a fresh salt."""
    return make_seal(passphrase, entropy(_SALT_BYTES))


def write_sealed(path: Path, seal: Seal, content: bytes, entropy: Entropy) -> None:
    """Replace the file at `path` by `content` under `seal`, durably, with mode 0600."""
    nonce = entropy(_NONCE_BYTES)
    header = _header(seal)
    sealed = AESGCM(seal.key).encrypt(nonce, content, canonical(header))
    text = json.dumps({**header, "nonce": nonce.hex(), "sealed": sealed.hex()}, indent=1) + "\n"
    replace_file(path, text.encode())


def read_sealed(path: Path, passphrase: str, known: Seal | None = None) -> tuple[Seal, bytes]:
    """Return the seal and the content of the file at `path`.

    known: a seal of the same passphrase, used again if the salt is the same. Raises Rejected
    KEYS_MISSING and WRONG_PASSPHRASE, Broken KEYS_DAMAGED.
    """
    try:
        document = json.loads(path.read_bytes())
        salt, nonce = bytes.fromhex(document["salt"]), bytes.fromhex(document["nonce"])
        sealed, check = bytes.fromhex(document["sealed"]), bytes.fromhex(document["check"])
    except FileNotFoundError:
        raise Rejected(
            "KEYS_MISSING",
            f"There is no key file {path}: restore it from your backup; "
            "without it no code of this ledger can be decoded.",
        ) from None
    except (ValueError, KeyError, TypeError):
        raise _damaged(path) from None
    seal = known if known and known.salt == salt else make_seal(passphrase, salt)
    if not hmac.compare_digest(check, seal.check):
        raise Rejected("WRONG_PASSPHRASE", f"The passphrase does not open the key file {path}.")
    header = {name: value for name, value in document.items() if name not in ("nonce", "sealed")}
    if header != _header(seal):
        raise _damaged(path)
    try:
        return seal, AESGCM(seal.key).decrypt(nonce, sealed, canonical(header))
    except (InvalidTag, ValueError):
        raise _damaged(path) from None


def replace_file(path: Path, content: bytes) -> None:
    """Replace `path` by `content` with mode 0600, so that a reader finds the old or the new."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    fresh = path.with_name(path.name + ".new")
    fresh.unlink(missing_ok=True)
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    # If we die before the rename, the old file stands; the leftover is removed by the next write.
    fresh.rename(path)
    # If we die here, the new file stands unless the machine dies too; then the old or the new one.
    directory = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold the lock beside `path` while its content is read, changed and replaced."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor = os.open(path.with_name(path.name + ".lock"), os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)  # which also drops the lock


def _header(seal: Seal) -> dict[str, str | int]:
    return {
        "format": _FORMAT,
        "kdf": "scrypt",
        "n": _COST,
        "r": _BLOCK_SIZE,
        "p": _PARALLEL,
        "salt": seal.salt.hex(),
        "check": seal.check.hex(),
    }


def _damaged(path: Path) -> Broken:
    return Broken(
        "KEYS_DAMAGED",
        f"The key file {path} is damaged or cut short: put it back from your backup.",
    )
