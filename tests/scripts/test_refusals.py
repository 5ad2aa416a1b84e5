"""Bad input on the command line: one line, status 1, and nothing half-written."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.scripts.conftest import BRAND, DISTRIBUTOR, GTIN, STORE, Goods, sscc
from tests.support.installation import all_rows, command, refused

HUGE = str(10**19)  # over what a database keeps
WRONG = sscc(9)[:-1] + str((int(sscc(9)[-1]) + 1) % 10)
MINT = ("mint", "--brand", BRAND, "--gtin", GTIN, "--count")
PRINT = ("print", "--batch", "1", "--out")
PARTY = ("party", "add", "--name-en", "X", "--name-zh", "X", "--role")
CODES = ("--from", "0", "--to", "4")
BAD = {
    "GTIN with a wrong digit": ("BAD_CHECK_DIGIT", *MINT[:4], "09506000134353", "--count", "1"),
    "GTIN that is none": ("MALFORMED", *MINT[:4], "wine", "--count", "1"),
    "GTIN of somebody else": ("ForeignGtin", *MINT[:4], "04006381333931", "--count", "1"),
    "no codes": ("BAD_QUANTITY", *MINT, "0"),
    "fewer than no codes": ("BAD_QUANTITY", *MINT, "-5"),
    "too many codes": ("BAD_QUANTITY", *MINT, "10000001"),
    "count that is no number": ("USAGE", *MINT, "many"),
    "brand that is not registered": ("UnknownParty", *MINT[:2], "4006381333931", *MINT[3:], "1"),
    "brand with a wrong digit": ("BAD_CHECK_DIGIT", *MINT[:2], "9506000000016", *MINT[3:], "1"),
    "brand beyond the ledger": ("MALFORMED", *MINT[:2], HUGE, *MINT[3:], "1"),
    "files without waiting": ("BAD_OPTION", *MINT, "1", "--no-wait", "--links", "x"),
    "range outside": ("BAD_RANGE", *MINT, "9", "--from", "4", "--to", "10"),
    "QR of no code": ("BAD_RANGE", *PRINT, "x.svg", "--from", "48"),
    "QR of two codes": ("BAD_OPTION", *PRINT, "x.svg", "--to", "2"),
    "QR as text": ("BAD_OPTION", *PRINT, "x.txt"),
    "print of no batch": ("UNKNOWN_BATCH", "print", "--batch", "99", "--out", "x.csv"),
    "paper": ("BAD_OPTION", *PRINT, "x.pdf", "--paper", "napkin"),
    "paper too small": ("LABEL_SIZE", *PRINT, "x.pdf", "--paper", "20x20"),
    "module of nothing": ("MODULE_SIZE", *PRINT, "x.pdf", "--module", "0"),
    "Chinese without a font": ("FONT_LACKS", *PRINT, "x.pdf", "--lang", "zh"),
    "font that is none": ("BAD_FONT", *PRINT, "x.pdf", "--font", __file__),
    "batch and unit": ("BAD_OPTION", "activate", "--batch", "1", "--unit", sscc(9)),
    "range of a unit": ("BAD_OPTION", "activate", "--unit", sscc(9), "--to", "4"),
    "unit that is unknown": ("UNKNOWN_UNIT", "activate", "--unit", sscc(9)),
    "folder that is not": ("CANNOT_WRITE", *MINT, "1", "--links", "/nowhere/x"),
    "language": ("USAGE", *PRINT, "x.pdf", "--lang", "fr"),
    "product of an unknown brand": (
        "UnknownParty",
        *("product", "add", "--brand", "4006381333931", "--gtin", GTIN),
        *("--name-en", "X", "--name-zh", "X"),
    ),
    "product of somebody else": (
        "ForeignGtin",
        *("product", "add", "--brand", BRAND, "--gtin", "4006381333931"),
        *("--name-en", "X", "--name-zh", "X"),
    ),
    "product without a name": (
        "BAD_PRODUCT",
        *("product", "add", "--brand", BRAND, "--gtin", GTIN, "--name-en", " ", "--name-zh", "X"),
    ),
    "role": ("BAD_PARTY", *PARTY, "king", "--assigned"),
    "region": ("BAD_PARTY", *PARTY, "store", "--assigned", "--region", "31,99"),
    "market": ("BAD_PARTY", *PARTY, "store", "--assigned", "--market", "256"),
    "prefix": ("BAD_PARTY", *PARTY, "brand", "--assigned", "--prefix", "12x"),
    "prefix of another": ("PrefixTaken", *PARTY, "brand", "--assigned", "--prefix", "95060001"),
    "party twice": ("PartyExists", *PARTY, "store", "--gln", STORE),
    "no GLN": ("BAD_OPTION", *PARTY, "store"),
    "GLN with a wrong digit": ("BAD_CHECK_DIGIT", *PARTY, "store", "--gln", "9506000000016"),
    "account": ("BAD_ADDRESS", *PARTY, "store", "--assigned", "--account", "0x12"),
    "unknown batch": ("UNKNOWN_BATCH", "activate", "--batch", "99", *CODES),
    "batch beyond all": ("UNKNOWN_BATCH", "activate", "--batch", HUGE, *CODES),
    "codes outside": ("BAD_RANGE", "activate", "--batch", "1", "--from", "0", "--to", "49"),
    "no codes to activate": ("BAD_RUN", "activate", "--batch", "1", "--from", "4", "--to", "4"),
    "time": ("BAD_TIME", "activate", "--batch", "1", *CODES, "--at", "soon"),
    "time too late": ("BadTime", "activate", "--batch", "1", *CODES, "--at", HUGE),
    "lot twice": ("LotAlreadyBound", "lot", "bind", "--batch", "1", *CODES, "--lot", "L2"),
    "lot number": ("BAD_LOT", "lot", "bind", "--batch", "1", *CODES, "--lot", "L" * 21),
    "lot of no market": (
        "BAD_LOT",
        *("lot", "bind", "--batch", "1", *CODES, "--lot", "L2", "--market", "256"),
    ),
    "lot's day": (
        "BAD_DATE",
        *("lot", "bind", "--batch", "1", *CODES, "--lot", "L2", "--expiry", "31.1.2028"),
    ),
    "lot's year": (
        "BAD_DATE",
        *("lot", "bind", "--batch", "1", *CODES, "--lot", "L2", "--expiry", "9999-12-31"),
    ),
    "unknown SSCC": ("UNKNOWN_UNIT", "ship", sscc(7), "--actor", BRAND, "--to", STORE),
    "unknown unit": ("UNKNOWN_UNIT", "ship", "0x12", "--actor", BRAND, "--to", STORE),
    "unit that is none": ("MALFORMED", "ship", "0xpallet", "--actor", BRAND, "--to", STORE),
    "SSCC with a wrong digit": (
        "BAD_CHECK_DIGIT",
        *("receive", WRONG, "--actor", STORE, "--from", BRAND),
    ),
    "somebody's own key": (
        "NOT_HOSTED",
        *("ship", sscc(100), "--actor", DISTRIBUTOR, "--to", STORE),
    ),
    "key file that is not": (
        "PASSPHRASE_MISSING",
        *("ship", sscc(100), "--actor", BRAND, "--to", STORE, "--key", "/nowhere/a.key"),
    ),
    "position": (
        "BAD_POSITION",
        *("unpack", sscc(100), "--actor", BRAND, "--positions", "0,2"),
    ),
    "positions": (
        "BAD_POSITION",
        *("unpack", sscc(100), "--actor", BRAND, "--positions", "first"),
    ),
    "position twice": (
        "BAD_POSITION",
        *("unpack", sscc(100), "--actor", BRAND, "--positions", "0,0-1"),
    ),
    "positions without end": (
        "BAD_POSITION",
        *("unpack", sscc(100), "--actor", BRAND, "--positions", f"0-{HUGE}"),
    ),
    "kind of alert": ("BAD_OPTION", "alerts", "--kind", "theft"),
    "packing list that is not": ("NO_FILE", "pack", "/nowhere/x.json", "--actor", BRAND),
    "days of trust": ("USAGE", "trust", "make", "--valid-days", "181"),
}


@pytest.mark.parametrize("words", BAD.values(), ids=BAD.keys())
def test_bad_input_is_one_line_and_leaves_nothing(goods: Goods, words: tuple[str, ...]) -> None:
    """The error has a code and a sentence; no row of any table has changed, and no key was made."""
    code, *asked = words
    keys = _keys(goods)
    before = all_rows(goods.at.site)
    assert goods.at.refused(*asked) == code
    assert all_rows(goods.at.site) == before
    assert _keys(goods) == keys


def _keys(goods: Goods) -> dict[int, int]:
    """Party -> epochs in the key file."""
    goods.at.site.ring.refresh()
    return {party: len(keys.epochs) for party, keys in goods.at.site.ring.parties().items()}


INSIDE = [{"batch": 1, "from": 0, "to": 4}]
PACKINGS = {
    "no JSON": ("BAD_PACKING", "{"),
    "a list": ("BAD_PACKING", []),
    "no content": ("BAD_PACKING", {"sscc": sscc(9)}),
    "content of no kind": ("BAD_PACKING", {"sscc": sscc(9), "inside": ["wine"]}),
    "number as text": (
        "BAD_PACKING",
        {"sscc": sscc(9), "inside": [{"batch": "1", "from": 0, "to": 4}]},
    ),
    "yes for a number": (
        "BAD_PACKING",
        {"sscc": sscc(9), "inside": [{"batch": True, "from": 0, "to": 4}]},
    ),
    "word too many": ("BAD_PACKING", {"sscc": sscc(9), "inside": INSIDE, "weight": 3}),
    "SSCC as number": ("BAD_PACKING", {"sscc": 9, "inside": INSIDE}),
    "wrong digit": ("BAD_CHECK_DIGIT", {"sscc": WRONG, "inside": INSIDE}),
    "nothing inside": ("NO_CHILDREN", {"sscc": sscc(9), "inside": []}),
    "packed already": ("TWICE_PACKED", {"sscc": sscc(9), "inside": INSIDE}),
    "unknown lot": ("UNKNOWN_LOT", {"sscc": sscc(9), "lot": "L9", "inside": [{"unit": sscc(100)}]}),
    "unknown unit": ("UNKNOWN_UNIT", {"sscc": sscc(9), "inside": [{"unit": sscc(8)}]}),
    "unknown batch": (
        "UNKNOWN_BATCH",
        {"sscc": sscc(9), "inside": [{"batch": 999, "from": 0, "to": 4}]},
    ),
    "batch beyond all": (
        "BAD_PACKING",
        {"sscc": sscc(9), "inside": [{"batch": 10**30, "from": 0, "to": 4}]},
    ),
    "codes that are not": (
        "BAD_RANGE",
        {"sscc": sscc(9), "inside": [{"batch": 1, "from": -1, "to": 4}]},
    ),
}


@pytest.mark.parametrize(("code", "content"), PACKINGS.values(), ids=PACKINGS.keys())
def test_bad_packing_lists_are_refused(
    goods: Goods, tmp_path: Path, code: str, content: object
) -> None:
    """Each by its code, and nothing is packed."""
    file = tmp_path / "list.json"
    file.write_text(content if isinstance(content, str) else json.dumps(content))
    before = all_rows(goods.at.site)
    assert goods.at.refused("pack", str(file), "--actor", BRAND) == code
    assert all_rows(goods.at.site) == before


def test_boxes_in_boxes_have_an_end(goods: Goods, tmp_path: Path) -> None:
    """Neither a deep list nor an endless one breaks the reader."""
    deep: object = INSIDE[0]
    for number in range(10):
        deep = {"sscc": sscc(200 + number), "inside": [deep]}
    file = tmp_path / "list.json"
    for text in (json.dumps(deep), "[" * 100_000):
        file.write_text(text)
        assert goods.at.refused("pack", str(file), "--actor", BRAND) == "BAD_PACKING"


def test_a_key_file_is_made_once(tmp_path: Path) -> None:
    """With its passphrase, both for their owner only, and never over another."""
    file = tmp_path / "shop.key"
    made = json.loads(command("key", "new", str(file), "--json").out)
    assert len(bytes.fromhex(made["address"][2:])) == 20
    assert [oct((tmp_path / name).stat().st_mode)[-3:] for name in ("shop.key", "shop.pass")] == [
        "600",
        "600",
    ]
    kept = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    assert refused("key", "new", str(file)) == "KEYS_EXIST"
    assert refused("key", "new", str(tmp_path / "shop.json")) == "KEYS_EXIST"
    assert refused("key", "new", str(tmp_path / "other.pass")) == "BAD_OPTION"
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == kept


def test_without_a_ledger_every_verb_says_so(tmp_path: Path) -> None:
    """No directory is a ledger by being named; nothing is made there."""
    for words in (("verify", "x"), ("alerts",), ("rebuild",), ("party", "list"), ("trust", "make")):
        assert refused(*words, "--data", str(tmp_path / "none")) == "NO_LEDGER"
    assert list(tmp_path.iterdir()) == []


def test_a_setting_that_cannot_be(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The variable is named."""
    monkeypatch.setenv("TOUCHSTONE_BEHIND_S", "soon")
    done = command("alerts", "--data", str(tmp_path))
    assert done.err.startswith("touchstone: BAD_SETTING: TOUCHSTONE_BEHIND_S is not possible: ")
