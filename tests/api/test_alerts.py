"""Alerts by HTTP: read, filtered, judged; the feed; what is told to whom."""

from __future__ import annotations

import csv
import io
import json
import secrets
import threading
from collections.abc import Iterator
from itertools import islice
from typing import Any
from xml.etree import ElementTree

import httpx2
import pytest
import uvicorn
from sqlalchemy import select
from starlette.testclient import TestClient

from api.app import create_app
from ledger.db.engine import reading, transaction
from ledger.db.models import ChainLot
from ledger.services import api_keys
from ledger.services.alerting import alerts, alerts_rules, webhooks
from ledger.services.alerting.alerts_evidence import document, keep_evidence
from scripts.api import bind
from tests.api.world import BRAND, GTIN, JSON, RIVAL, World


@pytest.fixture(scope="module")
def raised(world: World) -> dict[str, int]:
    """Three alerts of the brand and one of its rival: their numbers by name."""
    made = {}
    with transaction(world.site.engine) as session:
        for name, brand, kind, lot, region in (
            ("first", BRAND, "diversion", "L-1", 44),
            ("second", BRAND, "clone", "L-1", None),
            ("third", BRAND, "farm", "=L-2", 31),
            ("rival's", RIVAL, "farm", "L-1", 31),
        ):
            rule = alerts_rules.ensure(session, brand, 1)[kind]
            cause = alerts.Cause(
                key=f"api/{name}",
                brand=brand,
                raised=1_700_000_000 + len(made),
                last=1_700_000_000 + len(made),
                scans=5,
                goods=(2, 4),
                body={"sentence": f"<{name}>", "calibrated": False, "evidence": {"units": []}},
                lot=lot,
                region=region,
                gtin=int(GTIN),
            )
            alert, _ = alerts.keep(session, 1_700_000_000, rule, cause)
            keep_evidence(session, 1, alert, document({}, []))
            made[name] = alert.id
    return made


@pytest.fixture(scope="module")
def desk(world: World) -> Iterator[TestClient]:
    """The brand's people, with the scope alerts."""
    with TestClient(create_app(world.site), headers=world.key(BRAND, "alerts", "read")) as client:
        yield client


def told(client: TestClient, path: str) -> list[int]:
    """Return the numbers that a list answers."""
    answer = client.get(path)
    assert answer.status_code == 200, answer.text
    return [row["id"] for row in answer.json()]


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("kind=farm", ["third"]),
        ("lot=L-1", ["first", "second"]),
        ("region=44", ["first"]),
        ("since=1700000001&until=1700000002", ["second"]),
        ("state=closed", []),
        ("muted=true", []),
    ],
)
def test_filters(desk: TestClient, raised: dict[str, int], query: str, names: list[str]) -> None:
    """Each lets through what it names, and of the brand's own only."""
    ours = set(raised.values())
    found = [number for number in told(desk, f"/v1/alerts?limit=500&{query}") if number in ours]
    assert found == [raised[name] for name in names]


def test_paging_by_key_misses_nothing_and_repeats_nothing(
    desk: TestClient, raised: dict[str, int]
) -> None:
    """Page after page of one gives what one page gives."""
    whole, pages, after = told(desk, "/v1/alerts?limit=500"), [], 0
    while page := told(desk, f"/v1/alerts?limit=1&after={after}"):
        pages += page
        after = page[-1]
    assert pages == whole
    pages, after = [], 0
    while page := told(desk, f"/v1/alerts?limit=1&newest=true&after={after}"):
        pages += page
        after = page[-1]
    assert pages == whole[::-1]
    assert {raised[name] for name in ("first", "second", "third")} <= set(whole)


@pytest.mark.parametrize(
    "query", ["state=odd", "outcome=odd", "kind=odd", "region=99", "since=5&until=5"]
)
def test_a_filter_that_nothing_can_pass_is_refused(desk: TestClient, query: str) -> None:
    """Rather than answered by silence; the export too, before it begins."""
    for path in ("/v1/alerts", "/v1/alerts/export"):
        answer = desk.get(f"{path}?{query}")
        assert (answer.status_code, answer.json()["title"]) == (422, "BAD_FILTER")


