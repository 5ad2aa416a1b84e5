"""Districts: the cities and counties below the regions, as far as somebody has loaded them.

A territory or a market may name them beside regions. Which one a scan was made in is told by their
centres (`ledger.detect.centres`); none are built in. Codes: four digits of GB/T 2260 for a city,
six for a county, which begin with those of the region and city that they lie in.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from sqlalchemy import delete, insert, select
from sqlalchemy.orm import Session

from ledger.db.districts import District
from ledger.db.markets import Market
from ledger.db.models import Profile
from ledger.detect.centres import Centres
from ledger.detect.frame import Level
from ledger.domain.regions import REGIONS, depth_of, great_circle_km, nearest, region_of, within
from ledger.errors import Rejected
from ledger.services.audit import record
from ledger.services.worlds.csv_blocks import read_table

MOST, LONGEST = 10_000, 100  # districts, and characters of a name
NEAR_DEGREES, NEAR_KM = 1.0, 60.0  # a centre so near tells the region better than capitals do
_CODES = range(1_000, 1_000_000)
UNKNOWN = "is no region (two digits of GB/T 2260), and no city or county that is loaded."


@dataclass(frozen=True)
class Districts:
    """All that are loaded. version: of the table, 0 where it is empty; equal ones are the same.
    names: in English and Chinese, by code. lat, lon: their centres, degrees."""

    version: int = 0
    names: Mapping[int, tuple[str, str]] = field(default_factory=dict, compare=False)
    lat: Sequence[float] = field(default=(), compare=False)
    lon: Sequence[float] = field(default=(), compare=False)

    def centres(self, depth: int, labels: Sequence[int]) -> Centres:
        """What tells the districts of a level, whose numbers are those of `labels`. depth: 1 for
        cities, which have the centres of their counties too, 2 for counties."""
        number = {code: at for at, code in enumerate(labels)}
        up = [_at_level(code, depth) for code in self.names]
        rows = [at for at, code in enumerate(up) if code in number]
        return Centres(
            place=np.array([number[up[at]] for at in rows], dtype=np.int64),
            lat=np.array([self.lat[at] for at in rows], dtype=np.float64),
            lon=np.array([self.lon[at] for at in rows], dtype=np.float64),
            region=np.array([region_of(code) for code in labels], dtype=np.int64),
        )

    def named(self, code: int) -> dict[str, int | str]:
        """What a district or region is called, with what it lies in: `code`, `en` and `zh`."""
        path = [code, *within(code)]
        names = [self.names[one] for one in path if one in self.names]
        region = REGIONS[region_of(code)]
        english, chinese = zip(*names, (region.en, region.zh), strict=True)
        return {"code": code, "en": ", ".join(english), "zh": "".join(reversed(chinese))}


def known(session: Session, before: Districts | None = None) -> Districts:
    """Return the districts that are loaded. before: as they were, which are not read again if they
    are still the same."""
    version = session.scalar(select(District.version).limit(1)) or 0
    if before is not None and before.version == version:
        return before
    rows = session.scalars(select(District).order_by(District.code)).all()
    return Districts(
        version,
        {row.code: (row.name_en, row.name_zh) for row in rows},
        [row.lat for row in rows],
        [row.lon for row in rows],
    )


def load(session: Session, now: int, who: str, path: Path) -> int:
    """Load a file (code, name_en, name_zh, lat, lon) in the place of what was loaded before; return
    how many there are. Raises Rejected BAD_DISTRICTS with file, row and column, or with the
    district that a territory or market names and the file has not: without its centre, what is
    scanned there would be taken for its neighbour's."""
    rows = _read(path)
    if missing := sorted(_named(session) - {int(row["code"]) for row in rows}):
        raise Rejected(
            "BAD_DISTRICTS",
            f"{path.name} has no {missing[0]}, which a territory or a market names or did: add it,"
            " or take back the market.",
        )
    version = max(now, (session.scalar(select(District.version).limit(1)) or 0) + 1)
    session.execute(delete(District))
    if rows:
        session.execute(insert(District), [{**row, "version": version} for row in rows])
    record(session, now, who, "districts load", districts=len(rows), version=version)
    return len(rows)


