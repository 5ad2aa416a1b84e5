"""`touchstone backtest` on files: the same findings as live, and a sentence for every bad file."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from ledger.detect import Scans, detect
from ledger.domain.regions import REGIONS
from ledger.errors import Rejected
from ledger.services.worlds.backtest import run_backtest
from ledger.services.worlds.simulator.files import write_frames
from ledger.services.worlds.world import demo_world
from ledger.services.worlds.world_files import read_world
from ledger.services.worlds.world_frame import world_frames
from scripts.backtest import app
from tests.detect.frames import NO_CUSTODY, one_lot

HEADER = "event_id,day,code,lot,case,device,channel,loc_src,lat,lon,acc_km,region\n"
GOOD = "0,1.5,c,0,3,d,web,gps,30.0,110.0,0.1,5\n"


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small world with a diverted pallet and a copied code, as plain files."""
    folder = tmp_path_factory.mktemp("worlds") / "plain"
    write_frames(folder, *world_frames(demo_world(2, False, 0.4)))
    return folder


def _alerts(folder: Path, out: Path) -> str:
    result = CliRunner().invoke(app, [str(folder), "--out", str(out), "--json"])
    assert result.exit_code == 0, result.output
    return out.read_text()


def test_alerts_are_lines_with_cause_day_evidence_and_rate(world: Path, tmp_path: Path) -> None:
    """Each line is one JSON object of the documented shape."""
    lines = [json.loads(line) for line in _alerts(world, tmp_path / "a.jsonl").splitlines()]
    by_kind = {line["kind"]: line for line in lines}
    assert set(by_kind) == {"clone", "diversion"}
    assert {"lot", "region", "day", "e_value", "level", "fdr", "sentence", "evidence"} <= set(
        by_kind["diversion"]
    )
    assert isinstance(by_kind["clone"]["code"], str)
    assert by_kind["diversion"]["fdr"] == 0.05


def test_files_say_what_the_frames_say(world: Path) -> None:
    """Reading the files back gives the findings of the frames they were written from."""
    scans, lots, custody = read_world(world)
    assert list(run_backtest(world, fdr=0.05).findings) == detect(scans, lots, custody)
    assert [len(scans), len(lots)] == [1200, 6]


def test_names_of_files_truth_and_packing_do_not_matter(world: Path, tmp_path: Path) -> None:
    """Gzipped, in a folder of another name, beside a truth file, the alerts are the same bytes."""
    packed = tmp_path / "another-name-7"
    write_frames(packed, *read_world(world), packed=True)
    (tmp_path / "another-name-7.truth.json").write_text("not even JSON")
    (packed / "truth.json").write_text("[]")
    plain = _alerts(world, tmp_path / "plain.jsonl")
    assert _alerts(packed, tmp_path / "packed.jsonl") == plain
    assert plain.count("\n") >= 2


def test_names_of_devices_and_order_of_columns_do_not_matter(world: Path, tmp_path: Path) -> None:
    """Other pseudonyms and another order of columns leave the diversion as it was."""
    other = tmp_path / "other"
    other.mkdir()
    for name in ("lots.csv", "custody.csv"):
        (other / name).write_text((world / name).read_text())
    rows = [line.split(",") for line in (world / "events.csv").read_text().splitlines()]
    device = rows[0].index("device")
    for row in rows[1:]:
        row[device] = f"x{row[device]}"
    (other / "events.csv").write_text("".join(",".join(reversed(row)) + "\n" for row in rows))
    assert _alerts(other, tmp_path / "o.jsonl") == _alerts(world, tmp_path / "w.jsonl")


