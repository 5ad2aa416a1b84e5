"""Break the contract in one place at a time and see whether the tests notice.

    .venv/bin/python contracts/mutate.py list              # every mutant by name
    .venv/bin/python contracts/mutate.py some [SEED]       # 40 of them, drawn with a printed seed
    .venv/bin/python contracts/mutate.py all               # every one; writes MUTANTS.md
    .venv/bin/python contracts/mutate.py one NAME          # this one
    .venv/bin/python contracts/mutate.py rules [N [first]] # each invariant's rule removed

All mutants are in one artifact (mutants.py), built once into build/. One run of forge hunts them
(hunt.py): with the tests of the mutated verb, then, if one lives, with all others, at last with the
invariants' fuzzers. One that lives must be explained in explained.json, by name. `rules` takes out
the rules of broken.json one by one and wants the fuzzer of the invariant of that number to fail.
Exit status 1 if anything lives.
"""

from __future__ import annotations

import hashlib
import json
import random
import sys
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from build import SETTINGS
from hunt import forge, try_all
from mutants import HERE, find, patched, solc, sources, weave

BUILD = HERE / "build"
TABLE = HERE / "MUTANTS.md"
MADE_BY = (HERE / "broken.json", HERE / "mutants.py", HERE / "build.py")
FIRST_RULE = 9001
QUICK = {"FOUNDRY_INVARIANT_RUNS": "8", "FOUNDRY_INVARIANT_DEPTH": "40"}
# Runs for each fuzzer to meet the rule that is gone: most in the first few, a rare one in more.
PATIENCE = (64, 1024)


@dataclass(frozen=True)
class Rule:
    """One rule of an invariant, and the mutants or patches that take it out."""

    invariant: int
    number: int
    rule: str
    without: tuple[str, ...]
    patches: tuple[Mapping[str, str], ...]


@dataclass(frozen=True)
class Made:
    """A mutant that was compiled. function: where it is."""

    name: str
    function: str


@dataclass(frozen=True)
class Fate:
    """What became of a mutant. killer: the first test that failed, None if it lives."""

    name: str
    killer: str | None


def rules() -> list[Rule]:
    """Return the rules of broken.json, numbered after all mutants."""
    rows = json.loads((HERE / "broken.json").read_text())
    return [
        Rule(
            row["invariant"],
            FIRST_RULE + place,
            row["rule"],
            tuple(row.get("without", ())),
            tuple(row.get("patches", ())),
        )
        for place, row in enumerate(rows)
    ]


def build(what: str) -> list[tuple[int, Made]]:
    """Return the mutants of an artifact by number, with it up to date.

    what: "mutants" for all of them, "rules" for those of broken.json, which compile faster.
    Raises SystemExit if the sources or broken.json cannot be woven.
    """
    made_of = [*sources().values(), *(path.read_text() for path in MADE_BY)]
    stamp = hashlib.sha256("".join(made_of).encode()).hexdigest()
    path = BUILD / f"{what}.json"
    kept = json.loads(path.read_text()) if path.exists() else {}
    if kept.get("stamp") != stamp:
        kept = {"stamp": stamp, **_compile(sources(), what)}
        BUILD.mkdir(exist_ok=True)
        path.write_text(json.dumps(kept))
    return [(number, Made(*row)) for number, row in enumerate(kept["mutants"], 1)]


def _compile(files: Mapping[str, str], what: str) -> dict[str, Any]:
    mutants = find(files)
    known = {mutant.name for mutant in mutants}
    numbers: dict[str, int] = {}
    for rule in rules():
        gone = [name for name in rule.without if name not in known]
        if gone:
            raise SystemExit(f"broken.json names what is not there: {', '.join(gone)}")
        patches = [
            mutant
            for patch in rule.patches
            for mutant in patched(files, f"rule {rule.number}", patch)
        ]
        if what == "rules":
            mutants += patches
        numbers |= dict.fromkeys([*rule.without, *(patch.name for patch in patches)], rule.number)
    if what == "rules":
        mutants = [mutant for mutant in mutants if mutant.name in numbers]
    settings = dict(SETTINGS) | {"outputSelection": {"src/Ledger.sol": {"*": ["evm.bytecode"]}}}
    output = solc(weave(files, mutants, numbers), settings)
    code = output["contracts"]["src/Ledger.sol"]["Ledger"]["evm"]["bytecode"]["object"]
    return {"bytecode": f"0x{code}", "mutants": [[m.name, m.function] for m in mutants]}


def fuzz(what: str, number: int, *arguments: str, **settings: str) -> dict[str, str]:
    """Run forge on mutant or rule `number` of an artifact; return what each failed test said."""
    with tempfile.TemporaryDirectory() as kept:
        settings |= {
            "MUTANT": str(number),
            "LEDGER_ARTIFACT": f"build/{what}.json",
            "FOUNDRY_FUZZ_FAILURE_PERSIST_DIR": kept,
            "FOUNDRY_INVARIANT_FAILURE_PERSIST_DIR": kept,
            "FOUNDRY_INVARIANT_SHRINK_RUN_LIMIT": "0",
        }
        suites = forge(arguments, settings)
    return {
        f"{suite.split(':')[1]}.{test.split('(')[0]}": str(result.get("reason") or "")
        for suite, results in suites.items()
        for test, result in results["test_results"].items()
        if result["status"] == "Failure"
    }


