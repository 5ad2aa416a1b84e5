"""What is to be done, before anyone has signed it: a verb on one unit or several, or a group."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ledger.chain.message import NOTHING, Parts, Shown
from ledger.domain import jcs
from ledger.domain.typed_json import to_json
from ledger.domain.verbs import Verb
from ledger.services import capture


@dataclass(frozen=True)
class Order:
    """What is to be done, before anyone has signed it.

    identity: of the subject. document: its EPCIS document, whose hash becomes args["eventHash"].
    key: idempotency key. brand: whose goods, 0 for none. deadline_s: seconds the signature is good.
    worked_out: arguments that follow from when it is asked, not from what is asked. then: verbs of
    the actor that follow on the same unit, under the same signature, all or nothing. skip_stale: of
    a list, units that move before it lands are skipped, and the others go.
    """

    verb: Verb
    actor: int
    identity: bytes | int
    args: Mapping[str, Any]
    key: str
    brand: int = 0
    document: Mapping[str, Any] | None = None
    shown: Shown = NOTHING
    deadline_s: int = capture.CUSTODY_DEADLINE_S
    worked_out: tuple[str, ...] = ()
    then: tuple[Order, ...] = ()
    skip_stale: bool = False

    def asked(self, units: Sequence[bytes] = ()) -> bytes:
        """What tells it from any other request under its key; units: of a list."""
        args = {name: value for name, value in self.args.items() if name not in self.worked_out}
        what = {"actor": self.actor, "identity": self.identity, "args": args, "units": units}
        if self.then:
            what["then"] = [one.asked() for one in self.then]
        if units and self.skip_stale:
            what["skip_stale"] = True
        return capture.asked_of(self.verb, what)

    def to_json(self, units: Sequence[bytes] = ()) -> dict[str, Any]:
        """What is needed to sign it again over newer heads."""
        kept: dict[str, Any] = to_json(
            {
                "identity": self.identity,
                "args": self.signed_args(),
                "shown": self.shown.to_json(),
                "units": units,
                "deadline_s": self.deadline_s,
                "then": [
                    {
                        "verb": int(one.verb),
                        "args": one.signed_args(),
                        "shown": one.shown.to_json(),
                    }
                    for one in self.then
                ],
            }
        )
        return kept

    def group(self) -> tuple[Order, ...]:
        """Its own verb and those that follow it."""
        return (self, *self.then)

    def parts(self) -> Parts:
        """The same, as a group's message has them."""
        return [
            (one.verb, one.signed_args(), one.shown.proofs, one.shown.origins)
            for one in self.group()
        ]

    def signed_args(self) -> dict[str, Any]:
        """The arguments with the document's hash in them."""
        hashed = {"eventHash": jcs.event_hash(self.document)} if self.document else {}
        return {**self.args, **hashed}
