"""docs/formats.md says what the code does, and names the vectors that hold both to it."""

from __future__ import annotations

import re

from ledger.chain.artifact import layout
from ledger.domain.typed_data import STRUCTS
from ledger.domain.verbs import LISTS, SIGNINGS, Verb

from .repository import ROOT, committed_files, read

PAGE = read("docs/formats.md")
VECTORS = ROOT / "tests" / "vectors" / "touchstone"


def test_every_vectors_file_is_named_and_there() -> None:
    """No vectors without a format, no format that names vectors which are gone."""
    named = set(re.findall(r"`([\w/-]+(?:\.json|/good/))`", PAGE))
    named = {name for name in named if not name.startswith("tests/")}
    there = set()
    for path in committed_files():
        if VECTORS in path.parents:
            inside = path.relative_to(VECTORS)
            there.add(f"{inside.parent}/" if len(inside.parts) > 2 else str(inside))
    assert there - named == set()
    assert [name for name in named if not (VECTORS / name).exists()] == []


def test_every_verb_number_is_on_the_page() -> None:
    """The table of verbs is the enumeration."""
    shown = re.findall(r"(?<=\| )(\d+) ([A-Z_]+)(?= \|)", PAGE)
    assert {name: int(number) for number, name in shown} == {v.name: int(v) for v in Verb}


def test_every_signed_struct_is_on_the_page() -> None:
    """Message names and arguments, type by type."""
    rows = {
        name: fields
        for names, fields in re.findall(r"^\| ([\w, ]+) \| [^|]+ \| `([^`]+)` \|$", PAGE, re.M)
        for name in names.split(", ")
    }
    lists = {f"{SIGNINGS[verb].name}List": f"{SIGNINGS[verb].name}Args" for verb in LISTS}
    wanted = {signing.name: f"{signing.name}Args" for signing in SIGNINGS.values()} | lists
    assert rows == {name: _fields(struct) for name, struct in wanted.items()}
    for other in ("Child", "Group", "PackedIntoArgs", "UnpackedFromArgs"):
        assert f"{other}({_fields(other)})" in PAGE


def test_every_storage_place_is_on_the_page() -> None:
    """The table of storage is the layout: slots, labels, members in order."""
    rows = re.findall(r"^\| (\d+) \| (\w+) \|[^|]*\| ([^|]*)\|$", PAGE, re.M)
    found = [
        (int(slot), label, re.findall(r"\w+", members))
        for slot, label, members in rows
        if (int(slot), label) in {(row["slot"], row["label"]) for row in layout()}
    ]
    assert [(slot, label) for slot, label, _ in found] == [
        (r["slot"], r["label"]) for r in layout()
    ]
    for row, (_, label, words) in zip(layout(), found, strict=True):
        if row["members"]:
            assert words == [member["label"] for member in row["members"]], label


def _fields(struct: str) -> str:
    return ",".join(f"{kind} {name}" for kind, name in STRUCTS[struct])
