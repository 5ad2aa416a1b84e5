"""Who may come in at which door: every route of the API, found in its own description."""

from __future__ import annotations

import re
import time
from typing import Any

import pytest
from sqlalchemy import select

from api.app import create_app
from ledger.db.engine import reading
from ledger.db.models import Alert, ApiKey
from ledger.errors import Rejected
from ledger.services.api_keys import SCOPES, issue
from tests.api.world import (
    BRAND,
    DISTRIBUTOR,
    GTIN,
    RIVAL,
    SHOP,
    STORE,
    World,
    asked_rows,
    bearer,
    sscc,
)
from tests.support.installation import all_rows

OPERATIONS = {
    f"{method.upper()} {path}": operation
    for path, methods in create_app().openapi()["paths"].items()
    for method, operation in methods.items()
}
PROTECTED = [name for name in OPERATIONS if name.split(" ")[1].startswith("/v1/")]
OPEN = {  # to anybody, each for its reason: a consumer's page, a signature that speaks for itself
    "GET /",
    "GET /01/{gtin}/21/{serial}",
    "GET /01/{gtin}/21/{serial}/proof",
    "POST /01/{gtin}/21/{serial}/scan",
    "GET /01/{gtin}/21/{serial}/scan.gif",
    "GET /01/{rest}",
    "GET /.well-known/touchstone.json",
    "GET /healthz",
    "GET /i/{code}",
    "POST /i/{code}",
    "POST /relay",
}


QUERIES = {
    "GET /v1/alerts/stream": "?wait=0",  # it would stay open
    "POST /v1/packs/stream": f"?actor={BRAND}",
    "GET /v1/packs/waiting": f"?actor={BRAND}",
}


def scopes_of(name: str) -> set[str]:
    """Return the scopes that let one in, as the description of the route says."""
    found = re.search(r"\(scope ([a-z, ]+)\)", OPERATIONS[name]["description"])
    assert found is not None, f"{name} does not say which scope it needs"
    return set(re.split(r", | or ", found[1]))


def ask(world: World, name: str, headers: dict[str, str], body: Any = None) -> Any:
    """Ask a route for something, with ids that exist."""
    method, path = name.split(" ")
    number = world.mint if "mints" in path else 1
    words = {"unit": world.units["pallet"], "name": "farm", "gtin": GTIN, "key": "0" * 16}
    words["party"] = str(BRAND)
    place = path.format(number=number, **words) + QUERIES.get(name, "")
    headers = {"Idempotency-Key": f"door-{time.monotonic_ns()}", **headers}
    world.api.headers.pop("Authorization", None)
    return world.api.request(method, place, json=body, headers=headers)


@pytest.fixture(autouse=True)
def admin_again(world: World) -> Any:
    """Give the shared client its key back."""
    kept = world.api.headers["Authorization"]
    yield
    world.api.headers["Authorization"] = kept


def test_every_route_is_either_open_or_behind_a_key() -> None:
    """A new route is neither by accident."""
    assert set(OPERATIONS) == OPEN | set(PROTECTED)


@pytest.mark.parametrize("name", PROTECTED)
def test_nobody_comes_in_without_a_key(world: World, name: str) -> None:
    """No key, an unknown one, one of another scheme, a revoked one: 401, and how to do it."""
    revoked = issue(world.site, "lost", 0, ["admin"])
    with world.site.engine.begin() as connection:
        connection.execute(ApiKey.__table__.update().where(ApiKey.name == "lost").values(revoked=1))
    for headers, code in (
        ({}, "KEY_MISSING"),
        ({"Authorization": "Basic YWRtaW46YWRtaW4="}, "KEY_MISSING"),
        (bearer(""), "KEY_MISSING"),
        (bearer("ts_" + "0" * 48), "KEY_UNKNOWN"),
        (bearer("' OR 1=1 --"), "KEY_UNKNOWN"),
        (bearer(revoked), "KEY_UNKNOWN"),
    ):
        answer = ask(world, name, headers)
        assert (answer.status_code, answer.json()["title"]) == (401, code)
        assert answer.headers["www-authenticate"] == "Bearer"
        assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize("name", PROTECTED)
