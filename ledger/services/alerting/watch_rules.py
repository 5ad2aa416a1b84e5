"""Rules that look at each scan by itself: what it says of custody, recalls, markets, thresholds.

Each costs a bounded number of indexed look-ups a scan, whatever the size of the history. A rule
counts distinct devices towards a cause and raises it at the N-th within its days, not before. None
of them is calibrated.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

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
    recent = (
        select(RuleHit.scan, RuleHit.device)
        .where(RuleHit.rule == rule.id, RuleHit.cause == hit.cause)
        .where(RuleHit.time > row.time - rule.terms["days"] * DAY_S, RuleHit.time <= row.time)
        .order_by(RuleHit.time.desc(), RuleHit.scan.desc())
        .limit(MOST)
    )
    hits = session.execute(recent).all()
    if len({device for _, device in hits}) < rule.terms["n"]:
        return False
    # What is known of the goods may have changed since the first were counted: all are asked again.
    rows = _scans(session, [scan for scan, _ in hits])
    afresh = facts.afresh(rows)
    stands = {
        one.id: (again := look(afresh, rule.terms, one)) is not None and again.cause == hit.cause
        for one in rows
    }
    if gone := [number for number, it in stands.items() if not it]:
        session.execute(delete(RuleHit).where(RuleHit.rule == rule.id, RuleHit.scan.in_(gone)))
        rows = [one for one in rows if stands[one.id]]
    told = summed(rule.terms, hit, rows) if rows and rows[-1].id == row.id else None
    if told is None:
        return False
    cause = alerts.Cause(
        key=key,
        brand=brand,
        raised=row.time,
        last=row.time,
        scans=told.evidence["scans"],
        goods=told.goods,
        body=_body(rule, told.sentence, told.evidence),
        lot=hit.lot,
        region=hit.region,
        gtin=row.gtin,
        consignee=hit.consignee,
    )
    alert, new = alerts.keep(session, now, rule, cause)
    facts_kept = {"facts": kept(afresh, rows)}
    keep_evidence(session, now, alert, {**document(rule.terms, rows), **facts_kept})
    return new


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
    query = (
        select(*_SEEN)
        .where(Scan.batch == row.batch, Scan.index == row.index)
        .where(Scan.time > row.time - rule.terms["days"] * DAY_S, Scan.time <= row.time)
        .where(Scan.channel.in_(CONSUMERS), Scan.weak.is_(False))
        .order_by(Scan.time.desc(), Scan.id.desc())
        .limit(MOST)
    )
    seen = [seen_of(*one) for one in reversed(session.execute(query).all())]
    told = fired(rule.terms, seen)
    if told is None:
        return False
    sentence, rests, devices = told
    cause = alerts.Cause(
        key=key,
        brand=brand,
        raised=row.time,
        last=row.time,
        scans=rests,
        goods=(1, devices),
        body=_body(rule, sentence, {"scans": rests, "scans_of": devices, "codes": [code]}),
        region=row.region,
        code=code,
        gtin=row.gtin,
    )
    alert, new = alerts.keep(session, now, rule, cause)
    rows = _scans(session, [one.id for one in seen])
    keep_evidence(session, now, alert, document(rule.terms, rows))
    return new


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
