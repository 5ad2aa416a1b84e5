"""Who takes a step in the way of an order, and its entry in the audit log."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy.orm import Session

from ledger.services.audit import record
from ledger.services.site import Site


@dataclass(frozen=True)
class Person:
    """Who takes a step: the name of an API key or of a user of this machine, and from where."""

    name: str
    place: str


def note(session: Session, site: Site, who: Person, what: str, brand: int, **told: Any) -> None:
    """Add an entry to the audit log: what was done to a brand's order, by whom and from where."""
    record(session, site.clock(), who.name, what, place=who.place, brand=brand, **told)
