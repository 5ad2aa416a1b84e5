"""`touchstone bench pack`: how fast a line's file becomes units on the chain, and what it takes."""

from __future__ import annotations

import json
import os
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Annotated, Any

import typer

from ledger.services import hashing
from ledger.services.bench import bench_pack
from ledger.services.bench.bench_pack import CASE, ORDERS, PALLET, Round
from ledger.services.open import found, open_installation
from ledger.services.settings import Settings
from scripts.common import Json, progress_bar
from scripts.crew import Crew

HEARTBEAT_S = 86_400  # none within a run: what the database grows by is the packing's


def pack(
    items: Annotated[int, typer.Option(min=1, help="Items a round.")] = 1_000_000,
    rounds: Annotated[int, typer.Option(min=1, max=40, help="How often, each order.")] = 3,
    samples: Annotated[int, typer.Option(min=1, help="Items to prove each round.")] = 200,
    as_json: Json = False,
) -> None:
    """Items a second from a line's file to units that the chain has confirmed, in either order.

    24 items a case, 60 cases a pallet, one event a pallet; contiguous runs, and links in random
    order. In a temporary directory; node and worker run as processes of their own.
    """
    with tempfile.TemporaryDirectory(prefix="touchstone-") as name, progress_bar() as bar:
        directory = Path(name)
        task = bar.add_task("rounds", total=rounds * len(ORDERS))
        crew = Crew(directory, {"TOUCHSTONE_HEARTBEAT_S": str(HEARTBEAT_S)})
        done: dict[str, list[Round]] = {order: [] for order in ORDERS}
        try:
            crew.start_node("wall")
            settings = Settings(data=directory, heartbeat_s=HEARTBEAT_S)
            found(settings)
            crew.start("worker")
            site = open_installation(settings)
            bench_pack.prepare(site)
            # Compiled beforehand and said apart, as in `bench mint`.
            choice = hashing.fastest() if items >= hashing.LARGE else None

            def used() -> float:
                own = time.process_time()
                return own + sum(_processor_seconds(pid) for pid in crew.pids().values())

            for number in range(rounds):
                for at, order in enumerate(ORDERS):
                    place = number * len(ORDERS) + at
                    path = directory / "line.csv"
                    made = bench_pack.measure(site, path, items, order, place, samples, used)
                    done[order].append(made)
                    bar.advance(task)
        finally:
            crew.close()
    report = _report(items, rounds, done, choice)
    if as_json:
        print(json.dumps(report))
    else:
        _print(report)


def _processor_seconds(pid: int) -> float:
    """Return what a process has used of the processors, 0 where the system does not tell."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _report(
    items: int, rounds: int, done: dict[str, list[Round]], choice: hashing.Choice | None
) -> dict[str, Any]:
    """Return medians of each order, with the lowest and highest of the rounds beside them."""
    return {
        "items": items,
        "items_per_case": CASE,
        "cases_per_pallet": PALLET,
        "rounds": rounds,
        "orders": {order: _figures(items, made) for order, made in done.items()},
        "yardstick_per_second": round(
            median(one.hashes_per_second for made in done.values() for one in made)
        ),
        "warmup_seconds": round(choice.warmup_s, 2) if choice else 0.0,
        "load": [round(each, 1) for each in os.getloadavg()],
    }


def _figures(items: int, made: list[Round]) -> dict[str, Any]:
    seconds = [one.seconds for one in made]
    processor = [one.processor for one in made]
    return {
        "seconds": round(median(seconds), 2),
        "processor_seconds": round(median(processor), 2),
        "items_per_second": round(items / median(seconds)),
        "bytes_per_item": round(max(one.stored for one in made) / items, 2),
        "file_bytes_per_item": round(max(one.file for one in made) / items, 2),
        "gas_per_item": round(max(one.gas for one in made) / items, 1),
        "units": made[0].units,
        "items_proved": sum(one.proved for one in made),
        "spread": {
            "seconds": [round(min(seconds), 2), round(max(seconds), 2)],
            "processor_seconds": [round(min(processor), 2), round(max(processor), 2)],
        },
    }


def _print(report: dict[str, Any]) -> None:
    for name in ("items", "items_per_case", "cases_per_pallet", "rounds", "yardstick_per_second"):
        print(f"{name:<22} {report[name]:>14,}")
    for order, figures in report["orders"].items():
        print(f"\n{order}")
        for name, value in figures.items():
            if name != "spread":
                low, high = figures["spread"].get(name, (None, None))
                said = "" if low is None else f"   {low:,} to {high:,}"
                print(f"  {name:<20} {value:>14,}{said}")
        for key, limit in TARGETS:
            met = figures[key] <= limit
            print(f"  {'met' if met else 'missed':<7} {key} {figures[key]:,}; at most {limit:,}")


TARGETS = (("seconds", 20.0), ("bytes_per_item", 5.0))
