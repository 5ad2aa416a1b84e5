"""Typed data as JSON: bytes as 0x hex, numbers over what JSON readers keep exactly as 0x hex."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ledger.domain.typed_data import STRUCTS


def to_json(value: Any) -> Any:
    """Return decoded arguments as JSON keeps them: bytes as 0x hex, the rest as it is."""
    if isinstance(value, bytes):
        return "0x" + value.hex()
    if isinstance(value, Mapping):
        return {name: to_json(part) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return [to_json(part) for part in value]
    if isinstance(value, int) and not isinstance(value, bool) and value >= 1 << 63:
        return hex(value)  # over what JSON readers and databases keep exactly
    return value


def from_json(name: str, values: Mapping[str, Any]) -> dict[str, Any]:
    """Return a struct of typed data from its JSON. Raises KeyError, ValueError, TypeError."""
    return {field: _value(kind, values[field]) for kind, field in STRUCTS[name]}


def to_bytes(text: str) -> bytes:
    """Return the bytes of 0x hex; ValueError for anything else."""
    return bytes.fromhex(text.removeprefix("0x"))


def _value(kind: str, value: Any) -> Any:
    if kind.endswith("[]"):
        return [_value(kind[:-2], item) for item in value]
    if kind in STRUCTS:
        return from_json(kind, value)
    if kind in ("bytes32", "address"):
        return to_bytes(value)
    return int(value, 16) if isinstance(value, str) else int(value)
