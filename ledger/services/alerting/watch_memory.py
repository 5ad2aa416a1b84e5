"""What the watch has in memory of one brand: its detectors, and all that they were fed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from sqlalchemy.orm import Session

from ledger.detect import KINDS, Detection
from ledger.services.alerting import alerts_rules, markets
from ledger.services.alerting.watch_bursts import Bursts
from ledger.services.alerting.watch_causes import Finder, Found
from ledger.services.alerting.watch_consignments import Consignment
from ledger.services.alerting.watch_evidence import Source
from ledger.services.alerting.watch_frame import (
    Names,
    Sold,
    custody_of,
    lots_of,
    sold_of,
)
from ledger.services.alerting.watch_goods import Goods
from ledger.services.alerting.watch_places import Places
from ledger.services.alerting.watch_scan import ScanRow
from ledger.services.districts import Districts
from ledger.services.territories import Territories


@dataclass(frozen=True)
class Terms:
    """What holds for all scans of a brand; if it changes, they are looked at anew.

    fdr: stated share of false alerts. kinds: the detectors that are on. places: where its goods may
    be sold.
    """

    fdr: float
    kinds: frozenset[str]
    places: Places

    @classmethod
    def of(
        cls,
        session: Session,
        brand: int,
        fdr: float,
        territories: Territories,
        districts: Districts,
    ) -> Terms:
        """Return what holds now. fdr: of a brand that has set none. districts: that are loaded."""
        off = {rule.kind for rule in alerts_rules.of_brand(session, brand) if not rule.enabled}
        stated, free = markets.stated(session, brand), markets.free(session, brand)
        before = markets.before(session, brand)
        places = Places(territories, stated, free, districts, before)
        return cls(alerts_rules.dial(session, brand, fdr), frozenset(KINDS) - off, places)


@dataclass
class Memory:
    """A brand's detectors with their memory.

    scan: the newest that they were fed, or that there was then. owed: what they found and nobody
    has kept yet. rows: number of a consignment -> its row in `Lots`. sold: by row.
    """

    brand: int
    terms: Terms
    scan: int = 0
    owed: list[Found] = field(default_factory=list)
    names: Names | None = None
    rows: dict[int, int] = field(default_factory=dict)
    sold: dict[int, Sold] = field(default_factory=dict)
    consignments: list[Consignment] = field(default_factory=list)
    detection: Detection | None = None
    bursts: Bursts = field(default_factory=Bursts)

    def goes_on(self, terms: Terms) -> bool:
        """Say whether what is in memory is true by these terms too: goods that it knows of may be
        sold where they might before. They hold from now on, then."""
        own = self.terms
        if own == terms:
            return True  # and what was worked out of them stays
        self.terms = terms
        if (own.fdr, own.kinds) != (terms.fdr, terms.kinds):
            return False
        if not own.places.is_like(terms.places):
            return False
        return all(terms.places.of(one) == own.places.of(one) for one in self.consignments)

    def feed(self, session: Session, goods: Goods, rows: Sequence[ScanRow]) -> list[Found]:
        """Return what the detectors find in the brand's next scans. What was fed is no longer in
        order if anything is raised."""
        if self.names is None:
            self.names = Names.since(rows[0].time)
        names = self.names
        looked = names.look(names.wanted(rows), goods)
        detection = self._know(goods)
        told = detection.feed(self.terms.places.tell(names.frame(looked, self.rows)))
        finder = self.finder(session, goods, rows[-1].id)
        found = [finder.find(one) for one in told if one.kind != "guess"]
        for burst in self.bursts.feed(rows, told, names):
            found += finder.find_burst(burst, told)
        return found

    def finder(self, session: Session, goods: Goods, upto: int) -> Finder:
        """Return what makes causes of findings. upto: the newest scan that was fed."""
        assert self.names is not None and self.detection is not None  # it was fed
        source = Source(
            session=session,
            brand=self.brand,
            names=self.names,
            stores=goods.stores,
            places=self.terms.places,
            copies=self.detection.basis,
            upto=upto,
        )
        return Finder(session, self.brand, self.names, self.consignments, source)

    def _know(self, goods: Goods) -> Detection:
        """Take in the consignments that came or have changed; return the detectors."""
        assert self.names is not None  # it is fed
        news = goods.news.pop(self.brand, set())
        if self.detection is None:
            whole = enumerate(goods.consignments)
            news = {number for number, one in whole if one.lot.brand == self.brand}
        elif not news:
            return self.detection
        for number in sorted(news):
            row = self.rows.setdefault(number, len(self.rows))
            self.consignments[row : row + 1] = [goods.consignments[number]]
            self.sold[row] = sold_of(goods.sold.get(number, {}))
        lots = lots_of(self.consignments, self.terms.places, self.names.origin)
        custody = custody_of(self.sold)
        if self.detection is None:
            self.detection = Detection(lots, custody, fdr=self.terms.fdr, kinds=self.terms.kinds)
        else:
            self.detection.know(lots, custody)
        return self.detection
