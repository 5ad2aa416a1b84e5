"""Making the trust file that checkers pin, signed by the embedded node's validator."""

from __future__ import annotations

import json
from collections.abc import Iterable
from urllib.parse import urlsplit

from ledger.chain import artifact, trust
from ledger.chain.storage import Layout
from ledger.services.home import Home
from ledger.services.keys.sealed_file import replace_file
from ledger.services.open import validator_account
from ledger.services.site import LOG, Site

DAY_S = 86_400
VALID_DAYS = 180


def make(
    home: Home,
    issued: int,
    max_age_s: int,
    valid_days: int = VALID_DAYS,
    checkers: Iterable[str] | None = None,
) -> None:
    """Write the installation's trust file.

    issued: unix seconds. max_age_s: age of a block up to which a proof counts as fresh. checkers:
    addresses of pages that check proofs; None: those that the file has named so far.
    Raises Rejected NO_LEDGER, NO_VALIDATOR_KEY, BAD_VALUE; then the file is as it was.
    """
    network = home.network()
    document = trust.make_trust(
        issued=issued,
        valid_until=issued + valid_days * DAY_S,
        chain_id=network.chain_id,
        genesis_hash=bytes.fromhex(network.genesis_hash[2:]),
        validators=[bytes.fromhex(v[2:]) for v in network.validators],
        contract=network.address,
        layout_hash=Layout(artifact.layout()).hash,
        log_key=home.accounts().account(LOG).address,
        max_age_s=max_age_s,
        epoch_length=network.epoch_length,
        checker_urls=_named(home) if checkers is None else checkers,
    )
    signed = trust.sign(document, validator_account(home).secret)
    written = json.dumps(signed, indent=1).encode() + b"\n"
    trust.check_trust(written, issued)
    replace_file(home.trust, written)


def checkers(site: Site) -> tuple[str, ...]:
    """Return the pages that check proofs, as the trust file names them: none on a host of ours,
    which could as well lie on its own page."""
    return tuple(url for url in _named(site.home) if not site.is_ours(urlsplit(url).netloc))


def _named(home: Home) -> tuple[str, ...]:
    if not home.trust.exists():
        return ()
    return tuple(json.loads(home.trust.read_bytes())["checker_urls"])


def is_due(home: Home, now: int) -> bool:
    """Say whether the trust file is missing, or has under a month left."""
    if not home.trust.exists():
        return True
    valid_until: int = json.loads(home.trust.read_text())["valid_until"]
    return valid_until - now < 30 * DAY_S
