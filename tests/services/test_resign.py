"""What goes stale on its way: a hosted key signs it again, a party with its own key is asked.

Nor is anything lost by a node that refuses to be asked.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from ledger.chain.account import Account
from ledger.db.engine import reading, transaction
from ledger.db.models import ChainUnit, Submission
from ledger.domain.contents import Codes
from ledger.domain.gs1 import with_check_digit
from ledger.domain.verbs import KeyMode, Role, Verb
from ledger.errors import Unavailable
from ledger.services import act, capture, custody, mint, parties, runs
from ledger.services.goods import packing, unpacking
from ledger.services.goods.units import unit_name
from ledger.services.open import open_installation
from ledger.services.order import Order
from ledger.services.resign import sign_again
from ledger.services.settings import Settings
from ledger.services.site import Site
from ledger.services.submit import Submitter
from tests.chain.test_rpc import answering
from tests.support.installation import await_mint, installation

BRAND, DISTRIBUTOR = (int(with_check_digit(f"9506000{number:05d}")) for number in (1, 2))
GTIN = with_check_digit("0950600013435")
OWN = Account(bytes([5]) * 32)  # the distributor's


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with installation(tmp_path_factory.mktemp("home")) as made:
        site = made.site
        brand = parties.NewParty(BRAND, "B", "乙", Role.BRAND, prefix="9506000")
        own = {"account": OWN.address, "key_mode": KeyMode.OWN}
        other = parties.NewParty(DISTRIBUTOR, "D", "丁", Role.DISTRIBUTOR, **own)
        new = [parties.register(site, party, f"party {party.party}") for party in (brand, other)]
        act.settled(site, [submission for _, submission in new])
        mint.add_product(site, BRAND, GTIN, "Wine", "酒")
        await_mint(site, mint.order_codes(site, BRAND, GTIN, 24, "codes"))
        yield site


def _stale(site: Site, order: Order, signer: Account, hosted: bool) -> int:
    """Keep a submission of an order that was signed before something else happened."""
    with reading(site.engine) as session:
        deadline = site.clock() + order.deadline_s
        message = capture.compose(
            session, site.network, order.verb, order.identity, order.signed_args(), deadline
        )
    act.settled(site, [runs.activate(site, 1, 0, 24, site.clock(), f"before {order.key}")])
    with transaction(site.engine) as session:
        row = capture.keep(
            session,
            key=order.key,
            brand=BRAND,
            actor=order.actor,
            verb=order.verb,
            subject=message.subject,
            data=message.call([act.sign(site, message, signer)]),
            asked=order.asked(),
            deadline=deadline,
            now=site.clock(),
            order=order.to_json() if hosted else None,
        )
        return row.id


def _activation(site: Site, key: str) -> Order:
    args = {
        "actor": BRAND,
        "from": 0,
        "to": 24,
        "activeFrom": site.clock(),
        "eventHash": bytes(32),
    }
    return Order(Verb.ACTIVATE, BRAND, 1, args, key, BRAND)


def _await_state(site: Site, submission: int, state: str) -> Submission:
    end = time.monotonic() + 20
    while (row := act.state_of(site, submission)).state != state and time.monotonic() < end:
        time.sleep(0.02)
    return row


def test_a_hosted_key_signs_again_over_the_newer_head(site: Site) -> None:
    """Acknowledged means kept: the stale activation is signed again and lands."""
    submission = _stale(site, _activation(site, "hosted"), site.signer(BRAND), hosted=True)
    act.settled(site, [submission])
    row = act.state_of(site, submission)
    assert (row.state, row.signings, row.error) == ("CONFIRMED", 2, None)


def test_a_party_with_its_own_key_is_asked(site: Site) -> None:
    """Nobody here can sign for it, so its submission waits for it, and is not dropped."""
    submission = _stale(site, _activation(site, "own"), site.signer(BRAND), hosted=False)
    row = _await_state(site, submission, "NEEDS_SIGNATURE")
    assert (row.state, row.error, act.asks_a_person(row)) == ("NEEDS_SIGNATURE", "StaleHead", True)


def test_what_a_key_has_cancelled_is_not_signed_again(site: Site) -> None:
    """A cancel takes back all that was signed and not relayed, also what is hosted here."""
    order = _activation(site, "taken back")
    with reading(site.engine) as session:
        deadline = site.clock() + order.deadline_s
        args = order.signed_args()
        message = capture.compose(session, site.network, order.verb, 1, args, deadline)
    cancel = Order(Verb.CANCEL, BRAND, BRAND, {"actor": BRAND}, "cancel", BRAND)
    act.settled(site, [act.act(site, cancel)])
    with transaction(site.engine) as session:
        row = capture.keep(
            session,
            key=order.key,
            brand=BRAND,
            actor=BRAND,
            verb=order.verb,
            subject=message.subject,
            data=message.call([act.sign(site, message, site.signer(BRAND))]),
            asked=order.asked(),
            deadline=deadline,
            now=site.clock(),
            order=order.to_json(),
        )
    found = _await_state(site, row.id, "NEEDS_SIGNATURE")
    assert (found.error, found.signings, act.asks_a_person(found)) == ("EraCancelled", 1, True)


@pytest.fixture
def refused(site: Site, tmp_path: Path) -> Iterator[Site]:
    """A copy without a worker, before a node that is asked too often and refuses everything."""
    body = b'{"id": 0, "error": {"code": -32005, "message": "limit exceeded"}}'
    ignored = shutil.ignore_patterns("node", "*.lock")
    shutil.copytree(site.home.path, tmp_path / "copy", ignore=ignored)
    with answering(body) as url:
        yield open_installation(Settings(data=tmp_path / "copy", rpc_url=url))


def test_what_a_node_refuses_is_not_the_callers_fault(refused: Site) -> None:
    """At the door: to be tried again, and nothing is kept."""
    with pytest.raises(Unavailable) as caught:
        act.act(refused, _activation(refused, "refused"))
    assert caught.value.code == "LEDGER_REFUSED"
    with reading(refused.engine) as session:
        assert session.query(Submission).filter_by(key="refused").all() == []


def test_what_a_node_refuses_settles_no_submission(refused: Site) -> None:
    """In the outbox: what was acknowledged waits, to be signed again as to be sent."""
    order = _activation(refused, "waiting")
    with transaction(refused.engine) as session:
        for key, state in (("stale", "NEEDS_SIGNATURE"), ("queued", "QUEUED")):
            row = capture.keep(
                session,
                key=key,
                brand=BRAND,
                actor=BRAND,
                verb=order.verb,
                subject=key.encode().ljust(32, b"\0"),
                data=b"data",
                asked=order.asked(),
                deadline=0,
                now=0,
                order=order.to_json(),
            )
            row.state = state
    submitter = Submitter(refused.engine, refused.rpc, refused.network, refused.relay)
    for step in (lambda: sign_again(refused), lambda: submitter.step(0)):
        with pytest.raises(Unavailable):
            step()
    with reading(refused.engine) as session:
        rows = session.query(Submission).filter(Submission.key.in_(("stale", "queued")))
        states = {row.key: (row.state, row.error) for row in rows}
    assert states == {"stale": ("NEEDS_SIGNATURE", None), "queued": ("QUEUED", None)}


def test_a_burst_of_verbs_on_one_batch_all_land(site: Site) -> None:
    """Verbs on one subject sent without waiting are signed over one head after another: in more
    blocks than any of them is signed for."""
    count = act.MAX_SIGNINGS + 5
    sent = [runs.activate(site, 1, 0, 24, site.clock(), f"burst {n}") for n in range(count)]
    act.settled(site, sent)
    assert [act.state_of(site, number).state for number in sent] == ["CONFIRMED"] * count


def test_an_item_taken_out_of_a_case_travels_alone(site: Site) -> None:
    """Its unit is its own leaf, its name is its own EPC, and its holder hands it on."""
    sscc = with_check_digit("09506000000000009"[:17])
    box = packing.Box(sscc, [Codes(1, 0, 24)])
    case, packed = packing.pack(site, BRAND, box, "case")
    act.settled(site, [packed])
    (item, other), taken = unpacking.unpack(site, BRAND, case, [3, 20], "out")
    act.settled(site, [taken])
    act.settled(site, [custody.ship(site, BRAND, DISTRIBUTOR, [item], "item out")])
    act.settled(site, [custody.receive(site, DISTRIBUTOR, BRAND, [item], "item in", OWN)])
    with reading(site.engine) as session:
        holders = [session.get_one(ChainUnit, unit).holder for unit in (item, other, case)]
        name = unit_name(session, item)
    assert holders == [DISTRIBUTOR, BRAND, BRAND]
    assert name.epc.startswith(f"https://id.gs1.org/01/{GTIN}/21/")
