"""What each event of the contract does to the chain tables: one handler an event.

The contract decides, we only project: a history that does not add up stops the follower instead of
being repaired. The handlers are in `project_parties`, `project_goods` and `project_units`.
"""

from __future__ import annotations

from ledger.chain.events import Seen
from ledger.domain import ids
from ledger.domain.typed_json import to_json
from ledger.errors import Broken
from ledger.services.following import project_goods, project_parties, project_units
from ledger.services.following.chain_rows import ChainRows
from ledger.services.following.project_rows import Handler
from ledger.services.network import Network


def project(rows: ChainRows, network: Network, seen: Seen) -> None:
    """Project one event of the contract. Raises Broken HISTORY_GAP, UNKNOWN_EVENT."""
    handler = HANDLERS.get(seen.name)
    if handler is None:
        raise Broken("UNKNOWN_EVENT", f"The contract emitted '{seen.name}': upgrade Touchstone.")
    rows.add_transaction(seen.transaction_hash, seen.block)
    head = b""
    if seen.event is not None:
        head = _record(rows, network, seen)
        project_parties.spend(rows, seen)
    handler(rows, seen, head)


def _record(rows: ChainRows, network: Network, seen: Seen) -> bytes:
    """Add the event to its subject's history and return the head after it."""
    event = seen.event
    assert event is not None
    subject = event.subject
    if event.seq == 1:
        before: bytes | None = ids.first_head(network.chain_id, network.address, subject)
    else:
        before = rows.head(subject, event.seq - 1)
    if before is None:
        raise Broken(
            "HISTORY_GAP",
            f"Event {event.seq} of a {event.kind} came without event {event.seq - 1}: "
            "run `touchstone rebuild`.",
        )
    head = event.head_after(before)
    identity = event.identity
    rows.add_event(
        block=seen.block,
        log_index=seen.log_index,
        subject=subject,
        kind=event.kind,
        identity=identity if isinstance(identity, bytes) else identity.to_bytes(32, "big"),
        seq=event.seq,
        verb=int(event.verb),
        actor=event.actor,
        counterparty=event.counterparty,
        args=to_json(event.args),
        event_hash=event.event_hash,
        signer=event.signer,
        key_mode=event.key_mode,
        time=event.time,
        transaction_hash=seen.transaction_hash,
        head=head,
    )
    return head


HANDLERS: dict[str, Handler] = {
    **project_parties.HANDLERS,
    **project_goods.HANDLERS,
    **project_units.HANDLERS,
}
