"""The demo's eight weeks, played against a running installation through its HTTP API.

Everything is keyed by the world's seed, so playing it again does nothing twice; the place reached
is kept, so that an interrupted play goes on there. The installation's clock is moved by us: what is
sealed is sealed at simulated past times.
"""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from itertools import groupby
from pathlib import Path
from threading import Lock
from typing import Any

from ledger.chain.account import Account
from ledger.domain.gs1 import with_check_digit
from ledger.errors import Broken
from ledger.services import relaying
from ledger.services.keys.sealed_file import replace_file
from ledger.services.keys.vault import OWN, Vault
from ledger.services.worlds.world import DemoScan, World
from ledger.services.worlds.world_plan import PARTIES, SPAN, Move, Party, Unit
from scripts.demo_client import POLL_S, Client

Json = dict[str, Any]
PREFIX = "9506000"  # GS1's example prefix
GTIN = "09506000134352"
SPARE = 24  # codes a lot that are printed and never activated
WINDOW_S = 6 * 3600  # scans are sent in windows of simulated time
SENDERS = 4
STARTS = -SPAN  # seconds before the end


@dataclass(frozen=True)
class Step:
    """One step of the play: when (seconds before the end), what, and its name in the progress."""

    t: float
    name: str
    do: Callable[[], None]


