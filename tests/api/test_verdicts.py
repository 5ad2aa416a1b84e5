"""Verdicts on a real ledger, as phones and apps are told them."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

import pytest
from starlette.testclient import TestClient

from ledger.db.engine import open_database
from ledger.domain import ids
from ledger.domain.verbs import Verb
from ledger.services import act
from ledger.services.order import Order
from tests.api.test_scans import opened
from tests.api.world import BRAND, DISTRIBUTOR, GTIN, HTML, JSON, SHOP, STORE, World
from tests.support.installation import command

YEAR = 366 * 86_400
NO_LIMIT = 10 * YEAR
CITIES = {  # far apart, in four regions
    "Shanghai": (31.23, 121.47, 31),
    "Beijing": (39.90, 116.41, 11),
    "Guangzhou": (23.13, 113.26, 44),
    "Urumqi": (43.83, 87.62, 65),
}


def told(phone: TestClient, path: str) -> tuple[str, list[str]]:
    """Return outcome and reasons."""
    answer = phone.get(path, headers=JSON).json()
    return answer["outcome"], [row["code"] for row in answer["reasons"]]


def keep(phone: TestClient, path: str) -> None:
    """Open a page as its script does."""
    assert phone.post(path + "/scan", json={"token": opened(phone, path)}).status_code == 204


def test_a_first_scan_then_yours_then_anothers(world: World, phone: TestClient) -> None:
    """The phone's cookie knows it again; another phone is told that somebody has been there."""
    path = world.path(11)
    assert told(phone, path) == ("genuine", ["FIRST_SCAN"])
    keep(phone, path)
    assert told(phone, path) == ("genuine", ["SEEN_BY_YOU"])
    with world.phone() as other:
        assert told(other, path) == ("genuine", ["SEEN_BEFORE"])
        answer = other.get(path, headers=JSON).json()
    assert answer["scans"]["other_devices"] == 1
    assert answer["scans"]["first_at"] == answer["scans"]["last_at"]


def test_a_phone_without_cookies_is_no_evidence(world: World, phone: TestClient) -> None:
    """Its scan is kept, but speaks neither for nor against the code."""
    path = world.path(12)
    for _ in range(3):
        own = opened(phone, path)
        phone.cookies.clear()
        assert phone.post(path + "/scan", json={"token": own}).status_code == 204
    assert told(phone, path) == ("genuine", ["FIRST_SCAN"])
    assert phone.get(path, headers=JSON).json()["scans"]["first_at"] is not None


@pytest.mark.parametrize(
    ("index", "outcome", "reasons"),
    [
        (13, "genuine", ["FIRST_SCAN"]),
        (25, "caution", ["BEST_BEFORE_PASSED"]),
        (29, "do_not_use", ["EXPIRED"]),
        (41, "caution", ["NOT_ACTIVATED"]),
    ],
)
def test_what_the_chain_says(
    world: World, phone: TestClient, index: int, outcome: str, reasons: list[str]
) -> None:
    """Activation and dates are looked up, and the page says the same as the JSON."""
    assert told(phone, world.path(index)) == (outcome, reasons)
    page = phone.get(world.path(index), headers=HTML, params={"lang": "en"}).text
    tone = {"genuine": "plain", "caution": "caution", "do_not_use": "stop"}[outcome]
    assert f'class="verdict tone-{tone}"' in page


def test_dates_pass_with_the_clock(world: World) -> None:
    """A code is good today, and past its best once that day has ended in its market's zone."""
    answer = world.api.get(world.path(14), headers=JSON).json()
    end = answer["best_before"]
    left = end - answer["block"]["time"]
    assert end % 86_400 == 16 * 3600  # midnight in China
    for late, reasons in ((-3600, ["FIRST_SCAN"]), (3600, ["BEST_BEFORE_PASSED"])):
        with world.phone(world.later(left + late, behind_s=NO_LIMIT)) as phone:
            assert told(phone, world.path(14))[1] == reasons


