"""What the written pages name exists: commands with their options, files, settings, tests, parts.

docs/commands.md, http.md and settings.md follow from the code by themselves: `test_reference.py`.
"""

from __future__ import annotations

import importlib
import re
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command

from ledger.services.settings import Settings
from scripts.cli import COMMANDS

from .repository import ROOT, committed_files, text_files

PAGES = [path for path in text_files(".md") if path.name not in ("commands.md", "http.md")]
# Files that people have, or that a data directory holds.
THEIRS = {"NAME.t.sol", "DIR.truth.json", "network.json", "proof.json", "trust.json"} | {
    "webhooks.json",
    "why.json",
}
CODE = re.compile(r"`([^`\n]+)`|^ {4}(.+)$", re.M)
COMMAND = re.compile(r"(?:^|\| |; )touchstone ([a-z][^|>#]*)")
FILE = re.compile(r"(?<![\w./*-])(\w[\w./-]*\.(?:py|ts|mjs|sol|json|md|toml|css|html))(?![\w/])")


def each(page: Path) -> str:
    """Return how a page is called."""
    return str(page.relative_to(ROOT))


def code(page: Path) -> list[str]:
    """Return what stands in a page as code, each span and each line."""
    return [span or line for span, line in CODE.findall(page.read_text(encoding="utf-8"))]


@cache
def names_of_tests() -> set[str]:
    """Return the names of all tests."""
    texts = (path.read_text(encoding="utf-8") for path in text_files(".py"))
    return {name for text in texts for name in re.findall(r"def (test_\w+)", text)}


def unknown_words(command: str) -> list[str]:
    """Return the words of a command line that `touchstone` does not know."""
    name, *words = command.split()
    if name not in COMMANDS:
        return [name]
    part: Any = get_command(importlib.import_module(COMMANDS[name][0]).app)
    while words and words[0] in getattr(part, "commands", {}):
        part = part.commands[words.pop(0)]
    options = {"--help", *(o for p in part.params for o in (*p.opts, *p.secondary_opts))}
    asked = [word.rstrip(".,;:)") for word in words if word.startswith("--")]
    return [word for word in asked if word not in options]


@pytest.mark.parametrize("page", PAGES, ids=each)
def test_commands_that_are_named_have_their_options(page: Path) -> None:
    """A command line can be typed as it is shown."""
    lines = [line for text in code(page) for line in COMMAND.findall(text)]
    assert [(line, wrong) for line in lines if (wrong := unknown_words(line))] == []


@pytest.mark.parametrize("page", PAGES, ids=each)
def test_files_that_are_named_are_there(page: Path) -> None:
    """By their path, the end of it, or their bare name."""
    there = [f"/{each(path)}" for path in committed_files()]
    named = {name for text in code(page) for name in FILE.findall(text)}
    named = {name for name in named if name.rsplit("/", 1)[-1] not in THEIRS}
    assert [name for name in named if not any(path.endswith(f"/{name}") for path in there)] == []


@pytest.mark.parametrize("page", PAGES, ids=each)
def test_settings_and_tests_that_are_named_are_there(page: Path) -> None:
    """`TOUCHSTONE_…` is a setting, `test_…` a test."""
    words = {word for text in code(page) for word in re.findall(r"\w+", text)}
    settings = {word for word in words if word.startswith("TOUCHSTONE_")}
    known = {f"TOUCHSTONE_{name.upper()}" for name in Settings.model_fields}
    assert settings - known == set()
    text = page.read_text(encoding="utf-8")
    assert set(re.findall(r"(?:`|::)(test_\w+)`", text)) - names_of_tests() == set()


@pytest.mark.parametrize("page", PAGES, ids=each)
def test_parts_that_are_linked_to_are_there(page: Path) -> None:
    """A link to a part of a page names one of its headings."""
    links = re.findall(r"\]\(([^)#\s:]*)#([^)]+)\)", page.read_text(encoding="utf-8"))
    for target, part in links:
        text = (page.parent / target if target else page).read_text(encoding="utf-8")
        heads = (
            re.sub(r"[^\w\- ]", "", head.lower()) for head in re.findall(r"^#+ (.+)$", text, re.M)
        )
        assert part in [head.replace(" ", "-") for head in heads], f"{target}#{part}"
