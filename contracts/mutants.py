"""Every mutant of the contract in one compilation: which one is alive, the block's coinbase says.

A mutant is the contract with one thing broken: a guard that never fires, one of its conditions that
is not asked, a bound that is off by one, an `if` that always or never holds, an assignment, an
increment, a call or an event that does not happen. The sources' own syntax tree (solc) says where.
Each place gets a switch, `Mutant.on(n)`, so that all of them compile together, once; coinbase 0 is
the contract as it is. A *broken rule* (broken.json) is several of them at once, by one number.

What is not mutated: interfaces, `Messages` (its hashes are held by frozen vectors), assembly,
loops' own counters and constants.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import solcx

HERE = Path(__file__).resolve().parent
SOURCES = HERE / "src"
NOT_MUTATED = {"ILedger.sol", "Messages.sol"}
SWITCH = """// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.20;

library Mutant {
    function on(uint256 number, uint256 rule) internal view returns (bool) {
        uint256 alive = uint160(address(block.coinbase));
        return alive == number || (rule != 0 && alive == rule);
    }
}
"""
Node = Mapping[str, Any]
BOUNDS = {">": "==", "<": "==", ">=": "!=", "<=": "!="}


@dataclass(frozen=True)
class Edit:
    """What is put before and after the bytes [start, stop) of a source. {on} is the switch."""

    start: int
    stop: int
    before: str
    after: str


@dataclass(frozen=True)
class Mutant:
    """name: what it breaks, unique and the same while its function stays as it is."""

    name: str
    file: str
    function: str
    edit: Edit


def sources() -> dict[str, str]:
    """Return the contract's sources by file name."""
    return {path.name: path.read_text() for path in sorted(SOURCES.glob("*.sol"))}


def solc(files: Mapping[str, str], settings: Mapping[str, Any]) -> Any:
    """Compile under `src/` and return solc's answer. Raises solcx's SolcError with its errors."""
    wanted = {
        "language": "Solidity",
        "sources": {f"src/{name}": {"content": text} for name, text in files.items()},
        "settings": dict(settings),
    }
    return solcx.compile_standard(wanted, solc_binary=str(HERE / "solc"), base_path=str(HERE))


def find(files: Mapping[str, str]) -> list[Mutant]:
    """Return every mutant of the sources, by file and place."""
    output = solc(files, {"outputSelection": {"*": {"": ["ast"]}}})
    found: list[Mutant] = []
    for file, text in files.items():
        if file in NOT_MUTATED:
            continue
        places = _Places(file, text.encode())
        for mutant in places.of(output["sources"][f"src/{file}"]["ast"]):
            same = sum(1 for other in found if other.name.split(" #")[0] == mutant.name)
            name = f"{mutant.name} #{same + 1}" if same else mutant.name
            found.append(Mutant(name, mutant.file, mutant.function, mutant.edit))
    return found


def weave(
    files: Mapping[str, str], mutants: list[Mutant], rules: Mapping[str, int]
) -> dict[str, str]:
    """Return the sources with a switch at each mutant. rules: mutant's name -> rule's number."""
    woven = dict(files) | {"Mutant.sol": SWITCH}
    for file in {mutant.file for mutant in mutants}:
        text = files[file].encode()
        openings: dict[int, list[tuple[int, int, str]]] = {}
        closings: dict[int, list[tuple[int, int, str]]] = {}
        for number, mutant in enumerate(mutants, 1):
            if mutant.file != file:
                continue
            edit, on = mutant.edit, f"Mutant.on({number}, {rules.get(mutant.name, 0)})"
            before, after = edit.before.replace("{on}", on), edit.after.replace("{on}", on)
            # The wider opens first and closes last; at one place, the earlier one is the wider.
            openings.setdefault(edit.start, []).append((-edit.stop, number, before))
            closings.setdefault(edit.stop, []).append((-edit.start, -number, after))
        out, last = [], 0
        for at in sorted(openings.keys() | closings.keys()):
            out.append(text[last:at].decode())
            out += [piece for _, _, piece in sorted(closings.get(at, []))]
            out += [piece for _, _, piece in sorted(openings.get(at, []))]
            last = at
        body = "".join(out) + text[last:].decode()
        # A switch reads the block, so nothing that holds one is pure.
        body = re.sub(r"\bpure\b(?=[^;{}]*\{)", "view", body)
        woven[file] = re.sub(
            r"(pragma solidity [^;]*;\n)",
            r'\1import {Mutant} from "./Mutant.sol";\n',
            body,
            count=1,
        )
    return woven


