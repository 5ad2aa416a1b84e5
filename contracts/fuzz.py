"""Run each fuzzed property 100,000 times, or with all its inputs where it has fewer.

    .venv/bin/python contracts/fuzz.py list                  # every property with its inputs
    .venv/bin/python contracts/fuzz.py whole [MOST]          # all inputs of those with at most MOST
    .venv/bin/python contracts/fuzz.py some [COUNT] [SEED]   # COUNT properties drawn at random
    .venv/bin/python contracts/fuzz.py long JOURNAL [SEED]   # the campaign: hours
    .venv/bin/python contracts/fuzz.py table JOURNAL         # writes FUZZED.md

The campaign writes a line of its journal as each property ends, with its seed, and goes on from
there when it is started again. What ran on another contract or another test runs again. It takes
every processor; a property that fails is told with what forge said of it, and the others go on.
It is compiled with the optimiser (profile `long`), which takes minutes and saves some of each run.
Exit status 1 if one failed.
"""

from __future__ import annotations

import hashlib
import json
import random
import resource
import sys
import tempfile
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from eth_utils.crypto import keccak
from hunt import forge
from mutants import HERE

RUNS = 100_000
SOME = 4  # properties of `some`
FEW = 1_024  # inputs of a property that `whole` tries, unless it is told to try more
AT_ONCE = 2_048  # inputs that forge is given: it copies the events of all before at each one
BITS = {"bool": 1, "uint8": 8, "uint16": 16}  # of those arguments that all can be tried of
LEDGER = HERE.parent / "ledger/chain/artifacts/Ledger.json"
TABLE = HERE / "FUZZED.md"
LONG = ("long", HERE / "build/long-out")  # forge's profile, and where it compiles to
USUAL = ("default", HERE / "build/out")


@dataclass(frozen=True)
class Property:
    """A fuzzed test. bits: of each argument, None if they are too many. stamp: of what runs."""

    contract: str
    name: str
    types: tuple[str, ...]
    stamp: str

    @property
    def title(self) -> str:
        """Contract and function."""
        return f"{self.contract}.{self.name}"

    @property
    def bits(self) -> tuple[int, ...] | None:
        """The bits of each argument, or None where there are more inputs than runs."""
        bits = tuple(BITS.get(kind, 256) for kind in self.types)
        return bits if 1 << sum(bits) <= RUNS else None

    @property
    def inputs(self) -> int:
        """How many there are, or RUNS where there are more."""
        return RUNS if self.bits is None else 1 << sum(self.bits)


@dataclass(frozen=True)
class Run:
    """A line of the journal: these inputs passed. seconds: processor time. seed: None if all."""

    title: str
    stamp: str
    inputs: int
    seed: int | None
    seconds: float


def properties(profile: tuple[str, Path] = LONG) -> list[Property]:
    """Return every fuzzed property, as forge compiles it."""
    forge(("--list",), {"FOUNDRY_PROFILE": profile[0]})
    ledger = json.loads(LEDGER.read_text())["bytecode"]
    found = []
    for path in sorted((HERE / "test").glob("*.t.sol")):
        name = path.name.removesuffix(".t.sol")
        made = profile[1] / path.name / f"{name}Test.json"
        if not made.exists():  # the invariants: walks, not inputs
            continue
        artifact = json.loads(made.read_text())
        code = artifact["bytecode"]["object"]
        stamp = hashlib.sha256(f"{ledger}{code}".encode()).hexdigest()[:16]
        for function in artifact["abi"]:
            if function.get("name", "").startswith("testFuzz_"):
                types = tuple(each["type"] for each in function["inputs"])
                found.append(Property(f"{name}Test", function["name"], types, stamp))
    return found


def passed(results: Any) -> None:
    """Raise SystemExit with what forge said, unless just one test ran and passed."""
    tests = [result for suite in results.values() for result in suite["test_results"].values()]
    if len(tests) != 1:
        raise SystemExit(f"{len(tests)} tests ran instead of one")
    if tests[0]["status"] != "Success":
        raise SystemExit(f"FAILED: {tests[0]['reason']} {tests[0]['counterexample'] or ''}")


def try_all_inputs(chosen: Sequence[Property], profile: tuple[str, Path] = LONG) -> None:
    """Try every input of properties of one test contract. Raises SystemExit if one fails."""
    for start in range(0, max(each.inputs for each in chosen), AT_ONCE):
        _try([each for each in chosen if each.inputs > start], start, profile)


def _try(chosen: Sequence[Property], start: int, profile: tuple[str, Path]) -> None:
    contract = chosen[0].contract
    plan = {
        "artifact": f"{contract.removesuffix('Test')}.t.sol:{contract}",
        "names": [each.title for each in chosen],
        "selectors": [
            "0x" + keccak(f"{each.name}({','.join(each.types)})".encode())[:4].hex()
            for each in chosen
        ],
        "bits": ["0x" + bytes(each.bits or ()).hex() for each in chosen],
        "from": start,
        "to": start + AT_ONCE,
    }
    with tempfile.TemporaryDirectory(dir=HERE / "build") as directory:
        place = Path(directory) / "plan.json"
        place.write_text(json.dumps(plan))
        settings = {
            "FOUNDRY_PROFILE": profile[0],
            "FOUNDRY_GAS_LIMIT": str(2**63 - 1),  # of all inputs together
            "WHOLE": str(place.relative_to(HERE)),
        }
        passed(forge(("--match-test", "^test_whole"), settings))


