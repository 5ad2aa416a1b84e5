"""An installation with a brand whose codes are packed, another brand, and a distributor."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

from ledger.chain.account import Account
from ledger.db.engine import reading
from ledger.db.models import UnitName
from ledger.domain import code
from ledger.domain.gs1 import with_check_digit
from ledger.domain.verbs import KeyMode, Role
from ledger.services import act, mint, parties, runs
from ledger.services.goods import line, places
from ledger.services.goods.line import Ack
from ledger.services.goods.line_file import Report, pack_file
from ledger.services.site import Site
from tests.support.installation import Installation, await_mint, installation

BRAND, OTHER, DISTRIBUTOR = (
    int(with_check_digit(body)) for body in ("950600000001", "950601000001", "950602000001")
)
GTIN, OTHER_GTIN = (with_check_digit(body) for body in ("0950600013435", "0950601013435"))
OWN = Account(bytes([9]) * 32)  # the distributor's
CODES = 1200
RUNS = 700  # codes from here on are packed as runs


@dataclass
class World:
    """at: the installation; batch: the brand's; other: the other brand's; folder: for files."""

    at: Installation
    batch: int
    other: int
    folder: Path
    _numbers: Iterator[int] = field(default_factory=lambda: count(1))
    _codes: Iterator[int] = field(default_factory=lambda: count(0))
    _run: int = RUNS

    @property
    def site(self) -> Site:
        """The site."""
        return self.at.site

    def sscc(self) -> str:
        """Return an SSCC that nobody has used."""
        return with_check_digit(f"0950600{next(self._numbers):010d}")

    def fresh(self, number: int) -> list[int]:
        """Return indices that nobody has used, every second one: no run."""
        return [2 * next(self._codes) for _ in range(number)]

    def run(self, number: int) -> tuple[str, range]:
        """Return codes in a row that nobody has used, as a row has them."""
        first, self._run = self._run, self._run + number
        return f"{self.batch}:{first}-{self._run - 1}", range(first, self._run)

    def link(self, index: int, batch: int | None = None) -> str:
        """Return the printed link of a code; of the other brand's where its batch is named."""
        brand, gtin = (BRAND, GTIN) if batch in (None, self.batch) else (OTHER, OTHER_GTIN)
        keys = self.site.ring.parties()[brand].epochs[0]
        serial = code.encode_serial(keys.outer, 0, int(gtin), batch or self.batch, index)
        return f"{self.site.link_base}/01/{gtin}/21/{serial}"

    def inner(self, index: int) -> str:
        """Return the printed link of an inner code of the brand."""
        keys = self.site.ring.parties()[BRAND].epochs[0]
        return f"{self.site.link_base}/i/{code.encode_inner(keys.inner, 0, self.batch, index)}"

    def write(self, rows: Sequence[Sequence[str]], encoding: str = "utf-8") -> Path:
        """Write a file of rows."""
        path = self.folder / f"{next(self._numbers)}.csv"
        path.write_bytes("\n".join(",".join(row) for row in rows).encode(encoding))
        return path

    def pack(self, *rows: Sequence[str]) -> Report:
        """Pack a file of rows, and wait for the chain."""
        report = pack_file(self.site, BRAND, self.write(rows))
        self.settle(report.submissions)
        return report

    def case(self, number: int = 3) -> tuple[str, list[int]]:
        """Return a case of fresh codes on the ledger, and its codes."""
        sscc, codes = self.sscc(), self.fresh(number)
        report = self.pack([sscc, *map(self.link, codes)])
        assert report.refused == []
        return sscc, codes

    def stream(self, *events: Any) -> list[Ack]:
        """Let the brand's line close boxes; each is a dict, or a line as it came."""
        lines = [e if isinstance(e, bytes) else json.dumps(e).encode() for e in events]
        read = [line.read_event(row, text) for row, text in enumerate(lines, 1)]
        acks = line.take(self.site, BRAND, read)
        self.settle([ack.submission for ack in acks if ack.submission is not None])
        return acks

    def settle(self, submissions: Sequence[int]) -> None:
        """Wait for the chain."""
        act.settled(self.site, list(submissions))

    def unit_of(self, index: int) -> str | None:
        """Return the SSCC of the unit that a code was packed in, None if it is in none."""
        with reading(self.site.engine) as session:
            name = places.holder_of(session, self.batch, index)
        return None if name is None else name.epc[-18:]

    def is_known(self, sscc: str) -> bool:
        """Say whether a unit is known by itself."""
        with reading(self.site.engine) as session:
            query = session.query(UnitName).where(UnitName.epc.endswith(sscc))
            return session.query(query.exists()).scalar() is True


@contextmanager
def open_world(folder: Path) -> Iterator[World]:
    """Start everything, register, mint and activate."""
    with installation(folder / "home") as at:
        site = at.site
        new = (
            parties.NewParty(BRAND, "B", "乙", Role.BRAND | Role.OPERATOR, prefix="9506000"),
            parties.NewParty(OTHER, "O", "他", Role.BRAND, prefix="9506010"),
            parties.NewParty(
                DISTRIBUTOR,
                "D",
                "丁",
                Role.DISTRIBUTOR,
                account=OWN.address,
                key_mode=KeyMode.OWN,
            ),
        )
        act.settled(site, [parties.register(site, party, f"p{party.party}")[1] for party in new])
        mint.add_product(site, BRAND, GTIN, "Tea", "茶")
        batch = await_mint(site, mint.order_codes(site, BRAND, GTIN, CODES, "codes"))
        other = await_mint(
            site, mint.order_codes(site, OTHER, OTHER_GTIN, 9, "others", inner=False)
        )
        act.settled(site, [runs.activate(site, batch, 0, CODES - 20, site.clock(), "a")])
        act.settled(site, [runs.void(site, batch, CODES - 20, CODES - 10, "v")])
        yield World(at, batch, other, folder)