def patched(files: Mapping[str, str], name: str, patch: Mapping[str, str]) -> list[Mutant]:
    """Return a patch as mutants: where its file says `in`, `with` replaces the `find` in it.

    Raises SystemExit if the file does not say it.
    """
    text, within = files[patch["file"]], patch["in"].index(patch["find"])
    places = [match.start() + within for match in re.finditer(re.escape(patch["in"]), text)]
    if not places:
        raise SystemExit(f"broken.json: {patch['file']} nowhere says `{patch['in']}`")
    edits = []
    for place in places:
        start = len(text[:place].encode())
        stop = start + len(patch["find"].encode())
        edits.append(Edit(start, stop, f"({{on}} ? {patch['with']} : ", ")"))
    return [
        Mutant(f"{name} at {edit.start} of {patch['file']}", patch["file"], "", edit)
        for edit in edits
    ]


class _Places:
    """The places of one source."""

    def __init__(self, file: str, text: bytes) -> None:
        self.file, self.text = file, text
        self.where = Path(file).stem

    def of(self, tree: Node) -> Iterator[Mutant]:
        for node in _walk(tree):
            if node["nodeType"] == "FunctionDefinition" and node.get("body"):
                self.function = node["name"] or node["kind"]
                yield from self.block(node["body"])

    def block(self, body: Node) -> Iterator[Mutant]:
        guards = {
            id(_only(node["trueBody"])) for node in _walk(body) if node["nodeType"] == "IfStatement"
        }
        loops = {id(n) for loop in _walk(body) for n in _counters(loop)}
        for node in _walk(body):
            kind = node["nodeType"]
            if id(node) in loops:
                continue
            if kind == "IfStatement":
                yield from self.condition(node["condition"], _error(node["trueBody"]))
            elif kind == "Conditional":
                yield from self.condition(node["condition"], None)
            elif kind == "BinaryOperation" and node["operator"] in ("&&", "||"):
                sides = (node["leftExpression"], node["rightExpression"])
                yield from (
                    self.operand(node["operator"], side)
                    for side in sides
                    if side.get("operator") != node["operator"]
                )
            elif kind == "BinaryOperation" and node["operator"] in BOUNDS:
                yield self.bound(node)
            elif kind == "ExpressionStatement":
                yield from self.statement(node)
            elif kind == "RevertStatement" and id(node) not in guards:
                yield self.make(f"no {_called(node)}", node, "{ if (!{on}) ", " }")
            elif kind == "EmitStatement":
                yield self.make(f"silent `{self.raw(node)[:60]}`", node, "{ if (!{on}) ", " }")
            elif kind in ("UnaryOperation", "Assignment") and id(node) not in self._statements(
                body
            ):
                yield from self.effect(node)

    def condition(self, node: Node, error: str | None) -> Iterator[Mutant]:
        if error:
            yield self.make(f"no {error}", node, "!{on} && (", ")")
        else:
            yield self.make(f"never `{self.raw(node)}`", node, "!{on} && (", ")")
            yield self.make(f"always `{self.raw(node)}`", node, "{on} || (", ")")

    def operand(self, operator: str, node: Node) -> Mutant:
        name = f"without `{self.raw(node)}`"
        if operator == "||":
            return self.make(name, node, "(!{on} && (", "))")
        return self.make(name, node, "({on} || (", "))")

    def bound(self, node: Node) -> Mutant:
        left, right, operator = node["leftExpression"], node["rightExpression"], node["operator"]
        a, b = self.raw(left), self.raw(right)
        swapped = operator[0] if len(operator) == 2 else f"{operator}="
        name = f"`{a} {operator} {b}` as `{swapped}`"
        if len(operator) == 1:
            return self.make(name, node, "(", f" || ({{on}} && {a} == {b}))")
        return self.make(name, node, "(", f" && !({{on}} && {a} == {b}))")

    def statement(self, node: Node) -> Iterator[Mutant]:
        inner = node["expression"]
        kind, text = inner["nodeType"], self.raw(inner)
        if kind == "FunctionCall" and not text.startswith("revert"):
            yield self.make(f"without `{text[:70]}`", node, "{ if (!{on}) ", " }")
        elif kind == "UnaryOperation" and inner["operator"] in ("++", "--"):
            yield self.make(f"without `{text}`", node, "{ if (!{on}) ", " }")
        elif kind == "Assignment":
            yield from self.assignment(node, inner)

    def assignment(self, statement: Node, node: Node) -> Iterator[Mutant]:
        left, right = node["leftHandSide"], node["rightHandSide"]
        if left["typeDescriptions"]["typeString"].endswith("storage pointer"):
            return  # solc wants it assigned
        if "TupleExpression" not in (left["nodeType"], right["nodeType"]):
            yield self.make(f"keeps `{self.raw(left)}`", statement, "{ if (!{on}) ", " }")
        elif left["nodeType"] == right["nodeType"]:
            for old, new in zip(left["components"], right["components"], strict=True):
                kind = old["typeDescriptions"]["typeString"]
                cast = "" if new["nodeType"] != "Literal" or kind.startswith("uint") else kind
                before = f"({{on}} ? {self.raw(old)} : {cast}("
                yield self.make(f"keeps `{self.raw(old)}`", new, before, "))")
        else:
            yield self.make(f"keeps `{self.raw(left)}`", statement, "{ if (!{on}) ", " }")

    def effect(self, node: Node) -> Iterator[Mutant]:
        if node["nodeType"] == "Assignment":
            left, right = self.raw(node["leftHandSide"]), self.raw(node["rightHandSide"])
            if node["operator"] == "=":
                yield self.make(f"keeps `{left}`", node, f"({{on}} ? {right} : (", "))")
        elif node["operator"] in ("++", "--") and node["prefix"]:
            operand = self.raw(node["subExpression"])
            yield self.make(f"without `{self.raw(node)}`", node, f"({{on}} ? {operand} : ", ")")

    def make(self, what: str, node: Node, before: str, after: str) -> Mutant:
        start, length = (int(part) for part in node["src"].split(":")[:2])
        stop = start + length
        if after == " }":  # a statement: to its semicolon, in a block, lest an `else` change sides
            stop = self.text.index(b";", stop - 1) + 1
        edit = Edit(start, stop, before, after)
        return Mutant(f"{self.where}.{self.function}: {what}", self.file, self.function, edit)

    def raw(self, node: Node) -> str:
        start, length = (int(part) for part in node["src"].split(":")[:2])
        return re.sub(r"\s+", " ", self.text[start : start + length].decode())

    def _statements(self, body: Node) -> set[int]:
        return {
            id(node["expression"])
            for node in _walk(body)
            if node["nodeType"] == "ExpressionStatement"
        }


