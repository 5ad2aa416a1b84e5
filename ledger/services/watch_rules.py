"""Rules that look at each scan by itself: what it says of custody, recalls, markets, thresholds.

Each costs a bounded number of indexed look-ups a scan, whatever the size of the history. A rule
counts distinct devices towards a cause and raises it at the N-th within its days, not before. None
of them is calibrated.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from ledger.db.alerting import AlertRule, RuleHit
from ledger.db.models import Alert, Scan
from ledger.domain import thresholds
from ledger.domain.regions import REGIONS
from ledger.domain.thresholds import CERTAIN, DAY_S, Seen
from ledger.services import alerts
from ledger.services.alerts_evidence import keep_evidence, scans_document
from ledger.services.alerts_rules import AHEAD, OUTSIDE, RECALLED, SKIPPED, THRESHOLD
from ledger.services.watch_facts import Facts
from ledger.services.watch_frame import code_of

MOST = 1_000  # scans of one code, or hits of one cause, that are looked at
CONSUMERS = ("web", "wechat", "app")
UNCALIBRATED = "a rule with thresholds, not a calibrated test"


@dataclass(frozen=True)
class Hit:
    """What a rule says of a scan. cause: within the rule. sentence: after '{n} devices '.

    goods: how many may be involved, at most; 0: as many as were scanned.
    """

    cause: str
    sentence: str
    lot: str | None = None
    region: int | None = None
    consignee: int | None = None
    goods: int = 0


Look = Callable[[Facts, AlertRule, Scan, int], Hit | None]


def _ahead(facts: Facts, rule: AlertRule, row: Scan, now: int) -> Hit | None:
    """A consumer's scan of goods that are on their way and not received."""
    found = facts.case_of(row)
    move = facts.last_move(row, found[1]) if found else None
    if found is None or move is None or not move.sent:
        return None
    if facts.confirms(move.to, now) < rule.terms["confirms"]:
        return None  # whoever confirms late or never says nothing by it
    consignment, case = found
    inside = [c for c in consignment.cases if move.unit in (c.unit, c.pallet)] or [case]
    return Hit(
        f"{move.unit.hex()}/{move.time}",
        f"scanned goods of lot {consignment.name} (case {case.sscc}) that {move.party} shipped to"
        f" {move.to} and that were not received yet",
        consignment.name,
        consignee=move.to,
        goods=sum(c.to - c.first for c in inside),
    )


def _skipped(facts: Facts, rule: AlertRule, row: Scan, now: int) -> Hit | None:
    """A consumer's scan of goods that a party holds which sells to no consumer."""
    found = facts.case_of(row)
    move = facts.last_move(row, found[1]) if found else None
    if found is None or move is None or move.sent or facts.sells(move.party):
        return None
    if facts.confirms(move.party, now) < rule.terms["confirms"]:
        return None
    consignment = found[0]
    return Hit(
        f"{consignment.lot.number}/{move.party}",
        f"scanned goods of lot {consignment.name} that are still held by {move.party}, who sells to"
        " no consumer",
        consignment.name,
        consignee=move.party,
    )


def _recalled(facts: Facts, rule: AlertRule, row: Scan, now: int) -> Hit | None:
    """The first scan of an item, a while after its lot was recalled."""
    del now
    found = facts.case_of(row)
    at = facts.recalled_at(found[0]) if found else None
    if found is None or at is None or row.time <= at + rule.terms["grace_days"] * DAY_S:
        return None
    if facts.scanned_before(row):
        return None  # an owner who asks about the recall
    name, place = found[0].name, _region(row.region)
    return Hit(
        f"{found[0].lot.number}/{row.region}",
        f"scanned items of the recalled lot {name} for the first time in {place}, more than"
        f" {rule.terms['grace_days']:g} days after the recall",
        name,
        row.region,
    )


def _outside(facts: Facts, rule: AlertRule, row: Scan, now: int) -> Hit | None:
    """A scan of goods of a market outside its regions."""
    del now
    found = facts.case_of(row)
    if found is None or row.region is None or found[0].lot.market != rule.terms["market"]:
        return None
    if row.region in rule.terms["regions"]:
        return None
    name = found[0].name
    return Hit(
        f"{found[0].lot.number}/{row.region}",
        f"scanned goods of lot {name}, which is for market {rule.terms['market']}, in"
        f" {_region(row.region)}",
        name,
        row.region,
    )