@pytest.fixture(scope="module")
def dated(world: World) -> tuple[list[str], int]:
    """The paths of two codes that are in no lot, and their batch."""
    order = world.order(GTIN, 2)
    links = world.api.get(f"/v1/mints/{order['id']}/links").text.split()
    run = {"batch": order["batch"], "first": 0, "to": 2}
    world.settle(world.post("/v1/activations", {**run, "active_from": 1}))
    return [urlsplit(link).path for link in links], order["batch"]


def test_a_lots_days_are_told_in_its_own_zone(
    world: World, phone: TestClient, dated: tuple[list[str], int]
) -> None:
    """By page, JSON, list and command: the day that was bound, and where it ends."""
    (path, _), batch = dated
    lot = {"batch": batch, "first": 0, "to": 1, "lot": "WEST", "zone": -300}
    world.settle(world.post("/v1/lots", {**lot, "expiry": "2026-12-31", "best_before": None}))
    page = phone.get(path, headers=HTML, params={"lang": "en"}).text
    assert "31 Dec 2026, end of day (UTC-5)" in page
    assert phone.get(path, headers=JSON).json()["zone"] == -300
    listed = world.api.get("/v1/lots").json()
    assert [row["zone"] for row in listed if row["lot"] == "WEST"] == [-300]
    assert phone.get(world.path(13), headers=JSON).json()["zone"] == 480
    told = command("verify", world.site.link_base + path, "--data", str(world.at.data)).out
    assert "expires     2026-12-31\n" in told
    assert (
        "WEST  released  expires 2026-12-31\n"
        in command("lot", "list", "--data", str(world.at.data)).out
    )


def test_dates_beyond_the_calendar_break_no_page(
    world: World, phone: TestClient, dated: tuple[list[str], int]
) -> None:
    """The contract takes 40 bits of seconds, and a brand signs what it likes."""
    (_, path), batch = dated
    last = (1 << 40) - 1
    args = {
        "actor": BRAND, "from": 1, "to": 2, "lot": ids.lot_id(int(GTIN), "FAR"),
        "expiry": last, "bestBefore": last, "market": 0, "eventHash": bytes(31) + b"\1",
    }  # fmt: skip
    order = Order(Verb.BIND_LOT, BRAND, batch, args, "far", BRAND)
    act.settled(world.site, [act.act(world.site, order)])
    for lang, said in (("en", "after the year 9999"), ("zh", "公元9999年之后")):
        page = phone.get(path, headers=HTML, params={"lang": lang})
        assert (page.status_code, said in page.text) == (200, True)
    assert phone.get(path, headers=JSON).json()["expires"] == last
    where = ("--data", str(world.at.data))
    for words in (("verify", world.site.link_base + path), ("lot", "list")):
        assert f"{last} s after 1970" in command(*words, *where).out


def test_an_expired_lot_weighs_more_than_anything_after_it(world: World) -> None:
    """All that holds is told, the weightiest first."""
    with world.phone(world.later(2 * YEAR)) as phone:
        assert told(phone, world.path(26)) == (
            "do_not_use",
            ["EXPIRED", "LEDGER_BEHIND", "BEST_BEFORE_PASSED"],
        )


def _scan(world: World, index: int, device: str, city: str, **body: Any) -> list[str]:
    lat, lon, region = CITIES[city]
    place = {"source": "ip_fixed", "lat": lat, "lon": lon, "acc_km": 5, "region": region}
    answer = world.post(
        "/v1/scans", {"link": world.links[index], "device": device, "place": place, **body}
    )
    return [row["code"] for row in answer["reasons"]]


def test_far_scans_by_others_speak_against_a_code(world: World) -> None:
    """One far device may be a gift; three in two other regions are too many copies."""
    assert _scan(world, 15, "a", "Beijing") == ["FIRST_SCAN"]
    assert _scan(world, 15, "b", "Guangzhou") == ["SEEN_BEFORE"]
    assert _scan(world, 15, "c", "Urumqi") == ["SEEN_BEFORE"]
    both = ["SEEN_ELSEWHERE", "MANY_DEVICES"]  # copies sold all over explain it best
    assert _scan(world, 15, "d", "Shanghai") == both
    assert _scan(world, 15, "e", "Shanghai", channel="script") == both


