"""What people send who mean harm, or do not care: a plain refusal, never a fault of ours."""

from __future__ import annotations

import json
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any
from urllib.parse import quote

import pytest
from starlette.testclient import TestClient

from api.limits import MAX_CLIENTS, PER_MINUTE, Limiter, network
from ledger.chain.rpc import HttpRpc
from ledger.db.engine import open_database
from ledger.errors import Rejected
from tests.api.test_doors import bodies
from tests.api.world import (
    BRAND,
    COUNT,
    DISTRIBUTOR,
    GTIN,
    HTML,
    JSON,
    SHOP,
    World,
    asked_rows,
    sscc,
)

HUGE = (-1, 2**31, 2**32, 2**63, 2**64, 10**400)
ODD = ("", "\x00", "\ud800", "x" * 201, "٣", "🍵", "0x" + "00" * 31)
BACKWARDS = {"batch": 1, "first": 41, "to": 40}
OTHERS = (-1, 2**32, 2**63, 10**400, None, True, 1.5, {}, [[]])


def _places(body: Any, at: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield the way to every value of a body."""
    if isinstance(body, dict | list):
        pairs = body.items() if isinstance(body, dict) else enumerate(body)
        for name, part in pairs:
            yield from _places(part, (*at, name))
    yield at


def _with(body: Any, at: tuple[Any, ...], value: Any) -> Any:
    """Return a copy of a body with one value replaced."""
    if not at:
        return value
    copy = dict(body) if isinstance(body, dict) else list(body)
    copy[at[0]] = _with(copy[at[0]], at[1:], value)
    return copy


def requests(world: World, batch: int) -> dict[str, Any]:
    """Return a request of each kind that is nearly good, for codes of a batch."""
    place = {"source": "gps", "lat": 1.0, "lon": 2.0, "acc_km": 1.0, "region": 31}
    return {
        **{name: body for name, body in bodies(world, batch).items() if name.startswith("POST")},
        "POST /v1/rejects": {"actor": BRAND, "link": world.links[40], "reason": "wet"},
        "POST /v1/replacements": {
            **{"actor": BRAND, "link": world.links[40], "reason": "wet"},
            **{"by": world.links[47], "sscc": sscc(91)},
        },
        "POST /v1/dissolutions": {"actor": BRAND, "unit": sscc(90), "reason": "wet"},
        "POST /v1/parties": {
            "gln": None,
            "name_en": "x",
            "name_zh": "x",
            "roles": ["store"],
            "account": None,
            "key_mode": 3,
            "markets": [1],
            "prefix": "",
            "regions": [31],
        },
        "POST /v1/messages": {"unpack": {"actor": SHOP, "unit": sscc(0), "positions": [0]}},
        "POST /v1/scans": {"link": "http://x/", "device": "d", "place": place, "at": 1},
        "POST /relay": {"message": {}, "r": "0x00", "vs": "0x00"},
    }


def _spare(world: World) -> int:
    """Return a batch that nobody else looks at: some of what is sent is good."""
    batch: int = world.order(GTIN, COUNT)["batch"]
    return batch


def test_no_value_breaks_a_request(world: World) -> None:
    """Each value of each body is replaced by each odd one: never is that a fault of ours."""
    faults = []
    with TestClient(world.api.app, raise_server_exceptions=False) as client:
        client.headers.update(world.api.headers)
        sent = 0
        for name, body in requests(world, _spare(world)).items():
            for at in _places(body):
                for value in (*ODD, *OTHERS):
                    sent += 1
                    answer = client.post(
                        name.split(" ")[1],
                        content=json.dumps(_with(body, at, value)),
                        headers={
                            "Idempotency-Key": f"odd-{sent}",
                            "Content-Type": "application/json",
                        },
                    )
                    if answer.status_code >= 500 or answer.status_code < 200:
                        faults.append((name, at, value, answer.status_code))
    assert faults == []


@pytest.mark.parametrize("number", [*HUGE, "x", "", "1.5", "0"])
@pytest.mark.parametrize(
    "path",
    [
        "/v1/mints/{}",
        "/v1/mints/{}/links",
        "/v1/mints/{}/sheet",
        "/v1/submissions/{}",
        "/v1/units/{}",
        "/v1/alerts?after={}",
        "/v1/alerts?limit={}",
        "/v1/alerts/{}",
        "/v1/alerts/{}/picture",
        "/v1/alerts?region={}",
        "/v1/alerts?since={}",
        "/v1/alert-summary?brand={}",
        "/v1/blacklist?after={}",
        "/v1/audit?after={}",
        "/v1/webhooks/{}/deliveries",
        "/v1/mints/{mint}/links?first={}",
        "/v1/mints/{mint}/links?to={}",
        "/v1/mints/{mint}/sheet?first={}",
    ],
)
def test_no_number_breaks_a_path(world: World, path: str, number: object) -> None:
    """What no row can have is not found or not possible."""
    asked = path.replace("{mint}", str(world.mint)).format(number)
    answer = world.api.get(asked)
    assert answer.status_code in (200, 400, 404, 422), answer.text
    if answer.status_code != 200:
        assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize(
    ("name", "change", "code"),
    [
        ("mints", {"gtin": "09506000134353"}, "BAD_CHECK_DIGIT"),
        ("mints", {"gtin": "1"}, "MALFORMED"),
        ("mints", {"count": 0}, "BAD_QUANTITY"),
        ("mints", {"count": -1}, "BAD_QUANTITY"),
        ("mints", {"count": 10_000_001}, "BAD_QUANTITY"),
        ("mints", {"brand": 9506000099996}, "UnknownParty"),
        ("mints", {"brand": DISTRIBUTOR}, "NOT_HOSTED"),
        ("activations", {"batch": 999}, "UNKNOWN_BATCH"),
        ("activations", {"first": 41, "to": 40}, "BAD_RANGE"),
        ("activations", {"to": 49}, "BAD_RANGE"),
        ("activations", {"active_from": 1 << 40}, "BadTime"),
        ("lots", {"lot": "L 1"}, "BAD_LOT"),
        ("lots", {"lot": "L" * 21}, "BAD_LOT"),
        ("lots", {"lot": "批号"}, "BAD_LOT"),
        ("lots", {"expiry": "1970-01-01"}, "BAD_DATE"),
        ("lots", {"expiry": "2026-02-30"}, "INVALID_REQUEST"),
        ("handoffs", {"units": []}, "INVALID_REQUEST"),
        ("handoffs", {"units": ["1"] * 1001}, "INVALID_REQUEST"),
        ("handoffs", {"units": ["0x12"]}, "UNKNOWN_UNIT"),
        ("handoffs", {"units": ["0xzz"]}, "MALFORMED"),
        ("handoffs", {"units": ["350600000000000010"]}, "BAD_CHECK_DIGIT"),
        ("handoffs", {"other": 9506000099992}, "BAD_CHECK_DIGIT"),
        ("handoffs", {"other": 9506000099996}, "UnknownParty"),
        ("handoffs", {"other": SHOP, "actor": SHOP}, "ToSelf"),
        ("handoffs", {"verb": "steal"}, "INVALID_REQUEST"),
        ("unpacks", {"positions": [2]}, "BAD_POSITION"),
        ("unpacks", {"positions": []}, "INVALID_REQUEST"),
        ("packs", {"box": {"sscc": "1", "inside": ["x"]}}, "MALFORMED"),
        ("packs", {"box": {"sscc": sscc(80), "inside": []}}, "INVALID_REQUEST"),
        ("packs", {"box": {"sscc": sscc(80), "inside": [BACKWARDS]}}, "BAD_RANGE"),
    ],
)  # fmt: skip
def test_bad_input_is_refused_by_name(
    world: World, name: str, change: dict[str, Any], code: str
) -> None:
    """With a sentence, and without a row."""
    good = {
        **requests(world, world.batch)[f"POST /v1/{name}"],
        **({"other": DISTRIBUTOR} if name == "handoffs" else {}),
        **change,
    }
    before = asked_rows(world.site)
    answer = world.api.post(
        f"/v1/{name}", json=good, headers={"Idempotency-Key": f"bad-{time.monotonic_ns()}"}
    )
    told = answer.json()
    assert (told["title"], answer.status_code) == (code, told["status"])
    assert 400 <= told["status"] < 500
    assert told["detail"][-1] in ".;)" or code == "INVALID_REQUEST"
    assert asked_rows(world.site) == before


@pytest.mark.parametrize("depth", [200, 300, 2000])
def test_boxes_in_boxes_have_an_end(world: World, depth: int) -> None:
    """However deep they are nested, the answer is a refusal."""
    text = '{"actor": 1, "box": ' + '{"sscc": "1", "inside": [' * depth + "1" + "]}" * depth + "}"
    answer = world.api.post(
        "/v1/packs",
        content=text,
        headers={"Idempotency-Key": "deep", "Content-Type": "application/json"},
    )
    assert answer.status_code in (400, 422)
    assert answer.headers["content-type"] == "application/problem+json"


def test_a_box_of_millions_is_refused_before_it_is_counted_out(world: World) -> None:
    """A line of JSON does not buy an hour of work."""
    many = [{"batch": world.batch, "first": 0, "to": 2**32 - 1}] * 10_000
    body = {"actor": BRAND, "box": {"sscc": sscc(81), "inside": many}}
    answer = world.api.post("/v1/packs", json=body, headers={"Idempotency-Key": "millions"})
    assert (answer.status_code, answer.json()["title"]) == (422, "TOO_MANY_CHILDREN")


@pytest.mark.parametrize("chunked", [True, False])
@pytest.mark.parametrize(
    ("path", "most"), [("/v1/packs", 8 << 20), ("/relay", 1 << 20), ("/01/{}/21/0/scan", 16 << 10)]
)
def test_a_body_has_a_limit(world: World, path: str, most: int, chunked: bool) -> None:
    """By its stated length, and by what comes where none is stated."""

    def pieces() -> Iterator[bytes]:
        for _ in range(most // 1024 + 1):
            yield b" " * 1024

    headers = {"Idempotency-Key": "large", "Content-Type": "application/json"}
    content = pieces() if chunked else b"".join(pieces())
    answer = world.api.post(path.format(GTIN), content=content, headers=headers)
    assert ("content-length" in answer.request.headers) is not chunked
    assert (answer.status_code, answer.json()["title"]) == (413, "TOO_LARGE")


@pytest.mark.parametrize("length", ["x", "-1", "1e3", "9" * 5000])
def test_a_stated_length_is_a_number(world: World, length: str) -> None:
    """Anything else is answered, not believed."""
    answer = world.api.post("/relay", content=b"{}", headers={"Content-Length": length})
    assert answer.status_code in (400, 413)


@pytest.mark.parametrize("text", ["{", "[" * 100_000, '{"brand": ' + "9" * 5000 + "}", "\xff"])
def test_what_is_no_json_is_said_to_be_none(world: World, text: str) -> None:
    """However it is broken, and however deep this process would let it nest."""
    before = sys.getrecursionlimit()
    sys.setrecursionlimit(100_000)  # as py-evm does
    headers = {"Idempotency-Key": "broken", "Content-Type": "application/json"}
    try:
        answer = world.api.post("/v1/mints", content=text.encode("latin-1"), headers=headers)
    finally:
        sys.setrecursionlimit(before)
    assert answer.status_code in (400, 422)
    assert answer.headers["content-type"] == "application/problem+json"


def test_a_wrong_method_is_said_to_be_wrong(world: World) -> None:
    """With the ones that are right."""
    answer = world.api.delete("/v1/mints")
    assert (answer.status_code, answer.json()["title"]) == (405, "METHOD_NOT_ALLOWED")
    assert answer.headers["allow"] == "POST"


def test_names_are_text_on_the_page(world: World) -> None:
    """A party's or product's name is shown as it is written, and runs nowhere."""
    names = {row["name_en"] for row in world.api.get("/v1/parties").json()}
    assert "Rival <b>Brand</b>" in names
    with world.phone() as phone:
        page = phone.get(world.path(0), headers=HTML).text
    assert "<script>" not in page
    assert page.count("<script ") == 1


def test_a_proof_is_a_file_with_a_plain_name(world: World) -> None:
    """Nothing of the request can get into its header."""
    with world.phone() as phone:
        answer = phone.get(world.path(0) + "/proof")
        bad = phone.get(f"/01/{GTIN}/21/%22%0d%0aX-Evil:1/proof")
    name = f"touchstone-{world.serial(0)}.json"
    assert answer.headers["content-disposition"] == f'attachment; filename="{name}"'
    assert (bad.status_code, bad.json()["title"]) == (400, "MALFORMED")
    assert "x-evil" not in bad.headers


def test_proofs_are_rationed(world: World) -> None:
    """They cost work and anybody may ask: sixty a minute for one address, then 429 and when."""
    with world.phone() as phone:
        codes = [phone.get(f"/01/{GTIN}/21/bad/proof").status_code for _ in range(61)]
        last = phone.get(f"/01/{GTIN}/21/bad/proof")
    assert codes == [400] * 60 + [429]
    assert (last.json()["title"], last.headers["retry-after"]) == ("TOO_MANY_REQUESTS", "60")


def test_pages_are_rationed(world: World) -> None:
    """The page of a code, a longer link to it and the entrance count together; then a page says
    when to come back, works without a script and keeps what was typed. Scans go on."""
    paths = (
        world.path(36),
        world.path(36) + "?11=260101",
        f"/01/{GTIN}/10/L-1/21/{world.serial(36)}",
    )
    typed = f"/?link={quote(world.links[36])}"
    with world.phone() as phone:
        token = phone.get(world.path(36), headers=HTML).text.partition('data-token="')[2][:48]
        phone.app.state.limiters["page"] = Limiter(3)  # type: ignore[attr-defined]
        let_in = [
            phone.get(path, headers=HTML, follow_redirects=False).status_code
            for path in (world.path(36), paths[2], typed)
        ]
        pages = {
            (path, lang): phone.get(f"{path}{'&' if '?' in path else '?'}lang={lang}", headers=HTML)
            for path in (*paths, typed)
            for lang in ("en", "zh")
        }
        verdict, head = phone.get(world.path(36), headers=JSON), phone.head(world.path(36))
        beacon = phone.post(f"{world.path(36)}/scan", json={"token": token})
    assert let_in == [200, 307, 303]
    assert PER_MINUTE["page"] >= 2 * PER_MINUTE["scan"]
    for (path, lang), page in pages.items():
        assert (page.status_code, page.headers["retry-after"]) == (429, "60")
        assert {"en": "Try again in a minute.", "zh": "请一分钟后再试。"}[lang] in page.text
        assert "<script" not in page.text
        assert (f'value="{world.links[36]}"' in page.text) == (path == typed)
    assert (verdict.status_code, verdict.json()["title"]) == (429, "TOO_MANY_REQUESTS")
    assert (head.status_code, beacon.status_code) == (429, 204)


def test_the_limiter_counts_addresses_by_the_minute() -> None:
    """Each client has its own count; a new minute begins anew; memory is bounded."""
    limiter = Limiter(2)
    for _ in range(2):
        limiter.take("192.0.2.1", 60.0)
    limiter.take("192.0.2.2", 60.0)
    with pytest.raises(Rejected) as error:
        limiter.take("192.0.2.1", 119.9)
    assert error.value.code == "TOO_MANY_REQUESTS"
    limiter.take("192.0.2.1", 120.0)
    for number in range(MAX_CLIENTS + 5):
        limiter.take(f"client {number}", 120.0)
    assert len(limiter._seen) == MAX_CLIENTS


def test_one_subscriber_is_one_client() -> None:
    """An IPv6 subscriber has 2⁶⁴ addresses, and one count."""
    assert network("2001:db8::1") == network("2001:db8::ffff:1") == "2001:db8::/64"
    assert network("2001:db8:0:1::1") != network("2001:db8::1")
    assert network("192.0.2.1") == "192.0.2.1"
    assert network("testclient") == "testclient"


def test_many_at_once_are_counted_each() -> None:
    """Threads that come together do not slip through."""
    limiter, let_in = Limiter(100), []

    def come() -> None:
        for _ in range(50):
            try:
                limiter.take("192.0.2.1", 60.0)
                let_in.append(1)
            except Rejected:
                pass

    threads = [threading.Thread(target=come) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(let_in) == 100


def test_a_node_that_is_away_is_said_to_be_away(world: World) -> None:
    """503, when to come again, and for people a page; what is in the database still answers."""
    away = replace(world.site, rpc=HttpRpc("http://127.0.0.1:9"))
    with world.phone(away) as phone:
        proof = phone.get(world.path(0) + "/proof")
        page = phone.get(world.path(0) + "/proof", headers=HTML)
        verdict = phone.get(world.path(33), headers=JSON)
        phone.headers.update(world.api.headers)
        body = bodies(world)["POST /v1/activations"]
        act = phone.post("/v1/activations", json=body, headers={"Idempotency-Key": "away"})
    for answer in (proof, act):
        assert (answer.status_code, answer.json()["title"]) == (503, "LEDGER_UNREACHABLE")
        assert answer.headers["retry-after"] == "5"
    assert (page.status_code, page.headers["content-type"]) == (503, "text/html; charset=utf-8")
    assert verdict.json()["outcome"] == "genuine"


@pytest.fixture
def broken(world: World) -> Iterator[TestClient]:
    """An installation whose database lost a table and holds a wrong type in another."""
    engine = open_database(f"sqlite:///{world.at.data / f'broken-{time.monotonic_ns()}.db'}")
    with engine.begin() as connection:
        connection.exec_driver_sql("DROP TABLE chain_batch")
        connection.exec_driver_sql(
            "INSERT INTO chain_checkpoint (id, number, hash, time, reigns, changes) "
            "VALUES (1, 1, x'00', 1, 'no json', '[]')"
        )
    with world.phone(world.later(0, engine=engine)) as phone:
        yield phone


def test_a_fault_of_ours_tells_nothing_of_the_inside(world: World, broken: TestClient) -> None:
    """No traceback, no path, no SQL: a problem for programs, a page for people."""
    problem = broken.get(world.path(0), headers=JSON)
    page = broken.get(world.path(0), headers=HTML)
    for answer in (problem, page):
        assert answer.status_code == 500
        for word in ("Traceback", "sqlalchemy", "SELECT", ".py", "no json", "JSONDecodeError"):
            assert word not in answer.text
    assert problem.json()["title"] == "INTERNAL"
    assert "Something went wrong on this site." in page.text


def test_a_database_that_is_away_is_said_to_be_away(world: World, broken: TestClient) -> None:
    """503 without its words."""
    with world.site.engine.connect() as connection:
        connection.exec_driver_sql("SELECT 1")
    engine = open_database("sqlite://")
    with engine.begin() as connection:
        connection.exec_driver_sql("DROP TABLE chain_checkpoint")
    with world.phone(world.later(0, engine=engine)) as phone:
        answer = phone.get(world.path(0), headers=JSON)
    assert (answer.status_code, answer.json()["title"]) == (503, "DATABASE_FAILED")
    assert "chain_checkpoint" not in answer.text
