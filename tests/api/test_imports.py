"""Codes that are printed already, over HTTP."""

from __future__ import annotations

import time

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
