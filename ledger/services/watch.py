"""Watching: each stored scan is looked at once, and what is found becomes alerts, one a cause.

The detectors (`ledger.detect`) see each brand's scans by themselves, at the rate of false alerts
that its dial states; the rules (`watch_rules`) see each scan by itself. What a pass finds, and how
far it has come, is one transaction: if we die before it, the pass is made again.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import takewhile

import numpy as np
from sqlalchemy import select
from sqlalchemy.orm import Session

from ledger.db.engine import reading, transaction
from ledger.db.models import ChainParty, Product, Profile, Scan, WatchState
from ledger.detect import detect
from ledger.detect.finding import KINDS
from ledger.detect.frame import Custody
from ledger.services import alerts_rules
from ledger.services.site import Site
from ledger.services.watch_causes import Finder, Found, touch
from ledger.services.watch_facts import Facts
from ledger.services.watch_frame import Columns, lots_of
from ledger.services.watch_goods import Goods
from ledger.services.watch_rules import examine

AT_ONCE = 2_000  # scans a pass


@dataclass
class _Seen:
    """What the watcher has in memory of all scans up to `scan`."""

    scan: int = 0
    goods: Goods = field(default_factory=Goods)
    brands: dict[int, Columns] = field(default_factory=dict)
    brand_of: dict[int, int] = field(default_factory=dict)


class Watcher:
    """Looks at new scans, one pass after the other; one at a time (the worker)."""

    def __init__(self, site: Site, fdr: float) -> None:
        """fdr: stated share of false alerts of brands that have set none."""
        self._site = site
        self._fdr = fdr
        self._seen: _Seen | None = None

    def is_due(self) -> bool:
        """Say whether there are scans that were not looked at; one still open to a place waits."""
        with reading(self._site.engine) as session:
            state = session.get(WatchState, 1)
            first = session.execute(
                select(Scan.final_at)
                .where(Scan.id > (state.scan if state else 0))
                .order_by(Scan.id)
                .limit(1)
            ).first()
        return first is not None and first[0] <= self._site.clock()

    def step(self) -> int:
        """Look at the next scans; return how many alerts are new."""
        now = self._site.clock()
        seen, self._seen = self._seen or self._remember(), None
        with reading(self._site.engine) as session:
            fresh = self._take(session, seen, now)
            seen.goods.refresh(session)
            brands = {brand: self._detect(session, seen, brand) for brand in fresh}
        raised = 0
        if fresh:
            # Writers wait for what follows, so the detectors have run before it.
            with transaction(self._site.engine) as session:
                facts = Facts(session, seen.goods)
                for brand, rows in fresh.items():
                    raised += _keep(session, facts, now, brand, rows, brands[brand])
                session.merge(WatchState(id=1, scan=seen.scan))
            # If we die before this line the pass is made again, from memory built anew.
        self._seen = seen
        return raised

    def _remember(self) -> _Seen:
        """Build the memory of the scans that were looked at before this process began."""
        seen = _Seen()
        with reading(self._site.engine) as session:
            state = session.get(WatchState, 1)
            until = state.scan if state else 0
            while rows := session.scalars(
                select(Scan)
                .where(Scan.id > seen.scan, Scan.id <= until)
                .order_by(Scan.id)
                .limit(AT_ONCE)
            ).all():
                self._add(session, seen, rows)
                session.expunge_all()
        return seen

    def _take(self, session: Session, seen: _Seen, now: int) -> dict[int, list[Scan]]:
        """Return the next scans by brand, up to the first that may still get a place."""
        query = select(Scan).where(Scan.id > seen.scan).order_by(Scan.id).limit(AT_ONCE)
        return self._add(
            session, seen, takewhile(lambda r: r.final_at <= now, session.scalars(query))
        )

    def _add(self, session: Session, seen: _Seen, rows: Iterable[Scan]) -> dict[int, list[Scan]]:
        taken: dict[int, list[Scan]] = {}
        for row in rows:
            brand = self._brand(session, seen, row)
            seen.brands.setdefault(brand, Columns()).add(row)
            seen.scan = row.id
            taken.setdefault(brand, []).append(row)
        return taken

    def _brand(self, session: Session, seen: _Seen, row: Scan) -> int:
        """Whose code a scan is of; one that nobody issued is of whoever has its GTIN."""
        if row.brand:
            return row.brand
        if row.gtin not in seen.brand_of:
            product = session.get(Product, row.gtin)
            text = f"{row.gtin:014d}"[1:]
            owners = session.scalars(select(ChainParty).where(ChainParty.prefix_length > 0))
            under = (p.id for p in owners if text.startswith(f"{p.prefix:0{p.prefix_length}d}"))
            seen.brand_of[row.gtin] = product.brand if product else next(under, 0)
        return seen.brand_of[row.gtin]

    def _detect(self, session: Session, seen: _Seen, brand: int) -> list[Found]:
        """Run the detectors that are on over a brand's scans."""
        columns, whole = seen.brands[brand], seen.goods.consignments
        own = [at for at, one in enumerate(whole) if one.lot.brand == brand]
        consignments = [whole[at] for at in own]
        regions = {row.party: row.regions for row in session.scalars(select(Profile))}
        scans = columns.frame(seen.goods, {at: row for row, at in enumerate(own)})
        off = {r.kind for r in alerts_rules.of_brand(session, brand) if not r.enabled}
        empty = np.empty(0, dtype=np.int64)
        found = detect(
            scans,
            lots_of(consignments, regions, columns.origin),
            Custody(empty, empty, empty, empty),
            fdr=alerts_rules.dial(session, brand, self._fdr),
            kinds=[kind for kind in KINDS if kind not in off],
        )
        finder = Finder(session, brand, columns, consignments, regions, scans)
        return [finder.find(finding) for finding in found]


def _keep(
    session: Session,
    facts: Facts,
    now: int,
    brand: int,
    rows: Sequence[Scan],
    found: Sequence[Found],
) -> int:
    """Keep what a pass found of a brand's scans; return how many alerts are new."""
    rules = alerts_rules.ensure(session, brand, now)
    touch(session, now, brand, rows, facts.goods)
    new = sum(examine(facts, list(rules.values()), row, brand, now) for row in rows)
    return new + sum(one.keep(session, now, rules[one.kind]) for one in found)
