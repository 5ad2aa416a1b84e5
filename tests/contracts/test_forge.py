"""Forge: the fuzzed tests and invariants of contracts/test, and each of their rules taken out.

Forge runs the committed artifact. Each failing test is named; a machine without Node.js skips.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

import pytest

CONTRACTS = Path(__file__).parents[2] / "contracts"
TESTS = {path.name[:-6]: path.read_text() for path in (CONTRACTS / "test").glob("*.t.sol")}
TREES = {path.stem: path.read_text() for path in (CONTRACTS / "test").glob("*.tree")}
INVARIANTS = TESTS.pop("Invariants")
SHARED = {path.stem: path.read_text() for path in (CONTRACTS / "test/support").glob("*.sol")}
BROKEN = json.loads((CONTRACTS / "broken.json").read_text())
MINUTE = 60


@cache
def installed() -> Path:
    """Return forge; skip without Node.js, but not where everything must be there."""
    if shutil.which("node") is None or shutil.which("npm") is None:
        assert not os.environ.get("CI"), "CI must have Node.js to run forge"
        pytest.skip("Node.js is not installed, so forge cannot run here")
    binary = CONTRACTS / "node_modules" / ".bin" / "forge"
    if not binary.exists():
        subprocess.run(["npm", "ci", "--silent"], cwd=CONTRACTS, check=True)
    return binary


def failures(*arguments: str, **settings: str) -> dict[str, str]:
    """Run `forge test`; return what each failing test said. At least one test must have run."""
    run = subprocess.run(
        [str(installed()), "test", "--json", *arguments],
        cwd=CONTRACTS,
        env=os.environ | settings,
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.stdout.lstrip().startswith("{"), run.stderr or run.stdout
    suites: dict[str, Any] = json.loads(run.stdout)
    results = {
        f"{suite.split(':')[1]}.{test}": result
        for suite, tests in suites.items()
        for test, result in tests["test_results"].items()
    }
    assert results, "no test ran"
    return {
        name: f"{result['reason']} {result['counterexample']}"
        for name, result in results.items()
        if result["status"] != "Success"
    }


def script(name: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run contracts/NAME."""
    installed()
    return subprocess.run(
        [sys.executable, str(CONTRACTS / name), *arguments],
        capture_output=True,
        text=True,
        check=False,
    )


# ------------------------------------------------------------------------------- trees and tables