def try_many(chosen: Iterable[tuple[int, Made]], explained: Mapping[str, str]) -> list[Fate]:
    """Hunt mutants, then let the invariants' fuzzers at those that live without an explanation.

    What was killed stays so till the contract or its tests change.
    """
    chosen = list(chosen)
    stamp = json.loads((BUILD / "mutants.json").read_text())["stamp"]
    kills = BUILD / f"killed-{stamp[:16]}-{tests_stamp()[:16]}"
    forge(("--list",), {})  # compiles the tests
    pairs = [(number, mutant.function) for number, mutant in chosen]
    alike = {number for number, mutant in chosen if mutant.name in explained}
    killed = try_all(pairs, alike, "build/mutants.json", kills)
    for number, mutant in chosen:
        if number not in killed and number not in alike:
            failed = fuzz(
                "mutants", number, "--match-contract", "Invariants", "--fail-fast", **QUICK
            )
            sys.stderr.write(f"{mutant.name}: {min(failed, default='LIVES')}\n")
            if failed:
                killed[number] = min(failed)
                with kills.open("a") as lines:
                    lines.write(f"{number} {min(failed)}\n")
    return [Fate(mutant.name, killed.get(number)) for number, mutant in chosen]


def tests_stamp() -> str:
    """Return the hash of all that forge compiles."""
    files = sorted((HERE / "test").rglob("*.sol"))
    return hashlib.sha256(b"".join(path.read_bytes() for path in files)).hexdigest()


def verdict(fates: Iterable[Fate], explained: Mapping[str, str]) -> int:
    """Name those that live without an explanation; 1 if there are any."""
    fates = list(fates)
    alive = [fate.name for fate in fates if fate.killer is None and fate.name not in explained]
    killed = sum(1 for fate in fates if fate.killer)
    sys.stdout.write(f"{killed} of {len(fates)} mutants killed, {len(alive)} live unexplained\n")
    for name in alive:
        sys.stdout.write(f"lives: {name}\n")
    return 1 if alive else 0


def table(fates: Iterable[Fate], explained: Mapping[str, str]) -> str:
    """Return MUTANTS.md: each mutant with its killer, or why it may live."""
    fates = list(fates)
    killed = sum(1 for fate in fates if fate.killer)
    lines = [
        "# Mutants of the contract",
        "Written by `contracts/mutate.py all`: the contract broken in one place at a time, and the",
        "first test that noticed. What lives is explained in `explained.json`: nobody can tell it",
        "from the contract.",
        "",
        f"{len(fates)} mutants, {killed} killed, {len(fates) - killed} explained.",
        "",
        "| mutant | killed by, or why it lives |",
        "| --- | --- |",
    ]
    for fate in fates:
        what = f"`{fate.killer}`" if fate.killer else explained.get(fate.name, "**lives**")
        lines.append(f"| {fate.name.replace('|', chr(92) + '|')} | {what} |")
    return "\n".join(lines) + "\n"


def break_rules(chosen: Iterable[Rule]) -> int:
    """Take each rule out and see its invariant fail; print one line a rule."""
    status = 0
    for rule in chosen:
        said = next(filter(None, (_breach(rule, runs) for runs in PATIENCE)), None)
        sys.stdout.write(
            f"{rule.invariant:02d} without {rule.rule}: {said or 'HOLDS ALL THE SAME'}\n"
        )
        status |= said is None
    return status


def _breach(rule: Rule, runs: int) -> str | None:
    """Return how the invariant's fuzzer sees that a rule is gone; None if it does not."""
    test = f"invariant_{rule.invariant:02d}_"
    long = {"FOUNDRY_INVARIANT_RUNS": str(runs), "FOUNDRY_INVARIANT_DEPTH": "60"}
    failed = fuzz("rules", rule.number, "--match-test", test, **long)
    return next((why for name, why in failed.items() if test in name), None)


def main() -> int:
    """Carry out the command line."""
    command, *rest = sys.argv[1:] or ["list"]
    if command == "rules":
        build("rules")
        broken = [rule for rule in rules() if not rest or str(rule.invariant) == rest[0]]
        return break_rules(broken[:1] if "first" in rest else broken)
    mutants = build("mutants")
    explained = json.loads((HERE / "explained.json").read_text())
    if command == "list":
        sys.stdout.write("".join(f"{number} {mutant.name}\n" for number, mutant in mutants))
        return 0
    if command == "one":
        return verdict(
            try_many((each for each in mutants if each[1].name == rest[0]), explained), explained
        )
    if command == "some":
        seed = int(rest[0]) if rest else random.SystemRandom().randrange(2**32)
        sys.stdout.write(f"seed {seed}\n")
        drawn = random.Random(seed).sample(mutants, 40)  # noqa: S311
        return verdict(try_many(drawn, explained), explained)
    if command == "all":
        fates = try_many(mutants, explained)
        TABLE.write_text(table(fates, explained))
        return verdict(fates, explained)
    raise SystemExit(__doc__)


if __name__ == "__main__":
    sys.exit(main())
