"""Builds the vectors of validator changes from test keys: python -m tests.chain.build_qbft_changes.

The keys are bytes([n]) * 32, the chain is made by hand, no client was run. Frozen since: a checker
in any language must give each vector's verdict.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from coincurve import PrivateKey

from ledger.chain.header import Header, Vote

from .synthetic import Chain, address, hexes, keys, seal, with_seals

OUT = Path(__file__).parents[1] / "vectors" / "qbft-changes" / "changes.json"
EPOCH = 10
FOUR, FIVE, THREE = keys(1, 2, 3, 4), keys(1, 2, 3, 4, 5), keys(1, 2, 3)
A, B, C, D = FOUR
ADD_FIFTH = Vote(next(a for a in map(address, FIVE) if a not in map(address, FOUR)), True)
DROP_FOURTH = Vote(next(a for a in map(address, FOUR) if a not in map(address, THREE)), False)
FIFTH = next(k for k in FIVE if address(k) == ADD_FIFTH.address)
FOURTH = next(k for k in FOUR if address(k) == DROP_FOURTH.address)
STAY = [k for k in FOUR if k is not FOURTH]

Ballot = tuple[PrivateKey, Vote | None]


def chain(start: int, validators: list[PrivateKey] = FOUR) -> Chain:
    """Return a chain whose next block is `start`."""
    made = Chain(validators)
    while len(made.headers) < start:
        made.add()
    return made


def vote(made: Chain, *ballots: Ballot, **sealing: Any) -> list[Header]:
    """Add a block for each (proposer, vote) and return those that carry a vote."""
    blocks = [made.add(proposer=who, vote=ballot, **sealing) for who, ballot in ballots]
    return [block for block in blocks if block.extra.vote is not None]


def install(made: Chain, validators: list[PrivateKey], **sealing: Any) -> Header:
    """Add the first block of a new set."""
    made.validators = validators
    return made.add(**sealing)


def case(
    name: str,
    says: str,
    changes: Sequence[tuple[Sequence[Header], Header]],
    code: str | None = None,
    trusted: Sequence[PrivateKey] = FOUR,
) -> dict[str, Any]:
    """Return one vector; code None: proved."""
    return {
        "id": name,
        "says": says,
        "validators": hexes([address(k) for k in trusted]),
        "epoch_length": EPOCH,
        "changes": [
            {
                "votes": hexes([header.encode() for header in votes]),
                "first": "0x" + first.encode().hex(),
            }
            for votes, first in changes
        ],
        "valid": code is None,
        "code": code,
        "result": hexes(changes[-1][1].extra.validators) if code is None else None,
    }


def proved() -> list[dict[str, Any]]:
    """Changes that hold."""
    found = []
    made = chain(1)
    votes = vote(made, (A, ADD_FIFTH), (B, None), (C, ADD_FIFTH), (D, ADD_FIFTH))
    first = install(made, FIVE)
    found.append(case("4-to-5", "three of four vote for a fifth", [(votes, first)]))

    made = chain(1)
    votes = vote(made, *[(k, DROP_FOURTH) for k in STAY])
    found.append(case("4-to-3", "three of four vote one out", [(votes, install(made, STAY))]))

    made = chain(1)
    votes = vote(made, *[(k, DROP_FOURTH) for k in (FOURTH, *STAY[:2])])
    says = "the one who leaves votes for it too"
    found.append(case("4-to-3-own-vote", says, [(votes, install(made, STAY))]))

    made = chain(1)
    against = Vote(ADD_FIFTH.address, False)
    votes = vote(made, (A, ADD_FIFTH), (A, against), (B, ADD_FIFTH), (C, ADD_FIFTH), (D, ADD_FIFTH))
    says = "one withdraws, three others remain"
    found.append(case("withdrawn-but-enough", says, [(votes, install(made, FIVE))]))

    made = chain(1)
    votes = vote(made, (A, against), (A, ADD_FIFTH), (B, ADD_FIFTH), (C, ADD_FIFTH))
    says = "one changes its mind in favour: the later vote counts"
    found.append(case("later-vote-replaces", says, [(votes, install(made, FIVE))]))

    made = chain(EPOCH - 3)
    votes = vote(made, *[(k, ADD_FIFTH) for k in (A, B, C)])
    says = "the first block of the new set is an epoch block"
    found.append(case("first-is-epoch-block", says, [(votes, install(made, FIVE))]))

    made = chain(1, keys(1))
    votes = vote(made, (key_of(made), Vote(address(keys(2)[0]), True)))
    first = install(made, keys(1, 2))
    found.append(
        case("1-to-2", "a lone operator takes a partner in", [(votes, first)], None, keys(1))
    )

    made = chain(1)
    drop = vote(made, (STAY[0], ADD_FIFTH), *[(k, DROP_FOURTH) for k in STAY])
    second = install(made, STAY)
    later = vote(made, (STAY[1], ADD_FIFTH))
    third = install(made, keys_with(STAY, FIFTH))
    says = "two changes in one epoch; a vote cast before the first counts for the second"
    found.append(case("two-changes", says, [(drop[1:], second), ([drop[0], *later], third)]))

    made = chain(1)
    votes = vote(made, *[(k, ADD_FIFTH) for k in (A, B, C)], round_=2)
    says = "votes and the new set are sealed at later rounds"
    found.append(case("later-rounds", says, [(votes, install(made, FIVE, round_=1))]))
    return found


def refused() -> list[dict[str, Any]]:
    """Changes that do not hold, one fault each."""
    found = []
    made = chain(1)
    votes = vote(made, (A, ADD_FIFTH), (B, ADD_FIFTH))
    first = install(made, FIVE)
    says = "two of four are not more than half"
    found.append(case("half", says, [(votes, first)], "NOT_ENOUGH_VOTES"))

    made = chain(1)
    votes = vote(made, (A, ADD_FIFTH), (B, ADD_FIFTH), (A, ADD_FIFTH))
    says = "one proposer votes twice"
    found.append(case("same-proposer", says, [(votes, install(made, FIVE))], "NOT_ENOUGH_VOTES"))

    made = chain(1)
    against = Vote(ADD_FIFTH.address, False)
    votes = vote(made, (A, ADD_FIFTH), (B, ADD_FIFTH), (A, against), (C, ADD_FIFTH))
    says = "of three votes one is withdrawn"
    found.append(case("withdrawn", says, [(votes, install(made, FIVE))], "NOT_ENOUGH_VOTES"))

    made = chain(1)
    votes = vote(made, *[(k, against) for k in (A, B, C)])
    says = "votes to drop do not add"
    found.append(case("wrong-direction", says, [(votes, install(made, FIVE))], "NOT_ENOUGH_VOTES"))

    made = chain(1)
    votes = vote(made, *[(k, DROP_FOURTH) for k in (A, B, C)])
    says = "votes on another address"
    found.append(case("other-address", says, [(votes, install(made, FIVE))], "NOT_ENOUGH_VOTES"))

    made = chain(EPOCH - 2)
    votes = vote(made, (A, ADD_FIFTH), (B, ADD_FIFTH), (D, None), (C, ADD_FIFTH))
    says = "an epoch block lies between the votes"
    found.append(case("epoch-between", says, [(votes, install(made, FIVE))], "BAD_EVIDENCE"))

    made = chain(EPOCH)
    votes = vote(made, *[(k, ADD_FIFTH) for k in (A, B, C)])
    says = "the vote in an epoch block itself does not count"
    found.append(case("vote-in-epoch-block", says, [(votes, install(made, FIVE))], "BAD_EVIDENCE"))

    made = chain(1)
    votes = vote(made, *[(k, ADD_FIFTH) for k in (A, B, C)])
    made.add()
    says = "the first block is not the child of the last vote"
    found.append(case("gap", says, [(votes, install(made, FIVE))], "BAD_EVIDENCE"))

    made = chain(1)
    votes = vote(made, *[(k, ADD_FIFTH) for k in (A, B, C)])
    first = install(made, FIVE)
    out_of_order = [votes[1], votes[0], votes[2]]
    found.append(case("order", "votes out of order", [(out_of_order, first)], "BAD_EVIDENCE"))
    twice = [votes[0], votes[0], votes[2]]
    found.append(case("vote-twice", "one header given twice", [(twice, first)], "BAD_EVIDENCE"))
    found.append(case("no-votes", "no evidence at all", [([], first)], "BAD_EVIDENCE"))
    orphan = seal(replace(first, parent_hash=bytes(32)), FIVE[:4])
    says = "the first block names another parent"
    found.append(case("other-parent", says, [(votes, orphan)], "BAD_EVIDENCE"))
    weak = seal(first, FIVE[:3])
    says = "the new set's quorum is four, three sealed"
    found.append(case("new-set-short", says, [(votes, weak)], "NOT_ENOUGH_SEALS"))
    short = [*votes[:2], seal(votes[2], FOUR[:2])]
    says = "a vote whose header lacks a quorum"
    found.append(case("vote-short", says, [(short, first)], "NOT_ENOUGH_SEALS"))
    altered = replace(first, state_root=bytes(32))
    says = "the first block was altered after it was sealed"
    found.append(case("altered", says, [(votes, altered)], "SEAL_NOT_FROM_VALIDATOR"))
    same = with_seals(first, [first.extra.seals[0]] * 4)
    found.append(case("seal-twice", "one seal four times", [(votes, same)], "DUPLICATE_SEAL"))

    made = chain(1)
    votes = vote(made, *[(k, ADD_FIFTH) for k in (A, B, C)])
    first = install(made, keys(1, 2, 3, 4, 5, 6))
    found.append(case("two-at-once", "two join in one block", [(votes, first)], "BAD_CHANGE"))

    made = chain(1)
    votes = vote(made, *[(k, ADD_FIFTH) for k in (A, B, C)])
    first = made.add()
    found.append(case("no-change", "the set stays as it is", [(votes, first)], "BAD_CHANGE"))

    made = chain(1)
    outsider = keys(7)[0]
    votes = vote(made, *[(k, ADD_FIFTH) for k in (A, B, outsider)])
    says = "an outsider proposes the third vote"
    found.append(case("outsider-votes", says, [(votes, install(made, FIVE))], "BAD_PROPOSER"))

    made = chain(1)
    outsiders = keys(6, 7, 8)
    votes = vote(made, *[(k, ADD_FIFTH) for k in (A, B, C)], signers=outsiders)
    first = install(made, FIVE, signers=[FIFTH, *outsiders])
    says = "outsiders seal votes in the names of validators and appoint themselves"
    found.append(case("self-appointed", says, [(votes, first)], "SEAL_NOT_FROM_VALIDATOR"))

    made = chain(1, keys(6, 7, 8, 9))
    votes = vote(made, *[(k, ADD_FIFTH) for k in made.validators[:3]])
    first = install(made, FIVE, signers=[*made.validators[:3], FIFTH])
    says = "another set votes a member into this one"
    found.append(case("another-set", says, [(votes, first)], "VALIDATORS_DIFFER"))

    made = chain(1)
    drop = vote(made, *[(k, DROP_FOURTH) for k in STAY])
    first = install(made, STAY)
    back = vote(made, *[(k, Vote(DROP_FOURTH.address, True)) for k in STAY[:2]])
    second = install(made, FOUR)
    again = vote(made, (STAY[2], DROP_FOURTH))
    third = install(made, STAY)
    says = "votes that an earlier decision has used up"
    changes = [(drop, first), (back, second), ([*drop[:2], *again], third)]
    found.append(case("used-up", says, changes, "NOT_ENOUGH_VOTES"))

    made = chain(1)
    other = Vote(address(keys(6)[0]), True)
    votes = vote(made, *[(k, other) for k in (A, B, C)])
    says = "votes to add somebody else"
    found.append(case("other-joins", says, [(votes, install(made, FIVE))], "NOT_ENOUGH_VOTES"))

    made = chain(1)
    votes = vote(made, *[(k, ADD_FIFTH) for k in (A, B, C)])
    made.validators = FIVE
    skipped = seal(replace(made.draft(), number=len(made.headers) + 1), FIVE[:4])
    says = "the first block names the last vote as its parent but skips a number"
    found.append(case("number-skipped", says, [(votes, skipped)], "BAD_EVIDENCE"))

    made = chain(1)
    early = vote(made, (FOURTH, ADD_FIFTH))
    drop = vote(made, *[(k, DROP_FOURTH) for k in STAY])
    first = install(made, STAY)
    back = vote(made, *[(k, Vote(DROP_FOURTH.address, True)) for k in STAY[:2]])
    second = install(made, FOUR, proposer=STAY[0], vote=ADD_FIFTH)
    late = vote(made, (STAY[1], ADD_FIFTH))
    third = install(made, FIVE)
    says = "the vote of one who has left and come back since"
    changes = [(drop, first), (back, second), ([*early, second, *late], third)]
    found.append(case("voter-left", says, changes, "NOT_ENOUGH_VOTES"))

    made, fork = chain(1), chain(1)
    drop = vote(made, *[(k, DROP_FOURTH) for k in STAY])
    first = install(made, STAY)
    votes = vote(fork, *[(k, ADD_FIFTH) for k in STAY])
    rival = install(fork, keys_with(STAY, FIFTH))
    says = "a second change whose votes are older than the first change"
    changes = [(drop, first), (votes, rival)]
    found.append(case("older-change", says, changes, "BAD_EVIDENCE"))
    return found


def key_of(made: Chain) -> PrivateKey:
    """Return the only validator's key."""
    return made.validators[0]


def keys_with(members: Sequence[PrivateKey], other: PrivateKey) -> list[PrivateKey]:
    """Return the keys of a set with one more member, in extraData's order."""
    return sorted([*members, other], key=address)


def build() -> str:
    """Return the file's text."""
    return json.dumps({"vectors": proved() + refused()}, indent=1) + "\n"


if __name__ == "__main__":
    OUT.write_text(build())
