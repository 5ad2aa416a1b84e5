"""One installation for all tests of this folder, with parties, codes and a packed pallet."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from ledger.domain.gs1 import with_check_digit
from tests.support.installation import Installation, command, installation

BRAND, DISTRIBUTOR, STORE = (with_check_digit(f"9506000{n:05d}") for n in (1, 2, 3))
GTIN = with_check_digit("0950600013435")


def sscc(number: int) -> str:
    """Return an SSCC of ours."""
    return with_check_digit(f"0950600{number:010d}")


@dataclass(frozen=True)
class Goods:
    """What the commands have made: a batch of 48 active codes in lot L1, two cases on a pallet."""

    at: Installation
    batch: int
    links: list[str]
    pallet: str
    key: Path


@pytest.fixture(scope="package")
def at(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    with installation(tmp_path_factory.mktemp("home")) as made:
        yield made


@pytest.fixture(scope="package")
def goods(at: Installation, tmp_path_factory: pytest.TempPathFactory) -> Goods:
    """The whole way to a pallet, by commands alone."""
    folder = tmp_path_factory.mktemp("goods")
    key = folder / "distributor.key"
    address = json.loads(command("key", "new", str(key), "--json").out)["address"]
    party = ("party", "add", "--name-zh", "甲", "--name-en")
    at.said(*party, "Brand", "--gln", BRAND, "--role", "brand,operator", "--prefix", "9506000")
    own = ("--account", address, "--region", "31,32", "--market", "7")
    at.said(*party, "Distributor", "--gln", DISTRIBUTOR, "--role", "distributor", *own)
    at.said(*party, "Store", "--gln", STORE, "--role", "store")
    names = ("--name-en", "Wine", "--name-zh", "酒")
    at.said("product", "add", "--brand", BRAND, "--gtin", GTIN, *names)
    order = ("mint", "--brand", BRAND, "--gtin", GTIN, "--count", "48", "--id", "m1")
    batch = at.said(*order, "--links", str(folder / "links.txt"))["batch"]
    codes = ("--batch", str(batch), "--from", "0", "--to", "48")
    at.said("activate", *codes)
    at.said("lot", "bind", *codes, "--lot", "L1", "--best-before", "2099-01-31")
    cases = [
        {"sscc": sscc(i), "inside": [{"batch": batch, "from": 24 * i, "to": 24 * i + 24}]}
        for i in (0, 1)
    ]
    (folder / "pallet.json").write_text(
        json.dumps({"sscc": sscc(100), "lot": "L1", "inside": cases})
    )
    at.said("pack", str(folder / "pallet.json"), "--actor", BRAND)
    links = (folder / "links.txt").read_text().splitlines()
    return Goods(at, batch, links, sscc(100), key)
