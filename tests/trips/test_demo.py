"""What `touchstone demo` promises, looked at in one real run of it."""

from __future__ import annotations

import json
import shutil
import socket
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from ledger.db.engine import open_database, reading
from ledger.db.models import (
    ChainAnchor,
    ChainCheckpoint,
    ChainEvent,
    ChainRun,
    Scan,
    Submission,
)
from ledger.domain import scan_log
from ledger.domain.digital_link import parse
from ledger.domain.verbs import KeyMode, Verb
from ledger.services.home import Home
from ledger.services.worlds.world import World, demo_world
from ledger.services.worlds.world_plan import SPAN, Unit, cases_of
from scripts.demo_play import GTIN, SPARE, lot_name, sscc
from tests.trips.audit import at_rest
from tests.trips.demo_run import Demo, Played, free_port, touchstone

DAY = 86_400
SEED = 1
SCALE = 0.5


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Played:
    """A finished demo. Not to be changed."""
    data, port = tmp_path_factory.mktemp("played") / "made" / "demo", free_port()
    options = ("--seed", str(SEED), "--scale", str(SCALE), "--port", str(port))
    return Played(data, SEED, SCALE, port, Demo(data, *options).result())


@pytest.fixture
def copied(played: Played, tmp_path: Path) -> Played:
    """The finished demo in a directory of the test's own."""
    return played.copy(tmp_path / "demo")


@pytest.fixture(scope="module")
def world(played: Played) -> World:
    """The world that was played, with its truth."""
    return demo_world(played.seed, False, played.scale)


@pytest.fixture
def database(played: Played) -> Iterator[Session]:
    """The finished demo's database, to be read."""
    engine = open_database(Home(played.data).database_url)
    with reading(engine) as session:
        yield session
    engine.dispose()


def test_commands_know_the_links_that_were_served(played: Played) -> None:
    """`up` and `demo` leave them behind, on whatever port."""
    assert Home(played.data).served()[0] == f"http://localhost:{played.port}"


def test_what_was_made_is_its_users_alone(played: Played) -> None:
    """Every directory down from the first that was made, and every file, where a shell lets all
    users read."""
    made = [played.data.parent, *played.data.parent.rglob("*")]
    assert len(made) > 15
    assert [path for path in made if path.lstat().st_mode & 0o077] == []


def test_the_result_has_the_members_that_are_promised(played: Played) -> None:
    """One object: counts, five verdicts, the proof, the alerts, the seconds."""
    told = played.told
    assert set(told) == {
        "codes_minted",
        "batches_on_chain",
        "handoffs_confirmed",
        "scans",
        "verdicts",
        "proof",
        "alerts",
        "seconds",
    }
    assert told["seconds"] > 0
    for alert in told["alerts"]:
        assert {"kind", "lot", "region", "evidence"} <= set(alert)
        assert "units" in alert["evidence"]


def test_the_counts_are_those_of_the_world(played: Played, world: World) -> None:
    """Every code, batch, handoff and scan of the plan is on the ledger, and no other."""
    received = sum(len(move.units) for move in world.moves if move.verb == "receive")
    told = {
        name: played.told[name]
        for name in ("codes_minted", "batches_on_chain", "handoffs_confirmed", "scans")
    }
    assert told == {
        "codes_minted": sum(lot.items + SPARE for lot in world.lots),
        "batches_on_chain": 2,
        "handoffs_confirmed": received,
        "scans": len(world.scans) + 2,  # two of the five verdicts are asked for by a scan
    }


def test_the_five_verdicts(played: Played) -> None:
    """Five chosen codes, each with the outcome and the reasons that its history asks for."""
    told = {label: (v["outcome"], v["reasons"]) for label, v in played.told["verdicts"].items()}
    elsewhere = told.pop("seen_elsewhere")
    assert told == {
        "first_scan": ("genuine", ["FIRST_SCAN"]),
        "not_activated": ("caution", ["NOT_ACTIVATED"]),
        "unknown": ("not_recognised", ["UNKNOWN_CODE"]),
        "malformed": ("not_recognised", ["MALFORMED"]),
    }
    assert elsewhere[0] == "caution" and "SEEN_ELSEWHERE" in elsewhere[1]


