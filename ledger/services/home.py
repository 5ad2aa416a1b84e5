"""The data directory: what lies where, and the secrets that the first start makes.

node/            the embedded chain (its own lock and validator key)
network.json     which contract on which chain: what the follower pins
touchstone.db    the database
keys.json        code keys of the brands (sealed)
accounts.json    signing keys: relay, admins, log, hosted parties (sealed)
webhooks.json    secrets that sign what webhooks are sent (sealed; made with the first webhook)
passphrase       what seals them, unless TOUCHSTONE_PASSPHRASE_FILE names another file
device.key       keys the pseudonyms of scanning devices
admin.key        the first API key
trust.json       what a checker pins
served           what links begin with, and other hosts of theirs, as they were last served
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from ledger.db.engine import sqlite_url
from ledger.errors import Rejected
from ledger.services.keys.hsm import TokenAccess, is_wrapped, unwrap
from ledger.services.keys.keyring import KeyRing
from ledger.services.keys.sealed_file import Entropy, replace_file
from ledger.services.keys.vault import Vault
from ledger.services.network import Network


@dataclass(frozen=True)
class Home:
    """One data directory.

    passphrase_file: where the passphrase lies if not in the directory. keys_file,
    keys_passphrase_file: code keys, and their own passphrase, that are kept elsewhere. token: what
    unwraps a passphrase that a PKCS#11 token has wrapped.
    """

    path: Path
    passphrase_file: Path | None = None
    entropy: Entropy = secrets.token_bytes
    keys_file: Path | None = None
    keys_passphrase_file: Path | None = None
    token: TokenAccess | None = None

    @property
    def node(self) -> Path:
        """The embedded node's directory."""
        return self.path / "node"

    @property
    def database_url(self) -> str:
        """The default database."""
        return sqlite_url(self.database)

    @property
    def database(self) -> Path:
        """The file of the default database."""
        return self.path / "touchstone.db"

    @property
    def trust(self) -> Path:
        """The trust file."""
        return self.path / "trust.json"

    @property
    def network_file(self) -> Path:
        """The file that says which ledger this is."""
        return self.path / "network.json"

    def network(self) -> Network:
        """Return which ledger this is. Raises Rejected NO_LEDGER."""
        return Network.load(self.network_file)

    def prepare(self) -> bool:
        """Make what a first start needs; return whether a passphrase was generated."""
        self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
        generated = self.passphrase_file is None and not self._own_passphrase.exists()
        if generated:
            if self.code_keys.exists():
                raise Rejected(
                    "PASSPHRASE_MISSING",
                    f"{self._own_passphrase} is gone: put it back, or name it with "
                    "TOUCHSTONE_PASSPHRASE_FILE.",
                )
            replace_file(self._own_passphrase, self.entropy(24).hex().encode() + b"\n")
        if not self.code_keys.exists() and not self.network_file.exists():
            KeyRing.create(self.code_keys, self.keys_passphrase(), self.entropy)
        accounts = self.path / "accounts.json"
        if not accounts.exists() and not self.network_file.exists():
            Vault.create(accounts, self.passphrase(), self.entropy)
        if not (self.path / "device.key").exists() and not self.network_file.exists():
            replace_file(self.path / "device.key", self.entropy(32).hex().encode() + b"\n")
        return generated

    def passphrase(self) -> str:
        """Return the passphrase. Raises Rejected PASSPHRASE_MISSING."""
        return self._read_passphrase(self.passphrase_file or self._own_passphrase)

    def keys_passphrase(self) -> str:
        """Return the passphrase of the code keys. Raises Rejected PASSPHRASE_MISSING."""
        own = self.keys_passphrase_file
        return self.passphrase() if own is None else self._read_passphrase(own)

    @property
    def code_keys(self) -> Path:
        """The sealed file of the code keys."""
        return self.keys_file or self.path / "keys.json"

    def keys(self) -> KeyRing:
        """Open the code keys."""
        return KeyRing(self.code_keys, self.keys_passphrase(), self.entropy)

    def accounts(self) -> Vault:
        """Open the signing keys."""
        return Vault(self.path / "accounts.json", self.passphrase(), self.entropy)

    def serve(self, link_base: str, hosts: Iterable[str]) -> None:
        """Remember which links are served, for the commands that print and read them."""
        replace_file(self.path / "served", "\n".join([link_base, *sorted(hosts), ""]).encode())

    def served(self) -> list[str]:
        """Return what `serve` was told last: what links begin with, then hosts; else nothing."""
        path = self.path / "served"
        return path.read_text("utf-8").split() if path.exists() else []

    def webhook_secrets(self) -> Vault:
        """Open the secrets of webhooks, making the file first where there is none."""
        path = self.path / "webhooks.json"
        if not path.exists():
            with suppress(Rejected):  # another process was faster
                return Vault.create(path, self.passphrase(), self.entropy)
        return Vault(path, self.passphrase(), self.entropy)

    def device_key(self) -> bytes:
        """Return the key of the devices' pseudonyms. Raises Rejected KEYS_MISSING."""
        try:
            return bytes.fromhex((self.path / "device.key").read_text().strip())
        except (OSError, ValueError):
            raise Rejected(
                "KEYS_MISSING", f"{self.path / 'device.key'} is missing: restore it from a backup."
            ) from None

    @property
    def _own_passphrase(self) -> Path:
        return self.path / "passphrase"

    def _read_passphrase(self, path: Path) -> str:
        try:
            text = path.read_text("utf-8").strip()
        except OSError as error:
            raise Rejected(
                "PASSPHRASE_MISSING",
                f"The passphrase file {path} cannot be read ({error.strerror}): put it back.",
            ) from None
        if not is_wrapped(text):
            return text
        if self.token is None:
            raise Rejected(
                "NO_PKCS11",
                f"{path} is wrapped by a token: name its library with TOUCHSTONE_PKCS11_MODULE and "
                "the file of its PIN with TOUCHSTONE_PKCS11_PIN_FILE.",
            )
        return unwrap(self.token, text)
