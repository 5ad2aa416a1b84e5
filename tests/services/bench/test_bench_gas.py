"""The gas of every verb is the committed one, and what is published is what was measured."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from ledger.chain.artifact import artifact
from ledger.domain.verbs import LISTS, SIGNINGS
from ledger.services.bench.bench_gas import TARGETS, measure
from ledger.services.bench.bench_gas_rows import LISTED, ROWS

CONTRACTS = Path(__file__).parents[3] / "contracts"
SNAPSHOT: dict[str, Any] = json.loads((CONTRACTS / "gas.json").read_text())


def within(part: Any, whole: Any) -> Any:
    """Return what `whole` has in the places that `part` has."""
    if not isinstance(part, dict):
        return whole
    return {name: within(value, whole[name]) for name, value in part.items()}


def test_the_gas_of_every_verb_is_the_committed_one(tmp_path: Path) -> None:
    """To the last unit: after a change of the contract, `bench gas --json > contracts/gas.json`."""
    found = measure(tmp_path / "node", whole=False)
    assert len(found["verbs"]) > 15
    assert found == within(found, SNAPSHOT)


def test_every_verb_has_its_row() -> None:
    """Also those added later: each function of the contract but views and the batch itself."""
    functions = {signing.function for signing in SIGNINGS.values()} | set(LISTS.values())
    assert {*ROWS, *LISTED} == functions | {"group"}
    assert set(SNAPSHOT["verbs"]) == {*ROWS, *LISTED}
    writing = {
        entry["name"]
        for entry in artifact()["abi"]
        if entry["type"] == "function" and entry["stateMutability"] == "nonpayable"
    }
    assert writing == {*ROWS, *LISTED, "batch"}


def test_the_table_of_the_readme_is_the_committed_one() -> None:
    """contracts/README.md shows what was measured, and which targets are met."""
    page = (CONTRACTS / "README.md").read_text()
    rows = re.findall(r"^\| `([\w.]+)` \| ([\d,.]+) \| ([\d,]*) ?(met|missed)? ?\|$", page, re.M)
    assert len(rows) > 12
    for path, shown, _, _ in rows:
        assert float(shown.replace(",", "")) == _at(path), path
    judged = {path: (most.replace(",", ""), said) for path, _, most, said in rows if said}
    assert judged == {
        target.path: (
            f"{target.most:g}",
            "met" if target.figure(SNAPSHOT) <= target.most else "missed",
        )
        for target in TARGETS
    }


def _at(path: str) -> float:
    found: Any = SNAPSHOT
    for name in path.split("."):
        found = found[name]
    return float(found)
