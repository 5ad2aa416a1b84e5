"""`touchstone bench` as a program calls it; how fast this machine is, is no test."""

from __future__ import annotations

import json
import subprocess
import sys

from ledger.services.bench_chain import Target

KEYS = {
    "sequential_per_second",
    "batched_per_second",
    "listed_units_per_second",
    "follow_events_per_second",
    "empty_blocks_per_second",
    "yardstick_per_second",
}


def test_the_chain_bench_prints_its_figures() -> None:
    """One JSON object with the frozen keys, a positive rate each, and the rounds' extremes."""
    command = [sys.executable, "-m", "scripts.main", "bench", "chain", "--quick", "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    said = json.loads(done.stdout)
    assert said.keys() == KEYS | {"spread", "rounds"}
    assert [key for key in KEYS if not said[key] > 0] == []
    assert said["spread"].keys() == KEYS
    assert said["rounds"] == 1


def test_a_target_is_judged_by_what_it_is_a_multiple_of() -> None:
    """30 is three times 10, and three quarters of four times 10; without a yardstick it is 30."""
    figures = {"fast": 30.0, "slow": 10.0}
    assert Target("fast", 4.0, "slow").judge(figures) == (3.0, 0.75)
    assert Target("fast", 15.0).judge(figures) == (30.0, 2.0)
