"""What every proof file begins with, as of the follower's checkpoint: rows say what to ask for, the
node gives the proofs, and whoever builds a file lets the checker's own rules judge it before it is
handed out."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import Any, TypeVar

import orjson
from sqlalchemy import select
from sqlalchemy.orm import Session

from ledger.chain import artifact
from ledger.chain.reader import fetch_headers
from ledger.chain.rpc import Rpc, answers
from ledger.chain.storage import Layout
from ledger.db.engine import plain_rows
from ledger.db.models import ChainCheckpoint
from ledger.errors import Broken, Rejected, Unavailable
from ledger.services.site import Site

Json = dict[str, Any]
Place = tuple[str, tuple[int | bytes, ...], str]  # label, keys and member of the layout
T = TypeVar("T")

_FOLLOWED = select(ChainCheckpoint.number, ChainCheckpoint.hash, ChainCheckpoint.changes)


def frame(site: Site, session: Session, places: Iterable[Place]) -> Json:
    """Return the frame of a file that proves these places in storage, as JSON values.

    Raises Unavailable LEDGER_BEHIND (nothing followed yet) or what the node raises; Broken
    CHAIN_FORKED, or PROOF_REFUSED where its answer has no form at all.
    """
    followed = plain_rows(session, _FOLLOWED)
    if not followed:
        raise Unavailable("LEDGER_BEHIND", "No block was followed yet: try again in a moment.")
    checkpoint = followed[0]
    settled = _settled(site.rpc, checkpoint.number, checkpoint.hash)
    return {
        "chain_id": site.network.chain_id,
        "contract": site.network.contract,
        "layout": artifact.layout(),
        "headers": {"settled": settled, "changes": checkpoint.changes},
        **_prove(site.rpc, site.network.contract, places, checkpoint.number),
    }


def judged(judge: Callable[[bytes, Layout], T], document: Json) -> T:
    """Return what the checker's rules make of a file. Raises Broken PROOF_REFUSED for a fault: rows
    and node do not agree."""
    try:
        return judge(orjson.dumps(document), artifact.own_layout())
    except Rejected as fault:
        raise _refused(f"{fault.code}: {fault.message}") from None


@lru_cache(maxsize=8)
def _settled(rpc: Rpc, number: int, wanted: bytes) -> str:
    """Return the RLP of a block's header as hex; the same block is asked for once."""
    (header,) = fetch_headers(rpc, range(number, number + 1))
    if header.hash != wanted:
        raise Broken("CHAIN_FORKED", f"The node's block {number} is not the one taken.")
    return "0x" + header.encode().hex()


def _prove(rpc: Rpc, contract: str, places: Iterable[Place], number: int) -> Json:
    """Return `account_proof` and `storage`; what the node answers is checked later."""
    slots = sorted({_slot(place) for place in places})
    asked = [f"0x{slot:064x}" for slot in slots]
    (answer,) = answers(rpc, [("eth_getProof", (contract, asked, hex(number)))])
    try:
        return {
            "account_proof": answer["accountProof"],
            "storage": {
                slot: part["proof"]
                for slot, part in zip(asked, answer["storageProof"], strict=True)
            },
        }
    except (KeyError, TypeError, ValueError):
        raise _refused("its answer has another form") from None


def _slot(place: Place) -> int:
    label, keys, member = place
    found = artifact.own_layout().place(label, *keys)
    return found.slot_of(member) if member else found.slot


def _refused(why: str) -> Broken:
    return Broken(
        "PROOF_REFUSED", f"The node's proofs do not show what was followed ({why}): check the node."
    )
