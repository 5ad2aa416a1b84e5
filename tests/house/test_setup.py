"""Set-up: what is locked, and what is said where it cannot work."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest

from .repository import ROOT, read

PINNED = re.compile(r"^([a-z0-9][a-z0-9._-]*)==(\S+)", re.M)


def pins(level: str) -> set[tuple[str, str]]:
    """Return (name, version) of everything in a lock."""
    return set(PINNED.findall(read(f"requirements/{level}.lock")))


def test_both_locks_name_the_same_versions() -> None:
    """One environment may hold first the core, then the rest."""
    assert pins("core") <= pins("dev")


def test_every_dependency_is_locked() -> None:
    """After a change of pyproject.toml: `make lock`."""
    project = tomllib.loads(read("pyproject.toml"))["project"]
    for level, wanted in (
        ("core", project["dependencies"]),
        ("dev", project["dependencies"] + project["optional-dependencies"]["dev"]),
    ):
        names = {re.split(r"[<>=\[; ]", line)[0].lower() for line in wanted}
        assert names <= {name for name, _ in pins(level)}, level


def test_locks_name_no_place_to_download_from() -> None:
    """Whoever installs chooses the index; hashes say what may come from it."""
    for level in ("core", "dev"):
        lock = read(f"requirements/{level}.lock")
        assert not re.search(r"://|--(extra-)?index-url|--find-links", lock), level
    for folder in ("contracts", "web"):
        packages = json.loads(read(f"{folder}/package-lock.json"))["packages"]
        assert [name for name, package in packages.items() if "resolved" in package] == []


def set_up(folder: Path, python: str) -> subprocess.CompletedProcess[str]:
    """Run the set-up of a bare checkout in `folder`, with `python` as the interpreter's script."""
    for name in (".make", "requirements"):
        shutil.copytree(ROOT / name, folder / name)
    shutil.copy(ROOT / "pyproject.toml", folder)
    fake = folder / "fake-python"
    fake.write_text(f"#!/bin/sh\n{python}\n")
    fake.chmod(0o755)
    return subprocess.run(
        [str(folder / ".make" / "setup"), "core"],
        env={**os.environ, "PYTHON": str(fake)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize(
    ("python", "says"),
    [
        ('[ "$1" = -V ] && echo Python 3.10.13', "there is: Python 3.10.13"),
        ("exit 127", "there is: none"),
        (
            'case "$2" in *ensurepip*) exit 1;; *print*) echo 3.12;; esac',
            "apt install python3.12-venv",
        ),
    ],
)
def test_a_python_that_does_not_fit_gets_one_sentence(
    tmp_path: Path, python: str, says: str
) -> None:
    """On stderr, with what to do; nothing is left behind."""
    done = set_up(tmp_path, python)
    assert (done.returncode, done.stdout) == (1, "")
    assert says in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert not (tmp_path / ".venv").exists()
