"""All verbs over HTTP: by hosted keys, by messages that a party signs, and what comes of them."""

from __future__ import annotations

import os
import re
import sqlite3
import time
from contextlib import closing
from dataclasses import dataclass, replace
from html import unescape
from pathlib import Path
from typing import Any

import pytest

from api.limits import Limiter
from api.texts import catalogue
from ledger.chain.account import Account
from ledger.db.chain_states import ChainClaim
from ledger.db.engine import open_database, reading
from ledger.domain.digital_link import inner_link
from ledger.services import claims, relaying
from ledger.services.device_names import Device
from ledger.services.keys.vault import Vault
from ledger.services.mint import batch_ref
from ledger.services.site import Site
from tests.api.world import (
    BRAND,
    DISTRIBUTOR,
    GTIN,
    HTML,
    JSON,
    RIVAL,
    STORE,
    World,
    asked_rows,
    sscc,
)

LOT = "L-V"


@dataclass(frozen=True)
class Codes:
    """Codes of these tests alone: their batch and printed links."""

    batch: int
    links: list[str]


@pytest.fixture(scope="module")
def codes(world: World) -> Codes:
    """Twenty active codes of a lot of their own."""
    order = world.order(GTIN, 20)
    links = world.api.get(f"/v1/mints/{order['id']}/links").text.split()
    run = {"batch": order["batch"], "first": 0, "to": 20}
    world.settle(world.post("/v1/activations", {**run, "active_from": int(time.time()) - 60}))
    world.settle(world.post("/v1/lots", {**run, "lot": LOT}))
    return Codes(order["batch"], links)


def case(world: World, codes: Codes, number: int, first: int, to: int) -> str:
    """Pack two codes and send them to a party; return the unit."""
    inside = {"batch": codes.batch, "first": first, "to": first + 2}
    box = {"sscc": sscc(number), "inside": [inside]}
    packed = world.post("/v1/packs", {"actor": BRAND, "box": box})
    world.settle(packed)
    world.hand("ship", BRAND, to, packed["unit"])
    return str(packed["unit"])


def signed(world: World, what: str, **body: Any) -> None:
    """Let the distributor sign a verb with its own key, and relay it."""
    world.settle(world.post("/relay", world.message(what, **body)))


def refused(world: World, path: str, body: Any, key: str = "refused") -> tuple[int, str]:
    """Return status and title of what is refused."""
    answer = world.api.post(path, json=body, headers={"Idempotency-Key": key})
    return answer.status_code, answer.json()["title"]


def holder(world: World, unit: str) -> tuple[int, int]:
    """Return holder and state of a unit."""
    told = world.api.get(f"/v1/units/{unit}").json()
    return told["holder"], told["state"]


def test_the_ways_back(world: World, codes: Codes) -> None:
    """Refused by the addressee's own key, taken back, returned and lost by hosted ones."""
    unit = case(world, codes, 870, 0, DISTRIBUTOR)
    way = {"actor": DISTRIBUTOR, "other": BRAND, "units": [unit]}
    signed(world, "handoff", verb="refuse", **way)
    assert holder(world, unit) == (BRAND, 1)
    world.hand("ship", BRAND, STORE, unit)
    world.hand("take-back", BRAND, STORE, unit)
    assert holder(world, unit) == (BRAND, 1)
    world.hand("ship", BRAND, STORE, unit)
    world.hand("lost", BRAND, STORE, unit)
    assert holder(world, unit) == (BRAND, 4)
    world.hand("receive", STORE, BRAND, unit)
    world.hand("return", STORE, BRAND, unit)
    assert holder(world, unit) == (STORE, 2)
    withdraw = {"verb": "withdraw", "actor": BRAND, "other": STORE, "units": [unit]}
    assert refused(world, "/v1/handoffs", withdraw) == (422, "NotSuspended")
    world.hand("receive", BRAND, STORE, unit)
    for at, told in ((0, "NOT_ACTIVATED"), (1, "FIRST_SCAN")):
        world.settle(world.post("/v1/activations", {"unit": unit, "active_from": at}))
        assert _reasons(world, codes.links[0]) == [told]
    both = {"unit": unit, "batch": codes.batch, "active_from": 0}
    assert refused(world, "/v1/activations", both) == (422, "BAD_OPTION")
    with world.phone() as client:
        answer = client.post(
            "/v1/activations",
            json={"unit": unit, "active_from": 0},
            headers={**world.key(RIVAL, "brand"), "Idempotency-Key": "rival's"},
        )
    assert (answer.status_code, answer.json()["title"]) == (404, "UNKNOWN_UNIT")


