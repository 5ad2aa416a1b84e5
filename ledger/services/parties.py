"""Parties: registering them on chain, and what people call them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import func, select

from ledger.chain.account import Account
from ledger.chain.message import Message
from ledger.db.engine import reading, transaction
from ledger.db.models import ChainParty, Profile
from ledger.domain import ids, typed_data
from ledger.domain.history import NO_EVENT_HASH
from ledger.domain.verbs import KeyMode, Role, Verb
from ledger.errors import Rejected
from ledger.services import capture
from ledger.services.site import ADMIN, Site
from ledger.services.vault import hosted_name

ROLES: dict[str, Role] = {role.name.lower(): role for role in Role}


@dataclass(frozen=True)
class NewParty:
    """A party to register.

    party: its GLN, or 0 to have one assigned. account: its own key's address (20 bytes), None to
    host a key here. roles: bits of Role. markets: numbers of restricted markets it may hold.
    prefix: leading digits of a brand's GTINs, "" for none. regions: its territory, () = anywhere.
    """

    party: int
    name_en: str
    name_zh: str
    roles: int
    account: bytes | None = None
    key_mode: KeyMode = KeyMode.HOSTED
    markets: Sequence[int] = ()
    prefix: str = ""
    regions: Sequence[int] = ()


def register(site: Site, new: NewParty, key: str) -> tuple[int, int]:
    """Register a party, signed by the admin key; return (party id, submission id).

    key: idempotency key. Raises Rejected by the contract's own names, BAD_PARTY.
    """
    if (new.account is None) != (new.key_mode is KeyMode.HOSTED):
        raise Rejected(
            "BAD_PARTY", "A hosted party has its key made here; any other gives its own address."
        )
    if not new.prefix.isdigit() and new.prefix:
        raise Rejected("BAD_PARTY", f"'{new.prefix}' is no GTIN prefix: give digits.")
    party = new.party or _next_party(site)
    account = new.account or site.vault.ensure(hosted_name(party)).address
    site.ring.add_party(party)
    args = {
        "party": party,
        "account": account,
        "keyMode": int(new.key_mode),
        "roles": new.roles,
        "markets": sum(1 << market for market in set(new.markets)),
        "prefix": int(new.prefix or 0),
        "prefixLength": len(new.prefix),
        "eventHash": NO_EVENT_HASH,
    }
    head = ids.first_head(site.network.chain_id, site.network.address, ids.subject("party", party))
    deadline = site.clock() + capture.CUSTODY_DEADLINE_S
    message = Message(Verb.REGISTER_PARTY, party, head, 0, 0, deadline, args)
    data = _by_admins(site, message, [site.vault.account(ADMIN)])
    with reading(site.engine) as session:
        known = session.get(ChainParty, party)
    if known is None or known.account != account:
        capture.ask(site.rpc, site.network, site.relay.address, data)
    with transaction(site.engine) as session:
        row = capture.keep(
            session,
            key=key,
            brand=0,
            actor=party,
            verb=Verb.REGISTER_PARTY,
            subject=message.subject,
            data=data,
            deadline=deadline,
            now=site.clock(),
        )
        session.merge(
            Profile(
                party=party,
                name_en=new.name_en,
                name_zh=new.name_zh,
                regions=sorted(new.regions),
            )
        )
        return party, row.id


def listing(site: Site) -> list[tuple[ChainParty, Profile | None]]:
    """All registered parties with their profiles, by id."""
    with reading(site.engine) as session:
        rows = session.execute(
            select(ChainParty, Profile)
            .outerjoin(Profile, Profile.party == ChainParty.id)
            .order_by(ChainParty.id)
        )
        return [(party, profile) for party, profile in rows]


def _next_party(site: Site) -> int:
    with reading(site.engine) as session:
        highest = session.scalar(select(func.max(ChainParty.id)))
    return max(int(highest or 0) + 1, ids.FIRST_ASSIGNED_PARTY)


def _by_admins(site: Site, message: Message, admins: Sequence[Account]) -> bytes:
    digest = typed_data.digest(site.network.domain, message.struct_hash())
    ordered = sorted(admins, key=lambda account: account.address)
    return message.call([account.sign(digest) for account in ordered])