def _walk(node: Any) -> Iterator[Node]:
    if isinstance(node, Mapping):
        if "nodeType" in node:
            yield node
        if node.get("nodeType") != "InlineAssembly":
            for child in node.values():
                yield from _walk(child)
    elif isinstance(node, list):
        for child in node:
            yield from _walk(child)


def _counters(node: Node) -> Iterator[Node]:
    """What steps and ends a loop: a mutant of it would run for ever."""
    if node["nodeType"] == "ForStatement":
        for part in ("initializationExpression", "condition", "loopExpression"):
            yield from _walk(node.get(part))
    elif node["nodeType"] in ("WhileStatement", "DoWhileStatement"):
        yield from _walk(node["condition"])


def _only(body: Node) -> Node:
    """The one statement of a branch; the branch itself if it has several."""
    if body["nodeType"] == "Block" and len(body["statements"]) == 1:
        statement: Node = body["statements"][0]
        return statement
    return body


def _error(body: Node) -> str | None:
    """The error that a guard reverts with; None for an `if` that is no guard."""
    statement = _only(body)
    return _called(statement) if statement["nodeType"] == "RevertStatement" else None


def _called(statement: Node) -> str:
    """The error's name of a revert."""
    called = statement["errorCall"]["expression"]
    return str(called.get("name") or called.get("memberName"))
