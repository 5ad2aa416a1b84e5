"""Territories that are narrower than regions, in files."""

from __future__ import annotations

from pathlib import Path

import pytest

from ledger.errors import Rejected
from ledger.services.worlds.world_files import read_world

LOTS = "lot,distributor,territory,ship_day,items,case_size,cases_per_pallet,cities\n"
CITY_FILE = "city_id,region_id,lat,lon\n7,5,30,110\n8,5,30,110.5\n"
EVENTS = (
    "day,code,lot,case,device,channel,loc_src,lat,lon,acc_km,region\n"
    "1,c,0,0,d,web,gps,30.01,110.49,0.1,5\n2,c,0,0,d,web,ip_fixed,30,110,10,5\n"
)


def _world(folder: Path, lots: str, cities: str = CITY_FILE) -> Path:
    files = {
        "lots.csv": LOTS + lots, "cities.csv": cities, "events.csv": EVENTS,
        "custody.csv": "lot,case_from,case_to,retailer_city\n",
    }  # fmt: skip
    for name, text in files.items():
        (folder / name).write_text(text)
    return folder


def test_a_territory_may_name_cities(tmp_path: Path) -> None:
    """The column `cities` says where in a region; scans by satellite are given their city."""
    scans, lots, _ = read_world(_world(tmp_path, "0,1,5,0,24,24,1,8\n1,1,5,0,24,24,1,\n"))
    (cities,), (level,) = scans.places, lots.levels
    assert level.sold.tolist() == [[False, True], [False, False]]
    assert (level.label.tolist(), level.above.tolist()) == ([7, 8], [5, 5])
    assert cities.tolist() == [1, -1]


def test_a_territory_may_name_counties(tmp_path: Path) -> None:
    """The columns `cities` and `counties` say where; a fix tells its county, and its city by the
    centres of its counties too."""
    folder = _world(tmp_path, "0,1,5,0,24,24,1,8,81\n")
    lots_file, county_file = folder / "lots.csv", folder / "counties.csv"
    lots_file.write_text(lots_file.read_text().replace("cities\n", "cities,counties\n"))
    county_file.write_text("county_id,city_id,lat,lon\n81,8,30,110.48\n82,8,30,110.7\n")
    scans, lots, _ = read_world(folder)
    cities, counties = lots.levels
    assert (cities.sold.tolist(), counties.sold.tolist()) == ([[False, True]], [[True, False]])
    assert (counties.label.tolist(), counties.above.tolist()) == ([81, 82], [1, 1])
    assert [place.tolist() for place in scans.places] == [[1, -1], [0, -1]]
    county_file.write_text("county_id,city_id,lat,lon\n81,9,30,110.48\n")
    with pytest.raises(Rejected, match=r"row 2, column city_id: is no city of cities.csv"):
        read_world(folder)
    lots_file.write_text(lots_file.read_text().replace("cities,counties", "goods,counties"))
    with pytest.raises(Rejected, match=r"column counties: needs a column `cities` beside it"):
        read_world(folder)


@pytest.mark.parametrize(
    ("lots", "cities", "sentence"),
    [
        ("0,1,5,0,24,24,1,9\n", CITY_FILE, "row 2, column cities: '9' is no city of cities.csv."),
        ("0,1,5,0,24,24,1,7|x\n", CITY_FILE, "row 2, column cities: 'x' is not a number."),
        ("0,1,5,0,24,24,1,7\n", CITY_FILE + "8,5,1,1\n", "row 4, column city_id: is there twice."),
        ("0,1,5,0,24,24,1,7\n", CITY_FILE.replace(",5,", ",-5,"), "is no region number."),
    ],
)
def test_a_bad_city_is_named(tmp_path: Path, lots: str, cities: str, sentence: str) -> None:
    """One sentence with file, row and column."""
    with pytest.raises(Rejected) as caught:
        read_world(_world(tmp_path, lots, cities))
    assert sentence in caught.value.message
