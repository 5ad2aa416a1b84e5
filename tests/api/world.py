"""A ledger in use, made through the HTTP API alone, and phones and parties that talk to it."""

from __future__ import annotations

import time
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any

from starlette.testclient import TestClient

from api.app import create_app
from ledger.chain.account import Account
from ledger.domain.gs1 import with_check_digit
from ledger.services import api_keys, relaying
from ledger.services.site import Site
from tests.support.installation import Installation, all_rows

BRAND, DISTRIBUTOR, STORE, RIVAL, SHOP = (
    int(with_check_digit(f"9506000{number:05d}")) for number in range(1, 6)
)
GTIN = with_check_digit("0950600013435")
RIVAL_GTIN = with_check_digit("0400638133393")
KEY = Account(bytes([7]) * 32)  # the distributor's own
COUNT = 48
POLL_S = 0.02
PHONE = "Mozilla/5.0 (Linux; Android 14; Pixel 8) AppleWebKit/537.36 Chrome/131.0 Mobile"
PHONE_ADDRESS = "198.51.100.77"
HTML = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
JSON = {"Accept": "application/json"}


@dataclass
class World:
    """The installation and what is on its ledger. units: ids (0x hex) by name."""

    at: Installation
    api: TestClient
    links: list[str] = field(default_factory=list)
    units: dict[str, str] = field(default_factory=dict)
    mint: int = 0
    batch: int = 0
    sent: int = 0

    @property
    def site(self) -> Site:
        """The parts of the installation."""
        return self.at.site

    def serial(self, index: int) -> str:
        """Return the serial of a code."""
        return self.links[index].rsplit("/", 1)[1]

    def path(self, index: int) -> str:
        """Return where the page of a code is."""
        return f"/01/{GTIN}/21/{self.serial(index)}"

    def phone(self, site: Site | None = None, agent: str = PHONE) -> TestClient:
        """Return a browser with a cookie jar of its own."""
        return TestClient(
            create_app(site or self.site),
            raise_server_exceptions=False,
            client=(PHONE_ADDRESS, 50_000),
            headers={"User-Agent": agent},
        )

    def later(self, seconds: int, **changes: Any) -> Site:
        """Return the same installation as it is judged at another time."""
        return replace(self.site, clock=lambda: int(time.time()) + seconds, **changes)

    def key(self, party: int, *scopes: str) -> dict[str, str]:
        """Return the headers of a new API key."""
        return bearer(api_keys.issue(self.site, "test", party, scopes))

    def post(self, path: str, body: Any, **headers: str) -> Any:
        """Do something as the installation's admin; it must be accepted."""
        self.sent += 1
        answer = self.api.post(path, json=body, headers={"Idempotency-Key": f"k{self.sent}"})
        assert answer.status_code < 300, answer.text
        return answer.json()

    def settle(self, *answers: Any) -> None:
        """Wait until the chain has taken what was submitted."""
        for answer in answers:
            state = ""
            while state != "CONFIRMED":
                row = self.api.get(f"/v1/submissions/{answer['submission']}").json()
                state = row["state"]
                assert state in ("QUEUED", "SENT", "CONFIRMED"), row
                time.sleep(POLL_S)

    def order(self, gtin: str, count: int) -> Any:
        """Order codes and wait until they are on the chain; return the order."""
        order = self.post("/v1/mints", {"brand": BRAND, "gtin": gtin, "count": count})
        while order["state"] != "DONE":
            time.sleep(POLL_S)
            order = self.api.get(f"/v1/mints/{order['id']}").json()
            assert order["state"] != "FAILED", order
        return order

    def message(self, what: str, **body: Any) -> Any:
        """Return a message for the distributor to sign, signed."""
        written = self.api.post("/v1/messages", json={what: body})
        assert written.status_code == 200, written.text
        return relaying.sign(written.json(), KEY)

    def hand(self, verb: str, actor: int, other: int, unit: str) -> None:
        """Ship or receive a unit, by a hosted key or through the relay, and wait for the chain."""
        body = {"verb": verb, "actor": actor, "other": other, "units": [unit]}
        if actor == DISTRIBUTOR:
            self.settle(self.post("/relay", self.message("handoff", **body)))
        else:
            self.settle(self.post("/v1/handoffs", body))


def asked_rows(site: Site) -> dict[str, list[str]]:
    """Return what only a request can make: the ids of the rows of each table.

    What follower and worker make of earlier requests comes by itself, and may come at any time.
    """
    by_worker = {
        "alert", "alert_change", "alert_evidence", "alert_rule", "relay", "rule_hit",
        "scan_log_state", "scan_map_entry", "watch_state",
    }  # fmt: skip
    return {
        table: [row[0] for row in rows]
        for table, rows in all_rows(site).items()
        if not table.startswith("chain_") and table not in by_worker
    }


