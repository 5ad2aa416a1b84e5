"""What the admins decide: on a party, on themselves, and on the end of the ledger.

Where one signature is enough, the admin key of this installation gives it. Where several are, the
message is written once, each admin signs it with a key of its own (`relaying.sign`), and whoever
has all signatures relays them (`relaying.accept_ruling`).
"""

from __future__ import annotations

from collections.abc import Sequence

from ledger.chain.account import Account
from ledger.chain.message import Message
from ledger.db.chain_states import ChainRegistry
from ledger.db.engine import reading
from ledger.domain import typed_data
from ledger.domain.history import NO_EVENT_HASH
from ledger.domain.verbs import KeyMode, Verb
from ledger.errors import Rejected
from ledger.services import capture
from ledger.services.order import Order
from ledger.services.relaying import keep
from ledger.services.site import ADMIN, Site

ACTIVE, SUSPENDED = 1, 2
MAX_MARKET, MAX_PREFIX = 255, 12


def rule(site: Site, order: Order) -> int:
    """Sign an order with this installation's admin key and keep it; return the submission's id.

    Raises Rejected by the contract's names (QuorumMissing where more admins must sign), KEY_REUSED.
    """
    deadline = site.clock() + order.deadline_s
    with reading(site.engine) as session:
        message = capture.compose(
            session, site.network, order.verb, order.identity, order.signed_args(), deadline
        )
    data = signed_by(site, message, [site.vault.account(ADMIN)])
    return keep(site, message, data, order.document, order.actor, order.key, order.asked())


def signed_by(
    site: Site, message: Message, admins: Sequence[Account], new: Sequence[Account] = ()
) -> bytes:
    """Return the call of a message that admins sign, and for setAdmins also the `new` ones."""
    digest = typed_data.digest(site.network.domain, message.struct_hash())
    ours, theirs = (
        [account.sign(digest) for account in sorted(keys, key=lambda key: key.address)]
        for keys in (admins, new)
    )
    return message.call(ours, theirs)


def order_update(party: int, roles: int, markets: Sequence[int], prefix: str, key: str) -> Order:
    """Return the order of setting a party's roles and markets, and of adding a GTIN prefix.

    prefix: "" for none. Raises Rejected BAD_PARTY.
    """
    check_terms(markets, prefix)
    args = {
        "party": party,
        "roles": roles,
        "markets": market_bits(markets),
        "prefix": int(prefix or 0),
        "prefixLength": len(prefix),
        "eventHash": NO_EVENT_HASH,
    }
    return Order(Verb.UPDATE_PARTY, party, party, args, key)


def order_status(party: int, status: int, key: str) -> Order:
    """Return the order of suspending a party (2), or of making it active again (1)."""
    args = {"party": party, "status": status, "eventHash": NO_EVENT_HASH}
    return Order(Verb.SUSPEND_PARTY, party, party, args, key)


def order_rotation(party: int, account: bytes, key_mode: KeyMode, key: str) -> Order:
    """Return the order of giving a party another key; the old one is never its own again."""
    args = {
        "party": party,
        "account": account,
        "keyMode": int(key_mode),
        "eventHash": NO_EVENT_HASH,
    }
    return Order(Verb.ROTATE_ACCOUNT, party, party, args, key)


def order_admins(admins: Sequence[bytes], threshold: int, key: str) -> Order:
    """Return the order of handing over to another set of admins, whom `threshold` must sign."""
    args = {"admins": sorted(admins), "threshold": threshold, "eventHash": NO_EVENT_HASH}
    return Order(Verb.SET_ADMINS, 0, 0, args, key)


def order_seal(chain_id: int, successor: bytes, key: str) -> Order:
    """Return the order of ending this ledger for its successor on a chain. For ever."""
    args = {"chainId": chain_id, "successor": successor, "eventHash": NO_EVENT_HASH}
    return Order(Verb.SEAL_LEDGER, 0, 0, args, key)


def registry(site: Site) -> ChainRegistry | None:
    """Return what the chain says of the admins, None before the first change of them."""
    with reading(site.engine) as session:
        return session.get(ChainRegistry, 1)


def check_terms(markets: Sequence[int], prefix: str) -> None:
    """Refuse what the contract could not even be asked. Raises Rejected BAD_PARTY."""
    if prefix and not (prefix.isascii() and prefix.isdigit() and len(prefix) <= MAX_PREFIX):
        raise Rejected("BAD_PARTY", f"'{prefix}' is no GTIN prefix: give 4 to 12 digits.")
    if not all(1 <= market <= MAX_MARKET for market in markets):
        raise Rejected("BAD_PARTY", f"A market is a number from 1 to {MAX_MARKET}.")


def market_bits(markets: Sequence[int]) -> int:
    """Return markets as the contract keeps them: bit m is market m."""
    return sum(1 << market for market in set(markets))