def test_the_diversion_is_named_with_lot_region_and_cases(played: Played, world: World) -> None:
    """One alert: the diverted pallet's lot, where it was sold, and cases of that pallet only."""
    truth = world.diverted
    assert truth is not None
    (alert,) = [a for a in played.told["alerts"] if a["kind"] == "diversion"]
    assert (alert["lot"], alert["region"]) == (lot_name(truth.lot), truth.region)
    pallet = {sscc(case) for case in cases_of(world.lots[truth.lot], truth.pallet)}
    named = alert["evidence"]["units"]
    assert len(named) == len(set(named)) > len(pallet) / 2
    assert set(named) <= pallet
    assert alert["sentence"]


def test_the_copied_code_is_named(played: Played, world: World) -> None:
    """One clone alert, by the link that was copied; and there is no third alert."""
    truth = world.cloned
    assert truth is not None
    assert Counter(a["kind"] for a in played.told["alerts"]) == {"diversion": 1, "clone": 1}
    (alert,) = [a for a in played.told["alerts"] if a["kind"] == "clone"]
    link = _links(played)[truth.lot * (world.lots[0].items + SPARE) + truth.item]
    assert alert["code"] == "/".join((GTIN.zfill(14), str(parse(link).serial)))
    assert played.told["verdicts"]["seen_elsewhere"]["link"] == link


def test_every_printed_link_is_listed_once(played: Played, world: World) -> None:
    """links.txt: one a line, all different, all of this installation."""
    links = _links(played)
    assert len(set(links)) == len(links) == sum(lot.items + SPARE for lot in world.lots)
    assert {(parse(link).host, parse(link).gtin) for link in links} == {
        (f"localhost:{played.port}", GTIN.zfill(14))
    }


def test_the_proof_is_checked_by_a_stranger(played: Played, tmp_path: Path) -> None:
    """Bundle and trust file alone in an empty directory, a new process: authentic and fresh."""
    for name in ("proof.json", "trust.json"):
        shutil.copy(played.data / name, tmp_path / name)
    checked = touchstone("proof", "check", "proof.json", "--trust", "trust.json", cwd=tmp_path)
    assert (checked.returncode, checked.stderr) == (0, "")
    assert played.told["proof"]["exit"] == 0


def test_no_row_has_a_time_that_its_chain_does_not_have(played: Played, database: Session) -> None:
    """Blocks go forward from eight weeks ago to the end of the play; each event has its block's
    time; a submission is settled after it was made; a scan comes after its code was activated."""
    end = json.loads((played.data / "demo.json").read_text())["end"]
    with at_rest(played.data) as site:
        newest = int(site.rpc.call("eth_blockNumber"), 16)
        blocks = [("eth_getBlockByNumber", (hex(n), False)) for n in range(newest + 1)]
        times = [int(block["timestamp"], 16) for block in site.rpc.batch(blocks)]
    assert times == sorted(times)
    assert end - SPAN - 2 * DAY <= times[0] <= end - SPAN
    now = time.time()
    assert times[-1] <= now
    events = database.execute(select(ChainEvent.block, ChainEvent.time)).all()
    assert [moment for _, moment in events] == [times[block] for block, _ in events]
    assert min(moment for _, moment in events) < end - SPAN + DAY
    assert max(moment for _, moment in events) > end - 2 * DAY
    submissions = database.scalars(select(Submission).where(Submission.state == "CONFIRMED")).all()
    for row in submissions:
        assert row.block is not None and row.settled is not None
        assert times[0] <= row.created <= row.settled <= now
        assert times[row.block] <= row.settled
    runs = {row.batch: row for row in database.scalars(select(ChainRun))}
    scans = database.scalars(select(Scan).where(Scan.batch.is_not(None))).all()
    assert all(runs[row.batch].active_from <= row.time <= now for row in scans if row.batch)
    bound = select(func.max(ChainEvent.time)).where(ChainEvent.verb == Verb.BIND_LOT)
    assert min(row.time for row in scans) >= (database.scalar(bound) or 0)


def test_every_handoff_was_signed_by_its_party(database: Session) -> None:
    """Distributors sign with keys of their own; the chain says which key is hosted."""
    rows = database.execute(
        select(ChainEvent.actor, ChainEvent.key_mode).where(
            ChainEvent.verb.in_((Verb.SHIP, Verb.RECEIVE_FROM))
        )
    ).all()
    modes = {row.actor: row.key_mode for row in rows}
    assert Counter(modes.values()) == {KeyMode.OWN: 3, KeyMode.HOSTED: 7}


