"""What the tests of the repository share: its root, and its files as they would be committed."""

from __future__ import annotations

import subprocess
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


@cache
def committed_files() -> tuple[Path, ...]:
    """Return the files that git tracks; in a tree without git, all but what is ignored."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=False)
    if listed.returncode == 0:
        paths = [ROOT / name for name in listed.stdout.decode().split("\0") if name]
        return tuple(path for path in paths if path.is_file())
    hidden = {".venv", ".git", "node_modules", "__pycache__", ".touchstone"}
    return tuple(p for p in ROOT.rglob("*") if p.is_file() and not hidden & set(p.parts))


def text_files(*suffixes: str) -> list[Path]:
    """Return the committed files with one of these suffixes."""
    return [path for path in committed_files() if path.suffix in suffixes]


def read(name: str) -> str:
    """Return a file of the repository by its path from the root."""
    return (ROOT / name).read_text(encoding="utf-8")
