"""Write the frames of a world as a folder of scan-world files."""

from __future__ import annotations

import csv
import gzip
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from ledger.detect.frame import CHANNELS, LOC_SOURCES, Custody, Lots, Scans


def write_world(
    folder: Path, scans: Scans, lots: Lots, custody: Custody, *, packed: bool = False
) -> None:
    """lots.csv, custody.csv and events.csv, gzipped if `packed`. Lots are named by their row."""
    folder.mkdir(exist_ok=True)
    rows = range(len(lots))
    _write(
        folder / "lots.csv", packed,
        "lot,product,distributor,territory,ship_day,items,case_size,cases_per_pallet",
        ([row, 0, lots.distributor[row], "|".join(map(str, np.flatnonzero(lots.territory[row]))),
          lots.ship_day[row], lots.items[row], lots.case_size[row], lots.cases_per_pallet[row]]
         for row in rows),
    )  # fmt: skip
    _write(
        folder / "custody.csv", packed, "lot,case_from,case_to,retailer_city",
        zip(custody.lot, custody.case_from, custody.case_to, custody.place, strict=True),
    )  # fmt: skip
    _write(
        folder / "events.csv", packed,
        "event_id,day,code,lot,case,device,channel,loc_src,lat,lon,acc_km,region",
        ([i, f"{scans.day[i]:.5f}", scans.codes[scans.unit[i]], scans.lot[i], scans.case[i],
          scans.devices[scans.device[i]], CHANNELS[scans.channel[i]], LOC_SOURCES[scans.loc_src[i]],
          scans.lat[i], scans.lon[i], scans.acc_km[i], scans.region[i]]
         for i in range(len(scans))),
    )  # fmt: skip


def _write(path: Path, packed: bool, header: str, rows: Iterable[Sequence[object]]) -> None:
    name = path.with_name(path.name + ".gz") if packed else path
    with (
        gzip.open(name, "wt", encoding="utf-8", newline="")
        if packed
        else name.open("w", encoding="utf-8", newline="")
    ) as file:
        writer = csv.writer(file)
        writer.writerow(header.split(","))
        writer.writerows(rows)
