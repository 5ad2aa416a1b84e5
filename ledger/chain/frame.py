"""What every proof file begins with: which ledger, a sealed header, and storage proved under it.

Whatever else a file says is believed as far as it follows from this. Source: FORMATS "Proof
bundle".
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ledger.chain.header import Header
from ledger.chain.strict_json import Node, load
from ledger.chain.trust import Trust
from ledger.chain.validators import Change, Succession
from ledger.domain.jcs import canonical
from ledger.domain.keccak import keccak
from ledger.errors import Rejected

MEMBERS = ("chain_id", "contract", "layout", "headers", "account_proof", "storage")
CLOCK_DRIFT_S = 15  # by which a block may be ahead of the checker's clock and still be fresh

_PROOF_NODES = 70  # a path has at most 64 nibbles
_SLOTS = 1024
_MAX_BYTES = 64 << 20  # of the largest kind of file


@dataclass(frozen=True)
class Frame:
    """contract: 20 bytes. settled: the newest header. changes: of validators, oldest first.

    account_proof: nodes down to the contract's account. storage: slot -> nodes down to its word.
    """

    chain_id: int
    contract: bytes
    layout: list[Any]
    settled: Header
    changes: tuple[Change, ...]
    account_proof: tuple[bytes, ...]
    storage: Mapping[int, tuple[bytes, ...]]


@dataclass(frozen=True)
class Standing:
    """How an authentic file stands: true as of block `number`, sealed at `time` (unix seconds).

    age_s: from then to the time asked for. sealed_by: how many of the `validators` sealed the
    block; witnesses: how many others vouch for it.
    """

    number: int
    time: int
    age_s: int
    fresh: bool
    sealed_by: int
    validators: int
    witnesses: int

    @property
    def exit_status(self) -> int:
        """0 authentic and fresh, 3 authentic but stale."""
        return 0 if self.fresh else 3

    @property
    def operator_alone(self) -> bool:
        """Whether one key sealed it and nobody else vouches, so that it could be made up."""
        return self.validators == 1 and self.witnesses == 0


def read_frame(part: Mapping[str, Node]) -> Frame:
    """Return the frame among a file's members. Raises Rejected as Node and Header.decode do."""
    headers = part["headers"].members(("settled", "changes"))
    return Frame(
        chain_id=part["chain_id"].uint(),
        contract=part["contract"].data(20),
        layout=[row.value for row in part["layout"].items(64)],
        settled=Header.decode(headers["settled"].data()),
        changes=read_changes(headers["changes"]),
        account_proof=_nodes(part["account_proof"]),
        storage={
            int.from_bytes(slot.data(32), "big"): _nodes(proof)
            for slot, proof in part["storage"].entries(_SLOTS)
        },
    )


def read_headers(data: bytes) -> dict[str, Any]:
    """Return the JSON of `settled` and `changes` in a proof file of any kind; nothing else of it is
    read. Raises Rejected as strict_json, Node and Header.decode do."""
    whole = load(data, _MAX_BYTES).value
    node = Node(whole.get("headers") if isinstance(whole, dict) else None, "headers")
    part = node.members(("settled", "changes"))
    Header.decode(part["settled"].data())
    read_changes(part["changes"])
    return {name: each.value for name, each in part.items()}


def changes_in(data: bytes, trust: Trust) -> Sequence[Change]:
    """Return the changes since a trust file that a proof file of any kind carries, unproved.

    Raises as `read_headers`.
    """
    return _since(trust, read_changes(Node(read_headers(data)["changes"], "headers.changes")))


def read_changes(node: Node) -> tuple[Change, ...]:
    """Return changes of validators, oldest first. Raises Rejected as Node and Header.decode do."""
    return tuple(_change(change) for change in node.items(255))


def check_frame(frame: Frame, trust: Trust, at: int) -> Standing:
    """Return how a file with this frame stands, seen from `at` (unix seconds).

    That its proofs hold under the header is for whoever reads them. Raises Rejected WRONG_CHAIN,
    WRONG_CONTRACT, WRONG_LAYOUT, and as `Succession`.
    """
    if frame.chain_id != trust.chain_id:
        raise Rejected("WRONG_CHAIN", "The file is of another chain than the trust file.")
    if frame.contract != trust.contract:
        raise Rejected("WRONG_CONTRACT", "The file is of another contract than the trust file.")
    if keccak(canonical(frame.layout)) != trust.layout_hash:
        raise Rejected("WRONG_LAYOUT", "The file's storage layout is not the trusted one.")
    settled = frame.settled
    known = succession(trust, frame.changes)
    age = at - settled.timestamp
    return Standing(
        number=settled.number,
        time=settled.timestamp,
        age_s=age,
        fresh=-CLOCK_DRIFT_S <= age <= trust.max_age_s,
        sealed_by=len(known.check(settled)),
        validators=len(known.at(settled.number)),
        witnesses=0,  # no format carries any yet
    )


def succession(trust: Trust, changes: Sequence[Change]) -> Succession:
    """Return the sets of validators that follow from a trust file and proved changes.

    Raises Rejected as `Succession.extend`.
    """
    known = Succession.start(trust.validators)
    for change in _since(trust, changes):
        known = known.extend(change, trust.epoch_length)
    return known


def _since(trust: Trust, changes: Sequence[Change]) -> Sequence[Change]:
    """Return the changes after the newest that leads to the set which a trust file names: a proof
    may carry some that the file knows of already."""
    rest = changes
    for place, change in enumerate(changes, 1):
        if frozenset(change.first.extra.validators) == trust.validators:
            rest = changes[place:]
    return rest


def _change(node: Node) -> Change:
    part = node.members(("votes", "first"))
    votes = tuple(Header.decode(vote.data()) for vote in part["votes"].items(255))
    return Change(votes, Header.decode(part["first"].data()))


def _nodes(node: Node) -> tuple[bytes, ...]:
    return tuple(item.data() for item in node.items(_PROOF_NODES))
