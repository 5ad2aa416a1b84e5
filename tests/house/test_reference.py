"""The pages on commands, endpoints and settings are those that follow from the code."""

from __future__ import annotations

import runpy
import sys

import pytest

from api.app import create_app
from ledger.services.settings import Settings
from scripts.cli import COMMANDS, main

from .repository import ROOT, read


@pytest.fixture(scope="module")
def pages() -> dict[str, str]:
    """The pages as the code would have them now."""
    made: dict[str, str] = runpy.run_path(str(ROOT / ".make" / "reference.py"))["pages"]()
    return made


def test_every_command_is_documented() -> None:
    """Each verb of `touchstone` has its part in docs/commands.md; `make docs` writes it."""
    page = read("docs/commands.md").splitlines()
    assert [name for name in COMMANDS if f"## touchstone {name}" not in page] == []


def test_every_setting_is_documented_and_described() -> None:
    """Each setting has its row in docs/settings.md; `make docs` writes it."""
    page = read("docs/settings.md")
    names = [f"`TOUCHSTONE_{name.upper()}`" for name in Settings.model_fields]
    assert [name for name in names if name not in page] == []
    assert [n for n, field in Settings.model_fields.items() if not field.description] == []


def test_every_endpoint_is_documented() -> None:
    """Each method of each path has its part in docs/http.md, with a sentence: `make docs`."""
    paths = create_app().openapi()["paths"]
    named = {
        f"### {method.upper()} {path}": operation
        for path, methods in paths.items()
        for method, operation in methods.items()
    }
    assert [heading for heading in named if heading not in read("docs/http.md").splitlines()] == []
    assert [name for name, operation in named.items() if not operation.get("description")] == []


@pytest.mark.parametrize("name", ["commands.md", "http.md", "settings.md"])
def test_the_page_is_what_the_code_says(name: str, pages: dict[str, str]) -> None:
    """Defaults, options and help are those of the code; after a change: `make docs`."""
    assert read(f"docs/{name}") == pages[name], f"docs/{name} is out of date: run `make docs`"


def test_help_shows_the_words_in_brackets(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Text of an option that stands in brackets is no markup, and is shown."""
    monkeypatch.setattr(sys, "argv", ["touchstone", "print", "--help"])
    with pytest.raises(SystemExit) as ended:
        main()
    assert (ended.value.code, "[all]" in capsys.readouterr().out) == (0, True)
