"""Minting, packing, handing over and looking at goods from the command line, on a real node."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest
import zxingcpp
from PIL import Image
from pypdfium2 import PdfDocument

from ledger.db.engine import reading
from ledger.db.models import ChainBatch
from ledger.domain.code import decode_inner
from ledger.errors import Rejected
from ledger.services.export import write_links
from ledger.services.mint import mint_of, order_codes
from tests.scripts.conftest import BRAND, DISTRIBUTOR, GTIN, STORE, Goods
from tests.support.installation import Installation, all_rows, command


def test_goods_go_from_the_brand_to_the_store(goods: Goods) -> None:
    """Each handoff is signed by its party, and the journey of a code tells it."""
    at = goods.at
    mine = ("--actor", DISTRIBUTOR, "--key", str(goods.key))
    sent = at.said("ship", goods.pallet, "--actor", BRAND, "--to", DISTRIBUTOR)
    assert sent["state"] == "CONFIRMED"
    at.said("receive", goods.pallet, "--from", BRAND, *mine)
    opened = at.said("unpack", goods.pallet, "--positions", "0-1", *mine)
    assert len(opened["children"]) == 2
    at.said("ship", *opened["children"], "--to", STORE, *mine)
    at.said("receive", *opened["children"], "--actor", STORE, "--from", DISTRIBUTOR)

    found = at.said("verify", goods.links[0])
    assert (found["outcome"], found["lot"], found["index"]) == ("genuine", "L1", 0)
    assert found["reasons"] == [{"code": "FIRST_SCAN", "voucher": "log"}]
    assert found["product"] == {"en": "Wine", "zh": "酒"}
    told = [(step["verb"], step["actor"]["party"], step["key_mode"]) for step in found["journey"]]
    assert told == [
        ("COMMISSION", BRAND, "hosted"),
        ("ACTIVATE", BRAND, "hosted"),
        ("BIND_LOT", BRAND, "hosted"),
        ("PACK", BRAND, "hosted"),
        ("SHIP", BRAND, "hosted"),
        ("RECEIVE_FROM", DISTRIBUTOR, "own"),
        ("UNPACK", DISTRIBUTOR, "own"),
        ("UNPACKED_FROM", DISTRIBUTOR, "own"),
        ("SHIP", DISTRIBUTOR, "own"),
        ("RECEIVE_FROM", STORE, "hosted"),
    ]


def test_looking_leaves_nothing_behind(goods: Goods) -> None:
    """verify and alerts change no row, and people get lines."""
    before = all_rows(goods.at.site)
    done = command("verify", goods.links[1], "--data", str(goods.at.data))
    lines = done.out.splitlines()
    assert (done.status, lines[0]) == (0, "GENUINE")
    assert lines[1] == "  FIRST_SCAN, as the operator's scan log says"
    assert "lot         L1" in lines
    assert "best before 2099-01-31" in lines
    assert goods.at.said("alerts", "--kind", "clone") == {"alerts": []}
    assert all_rows(goods.at.site) == before


def test_other_links_have_their_verdicts(goods: Goods) -> None:
    """Unknown is a verdict and status 0; a link that is none, or not ours, is status 1."""
    data = ("--data", str(goods.at.data), "--json")
    base = f"http://localhost:8000/01/{GTIN}/21/"
    for link, reason, status in (
        (base + "0" * 20, "UNKNOWN_CODE", 0),
        ("http://localhost:8000/hello", "MALFORMED", 1),
        (goods.links[0].lower(), "MALFORMED", 1),
        (goods.links[0].replace("localhost:8000", "example.com"), "FOREIGN_LINK", 1),
    ):
        done = command("verify", link, *data)
        found = json.loads(done.out)
        assert (done.status, found["outcome"]) == (status, "not_recognised")
        assert [given["code"] for given in found["reasons"]] == [reason]
        assert found["journey"] == []


def test_an_order_goes_on_under_its_key(goods: Goods, tmp_path: Path) -> None:
    """The same --id mints once; what it is to write is written again, the same."""
    order = ("mint", "--brand", BRAND, "--gtin", GTIN, "--count", "48", "--id", "m1")
    again = goods.at.said(*order, "--links", str(tmp_path / "a.txt"), "--from", "8", "--to", "10")
    assert again["batch"] == goods.batch
    assert (tmp_path / "a.txt").read_text().splitlines() == goods.links[8:10]
    other = (*order[:-3], "24", "--id", "m1")
    assert goods.at.refused(*other) == "KEY_REUSED"


def test_what_a_command_shows_is_not_python(goods: Goods) -> None:
    """What is absent, and yes or no, are shown as people write them."""
    lines = command("admin", "list", "--data", str(goods.at.data)).out.splitlines()
    shown = dict(line.split(": ", 1) for line in lines)
    assert (shown["sealed"], shown["successor"]) == ("no", "none")


def test_links_are_printed_as_they_are_served(
    goods: Goods, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also from another shell than that of `up`; what is set there comes before it."""
    home, file = goods.at.site.home, tmp_path / "one.csv"
    served = "http://192.0.2.7:9000"
    home.serve(served, ["localhost:8000"])
    try:
        printing = ("print", "--batch", str(goods.batch), "--to", "1", "--lower", "--out")
        goods.at.said(*printing, str(file))
        printed = file.read_text().splitlines()[1].split(",")[0]
        for link in (printed, goods.links[0]):
            assert goods.at.said("verify", link)["outcome"] == "genuine"
        monkeypatch.setenv("TOUCHSTONE_LINK_BASE", "https://id.example")
        goods.at.said(*printing, str(file))
    finally:
        (home.path / "served").unlink()
    assert printed == goods.links[0].replace("http://localhost:8000", served)
    assert file.read_text().splitlines()[1].startswith("https://id.example/01/")


