"""Requests to one server over kept connections, against a server that answers byte for byte."""

from __future__ import annotations

import datetime as dt
import socket
import ssl
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from ledger.chain.http_post import HttpPost

OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"
MOST = 1 << 20


@dataclass
class Server:
    """Gives the answers of `script`, a list for each connection, and then ends it.

    heads: of the requests that came. ended: once a connection was ended.
    """

    port: int = 0
    heads: list[bytes] = field(default_factory=list)
    ended: threading.Event = field(default_factory=threading.Event)

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.port}/"


@contextmanager
def serving(script: Sequence[Sequence[bytes]]) -> Iterator[Server]:
    """Serve connection after connection as the script says."""
    server = Server()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server.port = listener.getsockname()[1]

        def serve() -> None:
            for answers in script:
                connection, _ = listener.accept()
                with connection, connection.makefile("rb") as stream:
                    for answer in answers:
                        server.heads.append(_read(stream))
                        connection.sendall(answer)
                server.ended.set()

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield server
        thread.join()


def _read(stream) -> bytes:
    head, length = b"", 0
    while (line := stream.readline()) not in (b"\r\n", b""):
        head += line
        if line.startswith(b"content-length:"):
            length = int(line.partition(b":")[2])
    return head + stream.read(length)


def test_a_connection_is_kept_for_the_next_request():
    """Two requests on one connection; another has to be made only after it has ended."""
    with serving([[OK, OK], [OK]]) as server:
        client = HttpPost(server.url, 5)
        assert [client.post(b"{}", MOST) for _ in range(2)] == [(200, b"ok")] * 2
        server.ended.wait()
        assert client.post(b"[]", MOST) == (200, b"ok")
        client.close()
    sent = b"POST / HTTP/1.1\r\nhost: 127.0.0.1:%d\r\n" % server.port
    sent += b"content-type: application/json\r\ncontent-length: 2\r\n"
    assert server.heads == [sent + b"{}", sent + b"{}", sent + b"[]"]


@pytest.mark.parametrize(
    ("answer", "found"),
    [
        (b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: Close\r\n\r\nok", (200, b"ok")),
        (b"HTTP/1.0 200 OK\r\ncontent-length: 2\r\n\r\nok", (200, b"ok")),
        (b"HTTP/1.1 502 Bad\r\n\r\nfails", (502, b"fails")),
    ],
    ids=["it closes", "it is old", "no length"],
)
def test_a_connection_that_may_not_be_kept_is_not(answer, found):
    """The next request has a connection of its own, whatever came on the last one."""
    with serving([[answer], [OK]]) as server:
        client = HttpPost(server.url, 5)
        assert client.post(b"{}", MOST) == found
        assert client.post(b"{}", MOST) == (200, b"ok")
        client.close()


def test_an_answer_in_chunks_is_put_together():
    """Some servers do not know the length beforehand."""
    chunks = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1\r\no\r\n1\r\nk\r\n0\r\n\r\n"
    with serving([[chunks, chunks]]) as server:
        client = HttpPost(server.url, 5)
        assert [client.post(b"{}", MOST) for _ in range(2)] == [(200, b"ok")] * 2
        client.close()


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nok",
        b"HTTP/1.1 200 OK\r\n",
        b"SSH-2.0\r\n",
        OK + OK,
    ],
    ids=["nothing", "too little", "half a head", "another protocol", "two of them"],
)
def test_half_an_answer_is_none(answer):
    """What a dying or confused server has said is not believed."""
    with serving([[answer]]) as server, pytest.raises(OSError):
        HttpPost(server.url, 5).post(b"{}", MOST)


def test_an_answer_over_the_limit_is_not_read_on():
    """Its head counts: it could be endless too."""
    with serving([[OK]]) as server, pytest.raises(OSError, match="too long"):
        HttpPost(server.url, 5).post(b"{}", len(OK) - 1)


def test_the_address_is_said_as_the_url_has_it():
    """Path, query and credentials, which are written in the URL as percent signs."""
    with serving([[OK]]) as server:
        client = HttpPost(f"http://a%40b:c%20d@localhost:{server.port}/v3/k y?x=1&y=%2f", 5)
        assert client.post(b"{}", MOST) == (200, b"ok")
        client.close()
    line, host, *_, known, _ = server.heads[0].split(b"\r\n")
    assert line == b"POST /v3/k%20y?x=1&y=%2f HTTP/1.1"
    assert host == b"host: localhost:%d" % server.port
    assert known == b"content-length: 2"
    assert b"authorization: Basic YUBiOmMgZA==" in server.heads[0]


@pytest.mark.parametrize("url", ["nowhere", "ftp://a/", "http:///path", "http://a:b/"])
def test_an_address_that_is_none_is_a_value_error(url):
    """Before anything is connected."""
    with pytest.raises(ValueError):
        HttpPost(url, 5).post(b"{}", MOST)


def test_threads_do_not_share_a_connection():
    """Each answer goes to who has asked."""
    bodies = [b"%d" % number for number in range(64)]
    with _echo() as url, ThreadPoolExecutor(4) as pool:
        client = HttpPost(url, 5)
        assert [body for _, body in pool.map(lambda b: client.post(b, MOST), bodies)] == bodies
        client.close()


@contextmanager
def _echo() -> Iterator[str]:
    """Answer each request on any number of connections with its own body."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def talk(connection: socket.socket) -> None:
            with connection, connection.makefile("rb") as stream:
                while (request := _read(stream)) != b"":
                    body = request.rpartition(b"\r\n")[2]
                    head = b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % len(body)
                    connection.sendall(head + body)

        def serve() -> None:
            while True:
                connection, _ = listener.accept()
                if stopped.is_set():
                    connection.close()
                    return
                threading.Thread(target=talk, args=(connection,), daemon=True).start()

        stopped = threading.Event()
        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        port = listener.getsockname()[1]
        try:
            yield f"http://127.0.0.1:{port}/"
        finally:
            stopped.set()
            socket.create_connection(("127.0.0.1", port)).close()
            thread.join()


def test_a_certificate_that_nobody_vouches_for_is_refused(tmp_path):
    """https is more than a word: who answers has to prove the name."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(_self_signed(tmp_path))
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            connection, _ = listener.accept()
            with connection, pytest.raises(OSError):
                context.wrap_socket(connection, server_side=True)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        with pytest.raises(ssl.SSLCertVerificationError):
            HttpPost(f"https://localhost:{listener.getsockname()[1]}/", 5).post(b"{}", MOST)
        thread.join()


def test_a_certificate_that_is_trusted_is_spoken_to(tmp_path, monkeypatch):
    """The same certificate, once the system vouches for it."""
    path = _self_signed(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(path))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path)
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            connection, _ = listener.accept()
            with context.wrap_socket(connection, server_side=True) as safe, safe.makefile() as file:
                for _ in range(2):
                    _read(file.buffer)
                    safe.sendall(OK)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        client = HttpPost(f"https://localhost:{listener.getsockname()[1]}/", 5)
        assert [client.post(b"{}", MOST) for _ in range(2)] == [(200, b"ok")] * 2
        client.close()
        thread.join()


def _self_signed(directory: Path) -> Path:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    builder = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(dt.datetime(2020, 1, 1))
        .not_valid_after(dt.datetime(2100, 1, 1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), False)
        .add_extension(x509.BasicConstraints(True, None), True)
    )
    path = directory / "certificate.pem"
    path.write_bytes(
        builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
        + key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return path
