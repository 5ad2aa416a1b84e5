"""Packing lines over HTTP: many boxes, a stream, what lies where to whom, and rework."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from ledger.domain import code
from ledger.services import api_keys
from ledger.services.goods import line
from tests.api.world import BRAND, DISTRIBUTOR, GTIN, KEY, RIVAL, SHOP, STORE, World, sscc


@dataclass
class Codes:
    """Forty active codes of these tests alone; each is taken once."""

    world: World
    batch: int
    links: list[str]
    taken: int = 0
    boxes: int = 500

    def fresh(self, count: int) -> list[str]:
        """Return links that nobody has used."""
        self.taken += count
        return self.links[self.taken - count : self.taken]

    def sscc(self) -> str:
        """Return an SSCC that nobody has used."""
        self.boxes += 1
        return sscc(self.boxes)


@pytest.fixture(scope="module")
def codes(world: World) -> Codes:
    order = world.order(GTIN, 40)
    links = world.api.get(f"/v1/mints/{order['id']}/links").text.split()
    run = {"batch": order["batch"], "first": 0, "to": 40}
    world.settle(world.post("/v1/activations", {**run, "active_from": int(time.time()) - 60}))
    return Codes(world, order["batch"], links)


def stream(world: World, *chunks: bytes) -> list[dict[str, Any]]:
    """Send a stream in these chunks and return its acknowledgements."""

    def pieces() -> Iterator[bytes]:
        yield from chunks

    answer = world.api.post(f"/v1/packs/stream?actor={BRAND}", content=pieces())
    assert answer.status_code == 200, answer.text
    acks = [json.loads(text) for text in answer.text.splitlines()]
    world.settle(*(ack for ack in acks if "submission" in ack))
    return acks


def event(box: str, *inside: str, **more: Any) -> bytes:
    return json.dumps({"sscc": box, "inside": inside, **more}).encode() + b"\n"


def test_many_boxes_are_packed_each_for_itself(world: World, codes: Codes) -> None:
    """What is wrong with one stops no other, and the same key again does nothing twice."""
    good, bad = codes.sscc(), codes.sscc()
    links = codes.fresh(1)
    first = codes.links.index(links[0])
    run = {"batch": codes.batch, "first": first, "to": first + 1}
    boxes = [{"sscc": good, "inside": [run]}, {"sscc": bad, "inside": [{**run, "to": 99}]}]
    body = {"actor": BRAND, "boxes": boxes}
    headers = {"Idempotency-Key": "many"}
    told = [world.api.post("/v1/packs/many", json=body, headers=headers).json() for _ in range(2)]
    assert told[0] == told[1]
    assert [box["sscc"] for box in told[0]] == [good, bad]
    assert (told[0][0].keys() >= {"unit", "submission"}, told[0][1]["code"]) == (True, "BAD_RANGE")
    world.settle(told[0][0])


def test_a_stream_is_acknowledged_line_by_line(world: World, codes: Codes) -> None:
    """Cut anywhere into chunks; the last line may lack its end; what waits is listed."""
    case, pallet, loose = codes.sscc(), codes.sscc(), codes.sscc()
    body = event(case, *codes.fresh(2)) + b"nonsense\n" + event(pallet, case, alone=True)
    body += event(loose, *codes.fresh(1)).rstrip()
    acks = stream(world, body[:50], body[50:51], body[51:])
    assert [(ack["row"], ack.get("code", ack["state"])) for ack in acks] == [
        (1, "packed"), (2, "BAD_ROW"), (3, "packed"), (4, "closed"),
    ]  # fmt: skip
    waits = world.api.get(f"/v1/packs/waiting?actor={BRAND}").json()
    assert [(box["sscc"], box["items"]) for box in waits] == [(loose, 1)]


def test_a_stream_ends_with_its_key(world: World, codes: Codes) -> None:
    """What comes after the key was revoked is refused, and nothing of it is kept."""
    number, key = api_keys.name_and_issue(world.site, "test", "line 9", BRAND, ["custody"])
    first, second = codes.sscc(), codes.sscc()
    sent: list[dict[str, Any]] = []
    pieces = [event(first, *codes.fresh(1)), event(second, *codes.fresh(1)), b""]

    async def receive() -> dict[str, Any]:
        if len(pieces) == 2:
            api_keys.revoke(world.site, "test", number)
        body = pieces.pop(0)
        return {"type": "http.request", "body": body, "more_body": bool(pieces)}

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    headers = [(b"authorization", f"Bearer {key}".encode())]
    about = {"type": "http", "method": "POST", "path": "/v1/packs/stream", "headers": headers}
    query = {"query_string": f"actor={BRAND}".encode(), "client": ("192.0.2.9", 1)}
    with world.phone() as phone:
        asyncio.run(phone.app(about | query, receive, send))
    answer = b"".join(message.get("body", b"") for message in sent)
    acks = [json.loads(text) for text in answer.splitlines()]
    assert [(ack["row"], ack["sscc"], ack["state"]) for ack in acks] == [
        (1, first, "closed"),
        (2, "", "refused"),
    ]
    assert acks[1]["code"] == "KEY_UNKNOWN"
    waiting = world.api.get(f"/v1/packs/waiting?actor={BRAND}").json()
    assert [box["sscc"] for box in waiting if box["sscc"] in (first, second)] == [first]
    line.reopen(world.site, BRAND, first)


def whereabouts(world: World, party: int, text: str) -> Any:
    """Ask where a code is, as a party."""
    answer = world.api.get(
        "/v1/whereabouts", params={"code": text}, headers=world.key(party, "read")
    )
    return answer.json() if answer.status_code == 200 else answer.json()["title"]


def test_who_had_a_part_is_told_what_lies_where(world: World, codes: Codes) -> None:
    """Up to all of them; what else is in a unit only to packer, brand and holder; the inner code to
    its brand; to others nothing of it exists."""
    links, case, pallet = codes.fresh(2), codes.sscc(), codes.sscc()
    acks = stream(world, event(case, *links) + event(pallet, case, alone=True))
    unit = world.api.get(f"/v1/units/{pallet}").json()["id"]
    world.hand("ship", BRAND, DISTRIBUTOR, unit)
    world.hand("receive", DISTRIBUTOR, BRAND, unit)
    world.hand("ship", DISTRIBUTOR, SHOP, unit)
    world.hand("receive", SHOP, DISTRIBUTOR, unit)
    assert acks[0]["state"] == "packed"
    for party in (BRAND, DISTRIBUTOR, SHOP):
        assert [u["sscc"] for u in whereabouts(world, party, links[0])["up"]] == [case, pallet]
    for party, told in ((BRAND, True), (DISTRIBUTOR, False), (SHOP, True)):
        for text in (pallet, case):
            assert ("down" in whereabouts(world, party, text)) is told
    inside = [one["epc"].rpartition("/")[2] for one in whereabouts(world, SHOP, case)["down"]]
    assert inside == [link.rpartition("/")[2] for link in links]
    for text in (links[0], case, pallet):
        assert whereabouts(world, RIVAL, text) == whereabouts(world, STORE, text) == "UNKNOWN_ITEM"
    keys = world.site.ring.parties()[BRAND].epochs[0]
    inner = code.encode_inner(keys.inner, 0, codes.batch, codes.links.index(links[1]))
    link = f"{world.site.link_base}/i/{inner}"
    assert [u["sscc"] for u in whereabouts(world, BRAND, link)["up"]] == [case, pallet]
    assert whereabouts(world, SHOP, link) == "UNKNOWN_ITEM"


def test_goods_are_reworked_over_http(world: World, codes: Codes) -> None:
    """A bottle is rejected, another takes a bottle's place, the rest is dissolved."""
    links, case, new = codes.fresh(4), codes.sscc(), codes.sscc()
    (other,) = codes.fresh(1)
    stream(world, event(case, *links, alone=True))
    reason = {"actor": BRAND, "reason": "label askew"}
    done = world.post("/v1/rejects", {**reason, "link": links[0]})
    assert (done["code"], len(done["left"])) == ("destroyed", 1)
    swap = {**reason, "link": links[1], "by": other, "sscc": new, "becomes": "free"}
    done = world.post("/v1/replacements", swap)
    assert [u["sscc"] for u in whereabouts(world, BRAND, other)["up"]] == [new]
    body, same = {**reason, "unit": new}, {"Idempotency-Key": "dissolved"}
    done, again = (
        world.api.post("/v1/dissolutions", json=body, headers=same).json() for _ in range(2)
    )
    assert (again, len(done["submissions"])) == (done, 1)
    assert done["unit"] == world.api.get(f"/v1/units/{new}").json()["id"]
    assert whereabouts(world, BRAND, other)["up"] == []
    again = world.api.post(
        "/v1/dissolutions", json={**reason, "unit": new}, headers={"Idempotency-Key": "x"}
    )
    assert again.json()["title"] == "NOTHING_LEFT"


