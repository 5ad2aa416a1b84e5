"""Storing scans: once each, by a page that was really opened or by an app with a key."""

from __future__ import annotations

import re
import secrets
import struct
import time
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable
from typing import Any

import pytest
from eth_keys import keys
from sqlalchemy import func, select
from starlette.testclient import TestClient

from ledger.db.engine import reading
from ledger.db.models import Scan
from ledger.db.openings import Opening
from ledger.domain.regions import nearest
from ledger.domain.scan_log import leaf_hash, receipt_digest
from ledger.services.mint import mint_of, released
from ledger.services.scans import document
from ledger.services.site import LOG
from tests.api.world import GTIN, HTML, JSON, PHONE, PHONE_ADDRESS, World

FOREIGN = "https://evil.example/01/09506000134352/21/0123456789ABCDEFGHJK"
HERE = {"lat": 0, "lon": 0, "source": "gps", "acc_km": 1}
SHANGHAI = {"lat": 31.2304, "lon": 121.4737}


def token(page: str) -> str:
    """Return the one-time token that a page carries."""
    found = re.search(r'data-token="([^"]+)"', page)
    assert found is not None
    return found[1]


def opened(phone: TestClient, path: str) -> str:
    """Open the page of a code and return its token."""
    answer = phone.get(path, headers=HTML)
    assert answer.status_code == 200
    return token(answer.text)


def scans(world: World, index: int | None = None) -> list[Scan]:
    """Return the stored scans of a code, or of all."""
    query = select(Scan).order_by(Scan.id)
    if index is not None:
        query = query.where(Scan.batch == world.batch, Scan.index == index)
    with reading(world.site.engine) as session:
        return list(session.scalars(query))


def test_a_page_counts_once(world: World, phone: TestClient) -> None:
    """However often a page's token is sent, by script or as an image, it is one scan."""
    path = world.path(0)
    own = opened(phone, path)
    for _ in range(3):
        answer = phone.post(path + "/scan", json={"token": own, "lang": "en"})
        assert (answer.status_code, answer.content) == (204, b"")
    image = phone.get(path + "/scan.gif", params={"token": own})
    assert (image.status_code, image.headers["content-type"]) == (200, "image/gif")
    (row,) = scans(world, 0)
    assert (row.outcome, row.reasons) == ("genuine", ["FIRST_SCAN"])
    assert (row.channel, row.loc_src, row.weak) == ("web", "none", False)


def test_a_place_is_added_on_consent(world: World, phone: TestClient) -> None:
    """It goes into the same scan, rounded to about a kilometre, and only the first one counts."""
    path = world.path(1)
    own = opened(phone, path)
    for place in (None, SHANGHAI, {"lat": 1.0, "lon": 2.0}):
        answer = phone.post(path + "/scan", json={"token": own, "place": place})
        assert answer.status_code == 204
    (row,) = scans(world, 1)
    assert (row.loc_src, row.lat, row.lon, row.acc_km) == ("gps", 31.23, 121.47, 1.0)
    assert row.region == nearest(31.23, 121.47).code
    assert row.salt is not None
    assert row.leaf == leaf_hash(row.salt, document(row))


def test_no_place_is_kept_finer_than_a_kilometre(world: World, phone: TestClient) -> None:
    """Whatever page, app or the tap on an inner code states: in no row and no file."""
    lat, lon = 39.906217, 116.391276
    path, link = world.path(35), world.links[35]
    page = opened(phone, path)
    phone.post(path + "/scan", json={"token": page, "place": {"lat": lat, "lon": lon}})
    place = {"source": "gps", "lat": lat, "lon": lon, "acc_km": 0.004, "region": 11}
    key = world.key(0, "scan")
    _send(world, key, "ten", link=link, device="app 3", place=place)
    _send(world, key, "eleven", link=link, place={**place, "acc_km": 12.5})
    ref = released(mint_of(world.site, world.mint))
    inner = f"/i/{world.site.minter.inner_codes(ref, 35, 36)[0].decode()}"
    token = phone.get(inner, headers=JSON).json()["token"]
    opening = phone.post(f"{inner}?token={token}", json={"place": {"lat": lat, "lon": lon}})
    assert opening.json()["now"] is True
    kept = [(row.lat, row.lon, row.acc_km) for row in scans(world, 35)]
    assert kept == [(39.91, 116.39, 1.0)] * 2 + [(39.91, 116.39, 12.5)]
    with reading(world.site.engine) as session:
        row = session.get_one(Opening, (world.batch, 35))
    assert (row.lat, row.lon) == (39.91, 116.39)
    files = [file.read_bytes() for file in world.at.data.glob("touchstone.db*")]
    for exact in (lat, lon):
        assert [exact for data in files if struct.pack(">d", exact) in data] == []
    assert any(struct.pack(">d", 116.39) in data for data in files)


def _of_another_code(world: World, phone: TestClient, own: str) -> str:
    return opened(phone, world.path(3))


def _cut(world: World, phone: TestClient, own: str) -> str:
    return own[:-4]


