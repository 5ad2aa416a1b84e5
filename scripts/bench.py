"""`touchstone bench NAME`: what this machine does, measured beside a yardstick of the same run."""

from __future__ import annotations

import json
import secrets
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from statistics import median
from typing import Annotated

import typer

from ledger.services.bench import bench_chain
from ledger.services.bench.bench_chain import FULL, QUICK, SENDERS, TARGETS, Rates
from ledger.services.bench.bench_ground import Ground
from scripts import bench_codes, bench_gas, bench_pack, bench_scans
from scripts.common import Json
from scripts.crew import Crew

app = typer.Typer(no_args_is_help=True, add_completion=False)


@app.callback()
def bench() -> None:
    """Measure one part, and say which targets are met."""


@app.command()
def chain(
    as_json: Json = False,
    quick: Annotated[bool, typer.Option("--quick", help="One small round, to try it.")] = False,
) -> None:
    """Verbs a second through the embedded node, and events and blocks a second that are followed.

    In a temporary directory; two nodes run as processes of their own.
    """
    size = QUICK if quick else FULL
    with ExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="touchstone-")))
        bench_chain.seal_empty(directory / "empty" / "node", size.empty)
        empty_url = stack.enter_context(_node(directory / "empty"))
        url = stack.enter_context(_node(directory / "busy"))
        ground = Ground(url, directory, SENDERS, secrets.token_bytes)
        stack.callback(ground.close)
        rates = bench_chain.measure(ground, empty_url, directory, size, secrets.token_bytes)
    if as_json:
        print(json.dumps(_report(rates)))
    else:
        _print(rates)


app.command("mint")(bench_codes.mint)
app.command("guess")(bench_codes.guess)
app.command("pack")(bench_pack.pack)
app.command("gas")(bench_gas.gas)
app.command("detect")(bench_scans.detect)
app.command("watch")(bench_scans.watch)
app.command("honest")(bench_scans.honest)
app.command("attack")(bench_scans.attack)


@contextmanager
def _node(directory: Path) -> Iterator[str]:
    """Run a node on `directory`/node as a process; gives its URL."""
    crew = Crew(directory, {})
    try:
        yield crew.start_node("wall")
    finally:
        crew.close()


def _report(rates: Rates) -> dict[str, object]:
    """Return the medians, and beside them how far the rounds lie apart."""
    spread = {key: [round(min(found), 1), round(max(found), 1)] for key, found in rates.items()}
    rounds = max(len(found) for found in rates.values())
    return {**bench_chain.summary(rates), "spread": spread, "rounds": rounds}


def _print(rates: Rates) -> None:
    print(f"{'':<26} {'median':>9} {'lowest':>9} {'highest':>9}  rounds")
    for key, found in rates.items():
        low, high = min(found), max(found)
        print(f"{key:<26} {median(found):9.1f} {low:9.1f} {high:9.1f} {len(found):7}")
    print()
    figures = bench_chain.summary(rates)
    for target in TARGETS:
        rate, share = target.judge(figures)
        of = f" x {target.of}" if target.of else ""
        said = "met" if share >= 1 else "missed"
        print(f"{said:<7} {target.key} {rate:.1f}{of}; wanted {target.times:g} ({share:.0%})")