def fuzz(each: Property, seed: int) -> None:
    """Run a property RUNS times. Raises SystemExit if it fails."""
    which = ("--match-contract", f"^{each.contract}$", "--match-test", f"^{each.name}\\(")
    settings = {
        "FOUNDRY_PROFILE": LONG[0],
        "FOUNDRY_FUZZ_RUNS": str(RUNS),
        "FOUNDRY_FUZZ_SEED": hex(seed),
    }
    passed(forge(which, settings))


def whole(most: int) -> int:
    """Try all inputs of those properties that have at most `most`; return how many those are."""
    everyone = properties(USUAL)
    chosen = [each for each in everyone if each.bits is not None and each.inputs <= most]
    for contract in sorted({each.contract for each in chosen}):
        try_all_inputs([each for each in chosen if each.contract == contract], USUAL)
    return len(chosen)


def some(count: int, seed: int) -> list[str]:
    """Run properties drawn at random among those with many inputs; return their names. Raises
    SystemExit if one fails."""
    many = [each for each in properties() if each.bits is None]
    chosen = random.Random(seed).sample(many, count)  # noqa: S311
    with ProcessPoolExecutor() as processors:
        list(processors.map(fuzz, chosen, [seed] * count))
    return [each.title for each in chosen]


def read(journal: Path) -> dict[tuple[str, str], Run]:
    """Return the newest line of each property as it was."""
    lines = journal.read_text().splitlines() if journal.exists() else []
    runs = (Run(**json.loads(line)) for line in lines)
    return {(run.title, run.stamp): run for run in runs}


def campaign(journal: Path, seed: int) -> None:
    """Run all that the journal has not, few inputs first. Raises SystemExit if one failed."""
    done, everyone = read(journal), properties()
    left = [each for each in everyone if (each.title, each.stamp) not in done]
    left.sort(key=lambda each: each.inputs)
    failed = 0
    with ProcessPoolExecutor() as processors:
        runs = {processors.submit(_run, each, seed): each for each in left}
        for count, run in enumerate(as_completed(runs), len(everyone) - len(left) + 1):
            said = f"{count} of {len(everyone)}: {runs[run].title}, {runs[run].inputs:,} inputs"
            try:
                line = json.dumps(run.result().__dict__)
            except SystemExit as failure:
                failed += 1
                said += f" {failure}"
            else:
                with journal.open("a") as lines:
                    lines.write(f"{line}\n")
            sys.stdout.write(f"{said}\n")
            sys.stdout.flush()
    if failed:
        raise SystemExit(f"{failed} of {len(everyone)} properties failed")


def _run(each: Property, seed: int) -> Run:
    before = _processor()
    if each.bits is None:
        fuzz(each, seed)
    else:
        try_all_inputs([each])
    drawn = seed if each.bits is None else None
    return Run(each.title, each.stamp, each.inputs, drawn, round(_processor() - before, 1))


def _processor() -> float:
    """Seconds that the processes that have ended took."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def table(journal: Path) -> str:
    """Return FUZZED.md: each property with what of it has run."""
    done, everyone = read(journal), properties()
    runs = [done.get((each.title, each.stamp)) for each in everyone]
    few = sum(1 for each in everyone if each.bits is not None)
    tried = sum(1 for run in runs if run and run.seed is None)
    fuzzed = sum(1 for run in runs if run and run.seed is not None)
    lines = [
        "# Fuzzed properties",
        "Written by `contracts/fuzz.py table` from the journal of `fuzz.py long`: what has run on",
        "the contract and the tests as they are, without a failure. Of a property with at most",
        "100,000 inputs every one is tried; the others run 100,000 times, with inputs that their",
        "seed draws. The stamp is that of contract and tests (`fuzz.py list`): where it is another",
        "now, the property must run again.",
        "",
        f"{len(everyone)} properties. Of {few} with few inputs {tried} have been tried with all;",
        f"of the {len(everyone) - few} others {fuzzed} have run 100,000 times.",
        "",
        "| property | inputs | stamp | seed | processor time |",
        "| --- | --- | --- | --- | --- |",
    ]
    for each, run in zip(everyone, runs, strict=True):
        kind = "random" if each.bits is None else "all"
        ran = f"{run.seed or ''} | {run.seconds} s" if run else "| not yet"
        lines.append(f"| `{each.title}` | {each.inputs:,} {kind} | {each.stamp} | {ran} |")
    return "\n".join(lines) + "\n"


def _seed(told: Sequence[str]) -> int:
    """The seed that was asked for, or one drawn; it is printed before anything runs."""
    seed = int(told[0]) if told else random.SystemRandom().randrange(2**32)
    sys.stdout.write(f"seed {seed}\n")
    sys.stdout.flush()
    return seed


def main() -> int:
    """Carry out the command line."""
    command, *rest = sys.argv[1:] or ["list"]
    if command == "list":
        for each in properties():
            said = f"{each.stamp} {each.inputs:>7,} {each.title}({','.join(each.types)})"
            sys.stdout.write(f"{said}\n")
    elif command == "whole":
        count = whole(int(rest[0]) if rest else FEW)
        sys.stdout.write(f"{count} properties hold for every input\n")
    elif command == "some":
        seed = _seed(rest[1:])
        titles = some(int(rest[0]) if rest else SOME, seed)
        sys.stdout.write("".join(f"{title}: {RUNS:,} inputs\n" for title in titles))
    elif command == "long" and rest:
        campaign(Path(rest[0]), _seed(rest[1:]))
    elif command == "table" and rest:
        TABLE.write_text(table(Path(rest[0])))
    else:
        raise SystemExit(__doc__)
    return 0


if __name__ == "__main__":
    sys.exit(main())
