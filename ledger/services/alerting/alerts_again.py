"""An alert computed again from the evidence kept with it, and from nothing else.

The rule or detector of its kind is run on the kept scans; what it then says must be what the alert
said: its words, figures, cause and time. Evidence from which a scan was taken, or in which one was
moved, says something else.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ledger.detect.again import Said, clone_again, diversion_again, farm_again, guess_again
from ledger.detect.clones import Basis
from ledger.detect.finding import Finding, rounded
from ledger.detect.history import Seen
from ledger.domain.regions import REGIONS, depth_of
from ledger.domain.thresholds import Seen as SeenByRule
from ledger.errors import Rejected
from ledger.services.alerting.alerts_evidence import FORMAT, Document
from ledger.services.alerting.alerts_frames import frames, scan_rows
from ledger.services.alerting.alerts_rules import THRESHOLD
from ledger.services.alerting.alerts_units import Packing
from ledger.services.alerting.watch_bursts import LONGEST_S, MOST
from ledger.services.alerting.watch_frame import DAY
from ledger.services.alerting.watch_kept import Kept
from ledger.services.alerting.watch_looks import LOOKS, summed
from ledger.services.alerting.watch_past import seen_of
from ledger.services.alerting.watch_rules import fired

Follows = dict[str, Any]
"""Members of the alert that follow from its evidence."""


@dataclass(frozen=True)
class Again:
    """Whether an alert follows from its evidence, and if not, what is wrong in one sentence."""

    holds: bool
    says: str


def recompute(told: Document) -> Again:
    """Compute an alert again from its evidence. Raises Rejected BAD_EVIDENCE."""
    if not isinstance(told, dict) or told.get("format") != FORMAT:
        raise Rejected("BAD_EVIDENCE", f"This is no evidence of the form {FORMAT}.")
    try:
        return _judged(told)
    except (KeyError, TypeError, ValueError, IndexError, AttributeError, OverflowError) as error:
        why = f"{type(error).__name__}: {error}"[:120]
        raise Rejected("BAD_EVIDENCE", f"The evidence is not whole ({why}).") from None


def _judged(told: Document) -> Again:
    alert = told["alert"]
    if not told.get("complete", True):
        return Again(
            False, "more scans belong to it than were kept, so it cannot be computed again"
        )
    if not told["scans"]:
        return Again(False, "no scan was kept with it")
    follows = _FOLLOWS[alert["kind"]](told)
    if follows is None:
        return Again(False, "the kept scans do not give this alert")
    differs = sorted(_differing(follows, alert))
    if differs:
        return Again(False, f"the kept scans give another {', another '.join(differs)}")
    return Again(True, f"{len(told['scans'])} kept scans give this alert again")


def _differing(
    follows: Mapping[str, Any], alert: Mapping[str, Any], path: str = ""
) -> Iterable[str]:
    """Name the members that are not what follows."""
    for name, value in follows.items():
        said = alert.get(name)
        if isinstance(value, Mapping) and isinstance(said, Mapping):
            yield from _differing(value, said, f"{path}{name}.")
        elif said != value:
            yield f"{path}{name}"


def looks(told: Document) -> list[list[float]]:
    """Compute a diversion's test again: every look as [scan id, e-value], and the last scan.

    e-values have four significant digits, as those of findings; that of a finding is less by the
    price of entry (`ledger.detect.stream`).
    """
    return _diversion(told)[0]


def named(finding: Finding, lot: str, district: str | None = None) -> str:
    """Return a finding's sentence with names instead of the numbers of lot and province. district:
    what its city or county is called."""
    text = finding.sentence.replace(f"lot {finding.lot} ", f"lot {lot} ")
    if district is not None and finding.region is not None:
        city = f"city {finding.city} of region {finding.region},"
        whole = city if finding.county is None else f"county {finding.county} of {city}"
        return text.replace(whole, f"{district},")
    if finding.region is not None and finding.region in REGIONS:
        text = text.replace(f"region {finding.region},", f"{REGIONS[finding.region].en},")
    return text


def goods_of(finding: Finding) -> tuple[int, int]:
    """How many goods are probably involved, at least and at most.

    A diversion: as the detector estimates (5 and 95 %). A clone: a copy for each device but the
    owner's. A farm: the items scanned. A guess: none.
    """
    seen = finding.evidence.scans
    if finding.kind == "diversion":
        low, _, high = finding.evidence.items
        return low, high
    if finding.kind == "clone":
        return 1, max(1, finding.evidence.scans_of - 1)
    return (seen, seen) if finding.kind == "farm" else (0, 0)


def _diversion(told: Document) -> tuple[list[list[float]], Finding | None]:
    scans, lots, custody = frames(told)
    terms, finding = told["terms"], told["alert"]["finding"]
    said = Said(terms["level"], terms["fdr"], finding["evidence"]["log_price"] != 0)
    number, depth = told["alert"]["region"], 0
    if "district" in finding:
        code = finding["district"]["code"]
        depth = depth_of(code)
        number = lots.levels[depth - 1].label.tolist().index(code)
    found, again = diversion_again(scans, lots, custody, (0, number, depth), said)
    seen = [
        [told["scans"][row][0], rounded(float(np.exp(min(log_e, 690.0))))] for row, log_e in found
    ]
    return seen, again


def _diverted(told: Document) -> Follows | None:
    seen, finding = _diversion(told)
    if finding is None or seen != told["looks"]:
        return None
    return {**_found(told, finding), "region": finding.region}


def _cloned(told: Document) -> Follows | None:
    scans, lots, _ = frames(told)
    copies, code = told["copies"], told["alert"]["code"]
    sold = tuple(Seen(0.0, *place) for place in copies["sold"])
    if code not in scans.codes:
        return None
    unit, fdr = list(scans.codes).index(code), told["terms"]["fdr"]
    finding = clone_again(scans, lots, unit, Basis((), copies["others"], sold), fdr)
    return _found(told, finding) if finding is not None else None


def _farmed(told: Document) -> Follows | None:
    scans, lots, _ = frames(told)
    finding = farm_again(scans, lots, told["terms"]["fdr"])
    return {**_found(told, finding), "region": finding.region} if finding is not None else None


def _guessed(told: Document) -> Follows | None:
    """One device, or several that act together: each of them has guessed, and the first is what the
    alert was raised on. How many other codes it scanned, and how often all of them tried, is told,
    not kept: the rule does not ask."""
    scans, _, _ = frames(told)
    said = told["alert"]["finding"]
    each = [scans.take(scans.device == number) for number in range(len(scans.devices))]
    fdr, unknown = told["terms"]["fdr"], told["terms"]["unknown"]
    found = [one for one in (guess_again(own, fdr, unknown) for own in each) if one]
    if not len(each) == len(found) == min(said.get("members", 1), MOST):
        return None
    codes = tuple(said["evidence"]["codes"])
    first = min(found, key=lambda one: (one.day, one.evidence.codes != codes))
    if any((one.day - first.day) * DAY > LONGEST_S for one in found):
        return None
    tried = {"scans": first.evidence.scans, "codes": list(first.evidence.codes)}
    return {"raised": _time(told, first), "finding": {"day": first.day, "evidence": tried}}


def _found(told: Document, finding: Finding) -> Follows:
    goods = told["consignment"]
    packing = None
    if "pallets" in goods:  # absent in evidence from when all pallets were taken as alike
        packing = Packing(
            [case["sscc"] for case in goods["cases"]],
            goods["first_case"],
            [case["pallet"] for case in goods["cases"]],
            goods["first_pallet"],
            goods["pallets"],
        )
        finding = packing.told(finding)
    line = finding.line()
    evidence = {
        name: [list(part) if isinstance(part, tuple) else part for part in value]
        if isinstance(value, tuple)
        else value
        for name, value in line["evidence"].items()
    }
    if packing is not None:
        evidence |= packing.units(finding)
    elif finding.kind == "diversion":
        cases, first = goods["cases"], goods["first_case"]
        evidence["units"] = [cases[case - first]["sscc"] for case in finding.evidence.cases]
    said = told["alert"]["finding"].get("district")
    sentence = named(finding, goods["name"], said and said["en"])
    named_so = {"sentence": sentence, "evidence": evidence}
    kept = ("day", "e_value", "level", "city", "county")
    figures = {name: line[name] for name in kept if name in line}
    return {
        "raised": _time(told, finding),
        "goods": list(goods_of(finding)),
        "finding": {**figures, **named_so},
    }


def _time(told: Document, finding: Finding) -> int:
    origin: int = told["origin"]
    return round(origin + finding.day * DAY)


def _ruled(told: Document) -> Follows | None:
    """A rule that counts devices towards a cause: each kept scan must hit it."""
    rows = sorted(scan_rows(told), key=lambda row: (row.time, row.id))
    known, terms = Kept.of(told["facts"], rows), told["terms"]
    look = LOOKS[told["alert"]["kind"]]
    hits = [look(known, terms, row) for row in rows]
    last = hits[-1]
    if last is None or any(hit is None or hit.cause != last.cause for hit in hits):
        return None
    found = summed(terms, last, rows)
    if found is None:
        return None
    return {
        "raised": rows[-1].time,
        "lot": last.lot,
        "region": last.region,
        "consignee": last.consignee,
        "goods": list(found.goods),
        "finding": {"sentence": found.sentence, "evidence": found.evidence},
    }


def _crossed(told: Document) -> Follows | None:
    """A threshold that a person set on one code."""
    rows = sorted(scan_rows(told), key=lambda row: (row.time, row.id))
    if {f"{row.gtin:014d}/{row.serial}" for row in rows} != {told["alert"]["code"]}:
        return None
    seen: list[SeenByRule] = [
        seen_of(r.id, r.time, r.device, r.loc_src, r.lat, r.lon, r.acc_km) for r in rows
    ]
    found = fired(told["terms"], seen)
    if found is None:
        return None
    sentence, scans, devices = found
    return {
        "raised": rows[-1].time,
        "region": rows[-1].region,
        "goods": [1, devices],
        "finding": {"sentence": sentence, "evidence": {"scans": scans, "scans_of": devices}},
    }


_FOLLOWS: Mapping[str, Callable[[Document], Follows | None]] = {
    "diversion": _diverted,
    "clone": _cloned,
    "farm": _farmed,
    "guess": _guessed,
    THRESHOLD: _crossed,
    **dict.fromkeys(LOOKS, _ruled),
}
