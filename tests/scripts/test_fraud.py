"""`touchstone fraud`: proved by exit status 0, and by nothing else."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.chain.test_fraud import BY_NAME
from tests.scripts.conftest import Goods
from tests.support.installation import command, refused


def files(folder: Path, name: str) -> tuple[str, ...]:
    """Write a frozen case and return the words that check it at its time."""
    row = BY_NAME[name]
    (folder / "fraud.json").write_text(row["fraud"])
    (folder / "trust.json").write_text(row["trust"])
    options = ("--trust", str(folder / "trust.json"), "--at", str(row["at"]))
    return ("fraud", "check", str(folder / "fraud.json"), *options)


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("two packers", "one signed what cannot be true: 4006381333931 or 9506000134352"),
        ("two blocks", "sealed by the same validators:"),
    ],
)
def test_a_fraud_is_proved_and_told(tmp_path: Path, name: str, line: str) -> None:
    """Exit 0; a person reads who may have signed it, a program the same."""
    words = files(tmp_path, name)
    done = command(*words)
    assert (done.status, done.err) == (0, "")
    assert line in done.out.splitlines()
    said = json.loads(command(*words, "--json").out)
    assert (said["proved"], said["kind"]) == (
        True,
        "membership" if name == "two packers" else "headers",
    )


def test_what_is_no_fraud_is_refused(tmp_path: Path) -> None:
    """Exit 1 with a code and a sentence, as JSON on request."""
    words = files(tmp_path, "a case between has left")
    assert refused(*words) == "MOVED_ALONE"
    done = command(*words, "--json")
    said = json.loads(done.out)
    assert (done.status, said["proved"], said["code"]) == (1, False, "MOVED_ALONE")


def test_an_installation_proves_no_fraud_of_honest_goods(goods: Goods) -> None:
    """What was packed here once is in one place."""
    assert goods.at.refused("fraud", "prove", goods.links[5]) == "NO_CONFLICT"


def test_the_headers_of_two_files_are_put_side_by_side(goods: Goods, tmp_path: Path) -> None:
    """Of one block they prove nothing; the command needs no installation."""
    trust = goods.at.said("trust", "make")["file"]
    history, out = tmp_path / "history.json", tmp_path / "fraud.json"
    goods.at.said("history", "prove", "registry", "--out", str(history))
    done = command("fraud", "headers", str(history), str(history), "--out", str(out))
    assert (done.status, done.err) == (0, "")
    assert refused("fraud", "check", str(out), "--trust", trust) == "ONE_BLOCK"