def _with_another_time(world: World, phone: TestClient, own: str) -> str:
    data = bytearray(urlsafe_b64decode(own))
    data[19] ^= 1
    return urlsafe_b64encode(bytes(data)).decode()


@pytest.mark.parametrize(
    "spoil",
    [
        _of_another_code,
        _cut,
        _with_another_time,
        lambda *_: "",
        lambda *_: "….",
        lambda *_: secrets.token_urlsafe(36),
    ],
)
def test_a_token_is_good_for_its_code_only(
    world: World, phone: TestClient, spoil: Callable[[World, TestClient, str], str]
) -> None:
    """Any other is refused, by beacon and image, and leaves nothing."""
    path = world.path(2)
    bad = spoil(world, phone, opened(phone, path))
    for answer in (
        phone.post(path + "/scan", json={"token": bad}),
        phone.get(path + "/scan.gif", params={"token": bad}),
    ):
        assert (answer.status_code, answer.json()["title"]) == (400, "BAD_TOKEN")
    assert scans(world, 2) == []


def test_a_token_is_not_good_for_the_same_serial_of_another_product(
    world: World, phone: TestClient
) -> None:
    """What a page may store is bound to GTIN and serial both."""
    own = opened(phone, world.path(2))
    other = f"/01/04006381333931/21/{world.serial(2)}/scan"
    assert phone.post(other, json={"token": own}).json()["title"] == "BAD_TOKEN"


def test_a_token_expires(world: World, phone: TestClient) -> None:
    """A page that lay open for a quarter of an hour stores nothing any more."""
    path = world.path(2)
    own = opened(phone, path)
    with world.phone(world.later(901)) as later:
        answer = later.post(path + "/scan", json={"token": own})
    assert (answer.status_code, answer.json()["title"]) == (422, "TOKEN_EXPIRED")
    assert scans(world, 2) == []


@pytest.mark.parametrize(
    "headers",
    [
        {"User-Agent": "Mozilla/5.0 (compatible; Googlebot/2.1)"},
        {"User-Agent": "WeChat-Link-Preview/1.0"},
        {"User-Agent": "facebookexternalhit/1.1"},
        {"User-Agent": "curl/8.5.0"},
        {"Sec-Purpose": "prefetch"},
        {"Sec-Purpose": "prefetch;prerender"},
        {"Purpose": "prefetch"},
    ],
)
def test_previews_and_crawlers_leave_no_scan(
    world: World, phone: TestClient, headers: dict[str, str]
) -> None:
    """They are given neither token nor cookie, and an image that they load is no scan."""
    path = world.path(2)
    answer = phone.get(path, headers={**HTML, **headers})
    assert (answer.status_code, "set-cookie" in answer.headers) == (200, False)
    assert "data-token" not in answer.text
    assert "scan.gif" not in answer.text
    own = opened(phone, path)
    assert phone.get(path + "/scan.gif", params={"token": own}, headers=headers).status_code == 200
    assert scans(world, 2) == []


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("text/plain", '{"token": "x"}'),
        ("application/x-www-form-urlencoded", "token=x"),
        ("application/json", "[]"),
        ("application/json", '{"token": 1}'),
        ("application/json", "{"),
        ("application/json", '{"token": "x", "place": {"lat": 91, "lon": 0}}'),
        ("application/json", '{"token": "x", "place": {"lat": NaN, "lon": 0}}'),
        ("application/json", '{"token": "x", "place": {"lat": 1' + "0" * 400 + ', "lon": 0}}'),
    ],
)
def test_a_beacon_is_json_as_the_page_sends_it(
    world: World, phone: TestClient, kind: str, body: str
) -> None:
    """What another site's form could send is refused, and so is what is no place on earth."""
    answer = phone.post(world.path(2) + "/scan", content=body, headers={"Content-Type": kind})
    assert (answer.status_code, answer.json()["title"]) == (422, "INVALID_REQUEST")


def test_the_cookie_is_for_this_site_and_no_script(world: World, phone: TestClient) -> None:
    """It is random, HttpOnly and SameSite=Lax, and not set again on a phone that has one."""
    first = phone.get(world.path(2), headers=HTML)
    said = first.headers["set-cookie"]
    assert all(word in said for word in ("HttpOnly", "SameSite=lax", "Path=/", "Max-Age=31536000"))
    assert "set-cookie" not in phone.get(world.path(2), headers=HTML).headers
    secure = world.later(0, link_base="https://id.example")
    with world.phone(secure) as other:
        assert "Secure" in other.get(world.path(2), headers=HTML).headers["set-cookie"]


def _send(world: World, key: dict[str, str], sent: str, **body: Any) -> Any:
    headers = {**key, "Idempotency-Key": sent}
    return world.api.post("/v1/scans", json=body, headers=headers)