def test_a_key_opens_only_the_doors_of_its_scope(world: World, name: str) -> None:
    """All other scopes together are refused, before anything is said of the request."""
    needed = scopes_of(name)
    assert needed <= set(SCOPES)
    others = [scope for scope in SCOPES if scope not in needed | {"admin"}]
    answer = ask(world, name, world.key(0, *others))
    assert (answer.status_code, answer.json()["title"]) == (403, "SCOPE_MISSING")
    for scope in needed:
        assert ask(world, name, world.key(0, scope)).status_code not in (401, 403)


def handoff(world: World, actor: int) -> dict[str, Any]:
    """A handoff of the pallet."""
    return {"verb": "ship", "actor": actor, "other": SHOP, "units": [world.units["pallet"]]}


def bodies(world: World, batch: int = 0) -> dict[str, Any]:
    """Return requests that would be good if they were the rival's to make; None: none is needed.

    batch: of the codes, the world's for 0.
    """
    run = {"batch": batch or world.batch, "first": 40, "to": 41}
    names = {"name_en": "x", "name_zh": "x"}
    return {
        "POST /v1/products": {"brand": BRAND, "gtin": GTIN, **names},
        "POST /v1/mints": {"brand": BRAND, "gtin": GTIN, "count": 1},
        "GET /v1/mints/{number}": None,
        "GET /v1/mints/{number}/links": None,
        "GET /v1/mints/{number}/sheet": None,
        "POST /v1/activations": {**run, "active_from": 1},
        "POST /v1/lots": {**run, "lot": "L-9"},
        "POST /v1/packs": {"actor": BRAND, "box": {"sscc": sscc(90), "inside": [run]}},
        "POST /v1/packs/many": {
            "actor": BRAND,
            "boxes": [{"sscc": sscc(90), "inside": [run]}],
        },
        "POST /v1/packs/stream": {"sscc": sscc(90), "inside": [world.links[40]]},
        "GET /v1/packs/waiting": None,
        "POST /v1/rejects": {"actor": BRAND, "link": world.links[0], "reason": "wet"},
        "POST /v1/replacements": {
            **{"actor": BRAND, "link": world.links[0], "reason": "wet"},
            **{"by": world.links[40], "sscc": sscc(91)},
        },
        "POST /v1/dissolutions": {"actor": SHOP, "unit": world.units["case"], "reason": "wet"},
        "POST /v1/unpacks": {"actor": SHOP, "unit": world.units["pallet"], "positions": [1]},
        "POST /v1/handoffs": handoff(world, SHOP),
        "POST /v1/messages": {"handoff": handoff(world, DISTRIBUTOR)},
        "PUT /v1/alert-rules/{name}": {"brand": BRAND, "kind": "farm"},
        "PUT /v1/markets/{number}": {"brand": BRAND, "name": "East", "regions": [31]},
        "POST /v1/alert-rules/{name}/mute": {"brand": BRAND, "why": "test"},
        "PUT /v1/alert-dial": {"brand": BRAND, "fdr": 0.1},
        "POST /v1/alert-exceptions": {"brand": BRAND, "reason": "x", "begins": 1, "ends": 2},
        "PUT /v1/products/{gtin}/value": {"brand": BRAND, "cents": 1, "currency": "CNY"},
        "POST /v1/exceptions": {
            **{"actor": SHOP, "sender": DISTRIBUTOR, "unit": world.units["pallet"]},
            **{"good": 0, "short": 1},
        },
        "POST /v1/exceptions/settlements": {
            **{"actor": SHOP, "unit": world.units["pallet"], "report": 1},
        },
        "POST /v1/items/states": {"actor": BRAND, "link": world.links[40], "state": "stolen"},
        "POST /v1/items/draws": {"actor": BRAND, "link": world.links[40]},
        "POST /v1/lots/states": {"actor": BRAND, "gtin": GTIN, "lot": "L-1", "state": "recalled"},
        "POST /v1/voids": run,
        "POST /v1/devices": {"actor": BRAND, "device": "0x" + "11" * 20, "until": 0},
        "GET /v1/devices/{party}": None,
        "POST /v1/webhooks": {"brand": BRAND, "url": "https://hook.example/"},
        "POST /v1/receivers": {"brand": BRAND, "name": "x", "method": "zip"},
        "POST /v1/orders": {"brand": BRAND, "gtin": GTIN, "quantity": 1, "receiver": 1},
    }


