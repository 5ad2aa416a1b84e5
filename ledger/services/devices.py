"""Devices of a party: keys that may sign some of its verbs, for some time and a number of times."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from ledger.db.chain_states import ChainDelegate
from ledger.db.engine import reading
from ledger.db.models import ChainParty
from ledger.domain.history import NO_EVENT_HASH
from ledger.domain.verbs import SIGNINGS, KeyMode, Verb
from ledger.errors import Rejected
from ledger.services.order import Order
from ledger.services.site import Site

FIRST_VERB = 16  # a party's own affairs are no device's
LAST_ERA = 2**32 - 2  # that a delegation can name; none lands for the device after it
VERBS: dict[str, Verb] = {
    verb.name.lower().replace("_", "-"): verb for verb in SIGNINGS if verb >= FIRST_VERB
}


def order_naming(
    site: Site,
    actor: int,
    device: bytes,
    key_mode: KeyMode,
    verbs: Iterable[str],
    expiry: int,
    limit: int,
    key: str,
) -> Order:
    """Return the order of naming a device, or of changing what it may.

    device: its key's address. verbs: of `VERBS`. expiry: last second (unix). limit: verbs it may
    sign; each unit of a list is one. What it signed before and nobody relayed is void. Raises
    Rejected BAD_VERBS, LAST_ERA, UnknownParty.
    """
    wanted = list(verbs)
    if not wanted or (unknown := set(wanted) - VERBS.keys()):
        named = sorted(unknown)[0] if wanted else ""
        raise Rejected("BAD_VERBS", f"'{named}' is no verb of devices: use {', '.join(VERBS)}.")
    mask = sum(1 << VERBS[name] for name in set(wanted))
    with reading(site.engine) as session:
        known = _known(session, actor, device)
    return _order(actor, device, key_mode, mask, expiry, limit, known.era if known else 0, key)


def order_end(site: Site, actor: int, device: bytes, key: str) -> Order:
    """Return the order of cutting a device off at once.

    Raises Rejected UNKNOWN_DEVICE, LAST_ERA.
    """
    with reading(site.engine) as session:
        known = _known(session, actor, device)
    if known is None:
        raise Rejected("UNKNOWN_DEVICE", f"Party {actor} has no device 0x{device.hex()}.")
    mask = int.from_bytes(known.verbs, "big")
    # Of the next era, so that no delegation signed for this one makes it stale.
    era = known.era + (known.era < LAST_ERA)
    return _order(actor, device, KeyMode(known.key_mode), mask, 0, 0, era, key)


def listing(session: Session, party: int) -> Sequence[ChainDelegate]:
    """Return the devices of a party's present key, in the order of their addresses."""
    query = (
        select(ChainDelegate)
        .join(ChainParty, ChainParty.id == ChainDelegate.party)
        .where(ChainDelegate.party == party, ChainDelegate.account == ChainParty.account)
        .order_by(ChainDelegate.key)
    )
    return session.scalars(query).all()


def verbs_of(row: ChainDelegate) -> list[str]:
    """Return the names of the verbs that a device may sign."""
    mask = int.from_bytes(row.verbs, "big")
    return [name for name, verb in VERBS.items() if mask >> verb & 1]


def _known(session: Session, party: int, device: bytes) -> ChainDelegate | None:
    row = session.get(ChainParty, party)
    return session.get(ChainDelegate, (party, row.account, device)) if row else None


def _order(
    actor: int,
    device: bytes,
    key_mode: KeyMode,
    mask: int,
    expiry: int,
    limit: int,
    era: int,
    key: str,
) -> Order:
    if era > LAST_ERA:
        raise Rejected(
            "LAST_ERA",
            f"A delegation for the last era of device 0x{device.hex()} has landed: only another "
            "key of the party, or its suspension, ends it.",
        )
    args = {
        "actor": actor,
        "key": device,
        "keyMode": int(key_mode),
        "verbs": mask,
        "expiry": expiry,
        "limit": limit,
        "deviceEra": era,
        "eventHash": NO_EVENT_HASH,
    }
    return Order(Verb.DELEGATE, actor, actor, args, key, worked_out=("deviceEra",))
