"""The spec trees of contracts/test: every verb has one, and what they name exists."""

from __future__ import annotations

import re
from pathlib import Path

from ledger.chain.artifact import artifact, error_names

HERE = Path(__file__).parent
TREES = {
    path.stem: path.read_text() for path in (HERE.parents[1] / "contracts/test").glob("*.tree")
}
# Tests of the tests, of gas, of the model and of forge stand for no branch of a verb.
NO_TREE = {"test_trees.py", "test_gas.py", "test_custody_model.py", "test_forge.py"}
# Errors that no verb of today can reach, and why.
UNREACHED = {
    "BatchCounterSpent": "after 2^31 batches",
}


def names() -> set[str]:
    """The names of the tests of verbs."""
    sources = (path for path in HERE.glob("test_*.py") if path.name not in NO_TREE)
    return {
        name for path in sources for name in re.findall(r"^def (test_\w+)", path.read_text(), re.M)
    }


def test_every_function_of_the_contract_has_a_tree() -> None:
    """One file a function, and one for signatures."""
    functions = {entry["name"] for entry in artifact()["abi"] if entry["type"] == "function"}
    assert set(TREES) == functions | {"signatures"}
    assert all(text.splitlines()[0] == name for name, text in TREES.items())


def test_trees_and_tests_name_each_other() -> None:
    """No branch without its test, no test without its branch."""
    named = {name for text in TREES.values() for name in re.findall(r"test_\w+", text)}
    assert named == names()


def test_every_error_of_the_contract_is_in_a_tree() -> None:
    """By name, beside the test that reaches it; nothing else is called an error."""
    found = {
        word
        for text in TREES.values()
        for line in re.findall(r"revert(?:s)? ([A-Z][^\n]*)", text)
        for word in re.findall(r"\b[A-Z][A-Za-z]+\b", line)
    }
    assert found == error_names() - set(UNREACHED)