LOOKS: Mapping[str, Look] = {
    AHEAD: _ahead,
    SKIPPED: _skipped,
    RECALLED: _recalled,
    OUTSIDE: _outside,
}


def examine(facts: Facts, rules: Sequence[AlertRule], row: Scan, brand: int, now: int) -> int:
    """Let a brand's rules look at a scan; return how many alerts are new."""
    if row.channel not in CONSUMERS or row.weak or row.batch is None:
        return 0
    new = 0
    for rule in rules:
        if not rule.enabled:
            continue
        if rule.kind == THRESHOLD:
            new += _threshold(facts.session, rule, row, brand, now)
        elif look := LOOKS.get(rule.kind):
            hit = look(facts, rule, row, now)
            new += hit is not None and _count(facts.session, rule, row, brand, hit, now)
    return new


def _count(session: Session, rule: AlertRule, row: Scan, brand: int, hit: Hit, now: int) -> bool:
    """Count a hit towards its cause; raise that at its N-th device, then count on."""
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
    key = f"{rule.kind}/{rule.id}/{hit.cause}"
    known = _known(session, brand, key)
    if known is not None:
        alerts.count(session, now, known, 1, row.time)
        return False
    session.flush()
    recent = (
        select(RuleHit)
        .where(RuleHit.rule == rule.id, RuleHit.cause == hit.cause)
        .where(RuleHit.time > row.time - rule.terms["days"] * DAY_S, RuleHit.time <= row.time)
        .limit(MOST)
    )
    hits = session.scalars(recent).all()
    devices = len({one.device for one in hits})
    if devices < rule.terms["n"]:
        return False
    codes = sorted({one.code for one in hits})
    sentence = f"{devices} devices {hit.sentence}; {UNCALIBRATED}"
    cause = alerts.Cause(
        key=key,
        brand=brand,
        raised=row.time,
        last=row.time,
        scans=len(hits),
        goods=(len(codes), max(hit.goods, len(codes))),
        body=_body(rule, sentence, len(hits), devices, codes),
        lot=hit.lot,
        region=hit.region,
        gtin=row.gtin,
        consignee=hit.consignee,
    )
    alert, new = alerts.keep(session, now, rule, cause)
    wanted = Scan.id.in_([one.scan for one in hits])
    keep_evidence(session, now, alert, scans_document(session, rule.terms, wanted))
    return new


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
    seen = [_seen(*one) for one in reversed(session.execute(query).all())]
    test = rule.terms["test"]
    rests = thresholds.fired(test, rule.terms, seen)
    if not rests:
        return False
    sentence = thresholds.sentence(test, rule.terms, rests)
    devices = len({one.device for one in rests})
    cause = alerts.Cause(
        key=key,
        brand=brand,
        raised=row.time,
        last=row.time,
        scans=len(rests),
        goods=(1, devices),
        body=_body(rule, sentence, len(rests), devices, [code]),
        region=row.region,
        code=code,
        gtin=row.gtin,
    )
    alert, new = alerts.keep(session, now, rule, cause)
    wanted = Scan.id.in_([one.id for one in rests])
    keep_evidence(session, now, alert, scans_document(session, rule.terms, wanted))
    return new


def _known(session: Session, brand: int, key: str) -> Alert | None:
    return session.scalars(select(Alert).where(Alert.key == f"{brand}/{key}")).one_or_none()


def _body(
    rule: AlertRule, sentence: str, scans: int, devices: int, codes: list[str]
) -> dict[str, object]:
    evidence = {"scans": scans, "scans_of": devices, "codes": codes[:100]}
    return {"sentence": sentence, "calibrated": False, "terms": rule.terms, "evidence": evidence}


_SEEN = (Scan.id, Scan.time, Scan.device, Scan.loc_src, Scan.lat, Scan.lon, Scan.acc_km)


def _seen(
    number: int,
    time: int,
    device: str,
    source: str,
    lat: float | None,
    lon: float | None,
    acc_km: float | None,
) -> Seen:
    known = lat is not None and lon is not None and source in CERTAIN
    place = (lat or 0.0, lon or 0.0, acc_km or 0.0) if known else None
    return Seen(number, time, device, place)


def _region(code: int | None) -> str:
    return REGIONS[code].en if code is not None and code in REGIONS else "an unknown region"
