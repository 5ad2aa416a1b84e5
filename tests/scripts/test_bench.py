"""`touchstone bench` as a program calls it; how fast this machine is, is no test."""

from __future__ import annotations

import json
import random
import subprocess
import sys
from pathlib import Path

import pytest

from ledger.domain import code
from ledger.errors import Broken
from ledger.services.bench import bench_guess
from ledger.services.bench.bench_chain import Target
from ledger.services.keys.keeper import BatchRef, CodeKeeper
from ledger.services.keys.keyring import KeyRing
from ledger.services.minter import Minter

MINT_KEYS = {
    "codes",
    "inner",
    "seconds",
    "codes_per_second",
    "bytes_per_code",
    "gas_per_code",
    "peak_rss_mb",
    "warmup_seconds",
    "lines_proved",
    "yardstick_per_second",
}
GUESS_KEYS = {"guesses", "issued", "hits", "control_expected", "control_hits"}
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


def test_the_mint_bench_prints_its_figures() -> None:
    """The frozen keys; the gas and the bytes of two rounds; all lines taken are proved."""
    words = ("--codes", "3000", "--rounds", "2", "--lines", "20", "--json")
    command = [sys.executable, "-m", "scripts.main", "bench", "mint", *words]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    said = json.loads(done.stdout)
    assert MINT_KEYS - said.keys() == set()
    assert (said["codes"], said["inner"], said["lines_proved"]) == (3000, True, 40)
    assert [
        key for key in MINT_KEYS - {"warmup_seconds", "bytes_per_code"} if not said[key] > 0
    ] == []
    assert said["spread"]["codes_per_second"][0] <= said["codes_per_second"]
    plain_and_fast = said["plain_and_fast_ns"]
    assert {name for name, (plain, fast) in plain_and_fast.items() if plain and fast} == {
        "serials",
        "lines",
    }


def test_the_guess_bench_prints_its_figures() -> None:
    """No hit in two rounds, and the keys; the control's count is below."""
    words = ("--guesses", "2500", "--rounds", "2", "--json")
    command = [sys.executable, "-m", "scripts.main", "bench", "guess", *words]
    said = json.loads(subprocess.run(command, capture_output=True, text=True).stdout)
    assert GUESS_KEYS - said.keys() == set()
    assert (said["guesses"], said["issued"], said["hits"]) == (2500, 10_000_000, 0)
    assert (said["control_expected"], said["rounds"]) == (0.6, 2)
    assert said["spread"]["hits"] == [0, 0]


def test_the_control_hits_as_often_as_it_should() -> None:
    """The same draws each time: 100,000 guesses, within three standard deviations of 24.4."""
    drawn = random.Random(2026)
    found = bench_guess.control_hits(bytes(range(32)), 100_000, drawn.randbytes, lambda _: None)
    expected = bench_guess.control_expected(100_000)
    assert abs(found - expected) <= bench_guess.control_tolerance(100_000)


def test_a_guess_that_was_issued_is_counted(tmp_path: Path) -> None:
    """Where the entropy gives an issued serial, each guess is a hit: the check can fail."""
    ring = KeyRing.create(tmp_path / "keys.json", "passphrase", random.Random(1).randbytes)
    ring.open_epoch(1, 1, bytes(20))
    batch = BatchRef(1, 0, 9506000134352, number=1, count=10)
    serial = Minter(ring, 1, bytes(20)).serials(batch, 3, 4).tolist()[0].decode()
    numerals = bytes(code.ALPHABET.index(character) for character in serial[1:])

    def hits(issued: int) -> int:
        return bench_guess.hits(
            CodeKeeper(ring),
            batch.gtin,
            1,
            issued,
            7,
            lambda size: numerals * (size // 19),
            lambda _: None,
        )

    assert (hits(10), hits(3)) == (7, 0)
    with pytest.raises(Broken):
        bench_guess.check_issued(CodeKeeper(ring), batch.gtin, 1, {4: serial})


def test_a_target_is_judged_by_what_it_is_a_multiple_of() -> None:
    """30 is three times 10, and three quarters of four times 10; without a yardstick it is 30."""
    figures = {"fast": 30.0, "slow": 10.0}
    assert Target("fast", 4.0, "slow").judge(figures) == (3.0, 0.75)
    assert Target("fast", 15.0).judge(figures) == (30.0, 2.0)
