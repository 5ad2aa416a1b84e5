"""Kept evidence as the detectors and the rules read it: frames, and rows of scans."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from ledger.detect.frame import (
    CHANNELS,
    LOC_SOURCES,
    NEVER_ISSUED,
    NO_LOT,
    Custody,
    Ints,
    Level,
    Lots,
    Scans,
)
from ledger.domain import contents
from ledger.domain.regions import REGIONS, depth_of, region_of
from ledger.services import districts
from ledger.services.alerting.alerts_evidence import COLUMNS, Document
from ledger.services.alerting.watch_frame import DAY
from ledger.services.alerting.watch_scan import ScanRow

Row = Mapping[str, Any]


def scan_rows(told: Document) -> list[ScanRow]:
    """Return kept scans as the rules read them; their devices are numbers."""
    found = []
    for row in _rows(told):
        gtin, _, serial = row["code"].partition("/")
        found.append(
            ScanRow(
                id=row["scan"],
                time=row["time"],
                gtin=int(gtin),
                serial=serial,
                batch=row["batch"],
                index=row["index"],
                device=str(row["device"]),
                channel=row["channel"],
                loc_src=row["source"],
                lat=row["lat"],
                lon=row["lon"],
                acc_km=row["radius_km"],
                region=row["region"],
            )
        )
    return found


def _rows(told: Document) -> list[Row]:
    if told["columns"] != list(COLUMNS):
        raise ValueError("other columns")
    return [dict(zip(COLUMNS, row, strict=True)) for row in told["scans"]]


def frames(told: Document) -> tuple[Scans, Lots, Custody]:
    """Return a detector's evidence as it reads it: one consignment, if there is one, its scans, and
    which cases went to a store."""
    goods = told.get("consignment", {"cases": []})
    cases = [contents.from_json(case) for case in goods["cases"]]
    number = {
        (case.batch, index): at for at, case in enumerate(cases) for index in case.indices.tolist()
    }
    rows = _rows(told)
    codes, devices = _numbered(r["code"] for r in rows), _numbered(r["device"] for r in rows)
    known = [number.get((r["batch"], r["index"]), -1) for r in rows]
    scans = Scans(
        day=np.array([r["seen"] - told["origin"] for r in rows], dtype=np.float64) / DAY,
        unit=_ints(codes[r["code"]] for r in rows),
        lot=_ints(
            NEVER_ISSUED if r["batch"] is None else NO_LOT if case < 0 else 0
            for r, case in zip(rows, known, strict=True)
        ),
        case=_ints(known),
        device=_ints(devices[r["device"]] for r in rows),
        channel=_ints(_at(CHANNELS, r["channel"]) for r in rows),
        loc_src=_ints(_at(LOC_SOURCES, r["source"]) for r in rows),
        region=_ints(-1 if r["region"] is None else r["region"] for r in rows),
        lat=_floats(r["lat"] or 0.0 for r in rows),
        lon=_floats(r["lon"] or 0.0 for r in rows),
        acc_km=_floats(r["radius_km"] or 0.0 for r in rows),
        codes=list(codes),
        devices=[str(name) for name in devices],
    )
    if not cases:
        nothing = _ints(())
        none = Lots(nothing, nothing, np.zeros((0, 1), dtype=np.bool_), _floats(()), nothing,
                    nothing, nothing, np.zeros(0, dtype=np.bool_), nothing)  # fmt: skip
        return scans, none, Custody(nothing, nothing, nothing, nothing)
    stores = [(at, case["store"]) for at, case in enumerate(goods["cases"]) if case.get("store")]
    custody = Custody(
        _ints(0 for _ in stores),
        _ints(at for at, _ in stores),
        _ints(at + 1 for at, _ in stores),
        _ints(store for _, store in stores),
    )
    of = told.get("districts", {})  # where the alert is of a region, nothing finer is asked
    depth = max(map(depth_of, of.values()), default=0)
    levels = districts.levels(of.values(), [frozenset(goods["territory"])], depth)
    places = (_placed(level, of, rows) for level in levels)
    scans = replace(scans, places=tuple(places))
    return scans, _lots(goods, cases, told["origin"], levels), custody


def _placed(level: Level, of: Mapping[str, int], rows: Sequence[Row]) -> Ints:
    """The district of a level that each scan tells, -1 where none is kept."""
    number = {code: at for at, code in enumerate(level.label.tolist())}
    return _ints(number.get(of.get(str(row["scan"]), 0), -1) for row in rows)


def _lots(
    goods: Row,
    cases: Sequence[contents.Codes | contents.Picked],
    origin: int,
    levels: tuple[Level, ...],
) -> Lots:
    territory = np.zeros((1, max(REGIONS) + 1), dtype=np.bool_)
    territory[0, [region_of(code) for code in goods["territory"]]] = True
    per_case = goods.get("items_per_case")  # absent in evidence from when cases were taken as alike
    return Lots(
        label=_ints([goods["lot"]]),
        distributor=_ints([goods["consignee"]]),
        territory=territory,
        ship_day=_floats([(goods["shipped"] - origin) / DAY]),
        items=_ints([sum(map(len, cases))]),
        case_size=_ints([per_case or max(map(len, cases))]),
        cases_per_pallet=_ints([goods["cases_per_pallet"]]),
        restricted=np.array([bool(goods["territory"])]),
        first_case=_ints([goods["first_case"]]),
        levels=levels,
        counted=_ints([len(cases)]) if per_case else None,
    )


def _ints(values: Iterable[int]) -> np.ndarray[Any, np.dtype[np.int64]]:
    return np.fromiter(values, dtype=np.int64)


def _floats(values: Iterable[float]) -> np.ndarray[Any, np.dtype[np.float64]]:
    return np.fromiter(values, dtype=np.float64)


def _numbered(names: Iterable[Any]) -> dict[Any, int]:
    found: dict[Any, int] = {}
    for name in names:
        found.setdefault(name, len(found))
    return found


def _at(names: tuple[str, ...], name: str) -> int:
    return names.index(name) if name in names else 0
