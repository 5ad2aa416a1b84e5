"""Codes that are printed already, over HTTP."""

from __future__ import annotations

import asyncio
import time
from typing import Any

from api import imports
from tests.api.world import BRAND, GTIN, JSON, RIVAL, World

URL = f"/v1/imports?brand={BRAND}"


def test_a_file_goes_in_as_it_is_and_its_codes_are_answered(world: World) -> None:
    """Bad rows are told, the good ones get a batch; the page says what they are."""
    key = world.key(BRAND, "brand")
    file = f"条码,序列号\n{GTIN},W%1\n{GTIN},W 2\n".encode("gb18030")
    assert world.api.post(URL, content=file, headers={"Authorization": ""}).status_code == 401
    rival = world.key(RIVAL, "brand")
    assert world.api.post(URL, content=file, headers=rival).json()["title"] == "NOT_YOURS"
    strict = world.api.post(f"{URL}&all_or_nothing=true", content=file, headers=key)
    assert (strict.status_code, strict.json()["title"]) == (422, "ROWS_REFUSED")
    answer = world.api.post(f"{URL}&name=old.csv", content=file, headers=key)
    assert answer.status_code == 201, answer.text
    told = answer.json()
    assert (told["name"], told["good"], told["bad"], told["again"]) == ("old.csv", 1, 1, False)
    assert [(row["row"], row["column"], row["error"]) for row in told["bad_rows"]] == [
        (3, "序列号", "BAD_SERIAL")
    ]
    again = world.api.post(URL, content=file, headers=key).json()
    assert (again["import"], again["again"]) == (told["import"], True)
    where = f"/v1/imports/{told['import']}"
    assert world.api.get(where, headers=rival).json()["title"] == "UNKNOWN_IMPORT"
    end = time.monotonic() + 60
    while (now := world.api.get(where, headers=key).json())["state"] != "DONE":
        assert time.monotonic() < end, now
        time.sleep(0.05)
    path = f"/01/{GTIN}/21/W%251"
    found = world.api.get(path, headers=JSON).json()
    assert (found["imported"], found["outcome"]) == (True, "caution")
    assert "may be easier to guess" in world.api.get(f"{path}?lang=en").text
    assert "已印制" in world.api.get(f"{path}?lang=zh").text
    assert "CODE_IMPORTED" in world.api.get(f"{path}/proof").json()["verdict"]["proved"]


def test_a_file_is_refused_before_it_is_sent_while_others_come(world: World) -> None:
    """While one is read, and while four come: 503, and not a byte of it is taken."""
    path = {"type": "http", "method": "POST", "path": "/v1/imports"}
    headers = [(name.lower().encode(), value.encode()) for name, value in
               world.key(BRAND, "brand").items()]  # fmt: skip
    about = {**path, "headers": headers, "query_string": f"brand={BRAND}".encode()}
    file = f"gtin,serial\n{GTIN},LATE1\n".encode()

    async def send_one(app: Any, taken: list[bytes], wait: asyncio.Event | None = None) -> int:
        status = []

        async def receive() -> dict[str, Any]:
            if wait is not None:
                await wait.wait()
            taken.append(file)
            return {"type": "http.request", "body": file, "more_body": False}

        async def send(message: dict[str, Any]) -> None:
            status.append(message.get("status"))

        await app({**about, "client": ("192.0.2.9", 1)}, receive, send)
        return int(status[0])

    async def all_at_once(app: Any) -> tuple[list[int], int, list[bytes]]:
        wait, taken, late = asyncio.Event(), list[bytes](), list[bytes]()
        slow = [asyncio.create_task(send_one(app, taken, wait)) for _ in range(4)]
        while imports._COMING._value:
            await asyncio.sleep(0.01)
        refused = await send_one(app, late)
        wait.set()
        return [await task for task in slow], refused, late

    with world.phone() as phone:
        come, refused, late = asyncio.run(all_at_once(phone.app))
        assert (refused, late) == (503, [])
        assert 201 in come and set(come) <= {201, 503}
        with imports._READING:
            assert asyncio.run(send_one(phone.app, late)) == 503
        assert late == []
        assert asyncio.run(send_one(phone.app, late)) == 201
