"""Rules: the detectors, and what a person has set; how often each may be wrong, and how often it
was.

A rule whose outcomes speak against its promise mutes itself (`ledger.domain.promise`): what it
raises from then on is kept and told to nobody, until a person lets it speak again.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from ledger.db.alerting import AlertDial, AlertRule, RuleHit
from ledger.db.models import Alert
from ledger.detect.finding import KINDS as DETECTED
from ledger.domain.promise import WIDEST, is_broken
from ledger.domain.thresholds import TESTS
from ledger.errors import Rejected
from ledger.services.alerting.alerts_feed import tell_rule
from ledger.services.alerting.outcomes import OUTCOMES
from ledger.services.audit import WORKER, record

AHEAD, SKIPPED, OUTSIDE, RECALLED = (
    "ahead_of_receipt",
    "skipped_hop",
    "out_of_market",
    "recalled_selling",
)
THRESHOLD = "threshold"
MOST_RULES = 50  # that people set for a brand: each looks at every scan
KINDS = tuple(sorted((*DETECTED, AHEAD, SKIPPED, OUTSIDE, RECALLED, THRESHOLD)))
MUTED_SENTENCE = "{false} of its {judged} judged alerts were false, where at most {promise:.0%} may"

# The rules that every brand has: kind -> (terms, promise or None, on from the start). The dial sets
# the promise of what is calibrated. A skipped hop says nothing where stores are not on the ledger,
# and single goods are met outside their market wherever people travel.
BUILT_IN: Mapping[str, tuple[Mapping[str, Any], float | None, bool]] = {
    "clone": ({}, None, True),
    "diversion": ({}, None, True),
    "farm": ({}, 0.10, True),
    "guess": ({}, 0.10, True),
    AHEAD: ({"n": 3, "days": 30, "confirms": 0.95}, None, True),
    SKIPPED: ({"n": 5, "days": 30, "confirms": 0.95}, None, False),
    OUTSIDE: ({"n": 3, "days": 30}, None, False),
    RECALLED: ({"n": 3, "days": 30, "grace_days": 7}, None, True),
}
CALIBRATED = ("clone", "diversion")
# Numbers of the rules that count devices towards a cause, with their bounds.
_COUNTED = {"n": (1, 1000), "days": (1 / 24, 366)}
BOUNDS: Mapping[str, Mapping[str, tuple[float, float]]] = {
    AHEAD: {**_COUNTED, "confirms": (0, 1)},
    SKIPPED: {**_COUNTED, "confirms": (0, 1)},
    RECALLED: {**_COUNTED, "grace_days": (0, 366)},
    OUTSIDE: _COUNTED,
}


@dataclass(frozen=True)
class Record:
    """How a rule's alerts were judged since it last began to count."""

    confirmed: int
    explained: int
    false: int

    @property
    def judged(self) -> int:
        """How many were."""
        return self.confirmed + self.explained + self.false

    @property
    def precision(self) -> float | None:
        """Share that spoke the truth (an explained one did), None before one was judged."""
        return 1 - self.false / self.judged if self.judged else None


def ensure(session: Session, brand: int, now: int) -> dict[str, AlertRule]:
    """Return all rules of a brand by name, making those that every brand has."""
    rows = {row.name: row for row in of_brand(session, brand)}
    for kind, (terms, promise, enabled) in BUILT_IN.items():
        if kind not in rows:
            rows[kind] = AlertRule(
                brand=brand,
                name=kind,
                kind=kind,
                terms=dict(terms),
                calibrated=kind in CALIBRATED,
                promise=promise,
                enabled=enabled,
                judged_from=0,
                created=now,
            )
            session.add(rows[kind])
    session.flush()
    return rows


def of_brand(session: Session, brand: int) -> list[AlertRule]:
    """Return the rules of a brand, by name."""
    query = select(AlertRule).where(AlertRule.brand == brand).order_by(AlertRule.name)
    return list(session.scalars(query))


def named(session: Session, brand: int, name: str, now: int) -> AlertRule:
    """Return one rule of a brand. Raises Rejected UNKNOWN_RULE."""
    found = ensure(session, brand, now).get(name)
    if found is None:
        raise Rejected("UNKNOWN_RULE", f"There is no rule '{name}': list them.")
    return found


def put(
    session: Session,
    who: str,
    now: int,
    brand: int,
    name: str,
    kind: str,
    terms: Mapping[str, Any],
    *,
    promise: float | None = None,
    enabled: bool = True,
) -> AlertRule:
    """Set a rule, anew or over one of that name and kind; what it has raised stays.

    Raises Rejected BAD_RULE, TOO_MANY_RULES.
    """
    if kind not in KINDS:
        raise Rejected("BAD_RULE", f"'{kind}' is no kind of rule: use {', '.join(KINDS)}.")
    if kind in BUILT_IN and name != kind:
        raise Rejected("BAD_RULE", f"The rule of kind {kind} is called '{kind}'.")
    if kind not in BUILT_IN and (name in BUILT_IN or not 1 <= len(name) <= 64):
        raise Rejected("BAD_RULE", "A rule's name has 1 to 64 characters, and is no kind's.")
    if promise is not None and (kind in CALIBRATED or not 0 < promise <= WIDEST):
        raise Rejected(
            "BAD_RULE",
            f"A promise is above 0 and at most {WIDEST}; that of a calibrated rule is the dial.",
        )
    rows = ensure(session, brand, now)
    row = rows.get(name)
    if row is None:
        if len(rows) - len(BUILT_IN) >= MOST_RULES:
            raise Rejected(
                "TOO_MANY_RULES",
                f"A brand has at most {MOST_RULES} rules of its own: change or remove one.",
            )
        row = AlertRule(brand=brand, name=name, calibrated=False, judged_from=0, created=now)
        session.add(row)
    elif row.kind != kind:
        raise Rejected("BAD_RULE", f"The rule '{name}' is of another kind: choose another name.")
    row.kind, row.terms, row.promise, row.enabled = kind, checked(kind, terms), promise, enabled
    session.flush()
    told = {"name": name, "kind": kind, "terms": row.terms, "enabled": enabled, "promise": promise}
    record(session, now, who, "rule set", brand=brand, rule=row.id, **told)
    return row


