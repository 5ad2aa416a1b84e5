"""Codes are ordered, approved by somebody else, packaged, fetched, printed and activated."""

from __future__ import annotations

import hashlib
import io
import os
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pyrage
import pysequoia
import pytest
import pyzipper

from ledger.db.engine import reading, transaction
from ledger.db.models import AuditEntry, Mint
from ledger.db.ordering import CodeOrder, CodePackage, PackageDownload
from ledger.domain.digital_link import parse
from ledger.domain.gs1 import with_check_digit
from ledger.domain.verbs import Role
from ledger.domain.watermark import SPARE
from ledger.errors import Rejected
from ledger.services import act, mint, parties
from ledger.services.export import write_links
from ledger.services.ordering import leaks, orders, orders_work, packages, receivers
from ledger.services.ordering.orders import Wish
from ledger.services.persons import Person
from ledger.services.press import printing
from ledger.services.site import Site
from tests.support.installation import installation

BRAND = int(with_check_digit("950600000001"))
GTIN = with_check_digit("0950600013435")
ANNA, BEN, PLANT = (Person(name, "192.0.2.7") for name in ("Anna", "Ben", "Plant"))
IDENTITY = pyrage.x25519.Identity.generate()
HOURS = 3600


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """An installation with a brand, a product and a receiver of each method."""
    with installation(tmp_path_factory.mktemp("home")) as made:
        site = made.site
        brand = parties.NewParty(BRAND, "B", "乙", Role.BRAND, prefix="9506000")
        act.settled(site, [parties.register(site, brand, "brand")[1]])
        mint.add_product(site, BRAND, GTIN, "Wine", "酒")
        yield site


@pytest.fixture(scope="module")
def certificate() -> object:
    """An OpenPGP key of a plant."""
    return pysequoia.Tsk.generate("Plant <plant@example.org>")


@pytest.fixture(scope="module")
def receiver(site: Site, certificate) -> dict[str, int]:
    """A receiver of each method."""
    keys = {
        "age": str(IDENTITY.to_public()),
        "openpgp": str(certificate.extract_certificate()),
        "zip": "",
    }
    return {
        method: receivers.add(site, ANNA, BRAND, f"{method} plant", method, key).id
        for method, key in keys.items()
    }


def ordered(site: Site, receiver: int, key: str, **changes: object) -> CodeOrder:
    """An order of Anna's."""
    wish = {"quantity": 300, "form": "links", **changes}
    return orders.request(site, ANNA, Wish(BRAND, GTIN, receiver=receiver, **wish), key)


def state(site: Site, order: int) -> str:
    """Where an order is on its way."""
    with reading(site.engine) as session:
        return orders.find(session, order, 0).state


def ready(site: Site, receiver: int, key: str, **changes: object) -> int:
    """An order whose package can be fetched."""
    number = ordered(site, receiver, key, **changes).id
    orders.approve(site, BEN, number, BRAND)
    end = time.monotonic() + 60
    while state(site, number) not in (orders.READY, orders.FAILED) and time.monotonic() < end:
        time.sleep(0.02)
    assert state(site, number) == orders.READY
    return number


def rows(text: bytes) -> list[str]:
    """The lines of a file."""
    return text.decode().splitlines()


@pytest.fixture(scope="module")
def done(site: Site, receiver) -> int:
    """An order for the plant with an age key, packaged."""
    return ready(site, receiver["age"], "done", form="pairs-upper")


def test_a_package_holds_what_was_ordered(site: Site, done: int) -> None:
    """As many different codes as were ordered, each with its inner code, all on the ledger."""
    found = orders.fetch(site, PLANT, done, BRAND)
    lines = rows(pyrage.decrypt(found.path.read_bytes(), [IDENTITY]))
    assert len(set(lines)) == len(lines) == 300
    decoded = set()
    for line in lines:
        outer, inner = line.split(",")
        assert outer == outer.upper() and "/I/" in inner
        place = site.keeper.decode(int(GTIN), str(parse(outer).serial))
        assert place is not None
        decoded.add(place.index)
    assert len(decoded) == 300
    with reading(site.engine) as session:
        row = orders.find(session, done, BRAND)
        assert row.state == orders.FETCHED
        assert session.get_one(Mint, row.mint).count == 300 + SPARE
    assert found.path.stat().st_mode & 0o777 == 0o600