# Why no other party can be meant.
OF_NOBODY = {
    "POST /v1/parties": "for the installation's own keys",
    "GET /v1/parties": "the registry is public on the chain",
    "POST /v1/parties/{party}/terms": "for the installation's own keys",
    "PUT /v1/parties/{party}/territory": "for the installation's own keys",
    "POST /v1/parties/{party}/status": "for the installation's own keys",
    "POST /v1/parties/{party}/account": "for the installation's own keys",
    "GET /v1/exceptions": "one's own only, see test_verbs",
    "GET /v1/lots": "one's own only, see test_verbs",
    "GET /v1/submissions/{number}": "unknown to others, see below",
    "GET /v1/whereabouts": "unknown to others, see test_packing",
    "GET /v1/units/{unit}": "unknown to others, see below",
    "GET /v1/alerts": "one's own only, see below",
    "GET /v1/alerts/export": "one's own only, see test_alerts",
    "GET /v1/alerts/stream": "one's own only, see test_alerts",
    "GET /v1/alert-summary": "one's own only, see test_alerts",
    "GET /v1/alert-exceptions": "one's own only, see test_alerts",
    "GET /v1/markets": "one's own only, see test_alerts",
    "DELETE /v1/markets/{number}": "unknown to others, see test_alerts",
    "GET /v1/blacklist": "one's own only, see test_alerts",
    "GET /v1/audit": "one's own only, see test_alerts",
    "GET /v1/webhooks": "one's own only, see test_alerts",
    "POST /v1/blacklist": "other brands' codes are unknown, see test_alerts",
    "DELETE /v1/alert-rules/{name}": "one's own only: no brand is named",
    "GET /v1/alerts/{number}": "unknown to others, see test_alerts",
    "GET /v1/alerts/{number}/evidence": "unknown to others, see test_alerts",
    "GET /v1/alerts/{number}/recompute": "unknown to others, see test_alerts",
    "GET /v1/alerts/{number}/picture": "unknown to others, see test_alerts",
    "POST /v1/alerts/{number}/archive": "unknown to others, see test_alerts",
    "POST /v1/alerts/{number}/close": "unknown to others, see test_alerts",
    "POST /v1/alerts/{number}/reopen": "unknown to others, see test_alerts",
    "POST /v1/alert-exceptions/{number}/end": "unknown to others, see test_alerts",
    "POST /v1/blacklist/{number}/lift": "unknown to others, see test_alerts",
    "DELETE /v1/webhooks/{number}": "unknown to others, see test_alerts",
    "POST /v1/webhooks/{number}/secret": "unknown to others, see test_alerts",
    "POST /v1/webhooks/{number}/enable": "unknown to others, see test_alerts",
    "POST /v1/webhooks/{number}/test": "unknown to others, see test_alerts",
    "GET /v1/webhooks/{number}/deliveries": "unknown to others, see test_alerts",
    "POST /v1/deliveries/{number}/replay": "unknown to others, see test_alerts",
    "GET /v1/receivers": "one's own only, see test_orders",
    "DELETE /v1/receivers/{number}": "unknown to others, see test_orders",
    "GET /v1/imports/{number}": "unknown to others, see test_imports",
    "POST /v1/imports": "its file is no JSON, see test_imports",
    "GET /v1/orders": "one's own only, see test_orders",
    "GET /v1/orders/{number}": "unknown to others, see test_orders",
    "POST /v1/orders/{number}/approve": "unknown to others, see test_orders",
    "POST /v1/orders/{number}/refuse": "unknown to others, see test_orders",
    "POST /v1/orders/{number}/cancel": "unknown to others, see test_orders",
    "POST /v1/orders/{number}/copies": "unknown to others, see test_orders",
    "POST /v1/orders/{number}/package": "unknown to others, see test_orders",
    "POST /v1/orders/{number}/passphrase": "unknown to others, see test_orders",
    "POST /v1/orders/{number}/printed": "unknown to others, see test_orders",
    "POST /v1/orders/{number}/activate": "unknown to others, see test_orders",
    "GET /v1/keys": "for the installation's own keys",
    "POST /v1/keys": "for the installation's own keys",
    "DELETE /v1/keys/{key}": "for the installation's own keys",
    "POST /v1/scans": "a scan is of no party",
}