def test_exports_are_the_list_and_no_cell_is_a_formula(
    desk: TestClient, raised: dict[str, int]
) -> None:
    """CSV that a spreadsheet reads, JSON as the list has it."""
    rows = list(csv.DictReader(io.StringIO(desk.get("/v1/alerts/export").text)))
    whole = desk.get("/v1/alerts?limit=500").json()
    assert [int(row["id"]) for row in rows] == [row["id"] for row in whole]
    assert {row["lot"] for row in rows if int(row["id"]) == raised["third"]} == {"'=L-2"}
    assert desk.get("/v1/alerts/export?format=json").json() == whole
    assert desk.get("/v1/alerts/export?format=json&code=none").json() == []


def test_an_alert_lives_and_its_severity_is_money(desk: TestClient, raised: dict[str, int]) -> None:
    """Archived, reopened, closed and corrected; each step is in the audit log, by name."""
    path = f"/v1/alerts/{raised['first']}"
    value = {"brand": BRAND, "cents": 12_50, "currency": "CNY"}
    assert desk.put(f"/v1/products/{GTIN}/value", json=value).status_code == 204
    severity = desk.get(path).json()["severity"]
    assert severity == {
        "goods_low": 2, "goods_high": 4, "value_low": 25.0, "value_high": 50.0, "currency": "CNY",
    }  # fmt: skip
    archived = desk.post(f"{path}/archive", json={"more": 3}).json()
    assert (archived["state"], archived["archived_until_scans"]) == ("archived", 8)
    assert desk.post(f"{path}/reopen").json()["state"] == "open"
    for outcome in ("false", "confirmed"):
        closed = desk.post(f"{path}/close", json={"outcome": outcome, "note": "seen"}).json()
        assert (closed["state"], closed["outcome"]) == ("closed", outcome)
        assert (closed["judged_by"], closed["judged"] > 0) == ("test", True)
    refused = desk.post(f"{path}/archive", json={"more": 3})
    assert (refused.status_code, refused.json()["title"]) == (409, "ALERT_CLOSED")
    log = [row for row in desk.get("/v1/audit?limit=500").json() if row["who"] == "test"]
    about = [row["what"] for row in log if row["detail"].get("alert") == raised["first"]]
    assert about == ["alert archive", "alert reopen", "alert close", "alert close"]


@pytest.mark.parametrize(
    ("what", "code"),
    [({}, "BAD_ARCHIVE"), ({"until": 1}, "BAD_ARCHIVE"), ({"more": 0}, "INVALID_REQUEST")],
)
def test_archived_until_something(
    desk: TestClient, raised: dict[str, int], what: dict[str, int], code: str
) -> None:
    """For ever, or until a time that has passed, is not possible."""
    answer = desk.post(f"/v1/alerts/{raised['second']}/archive", json=what)
    assert (answer.status_code, answer.json()["title"]) == (422, code)


