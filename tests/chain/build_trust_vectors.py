"""Builds the frozen trust files: python -m tests.chain.build_trust_vectors (once).

Keys are bytes([n]) * 32. Rows hold the file's text, so that its exact bytes are kept.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from .synthetic import address, keys
from .test_trust import FOUR, NOW, OTHERS, trust_of

OUT = Path(__file__).parents[1] / "vectors" / "touchstone" / "trust.json"


def row(name: str, data: bytes, code: str | None, at: int = NOW) -> dict[str, Any]:
    """Return one row."""
    found = [v[2:] for v in json.loads(data)["validators"]] if code is None else None
    return {"name": name, "at": at, "code": code, "validators": found, "trust": data.decode()}


def main() -> None:
    """Write the file."""
    good = trust_of(FOUR, checker_urls=["https://check.example/"], witnesses=[address(keys(9)[0])])
    rows = [
        row("four validators", good, None),
        row("one validator", trust_of(keys(1)), None),
        row("a quorum of four", trust_of(FOUR, FOUR[1:]), None),
        row("another signer beside", trust_of(FOUR, [*OTHERS[:1], *FOUR]), None),
        row("two of four", trust_of(FOUR, FOUR[:2]), "TRUST_NOT_SIGNED"),
        row("signed by others", trust_of(FOUR, OTHERS), "TRUST_NOT_SIGNED"),
        row("signed twice", trust_of(FOUR, [*FOUR, *FOUR[:1]]), "BAD_TRUST_SIGNATURE"),
        row("changed since", good.replace(b"1337", b"1338"), "TRUST_NOT_SIGNED"),
        row("181 days", trust_of(FOUR, valid_until=NOW + 181 * 86_400), "TRUST_TOO_LONG"),
        row("expired", good, "TRUST_EXPIRED", NOW + 101 * 86_400),
        row("not yet valid", good, "TRUST_NOT_YET_VALID", NOW - 1),
        row("unknown member", good.replace(b'{"', b'{"x": 1, "', 1), "UNKNOWN_MEMBER"),
        row("member twice", good.replace(b'{"', b'{"issued": 1, "', 1), "DUPLICATE_KEY"),
        row("fraction", good.replace(b"300", b"300.0"), "BAD_JSON"),
        row("no validators", trust_of([]), "BAD_VALUE"),
        row("upper-case hex", good.replace(b"c0c0", b"C0C0", 1), "BAD_HEX"),
        row("another engine", good.replace(b'"qbft"', b'"ibft"'), "BAD_VALUE"),
    ]
    OUT.write_text(json.dumps({"format": "touchstone-trust/1", "rows": rows}, indent=1) + "\n")


if __name__ == "__main__":
    main()
