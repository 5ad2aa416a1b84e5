"""An alert of any kind follows from its kept evidence, and from no other."""

from __future__ import annotations

import copy
import json
import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from sqlalchemy import select

from ledger.db.alerting import RuleHit
from ledger.db.engine import reading, transaction
from ledger.db.models import ChainLot
from ledger.detect.account import diversion_in_words
from ledger.detect.farms import MANY
from ledger.detect.finding import Evidence, Leaker
from ledger.detect.guessers import UNKNOWN
from ledger.domain.regions import REGIONS
from ledger.domain.verbs import Verb
from ledger.errors import Rejected
from ledger.services.alerting import alerts_rules, markets
from ledger.services.alerting.alerts_again import recompute
from ledger.services.alerting.alerts_evidence import COLUMNS, Document, evidence_of
from ledger.services.alerting.alerts_picture import WIDTH, WRAP, picture, wrapped
from ledger.services.alerting.alerts_words import LANGUAGES, sentence
from ledger.services.alerting.watch import Watcher
from ledger.services.worlds.world import demo_world
from tests.services.watch_world import (
    BRAND,
    END,
    SHIPPED,
    Board,
    board,
    case_of,
    demo_row,
    pack,
    pack_and_store,
    party_of,
    raised,
)

WORLD = demo_world(2, False, 0.25)
GOODS = demo_world(3, True, 0.15)
CASE = GOODS.lots[0].case_size
DAY = 86_400


def watch(at: Board) -> None:
    """Let the watcher look at all that is there."""
    watcher = Watcher(at.site, 0.05)
    while watcher.is_due():
        watcher.step()


def rule(at: Board, kind: str, **terms: object) -> None:
    """Set a rule and turn it on."""
    name = kind if kind in alerts_rules.BUILT_IN else "mine"
    with transaction(at.engine) as session:
        alerts_rules.put(session, "a person", 1, BRAND, name, kind, terms)


def gps(region: int) -> dict[str, Any]:
    """Return the place of a province's capital."""
    place = {"lat": REGIONS[region].lat, "lon": REGIONS[region].lon, "acc_km": 1.0}
    return {"region": region, "loc_src": "gps", **place}


def a_world(at: Board) -> None:
    """A diverted pallet and a copied code among honest scans."""
    pack_and_store(at, WORLD)


def a_farm(at: Board) -> None:
    """Boxes scanned item by item."""
    for item in range(MANY + 2):
        at.scan(0, item, END - 3600 + 20 * item, f"phone {item % 2}", region=31)


def a_guesser(at: Board) -> None:
    """Codes that were never issued, and some that were."""
    at.scan(0, 1, END - 60, "guesser")
    for number in range(UNKNOWN):
        at.scan(-1, number, END - 50 + number, "guesser")


def ahead(at: Board) -> None:
    """Goods on their way to a store that confirms what it gets."""
    distributor, store = party_of(1), party_of(4)
    rule(at, "ahead_of_receipt", n=3, days=30, confirms=0.95)
    for case in range(1, 4):
        at.ship(case_of(0, case), distributor, store, SHIPPED + DAY)
        at.ship(case_of(0, case), store, distributor, SHIPPED + DAY + 60, Verb.RECEIVE_FROM)
    at.ship(case_of(0, 0), distributor, store, END - 1000)
    for item in range(3):
        at.scan(0, item, END - 900 + item, f"phone {item}")


def skipped(at: Board) -> None:
    """Goods that their distributor still holds."""
    rule(at, "skipped_hop", n=3, days=30, confirms=0.95)
    for item in range(3):
        at.scan(0, CASE * item, END - 900 + item, f"phone {item}")


def outside(at: Board) -> None:
    """Goods of a market, elsewhere."""
    rule(at, "out_of_market", n=3, days=30)
    with transaction(at.engine) as session:
        markets.put(session, 1, "a person", BRAND, 3, markets.Terms("the east", (31, 32)))
    for item in range(3):
        at.scan(0, item, END - 900 + item, f"phone {item}", **gps(44))