@pytest.mark.parametrize(
    ("events", "sentence"),
    [
        (HEADER.replace(",region", "") + GOOD, "events.csv: row 1: there is no column region."),
        ("", "events.csv: row 1: there is no column day."),
        (HEADER + GOOD + GOOD.replace("1.5", "soon"), "row 3, column day: 'soon' is not a number."),
        (HEADER + GOOD.replace("30.0", "nan"), "row 2, column lat: is not a finite number."),
        (HEADER + GOOD.replace(",5\n", ",five\n"), "row 2, column region: 'five' is not a number."),
        (HEADER + GOOD + GOOD.replace("1.5", "1.4"), "row 3, column day: is before the row above"),
        (HEADER + GOOD.replace("c,0,3", "c,99,3"), "row 2, column lot: is not a lot of lots.csv."),
        (HEADER + GOOD.replace("gps", "stars"), "row 2, column loc_src: 'stars' is none of"),
        (HEADER + GOOD + "1,2,c\n", "row 3: has 3 columns where the header has 12."),
        (HEADER + GOOD.replace(",5\n", f",{1 << 70}\n"), "row 2, column region:"),
        (HEADER.replace("event_id", "region") + GOOD, "row 1: there are two columns region."),
        (HEADER + GOOD.replace("1.5", "-400") + 2 * GOOD, "row 2, column day: is more than a year"),
        (HEADER + "".join(GOOD.replace("1.5", str(86400 * i)) for i in range(3)), "row 2, column"),
    ],
)  # fmt: skip
def test_a_bad_row_is_named(world: Path, tmp_path: Path, events: str, sentence: str) -> None:
    """One sentence with file, row and column; nothing is written."""
    for name in ("lots.csv", "custody.csv"):
        (tmp_path / name).write_text((world / name).read_text())
    (tmp_path / "events.csv").write_text(events)
    with pytest.raises(Rejected) as caught:
        run_backtest(tmp_path, fdr=0.05)
    assert caught.value.code == "BAD_WORLD"
    assert sentence in caught.value.message


def _backtest(folder: Path, events: list[str], out: Path) -> tuple[str, dict[str, int]]:
    """Alerts and what was set aside, with these lines as events."""
    (folder / "events.csv").write_text("".join(events))
    result = CliRunner().invoke(app, [str(folder), "--out", str(out), "--json"])
    assert result.exit_code == 0, result.output
    return out.read_text(), json.loads(result.output)["set_aside"]


def test_rows_that_cannot_be_true_are_set_aside_and_counted(world: Path, tmp_path: Path) -> None:
    """Rows twice, of another lot or case than before, or years after all others change no alert;
    those without place or case are counted; nothing is lost in silence."""
    folder = tmp_path / "odd"
    folder.mkdir()
    for name in ("lots.csv", "custody.csv"):
        (folder / name).write_text((world / name).read_text())
    header, *rows = (world / "events.csv").read_text().splitlines(keepends=True)
    clean = dict.fromkeys(
        ("repeated", "contradicted", "future", "misplaced", "no_place", "no_case"), 0
    )
    alerts, aside = _backtest(folder, [header, *rows], tmp_path / "clean.jsonl")
    assert (aside, alerts.count("\n") >= 2) == (clean, True)

    def changed(row: str, **values: str) -> str:
        cells = dict(zip(header.strip().split(","), row.strip().split(","), strict=True)) | values
        return ",".join(cells.values()) + "\n"

    twice = [row for number, row in enumerate(rows) for row in [row] * (1 + (number % 50 == 0))]
    case = rows[-1].split(",")[header.split(",").index("case")]
    other = changed(rows[-1], case="1" if case == "0" else "0", device="x")
    later = changed(rows[-1], day="99999", code="late", device="y")
    unknown = changed(rows[-1], region="-1", case="-1", code="lost", device="z")
    found = _backtest(folder, [header, *twice, other, unknown, later], tmp_path / "odd.jsonl")
    odd = {"repeated": 24, "contradicted": 1, "future": 1, "no_place": 1, "no_case": 1}
    assert found == (alerts, clean | odd)


def test_a_code_scanned_a_hundred_thousand_times_is_one_alert(tmp_path: Path) -> None:
    """However often a code is scanned, by whomever, it is told once and costs no more a scan."""
    count = 100_000
    number = np.arange(count)
    places = np.array([(31.2, 121.5), (39.9, 116.4), (23.1, 113.3)])[number % 3]
    none = np.zeros(count, dtype=np.int64)
    scans = Scans(
        day=number / 1000, unit=none, lot=none, case=none, device=number, channel=none,
        loc_src=none, lat=places[:, 0], lon=places[:, 1], acc_km=none + 0.1, region=3 + number % 3,
        codes=["c"], devices=[f"d{device}" for device in range(count)],
    )  # fmt: skip
    write_frames(tmp_path, scans, one_lot(), NO_CUSTODY)
    (finding,) = run_backtest(tmp_path, fdr=0.05).findings
    assert (finding.kind, finding.code) == ("clone", "c")


