"""Webhooks: what arrives at a receiver of its own, signed, at least once, and what does not."""

from __future__ import annotations

import errno
import ipaddress
import json
import secrets
import socket
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select, text, update
from standardwebhooks import Webhook as Verifier
from standardwebhooks import WebhookVerificationError

from ledger.chain.rpc import HttpRpc
from ledger.db.engine import open_database, reading, transaction
from ledger.db.models import AuditEntry
from ledger.db.webhooks import Delivery, Webhook
from ledger.errors import Rejected, Unavailable
from ledger.services.alerting import alerts_feed, outbound, webhooks
from ledger.services.alerting import deliveries as courier_module
from ledger.services.alerting.deliveries import (
    ATTEMPTS,
    LONGEST_S,
    PAUSE_S,
    Courier,
    delay,
    signatures,
)
from ledger.services.home import Home
from ledger.services.network import Network
from ledger.services.site import Site

BRAND, RIVAL = 9506000000015, 9506000000022


@dataclass
class Clock:
    """A clock that stands still until it is moved; it begins now, as receivers judge by theirs."""

    now: int = field(default_factory=lambda: int(datetime.now(UTC).timestamp()))

    def __call__(self) -> int:
        """The time."""
        return self.now


@dataclass
class Receiver:
    """A receiver as the standard asks for: it verifies, and takes each message once."""

    url: str = ""
    secret: str = ""
    answers: list[int] = field(default_factory=list)  # to give, instead of 204
    got: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    taken: dict[str, Any] = field(default_factory=dict)

    def take(self, headers: dict[str, str], body: bytes) -> int:
        """Judge a message; return the status to answer."""
        try:
            payload = Verifier(self.secret).verify(body, headers)
        except WebhookVerificationError:
            return 400
        if headers["webhook-id"] in self.taken:
            return 409
        self.taken[headers["webhook-id"]] = payload
        return 204


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """A receiver that listens on loopback."""
    it = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            headers = {name.lower(): value for name, value in self.headers.items()}
            it.got.append((headers, body))
            status = it.answers.pop(0) if it.answers else it.take(headers, body)
            self.send_response(status)
            if status == 302:
                self.send_header("Location", f"{it.url}/elsewhere")
            self.end_headers()

        def log_message(self, *_: Any) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    it.url = f"http://localhost:{server.server_port}/hook"
    yield it
    server.shutdown()
    server.server_close()
    thread.join(10)


