"""Nothing that was acknowledged is ever lost: the demo's processes are killed while it is played.

The journal is kept by the demo's people, outside the processes that are killed. A victim is frozen
first, so that a request is certainly in flight when it is killed.
"""

from __future__ import annotations

import os
import random
import shutil
import signal
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from ledger.db.engine import open_database
from ledger.services.site import Site
from ledger.services.worlds.world import World, demo_world
from scripts.demo_play import SPARE
from tests.trips.audit import Acks, at_rest, follow_anew, losses
from tests.trips.demo_run import Demo, Journal, all_end, free_port, is_running, stop_and_look

Json = dict[str, Any]
SEED = 11
SCALE = 0.05


@dataclass(frozen=True)
class Survived:
    """A demo that was killed often: what it told, whom we killed, its journal, and its remains.

    fresh: the site on a database that an independent follower has filled from the chain.
    """

    world: World
    result: Json
    killed: tuple[str, ...]
    orphans_ended: bool
    acks: Acks
    site: Site
    fresh: Site


def _play_and_kill(
    directory: Path, scale: float, kills: int, parents: int
) -> tuple[Json, tuple[str, ...], bool, Acks]:
    """Play a demo; kill children at `kills` seeded moments and the parent at `parents` others.

    Moments are counts of answers in the journal. Only where a request is in flight and one was
    answered since the last kill.
    """
    rng = random.Random(SEED)
    world = demo_world(SEED, False, scale)
    answers = len(world.scans) + len(world.moves)  # at least so many will come
    moments = sorted(rng.sample(range(5, answers), kills + parents))
    victims = ["node", "worker", "api"] * (kills // 3) + ["node", "worker"]
    victims = victims[:kills] + ["parent"] * parents
    rng.shuffle(victims)
    journal = Journal(directory / "journal")
    options = ("--seed", str(SEED), "--scale", str(scale), "--port", str(free_port()))
    killed: list[str] = []
    orphans_ended = True
    demo = Demo(directory / "demo", *options, journal=journal.path)
    for moment, victim in zip(moments, victims, strict=True):
        if not _wait(demo, journal, max(moment, len(journal.acks) + 1)):
            break  # it ended: the assertions on `killed` tell
        if victim == "parent":
            children = list(demo.pids().values())
            demo.kill()
            orphans_ended &= all_end(children)
            journal.read_on()
            journal.in_flight.clear()  # who had asked is dead, too
            demo = Demo(directory / "demo", *options, journal=journal.path)
            killed.append(victim)
        elif _kill_child(demo, journal, victim):
            killed.append(victim)
    result = demo.result()
    journal.read_on()
    return result, tuple(killed), orphans_ended, tuple(journal.acks)


def _wait(demo: Demo, journal: Journal, answers: int) -> bool:
    """Wait until so many answers have come; return whether the demo goes on."""
    while demo.process.poll() is None:
        journal.read_on()
        if len(journal.acks) >= answers:
            return True
        time.sleep(0.005)
    return False


def _kill_child(demo: Demo, journal: Journal, name: str) -> bool:
    """Kill a child as soon as a request is in flight; return whether that came to pass."""
    while demo.process.poll() is None:
        journal.read_on()
        pid = demo.pids().get(name)
        # Whether it runs is asked of a process: last, and only where it may be killed now.
        if (
            pid is not None
            and journal.in_flight
            and is_running(pid)
            and stop_and_look(pid, journal)
        ):
            os.kill(pid, signal.SIGKILL)
            return True
        time.sleep(0.005)
    return False


def _survived(
    stack: ExitStack, directory: Path, scale: float, kills: int, parents: int
) -> Survived:
    result, killed, orphans_ended, acks = _play_and_kill(directory, scale, kills, parents)
    site = stack.enter_context(at_rest(directory / "demo"))
    fresh = follow_anew(site, directory / "anew.db")
    world = demo_world(SEED, False, scale)
    return Survived(world, result, killed, orphans_ended, acks, site, fresh)


@pytest.fixture(scope="module")
def survived(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Survived]:
    """A small demo with ten kills of children and one of the whole."""
    with ExitStack() as stack:
        yield _survived(stack, tmp_path_factory.mktemp("kills"), SCALE, kills=10, parents=1)


def _check(run: Survived, kills: int, parents: int) -> None:
    counts = Counter(run.killed)
    assert (counts.total(), counts["parent"]) == (kills + parents, parents)
    assert counts["node"] >= 3 and counts["worker"] >= 3
    assert run.orphans_ended
    assert losses(run.site, run.fresh, run.acks) == []
    world, told = run.world, run.result
    received = sum(len(move.units) for move in world.moves if move.verb == "receive")
    assert told["codes_minted"] == sum(lot.items + SPARE for lot in world.lots)
    assert told["batches_on_chain"] == len(world.lots)
    assert told["handoffs_confirmed"] == received
    assert told["scans"] == len(world.scans) + 2  # and the two that ask for a verdict
    scans = {key for key, facts in run.acks if facts["path"] == "/v1/scans"}
    assert len(scans) == told["scans"]
    assert told["verdicts"]["first_scan"]["reasons"] == ["FIRST_SCAN"]
    assert told["proof"]["exit"] == 0


def test_what_was_acknowledged_outlives_ten_kills_and_the_parents(survived: Survived) -> None:
    """Every answered verb is confirmed and on chain, every answered scan is in the log; tables
    rebuilt from the chain equal the live ones; and the demo ends by itself with the same counts."""
    _check(survived, kills=10, parents=1)


@pytest.mark.deep
@pytest.mark.timeout(1800)
def test_what_was_acknowledged_outlives_fifty_kills(tmp_path: Path) -> None:
    """The same in the whole demo, with fifty kills of children and three of the parent."""
    with ExitStack() as stack:
        _check(_survived(stack, tmp_path, 1.0, kills=50, parents=3), kills=50, parents=3)


DAMAGES = {
    "a scan is gone": "DELETE FROM scan WHERE id = 7",
    "a scan was changed": "UPDATE scan SET region = 99 WHERE id = 7",
    "a scan has lost its place": "UPDATE scan SET position = NULL WHERE id = 7",
    "a scan has another place": "UPDATE scan SET position = 99999 WHERE id = 7",
    "the log's state is an old one": "UPDATE scan_log_state SET size = size - 1",
    "a submission is gone": "DELETE FROM submission WHERE id = 5",
    "a submission is not settled": "UPDATE submission SET state = 'SENT' WHERE id = 5",
    "a submission was never relayed": "UPDATE submission SET nonce = NULL WHERE id = 5",
    "a mint is gone": "DELETE FROM mint WHERE id = 1",
    "an event is gone": "DELETE FROM chain_event WHERE block = 5",
    "a unit has another holder": "UPDATE chain_unit SET holder = 1 WHERE rowid = 3",
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_the_audit_finds(survived: Survived, damage: str, tmp_path: Path) -> None:
    """What the first test trusts in would see a loss."""
    survived.site.engine.dispose()  # the write-ahead log is folded into the file
    shutil.copy(survived.site.home.path / "touchstone.db", tmp_path / "copy.db")
    engine = open_database(f"sqlite:///{tmp_path / 'copy.db'}")
    with engine.begin() as connection:
        connection.execute(text("PRAGMA defer_foreign_keys = ON"))
        assert connection.execute(text(DAMAGES[damage])).rowcount > 0
    damaged = replace(survived.site, engine=engine)
    assert losses(damaged, survived.fresh, survived.acks) != []
