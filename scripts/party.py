"""`touchstone party`: who takes part, with which role and which key."""

from __future__ import annotations

import json
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from ledger.db.engine import transaction
from ledger.db.models import ChainParty, Profile
from ledger.domain.ids import party_text
from ledger.domain.verbs import KeyMode, Verb
from ledger.errors import Rejected
from ledger.services import parties, ruling, territories
from ledger.services.audit import COMMAND
from ledger.services.order import Order
from ledger.services.site import Site
from scripts.acting import (
    Actor,
    Out,
    Wait,
    address,
    carry_out,
    decide,
    idempotency,
    outcome,
    party,
)
from scripts.common import Data, Idempotency, Json, KeyFile, show, site

app = typer.Typer(no_args_is_help=True, add_completion=False)


Of = Annotated[str, typer.Argument(help="The party: a GLN or an assigned number.")]


class KeyChoice(StrEnum):
    """How a party that is not hosted keeps its key."""

    OWN = "own"
    BROWSER = "browser"


@app.callback()
def group() -> None:
    """Register parties, change what they may, suspend them, and list them."""


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
        str,
        typer.Option(
            help="Its territory: GB/T 2260, two digits (a city 4, county 6) each; commas."
        ),
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
        account=address(account) if account is not None else None,
        key_mode=KeyMode[key_mode.name] if account is not None else KeyMode.HOSTED,
        markets=market or [],
        prefix=prefix,
        regions=_regions(region),
    )
    where, key = site(data), idempotency(key)
    number, submission = parties.register(where, new, key)
    show({"party": party_text(number), **outcome(where, submission, key, wait)}, as_json)


@app.command()
def update(
    of: Of,
    role: Annotated[str | None, typer.Option(help="Its roles from now on; commas between.")] = None,
    market: Annotated[
        list[int] | None, typer.Option(help="Restricted markets it may hold from now on; repeat.")
    ] = None,
    no_market: Annotated[bool, typer.Option("--no-market", help="It may hold none.")] = False,
    prefix: Annotated[str, typer.Option(help="One more prefix of a brand's GTINs.")] = "",
    out: Out = None,
    key: Idempotency = None,
    wait: Wait = True,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Set a party's roles or markets, or add a GTIN prefix; what is not given stays."""
    if market and no_market:
        raise Rejected("BAD_OPTION", "Give either --market or --no-market.")
    number = party(of)

    def ordering(where: Site, key: str) -> Order:
        now = parties.known(where, number)
        roles = now.roles if role is None else _roles(role)
        markets = [] if no_market else market or _markets(now)
        return ruling.order_update(number, roles, markets, prefix, key)

    decide(ordering, out, key, wait, data, as_json)


@app.command()
def territory(
    of: Of,
    region: Annotated[
        str, typer.Option(help="Where its goods may be sold from now on, as at `add`; commas.")
    ] = "",
    anywhere: Annotated[bool, typer.Option("--anywhere", help="It may sell anywhere.")] = False,
    correct: Annotated[
        bool, typer.Option("--correct", help="What was stated until now was a mistake.")
    ] = False,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """State a party's territory anew; goods that it was sent before may be sold as before."""
    if bool(region.strip()) == anywhere:
        raise Rejected("BAD_OPTION", "Give either --region or --anywhere.")
    where = site(data)
    with transaction(where.engine) as session:
        row = territories.put(
            session, where.clock(), COMMAND, party(of), _regions(region), corrects=correct
        )
        told = {"party": party_text(row.party), "regions": row.regions}
    show(told, as_json)


@app.command()
def suspend(
    of: Of,
    out: Out = None,
    key: Idempotency = None,
    wait: Wait = True,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Suspend a party: it changes nothing any more, and nothing is sent to it."""
    _set_status(of, ruling.SUSPENDED, out, key, wait, data, as_json)


@app.command()
def reinstate(
    of: Of,
    out: Out = None,
    key: Idempotency = None,
    wait: Wait = True,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Make a suspended party active again."""
    _set_status(of, ruling.ACTIVE, out, key, wait, data, as_json)


@app.command()
def rotate(
    of: Of,
    account: Annotated[str, typer.Option(help="Address of its new key (0x).")],
    key_mode: Annotated[KeyChoice, typer.Option(help="Where its new key is.")] = KeyChoice.OWN,
    out: Out = None,
    key: Idempotency = None,
    wait: Wait = True,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Give a party another key; what the old one signed and its devices are void, for ever."""
    number, new, mode = party(of), address(account), KeyMode[key_mode.name]
    decide(
        lambda _, key: ruling.order_rotation(number, new, mode, key),
        out,
        key,
        wait,
        data,
        as_json,
    )


@app.command()
def cancel(
    actor: Actor,
    key_file: KeyFile = None,
    key: Idempotency = None,
    wait: Wait = True,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Void all that the party's key has signed and nobody has relayed yet."""
    number = party(actor)
    carry_out(
        lambda _, key: Order(Verb.CANCEL, number, number, {"actor": number}, key),
        key_file,
        key,
        wait,
        data,
        as_json,
    )


@app.command(name="list")
def listing(data: Data = None, as_json: Json = False) -> None:
    """List the registered parties, by number."""
    rows = [_row(*known) for known in parties.listing(site(data))]
    if as_json:
        print(json.dumps({"parties": rows}, ensure_ascii=False))
        return
    for row in rows:
        names = f"{row['name_en']} {row['name_zh']}"
        print(f"{row['party']}  {','.join(row['roles'])}  {row['key_mode']}  {names}")


def _set_status(
    of: str,
    status: int,
    out: Path | None,
    key: str | None,
    wait: bool,
    data: Path | None,
    as_json: bool,
) -> None:
    number = party(of)
    decide(
        lambda _, key: ruling.order_status(number, status, key),
        out,
        key,
        wait,
        data,
        as_json,
    )


def _markets(known: ChainParty) -> list[int]:
    bits = int.from_bytes(known.markets, "big")
    return [market for market in range(1, 256) if bits >> market & 1]


def _row(known: ChainParty, profile: Profile | None, prefixes: list[str]) -> dict[str, Any]:
    return {
        "party": party_text(known.id),
        "name_en": profile.name_en if profile else "",
        "name_zh": profile.name_zh if profile else "",
        "roles": [name for name, role in parties.ROLES.items() if known.roles & role],
        "key_mode": KeyMode(known.key_mode).name.lower(),
        "account": "0x" + known.account.hex(),
        "prefixes": prefixes,
        "markets": _markets(known),
        "suspended": known.status == ruling.SUSPENDED,
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


def _regions(text: str) -> list[int]:
    return [_region(one) for one in text.split(",") if one.strip()]


def _region(text: str) -> int:
    if not text.strip().isdecimal():
        raise Rejected("BAD_PARTY", f"'{text}' is no region: give two digits of GB/T 2260, as 31.")
    return int(text)
