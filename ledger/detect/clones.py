"""Clones: which class of history explains the devices that scanned one code?

A code is genuine, on display, viral or cloned. Each class predicts where and how soon every further
device comes (`ledger.detect.history`); the posterior over classes is Bayes' rule. A code is raised
once the posterior of `cloned` reaches 1 − fdr, so among the codes raised the expected share of
false ones is at most fdr *if the model is right*: unlike that of diversion, this rate is only as
good as the model's.

Several clones usually come from one source, so each copied code of a lot makes the others of the
lot more likely beforehand: a code that was raised counts one, another the probability that it is
copied, as far as it tells by itself. One that was raised also tells where copies are sold; those
that have been seen by a few devices already are asked about again. Devices that scan many items of
a lot in a day (shops, farms) are left out: they meet codes of goods that others will buy. So are
scans that do not say where they were made.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from ledger.detect.finding import Evidence, Finding, rounded
from ledger.detect.frame import Ints, Lots, Scans
from ledger.detect.history import (
    CLONE,
    PRIOR,
    SEEN,
    Home,
    Seen,
    as_seen,
    bayes_factor,
    home_of,
    placed,
    places_of,
)
from ledger.detect.sightings import BUSY_UNITS
from ledger.detect.tables import Counts, Table
from ledger.domain.thresholds import counted

FEWEST_DEVICES = 3
MOST_DEVICES = 80  # a code that is not raised by then is followed no more
# added to the prior of `cloned` for each other copied code of the lot, and at most
RAISED_PRIOR, MOST_PRIOR = 0.001, 0.02
MOST_SOLD = 60


@dataclass
class _History:
    """A code being followed, from its second device on."""

    unit: int
    seen: list[Seen]
    raised: bool = False
    factor: float = 0.0  # when it was last asked

    def copied(self) -> float:
        """P(cloned), as far as the code alone tells; one if it was raised."""
        return 1.0 if self.raised else 1 - 1 / (1 + PRIOR[CLONE] * self.factor)


@dataclass
class _Source:
    """What the codes of a lot that were raised tell of those that were not: where they are sold,
    one row a device, at most MOST_SOLD."""

    home: Home
    sold: list[Seen] = field(default_factory=list)
    codes: list[_History] = field(default_factory=list)

    def others(self, history: _History) -> float:
        """How many other codes of the lot are copies, as expected."""
        return rounded(sum(one.copied() for one in self.codes if one is not history))


@dataclass(frozen=True)
class Basis:
    """What the finding on a code rests on. seen: the devices counted. others: how many other codes
    of the lot are copies, as expected. sold: where those that were raised before are sold."""

    seen: tuple[Seen, ...]
    others: float
    sold: tuple[Seen, ...]


class Clones:
    """The state of all codes; `feed` takes scans once, in order. bases: by code raised."""

    def __init__(self, lots: Lots, fdr: float) -> None:
        self.lots = lots
        self.bases: dict[str, Basis] = {}
        self._fdr = fdr
        self._least = needed_factor(MOST_PRIOR / RAISED_PRIOR, fdr)
        self._first = Table(SEEN)
        self._scans = Counts()
        self._histories: dict[int, _History] = {}
        self._sources: dict[int, _Source] = {}

    def feed(self, scans: Scans, nth: Ints, busy: Ints) -> list[Finding]:
        """Codes that were copied, each raised at the device that makes it sure enough. nth, busy:
        of `Sightings`."""
        counts = (nth > 0) & (busy < BUSY_UNITS) & (scans.lot >= 0) & placed(scans)
        rows = np.flatnonzero(counts)
        rows = rows[~self._first.keep(scans, rows)]
        found = []
        columns = [rows, *(getattr(scans, name)[rows] for name in ("unit", "lot", *SEEN))]
        for row, unit, lot, *place in zip(*(column.tolist() for column in columns), strict=True):
            source = self._sources.get(lot)
            if source is None:
                source = self._sources[lot] = _Source(home_of(self.lots, lot))
            history = self._histories.get(unit)
            if history is None:
                history = _History(unit, [as_seen(self._first.of(unit))])
                self._histories[unit] = history
            if history.raised or len(history.seen) >= MOST_DEVICES:
                continue
            history.seen.append(as_seen(place))
            if len(history.seen) == FEWEST_DEVICES:
                source.codes.append(history)
            if len(history.seen) < FEWEST_DEVICES:
                continue
            asked = [history]
            while asked:
                for one in asked:
                    one.factor = bayes_factor(one.seen, source.sold, source.home)
                sure = (self._told(one, source, scans, row) for one in source.codes)
                told = [finding for finding in sure if finding]
                found += told
                asked = [one for one in source.codes if not one.raised] if told else []
        self._scans.add(scans.unit)
        return found

    def _told(self, history: _History, source: _Source, scans: Scans, row: int) -> Finding | None:
        """The finding on a code, if it is sure enough now; the lot then knows of it."""
        if history.raised or history.factor < self._least:
            return None
        others = source.others(history)
        needed = needed_factor(others, self._fdr)
        if history.factor < needed:
            return None
        factor = history.factor = bayes_factor(history.seen, source.sold, source.home)
        if factor < needed:
            return None
        history.raised = True
        basis = Basis(tuple(history.seen), others, tuple(source.sold))
        self.bases[scans.codes[history.unit]] = basis
        source.sold = (source.sold + history.seen)[-MOST_SOLD:]
        told = Told(
            code=scans.codes[history.unit],
            lot=int(self.lots.label[scans.lot[row]]),
            day=float(scans.day[row]),
            scans=self._scans.until(scans.unit, row, history.unit),
            seen=history.seen,
        )
        return finding_of(told, factor, 1 / needed, self._fdr)


def needed_factor(others: float, fdr: float) -> float:
    """The factor from which on a code is raised in a lot where so many others are copies."""
    prior = PRIOR[CLONE] + min(MOST_PRIOR, RAISED_PRIOR * others)
    return (1 - fdr) / fdr / prior


@dataclass(frozen=True)
class Told:
    """What a finding says of a code: its lot's label, its scans, its devices' first ones."""

    code: str
    lot: int
    day: float
    scans: int
    seen: list[Seen]


def finding_of(told: Told, factor: float, level: float, fdr: float) -> Finding:
    """The finding on a code. factor: `bayes_factor` of what was seen; level: 1 over the least."""
    seen, code, places = told.seen, told.code, places_of(told.seen)
    return Finding(
        kind="clone",
        lot=told.lot,
        code=code,
        day=told.day,
        evidence=Evidence(scans=told.scans, scans_of=len(seen), codes=(code,), places=places),
        e_value=rounded(factor),
        level=rounded(level),
        fdr=fdr,
        sentence=(
            f"{len(seen)} devices scanned code {code} in {counted(places, 'place')}; copies of"
            f" it explain this about {int(rounded(factor)):,} times better than any honest history"
        ),
    )
