"""Read a folder of scan-world files (lots, custody, events; plain or gzip CSV) into frames.

Raises Rejected BAD_WORLD with one sentence naming the file, the row (the header is row 1) and the
column.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Set
from dataclasses import replace
from pathlib import Path

import numpy as np

from ledger.detect.centres import Centres
from ledger.detect.frame import (
    CHANNELS,
    Bools,
    Custody,
    Ints,
    Level,
    Lots,
    Scans,
    joined,
)
from ledger.errors import Rejected
from ledger.services.worlds.csv_blocks import Block, is_read, read_blocks, read_table
from ledger.services.worlds.stated_places import MOST_REGIONS, Cities, degrees, locations

MOST_CASES = 1 << 20  # of a lot
GAP = 366.0  # days without any scan: what is on the smaller side of it has wrong days
PACKING = ("items", "case_size", "cases_per_pallet")


def read_world(folder: Path) -> tuple[Scans, Lots, Custody]:
    """The three frames of a folder that holds lots, custody and events as .csv or .csv.gz."""
    if not folder.is_dir():
        raise Rejected("BAD_WORLD", f"{folder} is not a folder; give the folder of a scan world.")
    has_cities = any(path.is_file() for path in _paths(folder, "cities"))
    cities = Cities.read(_find(folder, "cities")) if has_cities else None
    lots = read_lots(_find(folder, "lots"), cities)
    rows = {int(label): row for row, label in enumerate(lots.label)}
    custody = read_custody(_find(folder, "custody"), rows, lots.cases())
    scans = read_events(_find(folder, "events"), rows)
    if cities is not None:
        scans = cities.placed(scans)
    return *_in_places(folder, scans, lots), custody


def read_lots(path: Path, cities: Cities | None = None) -> Lots:
    """lots.csv: lot, distributor, territory (region ids joined by |; none: anywhere), ship_day,
    items, case_size, cases_per_pallet; an optional column `restricted` is 0 where goods may be
    resold anywhere all the same, else 1. cities: those that a territory's regions must have."""
    names = ("lot", "distributor", "territory", "ship_day", *PACKING)
    table = read_table(path, names, optional=("restricted",))
    label = table.ints("lot")
    if len(set(label.tolist())) != len(label):
        table.bad("lot", _first_repeat(label), "is there twice")
    items, case_size, cases_per_pallet = (table.ints(name) for name in PACKING)
    for name, column in zip(PACKING, (items, case_size, cases_per_pallet), strict=True):
        table.require(name, column > 0, "must be above 0")
    cases = -(-items // case_size)
    table.require("items", cases <= MOST_CASES, f"makes more than {MOST_CASES:,} cases")
    known = None if cities is None else frozenset(cities.region.tolist())
    sold = [_regions(table, at, text, known) for at, text in enumerate(table.texts("territory"))]
    most = max((max(regions, default=0) for regions in sold), default=0)
    territory = np.zeros((len(label), most + 1), dtype=np.bool_)
    for row, regions in enumerate(sold):
        territory[row, regions] = True
    restricted = np.array([bool(regions) for regions in sold], dtype=np.bool_)
    if "restricted" in table:
        restricted &= table.ints("restricted") != 0
    return Lots(
        label=label,
        distributor=table.ints("distributor"),
        territory=territory,
        ship_day=table.floats("ship_day"),
        restricted=restricted,
        first_case=np.zeros(len(label), dtype=np.int64),
        items=items,
        case_size=case_size,
        cases_per_pallet=cases_per_pallet,
    )


def _in_places(folder: Path, scans: Scans, lots: Lots) -> tuple[Scans, Lots]:
    """With the optional columns `cities` and `counties` of lots.csv (ids joined by |): a lot with a
    city of a region of its territory may be sold in those cities of it only, and one with a county
    of such a city in those counties of it only."""
    table = read_table(_find(folder, "lots"), ("lot",), optional=("cities", "counties"))
    if "cities" not in table:
        if "counties" in table:
            table.bad("counties", 0, "needs a column `cities` beside it: name their cities there")
        return scans, lots
    cities = read_places(_find(folder, "cities"), "city_id", "region_id")
    above = cities.ints("region_id")
    levels = [Level(cities.ints("city_id"), above, _sold(table, "cities", cities, "city_id"))]
    place, (lat, lon) = np.arange(len(above)), degrees(cities)
    finer = []
    if "counties" in table:
        counties = read_places(_find(folder, "counties"), "county_id", "city_id")
        number = {label: row for row, label in enumerate(levels[0].label.tolist())}
        of_city = counties.ints("city_id")
        city = np.array([number.get(label, -1) for label in of_city.tolist()], dtype=np.int64)
        counties.require("city_id", city >= 0, "is no city of cities.csv")
        sold = _sold(table, "counties", counties, "county_id")
        levels.append(Level(counties.ints("county_id"), city, sold))
        own = Centres(np.arange(len(city)), *degrees(counties), above[city])
        finer.append(own)
        place, lat, lon = np.append(place, city), np.append(lat, own.lat), np.append(lon, own.lon)
    places = tuple(each.of(scans) for each in (Centres(place, lat, lon, above), *finer))
    return replace(scans, places=places), replace(lots, levels=tuple(levels))


def _sold(table: Block, name: str, places: Block, key: str) -> Bools:
    """Where each lot may be sold: bool (lots, places)."""
    rows = {label: row for row, label in enumerate(places.ints(key).tolist())}
    texts = table.texts(name)
    sold = np.zeros((len(texts), len(rows)), dtype=np.bool_)
    for at, text in enumerate(texts):
        for label in _numbers_in(table, name, at, text):
            if label not in rows:
                kind = key.removesuffix("_id")
                table.bad(name, at, f"'{label}' is no {kind} of {name}.csv")
            sold[at, rows[label]] = True
    return sold


def read_places(path: Path, key: str, above: str) -> Block:
    """cities.csv (city_id, region_id, lat, lon) or counties.csv (county_id, city_id, lat, lon)."""
    table = read_table(path, (key, above, "lat", "lon"))
    label = table.ints(key)
    if len(set(label.tolist())) != len(label):
        table.bad(key, _first_repeat(label), "is there twice")
    return table


def read_custody(path: Path, lot_rows: Mapping[int, int], cases: Ints) -> Custody:
    """custody.csv: lot, case_from, case_to (half open), retailer_city. lot_rows: label → row.
    cases: how many each row of Lots has."""
    table = read_table(path, ("lot", "case_from", "case_to", "retailer_city"))
    case_from, case_to = table.ints("case_from"), table.ints("case_to")
    table.require("case_to", case_to > case_from, "must be above case_from")
    table.require("case_from", case_from >= 0, "must not be below 0")
    lot = _lot_rows(table, lot_rows)
    within = case_to <= cases[lot]
    table.require("case_to", within, "is beyond the cases that lots.csv gives this lot")
    return Custody(lot, case_from, case_to, place=table.ints("retailer_city"))


def read_events(path: Path, lot_rows: Mapping[int, int]) -> Scans:
    """events.csv in order of day: day, code, lot, case, device, channel, loc_src, lat, lon, acc_km,
    region (empty or below 0: unknown). Codes and devices get numbers in order of their first
    appearance."""
    names = ("day", "code", "lot", "case", "device", "channel", "loc_src", "lat", "lon", "acc_km",
             "region")  # fmt: skip
    codes, devices = _numbering(), _numbering()
    parts = []
    last = -np.inf
    for block in read_blocks(path, names):
        day, case = block.floats("day"), block.ints("case")
        lat, lon, acc_km, loc_src = locations(block)
        region = np.maximum(block.ints("region", empty=-1), -1)
        ordered = day >= np.concatenate(([last], day[:-1]))
        block.require("day", ordered, "is before the row above; order the file by day")
        block.require("region", region < MOST_REGIONS, "is no region number")
        last = float(day[-1])
        part = Scans(
            day=day, lat=lat, lon=lon, acc_km=acc_km, case=case, region=region,
            unit=_numbers(codes, block.names("code")),
            device=_numbers(devices, block.names("device")),
            channel=block.words("channel", CHANNELS),
            loc_src=loc_src,
            lot=_lot_rows(block, lot_rows, unknown=-1),
            codes=(), devices=(),
        )  # fmt: skip
        parts.append(part)
    scans = joined(parts, _decoded(codes), _decoded(devices))
    _refuse_early_days(path, scans)
    return scans


def _refuse_early_days(path: Path, scans: Scans) -> None:
    """Refuse days that most of the file contradicts. A few that come too late are set aside by who
    asks; a few that come too early would put all others after them into the future."""
    gaps = np.flatnonzero(np.diff(scans.day) > GAP)
    if len(gaps) and 2 * (int(gaps[0]) + 1) < len(scans):
        raise Rejected(
            "BAD_WORLD",
            f"{path}: row {gaps[0] + 2}, column day: is more than a year before the row below: days"
            " are counted from one start, and this row or those above it have another.",
        )


def _find(folder: Path, name: str) -> Path:
    for path in _paths(folder, name):
        if path.is_file():
            return path
    raise Rejected("BAD_WORLD", f"{folder} has neither {name}.csv nor {name}.csv.gz.")


def _paths(folder: Path, name: str) -> tuple[Path, Path]:
    return folder / f"{name}.csv", folder / f"{name}.csv.gz"


def _numbering() -> defaultdict[bytes, int]:
    numbers: defaultdict[bytes, int] = defaultdict()
    numbers.default_factory = numbers.__len__
    return numbers


def _numbers(numbering: defaultdict[bytes, int], names: list[bytes]) -> Ints:
    return np.array(list(map(numbering.__getitem__, names)), dtype=np.int64)


def _decoded(numbering: defaultdict[bytes, int]) -> list[str]:
    return [name.decode() for name in numbering]


def _regions(table: Block, at: int, text: str, known: Set[int] | None) -> list[int]:
    regions = _numbers_in(table, "territory", at, text)
    if any(not 0 <= region < MOST_REGIONS for region in regions):
        table.bad("territory", at, f"'{text}' holds no region number")
    for region in regions:
        if known is not None and region not in known:
            text = f"'{region}' is no region of cities.csv: name one that has a city there"
            table.bad("territory", at, text)
    return regions


def _numbers_in(table: Block, name: str, at: int, text: str) -> list[int]:
    try:
        return [int(word) for word in text.split("|")] if text else []
    except ValueError:
        word = next(word for word in text.split("|") if not is_read(int, word))
        table.bad(name, at, f"'{word}' is not a number")


def _lot_rows(block: Block, rows: Mapping[int, int], unknown: int | None = None) -> Ints:
    """Labels to rows of Lots; `unknown` is the one label that means: never issued."""
    labels = block.ints("lot")
    distinct, number = np.unique(labels, return_inverse=True)
    found = np.array([rows.get(label, -2) for label in distinct.tolist()], dtype=np.int64)[number]
    if unknown is not None:
        found[labels == unknown] = -1
    block.require("lot", found > -2, "is not a lot of lots.csv")
    return found


def _first_repeat(labels: Ints) -> int:
    seen: set[int] = set()
    for at, label in enumerate(labels.tolist()):
        if label in seen:
            return at
        seen.add(label)
    return 0
