"""`touchstone simulate`: a folder of scans whose truth is known, to try detectors on."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from ledger.errors import Rejected
from ledger.services.worlds.simulator import ATTACKS, Settings, simulate
from ledger.services.worlds.simulator.files import write_world
from scripts.common import Json, show

app = typer.Typer(add_completion=False)


@app.command("simulate")
def simulate_world(
    folder: Annotated[Path, typer.Argument(help="A new folder; its truth goes beside it.")],
    seed: Annotated[int, typer.Option(min=0, help="The same seed gives the same world.")],
    scans: Annotated[int, typer.Option(min=2_000, max=20_000_000, help="About so many.")] = 20_000,
    attack: Annotated[
        list[str] | None, typer.Option(help=f"May be repeated: all, {', '.join(ATTACKS)}.")
    ] = None,
    honest: Annotated[bool, typer.Option("--honest", help="Nobody cheats.")] = False,
    shuffled: Annotated[bool, typer.Option("--shuffled", help="Serials in no order.")] = False,
    no_gps: Annotated[bool, typer.Option("--no-gps", help="Places by IP address only.")] = False,
    packed: Annotated[bool, typer.Option("--gz", help="Write .csv.gz.")] = False,
    as_json: Json = False,
) -> None:
    """Draw a world of scans in the format that `touchstone backtest` reads.

    Without --attack and --honest: diversion, clone, farm and guess.
    """
    if honest and attack:
        raise Rejected("HONEST_ATTACK", "A world is --honest or has an --attack: say one of them.")
    settings = replace(Settings(), scans=scans, shuffled=shuffled, no_gps=no_gps)
    world = simulate(seed, settings, () if honest else _chosen(attack))
    write_world(world, folder, packed=packed)
    result = {"folder": str(folder), "seed": seed, "scans": len(world.scans),
              "lots": len(world.lots), "deeds": len(world.deeds)}  # fmt: skip
    show(result, as_json)


def _chosen(attack: list[str] | None) -> tuple[str, ...]:
    if attack == ["all"]:
        return tuple(ATTACKS)
    return tuple(attack or ("diversion", "clone", "farm", "guess"))
