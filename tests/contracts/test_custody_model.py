"""A model of custody in plain Python against the contract, compared after every step.

Three parties pack, unpack, ship, receive, refuse, return, take back, lose, except and cancel over
few units, some of them nested; two are suspended at times, and the brand withdraws what they hold.
The model says what each step must lead to, a refusal by name included; heads are compared by the
harness.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from ledger.domain.keccak import keccak
from ledger.domain.verbs import Verb
from tests.contracts.embedded_ledger import embedded
from tests.contracts.ledger_harness import Chain, Refused
from tests.contracts.world import (
    BRAND,
    DISTRIBUTOR,
    DOCUMENT,
    STORE,
    Tree,
    inner,
    item,
    items,
    named,
    opening,
    origin,
    pack,
    receive,
    ship,
    start,
    suspend,
    undone,
)

PARTIES = (BRAND, DISTRIBUTOR, STORE)
HELD, IN_TRANSIT, INSIDE, LOST = 1, 2, 3, 4


@dataclass
class Unit:
    """What the model knows of a unit that exists."""

    holder: int
    tree: Tree | None  # None for an item
    state: int = HELD
    addressee: int = 0
    parent: bytes | None = None
    gone: int = 0

    @property
    def empty(self) -> bool:
        """Whether all children have left."""
        return self.tree is not None and self.gone == len(self.tree.children)


# Four cases of two items; two pallets that each hold two of the cases and a loose item.
CASES = {named(BRAND, f"case {i}"): (f"case {i}", items(2, f"item of {i}")) for i in range(4)}


def _pallet(number: int) -> Tree:
    names = [f"case {2 * number}", f"case {2 * number + 1}"]
    cases = [inner(i, named(BRAND, n), CASES[named(BRAND, n)][1]) for i, n in enumerate(names)]
    return Tree((*cases, item(2, keccak(f"loose {number}".encode()))))


PALLETS = {named(BRAND, f"pallet {i}"): (f"pallet {i}", _pallet(i)) for i in range(2)}
TREES = CASES | PALLETS
ITEMS = [
    child["child"] for _, tree in TREES.values() for child in tree.children if child["kind"] == 1
]
EVERYTHING = [*TREES, *ITEMS]
CHAIN: list[Chain] = []  # one world for all runs, undone after each

units = st.sampled_from(EVERYTHING)
parents = st.sampled_from(list(TREES))
parties = st.sampled_from(PARTIES)


class Custody(RuleBasedStateMachine):
    """Steps of three parties, right and wrong."""

    @initialize()
    def begin(self) -> None:
        """Start where nothing is packed."""
        self.undo = self.world()
        self.chain = self.undo.__enter__()
        self.model: dict[bytes, Unit] = {}
        self.eras = dict.fromkeys(PARTIES, 0)
        self.suspended: set[int] = set()

    def world(self) -> AbstractContextManager[Chain]:
        """The world to walk in, put back afterwards."""
        if not CHAIN:
            CHAIN.append(start())
        return undone(CHAIN[0])

    def teardown(self) -> None:
        """Put the world back."""
        if hasattr(self, "undo"):
            self.undo.__exit__(None, None, None)

    def step(self, expected: str, verb: Verb, args: object, **options: object) -> None:
        """Carry a verb out and compare how it ends."""
        try:
            self.chain.do(verb, args, **options)
            error = ""
        except Refused as refusal:
            error = refusal.name
        assert error == expected, (verb.name, error, expected)

    def may_move(self, unit: bytes, actor: int) -> str:
        """Say by which name an actor may not move a unit, "" if he may."""
        known = self.model.get(unit)
        if known is None:
            return "UnknownUnit"
        if known.holder != actor:
            return "NotHolder"
        if known.state != HELD:
            return "UnitInside" if known.state == INSIDE else "UnitInTransit"
        return "UnitEmpty" if known.empty else ""

    def may_act(self, actor: int, to: int | None = None) -> str:
        """Say by which name an actor may not act, or send to a party."""
        if actor in self.suspended:
            return "PartyInactive"
        if to == actor:
            return "ToSelf"
        return "PartyInactive" if to in self.suspended else ""

    @rule(unit=parents)
    def pack(self, unit: bytes) -> None:
        """The brand packs, naming those children that have a slot."""
        name, tree = TREES[unit]
        slotted = [c["position"] for c in tree.children if c["child"] in self.model]
        expected = "UnitExists" if unit in self.model else ""
        if not expected:
            refusals = [self.may_move(tree.children[i]["child"], BRAND) for i in slotted]
            expected = next((refusal for refusal in refusals if refusal), "")
        self.step(
            expected, Verb.PACK, pack(BRAND, name, tree, slotted), proofs=tree.proofs(*slotted)
        )
        if not expected:
            self.model[unit] = Unit(BRAND, tree)
            for i in slotted:
                child = self.model[tree.children[i]["child"]]
                child.state, child.parent = INSIDE, unit

    @rule(unit=parents, actor=parties, positions=st.sets(st.integers(0, 1), min_size=1))
    def unpack(self, unit: bytes, actor: int, positions: set[int]) -> None:
        """Somebody takes children out."""
        tree = TREES[unit][1]
        chosen = sorted(positions)
        children = [tree.children[i]["child"] for i in chosen]
        expected = self.may_act(actor) or self.may_move(unit, actor)
        if not expected and self.model[unit].gone + len(chosen) > len(tree.children):
            expected = "BadCount"
        if not expected and any(not self.inside(child, unit) for child in children):
            expected = "NotInside"
        verb, args, proofs, shown = opening(unit, actor, tree, *chosen)
        self.step(expected, verb, args, on=unit, proofs=proofs, origins=shown)
        if not expected:
            self.model[unit].gone += len(chosen)
            for child in children:
                known = self.model.setdefault(
                    child, Unit(actor, TREES[child][1] if child in TREES else None)
                )
                known.holder, known.state, known.parent = actor, HELD, None

    def inside(self, child: bytes, unit: bytes) -> bool:
        """Whether a child is inside: frozen there, or only a leaf so far."""
        known = self.model.get(child)
        return known is None or (known.state == INSIDE and known.parent == unit)

    @rule(unit=units, actor=parties, to=parties, verb=st.sampled_from((Verb.SHIP, Verb.RETURN_TO)))
    def ship(self, unit: bytes, actor: int, to: int, verb: Verb) -> None:
        """Somebody ships or returns to somebody."""
        expected = self.may_act(actor, to) or self.may_move(unit, actor)
        self.step(expected, verb, ship(actor, to), on=unit)
        if not expected:
            known = self.model[unit]
            known.state, known.addressee = IN_TRANSIT, to

    def moving(self, unit: bytes) -> str:
        """Say by which name a unit is not on its way."""
        if unit not in self.model:
            return "UnknownUnit"
        return "" if self.model[unit].state in (IN_TRANSIT, LOST) else "UnitNotInTransit"

    def may_receive(self, unit: bytes, actor: int, sender: int) -> str:
        """Say by which name an actor may not receive a unit from somebody."""
        refusal = self.may_act(actor) or self.moving(unit)
        if refusal:
            return refusal
        if self.model[unit].addressee != actor:
            return "NotAddressee"
        return "" if self.model[unit].holder == sender else "NotFrom"

    def arrived(self, unit: bytes, holder: int) -> None:
        """A unit is held again."""
        known = self.model[unit]
        known.holder, known.addressee, known.state = holder, 0, HELD

    @rule(unit=units, actor=parties, sender=parties)
    def receive(self, unit: bytes, actor: int, sender: int) -> None:
        """Somebody confirms receipt from somebody."""
        expected = self.may_receive(unit, actor, sender)
        self.step(expected, Verb.RECEIVE_FROM, receive(actor, sender), on=unit)
        if not expected:
            self.arrived(unit, actor)

    @rule(unit=units, actor=parties, sender=parties)
    def refuse(self, unit: bytes, actor: int, sender: int) -> None:
        """Somebody refuses receipt."""
        expected = self.may_receive(unit, actor, sender)
        self.step(expected, Verb.REFUSE, receive(actor, sender), on=unit)
        if not expected:
            self.arrived(unit, sender)

    @rule(unit=units, actor=parties, sender=parties, over=st.integers(0, 1))
    def except_(self, unit: bytes, actor: int, sender: int, over: int) -> None:
        """Somebody receives with one missing, if any is there; totals are right or one too high."""
        known = self.model.get(unit)
        inside = len(known.tree.children) - known.gone if known and known.tree else 1
        expected = self.may_receive(unit, actor, sender) or ("TotalsDiffer" if over else "")
        short = min(inside, 1)  # none of a unit that everything was taken out of
        good = inside - short + over
        counts = {"good": good, "damaged": 0, "short": short, "over": 0, "wrong": 0}
        args = {"actor": actor, "from": sender, **counts, "eventHash": DOCUMENT}
        self.step(expected, Verb.REPORT_EXCEPTION, args, on=unit)
        if not expected:
            self.arrived(unit, actor)

    @rule(unit=units, actor=parties, to=parties, lost=st.booleans())
    def take_back(self, unit: bytes, actor: int, to: int, lost: bool) -> None:
        """Somebody takes back what he sent, or says that it is lost."""
        expected = self.may_act(actor) or self.moving(unit)
        if not expected and self.model[unit].holder != actor:
            expected = "NotHolder"
        if not expected and self.model[unit].addressee != to:
            expected = "NotAddressee"
        if not expected and lost and self.model[unit].state == LOST:
            expected = "UnitNotInTransit"
        self.step(expected, Verb.REPORT_LOST if lost else Verb.TAKE_BACK, ship(actor, to), on=unit)
        if not expected and lost:
            self.model[unit].state = LOST
        elif not expected:
            self.arrived(unit, actor)

    @rule(unit=units, sender=parties)
    def withdraw(self, unit: bytes, sender: int) -> None:
        """The brand withdraws a unit, which it made, from somebody."""
        known = self.model.get(unit)
        expected = ""
        if known is None:
            expected = "UnknownUnit"
        elif known.holder != sender:
            expected = "NotFrom"
        elif known.empty:
            expected = "UnitEmpty"
        elif known.state == INSIDE:
            expected = "UnitInside"
        elif sender not in self.suspended:
            expected = "NotSuspended"
        args, shown = receive(BRAND, sender), origin(unit) if unit in TREES else []
        self.step(expected, Verb.WITHDRAW, args, on=unit, proof=shown)
        if not expected:
            self.arrived(unit, BRAND)

    @rule(party=st.sampled_from((DISTRIBUTOR, STORE)))
    def suspend(self, party: int) -> None:
        """A party is suspended, or active again."""
        self.suspended ^= {party}
        suspend(self.chain, party, 2 if party in self.suspended else 1)

    @rule(unit=units)
    def arrive(self, unit: bytes) -> None:
        """What is on its way arrives, so that walks get somewhere."""
        known = self.model.get(unit)
        if known is not None and known.state in (IN_TRANSIT, LOST):
            self.receive(unit, known.addressee, known.holder)

    @rule(actor=parties)
    def cancel(self, actor: int) -> None:
        """A key voids what it signed: nothing of the old era lands."""
        if actor in self.suspended:
            return self.step("PartyInactive", Verb.CANCEL, {"actor": actor})
        args = ship(actor, next(party for party in PARTIES if party != actor))
        unit = next((u for u, known in self.model.items() if known.holder == actor), EVERYTHING[0])
        hoarded = self.chain.call(Verb.SHIP, args, on=unit)
        self.step("", Verb.CANCEL, {"actor": actor})
        self.eras[actor] += 1
        with pytest.raises(Refused) as caught:
            self.chain.send(hoarded)
        assert caught.value.name == "EraCancelled"

    @invariant()
    def storage_is_the_model(self) -> None:
        """Every unit's slot says what the model says; what is not in the model has no slot."""
        for unit in EVERYTHING:
            stored, known = self.chain.unit(unit), self.model.get(unit)
            if known is None:
                assert stored["state"] == 0 and stored["head"] == 0
                continue
            parent = int.from_bytes(known.parent or b"")
            assert (stored["holder"], stored["addressee"]) == (known.holder, known.addressee)
            assert (stored["state"], stored["parent"]) == (known.state, parent)
            if known.tree is None:
                assert (stored["gone"], stored["count"]) == (1, 0)  # batch 1 vouches for it
                continue
            assert stored["gone"] == known.gone <= stored["count"]
            assert stored["count"] == len(known.tree.children)
        for party in PARTIES:
            assert self.chain.era(party) == self.eras[party]