def bearer(key: str) -> dict[str, str]:
    """Return the header of an API key."""
    return {"Authorization": f"Bearer {key}"}


def sscc(number: int) -> str:
    """Return an SSCC of ours."""
    return with_check_digit(f"09506000{number:09d}")


def live(at: Installation) -> World:
    """Let everything happen that the tests look at."""
    api_keys.ensure_admin(at.site)
    api = TestClient(
        create_app(at.site), headers=bearer((at.data / "admin.key").read_text().strip())
    )
    with api:
        world = World(at, api)
        _register(world)
        _mint(world)
        _move(world)
    return world


def _register(world: World) -> None:
    names = (
        (BRAND, "Example Tea", "示例茶", ["brand", "operator"], "9506000", [33]),
        (DISTRIBUTOR, "East Distribution", "华东经销", ["distributor"], "", [31]),
        (STORE, "Old Street Store", "老街门店", ["store"], "", [31]),
        (RIVAL, "Rival <b>Brand</b>", "对手品牌", ["brand"], "4006381", []),
        (SHOP, "Corner Shop", "街角小店", ["store"], "", [44]),
    )
    world.settle(*(world.post("/v1/parties", _party(world, *row)) for row in names))
    world.post(
        "/v1/products",
        {"brand": BRAND, "gtin": GTIN, "name_en": "Green tea, 250 g", "name_zh": "绿茶 250 克"},
    )


def _party(
    world: World, party: int, en: str, zh: str, roles: list[str], prefix: str, regions: list[int]
) -> dict[str, Any]:
    own = party == DISTRIBUTOR
    return {
        "gln": str(party),
        "name_en": en,
        "name_zh": zh,
        "roles": roles,
        "account": "0x" + KEY.address.hex() if own else None,
        "key_mode": 1 if own else 3,
        "prefix": prefix,
        "regions": regions,
    }


def _mint(world: World) -> None:
    """Codes 0 to 39 are active; 24 to 27 are past their best, 28 to 31 expired; 40 on inactive."""
    order = world.order(GTIN, COUNT)
    world.mint, world.batch = order["id"], order["batch"]
    world.links = world.api.get(f"/v1/mints/{world.mint}/links").text.split()
    run = {"batch": world.batch, "first": 0, "to": 40}
    world.settle(world.post("/v1/activations", {**run, "active_from": int(time.time()) - 60}))
    next_year = date(date.today().year + 1, 1, 31)
    for lot, first, to, best_before, expiry in (
        ("L-1", 0, 24, date(next_year.year + 1, 1, 31), None),
        ("L-2", 24, 28, date(2020, 1, 31), next_year),
        ("L-3", 28, 32, None, date(2020, 1, 31)),
    ):
        dates = {"best_before": best_before, "expiry": expiry}
        body = {"batch": world.batch, "first": first, "to": to, "lot": lot}
        body |= {name: day.isoformat() for name, day in dates.items() if day}
        world.settle(world.post("/v1/lots", body))


def _move(world: World) -> None:
    """A pallet of two cases goes to the distributor, one case of it on to a store and a shop; the
    rest of the pallet goes to the shop by itself."""
    codes = [{"batch": world.batch, "first": 8 * n, "to": 8 * n + 8} for n in range(2)]
    cases = [{"sscc": sscc(n), "inside": [codes[n]]} for n in range(2)]
    box = {"sscc": sscc(10), "inside": cases, "lot": "L-1"}
    packed = world.post("/v1/packs", {"actor": BRAND, "box": box})
    world.settle(packed)
    pallet = world.units["pallet"] = packed["unit"]
    world.hand("ship", BRAND, DISTRIBUTOR, pallet)
    world.hand("receive", DISTRIBUTOR, BRAND, pallet)
    signed = world.message("unpack", actor=DISTRIBUTOR, unit=pallet, positions=[0])
    world.settle(world.post("/relay", signed))
    case = world.units["case"] = signed["message"]["args"]["children"][0]["child"]
    world.hand("ship", DISTRIBUTOR, STORE, case)
    world.hand("receive", STORE, DISTRIBUTOR, case)
    world.hand("ship", DISTRIBUTOR, SHOP, pallet)
    world.hand("ship", STORE, SHOP, case)
    world.hand("receive", SHOP, STORE, case)
    world.hand("receive", SHOP, DISTRIBUTOR, pallet)