def test_the_scan_log_is_anchored_in_the_last_days(played: Played, database: Session) -> None:
    """Every scan has its place, and the newest anchor is the root of the log as far as it goes.

    How far that is depends on how the worker kept up while the clock leapt.
    """
    assert database.scalar(select(func.count()).where(Scan.position.is_(None))) == 0
    anchor = database.scalars(select(ChainAnchor).order_by(ChainAnchor.seq.desc())).first()
    point = database.get(ChainCheckpoint, 1)
    assert anchor is not None and point is not None
    end = json.loads((played.data / "demo.json").read_text())["end"]
    assert point.time >= anchor.time > end - DAY
    logged = select(Scan.leaf).order_by(Scan.position).limit(anchor.size)
    leaves = database.scalars(logged).all()
    assert len(leaves) == anchor.size > 0
    assert scan_log.LogTree().extend(leaves).root == anchor.log_root


def test_a_finished_demo_tells_the_same_again(played: Played) -> None:
    """Without playing: no process is started, so nothing can change."""
    again = touchstone(*played.again(), "--no-serve", "--json")
    assert (again.returncode, json.loads(again.stdout)) == (0, played.told)


@pytest.mark.parametrize("other", [{"seed": 2}, {"scale": 0.25}])
def test_another_world_is_refused(played: Played, other: dict[str, float]) -> None:
    """The directory's world is not played over."""
    refused = touchstone(*played.again(**other), "--no-serve", "--json")
    assert refused.returncode == 1 and refused.stdout == ""
    assert refused.stderr.startswith("touchstone: ANOTHER_WORLD: ")
    assert refused.stderr.count("\n") == 1


def test_a_busy_port_is_named(copied: Played) -> None:
    """One line, and no process is started."""
    before = (copied.data / "processes.json").read_bytes()
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        refused = touchstone(*copied.again(port=port))
    assert refused.returncode == 1
    assert refused.stderr.startswith(f"touchstone: PORT_BUSY: Port {port} ")
    assert refused.stderr.count("\n") == 1
    assert (copied.data / "processes.json").read_bytes() == before


def test_a_finished_demo_is_served_and_then_the_directory_is_in_use(copied: Played) -> None:
    """It says where to look, on the port of today; a second process is refused by name."""
    port = free_port()
    with Demo.served(copied, port) as said:
        assert f"http://localhost:{port}/01/" in said
        for words in (copied.again(port=free_port()), ["up", "--data", str(copied.data)]):
            refused = touchstone(*words)
            assert refused.returncode == 1
            assert refused.stderr.startswith("touchstone: DATA_IN_USE: ")
            assert refused.stderr.count("\n") == 1


def test_an_unfinished_demo_is_in_use_while_it_is_played(tmp_path: Path) -> None:
    """Two cannot play one world."""
    options = ("--scale", "0.05", "--port", str(free_port()))
    first = Demo(tmp_path / "demo", *options)
    try:
        while not (tmp_path / "demo" / "up.lock").exists():
            time.sleep(0.01)
            assert first.process.poll() is None
        second = Demo(tmp_path / "demo", *options)
        status, out, err = second.ended()
    finally:
        first.kill()
    assert (status, out) == (1, "")
    assert err.startswith("touchstone: DATA_IN_USE: ") and err.count("\n") == 1


@pytest.mark.deep
@pytest.mark.timeout(600)
def test_an_honest_world_raises_no_alert(tmp_path: Path) -> None:
    """Nobody cheats: travellers, gifts and wrong places alone raise nothing."""
    told = Demo(
        tmp_path / "demo", "--honest", "--scale", "0.5", "--port", str(free_port())
    ).result()
    assert told["alerts"] == []
    assert set(told["verdicts"]) == {"first_scan", "not_activated", "unknown", "malformed"}


def _links(played: Played) -> list[str]:
    return (played.data / "links.txt").read_text().splitlines()


def test_a_pallet_and_its_cases_have_ssccs_of_their_own(world: World) -> None:
    """The names that the alert is compared with are all different."""
    units = [
        unit
        for lot in world.lots
        for pallet in range(10)
        for unit in (Unit("pallet", lot.number, pallet), *cases_of(lot, pallet))
    ]
    assert len({sscc(unit) for unit in units}) == len(units)
