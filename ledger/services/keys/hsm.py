"""A passphrase wrapped by a key that never leaves a PKCS#11 token (an HSM, a smart card, SoftHSM).

The token only wraps: FF1 needs ten AES blocks a code, and a token is too slow for a million codes a
second. It protects the passphrase at rest: a stolen disk or backup opens nothing without the token.
Form `touchstone-wrapped/1`: JSON with the labels of token and key, and nonce and ciphertext of
AES-256-GCM in hex; all other members are authenticated with it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ledger.domain.jcs import canonical
from ledger.errors import Broken, Rejected
from ledger.services.keys.sealed_file import Entropy

_FORMAT = "touchstone-wrapped/1"
_NONCE_BYTES, _TAG_BITS = 12, 128
KEY_LABEL = "touchstone"


@dataclass(frozen=True, slots=True)
class TokenAccess:
    """The token's library, and the file that holds its user PIN."""

    module: Path
    pin_file: Path


def is_wrapped(text: str) -> bool:
    """Say whether the text of a passphrase file is a wrapped passphrase."""
    return text.startswith("{")


def wrap(access: TokenAccess, token: str, passphrase: str, entropy: Entropy) -> str:
    """Return the wrapped form of a passphrase, as the text of a passphrase file.

    token: its label. The token makes the key at the first call, not extractable. Raises Rejected
    NO_PKCS11, TOKEN_REFUSED.
    """
    nonce = entropy(_NONCE_BYTES)
    header = {"format": _FORMAT, "token": token, "key": KEY_LABEL}
    with _key(access, token, KEY_LABEL, make=True) as (key, pkcs11):
        wrapped = key.encrypt(passphrase.encode(), **_gcm(pkcs11, nonce, header))
    return json.dumps({**header, "nonce": nonce.hex(), "wrapped": wrapped.hex()}, indent=1) + "\n"


def unwrap(access: TokenAccess, text: str) -> str:
    """Return the passphrase that `wrap` was given.

    Raises Rejected NO_PKCS11, TOKEN_REFUSED, Broken KEYS_DAMAGED.
    """
    try:
        document = json.loads(text)
        nonce, wrapped = bytes.fromhex(document["nonce"]), bytes.fromhex(document["wrapped"])
        header = {name: document[name] for name in ("format", "token", "key")}
    except (ValueError, KeyError, TypeError):
        raise _damaged() from None
    if header["format"] != _FORMAT:
        raise _damaged()
    with _key(access, header["token"], header["key"], make=False) as (key, pkcs11):
        try:
            passphrase: bytes = key.decrypt(wrapped, **_gcm(pkcs11, nonce, header))
        except pkcs11.PKCS11Error:
            raise _damaged() from None  # the token is open, so it is the text that does not fit
    return passphrase.decode()


@contextmanager
def _key(access: TokenAccess, token: str, label: str, *, make: bool) -> Iterator[tuple[Any, Any]]:
    """Yield the token's key and the library's module."""
    try:
        import pkcs11
    except ImportError:
        raise Rejected(
            "NO_PKCS11",
            "Tokens need the package python-pkcs11: install touchstone-ledger with its extra hsm.",
        ) from None
    pin = _pin(access.pin_file)
    try:
        found = pkcs11.lib(str(access.module)).get_token(token_label=token)
        with found.open(user_pin=pin, rw=make) as session:
            yield _find(session, pkcs11, label, make), pkcs11
    except pkcs11.PKCS11Error as error:
        why = str(error) or type(error).__name__
        raise Rejected(
            "TOKEN_REFUSED",
            f"The token '{token}' behind {access.module} gives no key ({why}): check library, "
            "label and PIN.",
        ) from None


def _find(session: Any, pkcs11: Any, label: str, make: bool) -> Any:
    try:
        return session.get_key(label=label, object_class=pkcs11.ObjectClass.SECRET_KEY)
    except pkcs11.NoSuchKey:
        if not make:
            raise
    kept = {pkcs11.Attribute.EXTRACTABLE: False, pkcs11.Attribute.SENSITIVE: True}
    return session.generate_key(pkcs11.KeyType.AES, 256, label=label, store=True, template=kept)


def _gcm(pkcs11: Any, nonce: bytes, header: dict[str, str]) -> dict[str, Any]:
    return {
        "mechanism": pkcs11.Mechanism.AES_GCM,
        "mechanism_param": pkcs11.GCMParams(nonce, canonical(header), _TAG_BITS),
    }


def _pin(path: Path) -> str:
    try:
        return path.read_text("utf-8").strip()
    except OSError as error:
        raise Rejected(
            "PASSPHRASE_MISSING",
            f"The token's PIN file {path} cannot be read ({error.strerror}): put it back.",
        ) from None


def _damaged() -> Broken:
    return Broken(
        "KEYS_DAMAGED",
        "The wrapped passphrase was altered, or another token's key made it: put its file back "
        "from your backup.",
    )