def test_every_step_is_in_the_audit_log(site: Site, done: int) -> None:
    """Who, when and from where."""
    with reading(site.engine) as session:
        entries = [
            (entry.what, entry.who, entry.detail["place"])
            for entry in session.query(AuditEntry).order_by(AuditEntry.id)
            if entry.detail.get("order") == done and entry.what != "package fetch"
        ]
    assert entries[:4] == [
        ("order request", "Anna", "192.0.2.7"),
        ("order approve", "Ben", "192.0.2.7"),
        ("order mint", "worker", "here"),
        ("order package", "worker", "here"),
    ]


def test_a_package_for_openpgp_opens_with_its_key(site: Site, receiver, certificate) -> None:
    """And with no other."""
    number = ready(site, receiver["openpgp"], "pgp")
    sealed = orders.fetch(site, PLANT, number, BRAND).path.read_bytes()
    opened = pysequoia.decrypt(sealed, decryptor=certificate.decryptor())
    assert len(set(rows(opened.bytes))) == 300
    other = pysequoia.Tsk.generate("Other <other@example.org>")
    with pytest.raises(Exception, match=r"(?i)decrypt|key|session"):
        pysequoia.decrypt(sealed, decryptor=other.decryptor())


def test_a_zip_opens_with_the_passphrase_of_the_second_way(site: Site, receiver) -> None:
    """Which is told to nobody who fetched the file; a wrong one opens nothing."""
    number = ready(site, receiver["zip"], "zip")
    sealed = orders.fetch(site, PLANT, number, BRAND).path.read_bytes()
    with pytest.raises(Rejected, match="two ways"):
        orders.passphrase(site, PLANT, number, BRAND)
    secret = orders.passphrase(site, BEN, number, BRAND)
    with pyzipper.AESZipFile(io.BytesIO(sealed)) as archive:
        (name,) = archive.namelist()
        with pytest.raises(RuntimeError, match="password"):
            archive.read(name, pwd=secret.lower().encode())
        assert len(set(rows(archive.read(name, pwd=secret.encode())))) == 300


def test_who_was_told_the_passphrase_leaves_the_file_to_others(site: Site, receiver) -> None:
    """The two ways stay two in either order; another copy has a passphrase of its own."""
    number = ready(site, receiver["zip"], "zip told")
    first = orders.passphrase(site, BEN, number, BRAND)
    assert orders.passphrase(site, BEN, number, BRAND) == first
    with pytest.raises(Rejected) as caught:
        orders.fetch(site, BEN, number, BRAND)
    assert caught.value.code == "SAME_PERSON"
    assert orders.fetch(site, PLANT, number, BRAND).left == 2  # a refused fetch counts for nothing
    orders_work.copy(site, ANNA, number, BRAND)
    assert orders.fetch(site, BEN, number, BRAND).left == 2
    assert orders.passphrase(site, PLANT, number, BRAND) != first


def test_two_copies_asked_for_at_once_are_two(site: Site, receiver) -> None:
    """Each whole, under its own number."""
    number = ready(site, receiver["age"], "copies", quantity=2000)
    with ThreadPoolExecutor(4) as pool:
        made = list(pool.map(lambda _: orders_work.copy(site, BEN, number, BRAND), range(4)))
    assert sorted(package.copy for package in made) == [2, 3, 4, 5]
    for package in made:
        sealed = (site.home.path / "packages" / package.name).read_bytes()
        assert hashlib.sha256(sealed).digest() == package.sha256
        assert len(set(rows(pyrage.decrypt(sealed, [IDENTITY])))) == 2000


