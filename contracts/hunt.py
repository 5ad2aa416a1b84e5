"""Hunt mutants in one process of forge: the tests' own functions, with inputs drawn from a seed.

A run of forge a mutant costs a second before the first test. So one test (test/mutants/Hunt.t.sol)
sets each test contract up once, keeps those inputs that pass on the contract as it is, and tries
them against mutant after mutant. A mutant's own tests come first: those of the verbs that reach the
function it is in.
"""

from __future__ import annotations

import json
import os
import random
import subprocess
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from eth_abi.abi import encode
from eth_utils.crypto import keccak
from mutants import HERE, Node, _walk, solc, sources

OUT = HERE / "build" / "out"
INPUTS, SEED = 6, 1  # of each test, many at an edge
RANDOM = random.Random  # of nothing secret


@dataclass(frozen=True)
class Tests:
    """The test functions of a contract, and an input for each call. artifact: as forge names it."""

    name: str
    artifact: str
    functions: tuple[str, ...]
    calls: tuple[str, ...]


def forge(arguments: Sequence[str], settings: Mapping[str, str]) -> Any:
    """Run `forge test --json` on one thread and return its suites. Raises SystemExit."""
    run = subprocess.run(  # noqa: S603
        [str(HERE / "node_modules/.bin/forge"), "test", "--json", "--threads", "1", *arguments],
        cwd=HERE,
        env=dict(os.environ) | settings,
        capture_output=True,
        text=True,
        check=False,
    )
    if not run.stdout.lstrip().startswith("{"):
        raise SystemExit(f"forge did not run: {run.stderr or run.stdout}")
    return json.loads(run.stdout)


def all_tests(seed: int) -> dict[str, Tests]:
    """Return each test contract of a verb by its verb, with inputs from a seed."""
    found = {}
    for path in sorted((HERE / "test").glob("*.t.sol")):
        name = path.name.removesuffix(".t.sol")
        if name == "Invariants":
            continue
        abi = json.loads((OUT / path.name / f"{name}Test.json").read_text())["abi"]
        draw, functions, calls = RANDOM(f"{seed} {name}"), [], []
        for function in abi:
            if not function.get("name", "").startswith("test"):
                continue
            types = [each["type"] for each in function["inputs"]]
            selector = keccak(f"{function['name']}({','.join(types)})".encode())[:4]
            for _ in range(INPUTS if types else 1):
                values = [_value(kind, draw) for kind in types]
                functions.append(function["name"])
                calls.append("0x" + (selector + encode(types, values)).hex())
        verb = name[0].lower() + name[1:]
        found[verb] = Tests(name, f"{path.name}:{name}Test", tuple(functions), tuple(calls))
    return found


def _value(kind: str, draw: random.Random) -> Any:
    """Return a value of an ABI type, often at an edge."""
    if kind.endswith("]"):
        inner, _, length = kind.rpartition("[")
        return [_value(inner, draw) for _ in range(int(length[:-1] or draw.randrange(4)))]
    if kind == "bool":
        return draw.random() < 0.5
    if kind == "bytes32":
        return draw.randbytes(32)
    if kind == "bytes":
        return draw.randbytes(draw.randrange(70))
    if kind == "address":
        return "0x" + draw.randbytes(20).hex()
    most = (1 << int(kind.removeprefix("uint"))) - 1
    return min(most, draw.choice((0, 1, 2, 3, draw.randrange(256), draw.randint(0, most), most)))


def reach() -> dict[str, frozenset[str]]:
    """Return for each function of the contract itself and all that lead to it."""
    output = solc(sources(), {"outputSelection": {"*": {"": ["ast"]}}})
    calls: dict[str, set[str]] = {}
    for source in output["sources"].values():
        for node in _walk(source["ast"]):
            if node["nodeType"] == "FunctionDefinition" and node.get("body"):
                calls.setdefault(node["name"] or node["kind"], set()).update(_called(node["body"]))
    above: dict[str, frozenset[str]] = {}
    for name in calls:
        found, new = {name}, {name}
        while new:
            new = {caller for caller, called in calls.items() if called & new} - found
            found |= new
        above[name] = frozenset(found)
    return above


def _called(body: Node) -> set[str]:
    calls = (node["expression"] for node in _walk(body) if node["nodeType"] == "FunctionCall")
    return {str(call.get("name") or call.get("memberName")) for call in calls}


def own_tests(function: str, above: Mapping[str, frozenset[str]], verbs: Iterable[str]) -> set[str]:
    """Return the verbs whose tests may notice a mutant of this function, signatures with them."""
    reached = above.get(function, frozenset({function}))
    found = {verb for verb in verbs if verb in reached}
    if "constructor" in reached:
        found |= {"registerParty", "setAdmins"}
    return found | ({"signatures"} if len(found) > 1 or not found else set())


def hunt(plan: Sequence[tuple[Tests, Sequence[int]]], artifact: str, kills: Path) -> None:
    """Try mutants by number on test contracts; a line of `kills` for each, with the test.

    artifact: the woven contract, as contracts/ sees it. Raises SystemExit if tests do not run.
    """
    with tempfile.TemporaryDirectory(dir=HERE / "build") as directory:
        place = Path(directory)
        plan = [(each, mutants) for each, mutants in plan if mutants]
        whole = {
            "most": max((max(mutants) for _, mutants in plan), default=0),
            "contracts": [each.name for each, _ in plan],
            "kills": str(kills.relative_to(HERE)),
        }
        (place / "plan.json").write_text(json.dumps(whole))
        for each, mutants in plan:
            names = [f"{each.name}Test.{function}" for function in each.functions]
            part = {"artifact": each.artifact, "functions": names, "calls": each.calls}
            (place / f"{each.name}.json").write_text(json.dumps(part | {"mutants": list(mutants)}))
        settings = {
            "LEDGER_ARTIFACT": artifact,
            "HUNT": f"build/{place.name}",
            "MUTANT": "0",
            "FOUNDRY_GAS_LIMIT": str(2**63 - 1),  # of all calls together
        }
        for suite in forge(("--match-test", "^test_hunt"), settings).values():
            for result in suite["test_results"].values():
                if result["status"] != "Success":
                    raise SystemExit(f"the hunt failed: {result['reason']}")


def read_kills(kills: Path) -> dict[int, str]:
    """Return the killed by number, with the test that did it."""
    lines = kills.read_text().splitlines() if kills.exists() else []
    return {int(number): test for number, test in (line.split() for line in lines)}


def try_all(
    mutants: Sequence[tuple[int, str]], alike: set[int], artifact: str, kills: Path
) -> dict[int, str]:
    """Return the killed of (number, function), by their own verbs' tests or by any other.

    alike: numbers that nobody can tell from the contract: their own tests alone are tried on
    them. kills: goes on from what it holds.
    """
    tests, above = all_tests(SEED), reach()
    own = {number: own_tests(function, above, tests) for number, function in mutants}
    order = sorted(tests, key=lambda verb: (verb == "signatures", verb))
    for mine in (True, False):
        done = set(read_kills(kills)) | (set() if mine else alike)
        plan = [
            (tests[verb], [n for n, _ in mutants if (verb in own[n]) is mine and n not in done])
            for verb in order
        ]
        hunt(plan, artifact, kills)
    return read_kills(kills)