def _loaded(codes: Codes, count: int) -> dict[str, Any]:
    """Return a box of a run of fresh codes."""
    first = codes.links.index(codes.fresh(count)[0])
    run = {"batch": codes.batch, "first": first, "to": first + count}
    return {"sscc": codes.sscc(), "inside": [run]}


def _told(world: World, unit: str) -> list[tuple[str, str]]:
    """Return verb and signing key of each event of a unit."""
    events = world.api.get(f"/v1/units/{unit}").json()["events"]
    return [(event["verb"], event["signer"]) for event in events]


def test_boxes_are_packed_and_sent_at_once(world: World, codes: Codes) -> None:
    """One signature each; what its addressee may not have is not packed."""
    box, other = _loaded(codes, 1), _loaded(codes, 1)
    packed = world.post("/v1/packs", {"actor": BRAND, "box": box, "ship_to": STORE})
    many = world.post("/v1/packs/many", {"actor": BRAND, "boxes": [other], "ship_to": STORE})
    world.settle(packed, *many)
    for unit in (packed["unit"], many[0]["unit"]):
        assert [verb for verb, _ in _told(world, unit)] == ["PACK", "SHIP"]
    body = {"actor": BRAND, "box": _loaded(codes, 1), "ship_to": BRAND}
    answer = world.api.post("/v1/packs", json=body, headers={"Idempotency-Key": "to itself"})
    assert (answer.status_code, answer.json()["title"]) == (422, "ToSelf")
    assert world.api.get(f"/v1/units/{body['box']['sscc']}").status_code == 404


