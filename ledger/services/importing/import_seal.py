"""What hides imported serials at rest: tags to find them by, and chunks of them that are sealed.

Both keys come from the brand's unit key, so they are in the sealed key file and its backups:
HMAC-SHA-256(unit key, "touchstone-import/1 tag" or "… seal"). A tag is the first 16 bytes of
HMAC-SHA-256(tag key, GTIN-14 ‖ "/" ‖ serial). A chunk is a nonce of 12 bytes and AES-256-GCM of its
serials, a line each, bound to the file's digest, the GTIN and its number.
"""

from __future__ import annotations

import hmac
from collections.abc import Sequence

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from ledger.errors import Broken

CHUNK = 1024  # codes
TAG_BYTES, _NONCE_BYTES = 16, 12


def tag_key(unit_key: bytes) -> bytes:
    """Return the key of a brand's tags."""
    return hmac.digest(unit_key, b"touchstone-import/1 tag", "sha256")


def tag(key: bytes, gtin: int, serial: str) -> bytes:
    """Return the tag of a code: 16 bytes. key: as `tag_key` gives it."""
    return hmac.digest(key, f"{gtin:014d}/{serial}".encode(), "sha256")[:TAG_BYTES]


def seal(
    unit_key: bytes, digest: bytes, gtin: int, number: int, serials: Sequence[str], nonce: bytes
) -> bytes:
    """Return chunk `number` of a file's codes of a GTIN, sealed. nonce: 12 fresh bytes."""
    text = "\n".join(serials).encode()
    return nonce + _cipher(unit_key).encrypt(nonce, text, _place(digest, gtin, number))


def unseal(unit_key: bytes, digest: bytes, gtin: int, number: int, sealed: bytes) -> list[str]:
    """Return the serials of a sealed chunk. Raises Broken IMPORT_DAMAGED."""
    nonce, rest = sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:]
    try:
        text = _cipher(unit_key).decrypt(nonce, rest, _place(digest, gtin, number))
    except (InvalidTag, ValueError):
        raise Broken(
            "IMPORT_DAMAGED",
            f"Imported codes of GTIN {gtin:014d} do not open: restore key file and database of one "
            "time.",
        ) from None
    return text.decode().split("\n")


def _cipher(unit_key: bytes) -> AESGCM:
    return AESGCM(hmac.digest(unit_key, b"touchstone-import/1 seal", "sha256"))


def _place(digest: bytes, gtin: int, number: int) -> bytes:
    return digest + gtin.to_bytes(8, "big") + number.to_bytes(4, "big")
