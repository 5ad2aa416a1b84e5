"""Territories and markets that name cities and counties, from the file to the alert."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from ledger.db.engine import open_database, reading, transaction
from ledger.db.models import Alert, Profile, Scan
from ledger.domain.regions import REGIONS
from ledger.errors import Rejected
from ledger.services import districts
from ledger.services.alerting import markets
from ledger.services.alerting.alerts_again import recompute
from ledger.services.alerting.alerts_evidence import evidence_of
from ledger.services.alerting.alerts_picture import picture
from ledger.services.alerting.alerts_words import sentence
from ledger.services.alerting.watch import Watcher
from ledger.services.worlds.world import demo_world
from tests.services.watch_world import BRAND, Board, board, demo_row, pack, party_of

SOUTH = ("4401,Guangzhou,广州市,23.13,113.26", "440106,Tianhe,天河区,23.12,113.36")
HEADER = "code,name_en,name_zh,lat,lon\n"
WORLD = demo_world(2, False, 0.25)
TRUTH = WORLD.diverted
assert TRUTH is not None
SOLD = REGIONS[TRUTH.region]
# The city where the diverted goods are sold, at the capital, with two counties; and another.
CITY, OTHER, COUNTY, NEXT = (SOLD.code * 100 + 1, SOLD.code * 100 + 2, 0, 0)
COUNTY, NEXT = CITY * 100 + 1, CITY * 100 + 2


def _file(folder: Path, *rows: str) -> Path:
    path = folder / "districts.csv"
    path.write_text(HEADER + "".join(f"{row}\n" for row in rows), encoding="utf-8")
    return path


@pytest.fixture
def session(tmp_path: Path) -> Iterator[Session]:
    """A unit of work on an empty database."""
    engine = open_database(f"sqlite:///{tmp_path / 'districts.db'}")
    with Session(engine) as opened:
        yield opened
    engine.dispose()


def test_what_is_loaded_is_all_that_is_known(session: Session, tmp_path: Path) -> None:
    """A second file takes the place of the first, and whoever has read the first is told so."""
    first = _file(
        tmp_path, "4401,Guangzhou,广州市,23.13,113.26", "440106,Tianhe,天河区,23.12,113.36"
    )
    assert districts.load(session, 1, "p", first) == 2
    known = districts.known(session)
    assert known.named(440106) == {
        "code": 440106, "en": "Tianhe, Guangzhou, Guangdong", "zh": "广东广州市天河区",
    }  # fmt: skip
    assert known.named(44) == {"code": 44, "en": "Guangdong", "zh": "广东"}
    assert districts.known(session, known) is known
    districts.load(session, 2, "p", _file(tmp_path, "3205,Suzhou,苏州市,31.3,120.58"))
    assert list(districts.known(session, known).names) == [3205]
    assert districts.unknown(session, [31, 3205, 4401, 99, -1, 1 << 70]) == [-1, 99, 4401, 1 << 70]


@pytest.mark.parametrize(
    ("row", "sentence"),
    [
        ("44,Guangdong,广东,23,113", "row 2, column code: is no city"),
        ("9901,Nowhere,无,23,113", "row 2, column code: is no city"),
        ("4401,,广州市,23,113", "row 2, column name_en: has 1 to 100 characters"),
        ("4401,Guangzhou,广州市,91,113", "row 2, column lat: is no latitude"),
        ("4401,Guangzhou,广州市,23,x", "row 2, column lon: 'x' is not a number"),
        ("4401,A,B,23,113\n4401,A,B,23,113", "row 3, column code: is there twice"),
    ],
)
def test_a_bad_file_is_refused_and_what_was_known_stays(
    session: Session, tmp_path: Path, row: str, sentence: str
) -> None:
    """One sentence with row and column."""
    districts.load(session, 1, "p", _file(tmp_path, "3205,Suzhou,苏州市,31.3,120.58"))
    with pytest.raises(Rejected) as error:
        districts.load(session, 2, "p", _file(tmp_path, row))
    assert error.value.code == "BAD_DISTRICTS"
    assert sentence in error.value.message
    assert list(districts.known(session).names) == [3205]


def test_a_place_near_a_border_is_of_the_region_of_its_district(
    session: Session, tmp_path: Path
) -> None:
    """Suzhou is nearer to Shanghai than to Nanjing: where districts are loaded that is no matter,
    and far from all of them the nearest capital says."""
    assert districts.region_at(session, 31.3, 120.6) == 31
    districts.load(session, 1, "p", _file(tmp_path, "3205,Suzhou,苏州市,31.3,120.58"))
    assert districts.region_at(session, 31.3, 120.6) == 32
    assert districts.region_at(session, 23.1, 113.3) == 44


def test_a_market_may_name_districts(session: Session, tmp_path: Path) -> None:
    """Those that are loaded; one within another adds nothing. A consumer is told by province."""
    with pytest.raises(Rejected, match=r"4401 is no region .* and no city or county"):
        markets.put(session, 1, "p", 1, 3, markets.Terms("the south", (4401,)))
    districts.load(session, 1, "p", _file(tmp_path, *SOUTH))
    row = markets.put(session, 1, "p", 1, 3, markets.Terms("the south", (440106, 4401, 31)))
    assert row.regions == [31, 4401]
    stated = markets.stated(session, 1)[3]
    assert not markets.is_outside(stated, "gps", 44)
    assert markets.is_outside(stated, "gps", 32)


def test_a_file_without_a_district_that_is_named_is_refused(
    session: Session, tmp_path: Path
) -> None:
    """What is scanned there would be taken for its neighbour's: of a territory, of a market, and of
    what a market was before."""
    rows = (*SOUTH, "3205,Suzhou,苏州市,31.3,120.58")
    districts.load(session, 1, "p", _file(tmp_path, *rows))
    session.add(Profile(party=7, name_en="a", name_zh="a", regions=[31, 440106]))
    markets.put(session, 1, "p", 1, 3, markets.Terms("the south", (4401,)))
    markets.put(session, 2, "p", 1, 3, markets.Terms("the east", (31,)))
    markets.put(session, 1, "p", 1, 4, markets.Terms("Suzhou", (3205,)))
    for row in rows:
        without = _file(tmp_path, *(other for other in rows if other != row))
        named = f"has no {row.split(',')[0]}, which a territory or a market"
        with pytest.raises(Rejected, match=named) as error:
            districts.load(session, 3, "p", without)
        assert error.value.code == "BAD_DISTRICTS"
    assert len(districts.known(session).names) == 3
    markets.remove(session, 4, "p", 1, 4)
    assert districts.load(session, 5, "p", _file(tmp_path, *SOUTH)) == 2


def _watched(folder: Path, sold_in: Sequence[int], county: int) -> tuple[Board, Watcher]:
    """Watch the world's diversion, where the goods' owner may sell in some districts of the region
    too. county: in which all scans of that region are made."""
    folder.mkdir()
    at = board(folder)
    lat, lon = SOLD.lat, SOLD.lon
    centres = {CITY: (lat, lon), COUNTY: (lat, lon), NEXT: (lat, lon + 0.3), OTHER: (lat + 2, lon)}
    rows = [f"{code},D{code},区{code},{north},{east}" for code, (north, east) in centres.items()]
    with transaction(at.engine) as session:
        districts.load(session, 1, "p", _file(folder, *rows))
        assert TRUTH is not None
        for profile in session.scalars(select(Profile)):
            if profile.regions and SOLD.code not in profile.regions:
                profile.regions = [*profile.regions, *sold_in]
    pack(at, WORLD)
    scans = [demo_row(scan) for scan in WORLD.scans]
    for scan in scans:
        if scan.region == SOLD.code:
            scan.loc_src, scan.acc_km = "gps", 1.0
            scan.lat, scan.lon = centres[county]
    watcher = Watcher(at.site, 0.05)
    _feed(at, watcher, scans[: len(scans) * 4 // 5])
    _feed(at, watcher, scans[len(scans) * 4 // 5 :])
    return at, watcher


def _feed(at: Board, watcher: Watcher, scans: Sequence[Scan]) -> None:
    with transaction(at.engine) as session:
        session.add_all(scans)
    while watcher.is_due():
        watcher.step()


def _diversions(at: Board) -> list[Alert]:
    with reading(at.engine) as session:
        found = session.scalars(select(Alert).where(Alert.kind == "diversion")).all()
        session.expunge_all()
    return list(found)


@pytest.mark.parametrize(
    ("sold_in", "county", "told"),
    [((OTHER,), COUNTY, CITY), ((OTHER, NEXT), COUNTY, COUNTY), ((CITY,), COUNTY, None)],
    ids=["another-city", "another-county", "its-own-city"],
)
def test_goods_in_another_district_of_a_region_are_told_with_it(
    tmp_path: Path, sold_in: Sequence[int], county: int, told: int | None
) -> None:
    """By the finest level that the territory names, in words, picture and evidence; the scans that
    follow count on it. Where the city is the owner's own nothing is raised."""
    at, _ = _watched(tmp_path / "at", sold_in, county)
    found = _diversions(at)
    if told is None:
        assert found == []
        return
    (alert,) = found
    assert TRUTH is not None
    assert (alert.region, alert.consignee) == (SOLD.code, party_of(TRUTH.distributor))
    assert alert.body["district"]["code"] == told
    assert f"seen in D{told}, " in alert.body["sentence"]
    assert f"{SOLD.en}, outside its territory" in alert.body["sentence"]
    assert alert.scans > alert.body["evidence"]["scans"], "those that follow"
    with reading(at.engine) as session:
        kept = evidence_of(session, alert.id)
    assert recompute(kept).holds
    named = f"区{told}（销售区域之外）"
    assert named in sentence(kept, "zh")
    assert f"scans in D{told}, " in picture(kept, 0)
    last = str(kept["scans"][-1][0])
    assert kept["districts"][last] == told
    assert not recompute({**kept, "districts": {**kept["districts"], last: OTHER}}).holds
    with pytest.raises(Rejected, match="The evidence is not whole"):
        recompute({**kept, "districts": {}})


def test_a_worker_that_starts_again_says_the_same(tmp_path: Path) -> None:
    """Nothing twice; and a new file of districts is heeded by a worker that runs."""
    at, watcher = _watched(tmp_path / "at", (OTHER,), COUNTY)
    before = [(row.key, row.raised, row.scans) for row in _diversions(at)]
    again = Watcher(at.site, 0.05)
    while again.is_due():
        again.step()
    assert [(row.key, row.raised, row.scans) for row in _diversions(at)] == before
    path = _file(tmp_path, f"{OTHER},D{OTHER},区{OTHER},{SOLD.lat},{SOLD.lon}")
    with transaction(at.engine) as session:
        districts.load(session, 2, "p", path)
    memory = watcher._seen.brands[BRAND]
    watcher.step()
    assert watcher._seen.brands[BRAND] is not memory, "it is built again, with other centres"
    while watcher.is_due():
        watcher.step()
    assert [(row.key, row.raised, row.scans) for row in _diversions(at)] == before