@pytest.fixture
def silent() -> Iterator[str]:
    """The address of one that takes calls and answers none."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"http://127.0.0.1:{server.getsockname()[1]}/"


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """A data directory with its passphrase."""
    home = Home(tmp_path_factory.mktemp("hooks"))
    home.prepare()
    return home


@pytest.fixture
def site(home: Home) -> Site:
    """An installation with an empty database, where loopback may be called."""
    return Site(
        home=home,
        engine=open_database(f"sqlite:///{home.path / secrets.token_hex(4)}.db"),
        rpc=HttpRpc("http://127.0.0.1:9"),
        network=Network(1, "0x00", "0x" + "00" * 20, ()),
        clock=Clock(),
        link_base="http://localhost:8000",
        private_webhooks=True,
    )


def subscribe(site: Site, receiver: Receiver, kinds: list[str] | None = None) -> int:
    """Add a webhook to a receiver, and tell it the secret."""
    with transaction(site.engine) as session:
        row, receiver.secret = webhooks.create(
            site, session, "test", BRAND, receiver.url, kinds or []
        )
        return row.id


def happen(site: Site, what: str = "raised", kind: str = "clone", brand: int = BRAND) -> int:
    """Enter a change in the feed."""
    with transaction(site.engine) as session:
        body = {"id": 7, "sentence": "试金石 \u2028 <&>"}
        return alerts_feed.add(session, site.clock(), brand, 7, what, body, kind).id


def rows(site: Site) -> list[tuple[int, str, int | None]]:
    """Return the attempts: (attempt, state, status)."""
    with reading(site.engine) as session:
        query = select(Delivery).order_by(Delivery.id)
        return [(row.attempt, row.state, row.status) for row in session.scalars(query)]


def messages(site: Site) -> list[str]:
    """Return the ids of the messages of all attempts."""
    with reading(site.engine) as session:
        return list(session.scalars(select(Delivery.message).order_by(Delivery.id)))


def add(site: Site, url: str, brand: int = BRAND) -> int:
    """Add a webhook to an address; return its number."""
    with transaction(site.engine) as session:
        return webhooks.create(site, session, "test", brand, url, [])[0].id


def later(site: Site, seconds: float) -> None:
    """Let time pass."""
    assert isinstance(site.clock, Clock)
    site.clock.now += int(seconds)


def test_a_message_arrives_signed_and_whole(site: Site, receiver: Receiver) -> None:
    """The payload of the standard, taken by its own verifier."""
    subscribe(site, receiver)
    happen(site)
    assert Courier(site, lambda: 0.0).step() == 1
    assert receiver.taken == {
        messages(site)[0]: {
            "type": "alert.raised",
            "timestamp": f"{datetime.fromtimestamp(site.clock(), UTC):%Y-%m-%dT%H:%M:%SZ}",
            "data": {"id": 7, "sentence": "试金石 \u2028 <&>"},
        }
    }
    assert rows(site) == [(1, "DELIVERED", 204)]
    assert Courier(site, lambda: 0.0).step() == 0


def test_the_signature_is_that_of_the_published_example() -> None:
    """Secret, id, time and payload that the makers of the standard test by."""
    secret, number = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "msg_p5jXN8AQM9LWM0D4loKWxJek"
    signed = signatures([secret], number, 1614265330, '{"test": 2432232314}')
    assert signed == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_the_receiver_refuses_what_was_altered_or_played_again(
    site: Site, receiver: Receiver
) -> None:
    """A changed body, id, time or signature; the same message again; one that is too old."""
    subscribe(site, receiver)
    happen(site)
    Courier(site, lambda: 0.0).step()
    headers, body = receiver.got[0]
    assert receiver.take(headers, body) == 409, "played again"
    old = str(int(headers["webhook-timestamp"]) - 3600)
    signature = headers["webhook-signature"]
    other = signature[:-3] + ("A" if signature[-3] != "A" else "B") + signature[-2:]
    altered = [
        ({}, body.replace(b"raised", b"closed")),
        ({"webhook-id": "msg_999"}, body),
        ({"webhook-timestamp": old}, body),
        ({"webhook-signature": other}, body),
    ]
    receiver.taken.clear()
    assert [receiver.take({**headers, **change}, text) for change, text in altered] == [400] * 4
    then = datetime.now(UTC) - timedelta(minutes=6)
    late = Verifier(receiver.secret).sign("msg_1", then, body.decode())
    stale = {"webhook-id": "msg_1", "webhook-timestamp": str(int(then.timestamp()))}
    assert receiver.take({**stale, "webhook-signature": late}, body) == 400


def test_it_is_tried_again_under_the_same_id_until_it_is_taken(
    site: Site, receiver: Receiver
) -> None:
    """Each attempt is a row; what failed waits longer each time."""
    subscribe(site, receiver)
    happen(site)
    receiver.answers = [500, 503]
    courier = Courier(site, lambda: 1.0)
    for wait in (5, 20):
        assert courier.step() == 1
        later(site, wait - 1)
        assert courier.step() == 0, "not yet"
        later(site, 1)
    courier.step()
    assert rows(site) == [(1, "FAILED", 500), (2, "FAILED", 503), (3, "DELIVERED", 204)]
    assert len({headers["webhook-id"] for headers, _ in receiver.got}) == 1


def test_what_dies_before_it_is_recorded_is_sent_again(site: Site, receiver: Receiver) -> None:
    """At least once: the receiver knows it by its id, and takes it once."""
    subscribe(site, receiver)
    happen(site)

    class Dies(Courier):
        def _settle(self, *_: Any) -> None:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        Dies(site, lambda: 0.0).step()
    assert rows(site) == [(1, "WAITING", None)]
    Courier(site, lambda: 0.0).step()
    assert [len(receiver.got), len(receiver.taken)] == [2, 1]


def test_an_answer_that_cannot_be_recorded_is_not_asked_for_again(
    site: Site, receiver: Receiver
) -> None:
    """With a full disk a receiver is not called over and over: its answer is kept until then."""
    subscribe(site, receiver)
    happen(site)
    full = [True, True, False]

    class Full(Courier):
        def _settle(self, *given: Any) -> None:
            if full.pop(0):
                raise Unavailable("DATABASE_FAILED", "The disk is full.")
            super()._settle(*given)

    courier = Full(site, lambda: 0.0)
    for _ in range(2):
        with pytest.raises(Unavailable):
            courier.step()
    assert rows(site) == [(1, "WAITING", None)]
    assert courier.step() == 1
    assert (rows(site), len(receiver.got)) == ([(1, "DELIVERED", 204)], 1)


def test_a_dead_letter_is_replayed_by_hand(site: Site, receiver: Receiver) -> None:
    """After the last attempt it is dead; by hand it lives again, under its id."""
    subscribe(site, receiver)
    happen(site)
    receiver.answers = [500] * ATTEMPTS
    courier = Courier(site, lambda: 1.0)
    for _ in range(ATTEMPTS):
        assert courier.step() == 1
        later(site, LONGEST_S)
    assert courier.step() == 0
    assert [state for _, state, _ in rows(site)] == ["FAILED"] * (ATTEMPTS - 1) + ["DEAD"]
    site = replace(site, clock=Clock())  # the receiver's clock is the wall's
    with transaction(site.engine) as session:
        dead = session.scalars(select(Delivery).where(Delivery.state == "DEAD")).one()
        webhooks.replay(session, site.clock(), "a person", dead)
    assert Courier(site, lambda: 1.0).step() == 1
    assert rows(site)[-1] == (1, "DELIVERED", 204)
    assert len({headers["webhook-id"] for headers, _ in receiver.got}) == 1


def test_a_redirect_is_not_followed(site: Site, receiver: Receiver) -> None:
    """It is a failure, and nothing was asked elsewhere."""
    subscribe(site, receiver)
    happen(site)
    receiver.answers = [302]
    Courier(site, lambda: 0.0).step()
    assert (rows(site)[0], len(receiver.got)) == ((1, "FAILED", 302), 1)


def test_a_receiver_that_is_gone_is_left_alone(site: Site, receiver: Receiver) -> None:
    """410 disables the webhook and drops what waits for it, and says so; enabled, it goes on."""
    number = subscribe(site, receiver)
    happen(site)
    happen(site)
    receiver.answers = [410]
    courier = Courier(site, lambda: 0.0)
    courier.step()
    assert [state for _, state, _ in rows(site)] == ["DEAD", "DROPPED"]
    happen(site)
    assert courier.step() == 0
    with transaction(site.engine) as session:
        row = session.get_one(Webhook, number)
        assert "410" in str(row.disabled_why)
        webhooks.enable(session, site.clock(), "a person", row)
        told = session.scalars(select(AuditEntry.what).order_by(AuditEntry.id)).all()
        assert told == ["webhook add", "webhook disable", "webhook enable"]
    happen(site)
    assert courier.step() == 1


def test_there_is_a_deadline_over_the_whole_call(
    site: Site, silent: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is not answered until then has failed."""
    monkeypatch.setattr(outbound, "DEADLINE_S", 0.05)
    add(site, silent)
    happen(site)
    assert Courier(site, lambda: 0.0).step() == 1
    assert [state for _, state, _ in rows(site)] == ["FAILED", "WAITING"]
    with reading(site.engine) as session:
        assert "no answer" in str(session.scalars(select(Delivery.error)).first())


