"""Rules that look at each scan by itself: what it says of custody, recalls, markets, thresholds.

Each costs a bounded number of indexed look-ups a scan, whatever the size of the history. A rule
counts distinct devices towards a cause and raises it at the N-th within its days, not before: at a
scan, or at one of those made after a scan that came late, when that comes. None of them is
calibrated.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Protocol, TypeVar

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from ledger.db.alerting import AlertRule, RuleHit
from ledger.db.models import Alert, Scan
from ledger.domain import thresholds
from ledger.domain.thresholds import CERTAIN, DAY_S, Seen
from ledger.services.alerting import alerts
from ledger.services.alerting.alerts_evidence import document, keep_evidence
from ledger.services.alerting.alerts_rules import THRESHOLD
from ledger.services.alerting.watch_facts import Facts
from ledger.services.alerting.watch_frame import code_of
from ledger.services.alerting.watch_kept import kept
from ledger.services.alerting.watch_looks import LOOKS, Hit, Look, Terms, summed
from ledger.services.scans import OFFLINE_S

MOST = 1_000  # scans of one code, or hits of one cause, that are looked at
CONSUMERS = ("web", "wechat", "app")


def examine(facts: Facts, rules: Sequence[AlertRule], row: Scan) -> int:
    """Let a brand's rules look at a scan; return how many alerts are new."""
    if row.channel not in CONSUMERS or row.weak or row.batch is None:
        return 0
    new = 0
    for rule in rules:
        if not rule.enabled:
            continue
        if rule.kind == THRESHOLD:
            new += _threshold(facts.session, rule, row, facts.brand, facts.now)
        elif look := LOOKS.get(rule.kind):
            hit = look(facts, rule.terms, row)
            new += hit is not None and _count(facts, rule, row, hit, look)
    return new


def _count(facts: Facts, rule: AlertRule, row: Scan, hit: Hit, look: Look) -> bool:
    """Count a hit towards its cause; raise that at its N-th device, then count on."""
    session, now, brand = facts.session, facts.now, facts.brand
    key = f"{rule.kind}/{rule.id}/{hit.cause}"
    known = _known(session, brand, key)
    if known is not None:
        alerts.count(session, now, known, 1, row.time)
        return False
    session.add(
        RuleHit(
            rule=rule.id,
            scan=row.id,
            cause=hit.cause,
            time=row.time,
            device=row.device,
            code=code_of(row),
        )
    )
    session.flush()
    span = rule.terms["days"] * DAY_S
    hits = (
        select(RuleHit.scan, RuleHit.time, RuleHit.device)
        .where(RuleHit.rule == rule.id, RuleHit.cause == hit.cause)
        .limit(MOST)
    )
    before = hits.where(RuleHit.time > row.time - span, RuleHit.time <= row.time)
    later = hits.where(RuleHit.time > row.time, RuleHit.time < row.time + span)
    in_turn = _in_turn(
        session.execute(before.order_by(RuleHit.time.desc(), RuleHit.scan.desc())).all()[::-1],
        session.execute(later.order_by(RuleHit.time, RuleHit.scan)).all(),
        span,
    )
    for asked, left in in_turn:
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
    rows = _scans(session, scans)
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


class _Timed(Protocol):
    @property
    def time(self) -> int: ...


Asked = TypeVar("Asked", bound=_Timed)


def _in_turn(
    before: Sequence[Asked], later: Sequence[Asked], span: float
) -> Iterator[tuple[list[Asked], Sequence[Asked]]]:
    """Yield what to ask a rule at a scan, and then at each of those that it can tip because it was
    made before them and came after: the scans within `span` seconds up to that one; what is left.

    before: up to the scan, its own the last. Both in order of time.
    """
    whole = [*before, *later]
    for at in range(len(before), len(whole) + 1):
        since = whole[at - 1].time - span
        yield [one for one in whole[:at] if one.time > since], whole[at:]


