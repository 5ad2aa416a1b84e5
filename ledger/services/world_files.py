"""Read a folder of scan-world files (lots, custody, events; plain or gzip CSV) into frames.

Columns are found by name, so their order is free and more of them are welcome. Reading goes by
blocks of rows through the C parts of `csv` and `map`, some 300,000 rows a second.

Raises Rejected BAD_WORLD with one sentence naming the file, the row (the header is row 1) and the
column.
"""

from __future__ import annotations

import csv
import gzip
import io
import zlib
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, NoReturn

import numpy as np

from ledger.detect.frame import CHANNELS, LOC_SOURCES, Custody, Floats, Ints, Lots, Scans, joined
from ledger.errors import Rejected

BLOCK = 1 << 13  # rows parsed at a time: their strings stay in the processor's cache
MOST_REGIONS = 4096


def read_world(folder: Path) -> tuple[Scans, Lots, Custody]:
    """The three frames of a folder that holds lots, custody and events as .csv or .csv.gz."""
    if not folder.is_dir():
        raise Rejected("BAD_WORLD", f"{folder} is not a folder; give the folder of a scan world.")
    lots = read_lots(_find(folder, "lots"))
    rows = {int(label): row for row, label in enumerate(lots.label)}
    custody = read_custody(_find(folder, "custody"), rows)
    return read_events(_find(folder, "events"), rows), lots, custody


def read_lots(path: Path) -> Lots:
    """lots.csv: lot, distributor, territory (region ids joined by |), ship_day, items, case_size,
    cases_per_pallet; an optional column `restricted` (0 or 1) is 1 where it is absent."""
    names = ("lot", "distributor", "territory", "ship_day", "items", "case_size",
             "cases_per_pallet")  # fmt: skip
    table = _table(path, names, optional=("restricted",))
    n = len(table["lot"])
    first = 2
    label = _ints(path, "lot", table["lot"], first)
    if len(set(label.tolist())) != n:
        _bad(path, first + _first_repeat(label), "lot", "is there twice")
    packing = {}
    for name in ("items", "case_size", "cases_per_pallet"):
        packing[name] = _ints(path, name, table[name], first)
        _require(path, name, packing[name] > 0, first, "must be above 0")
    sold = [_regions(path, row, text) for row, text in enumerate(table["territory"], first)]
    territory = np.zeros((n, max((max(s, default=0) for s in sold), default=0) + 1), dtype=np.bool_)
    for row, regions in enumerate(sold):
        territory[row, regions] = True
    restricted = _ints(path, "restricted", table.get("restricted", ["1"] * n), first) != 0
    return Lots(
        label=label,
        distributor=_ints(path, "distributor", table["distributor"], first),
        territory=territory,
        ship_day=_floats(path, "ship_day", table["ship_day"], first),
        restricted=restricted,
        first_case=np.zeros(n, dtype=np.int64),
        **packing,
    )


def read_custody(path: Path, lot_rows: Mapping[int, int]) -> Custody:
    """custody.csv: lot, case_from, case_to (half open), retailer_city. lot_rows: label → row."""
    table = _table(path, ("lot", "case_from", "case_to", "retailer_city"))
    columns = {name: _ints(path, name, text, 2) for name, text in table.items()}
    _require(
        path, "case_to", columns["case_to"] > columns["case_from"], 2, "must be above case_from"
    )
    _require(path, "case_from", columns["case_from"] >= 0, 2, "must not be below 0")
    return Custody(
        lot=_lot_rows(path, columns["lot"], lot_rows, 2),
        case_from=columns["case_from"],
        case_to=columns["case_to"],
        place=columns["retailer_city"],
    )


def read_events(path: Path, lot_rows: Mapping[int, int]) -> Scans:
    """events.csv in order of day: day, code, lot, case, device, channel, loc_src, lat, lon, acc_km,
    region. Codes and devices get numbers in order of their first appearance."""
    names = ("day", "code", "lot", "case", "device", "channel", "loc_src", "lat", "lon", "acc_km",
             "region")  # fmt: skip
    codes, devices = _numbering(), _numbering()
    channels, sources = _words(path, "channel", CHANNELS), _words(path, "loc_src", LOC_SOURCES)
    parts = []
    last = -np.inf
    for row, block in _blocks(path, names):
        day, lat, lon, acc_km = (
            _floats(path, name, block[name], row) for name in ("day", "lat", "lon", "acc_km")
        )
        lot, case, region = (
            _ints(path, name, block[name], row) for name in ("lot", "case", "region")
        )
        ordered = day >= np.concatenate(([last], day[:-1]))
        _require(path, "day", ordered, row, "is before the row above; order the file by day")
        _require(path, "region", region < MOST_REGIONS, row, "is no region number")
        last = float(day[-1])
        part = Scans(
            day=day, lat=lat, lon=lon, acc_km=acc_km, case=case, region=region,
            unit=_numbers(codes, block["code"]),
            device=_numbers(devices, block["device"]),
            channel=channels(block["channel"], row),
            loc_src=sources(block["loc_src"], row),
            lot=_lot_rows(path, lot, lot_rows, row, unknown=-1),
            codes=(), devices=(),
        )  # fmt: skip
        parts.append(part)
    return joined(parts, list(codes), list(devices))


def _find(folder: Path, name: str) -> Path:
    for path in (folder / f"{name}.csv", folder / f"{name}.csv.gz"):
        if path.is_file():
            return path
    raise Rejected("BAD_WORLD", f"{folder} has neither {name}.csv nor {name}.csv.gz.")


