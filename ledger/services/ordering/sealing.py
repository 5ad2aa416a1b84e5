"""Files sealed for one receiver: age, OpenPGP, or a ZIP under a passphrase for old plants.

The plain text is never on the disk: it is made and sealed piece by piece (OpenPGP: in memory).
The libraries are the extra `packages`.
"""

from __future__ import annotations

import base64
import io
from collections.abc import Iterable, Iterator
from importlib import import_module
from typing import Any, BinaryIO

from ledger.errors import Rejected, TouchstoneError, Unavailable

METHODS = {"age": ".age", "openpgp": ".pgp", "zip": ".zip"}
"""How a package is sealed, and how its file's name ends then."""

_CROCKFORD = str.maketrans("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", "0123456789ABCDEFGHJKMNPQRSTVWXYZ")


def check_key(method: str, key: str) -> str:
    """Return a receiver's public key as it is kept; '' for zip, whose passphrase we make.

    Raises Rejected BAD_RECEIVER, Unavailable EXTRA_MISSING.
    """
    if method not in METHODS:
        raise Rejected("BAD_RECEIVER", f"A package is sealed by {', '.join(METHODS)}.")
    if method == "zip":
        if key:
            raise Rejected("BAD_RECEIVER", "A ZIP has no public key: its passphrase is made here.")
        _library("pyzipper")
        return ""
    try:
        if method == "age":
            _library("pyrage").x25519.Recipient.from_str(key.strip())
            return key.strip()
        certificate = _library("pysequoia").Cert.from_bytes(key.encode())
    except TouchstoneError:
        raise
    except Exception as fault:  # each library has errors of its own for a key that is none
        wanted = "age1…" if method == "age" else "an armoured OpenPGP certificate"
        raise Rejected("BAD_RECEIVER", f"The public key is not {wanted}: ask for it again.") from (
            fault
        )
    return str(certificate)


def seal(
    method: str, key: str, passphrase: str, name: str, pieces: Iterable[bytes], out: BinaryIO
) -> None:
    """Write a sealed file of `pieces`. key: as `check_key` gave it. passphrase, name: of a ZIP.

    Raises Unavailable EXTRA_MISSING.
    """
    if method == "age":
        pyrage = _library("pyrage")
        pyrage.encrypt_io(_Pieces(pieces), out, [pyrage.x25519.Recipient.from_str(key)])
    elif method == "openpgp":
        sequoia = _library("pysequoia")
        certificate = sequoia.Cert.from_bytes(key.encode())
        out.write(sequoia.encrypt(b"".join(pieces), recipients=[certificate], armor=False))
    else:
        pyzipper = _library("pyzipper")
        terms = {"compression": pyzipper.ZIP_DEFLATED, "encryption": pyzipper.WZ_AES}
        with pyzipper.AESZipFile(out, "w", **terms) as archive:
            archive.setpassword(passphrase.encode())
            with archive.open(name, "w") as member:
                for piece in pieces:
                    member.write(piece)


def passphrase_text(secret: bytes) -> str:
    """Return a passphrase of 120 bits as people read it out: six groups of four."""
    letters = base64.b32encode(secret[:15]).decode().translate(_CROCKFORD)
    return "-".join(letters[at : at + 4] for at in range(0, 24, 4))


class _Pieces(io.RawIOBase):
    """Pieces of text as a file that is read once."""

    def __init__(self, pieces: Iterable[bytes]) -> None:
        self._pieces: Iterator[bytes] = iter(pieces)
        self._rest = b""

    def readable(self) -> bool:
        """It is."""
        return True

    def read(self, size: int = -1) -> bytes:
        """Return up to `size` bytes, b'' at the end."""
        if not self._rest:
            self._rest = next(self._pieces, b"")
        size = len(self._rest) if size < 0 else size
        found, self._rest = self._rest[:size], self._rest[size:]
        return found


def _library(name: str) -> Any:
    try:
        return import_module(name)
    except ImportError:
        raise Unavailable(
            "EXTRA_MISSING",
            f"Packages need {name}: install the extra `packages` "
            "(pip install 'touchstone-ledger[packages]').",
        ) from None