def test_inner_codes_stand_beside_their_outer_ones(goods: Goods, tmp_path: Path) -> None:
    """Each decodes under the inner key to the batch and index that its outer code says; nobody else
    on this machine may read them."""
    order = ("mint", "--brand", BRAND, "--gtin", GTIN, "--count", "48", "--id", "m1")
    file = tmp_path / "pairs.csv"
    goods.at.said(*order, "--links", str(file), "--with-inner", "--upper")
    assert file.stat().st_mode & 0o777 == 0o600
    pairs = [line.split(",") for line in file.read_text().splitlines()]
    assert [outer for outer, _ in pairs] == [link.upper() for link in goods.links]
    inner_key = goods.at.site.ring.parties()[int(BRAND)].epochs[0].inner
    base = "HTTP://LOCALHOST:8000/I/"
    assert [decode_inner(inner_key, inner.removeprefix(base)) for _, inner in pairs] == [
        (goods.batch, index) for index in range(48)
    ]


def test_codes_may_be_ordered_without_inner_ones(goods: Goods, tmp_path: Path) -> None:
    """Then there is no inner root on chain, and no file shows an inner code."""
    order = (
        "mint",
        "--brand",
        BRAND,
        "--gtin",
        GTIN,
        "--count",
        "2",
        "--id",
        "outer",
        "--no-inner",
    )
    batch = goods.at.said(*order)["batch"]
    with reading(goods.at.site.engine) as session:
        roots = {n: session.get_one(ChainBatch, n).inner_root for n in (goods.batch, batch)}
    assert roots[batch] is None
    assert len(roots[goods.batch] or b"") == 32
    pairs = ("--links", str(tmp_path / "pairs.csv"), "--with-inner")
    assert goods.at.refused(*order, *pairs) == "BAD_OPTION"
    made = mint_of(goods.at.site, goods.at.said(*order)["mint"])
    with pytest.raises(Rejected) as refusal:
        write_links(goods.at.site, made, 0, 2, io.BytesIO(), inner=True)
    assert refusal.value.code == "NO_INNER_CODES"
    assert goods.at.refused(*order[:-1], "--inner") == "KEY_REUSED"


def test_an_order_of_another_process_is_waited_for(goods: Goods) -> None:
    """An order that was only kept is done by the worker, and the command goes on with it."""
    number = order_codes(goods.at.site, int(BRAND), GTIN, 3, "cut short")
    order = ("mint", "--brand", BRAND, "--gtin", GTIN, "--count", "3", "--id", "cut short")
    made = goods.at.said(*order)
    assert (made["mint"], made["state"], made["count"]) == (number, "DONE", 3)