def test_an_orders_codes_leave_in_its_packages_alone(site: Site, done: int) -> None:
    """No list, sheet or data file of them is made: it would be of all codes, without a mark."""
    with reading(site.engine) as session:
        made = mint.mint_of(site, orders.find(session, done, BRAND).mint)
    there = (site, made, 0, 1)
    for take in (
        lambda: next(mint.links(*there)),
        lambda: next(printing.labels(*there, upper=False, inner=False)),
        lambda: next(printing.labels(*there, upper=False, inner=True)),
        lambda: next(printing.write_table(*there, io.BytesIO(), upper=False, inner=True)),
        lambda: write_links(*there, io.BytesIO(), inner=True),
    ):
        with pytest.raises(Rejected) as caught:
            take()
        assert caught.value.code == "ORDERED_CODES"


def test_an_order_takes_no_mint_that_was_there_before(site: Site, receiver) -> None:
    """Whoever minted it under the order's key could have its list already: the order fails."""
    number = ordered(site, receiver["age"], "before").id
    mint.order_codes(site, BRAND, GTIN, 300 + SPARE, f"order-{number}", inner=False)
    orders.approve(site, BEN, number, BRAND)
    end = time.monotonic() + 60
    while state(site, number) == orders.APPROVED and time.monotonic() < end:
        time.sleep(0.02)
    with reading(site.engine) as session:
        row = orders.find(session, number, BRAND)
    assert (row.state, row.mint, row.error.split(":")[0]) == (orders.FAILED, None, "KEY_REUSED")


def test_a_truncated_package_is_no_package(site: Site, receiver) -> None:
    """Neither for who fetches it, nor for who opens what is left of it."""
    number = ready(site, receiver["age"], "cut")
    found = orders.fetch(site, PLANT, number, BRAND)
    sealed = found.path.read_bytes()
    with pytest.raises(pyrage.DecryptError):
        pyrage.decrypt(sealed[:-20], [IDENTITY])
    os.truncate(found.path, len(sealed) - 20)
    with pytest.raises(Rejected) as caught:
        orders.fetch(site, PLANT, number, BRAND)
    assert caught.value.code == "PACKAGE_DAMAGED"
    orders_work.copy(site, BEN, number, BRAND)
    again = orders.fetch(site, PLANT, number, BRAND)
    assert len(rows(pyrage.decrypt(again.path.read_bytes(), [IDENTITY]))) == 300


def test_nobody_approves_their_own_order(site: Site, receiver) -> None:
    """Not even by trying twice; somebody else does, and only once."""
    number = ordered(site, receiver["age"], "own").id
    for _ in range(2):
        with pytest.raises(Rejected) as caught:
            orders.approve(site, ANNA, number, BRAND)
        assert caught.value.code == "OWN_ORDER"
    orders.approve(site, BEN, number, BRAND)
    with pytest.raises(Rejected) as caught:
        orders.approve(site, BEN, number, BRAND)
    assert caught.value.code == "WRONG_STEP"


def test_an_order_is_refused_or_taken_back_before_it_is_minted(site: Site, receiver) -> None:
    """And then it is over."""
    first = ordered(site, receiver["age"], "refused").id
    second = ordered(site, receiver["age"], "cancelled").id
    assert orders.refuse(site, BEN, first, BRAND).state == orders.REFUSED
    assert orders.cancel(site, ANNA, second, BRAND).state == orders.CANCELLED
    for number in (first, second):
        for step in (orders.approve, orders.refuse, orders.cancel):
            with pytest.raises(Rejected) as caught:
                step(site, BEN, number, BRAND)
            assert caught.value.code == "WRONG_STEP"


