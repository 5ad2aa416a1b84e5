"""Whose keys are hosted here and may sign now: as the chain has it, whatever the key file lists."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from ledger.db.models import ChainParty
from ledger.domain.verbs import KeyMode, Role
from ledger.errors import Rejected
from ledger.services.ruling import ACTIVE
from ledger.services.site import Site


def signs_here(site: Site, party: ChainParty) -> bool:
    """Say whether a party is active and its own key is the one that is hosted here."""
    if (party.status, party.key_mode) != (ACTIVE, KeyMode.HOSTED):
        return False
    try:
        return site.signer(party.id).address == party.account
    except Rejected:
        return False  # another installation hosts it


def operator_here(site: Site, session: Session) -> int | None:
    """Return the first operator that signs here, None if there is none."""
    parties = session.scalars(select(ChainParty).order_by(ChainParty.id))
    ours = (row.id for row in parties if row.roles & Role.OPERATOR and signs_here(site, row))
    return next(ours, None)