def test_a_box_is_packed_and_sent_by_its_packers_own_key(world: World, codes: Codes) -> None:
    """The message is asked for, signed elsewhere, and sent with its box."""
    asked = {"actor": DISTRIBUTOR, "box": _loaded(codes, 1), "ship_to": STORE}
    signed = world.message("pack", **asked)
    assert [part["verb"] for part in signed["message"]["parts"]] == [32, 34]
    wrong = {**asked, "ship_to": BRAND, "signed": signed}
    answer = world.api.post("/v1/packs", json=wrong, headers={"Idempotency-Key": "elsewhere"})
    assert (answer.status_code, answer.json()["title"]) == (422, "BAD_MESSAGE")
    packed = world.post("/v1/packs", {**asked, "signed": signed})
    world.settle(packed)
    key = "0x" + KEY.address.hex()
    assert _told(world, packed["unit"]) == [("PACK", key), ("SHIP", key)]
    inside = world.api.get("/v1/whereabouts", params={"code": packed["unit"]}).json()["down"]
    assert len(inside) == 1


def test_a_unit_that_has_moved_is_skipped_and_named(world: World, codes: Codes) -> None:
    """By a list whose signer lets it, which is told of its state."""
    boxes = {"actor": BRAND, "boxes": [_loaded(codes, 1) for _ in range(3)], "ship_to": DISTRIBUTOR}
    packed = world.post("/v1/packs/many", boxes)
    world.settle(*packed)
    units = [each["unit"] for each in packed]
    asked = {"verb": "receive", "actor": DISTRIBUTOR, "other": BRAND, "units": units}
    signed = world.message("handoff", **asked, skip_stale=True)
    world.hand("receive", DISTRIBUTOR, BRAND, units[1])
    got = world.post("/relay", signed)
    world.settle(got)
    row = world.api.get(f"/v1/submissions/{got['submission']}").json()
    assert (row["verb"], row["skipped"]) == ("RECEIVE_FROM", [units[1]])
    assert [len(_told(world, unit)) for unit in units] == [3, 3, 3]


def test_a_hosted_key_signs_a_list_that_may_skip(world: World, codes: Codes) -> None:
    """Nothing has moved, so nothing is skipped."""
    boxes = {"actor": BRAND, "boxes": [_loaded(codes, 1) for _ in range(2)]}
    packed = world.post("/v1/packs/many", boxes)
    world.settle(*packed)
    units = [each["unit"] for each in packed]
    asked = {"verb": "ship", "actor": BRAND, "other": STORE, "units": units, "skip_stale": True}
    sent = world.post("/v1/handoffs", asked)
    world.settle(sent)
    assert world.api.get(f"/v1/submissions/{sent['submission']}").json()["skipped"] == []