@pytest.mark.parametrize("form", ["crlf", "bom", "quoted"])
def test_however_a_table_is_written_it_says_the_same(
    world: Path, tmp_path: Path, form: str
) -> None:
    """With the line ends of Windows, with a mark at the start, or with quotes in the header."""
    folder = tmp_path / "other"
    folder.mkdir()
    for name in ("lots.csv", "custody.csv", "events.csv"):
        text = (world / name).read_text()
        head, rest = text.split("\n", 1)
        quoted = ",".join(f'"{column}"' for column in head.split(",")) + "\n" + rest
        other = {"crlf": text.replace("\n", "\r\n"), "bom": "\ufeff" + text, "quoted": quoted}
        (folder / name).write_bytes(other[form].encode())
    assert _alerts(folder, tmp_path / "o.jsonl") == _alerts(world, tmp_path / "w.jsonl")


def test_what_names_no_place_is_no_diversion(world: Path, tmp_path: Path) -> None:
    """A lot without a territory may be sold anywhere; a region that no city lies in is unknown."""
    scans, lots, custody = read_world(world)
    assert any(one.kind == "diversion" for one in detect(scans, lots, custody))
    anywhere, abroad = tmp_path / "anywhere", tmp_path / "abroad"
    write_frames(anywhere, scans, lots, custody)
    lines = [line.split(",") for line in (anywhere / "lots.csv").read_text().splitlines()]
    for line in lines[1:]:
        line[lines[0].index("territory")] = ""
    (anywhere / "lots.csv").write_text("".join(",".join(line) + "\n" for line in lines))
    home = sorted({int(region) for row in lots.territory for region in np.flatnonzero(row)})
    write_frames(abroad, scans, lots, custody)
    cities = "".join(
        f"{number},{number},{REGIONS[number].lat},{REGIONS[number].lon}\n" for number in home
    )
    (abroad / "cities.csv").write_text("city_id,region_id,lat,lon\n" + cities)
    away = int(np.count_nonzero(~np.isin(scans.region, home)))
    for folder, unplaced in ((anywhere, 0), (abroad, away)):
        found = run_backtest(folder, fdr=0.05)
        assert not any(one.kind == "diversion" for one in found.findings)
        assert found.aside["no_place"] == unplaced


@pytest.mark.parametrize("cut", [10, -8, -2000])
def test_a_file_cut_off_is_told(world: Path, tmp_path: Path, cut: int) -> None:
    """A gzip file that ends early is refused, wherever it ends."""
    write_frames(tmp_path, *read_world(world), packed=True)
    path = tmp_path / "events.csv.gz"
    path.write_bytes(path.read_bytes()[:cut])
    with pytest.raises(Rejected, match=r"events\.csv\.gz: after row \d+ the file is cut off"):
        run_backtest(tmp_path, fdr=0.05)


def test_a_missing_file_folder_and_a_bad_rate_are_told(world: Path, tmp_path: Path) -> None:
    """A folder without events, no folder at all, and a rate of 2."""
    (tmp_path / "lots.csv").write_text((world / "lots.csv").read_text())
    (tmp_path / "custody.csv").write_text((world / "custody.csv").read_text())
    with pytest.raises(Rejected, match=r"neither events\.csv nor events\.csv\.gz"):
        run_backtest(tmp_path, fdr=0.05)
    with pytest.raises(Rejected, match="is not a folder"):
        run_backtest(tmp_path / "none", fdr=0.05)
    with pytest.raises(Rejected, match="above 0 and below 1"):
        run_backtest(world, fdr=2.0)


@pytest.mark.parametrize(
    ("column", "value", "sentence"),
    [("items", "0", "must be above 0"), ("items", str(10**15), "makes more than 1,048,576 cases"),
     ("territory", "1|x", "'x' is not a number"),
     ("lot", "1", "is there twice"), ("ship_day", "inf", "is not a finite number")],
)  # fmt: skip
def test_a_bad_lot_is_named(
    world: Path, tmp_path: Path, column: str, value: str, sentence: str
) -> None:
    """The row and the column of lots.csv are named."""
    lines = [line.split(",") for line in (world / "lots.csv").read_text().splitlines()]
    lines[1][lines[0].index(column)] = value
    (tmp_path / "lots.csv").write_text("".join(",".join(line) + "\n" for line in lines))
    with pytest.raises(Rejected) as caught:
        run_backtest(tmp_path, fdr=0.05)
    assert f"column {column}: {sentence}" in caught.value.message
