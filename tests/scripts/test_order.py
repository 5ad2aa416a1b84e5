"""`touchstone order`: a request, its approval by somebody else, the package, a leaked list."""

from __future__ import annotations

import os
import pwd
import time
from pathlib import Path

import pyrage
import pytest

from ledger.db.engine import reading
from ledger.domain.watermark import SPARE
from ledger.services.mint import mint_of
from ledger.services.ordering import orders
from ledger.services.persons import Person
from tests.scripts.conftest import BRAND, GTIN, Goods
from tests.support.installation import Installation, command

IDENTITY = pyrage.x25519.Identity.generate()


def test_codes_go_from_the_request_to_the_press(
    goods: Goods, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By commands; who asked cannot approve, by whatever name; a leaked part names the copy."""
    at: Installation = goods.at
    key = tmp_path / "plant.txt"
    key.write_text(str(IDENTITY.to_public()))
    me = f"command:{pwd.getpwuid(os.getuid()).pw_name}"
    plant = at.said(
        *("order", "receiver", "add", "--brand", BRAND, "--name", "Plant"),
        *("--method", "age", "--key", str(key)),
    )["id"]
    asked = at.said(
        *("order", "request", "--brand", BRAND, "--gtin", GTIN, "--quantity", "60"),
        *("--receiver", str(plant), "--id", "o1"),
    )
    number = str(asked["id"])
    assert (asked["state"], asked["who"]) == ("REQUESTED", me)
    assert at.refused("order", "approve", number) == "OWN_ORDER"
    for name in ("LOGNAME", "USER", "LNAME", "USERNAME"):
        monkeypatch.setenv(name, "ben")
    assert at.refused("order", "approve", number) == "OWN_ORDER"
    orders.approve(at.site, Person("ben", "elsewhere"), asked["id"], 0)
    end = time.monotonic() + 60
    while time.monotonic() < end:
        (told,) = (o for o in at.said("order")["orders"] if o["id"] == asked["id"])
        if told["state"] in ("READY", "FAILED"):
            break
        time.sleep(0.02)
    assert told["state"] == "READY"
    out = tmp_path / "codes.age"
    assert at.said("order", "fetch", number, "--out", str(out))["left"] == 2
    lines = pyrage.decrypt(out.read_bytes(), [IDENTITY]).decode().splitlines()
    assert len(set(lines)) == 60
    leaked = tmp_path / "leaked.csv"
    leaked.write_text("\ufeff" + "\n".join(["link", *lines[:40]]), "utf-8")
    said = at.said("order", "whose", str(leaked))
    assert said["foreign"] == [1]
    (trace,) = said["orders"]
    first = trace["suspects"][0]
    assert (trace["order"], trace["rows"], first["copy"]) == (asked["id"], 40, 1)
    assert first["fetched_by"] == [me]
    mint = ("mint", "--brand", BRAND, "--gtin", GTIN, "--count", str(60 + SPARE), "--no-inner")
    links = ("--id", f"order-{number}", "--links", str(tmp_path / "all.txt"))
    assert at.refused(*mint, *links) == "ORDERED_CODES"
    with reading(at.site.engine) as session:
        batch = mint_of(at.site, orders.find(session, asked["id"], 0).mint).batch
    sheet = ("print", "--batch", str(batch), "--out", str(tmp_path / "all.csv"))
    assert at.refused(*sheet) == "ORDERED_CODES"
    assert not list(tmp_path.glob("all*"))
    at.said("order", "printed", number, "--rows", "60")
    assert at.said("order", "activate", number)["state"] == "CONFIRMED"
    listed = command("order", "--data", str(at.data)).out
    assert f"{number}  " in listed and "ACTIVATED" in listed


def test_a_list_that_cannot_be_read_is_refused(goods: Goods, tmp_path: Path) -> None:
    """And a receiver's key that is no file, or none."""
    assert goods.at.refused("order", "whose", str(tmp_path / "none.csv")) == "BAD_OPTION"
    add = ("order", "receiver", "add", "--brand", BRAND, "--name", "X", "--method", "age")
    assert goods.at.refused(*add, "--key", str(tmp_path / "none.txt")) == "BAD_RECEIVER"
    assert goods.at.refused(*add) == "BAD_RECEIVER"