def test_what_is_anothers_is_not_there(
    world: World, desk: TestClient, raised: dict[str, int]
) -> None:
    """Of alerts, exceptions, the blacklist, webhooks and deliveries: 404, and nothing in a list."""
    with world.phone() as rival:
        rival.headers.update(world.key(RIVAL, "alerts", "read"))
        hook = desk.post("/v1/webhooks", json={"brand": BRAND, "url": "https://a.example/1"}).json()
        sent = desk.post(f"/v1/webhooks/{hook['id']}/test").json()
        span = {"begins": 1, "ends": 2, "reason": "flood relief"}
        excuse = desk.post("/v1/alert-exceptions", json={"brand": BRAND, **span}).json()
        listed = {"codes": [f"{GTIN}/{world.serial(47)}"], "reason": "found copies"}
        entry = desk.post("/v1/blacklist", json=listed).json()[0]
        doors = [
            *(
                f"GET /v1/alerts/{raised['first']}{part}"
                for part in ("", "/evidence", "/picture", "/recompute")
            ),
            *(
                f"POST /v1/alerts/{raised['first']}/{verb}"
                for verb in ("reopen", "close", "archive")
            ),
            f"POST /v1/alert-exceptions/{excuse['id']}/end",
            f"POST /v1/blacklist/{entry['id']}/lift",
            f"DELETE /v1/webhooks/{hook['id']}",
            *(f"POST /v1/webhooks/{hook['id']}/{verb}" for verb in ("secret", "enable", "test")),
            f"GET /v1/webhooks/{hook['id']}/deliveries",
            f"POST /v1/deliveries/{sent['id']}/replay",
        ]
        body = {"outcome": "false", "more": 1, "reason": "mine"}
        answers = [rival.request(*door.split(" "), json=body) for door in doors]
        assert {answer.status_code for answer in answers} == {404}
        for path in ("alert-exceptions", "blacklist", "webhooks", "audit"):
            assert rival.get(f"/v1/{path}").json() == [] or path == "audit"
        assert all(
            row["detail"].get("brand") == RIVAL for row in rival.get("/v1/audit?limit=500").json()
        )
        seen = set(told(rival, "/v1/alerts?limit=500"))
        assert seen & set(raised.values()) == {raised["rival's"]}
        theirs = rival.post("/v1/blacklist", json=listed)
        assert (theirs.status_code, theirs.json()["title"]) == (422, "BAD_BLACKLIST")
    desk.delete(f"/v1/webhooks/{hook['id']}")
    desk.post(f"/v1/blacklist/{entry['id']}/lift", json={"reason": "a test"})


def test_the_blacklist_speaks_in_the_verdict_until_it_is_lifted(
    world: World, desk: TestClient, phone: TestClient
) -> None:
    """do_not_use by the operator's log; caution for a suspicion; nothing once it is lifted."""

    def reasons() -> list[tuple[str, str]]:
        answer = phone.get(world.path(14), headers=JSON).json()
        return [(reason["code"], reason["voucher"]) for reason in answer["reasons"]]

    assert reasons() == [("FIRST_SCAN", "log")]
    link = world.links[14]
    for level, code in (("caution", "SUSPECTED"), ("do_not_use", "BLACKLISTED")):
        body = {"codes": [link], "level": level, "reason": "copies were found"}
        answer = desk.post("/v1/blacklist", json=body)
        assert answer.status_code == 201, answer.text
        assert desk.post("/v1/blacklist", json=body).json() == answer.json(), "again"
        assert reasons() == [(code, "log")]
    mine = [
        row for row in desk.get("/v1/blacklist").json() if row["code"].endswith(world.serial(14))
    ]
    for row in mine:
        lifted = desk.post(f"/v1/blacklist/{row['id']}/lift", json={"reason": "a mistake"}).json()
        assert (lifted["lifted_by"], lifted["lifted"] is None) == ("test", False)
    assert reasons() == [("FIRST_SCAN", "log")]
    assert len(mine) == 2
    log = [row for row in desk.get("/v1/audit?limit=500").json() if row["what"] == "blacklist lift"]
    assert {row["detail"]["why"] for row in log} >= {"a mistake"}


def test_an_alert_is_computed_again(desk: TestClient, raised: dict[str, int]) -> None:
    """Here no scan was kept with it, which is said."""
    told = desk.get(f"/v1/alerts/{raised['first']}/recompute").json()
    assert told == {"holds": False, "says": "no scan was kept with it"}


