"""`touchstone bench gas`: what each verb costs, beside what others would move goods with."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from ledger.services.bench import bench_gas
from scripts.common import Json


def gas(as_json: Json = False) -> None:
    """Gas of every verb, alone and in batches of fifty, of a handoff, and of an item's whole life.

    The same to the last unit on every machine: keys, times and arguments come from one seed. The
    committed figures are contracts/gas.json, written by `bench gas --json`.
    """
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with (
        tempfile.TemporaryDirectory(prefix="touchstone-") as directory,
        Progress(*columns, TimeElapsedColumn(), console=Console(stderr=True)) as bar,
    ):
        task = bar.add_task("", total=bench_gas.STEPS)
        figures = bench_gas.measure(
            Path(directory) / "node", lambda name: bar.update(task, description=name, advance=1)
        )
    if as_json:
        print(json.dumps(figures, indent=1))
    else:
        print("\n".join(lines(figures)))


def lines(figures: dict[str, Any]) -> list[str]:
    """Return the figures for a person, and which targets are met."""
    shown = [f"{'':<18} {'single':>9} {f'of {bench_gas.PART}':>9}"]
    for name, row in figures["verbs"].items():
        batched = "" if row["batched"] is None else f"{row['batched']:,}"
        shown.append(f"{name:<18} {row['single']:>9,} {batched:>9}")
    shown += ["", "a handoff, ship and receive:"]
    shown += [f"  {name:<16} {found:>9,}" for name, found in figures["handoff"].items()]
    shown += ["", "one transfer by others, unsigned by the parties and without a history:"]
    shown += [f"  {name:<20} {found:>9,}" for name, found in figures["peers"].items()]
    shown += ["", f"an item's whole life with {bench_gas.HANDOFFS} handoffs, by items in its unit:"]
    for items, life in figures["lives"].items():
        parts = ", ".join(f"{name} {found:,}" for name, found in life.items())
        shown.append(f"  {int(items):>5,}: {parts}")
    shown.append("")
    for target in bench_gas.TARGETS:
        found = target.figure(figures)
        said = "met" if found <= target.most else "missed"
        shown.append(f"{said:<7} {target.path} {found:,g}; wanted at most {target.most:,g}")
    return shown
