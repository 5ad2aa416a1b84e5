"""Watching: each stored scan is looked at once, and what is found becomes alerts, one a cause.

The detectors (`ledger.detect`) see each brand's scans by themselves, at the rate of false alerts
that its dial states; the rules (`watch_rules`) see each scan by itself. A pass costs as much as the
scans that it looks at, whatever came before. What it finds, and how far it has come, is one
transaction: if we die before it, the pass is made again.

Detectors need a memory of all scans before. After a start, and for a brand whose dial, rules,
markets or territories have changed, it is built from the stored scans, a piece in each pass;
meanwhile the rules see every new scan, and the detectors of the other brands see theirs.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import chain, takewhile

from sqlalchemy import select
from sqlalchemy.orm import Session

from ledger.db.engine import reading, transaction
from ledger.db.models import Scan, WatchState
from ledger.services import territories
from ledger.services.alerting import alerts_rules, watch_joined
from ledger.services.alerting.watch_causes import Found, touch
from ledger.services.alerting.watch_facts import Facts, moves_of
from ledger.services.alerting.watch_goods import Goods
from ledger.services.alerting.watch_memory import Memory, Terms
from ledger.services.alerting.watch_rules import examine, forget
from ledger.services.alerting.watch_scan import ScanRow, all_scans, read
from ledger.services.codes import brand_of
from ledger.services.districts import Districts, known
from ledger.services.site import Site

AT_ONCE, REMEMBERED = 2_000, 8_000  # scans a pass: new ones, and of those before
GTINS = 100_000  # whose brands are remembered
# Kinds whose causes grow by what is found: it is kept as often as it is found.
GROWING = ("farm", "guess")


@dataclass
class _Seen:
    """What the watcher has in memory. scan: up to which the brands that are not in `brands` have
    no scans."""

    scan: int = 0
    goods: Goods = field(default_factory=Goods)
    brands: dict[int, Memory] = field(default_factory=dict)
    brand_of: dict[int, int] = field(default_factory=dict)
    districts: Districts = field(default_factory=Districts)

    def behind(self, until: int) -> int | None:
        """How far those have come that are nearest to a scan that all should know of; None if all
        do. Who begins anew again and again is the last, so holds up nobody."""
        come = {self.scan, *(own.scan for own in self.brands.values())}
        return max((scan for scan in come if scan < until), default=None)


class Watcher:
    """Looks at new scans, one pass after the other; one at a time (the worker). has_more: whether
    the last pass had more to look at, or to remember, than a pass takes."""

    def __init__(self, site: Site, fdr: float) -> None:
        """fdr: stated share of false alerts of brands that have set none."""
        self._site = site
        self._fdr = fdr
        self._seen = _Seen()
        self.has_more = False

    def is_due(self) -> bool:
        """Say whether there are scans to look at or to remember, or findings to keep.

        A scan that is still open to a place waits, and those after it.
        """
        if any(own.owed for own in self._seen.brands.values()):
            return True
        with reading(self._site.engine) as session:
            until = _watched(session)
            if self._seen.behind(until) is not None:
                return True
            first = session.execute(
                select(Scan.final_at).where(Scan.id > until).order_by(Scan.id).limit(1)
            ).first()
        return first is not None and first[0] <= self._site.clock()

    def step(self) -> int:
        """Look at the next scans, and remember a part of the earlier ones; return new alerts."""
        now, seen = self._site.clock(), self._seen
        with reading(self._site.engine) as session:
            self._turn(session)
            seen.goods.refresh(self._site, session)
            until = _watched(session)
            fresh = self._look(session, until, now)
            self._remember(session, until)
            looked = sum(len(rows) for rows in fresh.values())
            self.has_more = looked == AT_ONCE or seen.behind(until) is not None
            moves = moves_of(session, seen.goods, chain.from_iterable(fresh.values()))
        owed = {brand: own.owed for brand, own in seen.brands.items() if own.owed}
        if not fresh and not owed:
            return 0
        raised = 0
        upto = max((rows[-1].id for rows in fresh.values()), default=until)
        # Writers wait for what follows, so the detectors have run before it.
        with transaction(self._site.engine) as session:
            if _watched(session, and_hold=True) != until:
                return 0  # another watcher has looked at these scans
            for brand in {**owed, **fresh}:
                places = seen.brands[brand].terms.places
                facts = Facts(session, seen.goods, moves, brand, now, places)
                raised += _keep(facts, fresh.get(brand, ()), owed.get(brand, ()))
            session.merge(WatchState(id=1, scan=upto))
        # If we die before this line, or nobody may write now, the pass is made again: the rules
        # look at its scans once more, and what the detectors found in them is still owed.
        for brand in owed:
            seen.brands[brand].owed = []
        return raised

    def _turn(self, session: Session) -> None:
        """Let the brands begin anew whose dial or rules have changed, or where their goods may be
        sold: by what holds now."""
        self._seen.districts = known(session, self._seen.districts)
        stated = territories.known(session)
        for brand, own in self._seen.brands.items():
            terms = Terms.of(session, brand, self._fdr, stated, self._seen.districts)
            if not own.goes_on(terms):
                self._seen.brands[brand] = Memory(brand, terms, owed=own.owed)

    def _look(self, session: Session, until: int, now: int) -> dict[int, list[ScanRow]]:
        """Return the next scans by brand, up to the first that may still get a place; the detectors
        that remember all before them have seen them."""
        query = all_scans().where(Scan.id > until).order_by(Scan.id).limit(AT_ONCE)
        rows = [*takewhile(lambda row: row.final_at <= now, read(session, query))]
        fresh = self._by_brand(session, rows)
        for brand, own_rows in fresh.items():
            own = self._memory(session, brand)
            if own.scan >= until:
                own.owed += self._feed(session, own, own_rows)
        if rows:
            self._come(until, rows[-1].id)
        return fresh

    def _remember(self, session: Session, until: int) -> None:
        """Feed the next of the scans up to `until` to the detectors that have not seen them; what
        is found only now is owed."""
        seen, at = self._seen, self._seen.behind(until)
        if at is None:
            return
        # A code that nobody issued (brand 0) may be of any of them.
        apart = {brand for brand, own in seen.brands.items() if own.scan != at} - {0}
        query = (
            all_scans().where(Scan.id > at, Scan.id <= until).order_by(Scan.id).limit(REMEMBERED)
        )
        if seen.scan == at:
            query = query.where(Scan.brand.not_in(apart))
        else:
            query = query.where(Scan.brand.in_({0, *seen.brands} - apart))
        rows = [*read(session, query)]
        for brand, own_rows in self._by_brand(session, rows).items():
            own = self._memory(session, brand)
            if own.scan == at:
                found = self._feed(session, own, own_rows)
                own.owed += [one for one in found if one.is_new or one.kind in GROWING]
        # Fewer than asked for: those are all, the last may have expired.
        self._come(at, rows[-1].id if len(rows) == REMEMBERED else until)

    def _feed(self, session: Session, own: Memory, rows: Sequence[ScanRow]) -> list[Found]:
        """Let a brand's detectors see its next scans; what they find in those they had not seen."""
        rows = [row for row in rows if row.id > own.scan]
        if not rows:
            return []
        try:
            found = own.feed(session, self._seen.goods, rows)
        except BaseException:
            self._seen.brands[own.brand] = Memory(own.brand, own.terms, owed=own.owed)
            raise
        own.scan = rows[-1].id
        return found

    def _come(self, at: int, scan: int) -> None:
        """Those that had come as far as a scan have come to another."""
        seen = self._seen
        for own in seen.brands.values():
            if own.scan >= at:
                own.scan = max(own.scan, scan)
        if seen.scan >= at:
            seen.scan = max(seen.scan, scan)

    def _memory(self, session: Session, brand: int) -> Memory:
        """What is in memory of a brand."""
        brands = self._seen.brands
        if brand not in brands:
            stated = territories.known(session)
            terms = Terms.of(session, brand, self._fdr, stated, self._seen.districts)
            brands[brand] = Memory(brand, terms, self._seen.scan)
        return brands[brand]

    def _by_brand(self, session: Session, rows: Iterable[ScanRow]) -> dict[int, list[ScanRow]]:
        found: dict[int, list[ScanRow]] = {}
        for row in rows:
            found.setdefault(self._brand(session, row), []).append(row)
        return found

    def _brand(self, session: Session, row: ScanRow) -> int:
        """Whose code a scan is of; one that nobody issued is of whoever has its GTIN."""
        if row.brand:
            return row.brand
        known = self._seen.brand_of
        if row.gtin not in known:
            if len(known) >= GTINS:  # anybody may make up more
                known.clear()
            known[row.gtin] = brand_of(session, row.gtin)
        return known[row.gtin]


def _watched(session: Session, *, and_hold: bool = False) -> int:
    """The newest scan that was looked at. and_hold: nobody else moves it before this unit of work
    ends."""
    state = session.get(WatchState, 1, with_for_update=and_hold)
    return state.scan if state else 0


def _keep(facts: Facts, rows: Sequence[ScanRow], found: Sequence[Found]) -> int:
    """Keep what a pass found of a brand's scans; return how many alerts are new."""
    session, now, brand = facts.session, facts.now, facts.brand
    rules = alerts_rules.ensure(session, brand, now)
    touch(facts, rows)
    new = sum(examine(facts, list(rules.values()), row) for row in rows)
    if rows:
        newest = max(row.time for row in rows)
        forget(session, rules.values(), newest)
        watch_joined.forget(session, rules["diversion"], newest)
    raised = {one.keep(session, now, rules[one.kind]) for one in found} - {None}
    if raised:
        touch(facts, rows, {key for key in raised if key is not None})
    return new + len(raised)