class Play:
    """One world played in one data directory. end: unix seconds at which the eight weeks end."""

    def __init__(self, world: World, directory: Path, client: Client, base: str, end: int) -> None:
        self.world = world
        self._dir = directory
        self._client = client
        self._base = base
        self.end = end
        self._links: dict[int, list[str]] = {}
        self._one_asks = Lock()  # making 4,824 codes anew for every sender takes its time
        self._agents: dict[int, Account] = {}

    def run(self, tell: Callable[[int, int], None]) -> None:
        """Play all steps that are left. tell(done, of) is called as they get done."""
        steps = list(self._steps())
        done = self._done()
        for number, step in enumerate(steps):
            tell(number, len(steps))
            self._set_clock(step.t)
            if number >= done:
                step.do()
                # If we die before this line the step is done again, which changes nothing.
                replace_file(self._dir / "played", str(number + 1).encode())
        self._set_clock(0)
        tell(len(steps), len(steps))

    def link(self, lot: int, item: int) -> str:
        """The printed link of an item; items over the lot's are its spare codes."""
        with self._one_asks:
            if lot not in self._links:
                number = self._mint(lot)["id"]
                text = self._client.get(f"/v1/mints/{number}/links").text
                self._links[lot] = text.splitlines()
        return self._links[lot][item]

    def _done(self) -> int:
        path = self._dir / "played"
        return int(path.read_text()) if path.exists() else 0

    def _set_clock(self, t: float) -> None:
        seconds = round(self.end + t)
        path = self._dir / "clock"
        before = int(path.read_text()) if path.exists() else 0
        if seconds > before:
            fresh = path.with_suffix(".new")
            fresh.write_text(str(seconds))
            fresh.rename(path)

    def _steps(self) -> Iterator[Step]:
        yield Step(STARTS, "parties", self._register)
        yield Step(STARTS + 3600, "product", self._name_product)
        for lot in self.world.lots:
            yield Step(STARTS + 7200, f"mint {lot.number}", partial(self._order, lot.number))
        later = [Step(move.t, f"move {n}", partial(self._move, move, n))
                 for n, move in enumerate(self.world.moves)]  # fmt: skip
        later += self._scan_steps()
        yield from sorted(later, key=lambda step: step.t)

    def _scan_steps(self) -> list[Step]:
        """Windows of scans; each ends before the next move, and is sent at its last scan's time."""
        moves = [move.t for move in self.world.moves]
        numbered = list(enumerate(self.world.scans))

        def window(scan: tuple[int, DemoScan]) -> tuple[int, int]:
            return int(scan[1].t // WINDOW_S), sum(t <= scan[1].t for t in moves)

        steps = []
        for _, group in groupby(numbered, key=window):
            part = list(group)
            last = part[-1]
            steps.append(Step(last[1].t, f"scans to {last[0]}", partial(self._scan, part)))
        return steps

    # ------------------------------------------------------------------------------- the people

    def _register(self) -> None:
        sent = [self._register_one(party) for party in PARTIES]
        self._client.settled(*(answer["submission"] for answer in sent))

    def _register_one(self, party: Party) -> Json:
        own = self._agent(party.number) if party.role == "distributor" else None
        roles = ["brand", "operator"] if party.role == "brand" else [party.role]
        body = {
            "gln": gln(party.number),
            "name_en": party.en,
            "name_zh": party.zh,
            "roles": roles,
            "account": "0x" + own.address.hex() if own else None,
            "key_mode": 1 if own else 3,
            "prefix": PREFIX if party.role == "brand" else "",
            "regions": list(party.territory),
        }
        return self._client.post("/v1/parties", body, f"party-{party.number}")

    def _agent(self, number: int) -> Account:
        """A distributor's own key, in a vault of its own that the installation cannot open."""
        if number in self._agents:
            return self._agents[number]
        path = self._dir / "agents" / f"{gln(number)}.json"
        secret = path.with_suffix(".pass")
        if not secret.exists():
            replace_file(secret, secrets.token_hex(24).encode())
        if not path.exists():
            Vault.create(path, secret.read_text(), secrets.token_bytes)
        found = Vault(path, secret.read_text(), secrets.token_bytes).ensure(OWN)
        return self._agents.setdefault(number, found)

    def _name_product(self) -> None:
        body = {
            "brand": int(gln(0)),
            "gtin": GTIN,
            "name_en": "Example spirit 500 ml",
            "name_zh": "示例白酒 500 毫升",
        }
        self._client.post("/v1/products", body, "product")

    def _mint(self, lot: int) -> Json:
        count = self.world.lots[lot].items + SPARE
        body = {"brand": int(gln(0)), "gtin": GTIN, "count": count}
        return self._client.post("/v1/mints", body, f"mint-{lot}")

    def _order(self, lot: int) -> None:
        number = self._mint(lot)["id"]
        while (mint := self._client.get(f"/v1/mints/{number}").json())["state"] != "DONE":
            if mint["state"] == "FAILED":
                raise Broken("DEMO_STOPPED", f"Lot {lot} could not be minted: {mint['error']}")
            time.sleep(POLL_S)
        codes = {"batch": mint["batch"], "first": 0, "to": self.world.lots[lot].items}
        active = {**codes, "active_from": round(self.end + STARTS)}
        self._post_settled("/v1/activations", active, f"activate-{lot}")
        terms = {**codes, "lot": lot_name(lot), "best_before": "2099-12-31"}
        self._post_settled("/v1/lots", terms, f"lot-{lot}")

    def _move(self, move: Move, number: int) -> None:
        if move.verb == "pack":
            answers = [self._pack(unit) for unit in move.units]
            self._client.settled(*(answer["submission"] for answer in answers))
        elif move.verb == "unpack":
            unit = move.units[0]
            per_pallet = self.world.lots[unit.lot].cases_per_pallet
            asked = {
                "actor": int(gln(move.actor)),
                "unit": sscc(unit),
                "positions": list(range(per_pallet)),
            }
            self._sign_or_ask(move.actor, "unpack", "/v1/unpacks", asked, f"move-{number}")
        else:
            assert move.partner is not None
            asked = {
                "verb": move.verb,
                "actor": int(gln(move.actor)),
                "other": int(gln(move.partner)),
                "units": [sscc(unit) for unit in move.units],
            }
            self._sign_or_ask(move.actor, "handoff", "/v1/handoffs", asked, f"move-{number}")

    def _sign_or_ask(self, actor: int, kind: str, path: str, asked: Json, key: str) -> None:
        """A distributor signs with its own key; the others' keys are hosted."""
        if PARTIES[actor].role != "distributor":
            self._post_settled(path, asked, key)
            return
        message = self._client.post("/v1/messages", {kind: asked}, f"message-{key}")
        if message["args"]["actor"] != asked["actor"]:
            raise Broken("DEMO_STOPPED", "The message to sign is not the one that was asked for.")
        signed = relaying.sign(message, self._agent(actor))
        self._post_settled("/relay", signed, key)

    def _pack(self, unit: Unit) -> Json:
        lot = self.world.lots[unit.lot]
        batch = self._client.get(f"/v1/mints/{self._mint(unit.lot)['id']}").json()["batch"]
        cases = range(unit.number * lot.cases_per_pallet, (unit.number + 1) * lot.cases_per_pallet)
        box = {
            "sscc": sscc(unit),
            "lot": lot_name(unit.lot),
            "inside": [
                {
                    "sscc": sscc(Unit("case", unit.lot, case)),
                    "inside": [
                        {
                            "batch": batch,
                            "first": case * lot.case_size,
                            "to": (case + 1) * lot.case_size,
                        }
                    ],
                }
                for case in cases
            ],
        }
        body = {"actor": int(gln(0)), "box": box}
        return self._client.post("/v1/packs", body, f"pack-{unit.lot}-{unit.number}")

    def _scan(self, part: list[tuple[int, DemoScan]]) -> None:
        with ThreadPoolExecutor(SENDERS) as senders:
            list(senders.map(self._scan_one, part))

    def _scan_one(self, numbered: tuple[int, DemoScan]) -> None:
        number, scan = numbered
        place = {
            "source": scan.loc_src,
            "lat": scan.lat,
            "lon": scan.lon,
            "acc_km": scan.acc_km,
            "region": scan.region,
        }
        body = {
            "link": self.link(scan.lot, scan.item),
            "device": scan.device,
            "channel": scan.channel,
            "place": place,
            "at": int(self.end + scan.t),
        }
        self._client.post("/v1/scans", body, f"scan-{number}")

    def _post_settled(self, path: str, body: Json, key: str) -> None:
        self._client.settled(self._client.post(path, body, key)["submission"])


def gln(number: int) -> str:
    """The GLN of a party of the demo."""
    return with_check_digit(f"{PREFIX}{number:05d}")


def sscc(unit: Unit) -> str:
    """The SSCC of a pallet (extension digit 1) or case (0) of the demo."""
    extension = 1 if unit.kind == "pallet" else 0
    return with_check_digit(f"{extension}{PREFIX}{unit.lot:03d}{unit.number:06d}")


def lot_name(lot: int) -> str:
    """The lot number as printed."""
    return f"DEMO-{lot + 1}"


def load(path: Path) -> Json | None:
    """What the directory says of the demo in it, None for a new one."""
    found: Json | None = json.loads(path.read_text()) if path.exists() else None
    return found
