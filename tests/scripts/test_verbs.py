"""Every verb from the command line, on a real node: hosted keys, key files, several admins."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.scripts.conftest import BRAND, DISTRIBUTOR, GTIN, STORE, Goods, sscc
from tests.support.installation import command

LOT = "LV"


@pytest.fixture(scope="module")
def codes(goods: Goods, tmp_path_factory: pytest.TempPathFactory) -> tuple[int, list[str]]:
    """Codes of these tests alone: their batch and links."""
    file = tmp_path_factory.mktemp("codes") / "links.txt"
    order = ("mint", "--brand", BRAND, "--gtin", GTIN, "--count", "24", "--links", str(file))
    batch = goods.at.said(*order)["batch"]
    run = ("--batch", str(batch), "--from", "0", "--to", "24")
    goods.at.said("activate", *run)
    goods.at.said("lot", "bind", *run, "--lot", LOT)
    return batch, file.read_text().split()


def case(goods: Goods, batch: int, number: int, folder: Path) -> str:
    """Pack a case of two codes; return its SSCC."""
    inside = [{"batch": batch, "from": 2 * number, "to": 2 * number + 2}]
    box = {"sscc": sscc(900 + number), "lot": LOT, "inside": inside}
    (folder / "case.json").write_text(json.dumps(box))
    goods.at.said("pack", str(folder / "case.json"), "--actor", BRAND)
    return sscc(900 + number)


def reasons(goods: Goods, link: str) -> list[str]:
    """Return the reasons of a link's verdict."""
    return [given["code"] for given in goods.at.said("verify", link)["reasons"]]


def test_units_that_do_not_arrive(
    goods: Goods, codes: tuple[int, list[str]], tmp_path: Path
) -> None:
    """Refused, lost, taken back, received short, settled, returned."""
    at, unit = goods.at, case(goods, codes[0], 0, tmp_path)
    mine = ("--actor", DISTRIBUTOR, "--key", str(goods.key))
    brand = ("--actor", BRAND)
    at.said("ship", unit, *brand, "--to", DISTRIBUTOR)
    at.said("transit", "refuse", unit, "--from", BRAND, *mine)
    at.said("ship", unit, *brand, "--to", DISTRIBUTOR)
    at.said("transit", "lost", unit, *brand, "--to", DISTRIBUTOR)
    at.said("transit", "take-back", unit, *brand, "--to", DISTRIBUTOR)
    at.said("ship", unit, *brand, "--to", DISTRIBUTOR)
    told = ("exception", "report", unit, "--from", BRAND, *mine)
    assert at.refused(*told, "--good", "2", "--short", "1") == "TotalsDiffer"
    at.said(*told, "--good", "1", "--short", "1")
    (row,) = at.said("exception", "list", "--open")["exceptions"]
    assert (row["good"], row["short"], row["settled"]) == (1, 1, False)
    settle = ("exception", "settle", unit, "--report", str(row["report"]))
    for side in (brand, mine):
        at.said(*settle, *side)
    assert at.said("exception", "list", "--open", "--party", BRAND) == {"exceptions": []}
    at.said("return", unit, "--to", BRAND, *mine)
    at.said("receive", unit, *brand, "--from", DISTRIBUTOR)
    assert at.refused("transit", "withdraw", unit, *brand, "--from", STORE) == "NotFrom"


def test_what_is_in_a_case_is_made_inactive_and_active_again(
    goods: Goods, codes: tuple[int, list[str]], tmp_path: Path
) -> None:
    """Its two items and no other."""
    batch, links = codes
    unit = case(goods, batch, 8, tmp_path)
    off = goods.at.said("activate", "--unit", unit, "--at", "never")
    assert (off["codes"], off["active_from"], off["state"]) == (2, 0, "CONFIRMED")
    for told in (["NOT_ACTIVATED"], ["FIRST_SCAN"]):
        assert [reasons(goods, link) for link in links[16:18]] == [told, told]
        assert reasons(goods, links[18]) == ["FIRST_SCAN"]
        goods.at.said("activate", "--unit", unit)


