"""`touchstone bench detect`, `honest` and `attack`: what the detectors and the verdict do."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from typing import Annotated, Any

import orjson
import typer

from ledger.errors import Rejected
from ledger.services.bench import (
    attack_picture,
    bench_attack,
    bench_detect,
    bench_honest,
    bench_watch,
)
from ledger.services.worlds.simulator import ATTACKS, Settings, simulate
from ledger.services.worlds.world_files import read_world
from scripts.common import Json, progress_bar

World = Annotated[
    Path | None, typer.Argument(help="A folder of scans [a simulated world].", show_default=False)
]
Seed = Annotated[int, typer.Option(min=0, help="Of the simulated world.")]
CHEATS = ("diversion", "clone", "farm", "guess")


def detect(
    folder: World = None,
    scans: Annotated[int, typer.Option(min=2_000, help="Of the simulated world.")] = 1_000_000,
    seed: Seed = 1,
    runs: Annotated[int, typer.Option(min=1, help="How often.")] = 5,
    as_json: Json = False,
) -> None:
    """Scans a second through all detectors, and the memory it takes.

    From arrays in memory to findings; reading files is not part of it.
    """
    if folder is None:
        world = simulate(seed, Settings(scans=scans), CHEATS)
        frames = (world.scans, world.lots, world.custody)
    else:
        frames = read_world(folder)
    with tempfile.TemporaryDirectory(prefix="touchstone-") as directory:
        done = bench_detect.measure(*frames, runs, Path(directory))
    _show(_detected(done), as_json)
    if not as_json:
        _judge("scans_per_second", _rate(done), bench_detect.SCANS_PER_SECOND, least=True)
        _judge("peak_rss_mb", done.peak_rss_mb, bench_detect.PEAK_RSS_MB, least=False)


def watch(
    scans: Annotated[
        int, typer.Option(min=3 * bench_watch.WINDOW, help="Of the simulated world.")
    ] = 1_000_000,
    seed: Seed = 1,
    as_json: Json = False,
) -> None:
    """What one scan costs the worker's watch, with 10,000, 100,000 … scans stored before it.

    From rows of the database to alerts, in a temporary directory; processor time of one core.
    """
    world = simulate(seed, Settings(scans=scans), CHEATS)
    most = len(world.scans)
    sizes = [10_000 * 10**power for power in range(9) if 10_000 * 10**power <= most]
    sizes = sizes if sizes and most < 1.5 * sizes[-1] else [*sizes, most]
    with tempfile.TemporaryDirectory(prefix="touchstone-") as directory:
        done = bench_watch.measure(Path(directory), world.scans, world.lots, sizes)
    first, last = done.sizes[0], done.sizes[-1]
    told: dict[str, Any] = {
        "sizes": [
            {
                "stored": at.stored,
                "watch_us": round(at.watch_us, 1),
                "store_us": round(at.store_us, 1),
                "alerts": at.alerts,
                "longest_pass_s": round(at.longest_s, 2),
            }
            for at in done.sizes
        ],
        "grows": round(last.watch_us / first.watch_us, 2),
        "alerts": done.alerts,
        "cases": done.cases,
        "case_us": round(done.case_us, 1),
        "peak_rss_mb": round(bench_detect.peak_rss_mb(), 1),
    }
    if as_json:
        print(json.dumps(told))
        return
    print(f"{'scans stored':>12} {'us to watch one':>16} {'us to store one':>16} {'alerts':>7}")
    for row in told["sizes"]:
        watch_us, store_us = row["watch_us"], row["store_us"]
        print(f"{row['stored']:12,} {watch_us:16.1f} {store_us:16.1f} {row['alerts']:7}")
    slowest = max(at.longest_s for at in done.sizes)
    print(f"{told['alerts']} alerts, the longest pass took {slowest:.1f} s of the processor")
    print(f"{done.case_us:.0f} us to read the packing of a case, of {done.cases:,} at the start")
    print(f"{told['peak_rss_mb']:.0f} MiB at most")


def honest(
    folder: World = None,
    scans: Annotated[int, typer.Option(min=2_000, help="Of each simulated world.")] = 200_000,
    seed: Seed = 1,
    as_json: Json = False,
) -> None:
    """Honest scans that are warned of, and buyers of copies who are not.

    A folder's truth is read from NAME.truth.json beside it. Without a folder: a simulated world
    where nobody cheats for the first, and one with copied codes for the second.
    """
    if folder is None:
        world = simulate(seed, Settings(scans=scans))
        found = bench_honest.measure(world.scans, world.truth())
        cloned = simulate(seed, Settings(scans=scans), ["clone"])
        other = bench_honest.measure(cloned.scans, cloned.truth())
        found = {**found, **{key: other[key] for key in ("fakes", "caught", "caught_after")}}
    else:
        found = bench_honest.measure(read_world(folder)[0], _truth(folder))
    _show(found, as_json)
    if not as_json:
        _judge("rate", found["rate"], bench_honest.HONEST_AT_MOST, least=False)
        if found["caught"] is not None:
            _judge("caught", found["caught"], bench_honest.CAUGHT_AT_LEAST, least=True)


def attack(
    kind: Annotated[list[str] | None, typer.Option(help="May be repeated [all].")] = None,
    scans: Annotated[int, typer.Option(min=2_000, help="Of each world.")] = 120_000,
    tune: Annotated[str, typer.Option(help="Seeds on which the sold rules are chosen.")] = "1,2,3",
    seeds: Annotated[
        str, typer.Option(help="Seeds that are reported.")
    ] = "601,602,603,604,605,606",
    picture: Annotated[Path | None, typer.Option(help="Write the curves there, as SVG.")] = None,
    as_json: Json = False,
) -> None:
    """What finds which attack, ours beside the rules sold today, at what price in false alerts."""
    chosen, tuned, reported = kind or list(ATTACKS), _seeds(tune), _seeds(seeds)
    if set(tuned) & set(reported):
        raise Rejected("SEEDS_OVERLAP", "What is reported was not chosen on: name other --seeds.")
    results = []
    with progress_bar() as bar:
        task = bar.add_task("worlds", total=len(chosen) * len({*tuned, *reported}))
        for name in chosen:
            results.append(
                bench_attack.run(name, scans, tuned, reported, lambda: bar.advance(task))
            )
    if picture is not None:
        _write(picture, attack_picture.picture(results))
    told = [bench_attack.told(result) for result in results]
    if as_json:
        print(json.dumps({"scans": scans, "tune": tuned, "seeds": reported, "attacks": told}))
        return
    print("| attack | to find | method | chosen | alerts | false | precision | recall |")
    print("| --- | ---: | --- | --- | ---: | ---: | ---: | ---: |")
    for row in (row for each in told for row in _rows(each)):
        print(row)


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text, "utf-8")
    except OSError as error:
        raise Rejected("BAD_OUT", f"{path} cannot be written: {error.strerror}.") from error


def _seeds(text: str) -> list[int]:
    try:
        found = [int(word) for word in text.split(",")]
    except ValueError:
        found = []
    if not found or min(found) < 0:
        raise Rejected("BAD_SEEDS", f"'{text}' is no list of seeds: give numbers, as 1,2,3.")
    return found


def _rows(told: dict[str, Any]) -> Iterator[str]:
    """Rows of a Markdown table, one a method."""
    for name, line in told["methods"].items():
        unit = {"ours": "stated", "count": "scans", "radius": "km", "speed": "km/h"}[name]
        chosen = "never" if line["at"] is None else f"{unit} {line['at']:g}"
        if line["days"] and line["at"] is not None:
            chosen += f" in {line['days']:g} d"
        precision = "-" if line["precision"] is None else f"{line['precision']:.2f}"
        yield (
            f"| {told['attack']} | {told['wanted']} | {name} | {chosen} | {line['alerts']} |"
            f" {line['false']} | {precision} | {line['recall']:.2f} |"
        )


def _truth(folder: Path) -> dict[str, Any]:
    path = folder.resolve().with_name(folder.resolve().name + ".truth.json")
    try:
        found: dict[str, Any] = orjson.loads(path.read_bytes())
    except OSError:
        raise Rejected("NO_TRUTH", f"{path} cannot be read: a world's truth lies there.") from None
    except orjson.JSONDecodeError:
        raise Rejected("NO_TRUTH", f"{path} is not JSON: a world's truth lies there.") from None
    return found


def _detected(done: bench_detect.Measured) -> dict[str, Any]:
    """Return medians, with the lowest and highest of the runs beside them."""
    rates = [done.scans / run.seconds for run in done.runs]
    sorts = [done.scans / run.yardstick for run in done.runs]
    return {
        "scans": done.scans,
        "scans_per_second": round(median(rates)),
        "peak_rss_mb": round(done.peak_rss_mb),
        "findings": done.runs[0].findings,
        "yardstick_per_second": round(median(sorts)),
        "ratio": round(median(rate / of for rate, of in zip(rates, sorts, strict=True)), 4),
        "spread": {
            "scans_per_second": [round(min(rates)), round(max(rates))],
            "yardstick_per_second": [round(min(sorts)), round(max(sorts))],
        },
        "runs": len(done.runs),
    }


def _rate(done: bench_detect.Measured) -> float:
    return median(done.scans / run.seconds for run in done.runs)


def _show(found: dict[str, Any], as_json: bool) -> None:
    if as_json:
        print(json.dumps(found))
        return
    for key, value in found.items():
        print(f"{key:<22} {value:,}" if isinstance(value, int | float) else f"{key:<22} {value}")


def _judge(key: str, found: float, limit: float, *, least: bool) -> None:
    met = found >= limit if least else found <= limit
    wanted = f"wanted {'at least' if least else 'at most'} {limit:,}"
    print(f"{'met' if met else 'missed':<7} {key} {found:,.6g}; {wanted}")
