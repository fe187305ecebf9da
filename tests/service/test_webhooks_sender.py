"""One try reaches the address that was checked, says who sent it, and costs no more than it may."""

from __future__ import annotations

import ssl
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from hypothesis import given
from hypothesis import strategies as st

from detector.service.records import Delivery
from detector.service.webhooks import verify
from detector.service.webhooks.guard import check_url
from detector.service.webhooks.sender import Answer, Sender, seconds_to_wait
from tests.service.receiver import Reply, listening, status

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
PAYLOAD = '{"id": "d1", "data": {"name": "Zoë.jpg"}}'
QUICK = ssl.create_default_context()
"""Reading all authorities once is enough."""
IPV6 = Path("/proc/net/if_inet6").exists() and bool(Path("/proc/net/if_inet6").read_text())


def delivery(url: str, attempts: int = 0) -> Delivery:
    return Delivery("d1", url, PAYLOAD, attempts, created_at=0.0)


def sender(private: bool = True, tls: ssl.SSLContext = QUICK, **more: object) -> Sender:
    return Sender(SECRET, private=private, tls=tls, **more)


def always(*addresses: str) -> object:
    return lambda _host, _port: addresses


def test_a_message_arrives_whole_and_signed() -> None:
    with listening(status(204)) as receiver:
        assert sender().send(delivery(receiver.url())) == Answer("delivered")
    (request,) = receiver.received
    assert request.path == "/hook?team=a"
    assert request.body == PAYLOAD.encode()
    assert request.headers["content-type"] == "application/json"
    assert verify(request.headers, request.body, SECRET) == "d1"


def test_a_try_is_signed_with_the_time_of_the_try() -> None:
    with listening(status(200)) as receiver:
        sender(clock=lambda: 1614265330.9).send(delivery(receiver.url()))
    assert receiver.received[0].headers["webhook-timestamp"] == "1614265330"


@pytest.mark.parametrize("code", [200, 201, 204, 299])
def test_all_of_2xx_is_delivered(code: int) -> None:
    with listening(status(code)) as receiver:
        assert sender().send(delivery(receiver.url())).outcome == "delivered"


@pytest.mark.parametrize("code", [300, 304, 400, 401, 404, 429, 500, 503])
def test_everything_else_has_failed(code: int) -> None:
    with listening(status(code)) as receiver:
        assert sender().send(delivery(receiver.url())) == Answer("failed", f"answered {code}")


def test_gone_is_gone() -> None:
    with listening(status(410)) as receiver:
        assert sender().send(delivery(receiver.url())) == Answer("gone", "answered 410")


def test_what_the_receiver_asks_for_is_told() -> None:
    with listening(status(503, headers={"Retry-After": "120"})) as receiver:
        assert sender().send(delivery(receiver.url())).retry_after_s == 120


@pytest.mark.parametrize("code", [301, 302, 303, 307, 308])
def test_a_redirect_is_not_followed(code: int) -> None:
    with listening(status(200)) as inside, listening(status(code, headers={"Location": inside.url()})) as receiver:
        assert sender().send(delivery(receiver.url())) == Answer("failed", f"answered {code}")
    assert inside.received == []


def test_an_address_inside_is_refused_at_each_try() -> None:
    with listening(status(200)) as receiver:
        answer = sender(private=False).send(delivery(receiver.url()))
    assert answer.outcome == "failed"
    assert "public addresses only" in answer.error
    assert receiver.received == []


def test_the_connection_goes_to_the_address_that_was_checked() -> None:
    # The name means one address when it is checked, and another one ever after; the system knows neither.
    asked: list[str] = []

    def rebinding(host: str, _port: int) -> Sequence[str]:
        asked.append(host)
        return ["127.0.0.1"] if len(asked) == 1 else ["127.0.0.2"]

    with listening(status(200)) as receiver:
        answer = sender(resolve=rebinding).send(delivery(receiver.url("hooks.invalid")))
    assert answer == Answer("delivered")
    assert asked == ["hooks.invalid"]
    assert receiver.received[0].headers["host"] == f"hooks.invalid:{receiver.port}"


def test_a_name_that_is_inside_by_the_time_of_sending_is_refused() -> None:
    with listening(status(200)) as receiver:
        url = receiver.url("hooks.invalid")
        check_url(url, False, always("8.8.8.8"))
        answer = sender(private=False, resolve=always("127.0.0.1")).send(delivery(url))
    assert "public addresses only" in answer.error
    assert receiver.received == []


def test_each_try_takes_another_address() -> None:
    with listening(status(200)) as receiver:
        both = sender(resolve=always("127.0.0.2", "127.0.0.1"))  # nobody listens on the first
        outcomes = [both.send(delivery(receiver.url("out"), attempts)).outcome for attempts in range(4)]
    assert outcomes == ["failed", "delivered", "failed", "delivered"]


@pytest.mark.skipif(not IPV6, reason="this machine has no IPv6")
@pytest.mark.parametrize("host", ["[::1]", "out"])
def test_an_ipv6_address_is_reached(host: str) -> None:
    with listening(status(200), address="::1") as receiver:
        assert sender(resolve=always("::1")).send(delivery(receiver.url(host))) == Answer("delivered")
    assert receiver.received[0].headers["host"] == f"{host}:{receiver.port}"


def drip(handler: BaseHTTPRequestHandler, _: int) -> None:
    """A head that never ends, a little at a time: no single read is slow."""
    handler.wfile.write(b"HTTP/1.1 200 OK\r\n")
    while True:
        handler.wfile.write(b"x-more: 1\r\n")
        handler.wfile.flush()
        time.sleep(0.02)


def promises(handler: BaseHTTPRequestHandler, _: int) -> None:
    """One interim answer after the other."""
    while True:
        handler.wfile.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        time.sleep(0.02)


