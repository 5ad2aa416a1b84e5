"""Opening an installation from its settings, and making a new one."""

from __future__ import annotations

import json
from pathlib import Path

from ledger.chain.account import Account
from ledger.chain.embedded.clock import parse_clock
from ledger.chain.rpc import HttpRpc
from ledger.db.engine import open_database
from ledger.errors import Broken, Rejected, Unavailable
from ledger.services.deploy import deploy
from ledger.services.home import Home
from ledger.services.keys.hsm import TokenAccess
from ledger.services.settings import Settings
from ledger.services.site import ADMIN, LOG, RELAY, Site, open_site


def home_of(settings: Settings) -> Home:
    """Return the data directory of some settings."""
    module, pin = settings.pkcs11_module, settings.pkcs11_pin_file
    return Home(
        settings.data.resolve(),
        settings.passphrase_file,
        keys_file=settings.keys_file,
        keys_passphrase_file=settings.keys_passphrase_file,
        token=TokenAccess(module, pin) if module and pin else None,
    )


def rpc_url(settings: Settings) -> str:
    """Return where the chain is. Raises Unavailable NODE_DOWN."""
    if settings.rpc_url:
        return settings.rpc_url
    said = home_of(settings).node / "node.json"
    try:
        url: str = json.loads(said.read_text())["url"]
        return url
    except (OSError, ValueError, KeyError):
        raise Unavailable(
            "NODE_DOWN",
            f"The node of {settings.data} does not run: start it with `touchstone up`.",
        ) from None


def open_installation(settings: Settings) -> Site:
    """Open an installation that exists.

    Raises Rejected NO_LEDGER, Unavailable NODE_DOWN, Broken MISSING_DATABASE, and what opening the
    database raises.
    """
    home = home_of(settings)
    home.network()  # the plainest fault first
    if settings.database_url is None:
        _refuse_lost_database(home.database)
    link_base, hosts = _links(settings, home)
    return open_site(
        home,
        rpc_url(settings),
        parse_clock(settings.clock),
        link_base,
        settings.database_url,
        settings.behind_s,
        hosts,
        settings.private_webhooks,
        settings.fdr,
        settings.keeper_socket,
    )


def found(settings: Settings) -> bool:
    """Make keys and contract where there are none; return whether a passphrase was generated.

    Needs the node to run. Done again it changes nothing. Raises Rejected KEYS_MISSING and
    PASSPHRASE_MISSING where a ledger is, but not all that its first start made.
    """
    home = home_of(settings)
    generated = home.prepare()
    vault = home.accounts()
    relay, admin, _ = (vault.ensure(name) for name in (RELAY, ADMIN, LOG))
    home.keys()
    home.device_key()
    if not home.network_file.exists():
        # A directory that knows its ledger has had a database: its loss is no first start.
        open_database(settings.database_url or home.database_url).dispose()
        network = deploy(HttpRpc(rpc_url(settings)), relay, [admin.address], threshold=1)
        # If we die before this line, deploying again finds the same contract.
        network.save(home.network_file)
    return generated


def _links(settings: Settings, home: Home) -> tuple[str, frozenset[str]]:
    """Return what links begin with and which other hosts are ours: as set, else as last served.

    A command in another shell than `touchstone up --port … --lan` would print links that lead
    nowhere, and refuse those that lead here.
    """
    link_base, *hosts = home.served() or [settings.link_base]
    told = settings.model_fields_set
    return (
        settings.link_base if "link_base" in told else link_base,
        settings.hosts if "hosts" in told else frozenset(hosts),
    )


def _refuse_lost_database(path: Path) -> None:
    if not path.exists() or path.stat().st_size == 0:
        raise Broken(
            "MISSING_DATABASE",
            f"{path} is missing or empty: put it back from your last backup. Without one, name a "
            "new database with TOUCHSTONE_DATABASE_URL: the chain's tables are made again, scans, "
            "names and requests under way are lost.",
        )


def validator_account(home: Home) -> Account:
    """Return the embedded node's validator key, which also signs the trust file.

    Raises Rejected NO_VALIDATOR_KEY.
    """
    path: Path = home.node / "validator.key"
    try:
        return Account(bytes.fromhex(path.read_text("ascii").strip()))
    except (OSError, ValueError):
        raise Rejected(
            "NO_VALIDATOR_KEY", f"{path} is missing: sign the trust file where the validator runs."
        ) from None