def test_every_door_is_tried_by_another_party(world: World) -> None:
    """A new route has a request here, or a reason why it has none."""
    assert set(bodies(world)) | set(OF_NOBODY) == set(PROTECTED)


@pytest.mark.parametrize("name", sorted(set(PROTECTED) - set(OF_NOBODY)))
def test_nobody_acts_for_another_party(world: World, name: str) -> None:
    """A rival with every scope that a party can have is refused, and leaves nothing."""
    key = world.key(RIVAL, *(scope for scope in SCOPES if scope != "admin"))
    before = asked_rows(world.site)
    answer = ask(world, name, key, bodies(world)[name])
    assert (answer.status_code, answer.json()["title"]) == (403, "NOT_YOURS")
    assert asked_rows(world.site) == before


def test_an_admin_key_has_no_party(world: World) -> None:
    """Registering parties is the installation's own."""
    with pytest.raises(Rejected, match="has no party"):
        issue(world.site, "too much", RIVAL, ["admin"])


def test_a_brand_names_only_its_own_products(world: World) -> None:
    """Nobody renames another brand's product, nor one under no prefix of its own."""
    body = {"brand": RIVAL, "gtin": GTIN, "name_en": "Fake", "name_zh": "假"}
    answer = ask(world, "POST /v1/products", world.key(RIVAL, "brand"), body)
    assert (answer.status_code, answer.json()["title"]) == (422, "ForeignGtin")


def test_a_submission_is_told_to_its_actor_only(world: World) -> None:
    """To others it is unknown, whatever its number: numbers tell nothing."""
    own = world.post(
        "/v1/activations", {"batch": world.batch, "first": 46, "to": 47, "active_from": 0}
    )
    name = f"GET /v1/submissions/{own['submission']}"
    world.settle(own)
    for scopes in (["read"], ["brand"], ["custody"]):
        assert ask(world, name, world.key(BRAND, *scopes)).json()["actor"] == BRAND
        answer = ask(world, name, world.key(RIVAL, *scopes))
        assert (answer.status_code, answer.json()["title"]) == (404, "UNKNOWN_SUBMISSION")


@pytest.mark.parametrize("party", [BRAND, DISTRIBUTOR, STORE, SHOP])
def test_a_unit_is_told_to_those_who_had_a_part_in_it(world: World, party: int) -> None:
    """By SSCC and by id; the case's to the store that had it."""
    key = world.key(party, "read")
    for text in (world.units["case"], sscc(0)):
        told = ask(world, f"GET /v1/units/{text}", key).json()
        assert (told["id"], told["holder"], told["gone"]) == (world.units["case"], SHOP, 0)