def test_scripts_do_not_speak_against_a_code(world: World) -> None:
    """Whoever drives an app by machine cannot spoil a code for its owner."""
    for number, city in enumerate(CITIES):
        _scan(world, 16, f"machine {number}", city, channel="script")
    assert _scan(world, 16, "d", "Shanghai") == ["FIRST_SCAN"]


def test_impossible_travel_is_noticed(world: World) -> None:
    """Two pairs of phones, placed by GPS, that nobody can have carried from one to the other."""
    path = world.path(17)
    for lat, lon in (CITIES["Shanghai"][:2], CITIES["Urumqi"][:2], CITIES["Beijing"][:2]):
        with world.phone() as phone:
            place = {"lat": lat, "lon": lon}
            body = {"token": opened(phone, path), "place": place}
            assert phone.post(path + "/scan", json=body).status_code == 204
    with world.phone() as phone:
        assert told(phone, path) == ("caution", ["IMPOSSIBLE_TRAVEL"])


def test_an_old_ledger_says_so(world: World) -> None:
    """A quarter of an hour without a block: no verdict, and the page calls nothing proved."""
    with world.phone(world.later(3600)) as phone:
        assert told(phone, world.path(18)) == ("not_confirmed", ["LEDGER_BEHIND"])
        page = phone.get(world.path(18), headers=HTML, params={"lang": "en"})
    assert page.status_code == 200
    assert 'class="verdict tone-waiting"' in page.text


def test_a_site_that_followed_nothing_says_so(world: World) -> None:
    """With an empty database every code is `not confirmed`: never unknown, never genuine."""
    empty = open_database(f"sqlite:///{world.at.data / 'empty.db'}")
    with world.phone(world.later(0, engine=empty)) as phone:
        assert told(phone, world.path(18)) == ("not_confirmed", ["LEDGER_UNREACHABLE"])
        assert phone.get(world.path(18), headers=HTML).status_code == 200
        proof = phone.get(world.path(18) + "/proof")
    assert (proof.status_code, proof.json()["title"]) == (503, "LEDGER_BEHIND")
    assert proof.headers["retry-after"] == "5"


def _steps(world: World, index: int) -> list[tuple[str, int, int | None]]:
    journey = world.api.get(world.path(index), headers=JSON).json()["journey"]
    return [(step["verb"], step["actor"], step["counterparty"]) for step in journey]


CODES = [("COMMISSION", BRAND, None), ("ACTIVATE", BRAND, None), ("BIND_LOT", BRAND, None)]
PALLET = [
    ("PACK", BRAND, None),
    ("SHIP", BRAND, DISTRIBUTOR),
    ("RECEIVE_FROM", DISTRIBUTOR, BRAND),
    ("UNPACK", DISTRIBUTOR, None),
]


def test_a_journey_follows_the_item_out_of_its_pallet(world: World) -> None:
    """What happened to the pallet after the case was taken out did not happen to its items."""
    left = [
        ("UNPACKED_FROM", DISTRIBUTOR, None),
        ("SHIP", DISTRIBUTOR, STORE),
        ("RECEIVE_FROM", STORE, DISTRIBUTOR),
        ("SHIP", STORE, SHOP),
        ("RECEIVE_FROM", SHOP, STORE),
    ]
    assert _steps(world, 0) == CODES + PALLET + left
    stayed = [("SHIP", DISTRIBUTOR, SHOP), ("RECEIVE_FROM", SHOP, DISTRIBUTOR)]
    stayed = CODES + PALLET + stayed
    assert _steps(world, 8)[: len(stayed)] == stayed
    assert _steps(world, 41) == CODES[:1]
