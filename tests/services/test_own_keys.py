"""What the installation asks under keys of its own is asked again after a refusal."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy import func, select

from ledger.db.chain_states import ChainClaim
from ledger.db.engine import reading, transaction
from ledger.db.models import ChainEpoch, ChainParty, Submission
from ledger.domain.gs1 import with_check_digit
from ledger.domain.verbs import KeyMode, Role
from ledger.errors import Rejected
from ledger.services import claims, mint, parties, ruling, runs
from ledger.services.device_names import Device
from ledger.services.hosting import signs_here
from ledger.services.keys import epochs
from ledger.services.open import open_installation
from ledger.services.ordering import orders, receivers
from ledger.services.ordering.orders import Wish
from ledger.services.persons import Person
from ledger.services.site import Site
from tests.services.hand_world import BRAND, GTIN, OTHER, OTHERS_GTIN, OWN, Hand, by_hand

THIRD = int(with_check_digit("950600000003"))
ANNA, BEN = Person("Anna", "192.0.2.7"), Person("Ben", "192.0.2.8")


@pytest.fixture(scope="module")
def hand(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hand]:
    """One ledger for all tests here."""
    with by_hand(tmp_path_factory.mktemp("home")) as made:
        yield made


def rows(site: Site) -> int:
    """How many submissions there are."""
    with reading(site.engine) as session:
        return session.scalar(select(func.count()).select_from(Submission)) or 0


def test_a_refused_key_epoch_is_opened_later(hand: Hand) -> None:
    """Its brand was suspended between asking and the block; active again, it opens that epoch."""
    site = hand.site
    with pytest.raises(Rejected) as caught:
        hand.suspended_before(BRAND, lambda: epochs.rotate(site, BRAND))
    assert caught.value.code == "PartyInactive"
    assert hand.meanwhile(lambda: epochs.rotate(site, BRAND)) == 1
    with reading(site.engine) as session:
        assert session.get(ChainEpoch, (BRAND, 1)) is not None
    assert hand.meanwhile(lambda: epochs.ensure_epoch(site, BRAND)) == 1


def test_what_a_caller_asked_keeps_its_refusal(hand: Hand) -> None:
    """Under a key of the caller's own the first answer stands."""
    site = hand.site
    batch = hand.minted(OTHER, OTHERS_GTIN, 20, "mine").batch or 0

    def activate() -> int:
        return runs.activate(site, batch, 0, 20, 1, "caller's")

    refused = hand.suspended_before(OTHER, activate)
    assert activate() == refused
    with reading(site.engine) as session:
        assert session.get_one(Submission, refused).state == "REJECTED"


@pytest.fixture(scope="module")
def fetched(hand: Hand) -> int:
    """An order whose package was fetched."""
    site = hand.site
    receiver = receivers.add(site, ANNA, BRAND, "plant", "zip", "")
    wish = Wish(BRAND, GTIN, 60, "links", receiver.id)
    order = hand.meanwhile(lambda: orders.request(site, ANNA, wish, "order")).id
    orders.approve(site, BEN, order, BRAND)
    hand.until(lambda: state(site, order) == orders.READY)
    orders.fetch(site, ANNA, order, BRAND)
    return order


def state(site: Site, order: int) -> str:
    """Where an order is on its way."""
    with reading(site.engine) as session:
        return orders.find(session, order, 0).state


def test_an_order_is_activated_when_the_chain_says_so(hand: Hand, fetched: int) -> None:
    """Refused, it is where it was; asked again, at the same time or another, it is activated."""
    site = hand.site

    def activate(at: int, now: bool = True) -> int:
        return hand.meanwhile(lambda: orders.activate(site, BEN, fetched, BRAND, at, now))

    with pytest.raises(Rejected) as caught:
        hand.suspended_before(
            BRAND, lambda: orders.activate(site, BEN, fetched, BRAND, site.clock(), True)
        )
    assert caught.value.code == "PartyInactive"
    assert state(site, fetched) == orders.FETCHED
    done = activate(site.clock())
    assert state(site, fetched) == orders.ACTIVATED
    with transaction(site.engine) as session:  # as if we had died before the last step
        orders.find(session, fetched, BRAND).state = orders.FETCHED
    kept = rows(site)
    assert activate(site.clock() + 1) == done
    assert state(site, fetched) == orders.ACTIVATED
    assert activate(site.clock() + 2) == done
    with pytest.raises(Rejected) as caught:
        activate(site.clock() + 3, now=False)
    assert caught.value.code == "WRONG_STEP"
    assert rows(site) == kept


@pytest.fixture(scope="module")
def inner(hand: Hand) -> list[str]:
    """Inner codes of the other brand."""
    site = hand.site
    ref = mint.released(hand.minted(OTHER, OTHERS_GTIN, 20, "inner", inner=True))
    return [code.decode() for code in site.minter.inner_codes(ref, 0, 20).tolist()]


def claim(hand: Hand, text: str) -> ChainClaim | None:
    """What the chain says of an inner code, once it has answered."""
    hand.meanwhile(lambda: None)
    with reading(hand.site.engine) as session:
        found = claims.read_inner(hand.site, session, text)
        return session.get(ChainClaim, (found.batch, found.index))


def test_what_the_chain_refused_was_not_opened(hand: Hand, inner: list[str]) -> None:
    """Its brand was suspended before the block: the item is as before, the next one opens it."""
    site, text = hand.site, inner[0]
    me, you = (Device(name * 16, site.device_key) for name in "ab")
    assert hand.suspended_before(OTHER, lambda: claims.open_item(site, text, me)).now
    assert claim(hand, text) is None
    with reading(site.engine) as session:
        found = claims.read_inner(site, session, text)
        place = (found.batch, found.index)
        assert claims.opened(session, *place, me, None, site.clock()) is None
    assert claims.open_item(site, text, you).now
    assert claims.open_item(site, text, you).by_you
    assert not claims.open_item(site, text, me).by_you
    done = claim(hand, text)
    assert done is not None
    assert done.by == OTHER


def test_an_opening_is_signed_by_whose_key_is_here_now(hand: Hand, inner: list[str]) -> None:
    """Its brand has taken its key elsewhere: an operator signs."""
    site = hand.site
    hand.rule(ruling.order_rotation(OTHER, OWN.address, KeyMode.OWN, "away"))
    assert claims.open_item(site, inner[1], None).now
    done = claim(hand, inner[1])
    assert done is not None
    assert done.by == BRAND


def test_a_key_that_another_process_adds_signs_here(hand: Hand) -> None:
    """An API that has read the key file before finds the party that a command registers."""
    api = open_installation(hand.settings)
    api.vault.names()
    new = parties.NewParty(THIRD, "T", "三", Role.STORE)
    hand.settle(parties.register(hand.site, new, "third")[1])
    with reading(api.engine) as session:
        assert signs_here(api, session.get_one(ChainParty, THIRD))
        assert not signs_here(api, session.get_one(ChainParty, OTHER))