def recalled(at: Board) -> None:
    """Items that are sold after their lot was recalled."""
    rule(at, "recalled_selling", n=3, days=30, grace_days=7)
    with transaction(at.engine) as session:
        session.scalars(select(ChainLot).where(ChainLot.number == 7)).one().status = 2
    for item in range(3):
        at.scan(0, item, END - 900 + item, f"phone {item}", region=31)


def threshold(**terms: object) -> Callable[[Board], None]:
    """A person's threshold on one code, which four phones in two cities cross."""

    def make(at: Board) -> None:
        rule(at, "threshold", **terms)
        for number, region in enumerate((31, 31, 31, 44)):
            at.scan(0, 9, END - 900 + number, f"phone {number}", **gps(region))

    return make


MADE: dict[str, Callable[[Board], None]] = {
    "diversion": a_world,
    "clone": a_world,
    "farm": a_farm,
    "guess": a_guesser,
    "ahead_of_receipt": ahead,
    "skipped_hop": skipped,
    "out_of_market": outside,
    "recalled_selling": recalled,
    "threshold of scans": threshold(test="scans", n=4, days=1),
    "threshold of devices": threshold(test="devices", n=4, days=1),
    "threshold of radius": threshold(test="radius", km=500, days=1),
    "threshold of speed": threshold(test="speed", km=500, kmh=1000, days=1),
}
Kept = dict[str, Document]


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kept]:
    """The evidence of one alert of each kind."""
    found: Kept = {}
    for name, make in MADE.items():
        if name in found:
            continue
        at = board(tmp_path_factory.mktemp("again"))
        if make is not a_world:
            pack(at, GOODS, lots=(0,))
        make(at)
        watch(at)
        alerts = raised(at)
        with reading(at.engine) as session:
            for kind in ("diversion", "clone") if make is a_world else (name.split(" ")[0],):
                whole = name if kind == name.split(" ")[0] else kind
                found[whole] = evidence_of(session, alerts[kind].id)
        at.engine.dispose()
    yield found


def without(told: Document, row: int) -> Document:
    """Return evidence from which a scan was taken."""
    return {**told, "scans": told["scans"][:row] + told["scans"][row + 1 :]}


def moved(told: Document, row: int, **changes: Any) -> Document:
    """Return evidence in which a scan was altered."""
    scans = copy.deepcopy(told["scans"])
    for name, value in changes.items():
        scans[row][COLUMNS.index(name)] = value
    return {**told, "scans": scans}


@pytest.mark.parametrize("name", MADE)
def test_an_alert_follows_from_its_evidence(kept: Kept, name: str) -> None:
    """From the document alone, as it was read from a file."""
    told = json.loads(json.dumps(kept[name]))
    again = recompute(told)
    assert (again.holds, again.says) == (
        True,
        f"{len(told['scans'])} kept scans give this alert again",
    )
    assert "devices" not in told["alert"]["finding"], "pseudonyms stay inside"


# Of a diversion a scan in its territory may be one of many that change no look; of a farm and the
# pairs of a radius and a speed, one may be more than was needed. The others rest on each one.
EACH_COUNTS = sorted(set(MADE) - {"diversion", "threshold of radius", "threshold of speed"})


@pytest.mark.parametrize("name", EACH_COUNTS)
def test_without_any_one_scan_it_does_not(kept: Kept, name: str) -> None:
    """Whichever it is that is taken away."""
    told = kept[name]
    for row in range(len(told["scans"])):
        assert not recompute(without(told, row)).holds, row


def test_a_diversion_does_not_without_a_scan_of_its_cell(kept: Kept) -> None:
    """Any item that spoke there and counts, and the one that tipped it."""
    told = kept["diversion"]
    region, code = COLUMNS.index("region"), COLUMNS.index("code")
    counted = set(told["alert"]["finding"]["evidence"]["codes"])
    spoken: set[str] = set()
    rows = []
    for number, row in enumerate(told["scans"]):
        if row[code] in counted and row[region] == told["alert"]["region"]:
            if row[code] not in spoken:
                rows.append(number)
            spoken.add(row[code])
    assert len(rows) == len(counted) >= 5
    for row in rows:
        assert not recompute(without(told, row)).holds, row


