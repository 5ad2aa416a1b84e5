"""Opening an installation from its settings, and making a new one."""

from __future__ import annotations

import json
from pathlib import Path

from ledger.chain.account import Account
from ledger.chain.embedded.clock import parse_clock
from ledger.chain.rpc import HttpRpc
from ledger.errors import Rejected, Unavailable
from ledger.services.deploy import deploy
from ledger.services.home import Home
from ledger.services.settings import Settings
from ledger.services.site import ADMIN, LOG, RELAY, Site, open_site


def home_of(settings: Settings) -> Home:
    """Return the data directory of some settings."""
    return Home(settings.data.resolve(), settings.passphrase_file)


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
    """Open an installation that exists. Raises Rejected NO_LEDGER, Unavailable NODE_DOWN."""
    home = home_of(settings)
    home.network()  # the plainest fault first
    return open_site(
        home,
        rpc_url(settings),
        parse_clock(settings.clock),
        settings.link_base,
        settings.database_url,
        settings.behind_s,
        settings.hosts,
    )


def found(settings: Settings) -> bool:
    """Make keys and contract where there are none; return whether a passphrase was generated.

    Needs the node to run. Done again it changes nothing.
    """
    home = home_of(settings)
    generated = home.prepare()
    vault = home.accounts()
    relay, admin, _ = (vault.ensure(name) for name in (RELAY, ADMIN, LOG))
    if not home.network_file.exists():
        network = deploy(HttpRpc(rpc_url(settings)), relay, [admin.address], threshold=1)
        # If we die before this line, deploying again finds the same contract.
        network.save(home.network_file)
    return generated


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
