"""`touchstone proof check` as a stranger runs it: two files, no network."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.chain.proof_forge import CASE, EXPIRED, GAP, NOBODY, VECTORS, good

ROOT = Path(__file__).parents[2]
PROGRAM = "import sys; from scripts.cli import main; sys.argv[0] = 'touchstone'; main()"
# Where no network namespace can be made, every way to a socket is closed instead.
NO_SOCKETS = """
import _socket, socket
def refuse(*_, **__):
    raise PermissionError("no network here")
_socket.socket = socket.socket = socket.create_connection = socket.getaddrinfo = refuse
"""
HEAVY = ("web3", "sqlalchemy", "fastapi", "eth", "numpy", "httpx2", "eth_abi", "cryptography")


def _isolated() -> list[str]:
    """Return what to put before a command so that it has no network at all, [] if none can be."""
    words = ["unshare", "-n"]
    if shutil.which(words[0]) is None:
        return []
    return words if subprocess.run([*words, "true"], check=False).returncode == 0 else []


def run(directory: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Run the command in a directory, cut off from every network."""
    closed = directory.parent / "closed"
    closed.mkdir(exist_ok=True)
    (closed / "sitecustomize.py").write_text(NO_SOCKETS)
    return subprocess.run(
        [*_isolated(), sys.executable, "-c", PROGRAM, "proof", "check", *words],
        cwd=directory,
        env={**os.environ, "PYTHONPATH": f"{closed}:{ROOT}", "COLUMNS": "100"},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """A directory that holds nothing but a bundle and a trust file."""
    alone = tmp_path / "alone"
    alone.mkdir()
    shutil.copy(VECTORS / "good" / f"{CASE}.json", alone / "bundle.json")
    shutil.copy(VECTORS / "trust.json", alone / "trust.json")
    return alone


def test_a_good_bundle_in_an_empty_directory_without_a_network(directory: Path) -> None:
    """Exit 0; one JSON object says what is proved, what is stated, and who signed what."""
    made = good(CASE)["made"]
    done = run(directory, "bundle.json", "--trust", "trust.json", "--at", str(made), "--json")
    report = json.loads(done.stdout)
    assert (done.returncode, done.stderr) == (0, "")
    assert (report["authentic"], report["fresh"], report["age_s"]) == (True, True, 30)
    assert (report["outcome"], report["reasons"]) == ("genuine", ["FIRST_SCAN"])
    assert (report["sealed_by"], report["validators"], report["witnesses"]) == (1, 1, 0)
    assert report["operator_alone"] is True
    assert report["holder"] == "4006381333931"
    assert report["events"][-1]["verb"] == "unpack"
    assert report["events"][-1]["actor"] == report["holder"]
    assert sorted(path.name for path in directory.iterdir()) == ["bundle.json", "trust.json"]


def test_what_a_person_reads(directory: Path) -> None:
    """Block and time first, then the verdict, what is proved apart from what is stated."""
    moment = datetime.fromtimestamp(good(CASE)["made"], UTC).isoformat()
    done = run(directory, "bundle.json", "--trust", "trust.json", "--at", moment)
    lines = done.stdout.splitlines()
    assert done.returncode == 0
    assert lines[0].startswith("authentic as of block ") and "(fresh)" in lines[0]
    assert lines[1] == "signed by the operator alone: no one else vouches"
    assert lines[2] == "GENUINE: FIRST_SCAN"
    assert lines.index("proved by the ledger:") < lines.index("stated, not proved:")
    assert "brand     9506000134352 (Brand)" in lines
    assert any("ship by 9506000134352 (Brand) with 4006381333931" in line for line in lines)


@pytest.mark.parametrize(
    ("name", "outcome"),
    [(EXPIRED, "do_not_use"), (GAP, "caution"), (NOBODY, "not_recognised")],
)
def test_an_old_bundle_is_stale_and_authentic(directory: Path, name: str, outcome: str) -> None:
    """Exit 3 a day later: still true as of its block."""
    shutil.copy(VECTORS / "good" / f"{name}.json", directory / "bundle.json")
    later = str(good(name)["made"] + 86_400)
    done = run(directory, "bundle.json", "--trust", "trust.json", "--at", later, "--json")
    report = json.loads(done.stdout)
    assert (done.returncode, report["authentic"], report["fresh"]) == (3, True, False)
    assert report["outcome"] == outcome


def test_a_bundle_that_lies_is_refused_with_a_sentence(directory: Path) -> None:
    """Exit 1, a code and one line; as JSON on request."""
    document = good(EXPIRED)
    document["verdict"] |= {"outcome": "genuine", "reasons": ["FIRST_SCAN"]}
    (directory / "bundle.json").write_text(json.dumps(document))
    words = ("bundle.json", "--trust", "trust.json", "--at", str(document["made"]))
    done = run(directory, *words)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (1, "", 1)
    assert done.stderr.startswith("touchstone: VERDICT_DIFFERS: ")
    said = json.loads(run(directory, *words, "--json").stdout)
    assert (said["authentic"], said["code"]) == (False, "VERDICT_DIFFERS")


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("missing.json", "--trust", "trust.json"), "NO_FILE"),
        (("bundle.json", "--trust", "trust.json", "--at", "soon"), "BAD_TIME"),
        (("bundle.json", "--trust", "bundle.json", "--at", "1750003000"), "UNKNOWN_MEMBER"),
        (("bundle.json", "--trust", "trust.json", "--at", "1800000000"), "TRUST_EXPIRED"),
    ],
)
def test_what_cannot_be_checked(directory: Path, words: tuple[str, ...], code: str) -> None:
    """Exit 1 and one line for a file that is not there, a time that is none, a wrong trust file."""
    done = run(directory, *words)
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert done.stderr.startswith(f"touchstone: {code}: ")


def test_the_checker_needs_little(tmp_path: Path) -> None:
    """Neither database nor node client nor web server nor arrays are loaded to check a proof."""
    script = (
        "import sys, scripts.proof, ledger.chain.bundle; "
        f"print(sorted(set({HEAVY!r}) & set(name.split('.')[0] for name in sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"
