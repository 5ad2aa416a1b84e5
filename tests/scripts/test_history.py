"""`touchstone history`: made on an installation, checked by two files alone."""

from __future__ import annotations

import json
from pathlib import Path

from tests.scripts.conftest import BRAND, GTIN, Goods, sscc
from tests.support.installation import command


def test_a_history_is_made_here_and_checked_anywhere(goods: Goods, tmp_path: Path) -> None:
    """For units, batches, parties, lots, the registry and the log; exit 0 while it is fresh."""
    trust = goods.at.said("trust", "make")["file"]
    file = tmp_path / "history.json"
    for words in (
        ("unit", goods.pallet),
        ("batch", str(goods.batch)),
        ("party", BRAND),
        ("lot", GTIN, "L1"),
        ("registry",),
        ("log",),
    ):
        made = goods.at.said("history", "prove", *words, "--out", str(file))
        done = command("history", "check", str(file), "--trust", trust, "--json")
        report = json.loads(done.out)
        assert (done.status, done.err) == (0, ""), words
        assert (report["subject"], report["id"]) == (made["subject"], made["id"])
        assert (report["count"], len(report["events"])) == (made["events"], made["events"])
        assert (report["authentic"], report["fresh"]) == (True, True)


def test_what_a_person_reads_of_a_history(goods: Goods, tmp_path: Path) -> None:
    """How many events there were and each of them, or that there was none; exit 3 when stale."""
    trust = goods.at.said("trust", "make")["file"]
    file = tmp_path / "history.json"
    goods.at.said("history", "prove", "unit", goods.pallet, "--out", str(file))
    lines = command("history", "check", str(file), "--trust", trust).out.splitlines()
    assert lines[0].startswith("authentic as of block ")
    assert lines[2].startswith("unit 0x") and "and no others" in lines[2]
    assert f"unit 1: pack by {BRAND} (signed by the operator for it)" in lines[3]
    printed = goods.at.said("history", "prove", "lot", "999")
    file.write_text(json.dumps(printed))
    later = str(json.loads(Path(trust).read_text())["issued"] + 86_400)
    done = command("history", "check", str(file), "--trust", trust, "--at", later)
    assert done.status == 3
    assert done.out.splitlines()[-1].endswith("nothing has ever happened to it")


def test_a_history_that_lies_is_refused(goods: Goods, tmp_path: Path) -> None:
    """Exit 1 with a code and a sentence, as JSON on request."""
    trust = goods.at.said("trust", "make")["file"]
    document = goods.at.said("history", "prove", "unit", goods.pallet)
    file = tmp_path / "history.json"
    file.write_text(json.dumps({**document, "events": document["events"][:-1]}))
    done = command("history", "check", str(file), "--trust", trust)
    assert (done.status, done.out) == (1, "")
    assert done.err.startswith("touchstone: HISTORY_MISSING: ")
    said = json.loads(command("history", "check", str(file), "--trust", trust, "--json").out)
    assert (said["authentic"], said["code"]) == (False, "HISTORY_MISSING")


def test_what_has_no_history(goods: Goods) -> None:
    """A unit that was not packed here by its SSCC, and what is no subject at all."""
    prove = ("history", "prove")
    assert goods.at.refused(*prove, "unit", sscc(9_999_999)) == "UNKNOWN_UNIT"
    assert goods.at.refused(*prove, "pallet", goods.pallet) == "BAD_SUBJECT"
