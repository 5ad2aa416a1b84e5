"""What the ledger says of parties, their keys and devices, of itself, and of relaying."""

from __future__ import annotations

from typing import Any

from ledger.chain.events import Seen
from ledger.db.chain_states import ChainDelegate, ChainPrefix, ChainRegistry
from ledger.db.models import ChainAnchor, ChainEpoch, ChainFailure, ChainParty, ChainSkip
from ledger.domain.verbs import DEVICE, SIGNINGS
from ledger.services.following.chain_rows import ChainRows
from ledger.services.following.project_rows import Handler, event_of, need, touch_party

ACTIVE = 1
REGISTRY = 1  # the one row's key


def _party_registered(rows: ChainRows, seen: Seen, head: bytes) -> None:
    args = seen.fields["args"]
    rows.add(
        ChainParty(
            id=args["party"],
            account=args["account"],
            key_mode=args["keyMode"],
            roles=args["roles"],
            markets=args["markets"].to_bytes(32, "big"),
            status=ACTIVE,
            era=0,
            seq=1,
            head=head,
            ruled_seq=1,
            ruled=head,
        )
    )
    _add_prefix(rows, args)


def _add_prefix(rows: ChainRows, args: dict[str, Any]) -> None:
    if args["prefixLength"]:
        rows.add(
            ChainPrefix(length=args["prefixLength"], prefix=args["prefix"], party=args["party"])
        )


def _ruled(rows: ChainRows, seen: Seen, head: bytes) -> ChainParty:
    party = touch_party(rows, seen, head)
    party.ruled_seq, party.ruled = party.seq, party.head
    return party


def _party_updated(rows: ChainRows, seen: Seen, head: bytes) -> None:
    party, args = _ruled(rows, seen, head), seen.fields["args"]
    party.roles, party.markets = args["roles"], args["markets"].to_bytes(32, "big")
    _add_prefix(rows, args)


def _party_status_set(rows: ChainRows, seen: Seen, head: bytes) -> None:
    _ruled(rows, seen, head).status = seen.fields["args"]["status"]


def _account_rotated(rows: ChainRows, seen: Seen, head: bytes) -> None:
    party, args = _ruled(rows, seen, head), seen.fields["args"]
    party.account, party.key_mode = args["account"], args["keyMode"]
    party.era += 1


def _delegated(rows: ChainRows, seen: Seen, head: bytes) -> None:
    party, args = touch_party(rows, seen, head), seen.fields["args"]
    device = rows.get(ChainDelegate, (party.id, party.account, args["key"]))
    if device is None:
        device = ChainDelegate(party=party.id, account=party.account, key=args["key"])
        rows.add(device)
    device.key_mode, device.verbs = args["keyMode"], args["verbs"].to_bytes(16, "big")
    device.expiry, device.left = args["expiry"], args["limit"]
    device.era = args["deviceEra"] + 1


def spend(rows: ChainRows, seen: Seen) -> None:
    """Count a verb that a party's device has signed."""
    event = event_of(seen)
    if event.key_mode < DEVICE or event.verb not in SIGNINGS:
        return  # what a pack or an unpack records on a child is no verb of its own
    party = need(rows.get(ChainParty, event.actor), seen)
    need(rows.get(ChainDelegate, (party.id, party.account, event.signer)), seen).left -= 1


def _epoch_opened(rows: ChainRows, seen: Seen, head: bytes) -> None:
    party, args = touch_party(rows, seen, head), seen.fields["args"]
    rows.add(ChainEpoch(party=party.id, epoch=args["epoch"], commitment=args["commitment"]))


def _cancelled(rows: ChainRows, seen: Seen, head: bytes) -> None:
    touch_party(rows, seen, head).era += 1


def _touch_registry(rows: ChainRows, seen: Seen, head: bytes) -> ChainRegistry:
    registry = rows.get(ChainRegistry, REGISTRY)
    if registry is None:
        registry = ChainRegistry(id=REGISTRY, era=0, open=1)
        rows.add(registry)
    registry.seq, registry.head = event_of(seen).seq, head
    return registry


def _admins_set(rows: ChainRows, seen: Seen, head: bytes) -> None:
    registry, args = _touch_registry(rows, seen, head), seen.fields["args"]
    registry.era += 1
    registry.threshold = args["threshold"]
    registry.admins = ["0x" + admin.hex() for admin in args["admins"]]


def _ledger_sealed(rows: ChainRows, seen: Seen, head: bytes) -> None:
    registry, args = _touch_registry(rows, seen, head), seen.fields["args"]
    registry.open = 0
    registry.successor_chain, registry.successor = hex(args["chainId"]), args["successor"]


def _scan_log_anchored(rows: ChainRows, seen: Seen, _head: bytes) -> None:
    args = seen.fields["args"]
    rows.add(
        ChainAnchor(
            seq=event_of(seen).seq,
            size=args["size"],
            log_root=args["logRoot"],
            map_root=args["mapRoot"],
            time=event_of(seen).time,
            block=seen.block,
        )
    )


def _skipped(rows: ChainRows, seen: Seen, _head: bytes) -> None:
    rows.add(
        ChainSkip(
            block=seen.block,
            log_index=seen.log_index,
            transaction_hash=seen.transaction_hash,
            unit=seen.fields["unit"],
            actor=seen.fields["actor"],
            signed_head=seen.fields["signedHead"],
        )
    )


def _part_failed(rows: ChainRows, seen: Seen, _head: bytes) -> None:
    rows.add(
        ChainFailure(
            block=seen.block,
            log_index=seen.log_index,
            transaction_hash=seen.transaction_hash,
            part=seen.fields["part"],
            reason=seen.fields["reason"],
        )
    )


HANDLERS: dict[str, Handler] = {
    "PartyRegistered": _party_registered,
    "PartyUpdated": _party_updated,
    "PartyStatusSet": _party_status_set,
    "AccountRotated": _account_rotated,
    "Delegated": _delegated,
    "EpochOpened": _epoch_opened,
    "Cancelled": _cancelled,
    "AdminsSet": _admins_set,
    "LedgerSealed": _ledger_sealed,
    "ScanLogAnchored": _scan_log_anchored,
    "Skipped": _skipped,
    "PartFailed": _part_failed,
}