def test_a_pair_does_not_without_either(kept: Kept) -> None:
    """Too far apart, or too fast, are two scans: the newest, and another."""
    radius, speed = kept["threshold of radius"], kept["threshold of speed"]
    assert not recompute(without(radius, 3)).holds
    assert not recompute(without(speed, 3)).holds
    assert not recompute({**speed, "scans": speed["scans"][3:]}).holds


@pytest.mark.parametrize(
    ("name", "row", "changes"),
    [
        ("diversion", -1, {"region": 11}),
        ("diversion", -1, {"index": 0}),
        ("clone", -1, {"lat": 31.23, "lon": 121.47}),
        ("clone", 0, {"device": 2}),
        ("farm", -1, {"seen": END + DAY}),
        ("farm", 7, {"code": "0/x", "batch": None, "index": None}),
        ("guess", -1, {"batch": 1, "index": 1}),
        ("guess", 0, {"code": "09506000134352/-1-1"}),
        ("ahead_of_receipt", 0, {"time": END - 1001}),
        ("ahead_of_receipt", 0, {"index": CASE}),
        ("ahead_of_receipt", 1, {"device": 1}),
        ("skipped_hop", 0, {"time": SHIPPED - 1}),
        ("out_of_market", 0, {"region": 31}),
        ("out_of_market", 0, {"source": "ip_mobile"}),
        ("recalled_selling", 0, {"region": 32}),
        ("recalled_selling", 2, {"index": 0}),
        ("threshold of scans", 0, {"time": END - 900 - DAY}),
        ("threshold of devices", 0, {"device": 2}),
        ("threshold of radius", -1, {"lat": 31.23, "lon": 121.47}),
        ("threshold of speed", -1, {"time": END + 5 * DAY}),
    ],
)
def test_with_a_scan_that_was_moved_it_does_not(
    kept: Kept, name: str, row: int, changes: dict[str, Any]
) -> None:
    """To another place, time, item or device."""
    assert not recompute(moved(kept[name], row, **changes)).holds


def test_what_was_known_of_the_goods_is_evidence_too(kept: Kept) -> None:
    """A receipt, a party that never confirms, a recall that came later: then nothing follows."""
    told = kept["ahead_of_receipt"]
    ((unit, steps),) = [(u, s) for u, s in told["facts"]["moves"].items() if s[-1][1]]
    facts = {**told["facts"], "moves": {unit: [*steps, [END - 950, False, party_of(4), 0]]}}
    assert not recompute({**told, "facts": facts}).holds
    late = {**told["facts"], "confirmed": {str(party_of(4)): [3, 1]}}
    assert not recompute({**told, "facts": late}).holds
    told = kept["recalled_selling"]
    facts = {**told["facts"], "recalled": {"7": END - 8 * DAY}}
    assert recompute({**told, "facts": facts}).holds
    facts["recalled"] = {"7": END - 6 * DAY}
    assert not recompute({**told, "facts": facts}).holds


@pytest.mark.parametrize(
    "told",
    [
        [],
        {},
        {"format": "touchstone-alert-evidence/1"},
        {"format": "touchstone-alert-evidence/2"},
    ],
)
def test_what_is_no_evidence_is_refused(told: Any) -> None:
    """By name, in one sentence."""
    with pytest.raises(Rejected) as error:
        recompute(told)
    assert error.value.code == "BAD_EVIDENCE"


@pytest.mark.parametrize("name", MADE)
def test_evidence_that_is_not_whole_is_refused(kept: Kept, name: str) -> None:
    """Without any of its members, or with a row that has no columns."""
    whole = set(kept[name]) - {"complete", "looks", "origin", "copies", "consignment", "facts"}
    for member in whole:
        told = {key: value for key, value in kept[name].items() if key != member}
        with pytest.raises(Rejected):
            recompute(told)
    with pytest.raises(Rejected):
        recompute({**kept[name], "scans": [[1, 2]]})


def test_evidence_of_which_too_much_was_left_out_says_so(kept: Kept) -> None:
    """It cannot be computed, and is not called right."""
    again = recompute({**kept["diversion"], "complete": False})
    assert (again.holds, "more scans" in again.says) == (False, True)


