"""Signing keys in one sealed file, by name: the relay's, the admins', those hosted for parties.

A party with an agent of its own keeps a vault of its own, with its own passphrase, where the
operator cannot reach it.
"""

from __future__ import annotations

import json
from pathlib import Path

from ledger.chain.account import Account
from ledger.errors import Broken, Rejected
from ledger.services.keys.sealed_file import (
    Entropy,
    Seal,
    locked,
    new_seal,
    read_sealed,
    write_sealed,
)

OWN = "account"  # the name of the key in a vault that holds one party's own key


class Vault:
    """The keys of one sealed file. Opening derives the wrapping key once (about 0.1 s)."""

    def __init__(self, path: Path, passphrase: str, entropy: Entropy) -> None:
        """Open the file; errors as `read_sealed`."""
        self._path = path
        self._passphrase = passphrase
        self._entropy = entropy
        self._seal: Seal | None = None
        self._secrets = self._read()

    @classmethod
    def create(cls, path: Path, passphrase: str, entropy: Entropy) -> Vault:
        """Write an empty vault and open it. Raises Rejected KEYS_EXIST."""
        with locked(path):
            if path.exists():
                raise Rejected("KEYS_EXIST", f"There is a key file {path} already: use that one.")
            write_sealed(path, new_seal(passphrase, entropy), b"{}", entropy)
        return cls(path, passphrase, entropy)

    def names(self) -> list[str]:
        """The names of all keys."""
        return sorted(self._secrets)

    def account(self, name: str) -> Account:
        """Return the key called `name`. Raises Rejected NO_KEY."""
        if name not in self._secrets:
            self._secrets = self._read()  # another process may have added it
        if name not in self._secrets:
            raise Rejected("NO_KEY", f"{self._path} holds no key for '{name}': add it first.")
        return Account(bytes.fromhex(self._secrets[name]))

    def ensure(self, name: str) -> Account:
        """Return the key called `name`, making it first if there is none."""
        with locked(self._path):
            self._secrets = self._read()
            if name not in self._secrets:
                self._secrets[name] = self._entropy(32).hex()
                assert self._seal is not None  # set by _read
                content = json.dumps(self._secrets).encode()
                # The key is durable before anyone can learn its address.
                write_sealed(self._path, self._seal, content, self._entropy)
        return self.account(name)

    def _read(self) -> dict[str, str]:
        self._seal, content = read_sealed(self._path, self._passphrase, self._seal)
        try:
            secrets: dict[str, str] = json.loads(content)
        except ValueError:
            raise Broken("KEYS_DAMAGED", f"{self._path} is damaged: restore a backup.") from None
        return secrets


def hosted_name(party: int) -> str:
    """The name under which the operator hosts a party's key."""
    return f"party-{party}"