def test_an_exception_and_its_settlement(world: World, codes: Codes) -> None:
    """Each side sees it, a stranger sees nothing of it."""
    unit = case(world, codes, 871, 2, DISTRIBUTOR)
    told = {"actor": DISTRIBUTOR, "sender": BRAND, "unit": unit}
    assert refused(world, "/v1/exceptions", {**told, "good": 1, "short": 1})[1] == "NOT_HOSTED"
    signed(world, "exception", **told, good=1, short=1)
    (row,) = world.api.get("/v1/exceptions?open_only=true").json()
    assert (row["unit"], row["good"], row["short"], row["settled"]) == (unit, 1, 1, False)
    with world.phone() as client:
        seen = {
            party: client.get("/v1/exceptions", headers=world.key(party, "read")).json()
            for party in (BRAND, STORE)
        }
    assert (seen[BRAND], seen[STORE]) == ([row], [])
    agreed = {"unit": unit, "report": row["report"]}
    signed(world, "settlement", actor=DISTRIBUTOR, **agreed)
    world.settle(world.post("/v1/exceptions/settlements", {"actor": BRAND, **agreed}))
    assert world.api.get("/v1/exceptions?open_only=true").json() == []
    again = {"actor": BRAND, **agreed}
    assert refused(world, "/v1/exceptions/settlements", again) == (422, "AlreadySettled")


def test_states_of_items_lots_and_codes(world: World, codes: Codes) -> None:
    """Each leads to its verdict, and what is undone leads back."""
    stolen = {"actor": DISTRIBUTOR, "link": codes.links[12], "state": "stolen"}
    signed(world, "item", **stolen)
    assert _reasons(world, codes.links[12]) == ["STOLEN"]
    unknown = {**stolen, "actor": BRAND, "link": codes.links[12][:-20] + "0" * 20}
    assert refused(world, "/v1/items/states", unknown) == (404, "UNKNOWN_ITEM")
    world.settle(
        world.post("/v1/voids", {"batch": codes.batch, "first": 13, "to": 14}),
    )
    assert _reasons(world, codes.links[13])[0] == "BLOCKED"
    state = {"actor": BRAND, "gtin": GTIN, "lot": LOT}
    world.settle(world.post("/v1/lots/states", {**state, "state": "recalled"}))
    assert _reasons(world, codes.links[14]) == ["RECALLED"]
    lots = f"/v1/lots?gtin={GTIN}"
    (row,) = [row for row in world.api.get(lots).json() if row["lot"] == LOT]
    assert (row["state"], row["recalled_by"]) == ("recalled", BRAND)
    with world.phone() as client:
        assert client.get(lots, headers=world.key(RIVAL, "read")).json() == []
    world.settle(world.post("/v1/lots/states", {**state, "state": "released"}))
    drawn = {"actor": BRAND, "link": codes.links[15]}
    world.settle(world.post("/v1/items/draws", drawn))
    world.hand("ship", BRAND, STORE, codes.links[15])


def _reasons(world: World, link: str) -> list[str]:
    with world.phone() as phone:
        told = phone.get("/01/" + link.partition("/01/")[2], headers=JSON).json()
    return [reason["code"] for reason in told["reasons"]]


def test_a_device_signs_for_its_party(world: World, codes: Codes) -> None:
    """Named over the relay, it signs a message that was written for its key."""
    scanner, unit = Account(bytes([11]) * 32), case(world, codes, 872, 4, DISTRIBUTOR)
    address = "0x" + scanner.address.hex()
    device = {"actor": DISTRIBUTOR, "device": address, "until": 2**39, "limit": 3}
    signed(world, "device", **device, verbs=["receive-from"])
    listed = world.api.get(f"/v1/devices/{DISTRIBUTOR}").json()
    assert [row for row in listed if row["device"] == address] == [
        {
            "device": address,
            "key_mode": 1,
            "verbs": ["receive-from"],
            "until": 2**39,
            "left": 3,
        }
    ]
    receipt = {"verb": "receive", "actor": DISTRIBUTOR, "other": BRAND, "units": [unit]}
    written = world.api.post("/v1/messages", json={"handoff": receipt, "signer": address}).json()
    world.settle(world.post("/relay", relaying.sign(written, scanner)))
    told = world.api.get(f"/v1/units/{unit}").json()
    assert (told["holder"], told["events"][-1]["key_mode"]) == (DISTRIBUTOR, 17)
    signed(world, "device", actor=DISTRIBUTOR, device=address, until=0)