SHORT = settings(
    max_examples=5,
    stateful_step_count=25,
    deadline=None,
    derandomize=True,
    suppress_health_check=list(HealthCheck),
)
Custody.TestCase.settings = SHORT


class TestCustody(Custody.TestCase):  # type: ignore[misc]
    """The model, briefly."""


class CustodyOnNode(Custody):
    """The same steps on the embedded node, asked over JSON-RPC; each walk on a chain of its own."""

    @contextmanager
    def world(self) -> Iterator[Chain]:
        """A new chain, set up alike."""
        with embedded() as ledger:
            yield start(ledger)


class TestCustodyOnNode(CustodyOnNode.TestCase):  # type: ignore[misc]
    """The model on the node, briefly."""

    settings = settings(SHORT, max_examples=2, stateful_step_count=15)


@pytest.mark.deep
@pytest.mark.timeout(1200)
class TestCustodyForLong(Custody.TestCase):  # type: ignore[misc]
    """The model at length."""

    settings = settings(SHORT, max_examples=40, stateful_step_count=40, derandomize=False)


@pytest.mark.deep
@pytest.mark.timeout(1200)
class TestCustodyOnNodeForLong(CustodyOnNode.TestCase):  # type: ignore[misc]
    """The model on the node at length."""

    settings = settings(SHORT, max_examples=15, stateful_step_count=40, derandomize=False)
