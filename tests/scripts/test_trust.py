"""`touchstone trust make`: what it names stays named, and what it cannot name changes nothing."""

from __future__ import annotations

from pathlib import Path

from tests.scripts.conftest import Goods

CHECKERS = ["https://check.example/", "https://other.example/touchstone"]


def test_pages_that_check_proofs_are_named_until_others_are(goods: Goods) -> None:
    """A file that is made anew, as `up` makes it, keeps them; '' names none."""
    given = [word for url in CHECKERS for word in ("--checker", url)]
    assert goods.at.said("trust", "make", *given)["checkers"] == CHECKERS
    made = goods.at.said("trust", "make", "--valid-days", "7")
    assert made["checkers"] == CHECKERS
    before = Path(made["file"]).read_bytes()
    for bad in ("check.example", "https://x/ y", "javascript:alert(1)", "https://" + "x" * 251):
        assert goods.at.refused("trust", "make", "--checker", bad) == "BAD_VALUE"
    assert Path(made["file"]).read_bytes() == before
    assert goods.at.said("trust", "make", "--checker", "")["checkers"] == []
