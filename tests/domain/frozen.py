"""Frozen vectors, as rows of Python values."""

import json
from pathlib import Path
from typing import Any

VECTORS = Path(__file__).parents[1] / "vectors"


def load(name: str) -> dict[str, Any]:
    """Return one vector file, e.g. "touchstone/leaf"."""
    document: dict[str, Any] = json.loads((VECTORS / f"{name}.json").read_text())
    return document


def rows(name: str) -> list[dict[str, Any]]:
    """Return the rows of one vector file."""
    found: list[dict[str, Any]] = load(name)["rows"]
    return found


def raw(text: str) -> bytes:
    """Return the bytes of a 0x string."""
    assert text.startswith("0x")
    return bytes.fromhex(text[2:])