def _named(session: Session) -> set[int]:
    """The districts that any territory or market names, or did."""
    stated = []
    for table in (Profile, Market):
        for regions, before in session.execute(select(table.regions, table.before)):
            stated += [regions, *(earlier for _, earlier in before)]
    return {code for codes in stated for code in codes if depth_of(code)}


def _read(path: Path) -> list[dict[str, int | float | str]]:
    try:
        table = read_table(path, ("code", "name_en", "name_zh", "lat", "lon"))
        code, lat, lon = table.ints("code"), table.floats("lat"), table.floats("lon")
        good = [depth_of(one) in (1, 2) and region_of(one) in REGIONS for one in code.tolist()]
        what = "is no city (four digits of GB/T 2260) or county (six) of a region known here"
        table.require("code", np.array(good), what)
        table.require("code", np.array(_is_first(code.tolist())), "is there twice")
        table.require("lat", np.abs(lat) <= 90, "is no latitude")
        table.require("lon", np.abs(lon) <= 180, "is no longitude")
        names = [[text.strip() for text in table.texts(name)] for name in ("name_en", "name_zh")]
        for column, texts in zip(("name_en", "name_zh"), names, strict=True):
            fits = np.array([1 <= len(text) <= LONGEST for text in texts])
            table.require(column, fits, f"has 1 to {LONGEST} characters")
        if table.rows > MOST:
            table.bad("code", MOST, f"is one of more than {MOST:,}")
    except Rejected as error:
        raise Rejected("BAD_DISTRICTS", error.message) from None
    columns = (code.tolist(), *names, lat.tolist(), lon.tolist())
    keys = ("code", "name_en", "name_zh", "lat", "lon")
    return [dict(zip(keys, row, strict=True)) for row in zip(*columns, strict=True)]


def _is_first(codes: Iterable[int]) -> list[bool]:
    seen: set[int] = set()
    return [not (code in seen or seen.add(code)) for code in codes]  # type: ignore[func-returns-value]


def unknown(session: Session, codes: Collection[int]) -> list[int]:
    """Return those of some codes that are no regions and no districts that are loaded."""
    asked = set(codes) - REGIONS.keys()
    possible = [code for code in asked if code in _CODES]  # a database takes no greater numbers
    found = session.scalars(select(District.code).where(District.code.in_(possible)))
    return sorted(asked - set(found))


def region_at(session: Session, lat: float, lon: float) -> int:
    """Return the region of a place: that of the nearest district, if one is near, else of the
    nearest capital."""
    query = select(District.code, District.lat, District.lon).where(
        District.lat.between(lat - NEAR_DEGREES, lat + NEAR_DEGREES),
        District.lon.between(lon - 2 * NEAR_DEGREES, lon + 2 * NEAR_DEGREES),
    )
    found = [
        (great_circle_km(lat, lon, north, east), code)
        for code, north, east in session.execute(query)
    ]
    km, code = min(found, default=(NEAR_KM, 0))
    return region_of(code) if km < NEAR_KM else nearest(lat, lon).code


def levels(codes: Iterable[int], sold: Sequence[Collection[int]], depth: int) -> tuple[Level, ...]:
    """Return districts as detectors read them. codes: of all that may be asked of. sold: where each
    consignment may be sold. depth: of the finest level, 0 for none."""
    asked = {*codes, *(code for own in sold for code in own)}
    every = {one for code in asked for one in (code, *within(code))}
    found: list[Level] = []
    for level in range(1, depth + 1):
        labels = sorted(code for code in every if depth_of(code) == level)
        number = {code: at for at, code in enumerate(labels)}
        own = np.zeros((len(sold), len(labels)), dtype=np.bool_)
        for row, places in enumerate(sold):
            own[row, [number[up] for up in (_at_level(c, level) for c in places) if up]] = True
        uppers = [next(within(code)) for code in labels]
        if found:
            above = {code: at for at, code in enumerate(found[-1].label.tolist())}
            uppers = [above[code] for code in uppers]
        found.append(Level(np.array(labels, dtype=np.int64), np.array(uppers, dtype=np.int64), own))
    return tuple(found)


def _at_level(code: int, depth: int) -> int:
    """The code of what a place lies in at a level, or its own; 0 if it is wider."""
    return next((one for one in (code, *within(code)) if depth_of(one) == depth), 0)