def test_a_scan_that_was_not_looked_at_yet_is_no_evidence(tmp_path: Path) -> None:
    """One that was made offline before, and lies in the log behind the one that tips it."""
    at = board(tmp_path)
    pack(at, WORLD)
    rows = [demo_row(scan) for scan in WORLD.scans]
    with transaction(at.engine) as session:
        session.add_all(rows)
    with reading(at.engine) as session:
        first = session.merge(rows[0])
        lot, item, time = first.batch, first.index, first.time
    assert lot is not None and item is not None
    waits = at.clock.now + 100
    at.scan(lot - 1, item, time, "offline", final_at=waits, region=52, loc_src="gps")
    watch(at)
    for alert in raised(at).values():
        with reading(at.engine) as session:
            told = evidence_of(session, alert.id)
        assert recompute(told).holds
        assert max(row[0] for row in told["scans"]) <= len(rows)


def test_scans_of_the_same_second_that_came_after_it_are_no_evidence(tmp_path: Path) -> None:
    """The evidence ends with the scan that tipped it."""
    at = board(tmp_path)
    pack(at, GOODS, lots=(0,))
    for item in range(MANY + 12):
        time = END - 3600 + 20 * min(item, MANY - 2)
        at.scan(0, item, time, f"phone {item % 2}", region=31)
    watch(at)
    alert = raised(at)["farm"]
    with reading(at.engine) as session:
        told = evidence_of(session, alert.id)
    assert (len(told["scans"]), recompute(told).holds) == (MANY, True)


def test_a_busy_phone_is_left_out_and_the_evidence_shows_why(tmp_path: Path) -> None:
    """The scans by which it was busy are kept too: without them it would have counted."""
    at = board(tmp_path)
    pack(at, WORLD)
    rows = [demo_row(scan) for scan in WORLD.scans]
    copied = Counter((scan.lot, scan.item) for scan in WORLD.scans).most_common(1)[0][0]
    hits = [row for row in rows if (row.batch, row.index) == (copied[0] + 1, copied[1])]
    assert len(hits) >= 5
    busy = hits[1].time + 60
    with transaction(at.engine) as session:
        session.add_all([row for row in rows if row.time < busy])
    lot, last = copied
    for number, item in enumerate((last - 2, last - 1, last)):
        at.scan(lot, item, busy - 3 + number, "a shop", **gps(31))
    with transaction(at.engine) as session:
        session.add_all([row for row in rows if row.time >= busy])
    watch(at)
    with reading(at.engine) as session:
        told = evidence_of(session, raised(at)["clone"].id)
    assert recompute(told).holds
    shop = [row for row in told["scans"] if row[COLUMNS.index("time")] in range(busy - 3, busy)]
    assert len(shop) == 3
    for row in shop[:2]:
        assert not recompute(without(told, told["scans"].index(row))).holds


def test_hits_that_no_longer_stand_are_not_counted(tmp_path: Path) -> None:
    """A case that went on to a store, as the chain says only later, skipped no hop."""
    at = board(tmp_path)
    pack(at, GOODS, lots=(0,))
    distributor, store = party_of(1), party_of(4)
    rule(at, "skipped_hop", n=3, days=30, confirms=0.95)
    watcher = Watcher(at.site, 0.05)
    at.scan(0, 0, END - 900, "phone 0")
    watcher.step()
    at.ship(case_of(0, 0), distributor, store, END - 1000)
    at.ship(case_of(0, 0), store, distributor, END - 950, Verb.RECEIVE_FROM)
    for item in (1, 2):
        at.scan(0, CASE * item, END - 900 + item, f"phone {item}")
    watcher.step()
    assert raised(at) == {}
    with reading(at.engine) as session:
        assert len(session.scalars(select(RuleHit)).all()) == 2
    at.scan(0, CASE * 3, END - 800, "phone 3")
    watcher.step()
    assert set(raised(at)) == {"skipped_hop"}


