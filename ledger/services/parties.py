"""Parties: registering them on chain, and what people call them."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass

from sqlalchemy import Select, func, select

from ledger.chain.refusals import SENTENCES
from ledger.db.chain_states import ChainPrefix
from ledger.db.engine import reading, transaction
from ledger.db.models import ChainParty, Profile, Submission
from ledger.domain import ids
from ledger.domain.history import NO_EVENT_HASH
from ledger.domain.regions import union
from ledger.domain.verbs import KeyMode, Role, Verb
from ledger.errors import Rejected
from ledger.services import capture
from ledger.services.act import settled
from ledger.services.districts import UNKNOWN, unknown
from ledger.services.keys.vault import hosted_name
from ledger.services.ruling import check_terms, market_bits, signed_by
from ledger.services.site import ADMIN, Site

ROLES: dict[str, Role] = {role.name.lower(): role for role in Role}


@dataclass(frozen=True)
class NewParty:
    """A party to register.

    party: its GLN, or 0 to have one assigned. account: its own key's address (20 bytes), None to
    host a key here. roles: bits of Role. markets: numbers of restricted markets it may hold.
    prefix: leading digits of a brand's GTINs, "" for none. regions: its territory, regions
    and districts; () = anywhere.
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

    key: idempotency key. Raises Rejected by the contract's own names, BAD_PARTY, KEY_REUSED.
    """
    if (new.account is None) != (new.key_mode is KeyMode.HOSTED):
        raise Rejected(
            "BAD_PARTY", "A hosted party has its key made here; any other gives its own address."
        )
    _check(site, new)
    sets = {"markets": sorted(set(new.markets)), "regions": sorted(set(new.regions))}
    asked = capture.asked_of(Verb.REGISTER_PARTY, {**asdict(new), **sets})
    with reading(site.engine) as session:
        kept = capture.kept_as(session, key, Verb.REGISTER_PARTY, asked)
    if kept is not None:
        return kept.actor, kept.id
    party = new.party or _next_party(site)
    account = new.account or site.vault.ensure(hosted_name(party)).address
    args = {
        "party": party,
        "account": account,
        "keyMode": int(new.key_mode),
        "roles": new.roles,
        "markets": market_bits(new.markets),
        "prefix": int(new.prefix or 0),
        "prefixLength": len(new.prefix),
        "eventHash": NO_EVENT_HASH,
    }
    deadline = site.clock() + capture.CUSTODY_DEADLINE_S
    with reading(site.engine) as session:
        message = capture.compose(session, site.network, Verb.REGISTER_PARTY, party, args, deadline)
    data = signed_by(site, message, [site.vault.account(ADMIN)])
    capture.ask(site.rpc, site.network, site.relay.address, data)
    site.ring.add_party(party)
    with transaction(site.engine) as session:
        # What is on its way is not on chain yet, and the contract was asked about what is.
        others = _on_its_way().where(Submission.actor == party, Submission.key != key)
        if session.scalars(others).first() is not None:
            raise Rejected("PartyExists", SENTENCES["PartyExists"].format(party))
        row = capture.keep(
            session,
            key=key,
            brand=0,
            actor=party,
            verb=Verb.REGISTER_PARTY,
            subject=message.subject,
            data=data,
            asked=asked,
            deadline=deadline,
            now=site.clock(),
        )
        session.merge(
            Profile(
                party=row.actor,
                name_en=new.name_en,
                name_zh=new.name_zh,
                regions=union(new.regions),
            )
        )
        return row.actor, row.id


def known(site: Site, party: int) -> ChainParty:
    """Return a registered party. Raises Rejected UnknownParty."""
    with reading(site.engine) as session:
        row = session.get(ChainParty, party)
    if row is None:
        raise Rejected("UnknownParty", SENTENCES["UnknownParty"].format(party))
    return row


def listing(site: Site) -> list[tuple[ChainParty, Profile | None, list[str]]]:
    """All registered parties with their profiles and GTIN prefixes, by id."""
    prefixes: dict[int, list[str]] = {}
    with reading(site.engine) as session:
        for row in session.scalars(select(ChainPrefix).order_by(ChainPrefix.prefix)):
            prefixes.setdefault(row.party, []).append(f"{row.prefix:0{row.length}d}")
        rows = session.execute(
            select(ChainParty, Profile)
            .outerjoin(Profile, Profile.party == ChainParty.id)
            .order_by(ChainParty.id)
        )
        return [(party, profile, prefixes.get(party.id, [])) for party, profile in rows]


def _check(site: Site, new: NewParty) -> None:
    """Refuse what the contract would not see, or could not even be asked."""
    if not (new.name_en.strip() and new.name_zh.strip()):
        raise Rejected("BAD_PARTY", "A party has a name in English and one in Chinese: give both.")
    check_terms(new.markets, new.prefix)
    with reading(site.engine) as session:
        strange = unknown(session, new.regions)
    if strange:
        raise Rejected("BAD_PARTY", f"{strange[0]} {UNKNOWN}")


def _on_its_way() -> Select[int]:
    """Ids of registrations that the chain has not answered."""
    return select(Submission.id).where(
        Submission.verb == Verb.REGISTER_PARTY, Submission.state.in_(("QUEUED", "SENT"))
    )


def _next_party(site: Site) -> int:
    """Return the next number, which the chain gives: after what is on its way to it."""
    with reading(site.engine) as session:
        before = session.scalars(_on_its_way()).all()
    with suppress(Rejected):  # a refused one has taken no number
        settled(site, before)
    with reading(site.engine) as session:
        highest = session.scalar(select(func.max(ChainParty.id)))
    return max(int(highest or 0) + 1, ids.FIRST_ASSIGNED_PARTY)
