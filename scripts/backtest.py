"""`touchstone backtest`: what the detectors would have said about a folder of scans."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Annotated

import typer

from ledger.services.worlds.backtest import run_backtest, write_alerts

app = typer.Typer(add_completion=False)


@app.command()
def backtest(
    folder: Annotated[Path, typer.Argument(help="holds lots, custody, events as .csv or .csv.gz")],
    out: Annotated[Path, typer.Option(help="alerts, one JSON object a line")],
    fdr: Annotated[float, typer.Option(help="stated share of false alerts")] = 0.05,
    as_json: Annotated[bool, typer.Option("--json", help="print a summary as JSON")] = False,
) -> None:
    """Detect diversion, clones, farms and guessers in stored scans, without seeing the future."""
    result = run_backtest(folder, fdr=fdr)
    write_alerts(result.findings, out)
    kinds = dict(sorted(Counter(finding.kind for finding in result.findings).items()))
    if as_json:
        told = {"scans": result.scans, "lots": result.lots, "fdr": fdr, "alerts": kinds}
        print(json.dumps({**told, "set_aside": dict(result.aside)}))
        return
    for finding in result.findings:
        print(f"day {finding.day:7.2f}  {finding.kind:<9}  {finding.sentence}")
    odd = ", ".join(f"{count} {reason}" for reason, count in result.aside.items() if count)
    if odd:
        print(f"rows set aside or used in part: {odd}")
    print(f"{len(result.findings)} alerts from {result.scans} scans; written to {out}")
