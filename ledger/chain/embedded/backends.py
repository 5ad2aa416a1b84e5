"""The fast cryptography under py-evm, asserted and not hoped for.

The pure-Python fallbacks are chosen silently and are one to two orders of magnitude slower.
"""

from __future__ import annotations

import logging
import sys

import eth_hash.auto
from eth_keys import KeyAPI

from ledger.domain.keccak import BACKEND
from ledger.errors import Broken

log = logging.getLogger(__name__)


def require_fast_backends(platform: str = sys.platform) -> None:
    """Put safe-pysha3 under eth_hash and check that coincurve is under eth_keys.

    On Linux, where both have wheels, raises Broken SLOW_BACKEND when one is missing; elsewhere a
    warning is logged.
    """
    missing = []
    if type(KeyAPI().backend).__name__ != "CoinCurveECCBackend":
        missing.append("coincurve")
    if BACKEND == "safe-pysha3":
        # eth_hash prefers pycryptodome (7 times slower) whenever both are installed, as they are.
        from eth_hash.backends import pysha3

        eth_hash.auto.keccak.hasher = pysha3.keccak256
        eth_hash.auto.keccak.preimage = pysha3.preimage
    else:
        missing.append("safe-pysha3")
    if not missing:
        return
    sentence = (
        f"{' and '.join(missing)} cannot be used here, so sealing would be many times slower: "
        "install it in this environment."
    )
    if platform == "linux":
        raise Broken("SLOW_BACKEND", sentence)
    log.warning(sentence)
