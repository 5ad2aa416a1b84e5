"""Who prints codes for a brand, and the key that each one's packages are sealed for."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from ledger.db.engine import transaction
from ledger.db.ordering import Receiver
from ledger.errors import Rejected
from ledger.services.capture import era_of
from ledger.services.ordering import sealing
from ledger.services.persons import Person, note
from ledger.services.site import Site


def add(site: Site, who: Person, brand: int, name: str, method: str, key: str) -> Receiver:
    """Name a printer of a brand and the key that its packages are sealed for.

    Raises Rejected BAD_RECEIVER, UnknownParty, Unavailable EXTRA_MISSING.
    """
    checked = sealing.check_key(method, key)
    with transaction(site.engine) as session:
        era_of(session, brand)
        if any(row.name == name for row in listing(session, brand)):
            raise Rejected("BAD_RECEIVER", f"There is a receiver '{name}': choose another name.")
        row = Receiver(brand=brand, name=name, method=method, key=checked, created=site.clock())
        session.add(row)
        session.flush()
        note(session, site, who, "receiver add", brand, receiver=row.id, method=method)
        return row


def remove(site: Site, who: Person, number: int, brand: int) -> None:
    """Order nothing more for a receiver. Raises Rejected UNKNOWN_RECEIVER."""
    with transaction(site.engine) as session:
        row = find(session, number, brand)
        row.removed = site.clock()
        # The name is free again; what was sent to it stays on record under its number.
        row.name = f"{row.name} (removed {row.id})"
        note(session, site, who, "receiver remove", row.brand, receiver=row.id)


def listing(session: Session, brand: int) -> list[Receiver]:
    """Return a brand's receivers (0: all) that were not removed, in order."""
    query = select(Receiver).where(Receiver.removed.is_(None)).order_by(Receiver.id)
    return list(session.scalars(query.where(Receiver.brand == brand) if brand else query))


def find(session: Session, number: int, brand: int) -> Receiver:
    """Return a receiver of a brand (0: any). Raises Rejected UNKNOWN_RECEIVER."""
    row = session.get(Receiver, number)
    if row is None or row.removed is not None or (brand and row.brand != brand):
        raise Rejected("UNKNOWN_RECEIVER", f"There is no receiver {number}: list them.")
    return row
