"""One installation at work: database, chain, keys and clock, as every service takes them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from urllib.parse import urlsplit

from sqlalchemy import Engine

from ledger.chain.account import Account
from ledger.chain.rpc import HttpRpc
from ledger.db.engine import open_database
from ledger.domain.epcis import When
from ledger.errors import Rejected
from ledger.services.home import Home
from ledger.services.keys.keeper import CodeKeeper, Keeper
from ledger.services.keys.keeper_socket import RemoteKeeper
from ledger.services.keys.keyring import KeyRing
from ledger.services.keys.vault import Vault, hosted_name
from ledger.services.minter import Minter
from ledger.services.network import Network

RELAY, ADMIN, LOG = "relay", "admin", "log"  # the installation's own keys in the vault


@dataclass(frozen=True)
class Site:
    """clock: unix seconds. link_base: what printed links begin with, e.g. https://id.brand.com.
    hosts: other hosts whose links are ours. zone: minutes east of UTC of the installation.
    behind_s: age of the newest block at which verdicts become "not confirmed".
    private_webhooks: webhooks may be in private networks, and plain http. fdr: stated share of
    false alerts of brands that have set none. keeper_socket: where a code keeper of its own
    listens; None: the code keys are opened here.
    """

    home: Home
    engine: Engine
    rpc: HttpRpc
    network: Network
    clock: Callable[[], int]
    link_base: str
    hosts: frozenset[str] = frozenset()
    zone: int = 480
    behind_s: int = 900
    private_webhooks: bool = False
    fdr: float = 0.05
    keeper_socket: Path | None = None

    @cached_property
    def ring(self) -> KeyRing:
        """The code keys."""
        return self.home.keys()

    @cached_property
    def vault(self) -> Vault:
        """The signing keys."""
        return self.home.accounts()

    @cached_property
    def webhook_vault(self) -> Vault:
        """The secrets of webhooks."""
        return self.home.webhook_secrets()

    @cached_property
    def device_key(self) -> bytes:
        """Keys pseudonyms of devices and tokens of pages."""
        return self.home.device_key()

    @cached_property
    def keeper(self) -> Keeper:
        """Decodes scans: in this process, or by asking the one that has the keys."""
        if self.keeper_socket is not None:
            return RemoteKeeper(self.keeper_socket)
        return CodeKeeper(self.ring)

    @property
    def minter(self) -> Minter:
        """Makes codes, for this ledger only."""
        return Minter(self.ring, self.network.chain_id, self.network.address)

    @cached_property
    def relay(self) -> Account:
        """The account that relays."""
        return self.vault.account(RELAY)

    @property
    def host(self) -> str:
        """The host of printed links."""
        return urlsplit(self.link_base).netloc.lower()

    def is_ours(self, host: str) -> bool:
        """Say whether a link of this host is one of ours."""
        return host.lower() == self.host or host.lower() in self.hosts

    def when(self) -> When:
        """The present, as documents state it."""
        return When(self.clock(), self.zone)

    def salt(self) -> str:
        """A fresh salt for a document."""
        return self.home.entropy(16).hex()

    def signer(self, party: int) -> Account:
        """Return the hosted key of a party. Raises Rejected NOT_HOSTED."""
        try:
            return self.vault.account(hosted_name(party))
        except Rejected:
            raise Rejected(
                "NOT_HOSTED",
                f"The key of party {party} is not hosted here: sign with the party's own key.",
            ) from None


def open_site(
    home: Home,
    rpc_url: str,
    clock: Callable[[], int],
    link_base: str,
    database_url: str | None = None,
    behind_s: int = 900,
    hosts: frozenset[str] = frozenset(),
    private_webhooks: bool = False,
    fdr: float = 0.05,
    keeper_socket: Path | None = None,
) -> Site:
    """Open an installation whose ledger exists. Raises what opening each part raises."""
    return Site(
        home=home,
        engine=open_database(database_url or home.database_url),
        rpc=HttpRpc(rpc_url),
        network=home.network(),
        clock=clock,
        link_base=link_base,
        behind_s=behind_s,
        hosts=hosts,
        private_webhooks=private_webhooks,
        fdr=fdr,
        keeper_socket=keeper_socket,
    )