def test_a_market_is_stated_and_a_consumer_outside_it_is_told(
    world: World, desk: TestClient, phone: TestClient
) -> None:
    """Only where the brand asks for it, and only by a place that is certain."""
    with transaction(world.site.engine) as session:
        lot = session.scalars(select(ChainLot).limit(1)).one()
        lot.market, before = 3, lot.market
    code = world.links[22]

    def reasons(region: int, source: str = "gps") -> list[str]:
        place = {"lat": 23.13, "lon": 113.26, "source": source, "acc_km": 1, "region": region}
        body = {"link": code, "device": "someone", "place": place}
        key = {"Idempotency-Key": secrets.token_hex(8)}
        headers = {**key, **world.key(BRAND, "scan")}
        answer = phone.post("/v1/scans", json=body, headers=headers).json()
        return [reason["code"] for reason in answer["reasons"]]

    body: dict[str, Any] = {"brand": BRAND, "name": "the east", "regions": [31]}
    assert desk.put("/v1/markets/3", json=body).json()["regions"] == [31]
    assert "OUTSIDE_MARKET" not in reasons(44)
    told = desk.put("/v1/markets/3", json={**body, "tells": True}).json()
    assert reasons(44) == ["OUTSIDE_MARKET"]
    assert "OUTSIDE_MARKET" not in reasons(31) + reasons(44, "ip_mobile")
    assert desk.get("/v1/markets").json() == [told]
    with world.phone() as rival:
        rival.headers.update(world.key(RIVAL, "alerts", "read"))
        assert rival.get("/v1/markets").json() == []
        assert rival.delete("/v1/markets/3").status_code == 404
        assert rival.put("/v1/markets/3", json=body).status_code == 403
    assert desk.delete("/v1/markets/3").status_code == 204
    assert desk.delete("/v1/markets/3").status_code == 404
    refused = desk.put("/v1/markets/3", json={**body, "country": "XX"})
    assert (refused.status_code, refused.json()["title"]) == (422, "BAD_MARKET")
    with transaction(world.site.engine) as session:
        session.scalars(select(ChainLot).limit(1)).one().market = before


def test_a_list_of_codes_is_listed_whole_or_not_at_all(world: World, desk: TestClient) -> None:
    """One that is none of ours is named by its place, and nothing is kept."""
    before = desk.get("/v1/blacklist?lifted=true&limit=500").json()
    codes = [world.links[15], f"{GTIN}/00000000000000000000"]
    answer = desk.post("/v1/blacklist", json={"codes": codes, "reason": "bulk"})
    assert (answer.status_code, "Code 2" in answer.json()["detail"]) == (422, True)
    assert desk.get("/v1/blacklist?lifted=true&limit=500").json() == before


def test_a_rule_of_ones_own_and_the_dial(desk: TestClient) -> None:
    """Set, changed, muted by hand, let speak again, removed; the dial sets what is calibrated."""
    body = {"brand": BRAND, "kind": "threshold", "terms": {"test": "devices", "n": 40, "days": 7}}
    assert desk.put("/v1/alert-rules/forty a week", json=body).json()["calibrated"] is False
    silent = desk.post("/v1/alert-rules/forty a week/mute", json={"brand": BRAND, "why": "noisy"})
    assert silent.json()["muted_why"] == "noisy"
    heard = desk.post("/v1/alert-rules/forty a week/mute", json={"brand": BRAND}).json()
    assert heard["muted"] is None
    turned = desk.put("/v1/alert-dial", json={"brand": BRAND, "fdr": 0.01}).json()
    rules = {row["name"]: row for row in turned["rules"]}
    assert (turned["fdr"], rules["diversion"]["promise"]) == (0.01, 0.01)
    assert rules["forty a week"]["terms"] == {"test": "devices", "n": 40, "days": 7}
    assert desk.delete("/v1/alert-rules/forty a week").status_code == 204
    assert desk.delete("/v1/alert-rules/forty a week").status_code == 404
    desk.put("/v1/alert-dial", json={"brand": BRAND, "fdr": None})


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("x", {"kind": "odd"}),
        ("x", {"terms": {"test": "devices", "n": 1, "days": 1}}),
        ("x", {"terms": {"test": "devices", "n": "3", "days": 1}}),
        ("x", {"terms": {"test": "devices", "n": 3.5, "days": 1}}),
        ("x", {"terms": {"test": "devices", "n": True, "days": 1}}),
        ("x", {"terms": {"test": "devices", "n": 3}}),
        ("x", {"terms": {"test": "devices", "n": 3, "days": 1, "km": 2}}),
        ("x", {"terms": {"test": ["devices"]}}),
        ("farm", {}),
        ("x", {"kind": "diversion", "terms": {}}),
        ("x", {"promise": 0.6}),
        ("diversion", {"kind": "diversion", "terms": {}, "promise": 0.5}),
        ("diversion", {"kind": "diversion", "terms": {"n": 1}}),
        ("out_of_market", {"kind": "out_of_market", "terms": {"n": 1, "days": 1, "market": 1}}),
    ],
)
def test_a_rule_that_is_none_is_refused(
    desk: TestClient, name: str, change: dict[str, Any]
) -> None:
    """Named, and nothing is kept."""
    terms = {"test": "devices", "n": 3, "days": 1}
    body = {"brand": BRAND, "kind": "threshold", "terms": terms, **change}
    answer = desk.put(f"/v1/alert-rules/{name}", json=body)
    assert (answer.status_code, answer.json()["title"]) == (422, "BAD_RULE")


