"""The compiled contract as it is committed: calls, events and errors by name, storage by layout.

Running needs no compiler; a test recompiles and fails on drift.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.resources import files
from typing import Any

from eth_abi.abi import decode, encode

from ledger.chain.storage import Layout
from ledger.domain.keccak import keccak
from ledger.errors import Broken

Json = Mapping[str, Any]


@cache
def artifact() -> Json:
    """Return the committed artifact: abi, bytecode, runtime_bytes, registrar, layout."""
    text = files("ledger.chain").joinpath("artifacts/Ledger.json").read_text()
    loaded: Json = json.loads(text)
    return loaded


def layout() -> list[dict[str, Any]]:
    """Return the storage layout, `touchstone-layout/1`: {label, slot, offset, bytes, members}."""
    rows: list[dict[str, Any]] = artifact()["layout"]
    return rows


@cache
def own_layout() -> Layout:
    """Return where the contract of this version keeps what."""
    return Layout(layout())


NO_PREDECESSOR = (0, bytes(20), 0, bytes(32))


def deploy_data(
    admins: Sequence[bytes],
    threshold: int,
    predecessor: tuple[int, bytes, int, bytes] = NO_PREDECESSOR,
) -> bytes:
    """Return the code that creates the contract, which creates its registrar.

    admins: 20 bytes each. predecessor: chain id, contract, number and hash of the last block of the
    sealed ledger that this one goes on from.
    """
    head = bytes.fromhex(artifact()["bytecode"][2:])
    types = [_type(item) for item in _entries("constructor")[""]["inputs"]]
    return head + encode(types, [_plain(v) for v in (sorted(admins), threshold, predecessor)])


def call_data(function: str, *arguments: Any) -> bytes:
    """Return the calldata of a call. Structs are tuples, addresses 20 bytes."""
    entry = _entries("function")[function]
    types = [_type(item) for item in entry["inputs"]]
    return _selector(entry) + encode(types, [_plain(a) for a in arguments])


def calls(data: bytes, function: str) -> bool:
    """Say whether calldata calls a function."""
    return data[:4] == _selector(_entries("function")[function])


def decode_event(topics: Sequence[bytes], data: bytes) -> tuple[str, dict[str, Any]] | None:
    """Return an event's name and its arguments, None for one that is not the contract's."""
    entry = _by_topic().get(topics[0]) if topics else None
    if entry is None:
        return None
    indexed = [item for item in entry["inputs"] if item["indexed"]]
    plain = [item for item in entry["inputs"] if not item["indexed"]]
    values: dict[str, Any] = {}
    for item, topic in zip(indexed, topics[1:], strict=True):
        values[item["name"]] = _named(item, decode([_type(item)], topic)[0])
    for item, value in zip(plain, decode([_type(item) for item in plain], data), strict=True):
        values[item["name"]] = _named(item, value)
    return entry["name"], values


def decode_error(data: bytes) -> tuple[str, tuple[Any, ...]] | None:
    """Return a custom error's name and arguments, None for one that is not the contract's."""
    entry = _errors().get(data[:4])
    if entry is None:
        return None
    types = [_type(item) for item in entry["inputs"]]
    # A part of a batch keeps 128 bytes of its error: the fixed arguments fit, the rest is cut.
    return entry["name"], decode(types, data[4:].ljust(32 * len(types), b"\0"))


def event_names() -> frozenset[str]:
    """The events of the contract."""
    return frozenset(_entries("event"))


def error_names() -> frozenset[str]:
    """The custom errors of the contract."""
    return frozenset(_entries("error"))


@cache
def _entries(kind: str) -> dict[str, Json]:
    entries = (entry for entry in artifact()["abi"] if entry["type"] == kind)
    return {entry.get("name", ""): entry for entry in entries}


@cache
def _by_topic() -> dict[bytes, Json]:
    return {keccak(_signature(entry).encode()): entry for entry in _entries("event").values()}


@cache
def _errors() -> dict[bytes, Json]:
    return {_selector(entry): entry for entry in _entries("error").values()}


def _selector(entry: Json) -> bytes:
    return keccak(_signature(entry).encode())[:4]


def _signature(entry: Json) -> str:
    return f"{entry['name']}({','.join(_type(item) for item in entry['inputs'])})"


def _type(item: Json) -> str:
    kind: str = item["type"]
    if not kind.startswith("tuple"):
        return kind
    return f"({','.join(_type(part) for part in item['components'])}){kind.removeprefix('tuple')}"


def _named(item: Json, value: Any) -> Any:
    """Give a decoded value the shapes of typed data: dict for a struct, 20 bytes for an address."""
    kind: str = item["type"]
    if kind.endswith("[]"):
        inner = {**item, "type": kind[:-2]}
        return [_named(inner, part) for part in value]
    if kind == "tuple":
        parts = zip(item["components"], value, strict=True)
        return {part["name"]: _named(part, inner) for part, inner in parts}
    if kind == "address":
        return bytes.fromhex(value[2:])
    return value


def _plain(value: Any) -> Any:
    """The shapes of typed data as eth_abi takes them."""
    if isinstance(value, Mapping):
        return tuple(_plain(part) for part in value.values())
    if isinstance(value, list | tuple):
        return tuple(_plain(part) for part in value)
    if isinstance(value, bytes) and len(value) == 20:
        return _hex(value)
    return value


def _hex(address: bytes) -> str:
    return "0x" + address.hex()


def label(name: str) -> dict[str, Any]:
    """Return one top-level row of the layout; Broken LAYOUT_UNKNOWN if there is none."""
    for row in layout():
        if row["label"] == name:
            return row
    raise Broken("LAYOUT_UNKNOWN", f"The layout has no '{name}': reinstall Touchstone.")