SVG = "{http://www.w3.org/2000/svg}"


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("name", MADE)
def test_each_has_its_picture_in_both_languages(kept: Kept, name: str, language: str) -> None:
    """With the sentence for those who cannot see it, and every word inside its edges."""
    told = kept[name]
    tree = ElementTree.fromstring(picture(told, 480, language))
    why = sentence(told, language)
    assert (tree.findtext(f"{SVG}desc"), tree.get("lang")) == (why, language)
    assert (why == told["alert"]["finding"]["sentence"]) is (language == "en")
    assert (
        str(told["alert"]["finding"]["evidence"]["scans"]) in why
        or "threshold" in name
        or (str(told["alert"]["finding"]["evidence"]["scans_of"]) in why)
    )
    assert numbers(why) == numbers(sentence(told, "en"))
    high = float(str(tree.get("viewBox")).split(" ")[3])
    for text in tree.iter(f"{SVG}text"):
        x, y, wide = float(text.attrib["x"]), float(text.attrib["y"]), extent(text)
        left = x - wide if text.get("text-anchor") == "end" else x
        assert left >= 0 and left + wide <= WIDTH and 0 < y < high, text.text


def numbers(text: str) -> list[str]:
    """Return the numbers that a sentence names, of any language."""
    return sorted(re.findall(r"[0-9A-Z]*\d(?:[\d,./A-Z]*[\dA-Z])?", text))


TOLD: Any = {
    "id": 7, "kind": "diversion", "lot": "L-1", "region": 44, "code": None, "consignee": 3,
}  # fmt: skip


@pytest.mark.parametrize(
    ("cases", "pallets_of", "elsewhere", "english", "chinese"),
    [
        ((4, 5), 3, 0, "pallet 1 (cases 5 to 6), one of 3 of this consignee; if",
         "该收货方的第1号托盘（第5至6箱，其3个托盘之一）；若"),
        ((4,), 1, 1, "pallet 1 (case 5), the only one of this consignee; 1 more from"
         " there was seen elsewhere; if",
         "该收货方的第1号托盘（第5箱，其唯一的托盘），这些箱中另有1件在别处出现；若"),
        ((4, 9), 2, 6, "2 single cases, mixed; 6 more from there were seen elsewhere; if",
         "分散混装的2箱，这些箱中另有6件在别处出现；若"),
    ],
)  # fmt: skip
def test_a_diversions_words_leave_out_what_is_not(
    cases: tuple[int, ...], pallets_of: int, elsewhere: int, english: str, chinese: str
) -> None:
    """No case to the same case, nothing of which there were none; the same in both languages."""
    evidence = Evidence(
        scans=5, scans_of=9, cases=cases, pallets=(0,), pallets_of=pallets_of,
        elsewhere=elsewhere, leakers=(Leaker("store", 4, 0.97),),
    )  # fmt: skip
    for e_value, once in ((4e4, ("once in 40,000", "至多为40,000分之一")),
                          (1e12, ("once in more than a billion", "不到十亿分之一"))):  # fmt: skip
        finding = {
            "sentence": diversion_in_words(evidence, e_value, 7, "region 44"),
            "evidence": asdict(evidence),
            "e_value": e_value,
        }
        told = {"alert": {**TOLD, "finding": finding}}
        for language, part, seldom in (("en", english, once[0]), ("zh", chinese, once[1])):
            assert part in sentence(told, language)
            assert seldom in sentence(told, language)


def extent(text: ElementTree.Element) -> float:
    """Return how wide a text is at most, about: a full-width character is as wide as it is high,
    others are half as wide."""
    size = float(text.attrib["font-size"])
    return sum(
        size if unicodedata.east_asian_width(c) in "WF" else size / 2 for c in text.text or ""
    )


def test_a_line_breaks_wherever_it_must() -> None:
    """At blanks, between Chinese characters, and in a word that is too long; none is lost."""
    for text in ("word " * 40, "批次在广东，" * 20, "x" * 150, "lot " + "批" * 50 + " " + "y" * 90):
        lines = wrapped(text, 9)
        assert "".join(lines).replace(" ", "") == text.replace(" ", "")
        widths = [sum(1 + (ord(c) > 0x2E80) for c in line) for line in lines]
        assert max(widths) <= WRAP + 2 and len(lines) >= 3
        assert not any(line.startswith("，") for line in lines)
    assert wrapped("word " * 99, 2)[1].endswith(" …")
