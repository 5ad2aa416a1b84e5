"""`touchstone bench gas`: the committed figures, as a program and as a person read them."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from scripts.bench_gas import lines

CONTRACTS = Path(__file__).parents[2] / "contracts"
SNAPSHOT = (CONTRACTS / "gas.json").read_text()


@pytest.mark.deep
def test_the_command_prints_the_committed_figures() -> None:
    """All of them, to the last unit: what it prints is the file."""
    command = [sys.executable, "-m", "scripts.main", "bench", "gas", "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout == SNAPSHOT


def test_what_a_person_reads() -> None:
    """Each verb alone and among fifty, the handoff, others' transfers, lives, and each target."""
    shown = lines(json.loads(SNAPSHOT))
    text = "\n".join(shown)
    for name in ("registerParty", "shipList", "erc721_after", "item_of_1000", "  2,400: "):
        assert name in text
    judged = [line.split()[0] for line in shown if "; wanted at most " in line]
    assert len(judged) == 5 and set(judged) <= {"met", "missed"}


@pytest.mark.deep
@pytest.mark.needs_node
@pytest.mark.skipif(shutil.which("node") is None, reason="Node.js is not installed")
def test_the_peers_are_what_their_sources_compile_to(tmp_path: Path) -> None:
    """The committed code is OpenZeppelin's and erc721a's, compiled as our own contract is."""
    code = "import runpy, json; f = runpy.run_path('contracts/peers/build.py')['compile_peers']; "
    done = subprocess.run(
        [sys.executable, "-c", code + "print(json.dumps(f()))"],
        cwd=CONTRACTS.parent,
        capture_output=True,
        text=True,
        check=True,
    )
    assert json.loads(done.stdout) == json.loads((CONTRACTS / "peers" / "Peers.json").read_text())
