"""Watching: each stored scan is looked at once, and what is found becomes alerts, one a cause.

The detectors (`ledger.detect`) see each brand's scans by themselves, at the rate of false alerts
that its dial states; the rules (`watch_rules`) see each scan by itself. A pass costs as much as the
scans that it looks at, whatever came before. What it finds, and how far it has come, is one
transaction: if we die before it, the pass is made again, by a memory built anew from the scans.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain, takewhile

from sqlalchemy import Select, select
from sqlalchemy.orm import Session, load_only

from ledger.db.engine import reading, transaction
from ledger.db.models import Profile, Scan, WatchState
from ledger.detect import KINDS, Detection
from ledger.services.alerting import alerts_rules, markets
from ledger.services.alerting.watch_bursts import Bursts
from ledger.services.alerting.watch_causes import Finder, Found, touch
from ledger.services.alerting.watch_evidence import Source
from ledger.services.alerting.watch_facts import Facts, moves_of
from ledger.services.alerting.watch_frame import Names, Places, custody_of, lots_of
from ledger.services.alerting.watch_goods import Consignment, Goods
from ledger.services.alerting.watch_rules import examine, forget
from ledger.services.codes import brand_of
from ledger.services.site import Site

AT_ONCE, REMEMBERED = 2_000, 10_000  # scans a pass
# What is looked at of a scan: the rest would be read and parsed for nothing.
LOOKED_AT = load_only(
    Scan.time, Scan.final_at, Scan.brand, Scan.gtin, Scan.serial, Scan.batch, Scan.index,
    Scan.code_leaf, Scan.device, Scan.weak, Scan.channel, Scan.loc_src, Scan.lat, Scan.lon,
    Scan.acc_km, Scan.region,
)  # fmt: skip
Dial = tuple[float, frozenset[str]]
"""Stated share of false alerts, and the detectors that are on."""


@dataclass
class _Brand:
    """A brand's detectors with their memory.

    rows: number of a consignment -> its row in `Lots`. looked: consignments up to this number were
    asked whether they are the brand's. places: where its goods may be sold.
    """

    dial: Dial
    places: Places
    names: Names
    rows: dict[int, int] = field(default_factory=dict)
    looked: int = 0
    consignments: list[Consignment] = field(default_factory=list)
    detection: Detection | None = None
    bursts: Bursts = field(default_factory=Bursts)

    def is_moved(self, places: Places) -> bool:
        """Say whether goods that are known may now be sold elsewhere."""
        if places == self.places:
            return False
        return any(places.of(one) != self.places.of(one) for one in self.consignments)

    def know(self, brand: int, goods: Goods, places: Places) -> None:
        """Take in the consignments that came or grew. places: the same for those known before."""
        self.places = places
        whole = goods.consignments
        for number in range(self.looked, len(whole)):
            if whole[number].lot.brand == brand:
                self.rows[number] = len(self.rows)
        self.looked = len(whole)
        self.consignments = [whole[number] for number in self.rows]
        lots = lots_of(self.consignments, self.places, self.names.origin)
        custody = custody_of(self.consignments, goods.stores)
        if self.detection is None:
            fdr, kinds = self.dial
            self.detection = Detection(lots, custody, fdr=fdr, kinds=kinds)
        else:
            self.detection.know(lots, custody)


@dataclass
class _Seen:
    """What the watcher has in memory of all scans up to `scan`. owed: found while it was built."""

    scan: int = 0
    goods: Goods = field(default_factory=Goods)
    brands: dict[int, _Brand] = field(default_factory=dict)
    brand_of: dict[int, int] = field(default_factory=dict)
    owed: dict[int, list[Found]] = field(default_factory=dict)


class Watcher:
    """Looks at new scans, one pass after the other; one at a time (the worker)."""

    def __init__(self, site: Site, fdr: float) -> None:
        """fdr: stated share of false alerts of brands that have set none."""
        self._site = site
        self._fdr = fdr
        self._seen: _Seen | None = None

    def is_due(self) -> bool:
        """Say whether there are scans to look at, or to remember after a start.

        One that is still open to a place waits, and those after it.
        """
        with reading(self._site.engine) as session:
            until = _watched(session)
            if (self._seen.scan if self._seen else 0) < until:
                return True
            first = session.execute(
                select(Scan.final_at).where(Scan.id > until).order_by(Scan.id).limit(1)
            ).first()
        return first is not None and first[0] <= self._site.clock()

    def step(self) -> int:
        """Look at the next scans, or remember a part of the earlier ones; return new alerts."""
        now = self._site.clock()
        seen, self._seen = self._seen, None
        with reading(self._site.engine) as session:
            if seen is None or self._is_turned(session, seen):
                seen = _Seen()
            until = _watched(session)
            if seen.scan < until:
                self._remember(session, seen, until)
            if seen.scan < until:
                self._seen = seen
                return 0
            fresh = self._next(session, seen, now)
            found = self._detect(session, seen, fresh)
            moves = moves_of(session, seen.goods, chain.from_iterable(fresh.values()))
        raised = 0
        if fresh or seen.owed:
            # Writers wait for what follows, so the detectors have run before it.
            with transaction(self._site.engine) as session:
                for brand in {**seen.owed, **fresh}:
                    facts = Facts(session, seen.goods, moves, brand, now)
                    all_found = [*seen.owed.get(brand, ()), *found.get(brand, ())]
                    raised += _keep(facts, fresh.get(brand, ()), all_found)
                session.merge(WatchState(id=1, scan=seen.scan))
            # If we die before this line the pass is made again, from memory built anew.
            seen.owed = {}
        self._seen = seen
        return raised

    def _remember(self, session: Session, seen: _Seen, until: int) -> None:
        """Feed the next of the scans that were looked at before this process began; what is found
        only now is owed."""
        query = _scans(REMEMBERED).where(Scan.id > seen.scan, Scan.id <= until)
        taken = self._take(session, seen, session.scalars(query))
        for brand, found in self._detect(session, seen, taken).items():
            seen.owed.setdefault(brand, []).extend(one for one in found if one.is_new)
        seen.owed = {brand: found for brand, found in seen.owed.items() if found}
        if not taken:
            seen.scan = until  # the last of them have expired

    def _next(self, session: Session, seen: _Seen, now: int) -> dict[int, list[Scan]]:
        """Return the next scans by brand, up to the first that may still get a place."""
        query = _scans(AT_ONCE).where(Scan.id > seen.scan)
        final = takewhile(lambda row: row.final_at <= now, session.scalars(query))
        return self._take(session, seen, final)

    def _take(self, session: Session, seen: _Seen, rows: Iterable[Scan]) -> dict[int, list[Scan]]:
        taken: dict[int, list[Scan]] = {}
        for row in rows:
            taken.setdefault(self._brand(session, seen, row), []).append(row)
            seen.scan = row.id
        return taken

    def _brand(self, session: Session, seen: _Seen, row: Scan) -> int:
        """Whose code a scan is of; one that nobody issued is of whoever has its GTIN."""
        if row.brand:
            return row.brand
        if row.gtin not in seen.brand_of:
            seen.brand_of[row.gtin] = brand_of(session, row.gtin)
        return seen.brand_of[row.gtin]

    def _detect(
        self, session: Session, seen: _Seen, fresh: Mapping[int, Sequence[Scan]]
    ) -> dict[int, list[Found]]:
        """Feed each brand's detectors with its next scans; return what they find."""
        grown = seen.goods.refresh(self._site, session)
        for brand, own in seen.brands.items():
            if grown:
                own.know(brand, seen.goods, _places(session, brand))
        found = {}
        for brand, rows in fresh.items():
            if brand not in seen.brands:
                names = Names.since(rows[0].time)
                dial, places = self._dial(session, brand), _places(session, brand)
                seen.brands[brand] = _Brand(dial, places, names)
                seen.brands[brand].know(brand, seen.goods, places)
            own = seen.brands[brand]
            detection = own.detection
            assert detection is not None  # it knows what there is
            wanted = own.names.wanted(rows)
            told = detection.feed(own.names.frame(wanted, seen.goods, own.rows))
            source = Source(
                session=session,
                brand=brand,
                names=own.names,
                stores=seen.goods.stores,
                territory=own.places.of,
                copies=detection.basis,
                upto=rows[-1].id,
            )
            finder = Finder(session, brand, own.names, own.consignments, source)
            found[brand] = [finder.find(one) for one in told if one.kind != "guess"]
            for burst in own.bursts.feed(rows, told, own.names):
                found[brand] += finder.find_burst(burst, told)
        return found

    def _dial(self, session: Session, brand: int) -> Dial:
        off = {rule.kind for rule in alerts_rules.of_brand(session, brand) if not rule.enabled}
        return alerts_rules.dial(session, brand, self._fdr), frozenset(KINDS) - off

    def _is_turned(self, session: Session, seen: _Seen) -> bool:
        """Say whether a brand's dial has moved, or where goods may be sold: then all is looked at
        anew, by what holds now."""
        return any(
            own.dial != self._dial(session, brand) or own.is_moved(_places(session, brand))
            for brand, own in seen.brands.items()
        )


def _scans(most: int) -> Select[Scan]:
    return select(Scan).options(LOOKED_AT).order_by(Scan.id).limit(most)


def _places(session: Session, brand: int) -> Places:
    """Where a brand's goods may be sold."""
    profiles = session.execute(select(Profile.party, Profile.regions))
    territories = {party: frozenset(regions) for party, regions in profiles if regions}
    return Places(territories, markets.stated(session, brand), markets.free(session, brand))


def _watched(session: Session) -> int:
    """The newest scan that was looked at."""
    state = session.get(WatchState, 1)
    return state.scan if state else 0


def _keep(facts: Facts, rows: Sequence[Scan], found: Sequence[Found]) -> int:
    """Keep what a pass found of a brand's scans; return how many alerts are new."""
    session, now, brand = facts.session, facts.now, facts.brand
    rules = alerts_rules.ensure(session, brand, now)
    touch(facts, rows)
    new = sum(examine(facts, list(rules.values()), row) for row in rows)
    if rows:
        forget(session, rules.values(), max(row.time for row in rows))
    raised = {one.keep(session, now, rules[one.kind]) for one in found} - {None}
    if raised:
        touch(facts, rows, {key for key in raised if key is not None})
    return new + len(raised)
