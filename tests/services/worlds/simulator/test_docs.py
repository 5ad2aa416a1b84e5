"""docs/simulator.md says what the simulator does."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

from ledger.services.worlds.simulator import ATTACKS, Settings

PAGE = Path(__file__).resolve().parents[4] / "docs/simulator.md"


def test_every_setting_is_explained() -> None:
    """Each field of Settings stands in the table."""
    rows = [line for line in PAGE.read_text("utf-8").splitlines() if line.startswith("| `")]
    named = " ".join(line.split("|")[1] for line in rows)
    assert [field.name for field in fields(Settings) if f"`{field.name}`" not in named] == []


def test_every_attack_is_explained() -> None:
    """Each attack has a row of its own."""
    text = PAGE.read_text("utf-8")
    assert [name for name in ATTACKS if f"| `{name}` |" not in text] == []