def checked(kind: str, terms: Mapping[str, Any]) -> dict[str, Any]:
    """Return a rule's terms as they are kept. Raises Rejected BAD_RULE."""
    if kind in DETECTED:
        if terms:
            raise Rejected("BAD_RULE", "A detector has no numbers to set: turn the dial.")
        return {}
    bounds = dict(BOUNDS.get(kind, {}))
    kept: dict[str, Any] = {}
    if kind == THRESHOLD:
        test = terms.get("test")
        if not isinstance(test, str) or test not in TESTS:
            raise Rejected("BAD_RULE", f"A threshold's test is one of {', '.join(TESTS)}.")
        bounds, kept = dict(TESTS[test].terms), {"test": test}
    unknown = set(terms) - set(bounds) - set(kept)
    if unknown:
        raise Rejected("BAD_RULE", f"'{min(unknown)}' is no number of this rule.")
    for name, (low, high) in bounds.items():
        value = terms.get(name)
        number = isinstance(value, int | float) and not isinstance(value, bool)
        if not number or not math.isfinite(value) or not low <= value <= high:  # type: ignore[arg-type, operator]
            raise Rejected("BAD_RULE", f"'{name}' is a number from {low:g} to {high:g}.")
        if name == "n" and value != int(value):  # type: ignore[arg-type]
            raise Rejected("BAD_RULE", "'n' is a whole number: a rule fires at the n-th.")
        kept[name] = int(value) if name == "n" else value  # type: ignore[arg-type]
    return kept


def promise_of(session: Session, rule: AlertRule, setting: float) -> float | None:
    """Return the share of false alerts that a rule may have. setting: of the installation."""
    return dial(session, rule.brand, setting) if rule.calibrated else rule.promise


def dial(session: Session, brand: int, setting: float) -> float:
    """Return the stated share of false alerts of a brand."""
    row = session.get(AlertDial, brand)
    return row.fdr if row is not None and row.fdr is not None else setting


def lists_copies(session: Session, brand: int) -> bool:
    """Say whether codes named by clone alerts go on the blacklist by themselves."""
    row = session.get(AlertDial, brand)
    return row is not None and row.list_copies


def turn_dial(
    session: Session, who: str, now: int, brand: int, fdr: float | None, list_copies: bool
) -> None:
    """Set what holds for all alerts of a brand. Raises Rejected BAD_FDR."""
    if fdr is not None and not 0 < fdr <= WIDEST:
        raise Rejected("BAD_FDR", f"The rate of false alerts must be above 0 and at most {WIDEST}.")
    session.merge(AlertDial(brand=brand, fdr=fdr, list_copies=list_copies))
    record(session, now, who, "dial turn", brand=brand, fdr=fdr, list_copies=list_copies)


def record_of(session: Session, rule: AlertRule, within: float | None = None) -> Record:
    """Return how a rule's alerts were judged; within: those raised at most at this stated share."""
    query = (
        select(Alert.outcome, func.count())
        .where(Alert.rule == rule.id, Alert.outcome.is_not(None), Alert.judged > rule.judged_from)
        .where(Alert.exception.is_(None))  # what was excepted beforehand judges nothing
        .group_by(Alert.outcome)
    )
    if within is not None:
        query = query.where(func.coalesce(Alert.body["fdr"].as_float(), within) <= within)
    counts: dict[str | None, int] = {row[0]: row[1] for row in session.execute(query)}
    return Record(*(counts.get(outcome, 0) for outcome in OUTCOMES))


def mute_if_broken(session: Session, rule: AlertRule, setting: float, now: int) -> bool:
    """Mute a rule whose outcomes speak against its promise; return whether that was done now."""
    promise = promise_of(session, rule, setting)
    if promise is None or rule.muted is not None:
        return False
    # A dial that was turned down promises less of what is raised from then on, not of what was.
    told = record_of(session, rule, promise if rule.calibrated else None)
    if not is_broken(told.false, told.judged, promise):
        return False
    why = MUTED_SENTENCE.format(false=told.false, judged=told.judged, promise=promise)
    mute(session, WORKER, now, rule, why)
    return True


def mute(session: Session, who: str, now: int, rule: AlertRule, why: str) -> None:
    """Silence a rule."""
    rule.muted, rule.muted_why = now, why
    tell_rule(session, now, rule, "muted")
    record(session, now, who, "rule mute", brand=rule.brand, rule=rule.id, why=why)


def unmute(session: Session, who: str, now: int, rule: AlertRule) -> None:
    """Let a rule speak again; it is judged anew from now on."""
    rule.muted, rule.muted_why, rule.judged_from = None, None, now
    tell_rule(session, now, rule, "unmuted")
    record(session, now, who, "rule unmute", brand=rule.brand, rule=rule.id)


def remove(session: Session, who: str, now: int, rule: AlertRule) -> None:
    """Remove a rule that a person has set; its alerts stay. Raises Rejected BAD_RULE."""
    if rule.kind in BUILT_IN:
        raise Rejected("BAD_RULE", "That rule is built in: disable it instead.")
    session.execute(delete(RuleHit).where(RuleHit.rule == rule.id))
    session.delete(rule)
    record(session, now, who, "rule remove", brand=rule.brand, rule=rule.id, name=rule.name)