def test_what_is_printed_carries_the_links(goods: Goods, tmp_path: Path) -> None:
    """Pictures and sheets are read by another program; a data file has a row for each code."""
    names = ("a.png", "a.svg", "a.html", "a.csv", "a.pdf")
    png, svg, html, csv, pdf = (tmp_path / name for name in names)

    def printed(file: Path, *options: str) -> Any:
        return goods.at.said("print", "--batch", str(goods.batch), "--out", str(file), *options)

    of_one = ("--from", "7", "--use", "bottle-cap", "--lower")
    assert printed(png, *of_one)["level"] == "Q"
    assert [code.text for code in zxingcpp.read_barcodes(Image.open(png))] == [goods.links[7]]
    printed(svg, *of_one)
    assert svg.read_text().startswith("<svg ")
    few = ("--from", "4", "--to", "9")
    printed(html, *few, "--lang", "zh")
    text = html.read_text()
    assert (text.count('class="label"'), "共 5 个标签" in text) == (5, True)
    printed(csv, *few, "--inner", "--lower")
    rows = [line.split(",") for line in csv.read_text().splitlines()]
    assert rows[0] == ["link", "serial", "inner_link", "inner_code"]
    assert [row[0] for row in rows[1:]] == goods.links[4:9]
    assert all(row[0].endswith(row[1]) and row[2].endswith("/i/" + row[3]) for row in rows[1:])
    said = printed(pdf, *few, "--use", "scratch-label", "--inner", "--dpi", "600")
    assert (said["codes"], said["level"], said["module_mm"]) == (5, "H", 0.4233)
    page = PdfDocument(pdf)[0].render(scale=300 / 72).to_pil().convert("L")
    inside = sorted(code.text for code in zxingcpp.read_barcodes(page))
    assert inside == sorted(row[2].upper() for row in rows[1:])
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(names)


def test_a_later_activation_and_its_withdrawal(goods: Goods) -> None:
    """Codes are not active before the time given, nor after 'never'."""
    codes = ("--batch", str(goods.batch), "--from", "40", "--to", "48")
    for at in ("2199-12-31T00:00:00+08:00", "never"):
        goods.at.said("activate", *codes, "--at", at)
        found = goods.at.said("verify", goods.links[47])
        assert [given["code"] for given in found["reasons"]] == ["NOT_ACTIVATED"]
    assert goods.at.said("verify", goods.links[39])["outcome"] == "genuine"


def test_numbers_are_assigned_one_by_one(at: Installation) -> None:
    """Also to parties that are registered without waiting for the one before."""
    new = ("party", "add", "--assigned", "--name-zh", "店", "--role", "store", "--name-en")
    last = max(int(row["party"]) for row in at.said("party", "list")["parties"])
    given = [at.said(*new, f"Shop {n}", "--no-wait")["party"] for n in range(2)]
    given.append(at.said(*new, "Shop 2")["party"])
    first = max(last + 1, 10**13)
    assert given == [str(first + n) for n in range(3)]
    named = {row["party"]: row["name_en"] for row in at.said("party", "list")["parties"]}
    assert [named[party] for party in given] == ["Shop 0", "Shop 1", "Shop 2"]


def test_parties_are_listed(goods: Goods) -> None:
    """With names, roles, key, prefix, markets and territory; a number is assigned without a GLN."""
    new = ("party", "add", "--assigned", "--name-en", "Shop", "--name-zh", "店", "--role", "store")
    first = goods.at.said(*new, "--id", "shop")["party"]
    assert goods.at.said(*new, "--id", "shop")["party"] == first
    assert int(first) >= 10**13
    listed = {row["party"]: row for row in goods.at.said("party", "list")["parties"]}
    brand, distributor = listed[BRAND], listed[DISTRIBUTOR]
    assert (brand["roles"], brand["prefixes"]) == (["brand", "operator"], ["9506000"])
    assert (distributor["key_mode"], distributor["markets"]) == ("own", [7])
    assert (distributor["name_zh"], distributor["regions"]) == ("甲", [31, 32])
    assert {BRAND, DISTRIBUTOR, STORE, first} <= set(listed)