def test_an_order_that_cannot_be_is_refused(site: Site, receiver) -> None:
    """By name, and nothing is kept."""
    for changes, code in (
        ({"quantity": 0}, "BAD_QUANTITY"),
        ({"quantity": orders.MOST + 1}, "BAD_QUANTITY"),
        ({"form": "fax"}, "BAD_FORM"),
        ({"warn_h": 0}, "BAD_TIME"),
    ):
        with pytest.raises(Rejected) as caught:
            ordered(site, receiver["age"], "bad", **changes)
        assert caught.value.code == code
    with pytest.raises(Rejected) as caught:
        ordered(site, 99, "bad")
    assert caught.value.code == "UNKNOWN_RECEIVER"
    first = ordered(site, receiver["age"], "same")
    assert ordered(site, receiver["age"], "same").id == first.id
    with pytest.raises(Rejected) as caught:
        ordered(site, receiver["age"], "same", quantity=301)
    assert caught.value.code == "KEY_REUSED"
    with pytest.raises(Rejected) as caught:
        orders.approve(site, BEN, first.id, BRAND + 1)
    assert caught.value.code == "UNKNOWN_ORDER"


def test_an_order_whose_codes_cannot_be_minted_says_why(site: Site, receiver) -> None:
    """The worker goes on with the others."""
    foreign = with_check_digit("0401234567890")
    wish = Wish(BRAND, foreign, 10, "links", receiver["age"])
    number = orders.request(site, ANNA, wish, "foreign").id
    orders.approve(site, BEN, number, BRAND)
    end = time.monotonic() + 60
    while state(site, number) != orders.FAILED and time.monotonic() < end:
        time.sleep(0.02)
    with reading(site.engine) as session:
        assert "ForeignGtin" in str(orders.find(session, number, BRAND).error)


def test_a_package_is_fetched_three_times(site: Site, receiver) -> None:
    """Each is on record; the fourth is refused, and another copy can be made."""
    number = ready(site, receiver["age"], "thrice")
    assert [orders.fetch(site, PLANT, number, BRAND).left for _ in range(3)] == [2, 1, 0]
    with pytest.raises(Rejected) as caught:
        orders.fetch(site, PLANT, number, BRAND)
    assert caught.value.code == "PACKAGE_SPENT"
    with reading(site.engine) as session:
        package = packages.newest(session, number)
        assert package is not None
        log = session.query(PackageDownload).filter_by(package=package.id).all()
        assert [(row.who, row.place) for row in log] == [("Plant", "192.0.2.7")] * 3
    assert orders_work.copy(site, BEN, number, BRAND).copy == 2
    assert orders.fetch(site, PLANT, number, BRAND).left == 2


def test_a_package_expires_with_its_file(site: Site, receiver) -> None:
    """After a week."""
    number = ready(site, receiver["age"], "late")
    with transaction(site.engine) as session:
        package = packages.newest(session, number)
        assert package is not None
        package.expires = site.clock()
    with pytest.raises(Rejected) as caught:
        orders.fetch(site, PLANT, number, BRAND)
    assert caught.value.code == "PACKAGE_EXPIRED"
    orders_work.advance(site)
    assert not (site.home.path / "packages" / package.name).exists()


def test_an_order_that_nobody_fetches_is_warned_of_once(site: Site, receiver) -> None:
    """After its hours, and printed codes that nobody activates again."""
    number = ready(site, receiver["age"], "warned", warn_h=2)

    def passes(hours: int) -> list[str]:
        with transaction(site.engine) as session:
            orders.find(session, number, BRAND).since -= hours * HOURS
        orders_work.advance(site)
        with reading(site.engine) as session:
            return list(orders.find(session, number, BRAND).warned)

    assert passes(1) == []
    assert passes(1) == ["not fetched"]
    assert passes(9) == ["not fetched"]
    orders.fetch(site, PLANT, number, BRAND)
    with pytest.raises(Rejected) as caught:
        orders.printed(site, PLANT, number, BRAND, 301)
    assert caught.value.code == "BAD_QUANTITY"
    orders.printed(site, PLANT, number, BRAND, 290)
    assert passes(2) == ["not fetched", "not activated"]
    orders.activate(site, BEN, number, BRAND, site.clock())
    assert state(site, number) == orders.ACTIVATED
    assert passes(9) == ["not fetched", "not activated"]


