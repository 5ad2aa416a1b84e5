"""Packing lines from the command line: a file, a stream that is killed, rework, and where things
are."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from ledger.db.engine import reading
from ledger.domain.verdict import ScanFacts
from ledger.services.proving import prove
from tests.scripts.conftest import BRAND, DISTRIBUTOR, GTIN, STORE, Goods, sscc
from tests.support.installation import COMMAND, ROOT, command


@pytest.fixture(scope="module")
def links(goods: Goods, tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Links of a batch of these tests alone."""
    file = tmp_path_factory.mktemp("codes") / "links.txt"
    order = ("mint", "--brand", BRAND, "--gtin", GTIN, "--count", "420", "--id", "line")
    goods.at.said(*order, "--no-inner", "--links", str(file))
    return file.read_text().splitlines()


def stream(goods: Goods, text: bytes) -> tuple[int, list[dict[str, Any]]]:
    """Send a stream through the program; return its status and acknowledgements."""
    words = ["pack", "-", "--actor", BRAND, "--data", str(goods.at.data)]
    done = subprocess.run(
        [*COMMAND, *words], input=text, capture_output=True, cwd=ROOT, check=False
    )
    return done.returncode, [json.loads(line) for line in done.stdout.splitlines()]


def event(box: str, *inside: str, **more: Any) -> bytes:
    return json.dumps({"sscc": box, "inside": inside, **more}).encode() + b"\n"


def test_a_file_and_a_stream_of_a_line(goods: Goods, links: list[str], tmp_path: Path) -> None:
    """Bad rows are told, with status 1, and the rest is packed; items are found from any level."""
    pallet, case, bad = sscc(700), sscc(701), sscc(702)
    file = tmp_path / "shift.csv"
    file.write_text(
        f"parent,child\n{pallet},{case}\n{case},{links[0]},{links[3]}\n{bad},{links[0]}"
    )
    words = ("pack", str(file), "--actor", BRAND, "--data", str(goods.at.data), "--json")
    done = command(*words)
    told = json.loads(done.out)
    assert (done.status, done.err.split(": ")[1]) == (1, "ROWS_REFUSED")
    assert (told["units"], told["items"]) == (1, 2)
    assert [(one["row"], one["code"]) for one in told["refused"]] == [(4, "TWICE_PACKED")]
    found = goods.at.said("item", "where", links[3])
    assert [step["sscc"] for step in found["up"]] == [case, pallet]
    inside = goods.at.said("item", "where", pallet)["down"]
    assert [(one["epc"][-18:], one["items"]) for one in inside] == [(case, 2)]

    status, acks = stream(goods, event(bad, links[1]) + event(bad, links[1]) + b"{")
    assert (status, [ack["state"] for ack in acks]) == (1, ["closed", "closed", "refused"])
    assert [box["sscc"] for box in goods.at.said("line", "waiting", "--actor", BRAND)["boxes"]] == [
        bad
    ]
    assert goods.at.said("line", "reopen", bad, "--actor", BRAND)["state"] == "open"


def test_rules_and_rework(goods: Goods, links: list[str], tmp_path: Path) -> None:
    """A brand's rule; a bottle that leaves, one that takes a place, and a case that is no more."""
    rule = ("line", "rule", "--brand", BRAND)
    assert goods.at.said(*rule, "--rejects", "free")["rejects"] == "free"
    case, new = sscc(710), sscc(711)
    file = tmp_path / "one.csv"
    file.write_text(f"{case},{','.join(links[10:14])}\n")
    goods.at.said("pack", str(file), "--actor", BRAND)
    why = ("--reason", "label askew", "--actor", BRAND)
    assert goods.at.said("rework", "reject", links[10], *why)["code"] == "free"
    swap = ("rework", "replace", links[11], "--by", links[14], "--sscc", new)
    assert goods.at.said(*swap, *why, "--becomes", "destroyed")["code"] == "destroyed"
    assert len(goods.at.said("rework", "dissolve", new, *why)["submissions"]) == 1
    goods.at.said(*rule, "--rejects", "destroyed")