def test_what_admins_decide_on_a_party(world: World) -> None:
    """Terms, suspension and another key; nobody else may."""
    path = f"/v1/parties/{RIVAL}"
    with world.phone() as client:
        headers = {**world.key(RIVAL, "brand", "custody"), "Idempotency-Key": "own"}
        own = client.post(f"{path}/status", json={"status": "active"}, headers=headers)
    assert (own.status_code, own.json()["title"]) == (403, "SCOPE_MISSING")
    terms = {"roles": ["brand", "store"], "markets": [3]}
    decided, key = world.post(f"{path}/terms", terms), {"Idempotency-Key": f"k{world.sent}"}
    world.settle(decided)
    assert world.api.post(f"{path}/terms", json=terms, headers=key).json() == decided
    other = world.api.post(f"{path}/terms", json={**terms, "markets": []}, headers=key)
    assert (other.status_code, other.json()["title"]) == (409, "KEY_REUSED")
    world.settle(world.post(f"{path}/status", {"status": "suspended"}))
    assert refused(world, f"{path}/status", {"status": "suspended"}) == (422, "BadStatus")
    world.settle(world.post(f"{path}/status", {"status": "active"}))
    put = world.api.put(f"{path}/territory", json={"regions": [32, 31, 32]})
    assert put.json() == {"party": RIVAL, "regions": [31, 32]}
    (row,) = [row for row in world.api.get("/v1/parties").json() if row["party"] == RIVAL]
    assert (row["roles"], row["regions"]) == (["brand", "store"], [31, 32])
    strange = world.api.put(f"{path}/territory", json={"regions": [99]})
    assert (strange.status_code, strange.json()["title"]) == (422, "BAD_PARTY")
    nobody = world.api.put("/v1/parties/12/territory", json={"regions": []})
    assert nobody.json()["title"] == "UnknownParty"
    assert world.api.put(f"{path}/territory", json={"regions": [], "corrects": True}).is_success
    assert refused(world, f"{path}/account", {"account": "0x12"}) == (422, "BAD_ADDRESS")


@pytest.mark.parametrize("accept", [HTML, JSON])
def test_an_inner_code_is_uncovered_by_a_tap(
    world: World, codes: Codes, accept: dict[str, str]
) -> None:
    """Looking opens nothing; the tap does, once; others are told when."""
    code = _inner(world, codes, 16 if accept is HTML else 17)
    with world.phone() as mine, world.phone() as other:
        page = mine.get(f"/i/{code}", headers=JSON).json()
        assert (page["opened"], page["gtin"]) == (False, GTIN)
        assert other.get(f"/i/{code}", headers=JSON).json()["opened"] is False
        bad = mine.post(f"/i/{code}?token=x", headers=JSON)
        assert (bad.status_code, bad.json()["title"]) == (400, "BAD_TOKEN")
        done = mine.post(f"/i/{code}?token={page['token']}&lang=en", headers=accept)
        assert done.status_code == 200
        assert "first time" in done.text if accept is HTML else done.json()["now"]
        told = [client.get(f"/i/{code}", headers=JSON).json() for client in (mine, other)]
        assert [(row["opened"], row["by_you"], row["token"]) for row in told] == [
            (True, True, None),
            (True, False, None),
        ]
        assert "uncovered before" in other.get(f"/i/{code}?lang=en", headers=HTML).text
        nobody = other.get(f"/i/{'0' * 20}", headers=accept)
        assert nobody.status_code == 404


@pytest.mark.parametrize("upper", [True, False])
def test_an_inner_code_is_answered_where_its_print_leads(
    world: World, codes: Codes, upper: bool
) -> None:
    """The printed link, in capitals or not, opens the page; its button uncovers the code."""
    link = inner_link(world.site.link_base, _inner(world, codes, 18 + upper), upper)
    path = "/" + link.split("/", 3)[3]
    with world.phone() as phone:
        page = phone.get(path, headers=HTML)
        (action,) = re.findall(r'<form method="post" action="([^"]+)"', page.text)
        done = phone.post(path + unescape(action), headers=HTML)
    assert (page.status_code, done.status_code) == (200, 200)
    assert "first time" in done.text


def test_a_person_is_told_of_a_refusal_by_a_page(world: World, codes: Codes) -> None:
    """A tap on a page that lay open too long, and a call too many from one address."""
    path = f"/i/{_inner(world, codes, 15)}"
    with world.phone() as phone:
        token = phone.get(path, headers=JSON).json()["token"]
    with world.phone(world.later(1_000)) as phone:
        late = phone.post(f"{path}?token={token}&lang=en", headers=HTML)
        other = phone.post(f"{path}?token=x&lang=zh", headers=HTML)
        phone.app.state.limiters["scan"] = Limiter(0)  # type: ignore[attr-defined]
        many = phone.get(f"{path}?lang=en", headers=HTML)
    assert (late.status_code, "This page is too old." in late.text) == (422, True)
    assert (other.status_code, "此页面已过期" in other.text) == (400, True)
    assert (many.status_code, "Try again in a minute." in many.text) == (429, True)
    assert many.headers["retry-after"] == "60"


