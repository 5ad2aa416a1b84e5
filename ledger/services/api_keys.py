"""Keys to the API: random, shown once, kept by their hash, each with scopes and a party."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from ledger.db.engine import reading, transaction
from ledger.db.models import ApiKey
from ledger.errors import Rejected
from ledger.services.audit import COMMAND, WORKER, record
from ledger.services.keys.sealed_file import replace_file
from ledger.services.site import Site

SCOPES = ("admin", "alerts", "brand", "custody", "print", "read", "scan")


@dataclass(frozen=True)
class Caller:
    """Who calls: the key's name, its party (0 = the installation itself) and scopes."""

    name: str
    party: int
    scopes: frozenset[str]

    def need(self, *scopes: str) -> None:
        """Refuse a caller without any of these scopes. The admin scope includes all others.

        Raises Rejected SCOPE_MISSING.
        """
        if not self.scopes & {*scopes, "admin"}:
            wanted = " or ".join(f"'{scope}'" for scope in scopes)
            raise Rejected("SCOPE_MISSING", f"This needs an API key with the scope {wanted}.")

    def may_see(self, *parties: int) -> bool:
        """Say whether this is a key of one of these parties, or of the installation itself."""
        return self.party in (0, *parties)

    def act_for(self, party: int) -> None:
        """Refuse a caller that acts for another party. Raises Rejected NOT_YOURS."""
        if not self.may_see(party):
            raise Rejected("NOT_YOURS", f"This API key may not act for party {party}.")


def issue(site: Site, name: str, party: int, scopes: Sequence[str]) -> str:
    """Make an API key and return it; it cannot be shown again.

    party: whom it may act for, 0 for anybody. Raises Rejected BAD_SCOPE.
    """
    with transaction(site.engine) as session:
        return _issue(site, session, name, party, scopes)


def name_and_issue(
    site: Site, who: str, name: str, party: int, scopes: Sequence[str]
) -> tuple[str, str]:
    """Make an API key by a person's wish; return its number and the key, which is not shown again.

    The name stands for it in the audit log, so no two keys in use have the same, and none that of a
    command or of the worker. Raises Rejected KEY_NAME_TAKEN, BAD_SCOPE.
    """
    own = name.strip().casefold()
    if own in (WORKER, COMMAND) or own.startswith(f"{COMMAND}:"):
        raise Rejected("KEY_NAME_TAKEN", f"'{name}' is the installation's: choose another name.")
    with transaction(site.engine) as session:
        taken = select(ApiKey.hash).where(ApiKey.name == name, ApiKey.revoked.is_(None))
        if session.scalars(taken.with_for_update()).first() is not None:
            raise Rejected(
                "KEY_NAME_TAKEN", f"A key in use is called '{name}': choose another name."
            )
        key = _issue(site, session, name, party, scopes)
        number = number_of(_hash(key))
        told = {"key": number, "name": name, "scopes": sorted(scopes)}
        record(session, site.clock(), who, "key issue", brand=party, **told)
    return number, key


def listing(site: Site, party: int) -> list[ApiKey]:
    """Return the keys of a party (0: all), in order of age; none can be had from its row."""
    query = select(ApiKey).order_by(ApiKey.created, ApiKey.hash)
    with reading(site.engine) as session:
        return list(session.scalars(query.where(ApiKey.party == party) if party else query))


def revoke(site: Site, who: str, number: str) -> ApiKey:
    """Revoke a key by its number; again, it stays so. Raises Rejected UNKNOWN_KEY."""
    found = next((row for row in listing(site, 0) if number_of(row.hash) == number), None)
    if found is None:
        raise Rejected("UNKNOWN_KEY", f"There is no API key {number}: list them.")
    with transaction(site.engine) as session:
        row = session.get_one(ApiKey, found.hash)
        if row.revoked is None:
            row.revoked = site.clock()
            told = {"key": number, "name": row.name}
            record(session, site.clock(), who, "key revoke", brand=row.party, **told)
        return row


def key_json(row: ApiKey) -> dict[str, Any]:
    """Return what may be known of a key."""
    return {
        "id": number_of(row.hash),
        "name": row.name,
        "party": row.party,
        "scopes": row.scopes,
        "created": row.created,
        "revoked": row.revoked,
    }


def number_of(hashed: bytes) -> str:
    """Return the number by which a key is spoken of: 16 hex digits of its hash."""
    return hashed[:8].hex()


def caller(site: Site, text: str | None) -> Caller:
    """Return who an API key belongs to. Raises Rejected KEY_MISSING, KEY_UNKNOWN."""
    if not text:
        raise Rejected("KEY_MISSING", "Send an API key: Authorization: Bearer ts_…")
    with reading(site.engine) as session:
        row = session.get(ApiKey, _hash(text))
    if row is None or row.revoked is not None:
        raise Rejected("KEY_UNKNOWN", "This API key is not known here, or was revoked.")
    return Caller(row.name, row.party, frozenset(row.scopes))


def ensure_admin(site: Site) -> bool:
    """Make the first admin key, in admin.key of the data directory; return whether it is new."""
    path = site.home.path / "admin.key"
    if path.exists():
        return False
    replace_file(path, issue(site, "first admin", 0, ["admin"]).encode() + b"\n")
    return True


def _issue(site: Site, session: Session, name: str, party: int, scopes: Sequence[str]) -> str:
    if not scopes or not set(scopes) <= set(SCOPES):
        raise Rejected("BAD_SCOPE", f"Scopes are {', '.join(SCOPES)}.")
    if party and "admin" in scopes:
        raise Rejected("BAD_SCOPE", "The scope admin is the installation's: it has no party.")
    text = f"ts_{site.home.entropy(24).hex()}"
    hashed, named = _hash(text), sorted(scopes)
    session.add(ApiKey(hash=hashed, name=name, party=party, scopes=named, created=site.clock()))
    return text


def _hash(text: str) -> bytes:
    return hashlib.sha256(text.encode()).digest()