def branches(tree: str) -> dict[str, list[str]]:
    """Return each condition of a tree with what it should do then; bare actions by themselves."""
    path: list[str] = []
    found: dict[str, list[str]] = {}
    for line in tree.splitlines()[1:]:
        indent, words = re.fullmatch(r"([│ ]*)[├└]── (.*)", line).groups()  # type: ignore[union-attr]
        path = [*path[: len(indent) // 4], words]
        if words.startswith("it should"):
            found.setdefault(path[-2] if len(path) > 1 else words, []).append(words)
    return found


def test_name(condition: str, actions: list[str]) -> str:
    """Return how a branch's test is called: bulloak's way, after its innermost condition."""
    words = re.sub(r"[^\w ]", "", condition.replace("-", " ")).split()
    name = "".join(word[0].upper() + word[1:] for word in words)
    if not name.startswith("It") and all(a.startswith("it should revert") for a in actions):
        kind = "When" if name.startswith("When") else "Given"
        return f"Revert{kind}_{name.removeprefix(kind)}"
    return name


test_name.__test__ = False  # type: ignore[attr-defined]


def functions(source: str) -> dict[str, str]:
    """Return the bodies of a test contract's tests by name, without `test_` or `testFuzz_`."""
    parts = re.split(r"\n    function test(?:Fuzz)?_(\w+)", source)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


@pytest.mark.parametrize("tree", sorted(TREES))
def test_every_branch_has_its_forge_test_and_every_test_its_branch(tree: str) -> None:
    """A test may add words to its branch's name; the errors of a branch are in its tests.

    Branches that several trees share have their tests in the contract which those of each extend.
    """
    source = TESTS[tree[0].upper() + tree[1:]]
    source += "".join(SHARED[base] for base in re.findall(r"^contract \w+ is (\w+)", source, re.M))
    written = functions(source)
    wanted = {test_name(when, then): then for when, then in branches(TREES[tree]).items()}
    for name, actions in wanted.items():
        bodies = [body for test, body in written.items() if f"{test}_".startswith(f"{name}_")]
        assert bodies, f"no test of {name}"
        for error in re.findall(r"\b[A-Z][a-z]+[A-Z]\w+\b", " ".join(actions)):
            assert f"ITypes.{error}." in source, f"{name} does not name {error}"
    stray = {t for t in written if not any(f"{t}_".startswith(f"{name}_") for name in wanted)}
    assert stray == set()


def test_every_verb_has_its_forge_tests() -> None:
    """One file a tree."""
    assert {name[0].lower() + name[1:] for name in TESTS} == set(TREES)


def test_every_numbered_invariant_has_a_fuzzer_and_a_broken_rule() -> None:
    """The numbers of README.md's table, each with a test of that number and a rule to take out."""
    numbers = {
        int(n) for n in re.findall(r"^\| (\d+) \|", (CONTRACTS / "README.md").read_text(), re.M)
    }
    assert {int(n) for n in re.findall(r"function invariant_(\d+)_", INVARIANTS)} == numbers
    assert {row["invariant"] for row in BROKEN} == numbers


# ------------------------------------------------------------------------------------------- runs


@pytest.mark.needs_node
@pytest.mark.timeout(10 * MINUTE)
def test_forge_finds_nothing() -> None:
    """Every verb by its tree, with fuzzed inputs, and every invariant, briefly."""
    assert failures() == {}


@pytest.mark.needs_node
@pytest.mark.timeout(10 * MINUTE)
@pytest.mark.parametrize("number", sorted({row["invariant"] for row in BROKEN}))
def test_a_fuzzer_sees_that_its_rule_is_gone(number: int) -> None:
    """The contract with one rule of the invariant taken out, and its fuzzer finds a breach."""
    run = script("mutate.py", "rules", str(number), "first")
    assert run.returncode == 0, run.stdout + run.stderr


@pytest.mark.deep
@pytest.mark.needs_node
@pytest.mark.timeout(30 * MINUTE)
def test_forge_finds_nothing_at_length() -> None:
    """The marked properties 10,000 times, all others 500, and long walks of the handlers."""
    assert failures(FOUNDRY_PROFILE="deep") == {}


@pytest.mark.deep
@pytest.mark.needs_node
@pytest.mark.timeout(30 * MINUTE)
def test_properties_of_few_inputs_hold_for_every_one() -> None:
    """Where 1,024 inputs are all there are, random ones would only repeat them."""
    run = script("fuzz.py", "whole")
    assert run.returncode == 0, run.stdout + run.stderr


@pytest.mark.deep
@pytest.mark.needs_node
@pytest.mark.timeout(30 * MINUTE)
def test_some_properties_hold_a_hundred_thousand_times() -> None:
    """Drawn at random; the seed is in the message. All of them have run so once (FUZZED.md)."""
    run = script("fuzz.py", "some")
    assert run.returncode == 0, run.stdout + run.stderr


@pytest.mark.deep
@pytest.mark.needs_node
@pytest.mark.timeout(30 * MINUTE)
def test_a_fuzzer_sees_that_any_rule_is_gone() -> None:
    """Every rule of broken.json."""
    run = script("mutate.py", "rules")
    assert run.returncode == 0, run.stdout + run.stderr


@pytest.mark.deep
@pytest.mark.needs_node
@pytest.mark.timeout(30 * MINUTE)
def test_forty_mutants_are_killed() -> None:
    """Drawn at random; the seed is in the message. Those that nobody can tell are explained."""
    run = script("mutate.py", "some")
    assert run.returncode == 0, run.stdout + run.stderr