def _table(
    path: Path, names: Sequence[str], optional: Sequence[str] = ()
) -> dict[str, Sequence[str]]:
    """A small file whole: column → texts."""
    whole: dict[str, list[str]] = {name: [] for name in names}
    for _, block in _blocks(path, names, optional):
        for name, text in block.items():
            whole.setdefault(name, []).extend(text)
    return dict(whole)


def _blocks(
    path: Path, names: Sequence[str], optional: Sequence[str] = ()
) -> Iterator[tuple[int, dict[str, Sequence[str]]]]:
    """Blocks of columns with the row number of their first row."""
    row = 1
    try:
        with _open(path) as file:
            reader = csv.reader(file)
            header = next(reader, [])
            missing = [name for name in names if name not in header]
            if missing:
                raise Rejected("BAD_WORLD", f"{path}: row 1: there is no column {missing[0]}.")
            wanted = [(name, header.index(name)) for name in (*names, *optional) if name in header]
            row = 2
            while rows := list(islice(reader, BLOCK)):
                try:
                    columns = list(zip(*rows, strict=True))
                except ValueError:
                    columns = []
                if len(columns) != len(header):
                    at = next(i for i, r in enumerate(rows) if len(r) != len(header))
                    text = f"has {len(rows[at])} columns where the header has {len(header)}"
                    raise Rejected("BAD_WORLD", f"{path}: row {row + at}: {text}.")
                yield row, {name: columns[at] for name, at in wanted}
                row += len(rows)
    except (OSError, EOFError, zlib.error) as error:
        text = "is cut off or damaged" if path.suffix == ".gz" else "cannot be read"
        raise Rejected("BAD_WORLD", f"{path}: after row {row - 1} the file {text}.") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise Rejected("BAD_WORLD", f"{path}: after row {row - 1}: not UTF-8 CSV.") from error


def _open(path: Path) -> io.TextIOWrapper:
    if path.suffix == ".gz":
        return io.TextIOWrapper(gzip.open(path, "rb"), encoding="utf-8", newline="")
    return path.open(encoding="utf-8", newline="")


def _numbering() -> defaultdict[str, int]:
    numbers: defaultdict[str, int] = defaultdict()
    numbers.default_factory = numbers.__len__
    return numbers


def _numbers(numbering: defaultdict[str, int], text: Sequence[str]) -> Ints:
    return np.array(list(map(numbering.__getitem__, text)), dtype=np.int64)


def _words(path: Path, name: str, known: Sequence[str]) -> Callable[[Sequence[str], int], Ints]:
    numbers = {word: i for i, word in enumerate(known)}

    def read(text: Sequence[str], row: int) -> Ints:
        try:
            return np.array(list(map(numbers.__getitem__, text)), dtype=np.int64)
        except KeyError:
            at = next(i for i, word in enumerate(text) if word not in numbers)
            _bad(path, row + at, name, f"'{text[at]}' is none of {', '.join(known)}")

    return read


def _floats(path: Path, name: str, text: Sequence[str], row: int) -> Floats:
    numbers = np.array(_parse(path, name, text, row, float), dtype=np.float64)
    _require(path, name, np.isfinite(numbers), row, "is not a finite number")
    return numbers


def _ints(path: Path, name: str, text: Sequence[str], row: int) -> Ints:
    try:
        return np.array(_parse(path, name, text, row, int), dtype=np.int64)
    except OverflowError:
        at = next(i for i, word in enumerate(text) if abs(int(word)) >= 1 << 63)
        _bad(path, row + at, name, f"'{text[at]}' is too large")


def _parse(
    path: Path, name: str, text: Sequence[str], row: int, read: Callable[[str], float]
) -> list[float]:
    try:
        return list(map(read, text))
    except ValueError:
        at = next(i for i, word in enumerate(text) if not _reads(read, word))
        _bad(path, row + at, name, f"'{text[at]}' is not a number")


def _reads(read: Callable[[str], float], word: str) -> bool:
    try:
        read(word)
    except ValueError:
        return False
    return True


def _regions(path: Path, row: int, text: str) -> list[int]:
    words = text.split("|") if text else []
    regions = [int(number) for number in _ints(path, "territory", words, row)]
    if any(not 0 <= region < MOST_REGIONS for region in regions):
        _bad(path, row, "territory", f"'{text}' holds no region number")
    return regions


def _lot_rows(
    path: Path, labels: Ints, rows: Mapping[int, int], row: int, unknown: int | None = None
) -> Ints:
    """Labels to rows of Lots; `unknown` is the one label that means: never issued."""
    found = np.array([rows.get(label, -2) for label in labels.tolist()], dtype=np.int64)
    if unknown is not None:
        found[labels == unknown] = -1
    _require(path, "lot", found > -2, row, "is not a lot of lots.csv")
    return found


def _first_repeat(labels: Ints) -> int:
    seen: set[int] = set()
    for at, label in enumerate(labels.tolist()):
        if label in seen:
            return at
        seen.add(label)
    return 0


def _require(path: Path, name: str, good: Any, row: int, text: str) -> None:
    if not np.all(good):
        _bad(path, row + int(np.argmin(good)), name, text)


def _bad(path: Path, row: int, name: str, text: str) -> NoReturn:
    raise Rejected("BAD_WORLD", f"{path}: row {row}, column {name}: {text}.")
