"""`touchstone header check` as a person runs it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

QBFT = Path(__file__).parents[1] / "vectors" / "ethereum" / "qbft" / "headers.json"
VECTORS = json.loads(QBFT.read_text())["vectors"]


def run(*words: str) -> subprocess.CompletedProcess[str]:
    """Run the command in a process of its own."""
    program = "import sys; from scripts.cli import main; sys.argv[0] = 'touchstone'; main()"
    return subprocess.run(
        [sys.executable, "-c", program, "header", "check", *words],
        capture_output=True,
        text=True,
        check=False,
        cwd=Path(__file__).parents[2],
    )


@pytest.mark.parametrize("vector", VECTORS, ids=lambda v: v["id"])
def test_exit_status_and_json_follow_the_vectors(vector):
    """Exit 0 exactly for the headers that a quorum sealed; the JSON says hash, signers, reason."""
    trusted = ",".join(vector["trusted_validators"])
    done = run(vector["header_rlp"], "--validators", trusted, "--json")
    report = json.loads(done.stdout)
    assert done.returncode == (0 if vector["valid"] else 1)
    assert report["sealed"] is vector["valid"]
    assert (report["hash"], report["number"], report["quorum"]) == (
        vector["block_hash"],
        vector["number"],
        vector["quorum"],
    )
    if vector["valid"]:
        assert report["signers"] == sorted(vector["signers"])
    else:
        assert report["code"] in ("NOT_ENOUGH_SEALS", "SEAL_NOT_FROM_VALIDATOR")


def test_people_get_lines():
    """Without --json each fact is a line."""
    vector = VECTORS[0]
    done = run(vector["header_rlp"], "--validators", ",".join(vector["trusted_validators"]))
    facts = dict(line.split(maxsplit=1) for line in done.stdout.splitlines())
    assert facts["number"] == "10"
    assert facts["time"] == "2023-11-14T22:13:30+00:00"
    assert facts["sealed"] == "yes"


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("c0", "--validators", "0x" + "11" * 20), "BAD_HEADER"),
        (("zz", "--validators", "0x" + "11" * 20), "BAD_HEX"),
        ((VECTORS[0]["header_rlp"], "--validators", "0x11"), "BAD_ADDRESS"),
    ],
)
def test_what_cannot_be_read_is_one_line(words, code):
    """Bad input: exit status 1, nothing on stdout, one line on stderr."""
    done = run(*words)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith(f"touchstone: {code}: ")
    assert done.stderr.count("\n") == 1


def test_no_trusted_validators_is_not_sealed():
    """An empty list of validators vouches for nothing."""
    done = run(VECTORS[0]["header_rlp"], "--validators", "", "--json")
    assert done.returncode == 1
    assert json.loads(done.stdout)["code"] == "NO_VALIDATORS"