def test_one_that_does_not_answer_holds_up_nobody_over_many_rounds(
    site: Site, receiver: Receiver, silent: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The others get all of theirs, in order, while its first call is still under way."""
    monkeypatch.setattr(outbound, "DEADLINE_S", 60.0)
    add(site, silent)
    subscribe(site, receiver)
    for _ in range(5):
        happen(site)
    with closing(Courier(site, lambda: 0.0)) as courier:
        assert [courier.step() for _ in range(5)] == [1] * 5
        assert [state for _, state, _ in rows(site)] == ["WAITING", "DELIVERED"] * 5
        assert list(receiver.taken) == messages(site)[1::2]
        assert courier.step(0) == 0


def test_however_many_do_not_answer_half_of_the_places_are_free(
    site: Site, receiver: Receiver, silent: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Those whose last call failed share the other half."""
    monkeypatch.setattr(outbound, "DEADLINE_S", 60.0)
    monkeypatch.setattr(courier_module, "AT_ONCE", 4)
    monkeypatch.setattr(courier_module, "DOUBTED", 2)
    with socket.create_server(("127.0.0.1", 0)) as closed:
        refusing = f"http://127.0.0.1:{closed.getsockname()[1]}"
    for number in range(6):
        add(site, f"{refusing}/{number}")
    happen(site)
    with closing(Courier(site, lambda: 0.0)) as courier:
        while courier.step():
            pass
        assert [state for _, state, _ in rows(site)] == ["FAILED"] * 6 + ["WAITING"] * 6
        with transaction(site.engine) as session:
            session.execute(update(Webhook).values(url=silent))
        later(site, 5)
        subscribe(site, receiver)
        for _ in range(3):
            happen(site)
        assert [courier.step() for _ in range(3)] == [1] * 3
        assert len(receiver.taken) == 3


def test_webhooks_take_turns(
    site: Site, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One with much to be sent does not keep the only place."""
    monkeypatch.setattr(courier_module, "AT_ONCE", 1)
    many, few = add(site, receiver.url), add(site, f"{receiver.url}/few", RIVAL)
    receiver.answers = [204] * 6
    for _ in range(4):
        happen(site)
    for _ in range(2):
        happen(site, brand=RIVAL)
    courier = Courier(site, lambda: 0.0)
    sent = []
    for _ in range(6):
        assert courier.step() == 1
        with reading(site.engine) as session:
            done = session.scalars(select(Delivery).where(Delivery.state == "DELIVERED"))
            sent.append(sum(row.webhook == few for row in done))
    assert (many < few, sent) == (True, [0, 1, 1, 2, 2, 2])


def test_slow_names_hold_up_nobody(
    site: Site, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Look-ups cannot be called off: each has a thread of its own, and there is one a name."""
    monkeypatch.setattr(outbound, "DEADLINE_S", 60.0)
    answered, real = threading.Event(), socket.getaddrinfo
    asked: list[str] = []
    at_once: list[int] = []

    def look_up(host: str, *given: Any, **named: Any) -> Any:
        if host.endswith(".example"):
            asked.append(host)
            at_once.append(asked.count(host))
            answered.wait(60)
            asked.remove(host)
            raise socket.gaierror("nobody knows it")
        return real(host, *given, **named)

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    for number in range(40):
        add(site, f"http://name{number // 2}.example/{number}", 0)
    subscribe(site, receiver)
    for _ in range(3):
        happen(site)
    with closing(Courier(site, lambda: 0.0)) as courier:
        assert [courier.step() for _ in range(3)] == [1] * 3
        assert len(receiver.taken) == 3
        answered.set()
        while [state for _, state, _ in rows(site)].count("FAILED") < 40:
            courier.step()
    assert (len(at_once) >= 20, set(at_once)) == (True, {1})


def test_a_courier_that_is_stopped_leaves_what_is_under_way_to_the_next(
    site: Site, receiver: Receiver
) -> None:
    """It ends at once, and the attempt is made again."""
    stopping = threading.Event()
    thread = threading.Thread(target=Courier(site, lambda: 0.0).run, args=(stopping,), daemon=True)
    thread.start()
    with socket.create_server(("127.0.0.1", 0)) as silent:
        number = add(site, f"http://127.0.0.1:{silent.getsockname()[1]}/")
        happen(site)
        call, _ = silent.accept()
        stopping.set()
        thread.join(60)
        call.close()
    assert not thread.is_alive()
    assert rows(site) == [(1, "WAITING", None)]
    with transaction(site.engine) as session:
        session.get_one(Webhook, number).url = receiver.url
    receiver.answers = [204]
    assert Courier(site, lambda: 0.0).step() == 1
    assert rows(site) == [(1, "DELIVERED", 204)]


def test_a_webhook_whose_secret_is_not_here_holds_up_nobody(site: Site, receiver: Receiver) -> None:
    """As after a restore of the database without its files: it fails and says so."""
    number = add(site, "http://127.0.0.1:9/")
    subscribe(site, receiver)
    with transaction(site.engine) as session:
        session.get_one(Webhook, number).secrets = [["webhook-lost", None]]
    happen(site)
    courier = Courier(site, lambda: 0.0)
    while courier.step():
        pass
    assert [state for _, state, _ in rows(site)] == ["FAILED", "DELIVERED", "WAITING"]
    with reading(site.engine) as session:
        assert "webhook-lost" in str(session.scalars(select(Delivery.error)).first())


@pytest.mark.parametrize("trouble", ["damaged", "unreadable"])
def test_secrets_that_cannot_be_read_are_waited_for(
    site: Site, receiver: Receiver, tmp_path: Path, trouble: str
) -> None:
    """No attempt is used up, others do not wait, and all goes on when the file is whole again."""
    site = replace(site, home=Home(tmp_path / "own"))
    site.home.prepare()
    receiver.answers = [204] * 9
    add(site, f"{receiver.url}/first")
    happen(site)
    courier = Courier(replace(site), lambda: 0.0)  # as of a process of its own
    assert courier.step() == 1
    add(site, f"{receiver.url}/second")
    happen(site)
    path = site.home.path / "webhooks.json"
    whole = path.read_bytes()
    path.unlink()
    if trouble == "damaged":
        path.write_bytes(whole[:200])
    else:
        path.mkdir()
    assert [courier.step() for _ in range(2)] == [1, 0]
    later(site, PAUSE_S)
    assert courier.step() == 0, "not yet"
    assert rows(site)[1:] == [(1, "DELIVERED", 204), (1, "WAITING", None)]
    path.rmdir() if trouble == "unreadable" else path.unlink()
    path.write_bytes(whole)
    assert courier.step() == 0, "it is looked at every few seconds"
    later(site, PAUSE_S)
    assert courier.step() == 1
    assert rows(site)[2:] == [(1, "DELIVERED", 204)]


def test_a_courier_goes_on_after_what_passes_and_ends_at_what_does_not(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A machine without free files, a busy database; but not what nobody has thought of."""
    monkeypatch.setattr(courier_module, "IDLE_S", 0.0)
    faults = [
        OSError(errno.EMFILE, "Too many open files"),
        Unavailable("DATABASE_BUSY", "Try again."),
        ZeroDivisionError(),
    ]

    class Stumbles(Courier):
        def step(self, wait: float | None = None) -> int:
            raise faults.pop(0)

    with pytest.raises(ZeroDivisionError):
        Stumbles(site, lambda: 0.0).run(threading.Event())
    assert faults == []


def test_what_goes_wrong_in_one_call_is_that_calls_answer(
    site: Site, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Addresses and answers are others': no kind of them ends the deliveries of all."""
    subscribe(site, receiver)
    happen(site)

    async def odd(*_: Any) -> Any:
        raise ZeroDivisionError("odd")

    monkeypatch.setattr(courier_module, "send", odd)
    assert Courier(site, lambda: 0.0).step() == 1
    assert [state for _, state, _ in rows(site)] == ["FAILED", "WAITING"]
    with reading(site.engine) as session:
        assert session.scalars(select(Delivery.error)).first() == "ZeroDivisionError: odd"


def test_a_webhook_shares_nothing_with_one_that_was_removed(site: Site, receiver: Receiver) -> None:
    """Neither its number, nor its secret, nor what was sent to it."""
    first = subscribe(site, receiver)
    secret = receiver.secret
    happen(site)
    Courier(site, lambda: 0.0).step()
    with transaction(site.engine) as session:
        webhooks.remove(session, site.clock(), "test", session.get_one(Webhook, first))
    with transaction(site.engine) as session:
        row, other = webhooks.create(site, session, "test", RIVAL, receiver.url, [])
        assert (row.id > first, other != secret) == (True, True)
        assert webhooks.deliveries(session, row, None, 0, 9) == []
        with pytest.raises(Rejected, match="no delivery"):
            webhooks.find_delivery(session, 1, RIVAL)
        sent = webhooks.find_delivery(session, 1, BRAND)
        with pytest.raises(Rejected, match="was removed"):
            webhooks.replay(session, site.clock(), "test", sent)


def test_a_number_that_comes_again_gives_nothing_away(site: Site, receiver: Receiver) -> None:
    """As from a database that was restored: a brand's deliveries and secrets are its own."""
    first = subscribe(site, receiver)
    secret = receiver.secret
    happen(site)
    with transaction(site.engine) as session:
        webhooks.remove(session, site.clock(), "test", session.get_one(Webhook, first))
        session.flush()
        session.execute(text("DELETE FROM sqlite_sequence"))
    with transaction(site.engine) as session:
        row, other = webhooks.create(site, session, "test", RIVAL, receiver.url, [])
        assert (row.id, other != secret) == (first, True)
        assert webhooks.deliveries(session, row, None, 0, 9) == []
        sent = session.get_one(Delivery, 1)
        with pytest.raises(Rejected, match="was removed"):
            webhooks.replay(session, site.clock(), "test", sent)
        sent.state = "WAITING"
    assert Courier(site, lambda: 0.0).step() == 0
    assert receiver.got == []


def test_no_message_id_comes_again_after_a_restore(site: Site, receiver: Receiver) -> None:
    """The number of an entry does; a receiver that takes each id once takes both messages."""
    subscribe(site, receiver)
    happen(site)
    Courier(site, lambda: 0.0).step()
    copy, path = site.home.path / "backup.db", str(site.engine.url.database)
    with closing(sqlite3.connect(copy)) as backup, closing(sqlite3.connect(path)) as live:
        live.backup(backup)
    lost = happen(site)
    Courier(site, lambda: 0.0).step()
    later(site, 60)
    restored = replace(site, engine=open_database(f"sqlite:///{copy}"))
    assert happen(restored) == lost
    Courier(restored, lambda: 0.0).step()
    assert [status for _, _, status in rows(restored)] == [204, 204]
    assert len(receiver.taken) == 3
    restored.engine.dispose()


def test_a_webhook_gets_its_own_brands_kinds_only(site: Site, receiver: Receiver) -> None:
    """Neither another brand's, nor a kind that it did not ask for."""
    subscribe(site, receiver, ["diversion"])
    happen(site, brand=RIVAL, kind="diversion")
    happen(site, kind="clone")
    happen(site, kind="diversion")
    courier = Courier(site, lambda: 0.0)
    while courier.step():
        pass
    assert list(receiver.taken) == messages(site)
    assert len(messages(site)) == 1


def test_a_new_secret_signs_at_once_and_the_old_one_for_a_day(
    site: Site, receiver: Receiver
) -> None:
    """So that a receiver can change over without losing a message."""
    number = subscribe(site, receiver)
    old = receiver.secret
    with transaction(site.engine) as session:
        new = webhooks.rotate(site, session, "test", session.get_one(Webhook, number))
    for secret in (old, new):
        receiver.secret = secret
        happen(site)
        Courier(site, lambda: 0.0).step()
    assert [state for _, state, _ in rows(site)] == ["DELIVERED"] * 2
    later(site, 86_401)
    happen(site)
    Courier(site, lambda: 0.0).step()
    headers, _ = receiver.got[-1]
    assert len(headers["webhook-signature"].split(" ")) == 1


def test_a_secret_that_signs_no_more_is_forgotten(site: Site, receiver: Receiver) -> None:
    """When the next one is made: of those before only what still signs is named."""
    number = subscribe(site, receiver)

    def names() -> list[str]:
        with transaction(site.engine) as session:
            row = session.get_one(Webhook, number)
            webhooks.rotate(site, session, "test", row)
            return [name for name, _ in row.secrets]

    second = names()
    later(site, 3_600)
    third = names()
    assert third[1:] == second, "both are within their day"
    later(site, webhooks.OVERLAP_S - 3_600 + 1)
    fourth = names()
    assert fourth[1:] == third[:2], "the first one's day is over"
    later(site, webhooks.OVERLAP_S + 1)
    assert names()[1:] == fourth[:1]


def test_no_name_leads_into_a_private_network(site: Site, receiver: Receiver) -> None:
    """A name that is public when it is added and private when it is called is not called."""
    subscribe(site, receiver)  # its host is a name of this machine
    happen(site)
    strict = replace(site, private_webhooks=False)
    with transaction(site.engine) as session:
        session.scalars(select(Webhook)).one().url = receiver.url.replace("http:", "https:")
    Courier(strict, lambda: 0.0).step()
    assert receiver.got == []
    with reading(site.engine) as session:
        assert "private network" in str(session.scalars(select(Delivery.error)).first())


@pytest.mark.parametrize(
    ("text", "public"),
    [
        ("1.1.1.1", True),
        ("2606:4700:4700::1111", True),
        ("127.0.0.1", False),
        ("10.1.2.3", False),
        ("100.64.0.1", False),
        ("169.254.169.254", False),
        ("192.168.0.1", False),
        ("0.0.0.0", False),
        ("224.0.0.1", False),
        ("255.255.255.255", False),
        ("::1", False),
        ("::", False),
        ("fe80::1", False),
        ("fc00::1", False),
        ("ff02::1", False),
        ("::ffff:127.0.0.1", False),
        ("64:ff9b::10.0.0.1", False),
        ("2002:7f00:1::", False),
        ("2001:0:4136:e378:8000:63bf:3fff:fdd2", False),
        ("2001:0:808:808::1", False),
        ("64:ff9b::8.8.8.8", True),
        ("64:ff9b:1::a00:1", False),
        ("64:ff9b:1:0:8:808::", False),
        ("fec0::1", False),
        ("::8.8.8.8", False),
        ("::ffff:0:8.8.8.8", False),
        ("::ffff:8.8.8.8", True),
        ("2002:808:808::1", True),
        ("2606:4700::5efe:a00:1", False),
        ("2606:4700::200:5efe:8.8.8.8", True),
        ("3fff::1", False),
        ("4000::1", False),
    ],
)
def test_which_addresses_are_the_internets_at_large(text: str, public: bool) -> None:
    """Also by the IPv4 address that is inside an IPv6 one."""
    assert outbound.is_public(ipaddress.ip_address(text)) is public


PRIVATE = ("0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16",
           "172.16.0.0/12", "192.168.0.0/16", "224.0.0.0/4", "240.0.0.0/4")  # fmt: skip
# Prefixes that have an IPv4 address after them, and how many bits come after that.
EMBEDDING = (("::", 0), ("::ffff:0:0", 0), ("::ffff:0:0:0", 0), ("64:ff9b::", 0),
             ("64:ff9b:1::", 0), ("64:ff9b:1:ffff::", 0), ("2002::", 80), ("2001::", 64),
             ("2606:4700::5efe:0:0", 0), ("2606:4700::200:5efe:0:0", 0))  # fmt: skip


@given(
    st.sampled_from(PRIVATE).flatmap(lambda net: st.ip_addresses(network=net)),
    st.sampled_from(EMBEDDING),
    st.integers(0, 2**80 - 1),
)
def test_no_way_of_writing_a_private_address_is_public(
    inner: ipaddress.IPv4Address, embedding: tuple[str, int], rest: int
) -> None:
    """Mapped, compatible, translated, 6to4, Teredo's server, ISATAP; whatever comes after it."""
    assert not outbound.is_public(inner)
    prefix, shift = embedding
    whole = int(ipaddress.IPv6Address(prefix)) | int(inner) << shift | rest & ((1 << shift) - 1)
    assert not outbound.is_public(ipaddress.IPv6Address(whole))


@given(st.ip_addresses(v=6))
def test_only_what_is_given_out_is_public(address: ipaddress.IPv6Address) -> None:
    """Outside 2000::/3 there are but two ways of writing a public IPv4 address."""
    given_out = address in ipaddress.ip_network("2000::/3")
    written = address.ipv4_mapped or address in ipaddress.ip_network("64:ff9b::/96")
    assert given_out or written or not outbound.is_public(address)


@given(st.integers(1, 40), st.floats(0, 1))
def test_later_and_later_but_never_longer_than_a_day(attempt: int, jitter: float) -> None:
    """Half of the wait is by chance, and each step is at least as long as the one before."""
    wait = delay(attempt, jitter)
    assert delay(attempt, 0.0) <= wait <= min(LONGEST_S, 2 * delay(attempt, 0.0))
    assert delay(attempt + 1, jitter) >= wait
    assert 2.5 <= wait <= LONGEST_S


def test_the_same_address_is_one_webhook(site: Site, receiver: Receiver) -> None:
    """A request sent twice does not make every alert come twice."""
    subscribe(site, receiver)
    with pytest.raises(Rejected, match="a webhook already"):
        subscribe(site, receiver)


def test_the_payload_is_what_was_true_when_it_happened(site: Site, receiver: Receiver) -> None:
    """It is kept with the change, and sent as it was however late."""
    subscribe(site, receiver)
    happen(site, "closed")
    Courier(site, lambda: 0.0).step()
    assert json.loads(receiver.got[0][1])["type"] == "alert.closed"


def test_the_sealed_file_is_its_owners_alone(site: Site, receiver: Receiver, home: Home) -> None:
    """Mode 0600, and the secret is not in it as it is."""
    subscribe(site, receiver)
    path: Path = home.path / "webhooks.json"
    assert path.stat().st_mode & 0o777 == 0o600
    assert receiver.secret[6:] not in path.read_text()