def test_items_codes_and_lots(goods: Goods, codes: tuple[int, list[str]]) -> None:
    """An item travels by its link; states, void codes and a recall show in the verdict."""
    at, (batch, links) = goods.at, codes
    brand = ("--actor", BRAND)
    at.said("item", "draw", links[10], *brand)
    at.said("ship", links[10], *brand, "--to", STORE)
    at.said("receive", links[10], "--actor", STORE, "--from", BRAND)
    at.said("item", "set", links[10], "supplied", "--actor", STORE)
    assert reasons(goods, links[10]) == ["DECOMMISSIONED"]
    at.said("item", "set", links[10], "active", "--actor", STORE)
    assert reasons(goods, links[10]) == ["FIRST_SCAN"]
    assert at.refused("item", "set", links[11], "sold", *brand) == "USAGE"
    at.said("void", "--batch", str(batch), "--from", "12", "--to", "13")
    assert reasons(goods, links[12]) == ["BLOCKED"]
    at.said("recall", GTIN, LOT, *brand)
    assert reasons(goods, links[13]) == ["RECALLED"]
    (row,) = [row for row in at.said("lot", "list")["lots"] if row["lot"] == LOT]
    assert row["recalled_by"] == BRAND
    at.said("lot", "release", GTIN, LOT, *brand)
    assert reasons(goods, links[13]) == ["FIRST_SCAN"]
    assert at.refused("recall", GTIN, "L8", *brand) == "UNKNOWN_LOT"
    events = at.said("history", "prove", "item", GTIN, links[10].rsplit("/", 1)[1])
    assert [event["verb"] for event in events["events"]] == [48, 49]


def test_parties_devices_and_cancelling(
    goods: Goods, codes: tuple[int, list[str]], tmp_path: Path
) -> None:
    """A party is suspended and comes back; a device of another's signs until it is cut off."""
    at, unit = goods.at, case(goods, codes[0], 1, tmp_path)
    named = ("--name-en", "Shop", "--name-zh", "铺", "--role", "store")
    shop = at.said("party", "add", "--assigned", *named)["party"]
    at.said("party", "suspend", shop)
    assert at.refused("ship", unit, "--actor", BRAND, "--to", shop) == "PartyInactive"
    at.said("party", "reinstate", shop)
    at.said("party", "update", shop, "--role", "store,distributor", "--market", "9")
    rows = {row["party"]: row for row in at.said("party", "list")["parties"]}
    assert (rows[shop]["roles"], rows[shop]["markets"]) == (["distributor", "store"], [9])
    assert at.said("party", "territory", shop, "--region", "32,31")["regions"] == [31, 32]
    rows = {row["party"]: row for row in at.said("party", "list")["parties"]}
    assert rows[shop]["regions"] == [31, 32]
    assert at.said("party", "territory", shop, "--anywhere", "--correct")["regions"] == []
    for both in ((), ("--region", "31", "--anywhere")):
        assert at.refused("party", "territory", shop, *both) == "BAD_OPTION"
    assert at.refused("party", "territory", "9506000999999", "--anywhere") == "UnknownParty"
    key = tmp_path / "scanner.key"
    address = json.loads(command("key", "new", str(key), "--json").out)["address"]
    mine = ("--actor", shop)
    named = ("device", "name", address, *mine, "--verb", "receive-from", "--limit", "5")
    at.said(*named, "--until", "2099-01-01")
    at.said("ship", unit, "--actor", BRAND, "--to", shop)
    at.said("receive", unit, *mine, "--from", BRAND, "--key", str(key))
    (row,) = at.said("device", "list", *mine)["devices"]
    assert (row["device"], row["verbs"], row["left"]) == (address, ["receive-from"], 4)
    far = (1 << 40) - 1  # which the contract takes, and no calendar has
    last = "0x" + "11" * 20
    at.said("device", "name", last, *mine, "--verb", "ship", "--limit", "5", "--until", str(far))
    assert (
        f"{last}  {far} s after 1970  5 left  ship"
        in command("device", "list", *mine, "--data", str(at.data)).out
    )
    at.said("device", "end", address, *mine)
    at.said("party", "cancel", *mine)
    journey = at.said("verify", codes[1][2])["journey"]
    assert (journey[-1]["key_mode"], journey[-1]["device"]) == ("hosted", True)
    own = tmp_path / "own.key"
    new = json.loads(command("key", "new", str(own), "--json").out)["address"]
    at.said("party", "rotate", shop, "--account", new)
    assert at.refused("return", unit, *mine, "--to", BRAND) == "WrongSigner"
    at.said("return", unit, *mine, "--to", BRAND, "--key", str(own))


def test_admins_sign_together(goods: Goods, tmp_path: Path) -> None:
    """A decision is written, signed by each with a key of its own, and relayed."""
    at, message, signature = goods.at, tmp_path / "m.json", tmp_path / "s.json"
    assert at.said("admin", "list")["changed"] == 0
    at.said("party", "suspend", DISTRIBUTOR, "--out", str(message))
    sign = ("admin", "sign", str(message), "--key", str(goods.key), "--out", str(signature))
    assert command(*sign, "--json").status == 0
    assert at.refused("admin", "relay", str(signature)) == "WrongSigner"
    assert at.refused("admin", "relay", str(tmp_path / "none.json")) == "NO_FILE"
    said: Any = at.said("party", "list")["parties"]
    assert [row["suspended"] for row in said if row["party"] == DISTRIBUTOR] == [False]
