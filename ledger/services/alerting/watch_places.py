"""Where the goods of a brand may be sold, as detectors ask: regions, and districts in them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

from ledger.detect.centres import Centres
from ledger.detect.frame import Level, Scans
from ledger.domain.regions import depth_of, union
from ledger.services import districts
from ledger.services.alerting.markets import Before
from ledger.services.alerting.watch_consignments import Consignment
from ledger.services.districts import Districts
from ledger.services.past import since
from ledger.services.territories import Territories


@dataclass(frozen=True)
class Places:
    """Where goods may be sold. territories: of all parties. markets, free, before: of the brand's
    (`ledger.services.alerting.markets`). districts: those that are loaded."""

    territories: Territories
    markets: Mapping[int, frozenset[int]]
    free: frozenset[int]
    districts: Districts
    before: Before = field(default_factory=dict)

    @cached_property
    def depth(self) -> int:
        """The finest level that any of them names (`ledger.detect.levels`)."""
        return max(map(depth_of, self._stated), default=0)

    @cached_property
    def labels(self) -> list[list[int]]:
        """The codes of the districts of each level, in the order of the detectors."""
        return [level.label.tolist() for level in self.levels(())]

    def levels(self, sold: Sequence[frozenset[int]]) -> tuple[Level, ...]:
        """The districts as detectors read them. sold: where each consignment may be sold."""
        return districts.levels(self._stated.union(self.districts.names), sold, self.depth)

    @cached_property
    def _stated(self) -> frozenset[int]:
        """The districts that any territory or market names."""
        earlier = [regions for past in self.before.values() for _, regions in past]
        every = (*self.territories.every(), *self.markets.values(), *earlier)
        return frozenset(code for codes in every for code in codes if depth_of(code))

    @cached_property
    def centres(self) -> list[Centres]:
        """What tells the districts of each level."""
        return [self.districts.centres(at, own) for at, own in enumerate(self.labels, 1)]

    def tell(self, scans: Scans) -> Scans:
        """Scans with the districts that their locations tell."""
        return replace(scans, places=tuple(level.of(scans) for level in self.centres))

    def is_like(self, other: Places) -> bool:
        """Say whether the levels are the same, and the districts where any are asked about."""
        if not self.depth:
            return not other.depth
        return self.districts == other.districts and self.labels == other.labels

    def of(self, consignment: Consignment) -> frozenset[int]:
        """Regions and districts outside which a consignment may not be sold; none: it may be sold
        anywhere.

        Those of its first consignee, else those of its market. Where resale outside the market may
        not be prohibited, no territory binds either. What territory and market were when they were
        shipped, and have been since, goes on holding for them: who sells what was allowed has done
        nothing.
        """
        market = consignment.lot.market
        was = since(self.before.get(market, ()), consignment.shipped)
        if market in self.free or not all(was):
            return frozenset()
        stated = self.markets.get(market, frozenset())
        by_market = frozenset(union(stated.union(*was))) if was else stated
        own = self.territories.since(consignment.consignee, consignment.shipped)
        sets = {territory or by_market for territory in own}
        if not all(sets):
            return frozenset()
        return sets.pop() if len(sets) == 1 else frozenset(union(frozenset[int]().union(*sets)))