def test_an_app_is_answered_once_and_for_all(world: World) -> None:
    """The same key again gives the same verdict and receipt, though others scanned meanwhile."""
    key = world.key(0, "scan")
    body = {
        "link": world.links[5],
        "device": "app 1",
        "place": {**SHANGHAI, "source": "gps", "acc_km": 0.1},
    }
    first = _send(world, key, "five", **body)
    assert first.status_code == 201
    told = first.json()
    assert [row["code"] for row in told["reasons"]] == ["FIRST_SCAN"]
    other = _send(world, key, "another", **{**body, "device": "app 2"}).json()
    assert [row["code"] for row in other["reasons"]] == ["SEEN_BEFORE"]
    again = _send(world, key, "five", **body).json()
    assert {k: again[k] for k in ("outcome", "reasons", "scans", "receipt")} == {
        k: told[k] for k in ("outcome", "reasons", "scans", "receipt")
    }
    assert len(scans(world, 5)) == 2


def test_a_key_for_another_code_is_refused(world: World) -> None:
    """An idempotency key stands for one scan."""
    key = world.key(0, "scan")
    assert _send(world, key, "six", link=world.links[6], device="a").status_code == 201
    answer = _send(world, key, "six", link=world.links[7], device="a")
    assert (answer.status_code, answer.json()["title"]) == (409, "KEY_REUSED")
    assert scans(world, 7) == []


def test_a_receipt_is_signed_by_the_log(world: World) -> None:
    """Anybody who knows the log's address, which trust files hold, can check it."""
    answer = _send(world, world.key(0, "scan"), "eight", link=world.links[8], device="a").json()
    receipt = answer["receipt"]
    leaf, signature = (bytes.fromhex(receipt[name][2:]) for name in ("leaf", "signature"))
    digest = receipt_digest(world.site.network.domain, leaf, receipt["time"])
    signer = keys.Signature(signature).recover_public_key_from_msg_hash(digest)
    assert signer.to_canonical_address() == world.site.vault.account(LOG).address
    (row,) = scans(world, 8)
    assert (row.leaf, row.time) == (leaf, receipt["time"])


@pytest.mark.parametrize(
    ("change", "status", "code"),
    [
        ({"link": "https://evil.example/01/09506000134352/21/0"}, 400, "MALFORMED"),
        ({"link": FOREIGN}, 400, "FOREIGN_LINK"),
        ({"link": "x" * 2001}, 422, "INVALID_REQUEST"),
        ({"channel": "staff"}, 422, "BAD_CHANNEL"),
        ({"at": 1}, 422, "BAD_SCAN_TIME"),
        ({"at": int(time.time()) + 3600}, 422, "BAD_SCAN_TIME"),
        ({"at": 2**63}, 422, "INVALID_REQUEST"),
        ({"at": -1}, 422, "INVALID_REQUEST"),
        ({"device": "x" * 201}, 422, "INVALID_REQUEST"),
        ({"place": {**HERE, "region": 99}}, 422, "BAD_PLACE"),
        ({"place": {**HERE, "region": 2**70}}, 422, "INVALID_REQUEST"),
        ({"place": {**HERE, "source": "stars"}}, 422, "INVALID_REQUEST"),
        ({"place": {**HERE, "lon": 181}}, 422, "INVALID_REQUEST"),
        ({"place": {**HERE, "acc_km": -1}}, 422, "INVALID_REQUEST"),
    ],
)  # fmt: skip
def test_a_bad_scan_is_refused_by_name(
    world: World, change: dict[str, Any], status: int, code: str
) -> None:
    """And leaves no row."""
    answer = _send(world, world.key(0, "scan"), "bad", **{"link": world.links[9], **change})
    assert (answer.status_code, answer.json()["title"]) == (status, code)
    assert scans(world, 9) == []


def test_the_database_knows_nobody(world: World, phone: TestClient) -> None:
    """No cookie, address, user agent or app's name of a device is in any of its files."""
    path, agent = world.path(10), PHONE + " Unusual/9.81"
    with world.phone(agent=agent) as client:
        client.post(path + "/scan", json={"token": opened(client, path)})
        cookie = client.cookies["touchstone_device"]
        client.cookies.clear()
        own = opened(client, path)
        client.cookies.clear()  # a phone that keeps no cookies
        client.post(path + "/scan", json={"token": own})
    _send(world, world.key(0, "scan"), "nine", link=world.links[10], device="device-of-Zhang-San")
    assert [row.weak for row in scans(world, 10)] == [False, True, False]
    name = cookie.partition(".")[0]
    assert len(name) == 22
    files = [file.read_bytes() for file in world.at.data.glob("touchstone.db*")]
    assert len(files) >= 2  # the write-ahead log holds what is newest
    for secret in (name, "Unusual/9.81", PHONE_ADDRESS, "device-of-Zhang-San"):
        assert [secret for data in files if secret.encode() in data] == []


def test_a_scan_of_nobodys_code_is_kept_too(world: World, phone: TestClient) -> None:
    """Guessing leaves traces: the detectors look for it."""
    path = f"/01/{GTIN}/21/0123456789ABCDEFGHJK"
    assert phone.post(path + "/scan", json={"token": opened(phone, path)}).status_code == 204
    with reading(world.site.engine) as session:
        kept = session.scalar(select(func.count()).where(Scan.serial == "0123456789ABCDEFGHJK"))
    assert kept == 1
