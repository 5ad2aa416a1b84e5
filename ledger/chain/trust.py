"""The trust file `touchstone-trust/1`: what a checker pins before it believes anything.

Whoever hands out the file decides whom its reader trusts, so the first one comes by a channel of
its own (with a product, from the brand's site). A newer one is taken only when the validators of
the file at hand stand behind it. Source: FORMATS "Proof bundle, trust file".
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from ledger.chain.account import Account, recover
from ledger.chain.header import quorum
from ledger.chain.strict_json import Node, load
from ledger.chain.validators import EPOCH_LENGTH, Change, Succession
from ledger.domain.jcs import canonical
from ledger.domain.keccak import keccak
from ledger.errors import Rejected

FORMAT = "touchstone-trust/1"
ENGINE = "qbft"
MAX_VALIDITY_S = 180 * 86_400
DEFAULT_MAX_AGE_S = 300
MAX_BYTES = 1 << 16

_URL = r"https?://[!-~]{1,250}"
_MEMBERS = (
    "format",
    "issued",
    "valid_until",
    "max_age_s",
    "chain_id",
    "genesis_hash",
    "engine",
    "epoch_length",
    "validators",
    "contract",
    "layout_hash",
    "log_key",
    "witnesses",
    "checker_urls",
    "signatures",
)


@dataclass(frozen=True)
class Trust:
    """A trust file that was read and found signed. Times are unix seconds, addresses 20 bytes.

    max_age_s: how old a settled header may be and still count as fresh. epoch_length: blocks after
    which validators' votes are forgotten. signers: whoever signed it, also those who are no
    validators of its own.
    """

    issued: int
    valid_until: int
    max_age_s: int
    chain_id: int
    genesis_hash: bytes
    epoch_length: int
    validators: frozenset[bytes]
    contract: bytes
    layout_hash: bytes
    log_key: bytes
    witnesses: frozenset[bytes]
    checker_urls: tuple[str, ...]
    signers: frozenset[bytes]


def make_trust(
    *,
    issued: int,
    valid_until: int,
    chain_id: int,
    genesis_hash: bytes,
    validators: Iterable[bytes],
    contract: bytes,
    layout_hash: bytes,
    log_key: bytes,
    max_age_s: int = DEFAULT_MAX_AGE_S,
    epoch_length: int = EPOCH_LENGTH,
    witnesses: Iterable[bytes] = (),
    checker_urls: Iterable[str] = (),
) -> dict[str, Any]:
    """Return a trust file that nobody has signed yet; see `sign`. Arguments as in `Trust`."""
    return {
        "format": FORMAT,
        "issued": issued,
        "valid_until": valid_until,
        "max_age_s": max_age_s,
        "chain_id": chain_id,
        "genesis_hash": _hex(genesis_hash),
        "engine": ENGINE,
        "epoch_length": epoch_length,
        "validators": [_hex(address) for address in sorted(validators)],
        "contract": _hex(contract),
        "layout_hash": _hex(layout_hash),
        "log_key": _hex(log_key),
        "witnesses": [_hex(address) for address in sorted(witnesses)],
        "checker_urls": list(checker_urls),
        "signatures": [],
    }


def sign(trust: Mapping[str, Any], key: bytes) -> dict[str, Any]:
    """Return the trust file with one more signature. key: a validator's 32 bytes."""
    signature = Account(key).sign_rsv(digest(trust))
    return {**trust, "signatures": [*trust["signatures"], _hex(signature)]}


def digest(trust: Mapping[str, Any]) -> bytes:
    """Return what validators sign: keccak(JCS(the file without `signatures`))."""
    return keccak(canonical({k: v for k, v in trust.items() if k != "signatures"}))


def check_trust(data: bytes, at: int) -> Trust:
    """Return the trust file in `data` if it may be used at `at` (unix seconds).

    Raises Rejected: what `strict_json` raises for its form; BAD_TRUST_SIGNATURE (no signature at
    all, or one signer twice), TRUST_NOT_SIGNED (by a quorum of the validators it names),
    TRUST_TOO_LONG (valid for over 180 days), TRUST_NOT_YET_VALID, TRUST_EXPIRED.
    """
    document = load(data, MAX_BYTES)
    trust = _read(document)
    if not 0 < trust.valid_until - trust.issued <= MAX_VALIDITY_S:
        raise Rejected(
            "TRUST_TOO_LONG", "The trust file is not valid for 1 second to 180 days: get another."
        )
    own = trust.signers & trust.validators
    if len(own) < quorum(len(trust.validators)):
        raise Rejected(
            "TRUST_NOT_SIGNED",
            f"The trust file carries {len(own)} of the {quorum(len(trust.validators))} signatures "
            "of its validators that make a quorum: get it from its publisher again.",
        )
    if at < trust.issued:
        raise Rejected("TRUST_NOT_YET_VALID", "The trust file is newer than the time asked for.")
    if at > trust.valid_until:
        raise Rejected("TRUST_EXPIRED", "The trust file has expired: get a newer one.")
    return trust


