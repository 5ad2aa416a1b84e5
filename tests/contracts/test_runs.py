"""activate, bindLot: a batch's runs against a plain list with one state an index."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ledger.domain import ids
from ledger.domain.verbs import Verb
from tests.contracts.ledger_harness import ZERO, Chain, Refused
from tests.contracts.world import (
    BRAND,
    COUNT,
    GTIN,
    MARKET,
    RIVAL,
    activate,
    bind,
    commission,
    refused,
    reserve,
    undone,
)

State = tuple[int, int]  # activeFrom, lot


def runs(chain: Chain, batch: int) -> list[tuple[int, int, State]]:
    """Return the linked list as (first, to, state), walking it."""
    found = []
    key = chain.read("batches", batch)["firstRun"]
    while key:
        run = chain.read("runs", batch, key - 1)
        found.append((key - 1, run["to"], (run["activeFrom"], run["lot"])))
        key = run["next"]
    return found


def hint(chain: Chain, batch: int, start: int) -> int:
    """Return key plus one of the last run that starts at or before `start`."""
    return max((first + 1 for first, _, _ in runs(chain, batch) if first <= start), default=0)


def test_activate_sets_a_run(world):
    """A gap, a middle, a left and a right end; then the whole of each."""
    for start, stop, time in ((100, 200, 5), (140, 160, 6), (100, 120, 7), (180, 200, 8)):
        world.do(
            Verb.ACTIVATE, activate(start, stop, activeFrom=time), on=1, hint=hint(world, 1, start)
        )
    assert runs(world, 1) == [
        (100, 120, (7, 0)),
        (120, 140, (5, 0)),
        (140, 160, (6, 0)),
        (160, 180, (5, 0)),
        (180, 200, (8, 0)),
    ]
    world.do(Verb.ACTIVATE, activate(140, 160, activeFrom=0), on=1, hint=141)
    assert runs(world, 1)[2] == (140, 160, (0, 0))


@pytest.mark.parametrize("time", [2**40, 2**63, 2**64 - 1])
def test_activate_refuses_times_that_nobody_can_keep(world, time):
    """As a lot's dates: below 2^40 seconds, so that every follower's numbers hold it."""
    with refused("BadTime", time):
        world.do(Verb.ACTIVATE, activate(0, 5, activeFrom=time), on=1)
    world.do(Verb.ACTIVATE, activate(0, 5, activeFrom=2**40 - 1), on=1)
    assert runs(world, 1) == [(0, 5, (2**40 - 1, 0))]


@pytest.mark.parametrize(("start", "stop"), [(5, 5), (6, 5), (0, COUNT + 1), (COUNT, COUNT + 1)])
def test_activate_refuses_bad_ranges(world, start, stop):
    """Empty, backwards, past the count."""
    with refused("BadRange", start, stop):
        world.do(Verb.ACTIVATE, activate(start, stop), on=1)


def test_activate_refuses_ranges_over_several_runs(world):
    """A range lies within one run or one gap."""
    world.do(Verb.ACTIVATE, activate(100, 200), on=1)
    for start, stop, said in ((50, 101, 0), (150, 201, 101), (0, COUNT, 0)):
        with refused("RunsOverlap", start, stop):
            world.do(Verb.ACTIVATE, activate(start, stop), on=1, hint=said)


def test_activate_refuses_hints_that_lie(world):
    """No predecessor where there is one, one too early, one too late, one that is no run."""
    for start in (100, 300, 500):
        world.do(Verb.ACTIVATE, activate(start, start + 100), on=1, hint=hint(world, 1, start))
    for said in (0, 101, 501, 151, 2**32 - 1):
        with refused("BadPredecessor", said):
            world.do(Verb.ACTIVATE, activate(320, 330), on=1, hint=said)
    world.do(Verb.ACTIVATE, activate(320, 330), on=1, hint=301)


def test_activate_refuses_batches_without_root(world):
    """A batch that is only reserved, one that nobody drew, a rival's."""
    world.do(Verb.RESERVE_BATCH, reserve())
    with refused("NotCommissioned", 3):
        world.do(Verb.ACTIVATE, activate(0, 1), on=3)
    with refused("UnknownBatch", 4):
        world.do(Verb.ACTIVATE, activate(0, 1), on=4)
    with refused("NotBrandOf", 2, BRAND):
        world.do(Verb.ACTIVATE, activate(0, 1), on=2)


def test_bind_lot_opens_a_lot_once(world):
    """The first binding opens the lot, the next ones use it; an empty range only opens."""
    args = bind(0, 0, bestBefore=9, market=MARKET)
    assert world.do(Verb.BIND_LOT, args, on=1).names() == ["LotOpened", "LotBound"]
    lot = world.read("lots", 1)
    assert lot["id"] == int.from_bytes(ids.lot_id(GTIN, "A1"))
    del lot["id"]
    assert lot == {
        "gtin": GTIN,
        "brand": BRAND,
        "expiry": 1_900_000_000,
        "bestBefore": 9,
        "seq": 0,
        "market": MARKET,
        "status": 1,
        "head": 0,
        "setBy": 0,
    }
    assert runs(world, 1) == []
    again = bind(10, 20, bestBefore=9, market=MARKET)
    assert world.do(Verb.BIND_LOT, again, on=1).names() == ["LotBound"]
    assert runs(world, 1) == [(10, 20, (0, 1))]