@pytest.mark.parametrize("unit", ["case", "pallet"])
def test_a_unit_cannot_be_found_out_by_asking(world: World, unit: str) -> None:
    """To a stranger a unit that exists is answered as one that does not."""
    key = world.key(RIVAL, "read", "custody")
    absent = {"case": "0x" + "12" * 32, "pallet": sscc(999)}[unit]
    known = {"case": world.units["case"], "pallet": sscc(10)}[unit]
    bodies = [
        (name, {**rest, where: [text] if where == "units" else text})
        for text in (known, absent)
        for name, where, rest in (
            ("handoffs", "units", {"verb": "ship", "actor": RIVAL, "other": SHOP}),
            ("unpacks", "unit", {"actor": RIVAL, "positions": [0]}),
        )
    ]
    answers = [
        *(ask(world, f"GET /v1/units/{text}", key) for text in (known, absent)),
        *(ask(world, f"POST /v1/{name}", key, body) for name, body in bodies),
    ]
    assert {answer.status_code for answer in answers} == {404}
    told = {answer.text.replace(known, "it").replace(absent, "it") for answer in answers}
    assert len(told) == 1


def test_what_is_in_a_unit_is_told_to_its_holder_only(world: World) -> None:
    """A message to unpack names serials: who had the unit once gets none of them."""
    body = {"unpack": {"actor": STORE, "unit": world.units["case"], "positions": [0]}}
    answer = ask(world, "POST /v1/messages", world.key(STORE, "custody"), body)
    assert (answer.status_code, answer.json()["title"]) == (422, "NotHolder")
    body["unpack"]["actor"] = SHOP
    told = ask(world, "POST /v1/messages", world.key(SHOP, "custody"), body)
    assert told.json()["document"]["childEPCs"] == [
        f"https://id.gs1.org/01/{GTIN}/21/{world.serial(0)}"
    ]


def test_a_message_is_of_one_verb(world: World) -> None:
    """Of two neither is written: what would be signed is not what was asked."""
    key, asked = world.key(SHOP, "custody"), handoff(world, SHOP)
    draw = {"actor": BRAND, "link": world.links[40]}
    unpack = {"actor": SHOP, "unit": world.units["case"], "positions": [0]}
    one = ask(world, "POST /v1/messages", key, {"unpack": unpack, "signer": "0x" + "11" * 20})
    assert one.status_code == 200
    for body in ({"unpack": unpack, "handoff": asked}, {"handoff": asked, "draw": draw}):
        answer = ask(world, "POST /v1/messages", key, body)
        assert (answer.status_code, answer.json()["title"]) == (422, "BAD_MESSAGE")


def test_alerts_are_told_to_their_brand(world: World) -> None:
    """Another brand's are not there at all."""
    with world.site.engine.begin() as connection:
        for brand in (BRAND, RIVAL):
            row = {"key": f"test-{brand}", "brand": brand, "kind": "clone", "raised": 1, "body": {}}
            connection.execute(Alert.__table__.insert().values(**row))
    with reading(world.site.engine) as session:
        ids = dict(
            session.execute(select(Alert.brand, Alert.id).where(Alert.key.like("test-%"))).all()
        )

    def told(party: int) -> set[int]:
        name = "GET /v1/alerts?limit=500"
        return {row["id"] for row in ask(world, name, world.key(party, "read")).json()}

    assert told(BRAND) & set(ids.values()) == {ids[BRAND]}
    assert told(RIVAL) & set(ids.values()) == {ids[RIVAL]}
    assert told(0) >= set(ids.values())


