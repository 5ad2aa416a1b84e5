"""What a scan is told: an outcome with reasons, judged by an ordered tuple of pure rules.

A verdict is about the *code*, not the *product*: a perfect copy of a printed code passes every
proof, so scan history is part of the evidence. Every reason says who vouches for it: the chain
(proved) or the operator's log (stated).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum


class Outcome(StrEnum):
    """The five outcomes, a frozen surface."""

    GENUINE = "genuine"
    CAUTION = "caution"
    DO_NOT_USE = "do_not_use"
    NOT_RECOGNISED = "not_recognised"
    NOT_CONFIRMED = "not_confirmed"


class Voucher(StrEnum):
    """Who vouches for a reason."""

    CHAIN = "chain"  # proved from contract storage
    LOG = "log"  # stated by the operator's scan log
    SERVICE = "service"  # said by the service about itself or the link


@dataclass(frozen=True)
class ReasonKind:
    """One row of the reason table: the outcome it leads to, and who vouches for it."""

    outcome: Outcome
    voucher: Voucher


_C, _L, _S = Voucher.CHAIN, Voucher.LOG, Voucher.SERVICE

# The consumer's reason codes, a frozen surface; docs/verdicts.md explains each (a test compares).
REASONS: dict[str, ReasonKind] = {
    "MALFORMED": ReasonKind(Outcome.NOT_RECOGNISED, _S),
    "FOREIGN_LINK": ReasonKind(Outcome.NOT_RECOGNISED, _S),
    "UNKNOWN_CODE": ReasonKind(Outcome.NOT_RECOGNISED, _C),
    "LEDGER_UNREACHABLE": ReasonKind(Outcome.NOT_CONFIRMED, _S),
    "LEDGER_BEHIND": ReasonKind(Outcome.NOT_CONFIRMED, _S),
    "RECALLED": ReasonKind(Outcome.DO_NOT_USE, _C),
    "STOLEN": ReasonKind(Outcome.DO_NOT_USE, _C),
    "DECOMMISSIONED": ReasonKind(Outcome.DO_NOT_USE, _C),
    "ALREADY_OPENED": ReasonKind(Outcome.DO_NOT_USE, _C),
    "EXPIRED": ReasonKind(Outcome.DO_NOT_USE, _C),
    "BLOCKED": ReasonKind(Outcome.DO_NOT_USE, _C),
    "BLACKLISTED": ReasonKind(Outcome.DO_NOT_USE, _L),
    "NOT_ACTIVATED": ReasonKind(Outcome.CAUTION, _C),
    "BEST_BEFORE_PASSED": ReasonKind(Outcome.CAUTION, _C),
    "SUSPECTED": ReasonKind(Outcome.CAUTION, _L),
    "IMPOSSIBLE_TRAVEL": ReasonKind(Outcome.CAUTION, _L),
    "SEEN_ELSEWHERE": ReasonKind(Outcome.CAUTION, _L),
    "MANY_DEVICES": ReasonKind(Outcome.CAUTION, _L),
    "OUTSIDE_MARKET": ReasonKind(Outcome.CAUTION, _L),
    "OPENED_BY_YOU": ReasonKind(Outcome.GENUINE, _L),
    "SEEN_BY_YOU": ReasonKind(Outcome.GENUINE, _L),
    "SEEN_BEFORE": ReasonKind(Outcome.GENUINE, _L),
    "FIRST_SCAN": ReasonKind(Outcome.GENUINE, _L),
}

# States of an item; from the last on its life has ended.
BLOCKED, STOLEN, DECOMMISSIONED = 2, 3, 4


@dataclass(frozen=True)
class Limits:
    """When scan history speaks against a code. Counts are of other devices that may be counted.

    Honest life sets them: gifts and parcels move one item far away once, a shop's display bottle is
    scanned by dozens of phones in one place, so neither one far scan nor a mere count is enough.
    A photo of a code that goes round is scanned everywhere, for days: no count speaks then.
    """

    far_devices: int = 3  # other devices far from here ...
    far_places: int = 2  # ... in at least so many regions besides this one
    many_devices: int = 12  # devices in all ...
    many_regions: int = 4  # ... spread over so many regions
    copy_factor: float = 1000.0  # or copies explain the history so much better than anything honest
    impossible_kmh: float = 1200.0  # faster than an airliner, both places known by GPS
    impossible_km: float = 300.0
    impossible_pairs: int = 2  # a single odd pair is a wrong GPS fix, two are not
    ledger_behind_s: int = 900


@dataclass(frozen=True)
class ChainFacts:
    """What the chain says of this code. Times are unix seconds, None where nothing is set."""

    active_from: int | None = None  # None: the run is not on chain, or never activated
    void: bool = False
    recalled: bool = False
    expires: int | None = None  # first second at which AI 17 has passed in the market's zone
    best_before: int | None = None  # likewise for AI 15
    item_state: int = 0  # 0, 1 active, 2 blocked, 3 stolen; decommissioned from 4 on
    opened: int | None = None  # when its inner code was uncovered


@dataclass(frozen=True)
class ScanFacts:
    """What the operator's log says of earlier scans of this code.

    Only scans that may feed a consumer's reason are counted: none by staff, farms or scripts.
    """

    by_this_device: int = 0
    other_devices: int = 0
    far_devices: int = 0  # other devices certainly elsewhere (outside both stated radii)
    far_regions: int = 0  # regions of those
    regions: int = 0  # regions in which certain scans were made, this one included
    impossible_pairs: int = 0  # consecutive scans by two devices that nobody can have travelled
    first_at: int | None = None
    last_at: int | None = None


@dataclass(frozen=True)
class Evidence:
    """Everything the rules may look at, gathered before any rule runs. `now` is unix seconds."""

    now: int
    malformed: bool = False
    foreign: bool = False
    known: bool = False  # decodes, and its batch is on chain with index < count
    ledger_reachable: bool = True
    ledger_age_s: int = 0  # seconds since the newest block the follower has checked
    chain: ChainFacts = field(default_factory=ChainFacts)
    scans: ScanFacts = field(default_factory=ScanFacts)
    # How much better copies explain the scans than any honest class of history; None: not asked.
    copy_factor: float | None = None
    photo: bool = False  # they look like those of a picture of the code that went round
    opened_by_you: bool = False  # by the same device, or here and at most two hours ago
    listed: Outcome | None = None  # on the operator's blacklist: do_not_use or caution
    outside: bool = False  # certainly outside its market, and the brand wants that to be told
    limits: Limits = field(default_factory=Limits)


@dataclass(frozen=True)
class Verdict:
    """An outcome with its reason codes, the weightiest first."""

    outcome: Outcome
    reasons: tuple[str, ...]

    def by_voucher(self, voucher: Voucher) -> tuple[str, ...]:
        """The reasons for which `voucher` stands."""
        return tuple(code for code in self.reasons if REASONS[code].voucher is voucher)


Rule = Callable[[Evidence], str | None]


def _if(code: str, holds: Callable[[Evidence], bool]) -> Rule:
    return lambda e: code if holds(e) else None


def _passed(at: int | None, now: int) -> bool:
    return at is not None and now >= at


def _behind(e: Evidence) -> bool:
    return e.ledger_age_s > e.limits.ledger_behind_s


def _impossible(e: Evidence) -> bool:
    return e.scans.impossible_pairs >= e.limits.impossible_pairs and not e.photo


def _elsewhere(e: Evidence) -> bool:
    s, limits = e.scans, e.limits
    counted = s.far_devices >= limits.far_devices and s.far_regions >= limits.far_places
    return counted and not e.photo


def _many(e: Evidence) -> bool:
    s, limits = e.scans, e.limits
    counted = s.other_devices + 1 >= limits.many_devices and s.regions >= limits.many_regions
    copied = e.copy_factor is not None and e.copy_factor >= limits.copy_factor
    return copied or (counted and not e.photo)


# A code that fails one of these has no history worth judging: the first that holds is the verdict.
STOPPERS: tuple[Rule, ...] = (
    _if("MALFORMED", lambda e: e.malformed),
    _if("FOREIGN_LINK", lambda e: e.foreign),
    _if("LEDGER_UNREACHABLE", lambda e: not e.ledger_reachable),
    # What is not on the ledger as far as it is known may have come to it since.
    _if("LEDGER_BEHIND", lambda e: not e.known and _behind(e)),
    _if("UNKNOWN_CODE", lambda e: not e.known),
)

# All that hold are kept; the outcome is that of the first.
FINDINGS: tuple[Rule, ...] = (
    _if("RECALLED", lambda e: e.chain.recalled),
    _if("STOLEN", lambda e: e.chain.item_state == STOLEN),
    _if("BLOCKED", lambda e: e.chain.void or e.chain.item_state == BLOCKED),
    _if("DECOMMISSIONED", lambda e: e.chain.item_state >= DECOMMISSIONED),
    _if("ALREADY_OPENED", lambda e: e.chain.opened is not None and not e.opened_by_you),
    _if("BLACKLISTED", lambda e: e.listed is Outcome.DO_NOT_USE),
    _if("EXPIRED", lambda e: _passed(e.chain.expires, e.now)),
    _if("LEDGER_BEHIND", _behind),
    _if("NOT_ACTIVATED", lambda e: not _passed(e.chain.active_from, e.now)),
    _if("BEST_BEFORE_PASSED", lambda e: _passed(e.chain.best_before, e.now)),
    _if("SUSPECTED", lambda e: e.listed is Outcome.CAUTION),
    _if("IMPOSSIBLE_TRAVEL", _impossible),
    _if("SEEN_ELSEWHERE", _elsewhere),
    _if("MANY_DEVICES", _many),
    _if("OUTSIDE_MARKET", lambda e: e.outside),
)

# Said only when nothing speaks against the code: the first that holds.
ASSURANCES: tuple[Rule, ...] = (
    _if("OPENED_BY_YOU", lambda e: e.chain.opened is not None and e.opened_by_you),
    _if("SEEN_BY_YOU", lambda e: e.scans.by_this_device > 0),
    _if("SEEN_BEFORE", lambda e: e.scans.other_devices > 0),
    _if("FIRST_SCAN", lambda _: True),
)


def judge(evidence: Evidence) -> Verdict:
    """Judge gathered evidence; deterministic, and never raises."""
    for rule in STOPPERS:
        if code := rule(evidence):
            return Verdict(REASONS[code].outcome, (code,))
    found = tuple(code for rule in FINDINGS if (code := rule(evidence)))
    if not found:
        found = tuple(code for rule in ASSURANCES if (code := rule(evidence)))[:1]
    return Verdict(REASONS[found[0]].outcome, found)
