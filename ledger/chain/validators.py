"""Who may seal which block: changes of the validator set, proved by the votes in sealed headers.

A set S becomes S′ = S ± one address when more than half of S have voted for it in one epoch; the
next block is the first to list S′ and is sealed by a quorum of S′. A later vote of the same
proposer on that address replaces the earlier one, and an epoch block (number divisible by the
epoch's length) forgets all votes, its own included. Source: FORMATS "Headers"; Besu's VoteTally.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from ledger.chain.header import Header, check_seals
from ledger.errors import Rejected

EPOCH_LENGTH = 30_000  # blocks, the usual value in a genesis file


@dataclass(frozen=True)
class Change:
    """The evidence of one change: the headers that voted for it, and the first that lists it.

    votes: in rising order; the last is the parent of `first`, since the decisive vote takes effect
    in the next block.
    """

    votes: tuple[Header, ...]
    first: Header


@dataclass(frozen=True)
class Reign:
    """A validator set and the number of the first block that it seals."""

    since: int
    validators: frozenset[bytes]


@dataclass(frozen=True)
class Succession:
    """The validator sets known to a checker, oldest first; the first one is the one it trusts."""

    reigns: tuple[Reign, ...]

    @classmethod
    def start(cls, validators: Iterable[bytes], since: int = 0) -> Succession:
        """Return the succession of a checker that trusts `validators` from block `since` on."""
        return cls((Reign(since, frozenset(validators)),))

    @property
    def latest(self) -> frozenset[bytes]:
        """The set that seals the newest blocks."""
        return self.reigns[-1].validators

    def at(self, number: int) -> frozenset[bytes]:
        """Return the set that seals block `number`; Rejected(VALIDATORS_UNKNOWN) if it is older."""
        for reign in reversed(self.reigns):
            if reign.since <= number:
                return reign.validators
        raise Rejected(
            "VALIDATORS_UNKNOWN",
            f"Who sealed block {number} is not known: take a trust file from before it.",
        )

    def check(self, header: Header) -> frozenset[bytes]:
        """Return the signers of a header sealed by a quorum of the set of its height.

        Raises Rejected as check_seals does, or VALIDATORS_UNKNOWN.
        """
        return check_seals(header, self.at(header.number))

    def extend(self, change: Change, epoch_length: int = EPOCH_LENGTH) -> Succession:
        """Return the succession after a change that its evidence proves.

        Every header of the evidence is checked against the set of its height, so a vote cast under
        the set before an earlier change of the same epoch counts, as it does for the validators.
        Raises Rejected: BAD_CHANGE (not one address), BAD_EVIDENCE (order, epoch, parent),
        NOT_ENOUGH_VOTES, or what check_seals found in one of the headers.
        """
        first = change.first
        listed = frozenset(first.extra.validators)
        subject = changed_address(self.latest, listed)
        self._check_order(change, epoch_length)
        for header in change.votes:
            self.check(header)
        check_seals(first, listed)
        latest_votes = count_votes(change.votes, subject, subject in listed)
        voters = [v for v, since in latest_votes.items() if self._counts(v, subject, since)]
        if 2 * len(voters) <= len(self.latest):
            raise Rejected(
                "NOT_ENOUGH_VOTES",
                f"Block {first.number} changes the validators, but {len(voters)} of "
                f"{len(self.latest)} voted for it and more than half are needed.",
            )
        return Succession((*self.reigns, Reign(first.number, listed)))

    def _check_order(self, change: Change, epoch_length: int) -> None:
        numbers = [header.number for header in change.votes]
        if not numbers or any(a >= b for a, b in pairwise(numbers)):
            raise _bad_evidence(change, "its votes are none, or not in rising order")
        last = change.votes[-1]
        if last.number + 1 != change.first.number or last.hash != change.first.parent_hash:
            raise _bad_evidence(change, "the last vote is not in the parent of the block")
        epoch, place = divmod(numbers[0], epoch_length)
        if place == 0 or epoch != last.number // epoch_length:
            raise _bad_evidence(change, "its votes are of more than one epoch")
        if last.number < self.reigns[-1].since:
            raise _bad_evidence(change, "it is older than a change that is known already")

    def _counts(self, voter: bytes, subject: bytes, since: int) -> bool:
        """Whether no change after block `since` has wiped the voter's vote on `subject`.

        A decision on the subject wipes the votes on it, and leaving the set wipes one's own.
        """
        sets = [reign.validators for reign in self.reigns if reign.since > since]
        return all(
            voter in validators and (subject in validators) == (subject in self.latest)
            for validators in [self.at(since), *sets]
        )


def changed_address(old: frozenset[bytes], new: frozenset[bytes]) -> bytes:
    """Return the one address by which two sets differ; Rejected(BAD_CHANGE) if it is not one."""
    if len(old ^ new) != 1 or not new:
        raise Rejected(
            "BAD_CHANGE",
            f"The validator set changes by {len(old ^ new)} addresses at once: each change needs "
            "its own evidence.",
        )
    return next(iter(old ^ new))


def count_votes(headers: Sequence[Header], subject: bytes, add: bool) -> dict[bytes, int]:
    """Return the proposers whose last vote on `subject` is `add`, with the number of that block.

    headers: in rising order.
    """
    votes: dict[bytes, tuple[bool, int]] = {}
    for header in headers:
        vote = header.extra.vote
        if vote is not None and vote.address == subject:
            votes[header.coinbase] = (vote.add, header.number)
    return {proposer: number for proposer, (voted, number) in votes.items() if voted == add}


def _bad_evidence(change: Change, what: str) -> Rejected:
    return Rejected(
        "BAD_EVIDENCE",
        f"The change of validators at block {change.first.number} is not proved: {what}.",
    )
