"""Rules that look at each scan by itself: what it says of custody, recalls, markets, thresholds.

Each costs a bounded number of indexed look-ups a scan, whatever the size of the history, and the
thresholds that people set share theirs. A rule counts distinct devices towards a cause and raises
it at the N-th within its days, not before: at a scan, or at one of those made after a scan that
came late, when that comes. None of them is calibrated.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import delete
from sqlalchemy.orm import Session

from ledger.db.alerting import AlertRule, RuleHit
from ledger.db.models import Alert
from ledger.domain import thresholds
from ledger.domain.thresholds import DAY_S, Seen
from ledger.services.alerting import alerts
from ledger.services.alerting.alerts_evidence import document, keep_evidence
from ledger.services.alerting.alerts_rules import THRESHOLD
from ledger.services.alerting.watch_facts import Facts
from ledger.services.alerting.watch_frame import code_of
from ledger.services.alerting.watch_kept import kept
from ledger.services.alerting.watch_looks import LOOKS, Hit, Look, Terms, summed
from ledger.services.alerting.watch_past import (
    CONSUMERS,
    Asked,
    Counted,
    Turn,
    forget_hits,
    hits_with,
)
from ledger.services.alerting.watch_scan import ScanRow, of_ids


def examine(facts: Facts, rules: Sequence[AlertRule], row: ScanRow) -> int:
    """Let a brand's rules look at a scan; return how many alerts are new. The scans of a unit of
    work are looked at in the order in which they came."""
    if row.channel not in CONSUMERS or row.weak or row.batch is None:
        return 0
    rules = [rule for rule in rules if rule.enabled]
    own = {rule.id: rule.terms for rule in rules if rule.kind == THRESHOLD}
    known = _known(facts, own, row) if own else {}
    tips = _tips(facts, own, known, row) if len(known) < len(own) else {}
    new = 0
    for rule in rules:
        if rule.id in known:
            alerts.count(facts.session, facts.now, known[rule.id], 1, row.time)
        elif rule.id in tips:
            _cross(facts, rule, row, tips[rule.id])
            new += 1
        elif look := LOOKS.get(rule.kind):
            hit = look(facts, rule.terms, row)
            new += hit is not None and _count(facts, rule, row, hit, look)
    return new


def _count(facts: Facts, rule: AlertRule, row: ScanRow, hit: Hit, look: Look) -> bool:
    """Count a hit towards its cause; raise that at its N-th device, then count on."""
    session, now = facts.session, facts.now
    key = f"{rule.kind}/{rule.id}/{hit.cause}"
    whole = f"{facts.brand}/{key}"
    known = Asked.of(session).known([whole]).get(whole)
    if known is not None:
        alerts.count(session, now, known, 1, row.time)
        return False
    before, later = hits_with(session, rule, hit.cause, row)
    for asked, left in _in_turn(before, later, rule.terms["days"] * DAY_S):
        if len({one.device for one in asked}) < rule.terms["n"]:
            continue
        alert = _reached(facts, rule, key, [one.scan for one in asked], hit.cause, look)
        if alert is not None:
            if left:
                alerts.count(session, now, alert, len(left), left[-1].time)
            return True
    return False


def _reached(
    facts: Facts, rule: AlertRule, key: str, scans: Sequence[int], cause: str, look: Look
) -> Alert | None:
    """Raise a cause that enough devices have hit at the last of some scans, if all still stands."""
    session, now = facts.session, facts.now
    # What is known of the goods may have changed since the first were counted: all are asked again.
    rows = of_ids(session, scans)
    afresh, hits = facts.afresh(rows), {}
    for one in rows:
        again = look(afresh, rule.terms, one)
        if again is not None and again.cause == cause:
            hits[one.id] = again
    if gone := [one.id for one in rows if one.id not in hits]:
        session.execute(delete(RuleHit).where(RuleHit.rule == rule.id, RuleHit.scan.in_(gone)))
    if not rows or rows[-1].id in gone:
        return None
    hit, at = hits[rows[-1].id], rows[-1]
    rows = [one for one in rows if one.id in hits]
    told = summed(rule.terms, hit, rows)
    if told is None:
        return None
    raised = alerts.Cause(
        key=key,
        brand=facts.brand,
        raised=at.time,
        last=at.time,
        scans=told.evidence["scans"],
        goods=told.goods,
        body=_body(rule, told.sentence, told.evidence),
        lot=hit.lot,
        region=hit.region,
        gtin=at.gtin,
        consignee=hit.consignee,
    )
    alert, _ = alerts.keep(session, now, rule, raised)
    facts_kept = {"facts": kept(afresh, rows)}
    keep_evidence(session, now, alert, {**document(rule.terms, rows), **facts_kept})
    return alert


def _in_turn(
    before: Sequence[Counted], later: Sequence[Counted], span: float
) -> Iterator[tuple[list[Counted], Sequence[Counted]]]:
    """Yield what to ask a rule at a hit, and then at each of those that it can tip because it was
    made before them and came after: the hits within `span` seconds up to that one; what is left.

    before: up to the hit, itself the last. Both in order of time.
    """
    whole = [*before, *later]
    for at in range(len(before), len(whole) + 1):
        since = whole[at - 1].time - span
        yield [one for one in whole[:at] if one.time > since], whole[at:]


def forget(session: Session, rules: Iterable[AlertRule], newest: int) -> None:
    """Delete the hits that no scan will ask for. newest: when the newest scan so far was made."""
    for rule in rules:
        if rule.kind in LOOKS:
            forget_hits(session, rule.id, rule.terms["days"], newest)


def _known(facts: Facts, own: Mapping[int, Terms], row: ScanRow) -> dict[int, Alert]:
    """Return the alerts that there are of thresholds at a scan's code. own: the thresholds by rule;
    so are the alerts."""
    code = code_of(row)
    keys = {f"{facts.brand}/{_key(rule, code)}": rule for rule in own}
    found = Asked.of(facts.session).known([*keys])
    return {rule: found[key] for key, rule in keys.items() if key in found}


@dataclass(frozen=True)
class _Tip:
    """The scans up to the one that crosses a threshold, those on which it rests, those after it."""

    seen: Sequence[Seen]
    rests: Sequence[Seen]
    left: Sequence[Seen]


def _tips(
    facts: Facts, own: Mapping[int, Terms], known: Container[int], row: ScanRow
) -> dict[int, _Tip]:
    """Return where thresholds are crossed first, by rule. known: those that were before."""
    past = Asked.of(facts.session).past(row, max(terms["days"] for terms in own.values()))
    found: dict[int, _Tip] = {}
    for turn in past.turns():
        for rule, terms in own.items():
            if rule in known or rule in found:
                continue
            if tip := _tip(terms, turn):
                found[rule] = tip
    return found


def _tip(terms: Terms, turn: Turn) -> _Tip | None:
    """Say what crosses a threshold at one turn, if anything does."""
    test, days = terms["test"], terms["days"]
    if turn.between and not thresholds.may_tip(test, terms, turn.pair):
        return None
    for history in turn.histories(days):
        if rests := thresholds.holds(test, terms, history):
            until = turn.pair.scans[0].time + days * DAY_S
            left = [one for one in turn.left if one.time < until]
            return _Tip(history.scans[history.first(days) :], rests, left)
    return None


def _cross(facts: Facts, rule: AlertRule, row: ScanRow, tip: _Tip) -> None:
    """Raise an alert where a threshold is crossed. row: the scan that is looked at."""
    session, now, code = facts.session, facts.now, code_of(row)
    rows = of_ids(session, [one.id for one in tip.seen])
    sentence, rests, devices = _told(rule.terms, tip.rests)
    place = facts.case_of(row)
    cause = alerts.Cause(
        key=_key(rule.id, code),
        brand=facts.brand,
        raised=rows[-1].time,
        last=rows[-1].time,
        scans=rests,
        goods=(1, devices),
        body=_body(rule, sentence, {"scans": rests, "scans_of": devices, "codes": [code]}),
        lot=place[0].name if place else None,
        region=rows[-1].region,
        code=code,
        gtin=row.gtin,
        consignee=place[0].consignee if place else None,
    )
    alert, _ = alerts.keep(session, now, rule, cause)
    keep_evidence(session, now, alert, document(rule.terms, rows))
    if tip.left:
        alerts.count(session, now, alert, len(tip.left), tip.left[-1].time)


def fired(terms: Terms, seen: Sequence[Seen]) -> tuple[str, int, int] | None:
    """Return what a threshold says at the newest of some scans of a code: the sentence, and on how
    many scans by how many devices it rests; None where it does not hold."""
    rests = thresholds.fired(terms["test"], terms, seen)
    return _told(terms, rests) if rests else None


def _told(terms: Terms, rests: Sequence[Seen]) -> tuple[str, int, int]:
    sentence = thresholds.sentence(terms["test"], terms, rests)
    return sentence, len(rests), len({one.device for one in rests})


def _key(rule: int, code: str) -> str:
    return f"{THRESHOLD}/{rule}/{code}"


def _body(rule: AlertRule, sentence: str, evidence: dict[str, Any]) -> dict[str, Any]:
    return {"sentence": sentence, "calibrated": False, "terms": rule.terms, "evidence": evidence}