@pytest.mark.deep
@pytest.mark.timeout(1200)
def test_a_killed_stream_goes_on_where_it_was(goods: Goods, links: list[str]) -> None:
    """Killed again and again in the middle: what was acknowledged is there, nothing is twice."""
    events, expected = [], {}
    for pallet in range(12):
        cases = [sscc(2000 + 10 * pallet + case) for case in range(5)]
        for at, case in enumerate(cases):
            own = links[20 + 25 * pallet + 5 * at :][:5]
            events.append(event(case, *own))
            expected[own[at]] = [case, sscc(3000 + pallet)]
        events.append(event(sscc(3000 + pallet), *cases, alone=True))
    words = ["pack", "-", "--actor", BRAND, "--data", str(goods.at.data)]
    acked, kills = 0, 0
    while acked < len(events):
        child = subprocess.Popen(
            [*COMMAND, *words], stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=ROOT
        )
        assert child.stdin is not None
        assert child.stdout is not None
        # A few that were acknowledged come again, as from a line that does not trust its own log.
        again = max(0, acked - 3)
        child.stdin.write(b"".join(events[again : again + 20]))
        child.stdin.flush()
        for _ in range(7):
            ack = json.loads(child.stdout.readline())
            assert ack["state"] in ("closed", "packed"), ack
            acked = max(acked, again + ack["row"])
            if acked == len(events):
                break
        child.kill()
        child.wait()
        child.stdin.close()
        child.stdout.close()
        kills += 1
    assert kills > 8
    status, acks = stream(goods, b"".join(events))
    assert (status, {ack["state"] for ack in acks}) == (0, {"packed"})
    for link, around in expected.items():
        found = goods.at.said("item", "where", link)
        assert [step["sscc"] for step in found["up"]] == around


def bundle_of(goods: Goods, link: str, file: Path) -> list[int]:
    """Write the proof bundle of an item and return the verbs of its unit's history."""
    site, serial = goods.at.site, link.rsplit("/", 1)[1]
    asked = {"gtin": GTIN, "serial": serial, "scans": ScanFacts(), "made": site.clock()}
    with reading(site.engine) as session:
        made = prove.build(site, session, **asked)
    file.write_text(json.dumps(made))
    (unit,) = [each for each in made["histories"] if each["kind"] == "unit"]
    return [event["verb"] for event in unit["events"]]


def test_packed_and_shipped_by_one_signature(
    goods: Goods, links: list[str], tmp_path: Path
) -> None:
    """Its history and the proof of an item have both events; a stream packs only."""
    file = tmp_path / "case.json"
    batch = goods.at.said("item", "where", links[400])["batch"]
    inside = [{"batch": batch, "from": 400, "to": 402}]
    file.write_text(json.dumps({"sscc": sscc(720), "inside": inside}))
    words = ("--actor", BRAND, "--ship-to", DISTRIBUTOR)
    assert goods.at.refused("pack", "-", *words) == "ONE_UNIT"
    packed = goods.at.said("pack", str(file), *words)
    trust = goods.at.said("trust", "make")["file"]
    told = tmp_path / "told.json"
    goods.at.said("history", "prove", "unit", sscc(720), "--out", str(told))
    report = json.loads(command("history", "check", str(told), "--trust", trust, "--json").out)
    assert (report["authentic"], [event["verb"] for event in report["events"]]) == (
        True,
        ["pack", "ship"],
    )
    assert bundle_of(goods, links[400], told) == [32, 34]
    assert command("proof", "check", str(told), "--trust", trust).status == 0
    mine = ("--actor", DISTRIBUTOR, "--key", str(goods.key))
    goods.at.said("receive", packed["unit"], "--from", BRAND, *mine)


def test_a_list_may_skip(goods: Goods, links: list[str], tmp_path: Path) -> None:
    """The answer names what was skipped: nothing, where nothing moved."""
    file = tmp_path / "cases.csv"
    file.write_text(f"{sscc(730)},{links[410]}\n{sscc(731)},{links[411]}\n")
    goods.at.said("pack", str(file), "--actor", BRAND)
    units = (sscc(730), sscc(731))
    sent = goods.at.said("ship", *units, "--actor", BRAND, "--to", STORE, "--skip-stale")
    assert (len(sent["units"]), sent["skipped"], sent["state"]) == (2, [], "CONFIRMED")
    got = goods.at.said("receive", *units, "--actor", STORE, "--from", BRAND, "--skip-stale")
    assert (got["skipped"], got["state"]) == ([], "CONFIRMED")
