"""`touchstone party`: who takes part, with which role and which key."""

from __future__ import annotations

import json
from enum import StrEnum
from typing import Annotated, Any

import typer

from ledger.db.models import ChainParty, Profile
from ledger.domain.ids import party_text
from ledger.domain.verbs import KeyMode
from ledger.errors import Rejected
from ledger.services import parties
from scripts.acting import Wait, idempotency, outcome, party
from scripts.common import Data, Idempotency, Json, show, site

app = typer.Typer(no_args_is_help=True, add_completion=False)


class KeyChoice(StrEnum):
    """How a party that is not hosted keeps its key."""

    OWN = "own"
    BROWSER = "browser"


@app.callback()
def group() -> None:
    """Register parties, and list them."""


@app.command()
def add(
    name_en: Annotated[str, typer.Option(help="Name in English.")],
    name_zh: Annotated[str, typer.Option(help="Name in Chinese.")],
    role: Annotated[str, typer.Option(help=f"Of {', '.join(parties.ROLES)}; commas between.")],
    gln: Annotated[str | None, typer.Option(help="Its GLN, 13 digits.")] = None,
    assigned: Annotated[bool, typer.Option("--assigned", help="It has no GLN.")] = False,
    prefix: Annotated[str, typer.Option(help="Leading digits of a brand's GTINs.")] = "",
    account: Annotated[
        str | None, typer.Option(help="Address of its own key (0x); else one is hosted here.")
    ] = None,
    key_mode: Annotated[KeyChoice, typer.Option(help="Where its own key is.")] = KeyChoice.OWN,
    region: Annotated[
        str, typer.Option(help="Its territory, two digits of GB/T 2260 each; commas between.")
    ] = "",
    market: Annotated[
        list[int] | None, typer.Option(help="Restricted market it may hold; repeat for several.")
    ] = None,
    key: Idempotency = None,
    wait: Wait = True,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Register a party on the ledger, signed by the admin's key."""
    if (gln is None) != assigned:
        raise Rejected("BAD_OPTION", "Give either --gln or --assigned.")
    new = parties.NewParty(
        party=party(gln) if gln is not None else 0,
        name_en=name_en,
        name_zh=name_zh,
        roles=_roles(role),
        account=_address(account) if account is not None else None,
        key_mode=KeyMode[key_mode.name] if account is not None else KeyMode.HOSTED,
        markets=market or [],
        prefix=prefix,
        regions=[_region(text) for text in region.split(",") if text.strip()],
    )
    where, key = site(data), idempotency(key)
    number, submission = parties.register(where, new, key)
    show({"party": party_text(number), **outcome(where, submission, key, wait)}, as_json)


@app.command(name="list")
def listing(data: Data = None, as_json: Json = False) -> None:
    """List the registered parties, by number."""
    rows = [_row(known, profile) for known, profile in parties.listing(site(data))]
    if as_json:
        print(json.dumps({"parties": rows}, ensure_ascii=False))
        return
    for row in rows:
        names = f"{row['name_en']} {row['name_zh']}"
        print(f"{row['party']}  {','.join(row['roles'])}  {row['key_mode']}  {names}")


def _row(known: ChainParty, profile: Profile | None) -> dict[str, Any]:
    markets = int.from_bytes(known.markets, "big")
    return {
        "party": party_text(known.id),
        "name_en": profile.name_en if profile else "",
        "name_zh": profile.name_zh if profile else "",
        "roles": [name for name, role in parties.ROLES.items() if known.roles & role],
        "key_mode": KeyMode(known.key_mode).name.lower(),
        "account": "0x" + known.account.hex(),
        "prefix": f"{known.prefix:0{known.prefix_length}d}" if known.prefix_length else "",
        "markets": [market for market in range(1, 256) if markets >> market & 1],
        "regions": profile.regions if profile else [],
        "era": known.era,
    }


def _roles(text: str) -> int:
    roles = 0
    for name in text.split(","):
        if name.strip() not in parties.ROLES:
            raise Rejected("BAD_PARTY", f"'{name}' is no role: use {', '.join(parties.ROLES)}.")
        roles |= parties.ROLES[name.strip()]
    return roles


def _address(text: str) -> bytes:
    try:
        address = bytes.fromhex(text.removeprefix("0x"))
    except ValueError:
        address = b""
    if len(address) != 20:
        raise Rejected("BAD_ADDRESS", f"'{text}' is not an address: give 40 hex digits.")
    return address


def _region(text: str) -> int:
    if not text.strip().isdecimal():
        raise Rejected("BAD_PARTY", f"'{text}' is no region: give two digits of GB/T 2260, as 31.")
    return int(text)