def test_the_picture_is_inert(desk: TestClient, raised: dict[str, int]) -> None:
    """SVG in which a name is a text, and nothing runs."""
    answer = desk.get(f"/v1/alerts/{raised['second']}/picture")
    assert answer.headers["content-type"] == "image/svg+xml"
    assert answer.headers["content-security-policy"] == "default-src 'none'"
    tree = ElementTree.fromstring(answer.text)
    assert tree.findtext("{http://www.w3.org/2000/svg}desc") == "<second>"


@pytest.fixture(scope="module")
def base(world: World) -> Iterator[str]:
    """The application on a port of its own: a stream is more than one answer."""
    listener = bind("127.0.0.1", 0)
    listener.listen()  # whoever comes before the server waits, and is not refused
    config = uvicorn.Config(create_app(world.site), log_level="error")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    server.should_exit = True
    thread.join(20)


def read_events(text: str) -> list[tuple[int, str, dict[str, Any]]]:
    """Return the events of a stream: id, name, data."""
    found = []
    for block in text.split("\n\n"):
        fields = dict(line.split(": ", 1) for line in block.splitlines() if ": " in line)
        if "id" in fields:
            found.append((int(fields["id"]), fields["event"], json.loads(fields["data"])))
    return found


def test_a_listener_goes_on_where_it_was(world: World, base: str, raised: dict[str, int]) -> None:
    """By Last-Event-ID: what it saw is not told again, what it missed is; nothing of a rival."""
    headers = {**world.key(BRAND, "read"), "Last-Event-ID": "0"}
    whole = read_events(httpx2.get(f"{base}/v1/alerts/stream?wait=0", headers=headers).text)
    assert len(whole) >= 3
    headers["Last-Event-ID"] = str(whole[1][0])
    assert (
        read_events(httpx2.get(f"{base}/v1/alerts/stream?wait=0", headers=headers).text)
        == whole[2:]
    )
    headers["Last-Event-ID"] = str(whole[-1][0] + 1_000)  # of a database before it was restored
    assert read_events(httpx2.get(f"{base}/v1/alerts/stream?wait=0", headers=headers).text) == []
    assert {data["data"]["brand"] for _, name, data in whole if name != "alert.tested"} == {BRAND}
    assert [data["type"] for _, _, data in whole] == [name for _, name, _ in whole]


