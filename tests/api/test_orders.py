"""Orders over HTTP: each key does its own part, and a receiver sees no other's package."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pyrage
import pytest
from starlette.testclient import TestClient

from api.app import create_app
from ledger.db.engine import reading
from ledger.services import api_keys
from ledger.services.ordering import orders
from tests.api.world import BRAND, GTIN, RIVAL, World, bearer

IDENTITY = pyrage.x25519.Identity.generate()


def key(world: World, name: str, scope: str, party: int = BRAND) -> dict[str, str]:
    """The headers of an API key with a name."""
    return bearer(api_keys.issue(world.site, name, party, [scope]))


def desk(world: World) -> TestClient:
    """A client of somebody who works here: their address is kept with what they do."""
    return TestClient(create_app(world.site), client=("192.0.2.5", 50_000))


@pytest.fixture(scope="module")
def ready(world: World) -> Iterator[dict[str, Any]]:
    """An order whose package can be fetched, and who may do what."""
    people = {"anna": "brand", "ben": "brand", "Plant": "print", "Other plant": "print"}
    with ExitStack() as stack:
        doors = {}
        for name, scope in people.items():
            doors[name] = stack.enter_context(desk(world))
            doors[name].headers.update(key(world, name, scope))
        doors["rival"] = stack.enter_context(desk(world))
        doors["rival"].headers.update(key(world, "rival", "brand", RIVAL))
        yield {"number": _packaged(doors["anna"], doors["ben"]), **doors}


def _packaged(anna: TestClient, ben: TestClient) -> int:
    receiver = anna.post(
        "/v1/receivers",
        json={
            "brand": BRAND,
            "name": "Plant",
            "method": "age",
            "key": str(IDENTITY.to_public()),
        },
    ).json()
    body = {
        "brand": BRAND,
        "gtin": GTIN,
        "quantity": 50,
        "form": "pairs",
        "receiver": receiver["id"],
    }
    asked = anna.post("/v1/orders", json=body, headers={"Idempotency-Key": "o1"})
    assert asked.status_code == 201, asked.text
    again = anna.post("/v1/orders", json=body, headers={"Idempotency-Key": "o1"})
    assert again.json() == asked.json()
    number = asked.json()["id"]
    refused = anna.post(f"/v1/orders/{number}/approve")
    assert (refused.status_code, refused.json()["title"]) == (403, "OWN_ORDER")
    assert ben.post(f"/v1/orders/{number}/approve").status_code == 200
    end = time.monotonic() + 60
    while time.monotonic() < end:
        told = anna.get(f"/v1/orders/{number}").json()
        if told["state"] in ("READY", "FAILED"):
            break
        time.sleep(0.02)
    assert told["state"] == "READY"
    return int(number)


def test_the_receiver_fetches_its_package(ready) -> None:
    """Another receiver does not learn that there is one; the log says who, and from where."""
    path = f"/v1/orders/{ready['number']}/package"
    refused = ready["Other plant"].post(path)
    assert (refused.status_code, refused.json()["title"]) == (404, "UNKNOWN_ORDER")
    found = ready["Plant"].post(path)
    assert (found.status_code, found.headers["Downloads-Left"]) == (200, "2")
    lines = pyrage.decrypt(found.content, [IDENTITY]).decode().splitlines()
    assert len(set(lines)) == 50
    told = ready["anna"].get(f"/v1/orders/{ready['number']}").json()
    (package,) = told["packages"]
    assert [(log["who"], log["place"]) for log in package["downloads"]] == [("Plant", "192.0.2.5")]


def test_a_receiver_does_nothing_else(ready) -> None:
    """Its key neither lists, nor approves, nor activates."""
    plant, number = ready["Plant"], ready["number"]
    for method, path in (
        ("GET", "/v1/orders"),
        ("GET", f"/v1/orders/{number}"),
        ("POST", f"/v1/orders/{number}/copies"),
        ("POST", f"/v1/orders/{number}/passphrase"),
        ("GET", "/v1/receivers"),
    ):
        answer = plant.request(method, path)
        assert (answer.status_code, answer.json()["title"]) == (403, "SCOPE_MISSING")


def test_an_order_goes_on_to_the_shelf(ready) -> None:
    """Printed, activated; each step once."""
    anna, number = ready["anna"], ready["number"]
    assert ready["Plant"].post(f"/v1/orders/{number}/package").status_code == 200
    printed = anna.post(f"/v1/orders/{number}/printed", json={"rows": 50})
    assert printed.json()["state"] == "PRINTED"
    again = anna.post(f"/v1/orders/{number}/printed", json={"rows": 50})
    assert (again.status_code, again.json()["title"]) == (409, "WRONG_STEP")
    active = anna.post(f"/v1/orders/{number}/activate", json={"active_from": 1})
    assert active.status_code == 202
    assert anna.get(f"/v1/orders/{number}").json()["state"] == "ACTIVATED"
    assert [row["id"] for row in anna.get("/v1/orders?state=ACTIVATED").json()] == [number]


def test_an_orders_list_has_no_other_door(ready, world: World) -> None:
    """A brand's key gets neither links nor a sheet of the mint, at any time."""
    with reading(world.site.engine) as session:
        made = orders.find(session, ready["number"], BRAND).mint
    assert ready["anna"].get(f"/v1/mints/{made}").json()["state"] == "DONE"
    for what in ("links", "sheet"):
        answer = ready["anna"].get(f"/v1/mints/{made}/{what}")
        assert (answer.status_code, answer.json()["title"]) == (403, "ORDERED_CODES")


def test_another_brand_sees_nothing(ready) -> None:
    """Neither the order nor its receivers."""
    client = ready["rival"]
    assert client.get("/v1/orders").json() == []
    assert client.get("/v1/receivers").json() == []
    number = ready["number"]
    assert client.get(f"/v1/orders/{number}").status_code == 404
    assert client.delete("/v1/receivers/1").json()["title"] == "UNKNOWN_RECEIVER"
    bodies = {"printed": {"rows": 1}, "activate": {"active_from": 1}}
    steps = ("approve", "refuse", "cancel", "package", "copies", "passphrase", *bodies)
    for step in steps:
        answer = client.post(f"/v1/orders/{number}/{step}", json=bodies.get(step))
        assert (answer.status_code, answer.json()["title"]) == (404, "UNKNOWN_ORDER")
