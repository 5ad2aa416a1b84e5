"""Five wrong inner codes within an hour: then nothing is said of any, to that device alone."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from starlette.testclient import TestClient

from ledger.db.engine import reading, transaction
from ledger.db.inner_tries import InnerTry
from ledger.services import mint
from tests.api.world import HTML, JSON, World

WRONG = [f"/i/{'0' * 19}{digit}" for digit in "123456789ABCDEFGHJKM"]


def inner(world: World, index: int) -> str:
    """Return the page of an inner code that exists."""
    ref = mint.released(mint.mint_of(world.site, world.mint))
    return f"/i/{world.site.minter.inner_codes(ref, index, index + 1)[0].decode()}"


def statuses(client: TestClient, *paths: str) -> list[int]:
    """Return what a phone is answered."""
    return [client.get(path, headers=JSON).status_code for path in paths]


@pytest.fixture(autouse=True)
def an_hour_later(world: World) -> None:
    """Nothing is known of what other tests have tried."""
    with transaction(world.site.engine) as session:
        session.query(InnerTry).delete()


def at(world: World, seconds: int, agent: str = "phone") -> TestClient:
    """Return a phone at a later time, in a process of its own."""
    return world.phone(world.later(seconds), agent=agent)


def test_a_sixth_try_is_told_nothing_right_or_wrong(world: World) -> None:
    """The refusal is the same for a code that exists; it names the time, and ends by itself."""
    right = inner(world, 30)
    with at(world, 0) as phone:
        assert statuses(phone, right, *WRONG[:5]) == [200] + [404] * 5
        refusals = [phone.get(path, headers=JSON) for path in (right, WRONG[0], WRONG[6])]
        posted = phone.post(f"{right}?token=x", headers=JSON)
    for answer in (*refusals, posted):
        assert (answer.status_code, answer.json()["title"]) == (429, "TOO_MANY_TRIES")
        assert 0 < int(answer.headers["retry-after"]) <= 3_600
    assert refusals[0].json() == refusals[1].json()
    with at(world, 0) as again:  # another process, another cookie jar: nothing is forgotten
        for lang, words in (("en", "Come back on"), ("zh", "后再试")):
            page = again.get(f"{right}?lang={lang}", headers=HTML)
            assert (page.status_code, words in page.text) == (429, True)
    with at(world, 3_601) as later:
        assert statuses(later, right, *WRONG[:5], right) == [200, *[404] * 5, 429]


def test_neighbours_behind_one_address_are_not_touched(world: World) -> None:
    """Another make of phone at once, and one of the same make that was here for an hour."""
    right = inner(world, 31)
    with (
        at(world, -4_000, "same") as old,
        at(world, 0, "same") as bad,
        at(world, 0, "other") as new,
    ):
        assert statuses(old, right) == [200]  # it gets its cookie, more than an hour ago
        assert statuses(bad, *WRONG[:6]) == [404] * 5 + [429]
        assert statuses(new, right) == [200]
        with at(world, 0, "same") as now:
            now.cookies.update(old.cookies)
            assert statuses(now, right, *WRONG[:5], right) == [200, *[404] * 5, 429]


def test_a_thrown_away_or_made_up_cookie_begins_no_new_hour(world: World) -> None:
    """Names that we have not sealed count for nothing, and new ones not alone."""
    right = inner(world, 32)
    with at(world, 0, "mine") as phone:
        for path in WRONG[:5]:
            phone.cookies.clear()
            assert statuses(phone, right, path) == [200, 404]
        phone.cookies.clear()
        assert statuses(phone, right) == [429]
        for made_up in ("x", "x.0.y", "a.b.c.d"):
            phone.cookies.clear()
            phone.headers["cookie"] = f"touchstone_device={made_up}"
            assert statuses(phone, right) == [429]


def test_of_many_tries_at_once_five_are_told(world: World) -> None:
    """Twenty wrong codes in parallel: five are counted and named wrong, the others wait."""
    with at(world, 0, "quick") as phone, ThreadPoolExecutor(8) as pool:
        found = sorted(pool.map(lambda path: statuses(phone, path)[0], WRONG))
    assert found == [404] * 5 + [429] * (len(WRONG) - 5)
    with reading(world.site.engine) as session:
        assert session.query(InnerTry).count() == 5


def test_right_codes_are_never_counted(world: World) -> None:
    """Looking at what is there keeps nothing, however often."""
    with at(world, 0, "right") as phone:
        assert statuses(phone, *[inner(world, 33)] * 8) == [200] * 8
    with reading(world.site.engine) as session:
        assert session.query(InnerTry).count() == 0