def test_what_happens_is_told_to_whoever_listens(
    world: World, base: str, desk: TestClient, raised: dict[str, int]
) -> None:
    """Without being asked again: the stream is open, then an alert changes."""
    with httpx2.stream(
        "GET", f"{base}/v1/alerts/stream?wait=20", headers=world.key(BRAND, "alerts"), timeout=30
    ) as stream:
        lines = stream.iter_lines()
        assert next(lines) == "retry: 2000"
        desk.post(f"/v1/alerts/{raised['third']}/close", json={"outcome": "explained"})
        event = next(line for line in lines if line.startswith("event"))
    assert event == "event: alert.closed"


def test_listeners_are_counted_and_bounded(
    world: World, base: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One too many is told to come later; who has gone makes room."""
    monkeypatch.setattr("api.alerts.MOST_LISTENERS", 1)
    asked = {"url": f"{base}/v1/alerts/stream", "headers": world.key(BRAND, "read")}
    with httpx2.stream("GET", **asked, params={"wait": 20}, timeout=30) as stream:
        lines = stream.iter_lines()
        assert next(lines) == "retry: 2000"
        full = httpx2.get(**asked, params={"wait": 0})
        assert (full.status_code, full.json()["title"]) == (503, "TOO_MANY_LISTENERS")
    while httpx2.get(**asked, params={"wait": 0}).status_code == 503:
        pass  # until the server has noticed that the line was cut


def test_a_brand_takes_no_more_than_its_share_of_the_places(
    world: World, base: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One more of its own is told to come later; another brand listens all the same."""
    monkeypatch.setattr("api.alerts.MOST_OF_A_BRAND", 1)
    url, once = f"{base}/v1/alerts/stream", {"wait": 0}
    own, other = world.key(BRAND, "read"), world.key(RIVAL, "read")
    with httpx2.stream("GET", url, headers=own, params={"wait": 20}, timeout=30) as stream:
        lines = stream.iter_lines()
        assert next(lines) == "retry: 2000"
        full = httpx2.get(url, headers=own, params=once)
        assert (full.status_code, full.json()["title"]) == (503, "TOO_MANY_LISTENERS")
        assert httpx2.get(url, headers=other, params=once).status_code == 200
    while httpx2.get(url, headers=own, params=once).status_code == 503:
        pass  # until the server has noticed that the line was cut


def test_a_stream_ends_when_its_key_is_revoked(
    world: World, base: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At its next beat; it would go on for an hour."""
    monkeypatch.setattr("api.alerts.BEAT_S", 0.0)
    number, key = api_keys.name_and_issue(world.site, "test", "leaver", BRAND, ["read"])
    headers = {"Authorization": f"Bearer {key}"}
    with httpx2.stream(
        "GET", f"{base}/v1/alerts/stream?wait=3600", headers=headers, timeout=60
    ) as stream:
        lines = stream.iter_lines()
        while next(lines) != ": still here":
            pass
        api_keys.revoke(world.site, "test", number)
        rest = list(islice(lines, 100))
    assert (len(rest) < 100, set(rest) <= {"", ": still here"}) == (True, True)


def test_the_worker_raises_an_alert_and_the_feed_tells_of_it(
    world: World, base: str, desk: TestClient
) -> None:
    """From the scan that tips it to whoever listens, through the installation's own worker."""
    terms = {"test": "devices", "n": 2, "days": 1}
    body = {"brand": BRAND, "kind": "threshold", "terms": terms}
    desk.put("/v1/alert-rules/two a day", json=body).raise_for_status()
    with httpx2.stream(
        "GET", f"{base}/v1/alerts/stream?wait=60", headers=world.key(BRAND, "alerts"), timeout=60
    ) as stream:
        lines = stream.iter_lines()
        assert next(lines) == "retry: 2000"
        for device in ("one", "other"):
            scan = {"link": world.links[20], "device": device, "channel": "app"}
            world.post("/v1/scans", scan)
        event = next(line for line in lines if line.startswith("event"))
        data = json.loads(next(line for line in lines if line.startswith("data")).split(": ", 1)[1])
    assert event == "event: alert.raised"
    alert = data["data"]
    assert (alert["kind"], alert["scans"]) == ("threshold", 2)
    assert alert["code"].endswith(world.serial(20))
    told = desk.get(f"/v1/alerts/{alert['id']}/evidence").json()
    assert len(told["scans"]) == 2
    desk.delete("/v1/alert-rules/two a day").raise_for_status()


def test_keys_are_made_listed_and_revoked(world: World) -> None:
    """By the admin: shown once, its name taken, gone at once."""
    with TestClient(create_app(world.site), headers=world.api.headers) as admin:
        body = {"name": "desk of the brand", "party": BRAND, "scopes": ["alerts"]}
        made = admin.post("/v1/keys", json=body)
        assert made.status_code == 201, made.text
        again = admin.post("/v1/keys", json=body)
        assert (again.status_code, again.json()["title"]) == (409, "KEY_NAME_TAKEN")
        for name in ("worker", "command", "command:ben", " Worker "):
            told = admin.post("/v1/keys", json={**body, "name": name})
            assert (told.status_code, told.json()["title"]) == (409, "KEY_NAME_TAKEN")
        key = {"Authorization": f"Bearer {made.json()['key']}"}
        assert admin.get("/v1/alerts", headers=key).status_code == 200
        row = next(r for r in admin.get("/v1/keys").json() if r["id"] == made.json()["id"])
        assert (row["name"], row["party"], row["scopes"], row["revoked"]) == (
            "desk of the brand", BRAND, ["alerts"], None,
        )  # fmt: skip
        assert made.json()["key"] not in admin.get("/v1/keys").text
        revoked = admin.delete(f"/v1/keys/{row['id']}").json()
        assert revoked["revoked"] is not None
        gone = admin.get("/v1/alerts", headers=key)
        assert (gone.status_code, gone.json()["title"]) == (401, "KEY_UNKNOWN")
        assert admin.delete("/v1/keys/0000000000000000").status_code == 404
        assert admin.post("/v1/keys", json={**body, "scopes": ["odd"]}).status_code == 422


def test_secrets_of_webhooks_are_nowhere_in_the_database(world: World, desk: TestClient) -> None:
    """Neither as text nor as bytes, in no table and no file but the sealed one."""
    made = desk.post("/v1/webhooks", json={"brand": BRAND, "url": "https://b.example/2"}).json()
    with reading(world.site.engine) as session:
        ((name, _),) = webhooks.find(session, made["id"], BRAND).secrets
    secret = world.site.webhook_vault.account(name).secret
    assert made["secret"] == webhooks.secret_text(secret)
    files = [path for path in world.at.data.rglob("*") if path.is_file()]
    shown = (made["secret"].encode(), made["secret"][6:].encode(), secret, secret.hex().encode())
    assert [p.name for p in files for s in shown if s in p.read_bytes()] == []
    assert "secret" not in desk.get("/v1/webhooks").json()[0]
    renewed = desk.post(f"/v1/webhooks/{made['id']}/secret").json()
    assert renewed["secret"] not in ("", made["secret"])
    desk.delete(f"/v1/webhooks/{made['id']}")


@pytest.mark.parametrize(
    "url",
    [
        "http://hook.example/",
        "https://127.0.0.1/",
        "https://[::1]/",
        "https://[::ffff:10.0.0.1]/",
        "https://169.254.169.254/latest",
        "https://user:secret@hook.example/",
        "https:///path",
        "ftp://hook.example/",
        "https://hook.example:99999/",
        "https://hook.example/#part",
        "https://hook.example/a b",
    ],
)
def test_a_webhook_leads_to_the_internet_at_large(desk: TestClient, url: str) -> None:
    """An address that is private, not encrypted or odd is refused."""
    answer = desk.post("/v1/webhooks", json={"brand": BRAND, "url": url})
    assert (answer.status_code, answer.json()["title"]) == (422, "BAD_WEBHOOK")
