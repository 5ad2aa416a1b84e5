"""`touchstone bench detect` and `honest` as a program calls them; no figure of speed is a test."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from ledger.services.worlds.simulator import Settings, simulate
from ledger.services.worlds.simulator.files import write_world
from tests.support.installation import command, refused


def said(*words: str) -> Any:
    """What a bench prints with --json."""
    done = command("bench", *words, "--json")
    assert (done.status, done.err) == (0, "")
    return json.loads(done.out)


def test_the_detect_bench_prints_its_figures() -> None:
    """The frozen keys, a positive rate, the extremes of the runs, and a yardstick of its own."""
    found = said("detect", "--scans", "2000", "--runs", "1")
    assert {"scans", "scans_per_second", "peak_rss_mb", "yardstick_per_second"} <= found.keys()
    assert found["scans_per_second"] > 0 and found["yardstick_per_second"] > 0
    assert 10 < found["peak_rss_mb"] < 2048
    assert found["spread"]["scans_per_second"] == [found["scans_per_second"]] * 2


def test_the_watch_bench_prints_its_figures() -> None:
    """The cost of a scan at each size beside that of storing it; what cheats is still found."""
    found = said("watch", "--scans", "12000")
    stored = [row["stored"] for row in found["sizes"]]
    assert stored[0] == 10_000 and stored == sorted(stored)
    assert all(row["watch_us"] > 0 and row["store_us"] > 0 for row in found["sizes"])
    assert found["alerts"] > 0


def test_the_honest_bench_prints_its_figures(tmp_path: Path) -> None:
    """The frozen keys, of a simulated world and of a folder with its truth beside it."""
    found = said("honest", "--scans", "4000")
    assert {"scans", "cautioned", "rate", "caught", "caught_after"} <= found.keys()
    write_world(simulate(1, Settings(scans=4000)), tmp_path / "w")
    folder = said("honest", str(tmp_path / "w"))
    assert (folder["scans"], folder["caught"]) == (found["scans"], None)
    (tmp_path / "w.truth.json").unlink()
    assert refused("bench", "honest", str(tmp_path / "w")) == "NO_TRUTH"