def _copied(world: World, to: Path, *changes: str) -> Site:
    """Return the installation with the database as it is now, in which something is changed."""
    with closing(sqlite3.connect(world.at.data / "touchstone.db")) as database:
        database.execute("VACUUM INTO ?", (str(to),))
    engine = open_database(f"sqlite:///{to}")
    with engine.begin() as connection:
        for change in changes:
            connection.exec_driver_sql(change)
    return world.later(0, engine=engine)


def _behind(world: World, to: Path, codes: Codes, index: int) -> Site:
    """Somebody else's tap is on the chain, and has not been followed here."""
    behind = _copied(world, to)
    with world.phone() as other:
        path = f"/i/{_inner(world, codes, index)}"
        other.post(f"{path}?token={other.get(path, headers=JSON).json()['token']}", headers=JSON)
    found = None
    while found is None:
        with reading(world.site.engine) as session:
            found = session.get(ChainClaim, (codes.batch, index))
    return behind


def _wrong_era(world: World, to: Path, codes: Codes, index: int) -> Site:
    """What is signed here the contract refuses."""
    return _copied(world, to, f"UPDATE chain_party SET era = era + 1 WHERE id = {BRAND}")


def _no_claimer(world: World, to: Path, codes: Codes, index: int) -> Site:
    """Nobody who may say that a code was uncovered has a key hosted here."""
    site = _copied(world, to, "UPDATE chain_party SET key_mode = 1")
    site.__dict__["vault"] = Vault.create(to.with_suffix(".keys"), "open", os.urandom)
    return site


@pytest.mark.parametrize(
    ("why", "index", "code", "says"),
    [
        (_behind, 12, "AlreadyClaimed", "reason.ALREADY_OPENED"),
        (_wrong_era, 13, "EraCancelled", "problem.NOT_RECORDED"),
        (_no_claimer, 14, "NO_CLAIMER", "problem.NOT_RECORDED"),
    ],
)
def test_a_tap_that_is_refused_is_answered_by_a_page(
    world: World, codes: Codes, tmp_path: Path, why: Any, index: int, code: str, says: str
) -> None:
    """In the reader's language; a program is told the name; nothing is recorded by it."""
    site = why(world, tmp_path / "copy.db", codes, index)
    path, before = f"/i/{_inner(world, codes, index)}", asked_rows(site)
    with world.phone(site) as phone:
        tap = f"{path}?token={phone.get(path, headers=JSON).json()['token']}"
        pages = {lang: phone.post(f"{tap}&lang={lang}", headers=HTML) for lang in ("en", "zh")}
        told = phone.post(tap, headers=JSON)
    assert (told.status_code, told.json()["title"]) == (422, code)
    for lang, page in pages.items():
        assert (page.status_code, page.headers["content-type"][:9]) == (422, "text/html")
        brand = catalogue(lang).text("site.no_brand")
        for part in ("headline", "sentence", "action"):
            assert catalogue(lang).text(f"{says}.{part}", brand=brand) in unescape(page.text)
    assert asked_rows(site) == before


def test_of_two_who_tap_at_once_one_is_told_that_it_was_now(world: World, codes: Codes) -> None:
    """The other looked a moment before it was recorded, and is told who was faster."""
    code, taps = _inner(world, codes, 11), 0
    mine, other = (Device(name, world.site.device_key) for name in ("mine", "other"))

    def clock() -> int:
        nonlocal taps
        taps += 1
        if taps == 2:  # nobody had uncovered it when it was looked up; it is about to be signed
            assert claims.open_item(world.site, code, other).now
        return world.site.clock()

    late = claims.open_item(replace(world.site, clock=clock), code, mine)
    assert (taps >= 2, late.now, late.by_you) == (True, False, False)


def test_a_link_that_is_no_proofs_is_a_page_for_a_person(world: World) -> None:
    """As any other link that names no code; and a page's address without its token is none."""
    with world.phone() as phone:
        proof = phone.get(f"/01/{GTIN}/21/%22/proof?lang=zh", headers=HTML)
        image = phone.get(world.path(0) + "/scan.gif?lang=en", headers=HTML)
    assert (proof.status_code, "此链接中没有可读的码" in proof.text) == (400, True)
    assert (image.status_code, "There is no page at this address." in image.text) == (422, True)


def _inner(world: World, codes: Codes, index: int) -> str:
    with reading(world.site.engine) as session:
        ref = batch_ref(session, codes.batch)
    return str(world.site.minter.inner_codes(ref, index, index + 1).tolist()[0].decode())
