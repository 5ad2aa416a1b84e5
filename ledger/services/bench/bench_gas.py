"""`touchstone bench gas`: what each verb costs, beside what others would move goods with.

Gas of whole transactions, outer cost included. Nothing in it is chance (`bench_gas_ledger`), so a
change of the contract shows in the committed snapshot, contracts/gas.json, to the last unit.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from eth_abi.abi import encode

from ledger.domain.keccak import keccak
from ledger.errors import Rejected
from ledger.services.bench.bench_gas_goods import case_of_items, pallet_of_cases, taken_out
from ledger.services.bench.bench_gas_ledger import BRANDS, GasLedger
from ledger.services.bench.bench_gas_rows import ALONE, LAST, LISTED, ROWS, Row

PART = BRANDS  # verbs in a batch, units in a list
HANDOFF = ("ship", "receiveFrom", "shipList", "receiveList")
HANDOFFS = 4  # in an item's life: factory, distributor, wholesaler, store
LIVES: dict[int, Callable[[GasLedger], Any]] = {
    1: lambda g: case_of_items(g, 1),
    24: lambda g: case_of_items(g, 24),
    480: lambda g: pallet_of_cases(g, 20),
    2_400: lambda g: pallet_of_cases(g, 100),
}
"""Items a unit -> the unit, and who made its children: a case of items, or a pallet of cases."""
PEERS = Path(__file__).resolve().parents[3] / "contracts" / "peers" / "Peers.json"
STEPS = len([*ROWS, *LISTED]) + len(HANDOFF) + 2 + len({*ROWS, *LISTED} - LAST - ALONE - {*HANDOFF})
Figures = dict[str, Any]
Told = Callable[[str], None]


@dataclass(frozen=True)
class Target:
    """What must hold: the figure at `path` is at most `most` gas."""

    path: str
    most: float

    def figure(self, figures: Figures) -> float:
        """Return the figure that was measured."""
        found: Any = figures
        for name in self.path.split("."):
            found = found[name]
        return float(found)


TARGETS = (
    Target("handoff.batched", 45_000),
    Target("handoff.listed", 35_000),
    Target("handoff.item_of_1000", 45),
    Target("verbs.commission.single", 120_000),
    Target("verbs.unpack.single", 150_000),
)


def measure(directory: Path, told: Told = lambda _: None, *, whole: bool = True) -> Figures:
    """Return all figures, in gas. directory: an empty one, for the chain. told: of each step.

    verbs: of one verb in a transaction of its own, and of one of PART in a batch or a list; None
    where there is no such thing. handoff: ship and receiveFrom. lives: of one item, see `life`.
    whole: False leaves out what takes longest, the batches of most verbs and the lives; the rest
    is the same to the last unit.
    Raises Rejected NO_FILE without the peers' code, Broken BENCH_FAILED.
    """
    codes = _peers()
    ledger = GasLedger(directory)

    def single(name: str) -> int:
        told(name)
        return ledger.send(_row(name)(ledger, 1)[0])

    def batched(name: str) -> int:
        told(f"{name}, {PART} at once")
        calls = _row(name)(ledger, PART)
        return round((ledger.send(calls[0]) if name in LISTED else ledger.batch(calls)) / PART)

    try:
        names = [*ROWS, *LISTED]
        verbs: dict[str, Figures] = {n: {"single": single(n)} for n in names if n not in LAST}
        for name in HANDOFF:
            verbs[name]["batched"] = batched(name)
        told("peers")
        figures: Figures = {"verbs": verbs, "handoff": _handoff(verbs), "peers": {}}
        for peer, code in codes.items():
            figures["peers"] |= _peer(ledger, peer, bytes.fromhex(code[2:]))
        if whole:
            for name in (n for n in verbs if n not in HANDOFF):
                verbs[name]["batched"] = None if name in ALONE else batched(name)
            told("lives")
            lives = {str(items): life(ledger, items, figures) for items in LIVES}
            figures["lives"] = lives
            verbs |= {name: {"single": single(name), "batched": None} for name in LAST}
    finally:
        ledger.close()
    return figures


def _row(name: str) -> Row:
    return LISTED[name] if name in LISTED else ROWS[name]


def _handoff(verbs: Mapping[str, Figures]) -> Figures:
    batched = verbs["ship"]["batched"] + verbs["receiveFrom"]["batched"]
    return {
        "single": verbs["ship"]["single"] + verbs["receiveFrom"]["single"],
        "batched": batched,
        "listed": verbs["shipList"]["batched"] + verbs["receiveList"]["batched"],
        "item_of_1000": round(batched / 1_000, 1),
    }


def life(ledger: GasLedger, items: int, figures: Figures) -> Figures:
    """Return the gas of one item's whole life, by its parts, in units of so many items.

    Its batch holds the unit's items alone. It is packed, handed over HANDOFFS times in batches, and
    at the end all that lies in the unit is taken out of it: the items of a case, the cases of a
    pallet.
    """
    unit, origins = LIVES[items](ledger)
    verbs, handoff = figures["verbs"], figures["handoff"]
    places = range(len(origins))
    parts = {
        "commission": verbs["reserveBatch"]["batched"] + verbs["commission"]["batched"],
        "pack": verbs["pack"]["batched"],
        "handoffs": HANDOFFS * handoff["batched"],
        "unpack": ledger.send(taken_out(ledger, unit, places, origins)),
    }
    shares = {name: round(gas / items, 1) for name, gas in parts.items()}
    return {**shares, "item": round(sum(parts.values()) / items, 1)}


def _peers() -> dict[str, str]:
    try:
        found: dict[str, str] = json.loads(PEERS.read_text())
    except OSError as error:
        raise Rejected(
            "NO_FILE", f"{PEERS} cannot be read ({error.strerror}): run this in a checkout."
        ) from None
    return {name.removeprefix("Peer").lower(): code for name, code in found.items()}


def _peer(ledger: GasLedger, name: str, code: bytes) -> dict[str, int]:
    """Return the gas of moving tokens from the shipper to the receiver by another contract: the
    first that the receiver ever gets, the next, and each of PART in one transaction."""
    token = ledger.create(code)
    owner, other = ledger.relay_address, ledger.address_of(ledger.receiver)
    ledger.send(_selector("mint(address,uint256)") + _words(owner, 3 * PART), token)
    many = "safeBatchTransferFrom(address,address,uint256[],uint256[],bytes)"
    one = "safeTransferFrom(address,address,uint256,uint256,bytes)"
    semi = _selector(many) in code  # ERC-1155: kinds of token, each with an amount
    if semi:
        single = [_selector(one) + _amounts(owner, other, n) for n in (0, 1)]
        batch = _selector(many) + _amounts(owner, other, list(range(PART, 2 * PART)))
    else:
        move = _selector("transferFrom(address,address,uint256)")
        single = [move + _words(owner, other, n) for n in (0, 1)]
        ids = list(range(PART, 2 * PART))
        batch = _selector("batchTransferFrom(address,address,uint256[])") + encode(
            ["address", "address", "uint256[]"], ["0x" + owner.hex(), "0x" + other.hex(), ids]
        )
    return {
        f"{name}_new_holder": ledger.send(single[0], token),
        f"{name}_after": ledger.send(single[1], token),
        f"{name}_batched": round(ledger.send(batch, token) / PART),
    }


def _selector(signature: str) -> bytes:
    return keccak(signature.encode())[:4]


def _words(*values: bytes | int) -> bytes:
    return b"".join(
        value.rjust(32, b"\0") if isinstance(value, bytes) else value.to_bytes(32, "big")
        for value in values
    )


def _amounts(owner: bytes, other: bytes, ids: int | list[int]) -> bytes:
    several = isinstance(ids, list)
    kinds = ["uint256[]" if several else "uint256"] * 2
    ones = [1] * len(ids) if isinstance(ids, list) else 1
    values = ["0x" + owner.hex(), "0x" + other.hex(), ids, ones, b""]
    return encode(["address", "address", *kinds, "bytes"], values)