def test_parties_do_not_meet_in_their_idempotency_keys(world: World) -> None:
    """The same key of two parties is two requests; of one, it is one."""
    run = {"batch": world.batch, "first": 42, "to": 43}
    body = {"sscc": sscc(70), "inside": [run]}
    same = {"Idempotency-Key": "Monday's pallet"}
    mine, theirs = world.key(BRAND, "custody"), world.key(SHOP, "custody")
    packed = ask(world, "POST /v1/packs", {**mine, **same}, {"actor": BRAND, "box": body})
    assert packed.status_code == 202
    shop = {"actor": SHOP, "unit": world.units["pallet"], "positions": [1]}
    unpacked = ask(world, "POST /v1/unpacks", {**theirs, **same}, shop)
    assert unpacked.status_code == 202
    again = ask(world, "POST /v1/packs", {**mine, **same}, {"actor": BRAND, "box": body})
    assert again.json() == packed.json()
    other = {**shop, "positions": [0]}
    reused = ask(world, "POST /v1/unpacks", {**theirs, **same}, other)
    assert (reused.status_code, reused.json()["title"]) == (409, "KEY_REUSED")


def test_a_key_is_good_for_one_range_and_time(world: World) -> None:
    """Sent by mistake with another, the second request is refused and not swallowed."""
    key = {**world.key(BRAND, "brand"), "Idempotency-Key": "range"}
    body = {"batch": world.batch, "first": 43, "to": 44, "active_from": 5}
    first = ask(world, "POST /v1/activations", key, body)
    assert first.status_code == 202
    assert ask(world, "POST /v1/activations", key, body).json() == first.json()
    for change in ({"first": 44, "to": 45}, {"active_from": 6}):
        other = ask(world, "POST /v1/activations", key, {**body, **change})
        assert (other.status_code, other.json()["title"]) == (409, "KEY_REUSED")


def test_a_registration_is_all_that_was_asked(world: World) -> None:
    """Asked again it is the same party, whatever the order of a list; any other detail is another
    request, and changes nothing."""
    key = {**world.key(0, "admin"), "Idempotency-Key": "a third shop"}
    own = {"account": "0x" + "12" * 20, "key_mode": 1}
    lists = {"roles": ["store", "distributor"], "markets": [2, 1], "regions": [44, 31]}
    body = {"gln": None, "name_en": "Third Shop", "name_zh": "第三店", **lists, **own}
    first = ask(world, "POST /v1/parties", key, body)
    assert first.status_code == 202
    turned = {**body, **{name: values[::-1] for name, values in lists.items()}}
    assert ask(world, "POST /v1/parties", key, turned).json() == first.json()
    before = asked_rows(world.site)
    for name, value in (
        ("gln", str(SHOP)),
        ("name_en", "Fourth Shop"),
        ("name_zh", "第四店"),
        ("roles", ["store"]),
        ("markets", [1]),
        ("regions", []),
        ("prefix", "9506001"),
        ("account", "0x" + "13" * 20),
        ("key_mode", 2),
    ):
        other = ask(world, "POST /v1/parties", key, {**body, name: value})
        assert (other.status_code, other.json()["title"], name) == (409, "KEY_REUSED", name)
    assert asked_rows(world.site) == before


@pytest.mark.parametrize("key", ["epoch-9506000000015-0", "anchor-2-1", "commission-0:k8"])
def test_nobody_takes_a_key_of_the_installation_itself(world: World, key: str) -> None:
    """What goes on by itself has keys that no caller can write."""
    headers = {**world.key(BRAND, "brand"), "Idempotency-Key": key}
    body = {"batch": world.batch, "first": 45, "to": 46, "active_from": 0}
    assert ask(world, "POST /v1/activations", headers, body).status_code == 202
    submissions = {row[1] for row in all_rows(world.site)["submission"]}
    assert repr(f"{BRAND}:{key}") in submissions


@pytest.mark.parametrize("key", [None, "", "x" * 201])
def test_what_changes_something_needs_an_idempotency_key(world: World, key: str | None) -> None:
    """Of 1 to 200 characters."""
    body = {"batch": world.batch, "first": 45, "to": 46, "active_from": 0}
    headers = {"Idempotency-Key": key} if key is not None else {}
    answer = world.api.post("/v1/activations", json=body, headers=headers)
    assert (answer.status_code, answer.json()["title"]) == (422, "INVALID_REQUEST")