def forget(session: Session, rules: Iterable[AlertRule], newest: int) -> None:
    """Delete the hits that no scan will ask for. newest: when the newest scan so far was made."""
    for rule in rules:
        if rule.kind in LOOKS:  # a scan that was made offline asks late
            until = newest - OFFLINE_S - rule.terms["days"] * DAY_S
            session.execute(delete(RuleHit).where(RuleHit.rule == rule.id, RuleHit.time <= until))


def _scans(session: Session, ids: Sequence[int]) -> list[Scan]:
    """Scans in order of time."""
    return list(session.scalars(select(Scan).where(Scan.id.in_(ids)).order_by(Scan.time, Scan.id)))


def _threshold(session: Session, rule: AlertRule, row: Scan, brand: int, now: int) -> bool:
    """Judge a threshold at a scan of one code."""
    code = code_of(row)
    key = f"{rule.kind}/{rule.id}/{code}"
    known = _known(session, brand, key)
    if known is not None:
        alerts.count(session, now, known, 1, row.time)
        return False
    span = rule.terms["days"] * DAY_S
    # None that came after this one: each has its turn.
    known_of = (
        select(*_SEEN)
        .where(Scan.batch == row.batch, Scan.index == row.index, Scan.id <= row.id)
        .where(Scan.channel.in_(CONSUMERS), Scan.weak.is_(False))
        .limit(MOST)
    )
    before = known_of.where(Scan.time > row.time - span, Scan.time <= row.time)
    later = known_of.where(Scan.time > row.time, Scan.time < row.time + span)
    newest_first = session.execute(before.order_by(Scan.time.desc(), Scan.id.desc())).all()
    in_turn = _in_turn(
        [seen_of(*one) for one in reversed(newest_first)],
        [seen_of(*one) for one in session.execute(later.order_by(Scan.time, Scan.id))],
        span,
    )
    for seen, left in in_turn:
        told = fired(rule.terms, seen)
        if told is None:
            continue
        sentence, rests, devices = told
        rows = _scans(session, [one.id for one in seen])
        cause = alerts.Cause(
            key=key,
            brand=brand,
            raised=rows[-1].time,
            last=rows[-1].time,
            scans=rests,
            goods=(1, devices),
            body=_body(rule, sentence, {"scans": rests, "scans_of": devices, "codes": [code]}),
            region=rows[-1].region,
            code=code,
            gtin=row.gtin,
        )
        alert, _ = alerts.keep(session, now, rule, cause)
        keep_evidence(session, now, alert, document(rule.terms, rows))
        if left:
            alerts.count(session, now, alert, len(left), left[-1].time)
        return True
    return False


def fired(terms: Terms, seen: Sequence[Seen]) -> tuple[str, int, int] | None:
    """Return what a threshold says at the newest of some scans of a code: the sentence, and on how
    many scans by how many devices it rests; None where it does not hold."""
    rests = thresholds.fired(terms["test"], terms, seen)
    if not rests:
        return None
    sentence = thresholds.sentence(terms["test"], terms, rests)
    return sentence, len(rests), len({one.device for one in rests})


def _known(session: Session, brand: int, key: str) -> Alert | None:
    return session.scalars(select(Alert).where(Alert.key == f"{brand}/{key}")).one_or_none()


def _body(rule: AlertRule, sentence: str, evidence: dict[str, Any]) -> dict[str, Any]:
    return {"sentence": sentence, "calibrated": False, "terms": rule.terms, "evidence": evidence}


_SEEN = (Scan.id, Scan.time, Scan.device, Scan.loc_src, Scan.lat, Scan.lon, Scan.acc_km)


def seen_of(
    number: int,
    time: int,
    device: str,
    source: str,
    lat: float | None,
    lon: float | None,
    acc_km: float | None,
) -> Seen:
    """Return a scan as thresholds look at it."""
    known = lat is not None and lon is not None and source in CERTAIN
    place = (lat or 0.0, lon or 0.0, acc_km or 0.0) if known else None
    return Seen(number, time, device, place)
