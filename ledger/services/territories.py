"""Territories: where what a party is sent may be sold, as the operator states it.

Stated anew it holds for what is shipped to the party from then on; goods that it was sent before
may be sold where they might since. A correction holds for all goods: so it was always meant.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from sqlalchemy import select
from sqlalchemy.orm import Session

from ledger.chain.refusals import SENTENCES
from ledger.db.models import Profile
from ledger.domain.regions import union
from ledger.errors import Rejected
from ledger.services.audit import record
from ledger.services.districts import UNKNOWN, unknown
from ledger.services.past import Past, past_of, since


@dataclass(frozen=True)
class Territories:
    """Regions and districts of each party that may not sell anywhere. before: what they were."""

    stated: Mapping[int, frozenset[int]] = field(default_factory=dict)
    before: Mapping[int, Past] = field(default_factory=dict)

    def since(self, party: int, shipped: int) -> list[frozenset[int]]:
        """What a party's territory was at any time since then, the present one first."""
        own = self.stated.get(party, frozenset())
        return [own, *since(self.before.get(party, ()), shipped)]

    def every(self) -> Iterator[frozenset[int]]:
        """All that are stated, or were."""
        yield from self.stated.values()
        yield from (regions for past in self.before.values() for _, regions in past)


def put(
    session: Session,
    now: int,
    who: str,
    party: int,
    regions: Sequence[int],
    *,
    corrects: bool = False,
) -> Profile:
    """State a party's territory anew; () = anywhere. corrects: what was stated until now was
    a mistake, and is forgotten. Raises Rejected UnknownParty, BAD_PARTY."""
    row = session.get(Profile, party)
    if row is None:
        raise Rejected("UnknownParty", SENTENCES["UnknownParty"].format(party))
    if strange := unknown(session, regions):
        raise Rejected("BAD_PARTY", f"{strange[0]} {UNKNOWN}")
    whole = union(regions)
    if corrects:
        row.before = []
    elif row.regions != whole:
        row.before = [*row.before, [now, row.regions]]
    row.regions = whole
    record(session, now, who, "territory set", party=party, regions=whole, corrects=corrects)
    return row


def known(session: Session) -> Territories:
    """Return the territories of all parties."""
    rows = session.execute(select(Profile.party, Profile.regions, Profile.before)).all()
    return Territories(
        {party: frozenset(regions) for party, regions, _ in rows if regions},
        {party: past_of(before) for party, _, before in rows if before},
    )
