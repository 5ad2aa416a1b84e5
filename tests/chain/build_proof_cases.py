"""Freezes bundles with one fault, for checkers in any language: python -m
tests.chain.build_proof_cases adds the rows that are not there yet. Each row has both files as text,
since a fault may be in the writing, and the code by which it is refused (null: accepted, with its
exit status)."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from .proof_faults import FAULTS
from .proof_forge import NO_RUN, VECTORS, Forge
from .synthetic import keys
from .test_bundle import change_of, hexed, replace_validators

FROZEN = (
    "a member twice",
    "a fraction",
    "an unknown member",
    "hex without 0x",
    "trust expired",
    "trust signed by strangers",
    "no seal",
    "two seals of four",
    "a stranger's seal",
    "redated",
    "self-appointed validators",
    "a change with two votes of four",
    "another chain, trusted",
    "zero without a proof",
    "a proof that nothing needs",
    "another code's siblings",
    "the run hidden",
    "active, called not activated",
    "not decoded, called unknown by the chain",
    "a case that has left the pallet",
    "an event redated",
    "an event dropped, the rest renumbered",
    "an origin's history left out",
)


def main() -> None:
    """Add to cases.json."""
    by_name = {fault.name: fault for fault in FAULTS}
    rows = [
        _bad(by_name[name].base, by_name[name].change, name, by_name[name].code) for name in FROZEN
    ]
    add([*rows, _four(), _changed()])


def add(rows: Iterable[dict[str, Any]]) -> None:
    """Add rows to cases.json, but for those whose name is there: none is ever changed."""
    kept = json.loads((VECTORS / "cases.json").read_text())["rows"]
    frozen = {row["name"] for row in kept}
    kept += [row for row in rows if row["name"] not in frozen]
    text = ",\n".join(json.dumps(row, ensure_ascii=False) for row in kept)
    (VECTORS / "cases.json").write_text(
        '{"format": "touchstone-proof/1", "rows": [\n' + text + "\n]}\n"
    )


def _bad(base: str, change: Any, name: str, code: str) -> dict[str, Any]:
    forge = Forge.of(base)
    at = forge.at
    change(forge)
    return case(name, code, 1, at, forge.trust_file(), forge.bundle())


def _four() -> dict[str, Any]:
    forge = Forge.of(NO_RUN)
    forge.validators = keys(1, 2, 3, 4)
    return case("four validators", None, 0, forge.at, forge.trust_file(), forge.bundle())


def _changed() -> dict[str, Any]:
    forge, old, new = Forge.of(NO_RUN), keys(1, 2, 3, 4), keys(1, 2, 3, 4, 5)
    trust = replace_validators(forge, old)
    votes, first = change_of(forge, old, new)
    change = {"votes": [hexed(vote) for vote in votes], "first": hexed(first)}
    forge.document["headers"]["changes"] = [change]
    forge.header = replace(forge.header, number=first.number + 5)
    return case("a fifth validator since", None, 3, forge.at + 600, trust, forge.bundle())


def case(
    name: str, code: str | None, exit_: int, at: int, trust: bytes, bundle: bytes
) -> dict[str, Any]:
    """Return a row. code: None for a bundle that is accepted."""
    return {
        "name": name,
        "code": code,
        "exit": exit_,
        "at": at,
        "trust": trust.decode(),
        "bundle": bundle.decode(),
    }


if __name__ == "__main__":
    main()