def test_what_comes_too_early_is_refused(site: Site, receiver) -> None:
    """Nothing is fetched, printed or activated before there is something."""
    number = ordered(site, receiver["age"], "early").id
    for step, code in (
        (lambda: orders.fetch(site, PLANT, number, BRAND), "PACKAGE_NOT_READY"),
        (lambda: orders.passphrase(site, BEN, number, BRAND), "PACKAGE_NOT_READY"),
        (lambda: orders.printed(site, PLANT, number, BRAND, 1), "WRONG_STEP"),
        (lambda: orders.activate(site, BEN, number, BRAND, 1), "WRONG_STEP"),
        (lambda: orders_work.copy(site, BEN, number, BRAND), "WRONG_STEP"),
    ):
        with pytest.raises(Rejected) as caught:
            step()
        assert caught.value.code == code


def test_a_receivers_key_is_checked(site: Site) -> None:
    """A key that is none, a ZIP with one, a method nobody has, a name twice."""
    for method, key in (("age", "age1xyz"), ("openpgp", "junk"), ("zip", "x"), ("fax", "")):
        with pytest.raises(Rejected) as caught:
            receivers.add(site, ANNA, BRAND, "Bad", method, key)
        assert caught.value.code == "BAD_RECEIVER"
    gone = receivers.add(site, ANNA, BRAND, "Twice", "zip", "")
    with pytest.raises(Rejected) as caught:
        receivers.add(site, ANNA, BRAND, "Twice", "zip", "")
    assert caught.value.code == "BAD_RECEIVER"
    receivers.remove(site, ANNA, gone.id, BRAND)
    receivers.add(site, ANNA, BRAND, "Twice", "zip", "")
    with pytest.raises(Rejected) as caught:
        ordered(site, gone.id, "gone")
    assert caught.value.code == "UNKNOWN_RECEIVER"


def test_a_leaked_tenth_names_the_copy_it_is_from(site: Site, receiver) -> None:
    """Shuffled, among other lines; who fetched that copy is told with it."""
    number = ready(site, receiver["age"], "leaked", quantity=1000)
    orders.fetch(site, PLANT, number, BRAND)
    for _ in range(4):
        orders_work.copy(site, BEN, number, BRAND)
    last = orders.fetch(site, Person("Other", "192.0.2.8"), number, BRAND)
    lines = rows(pyrage.decrypt(last.path.read_bytes(), [IDENTITY]))
    kept = list(np.random.default_rng(1).permutation(lines)[:100])
    report = leaks.trace(site, ["code", *kept, "", "https://example.org/01/1"], BRAND)
    assert report.foreign == (1, 103)
    (trace,) = report.traces
    first = trace.suspects[0]
    assert (trace.order, trace.rows, first.name) == (number, 100, "5")
    assert first.probability > 0.999
    assert trace.copies["5"].fetched_by == ("Other",)
    assert trace.copies["1"].fetched_by == ("Plant",)
    assert leaks.trace(site, kept, BRAND + 1).traces == ()


def test_a_package_that_was_cut_short_is_made_again(site: Site, receiver) -> None:
    """A crash after the file and before its row: the same list, and one row."""
    number = ready(site, receiver["age"], "again")
    with transaction(site.engine) as session:
        order = orders.find(session, number, BRAND)
        first = packages.newest(session, number)
        assert first is not None
        before = pyrage.decrypt((site.home.path / "packages" / first.name).read_bytes(), [IDENTITY])
        session.delete(first)
        order.state = orders.MINTING
    end = time.monotonic() + 30
    while state(site, number) != orders.READY and time.monotonic() < end:
        time.sleep(0.02)
    with reading(site.engine) as session:
        (package,) = session.query(CodePackage).filter_by(order=number).all()
    again = pyrage.decrypt((site.home.path / "packages" / package.name).read_bytes(), [IDENTITY])
    assert again == before
