"""Which city a scan tells, and territories that are narrower than regions in files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from ledger.errors import Rejected
from ledger.services.worlds.world_cities import Cities
from ledger.services.worlds.world_files import read_world
from tests.detect.frames import Row, scans_of

CITIES = Cities(
    label=np.array([7, 8]),
    region=np.array([5, 5]),
    lat=np.array([30.0, 30.0]),
    lon=np.array([110.0, 110.5]),  # 48 km apart
)
LOTS = "lot,distributor,territory,ship_day,items,case_size,cases_per_pallet,cities\n"
CITY_FILE = "city_id,region_id,lat,lon\n7,5,30,110\n8,5,30,110.5\n"
EVENTS = (
    "day,code,lot,case,device,channel,loc_src,lat,lon,acc_km,region\n"
    "1,c,0,0,d,web,gps,30.01,110.49,0.1,5\n2,c,0,0,d,web,ip_fixed,30,110,10,5\n"
)


def test_a_city_is_told_by_a_fix_that_is_clearly_near_one_centre() -> None:
    """Neither between two centres, nor far from all, nor in another region, nor by an address."""
    rows = [
        Row(1.0, lon=110.02), Row(2.0, lon=110.5), Row(3.0, lon=110.24), Row(4.0, lon=109.5),
        Row(5.0, lon=110.02, region=6), Row(6.0, lon=110.02, source="ip_fixed"),
    ]  # fmt: skip
    assert CITIES.of(scans_of(rows)).tolist() == [0, 1, -1, -1, -1, -1]


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
    assert lots.cities is not None and lots.city_region is not None and scans.city is not None
    assert lots.cities.tolist() == [[False, True], [False, False]]
    assert (lots.city_region.tolist(), scans.city.tolist()) == ([5, 5], [1, -1])


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