def accept_newer(old: Trust, newer: bytes, changes: Sequence[Change], at: int) -> Trust:
    """Return the newer trust file in `newer` if the validators of `old` stand behind it.

    They do by a quorum of signatures under it, or by the votes in sealed headers that lead from
    their set to its (`changes`, oldest first). An expired file vouches for nothing: its
    validators may have retired, and their keys may have got into any hands.
    Raises Rejected as check_trust, TRUST_EXPIRED for the old one too, TRUST_OTHER_LEDGER,
    TRUST_NOT_NEWER, TRUST_NOT_SUCCEEDED, and what a change that is not proved raises.
    """
    if at > old.valid_until:
        raise Rejected("TRUST_EXPIRED", "Your trust file has expired: get one as you got it.")
    new = check_trust(newer, at)
    if _ledger(new) != _ledger(old):
        raise Rejected("TRUST_OTHER_LEDGER", "The newer trust file is of another ledger.")
    if new.issued <= old.issued:
        raise Rejected("TRUST_NOT_NEWER", "The trust file is not newer than the one at hand.")
    if len(new.signers & old.validators) >= quorum(len(old.validators)):
        return new
    succession = Succession.start(old.validators)
    for change in changes:
        succession = succession.extend(change, old.epoch_length)
    if succession.latest != new.validators:
        raise Rejected(
            "TRUST_NOT_SUCCEEDED",
            "The validators that you trust stand neither behind the newer trust file nor behind "
            "its validators: get it as you got the first one.",
        )
    return new


def _ledger(trust: Trust) -> tuple[int, int, bytes, bytes, bytes]:
    return (
        trust.chain_id,
        trust.epoch_length,
        trust.genesis_hash,
        trust.contract,
        trust.layout_hash,
    )


def _read(document: Node) -> Trust:
    part = document.members(_MEMBERS)
    part["format"].text(FORMAT)
    part["engine"].text(ENGINE)
    validators = _addresses(part["validators"])
    if not validators:
        raise part["validators"].bad("at least one validator")
    signed = digest(document.value)
    signers = [_signer(item, signed) for item in part["signatures"].items(512)]
    if len(set(signers)) != len(signers):
        raise Rejected("BAD_TRUST_SIGNATURE", "The trust file is signed twice by one key.")
    max_age_s, epoch_length = part["max_age_s"].uint(), part["epoch_length"].uint()
    if not max_age_s or not epoch_length:
        raise part["max_age_s" if epoch_length else "epoch_length"].bad("more than 0")
    return Trust(
        issued=part["issued"].uint(),
        valid_until=part["valid_until"].uint(),
        max_age_s=max_age_s,
        chain_id=part["chain_id"].uint(),
        genesis_hash=part["genesis_hash"].data(32),
        epoch_length=epoch_length,
        validators=frozenset(validators),
        contract=part["contract"].data(20),
        layout_hash=part["layout_hash"].data(32),
        log_key=part["log_key"].data(20),
        witnesses=frozenset(_addresses(part["witnesses"])),
        checker_urls=tuple(url.text(_URL, 260) for url in part["checker_urls"].items(32)),
        signers=frozenset(signers),
    )


def _addresses(node: Node) -> list[bytes]:
    found = [item.data(20) for item in node.items(255)]
    if any(a >= b for a, b in pairwise(found)):
        raise node.bad("addresses in rising order, each once")
    return found


def _signer(node: Node, signed: bytes) -> bytes:
    signature = node.data(65)
    r, s, v = signature[:32], int.from_bytes(signature[32:64], "big"), signature[64]
    compact = (r, (s | v << 255).to_bytes(33, "big")[1:])
    signer = recover(signed, compact) if v <= 1 and s < 1 << 255 else None
    if signer is None:
        raise Rejected("BAD_TRUST_SIGNATURE", f"{node.path} is no signature: get the file anew.")
    return signer


def _hex(data: bytes) -> str:
    return "0x" + data.hex()
