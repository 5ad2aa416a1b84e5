"""docs/errors.md names every error that can be raised, with its kind."""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from collections.abc import Iterator

from ledger.chain import header
from ledger.chain.artifact import error_names
from ledger.chain.refusals import SENTENCES

from .repository import ROOT, read

KINDS = ("Rejected", "Unavailable", "Broken")
# Where a code is computed: file, expression -> what it can be. A member of something
# (`error.code`, `told["title"]`) is the code of an error that was made elsewhere.
COMPUTED: dict[tuple[str, str], set[str]] = {
    ("ledger/chain/header.py", "code"): {row[2] for row in header._CONSTANT},
    ("ledger/chain/receipts.py", "f'{what.upper()}_DIFFER'"): {
        "RECEIPTS_DIFFER",
        "TRANSACTIONS_DIFFER",
    },
    ("ledger/chain/refusals.py", "name"): set(SENTENCES),
    ("ledger/services/goods/packing_checks.py", "code"): {
        "GONE_ITEM",
        "INACTIVE_CODE",
        "MOVED_ALONE",
        "TWICE_PACKED",
        "VOID_CODE",
    },
    ("ledger/services/scans.py", "code"): {"MALFORMED", "FOREIGN_LINK"},
    ("scripts/crew.py", "code"): {"NODE_DOWN", "API_DOWN", "KEEPER_DOWN"},
}


def raised() -> Iterator[tuple[str, str, str, str | None]]:
    """Yield (file, kind, expression, code or None) of every error that is made in the product."""
    for folder in ("ledger", "api", "scripts"):
        for path in sorted((ROOT / folder).rglob("*.py")):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Call) and ast.unparse(node.func) in KINDS and node.args:
                    code = node.args[0]
                    written = code.value if isinstance(code, ast.Constant) else None
                    file = str(path.relative_to(ROOT))
                    yield file, ast.unparse(node.func), ast.unparse(code), written


def codes() -> dict[str, set[str]]:
    """Return the kinds of every code of our own."""
    found: dict[str, set[str]] = defaultdict(set)
    for file, kind, expression, code in raised():
        for each in {code} if code is not None else COMPUTED.get((file, expression), set()):
            if each not in SENTENCES:
                found[each].add(kind)
    return found


def documented() -> dict[str, set[str]]:
    """Return the kinds of every code in docs/errors.md."""
    rows = re.findall(
        r"^\| `(\w+)` \| ([A-Z][a-z]+(?:, [A-Z][a-z]+)*) \|", read("docs/errors.md"), re.M
    )
    return {code: set(kinds.split(", ")) for code, kinds in rows if kinds.split(", ")[0] in KINDS}


def test_every_code_is_written_out_or_listed_here() -> None:
    """A computed code cannot be found by reading, so the table above says what it can be."""
    computed = {
        (file, text)
        for file, _, text, code in raised()
        if code is None and not re.fullmatch(r"\w+(\.\w+|\['\w+'\])( or '\w+')?", text)
    }
    assert computed == set(COMPUTED)


def test_every_error_is_documented_with_its_kind() -> None:
    """docs/errors.md has a row for each code, and none for a code that is gone."""
    made, shown = codes(), documented()
    assert sorted(set(made) - set(shown)) == [], "undocumented"
    assert sorted(set(shown) - set(made)) == [], "documented, but raised nowhere"
    assert shown == made


def test_every_refusal_of_the_contract_is_documented() -> None:
    """The contract's errors have a sentence each, and the page shows it."""
    assert set(SENTENCES) == error_names()
    page = read("docs/errors.md")
    assert [name for name, text in SENTENCES.items() if f"| `{name}` | {text} |" not in page] == []