def test_bind_lot_keeps_what_activate_set(world):
    """Both live in one run: binding a part of an active run leaves it active."""
    world.do(Verb.ACTIVATE, activate(0, 100, activeFrom=9), on=1)
    world.do(Verb.BIND_LOT, bind(40, 60), on=1, hint=1)
    assert runs(world, 1) == [(0, 40, (9, 0)), (40, 60, (9, 1)), (60, 100, (9, 0))]


def test_bind_lot_never_rebinds(world):
    """A code has one lot for ever, even the same one."""
    world.do(Verb.BIND_LOT, bind(0, 10), on=1)
    for lot in ("A1", "A2"):
        with refused("LotAlreadyBound", 5, 1):
            world.do(Verb.BIND_LOT, bind(5, 6, lot), on=1, hint=1)


@pytest.mark.parametrize("change", [{"expiry": 5}, {"bestBefore": 5}, {"market": 5}])
def test_bind_lot_refuses_a_lot_that_differs(world, change):
    """Expiry, best-before and market of a lot never change."""
    world.do(Verb.BIND_LOT, bind(0, 10), on=1)
    with refused("LotDiffers", ids.lot_id(GTIN, "A1")):
        world.do(Verb.BIND_LOT, bind(10, 20) | change, on=1, hint=1)


def test_bind_lot_cannot_be_squatted(world):
    """A rival who guesses a lot's id and opens it first is not in the way."""
    world.do(Verb.BIND_LOT, bind(0, 0, actor=RIVAL, expiry=1), on=2)
    world.do(Verb.BIND_LOT, bind(0, 10), on=1)
    assert runs(world, 1) == [(0, 10, (0, 2))]
    assert world.read("lots", 2)["brand"] == BRAND


def test_bind_lot_refuses_bad_lots(world):
    """No lot, and dates beyond uint40."""
    with refused("ZeroRoot"):
        world.do(Verb.BIND_LOT, bind(0, 1) | {"lot": ZERO}, on=1)
    for field in ("expiry", "bestBefore"):
        with refused("BadTime", 2**40):
            world.do(Verb.BIND_LOT, bind(0, 1) | {field: 2**40}, on=1)
    world.do(Verb.RESERVE_BATCH, reserve())
    with refused("NotCommissioned", 3):
        world.do(Verb.BIND_LOT, bind(0, 1), on=3)


SIZE = 12
STEPS = st.lists(
    st.tuples(
        st.sampled_from([Verb.ACTIVATE, Verb.BIND_LOT]),
        st.integers(0, SIZE),
        st.integers(0, SIZE),
        st.integers(0, 3),
    ),
    max_size=12,
)


def expected_error(model: list[Any], cuts: set[int], verb: Verb, start: int, stop: int) -> str:
    """Say by which name a change of [start, stop) is refused, "" if it is not.

    cuts: indices at which a run or a gap begins. The model knows nothing of lists and hints.
    """
    if verb == Verb.BIND_LOT and start == stop:
        return ""
    if start >= stop or stop > SIZE:
        return "BadRange"
    if any(start < cut < stop for cut in cuts):
        return "RunsOverlap"
    if verb == Verb.BIND_LOT and model[start] is not None and model[start][1]:
        return "LotAlreadyBound"
    return ""


def play(chain: Chain, steps: Any) -> None:
    """Carry steps out on the chain and on a list of states; both must agree after each."""
    chain.do(Verb.RESERVE_BATCH, reserve())
    chain.do(Verb.COMMISSION, commission(count=SIZE), on=3)
    model: list[Any] = [None] * SIZE
    cuts: set[int] = set()
    for verb, start, stop, value in steps:
        args = activate(start, stop, activeFrom=value)
        if verb == Verb.BIND_LOT:
            args = bind(start, stop, lot="A1")
        try:
            chain.do(verb, args, on=3, hint=hint(chain, 3, start))
            error = ""
        except Refused as refusal:
            error = refusal.name
        assert error == expected_error(model, cuts, verb, start, stop)
        if not error and start < stop:
            old = model[start] or (0, 0)
            new = (value, old[1]) if verb == Verb.ACTIVATE else (old[0], 1)
            model[start:stop] = [new] * (stop - start)
            cuts |= {start, stop}
        stored: list[Any] = [None] * SIZE
        for first, to, state in runs(chain, 3):
            assert stored[first:to] == [None] * (to - first)
            stored[first:to] = [state] * (to - first)
        assert stored == model


@settings(
    max_examples=15,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(STEPS)
def test_runs_agree_with_a_list_of_states(world, steps):
    """Any sequence of changes leaves on chain what it leaves in a list."""
    with undone(world):
        play(world, steps)


@pytest.mark.deep
@pytest.mark.timeout(1200)
@settings(
    max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(STEPS)
def test_runs_agree_with_a_list_of_states_for_long(world, steps):
    """The same at length."""
    with undone(world):
        play(world, steps)
