"""Block times never go back and never run ahead of the clock."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from ledger.chain.embedded.chain import EmbeddedChain
from ledger.chain.embedded.clock import file_clock, parse_clock, wall_clock
from ledger.errors import TouchstoneError, Unavailable
from tests.chain.embedded.conftest import Signer


def test_a_thousand_blocks_as_fast_as_possible_keep_to_the_wall_clock(
    chain: EmbeddedChain,
) -> None:
    """Many blocks share a second; none is younger than the moment at which it was there."""
    times = []
    for _ in range(1000):
        block = chain.seal()
        assert block.header.timestamp <= time.time()
        times.append(block.header.timestamp)
    assert times == sorted(times)
    assert chain.head().number == 1000
    parents = [block.header.parent_hash for n in range(1, 1001) if (block := chain.store.block(n))]
    hashes = [block.hash for n in range(1000) if (block := chain.store.block(n))]
    assert parents == hashes


def test_a_clock_behind_the_last_block_is_waited_for_and_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A block waits for a clock that went back; past the limit the sender is told by how much."""
    now = tmp_path / "now"
    now.write_text("1700000000")
    chain = EmbeddedChain(tmp_path / "data", file_clock(now), clock_wait_s=0.2)
    signer = Signer(chain.chain_id)
    raw = signer.send(b"\x01" * 20)
    now.write_text("1699999960")
    (refused,) = chain.submit([raw])
    now.write_text("1700000000")
    (sealed,) = chain.submit([raw])
    head = chain.head()
    chain.close()
    assert isinstance(refused, Unavailable)
    assert (refused.code, str(refused)) == (
        "CLOCK_BEHIND",
        "The clock is 40 s behind block 0: set the clock right, or send again later.",
    )
    assert "40 s behind block 0: waiting." in caplog.text
    assert not isinstance(sealed, TouchstoneError)
    assert (head.number, head.header.timestamp) == (1, 1_700_000_000)


def test_a_clock_file_is_capped_to_the_wall_and_must_be_a_number(tmp_path: Path) -> None:
    """A time to come reads as now; words and a missing file say what to do."""
    now = tmp_path / "now"
    clock = parse_clock(f"file:{now}")
    with pytest.raises(Unavailable) as missing:
        clock()
    now.write_text("soon")
    with pytest.raises(Unavailable) as words:
        clock()
    now.write_text("99999999999")
    assert clock() <= wall_clock()
    now.write_text("1700000000\n")
    assert clock() == 1_700_000_000
    assert {missing.value.code, words.value.code} == {"CLOCK_UNREADABLE"}


@pytest.mark.parametrize("spec", ["", "utc", "file:", "file"])
def test_an_unknown_clock_is_refused(spec: str) -> None:
    """Only wall and file:PATH are clocks."""
    with pytest.raises(TouchstoneError, match="is no clock"):
        parse_clock(spec)
