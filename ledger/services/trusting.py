"""Making the trust file that checkers pin, signed by the embedded node's validator."""

from __future__ import annotations

import json

from ledger.chain import artifact, trust
from ledger.chain.storage import Layout
from ledger.services.home import Home
from ledger.services.keys.sealed_file import replace_file
from ledger.services.open import validator_account
from ledger.services.site import LOG

DAY_S = 86_400
VALID_DAYS = 180


def make(home: Home, issued: int, max_age_s: int, valid_days: int = VALID_DAYS) -> None:
    """Write the installation's trust file.

    issued: unix seconds. max_age_s: age of a block up to which a proof counts as fresh.
    Raises Rejected NO_LEDGER, NO_VALIDATOR_KEY.
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
    )
    signed = trust.sign(document, validator_account(home).secret)
    replace_file(home.trust, json.dumps(signed, indent=1).encode() + b"\n")


def is_due(home: Home, now: int) -> bool:
    """Say whether the trust file is missing, or has under a month left."""
    if not home.trust.exists():
        return True
    valid_until: int = json.loads(home.trust.read_text())["valid_until"]
    return valid_until - now < 30 * DAY_S
