"""The written pages: links lead somewhere, records name files that exist, invariants have tests."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from .repository import ROOT, committed_files, read, text_files

PAGES = text_files(".md")
RECORDS = [path for path in PAGES if path.parent.name == "decisions"]


@pytest.mark.parametrize("page", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    """A link inside the repository names a file that is in it."""
    targets = re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8"))
    inside = [target for target in targets if "://" not in target]
    assert [target for target in inside if not (page.parent / target).exists()] == []


def test_records_are_numbered_without_a_gap() -> None:
    """docs/decisions/0001-… to the newest, each under its number and with the four parts."""
    names = sorted(path.name for path in RECORDS)
    assert [name[:4] for name in names] == [f"{i:04d}" for i in range(1, len(names) + 1)]
    for path in RECORDS:
        text = path.read_text(encoding="utf-8")
        assert text.startswith(f"# {path.name[:4]} "), path.name
        for part in ("**Context.**", "**Decision.**", "**Consequence.**", "**True in:**"):
            assert part in text, f"{path.name} lacks {part}"


@pytest.mark.parametrize("record", RECORDS, ids=lambda path: path.stem[:4])
def test_a_record_names_files_that_are_there(record: Path) -> None:
    """Where a decision is true can be opened; a bare name is in the folder of the one before it."""
    where = record.read_text(encoding="utf-8").split("**True in:**")[1]
    folder = ROOT
    for name in re.findall(r"[\w./-]+\.\w+", re.sub(r"\([^)]*\)", "", where)):
        path = ROOT / name if "/" in name else folder / name
        assert path.exists(), name
        folder = path.parent


def test_every_invariant_names_a_test_that_is_there() -> None:
    """ARCHITECTURE.md's invariants are numbered I1, I2, … and each is held by a test."""
    rows = re.findall(r"^\| I(\d+) \| .+ \| `([^`]+)::(\w+)` \|$", read("ARCHITECTURE.md"), re.M)
    assert [int(number) for number, _, _ in rows] == list(range(1, len(rows) + 1))
    assert [name for _, file, name in rows if f"def {name}(" not in read(file)] == []


def test_the_changelog_has_a_place_for_what_comes_next() -> None:
    """Keep a Changelog: what is not released yet stands first."""
    heads = re.findall(r"^## \[(.+?)\]", read("CHANGELOG.md"), re.M)
    assert heads[0] == "Unreleased"


def test_no_file_speaks_of_the_machine_it_was_written_on() -> None:
    """No path of somebody's machine, no private address, no trace of a merge."""
    traces = re.compile(r"(?<![\w.])/(?:work|root|home/\w+|Users/\w+)/|^<{7} |^>{7} ", re.M)
    texts = (".py", ".md", ".sol", ".ts", ".mjs", ".json", ".lock", ".toml", ".html", ".css", "")
    found = [
        str(path.relative_to(ROOT))
        for path in committed_files()
        if path.suffix in texts and path.name != Path(__file__).name
        if traces.search(path.read_text(encoding="utf-8", errors="ignore"))
    ]
    assert found == []
