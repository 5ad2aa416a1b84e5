"""Places in files that cannot be: refused with the row, or set aside and counted."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.detect.frame import LOC_SOURCES, Scans
from ledger.domain.regions import great_circle_km
from ledger.errors import Rejected
from ledger.services.worlds.backtest import set_aside
from ledger.services.worlds.stated_places import FAR_KM, MISPLACED, Cities
from ledger.services.worlds.world_files import read_world

LOT = "0,1,5,0,48,24,1"
RUN = "0,0,2,7"
CITIES = ("7,5,30,110", "8,6,31.5,121.5")
ROW = "2,c,0,1,e,web,gps,30,110,0.1,5"


def _world(
    folder: Path, row: str = ROW, lot: str = LOT, run: str = RUN, cities: tuple[str, ...] = CITIES
) -> Path:
    """Two scans, the second of them `row`, of a lot of two cases that is sold in region 5."""
    files = {
        "lots": ("lot,distributor,territory,ship_day,items,case_size,cases_per_pallet", lot),
        "custody": ("lot,case_from,case_to,retailer_city", run),
        "cities": ("city_id,region_id,lat,lon", *cities),
        "events": (
            "day,code,lot,case,device,channel,loc_src,lat,lon,acc_km,region",
            "1,c,0,1,d,web,gps,30,110,0.1,5",
            row,
        ),
    }
    for name, lines in files.items():
        (folder / f"{name}.csv").write_text("".join(f"{line}\n" for line in lines))
    return folder


def _refusal(folder: Path) -> str:
    with pytest.raises(Rejected) as caught:
        read_world(folder)
    assert caught.value.code == "BAD_WORLD"
    return caught.value.message.removeprefix(f"{folder}/")


@pytest.mark.parametrize(
    ("cells", "column", "sentence"),
    [
        ("110,30,0.1", "lat", "must be degrees from -90 to 90"),
        ("30000000,110000000,0.1", "lat", "must be degrees from -90 to 90"),
        ("-90.1,110,0.1", "lat", "must be degrees from -90 to 90"),
        ("30,180.1,0.1", "lon", "must be degrees from -180 to 180"),
        ("30,inf,0.1", "lon", "is not a finite number"),
        ("30,110,-0.1", "acc_km", "must be kilometres, 0 or more"),
        ("30,110,inf", "acc_km", "is not a finite number"),
        ("30,110,", "acc_km", "must be kilometres, 0 or more"),
        (",110,0.1", "lat", "is empty where lon is not: give both or neither"),
        ("30,,0.1", "lon", "is empty where lat is not: give both or neither"),
    ],
)
def test_a_location_off_the_globe_is_refused(
    tmp_path: Path, cells: str, column: str, sentence: str
) -> None:
    """Degrees swapped, in millionths, or half of them; a radius below nothing."""
    folder = _world(tmp_path, ROW.replace("30,110,0.1", cells))
    assert _refusal(folder) == f"events.csv: row 3, column {column}: {sentence}."


def test_a_city_off_the_globe_is_refused(tmp_path: Path) -> None:
    """Latitude and longitude of cities.csv are looked at too."""
    folder = _world(tmp_path, cities=(CITIES[0], "8,6,121.5,31.5"))
    assert _refusal(folder) == "cities.csv: row 3, column lat: must be degrees from -90 to 90."


@pytest.mark.parametrize("quoted", [False, True])
@pytest.mark.parametrize(
    ("cells", "region", "no_place"),
    [(",,,", -1, 1), (",,,-1", -1, 1), (",,,5", 5, 0), (",,0.1,6", 6, 0), ("30,110,0.1,", -1, 1)],
)
def test_a_row_may_be_without_a_place(
    tmp_path: Path, cells: str, region: int, no_place: int, quoted: bool
) -> None:
    """Neither lat nor lon: the source is none; a region that is stated all the same is kept. No
    region: unknown. Read by numpy and by `csv`."""
    code = '"c"' if quoted else "c"
    folder = _world(tmp_path, ROW.replace("30,110,0.1,5", cells).replace("c", code, 1))
    scans, lots, _ = read_world(folder)
    source = "none" if cells.startswith(",") else "gps"
    assert (LOC_SOURCES[scans.loc_src[1]], scans.region.tolist()) == (source, [5, region])
    assert np.isfinite([scans.lat, scans.lon, scans.acc_km]).all()
    counted = set_aside(scans, lots)[1]
    assert (counted["no_place"], counted["misplaced"]) == (no_place, 0)


@pytest.mark.parametrize("territory", ["40", "5|40"])
def test_a_territory_without_a_city_is_refused(tmp_path: Path, territory: str) -> None:
    """A region that cities.csv has no city of is a slip of the pen: all goods would be astray."""
    folder = _world(tmp_path, lot=LOT.replace(",5,", f",{territory},"))
    assert _refusal(folder) == (
        "lots.csv: row 2, column territory: '40' is no region of cities.csv: name one that has a"
        " city there."
    )
    (tmp_path / "cities.csv").unlink()
    assert read_world(folder)[1].territory[0, 40]


def test_a_lot_without_a_territory_needs_no_city(tmp_path: Path) -> None:
    """It may be sold anywhere."""
    (restricted,) = read_world(_world(tmp_path, lot=LOT.replace(",5,", ",,")))[1].restricted
    assert not restricted


@pytest.mark.parametrize(
    ("run", "column", "sentence"),
    [
        ("0,0,3,7", "case_to", "is beyond the cases that lots.csv gives this lot"),
        ("0,2,3,7", "case_to", "is beyond the cases that lots.csv gives this lot"),
        ("0,-1,1,7", "case_from", "must not be below 0"),
        ("0,1,1,7", "case_to", "must be above case_from"),
        ("0,2,1,7", "case_to", "must be above case_from"),
    ],
)
def test_cases_that_a_lot_does_not_have_went_nowhere(
    tmp_path: Path, run: str, column: str, sentence: str
) -> None:
    """A run of custody.csv lies within its lot and is not empty."""
    assert (
        _refusal(_world(tmp_path, run=run)) == f"custody.csv: row 2, column {column}: {sentence}."
    )


@pytest.mark.parametrize(
    ("cells", "misplaced"),
    [
        ("0,0,0.1,5", 1),  # no fix
        ("31.5,121.5,0.1,5", 0),  # 1,110 km away: an error, or a wide province
        ("50,130,0.1,5", 1),
        ("50,130,3000,5", 0),  # as vague as that
        ("0,0,0.1,99", 0),  # of no known region: no place
    ],
)
def test_a_location_that_contradicts_its_region_is_no_place(
    tmp_path: Path, cells: str, misplaced: int
) -> None:
    """Neither the region nor the location is used; the row is, and it is counted."""
    scans, lots, _ = read_world(_world(tmp_path, ROW.replace("30,110,0.1,5", cells)))
    kept, counted = set_aside(scans, lots)
    assert (counted["misplaced"], len(kept)) == (misplaced, 2)
    if misplaced:
        assert (kept.region.tolist(), LOC_SOURCES[kept.loc_src[1]]) == ([5, -1], "none")
        assert counted["no_place"] == 0


def test_regions_alone_contradict_nothing(tmp_path: Path) -> None:
    """Rows whose source is none state no location, and cities without degrees have none."""
    away = ROW.replace("30,110", "0,0")
    folder = _world(tmp_path, away.replace("gps", "none"))
    assert read_world(folder)[0].region.tolist() == [5, 5]
    (_world(tmp_path, away) / "cities.csv").write_text("city_id,region_id\n7,5\n")
    assert read_world(folder)[0].region.tolist() == [5, 5]


places = st.tuples(st.floats(-90, 90), st.floats(-180, 180))
rows = st.tuples(places, st.floats(0, 25_000), st.integers(-1, 4))


@given(st.lists(st.tuples(places, st.integers(0, 3)), max_size=8), st.lists(rows, min_size=1))
def test_far_is_far_from_every_city_of_the_region(
    cities: list[tuple[tuple[float, float], int]],
    stated: list[tuple[tuple[float, float], float, int]],
) -> None:
    """What is misplaced is what the great circle to each city says, anywhere on Earth."""
    region = np.array([region for _, region in cities], dtype=np.int64)
    lat, lon = np.array([at for at, _ in cities], dtype=np.float64).reshape(-1, 2).T
    none = np.zeros(len(stated), dtype=np.int64)
    scans = Scans(
        day=none + 0.0, unit=none, lot=none, case=none, device=none, channel=none, loc_src=none,
        lat=np.array([at[0] for at, _, _ in stated]), lon=np.array([at[1] for at, _, _ in stated]),
        acc_km=np.array([radius for _, radius, _ in stated]),
        region=np.array([region for _, _, region in stated]), codes=["c"], devices=["d"],
    )  # fmt: skip
    found = Cities(region, (lat, lon)).placed(scans).region.tolist()
    for (at, radius, own), placed in zip(stated, found, strict=True):
        away = [great_circle_km(*at, *city) for city, one in cities if one == own]
        beyond = min(away, default=0.0) - FAR_KM - radius
        if abs(beyond) > 1e-3:
            assert placed == (-1 if not away else MISPLACED if beyond > 0 else own)