def silence(_handler: BaseHTTPRequestHandler, _: int) -> None:
    time.sleep(2)


@pytest.mark.parametrize("reply", [drip, promises, silence])
def test_a_slow_answer_ends_at_the_timeout(reply: Reply) -> None:
    with listening(reply) as receiver:
        begun = time.monotonic()
        answer = sender(timeout_s=0.3).send(delivery(receiver.url()))
        assert time.monotonic() - begun < 1.5
    assert answer == Answer("failed", "no answer within 0.3 s")


def flood(handler: BaseHTTPRequestHandler, _: int) -> None:
    """A body without end, gzipped as it claims."""
    handler.wfile.write(b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\n\r\n")
    while True:
        handler.wfile.write(bytes(65536))


def test_the_body_of_an_answer_is_not_read() -> None:
    with listening(flood) as receiver:
        assert sender().send(delivery(receiver.url())) == Answer("delivered")


def endless_head(handler: BaseHTTPRequestHandler, _: int) -> None:
    handler.wfile.write(b"HTTP/1.1 200 OK\r\nx: ")
    while True:
        handler.wfile.write(b"a" * 65536)


def nonsense(handler: BaseHTTPRequestHandler, _: int) -> None:
    handler.wfile.write(b"SSH-2.0-OpenSSH_9.2\r\n")


@pytest.mark.parametrize("reply", [endless_head, nonsense])
def test_what_is_no_answer_has_failed(reply: Reply) -> None:
    with listening(reply) as receiver:
        answer = sender().send(delivery(receiver.url()))
    assert answer.outcome == "failed"
    assert answer.error.startswith("RemoteProtocolError")


def test_nobody_there_has_failed() -> None:
    with listening(status(200)) as receiver:
        url = receiver.url()
    assert sender().send(delivery(url)).error.startswith("ConnectError")


def test_proxies_of_the_environment_are_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    with listening(status(200)) as receiver, listening(status(200)) as proxy:
        monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{proxy.port}")
        monkeypatch.setenv("ALL_PROXY", f"http://127.0.0.1:{proxy.port}")
        assert sender().send(delivery(receiver.url())) == Answer("delivered")
    assert proxy.received == []


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """For hooks.test, signed by itself."""
    key, name = ec.generate_private_key(ec.SECP256R1()), x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "x")])
    now = datetime.now(UTC)
    made = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
    made = made.not_valid_before(now - timedelta(days=1)).not_valid_after(now + timedelta(days=1))
    made = made.add_extension(x509.SubjectAlternativeName([x509.DNSName("hooks.test")]), critical=False)
    encoding, form = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    path = tmp_path_factory.mktemp("tls") / "hooks.pem"
    secret = key.private_bytes(encoding, form, serialization.NoEncryption())
    path.write_bytes(secret + made.sign(key, hashes.SHA256()).public_bytes(encoding))
    return path


def server_tls(certificate: Path, names: list[str | None]) -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate)
    context.sni_callback = lambda _socket, name, _context: names.append(name)
    return context


@pytest.mark.parametrize(
    ("host", "outcome"), [("hooks.test", "delivered"), ("other.test", "failed"), ("127.0.0.1", "failed")]
)
def test_the_certificate_must_be_of_the_name(certificate: Path, host: str, outcome: str) -> None:
    trusting = ssl.create_default_context(cafile=str(certificate))
    names: list[str | None] = []
    with listening(status(200), server_tls(certificate, names)) as receiver:
        url = receiver.url(host, "https")
        answer = sender(tls=trusting, resolve=always("127.0.0.1")).send(delivery(url))
    assert answer.outcome == outcome
    assert names == [None if host == "127.0.0.1" else host]
    assert [request.headers["host"] for request in receiver.received] == [f"{host}:{receiver.port}"] * (
        outcome == "delivered"
    )
    assert ("certificate" in answer.error.lower()) == (outcome == "failed")


def test_a_certificate_of_an_unknown_authority_is_refused(certificate: Path) -> None:
    with listening(status(200), server_tls(certificate, [])) as receiver:
        url = receiver.url("hooks.test", "https")
        answer = Sender(SECRET, private=True, resolve=always("127.0.0.1")).send(delivery(url))
    assert answer.outcome == "failed"
    assert "CERTIFICATE_VERIFY_FAILED" in answer.error


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("120", 120),
        ("0", 0),
        ("", 0),
        ("soon", 0),
        ("-5", 0),
        ("1.5", 0),
        ("Wed, 21 Oct 2015 07:28:00 GMT", 60),
        ("Wed, 21 Oct 2015 07:28:00 -0000", 60),
        ("Wed, 21 Oct 2015 09:28:00 +0200", 60),
        ("Wed, 21 Oct 2015 07:26:00 GMT", 0),
    ],
)
def test_retry_after_is_read(header: str, seconds: float) -> None:
    assert seconds_to_wait(header, now=datetime(2015, 10, 21, 7, 27, tzinfo=UTC).timestamp()) == seconds


@given(st.text() | st.from_regex(r"\w{3}, \d+ \w{3} \d+ [\d:]+ [-+]?\w+", fullmatch=True) | st.from_regex(r"\d+"))
def test_any_retry_after_is_a_number_of_seconds(header: str) -> None:
    assert seconds_to_wait(header, now=0.0) >= 0


@given(st.datetimes(datetime(2000, 1, 1), datetime(2200, 1, 1)))
def test_a_date_in_retry_after_is_that_date(date: datetime) -> None:
    date = date.replace(tzinfo=UTC, microsecond=0)
    assert seconds_to_wait(format_datetime(date, usegmt=True), now=0.0) == date.timestamp()
