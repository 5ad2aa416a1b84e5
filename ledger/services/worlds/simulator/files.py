"""Write a world as a folder of files that `touchstone backtest` reads, its truth beside it."""

from __future__ import annotations

import gzip
import io
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import orjson

from ledger.detect.frame import CHANNELS, LOC_SOURCES, Custody, Ints, Lots, Scans
from ledger.errors import Rejected
from ledger.services.worlds.simulator.land import PER_REGION, Land
from ledger.services.worlds.simulator.world import World

BLOCK = 1 << 15
COMPRESSION = 3  # a third of the time of level 6 for a tenth more bytes


def write_world(world: World, folder: Path, *, packed: bool = False) -> None:
    """cities, lots, custody, events as CSV (.gz if packed) in `folder`, NAME.truth.json beside it.

    Raises Rejected BAD_OUT when the folder has such files already, or cannot be written.
    """
    truth = folder.with_name(folder.name + ".truth.json")
    if truth.exists() or (folder.exists() and any(folder.iterdir())):
        raise Rejected("BAD_OUT", f"{folder} or {truth.name} beside it is there: name a new one.")
    try:
        write_frames(folder, world.scans, world.lots, world.custody, packed=packed)
        _write(folder / "cities.csv", _cities(world.land), packed=False)
        truth.write_bytes(orjson.dumps(world.truth(), option=orjson.OPT_INDENT_2))
    except OSError as error:
        raise Rejected("BAD_OUT", f"{folder} cannot be written: {error.strerror}.") from error


def write_frames(
    folder: Path, scans: Scans, lots: Lots, custody: Custody, *, packed: bool = False
) -> None:
    """lots, custody and events of any frames. Lots are named by their row."""
    folder.mkdir(parents=True, exist_ok=True)
    _write(folder / "lots.csv", _lots(lots), packed)
    _write(folder / "custody.csv", _custody(custody), packed)
    _write(folder / "events.csv", _events(scans), packed)


def _cities(land: Land) -> Iterator[str]:
    yield "city_id,region_id,admin1,name,lat,lon,pop\n"
    for city, region in enumerate(land.region.tolist()):
        people = round(1e9 * land.people[city])
        name = f"City {region}-{city % PER_REGION + 1}"
        place = f"{land.lat[city]:.4f},{land.lon[city]:.4f}"
        yield f"{city},{region},{region},{name},{place},{people}\n"


def _lots(lots: Lots) -> Iterator[str]:
    yield "lot,product,distributor,territory,ship_day,items,case_size,cases_per_pallet\n"
    for row in range(len(lots)):
        sold = "|".join(map(str, np.flatnonzero(lots.territory[row]).tolist()))
        packing = f"{lots.items[row]},{lots.case_size[row]},{lots.cases_per_pallet[row]}"
        yield f"{row},0,{lots.distributor[row]},{sold},{lots.ship_day[row]},{packing}\n"


def _custody(custody: Custody) -> Iterator[str]:
    yield "lot,case_from,case_to,retailer_city\n"
    columns = (custody.lot, custody.case_from, custody.case_to, custody.place)
    for lot, first, to, city in zip(*(column.tolist() for column in columns), strict=True):
        yield f"{lot},{first},{to},{city}\n"


def _events(scans: Scans) -> Iterator[str]:
    yield "event_id,day,code,lot,case,device,channel,loc_src,lat,lon,acc_km,region\n"
    for at in range(0, len(scans), BLOCK):
        part = scans.take(slice(at, at + BLOCK))
        columns = (
            range(at, at + len(part)), part.day.tolist(), _words(scans.codes, part.unit),
            part.lot.tolist(), part.case.tolist(), _words(scans.devices, part.device),
            _words(CHANNELS, part.channel), _words(LOC_SOURCES, part.loc_src),
            part.lat.tolist(), part.lon.tolist(), part.acc_km.tolist(), part.region.tolist(),
        )  # fmt: skip
        yield "".join(
            [
                f"{i},{day:.5f},{code},{lot},{case},{device},{channel},{source},"
                f"{lat:.3f},{lon:.3f},{radius:g},{region}\n"
                for i, day, code, lot, case, device, channel, source, lat, lon, radius, region
                in zip(*columns, strict=True)
            ]
        )  # fmt: skip


def _words(words: Sequence[str], numbers: Ints) -> list[str]:
    return [words[number] for number in numbers.tolist()]


def _write(path: Path, parts: Iterable[str], packed: bool) -> None:
    with _open(path, packed) as file:
        file.writelines(parts)


@contextmanager
def _open(path: Path, packed: bool) -> Iterator[io.TextIOBase]:
    if not packed:
        with path.open("w", encoding="utf-8", newline="") as plain:
            yield plain
        return
    # no name and no time in the header: the same world is the same bytes
    with (
        path.with_name(path.name + ".gz").open("wb") as raw,
        gzip.GzipFile("", "wb", COMPRESSION, raw, mtime=0) as squeezed,
        io.TextIOWrapper(squeezed, encoding="utf-8", newline="") as text,
    ):
        yield text
