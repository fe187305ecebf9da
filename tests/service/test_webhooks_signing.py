"""A receiver believes what the sender signed, and nothing else."""

from __future__ import annotations

import hashlib
import os
import stat
import subprocess
from base64 import b64decode, b64encode
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detector.errors import ConfigError
from detector.service.settings import Settings, Webhooks
from detector.service.webhooks import SignatureError, secret, sign, verify

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
OTHER = "whsec_" + b64encode(bytes(range(32))).decode()
ID, AT, BODY = "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}'


def test_the_published_vector_of_standard_webhooks() -> None:
    # https://github.com/standard-webhooks/standard-webhooks, the sign test of its libraries.
    assert sign(ID, AT, BODY, SECRET) == {
        "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "webhook-timestamp": "1614265330",
        "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    }


@given(body=st.binary(max_size=300), key=st.binary(min_size=24, max_size=64), at=st.integers(0, 10**11))
def test_the_signature_is_hmac_sha256_by_its_definition(body: bytes, key: bytes, at: int) -> None:
    # RFC 2104: H((key ^ opad) || H((key ^ ipad) || text)), the key padded with zeros to the block of 64 bytes.
    block = key.ljust(64, b"\0")
    inner = hashlib.sha256(bytes(byte ^ 0x36 for byte in block) + f"abc.{at}.".encode() + body).digest()
    outer = hashlib.sha256(bytes(byte ^ 0x5C for byte in block) + inner).digest()
    headers = sign("abc", at, body, "whsec_" + b64encode(key).decode())
    assert b64decode(headers["webhook-signature"].removeprefix("v1,")) == outer


def test_openssl_computes_the_same() -> None:
    key = b64decode(OTHER.removeprefix("whsec_")).hex()
    command = ["openssl", "dgst", "-sha256", "-mac", "HMAC", "-macopt", f"hexkey:{key}", "-binary"]
    digest = subprocess.run(command, input=f"{ID}.{AT}.".encode() + BODY, capture_output=True, check=True).stdout
    assert sign(ID, AT, BODY, OTHER)["webhook-signature"] == "v1," + b64encode(digest).decode()


@given(body=st.binary(max_size=200), apart=st.floats(-300, 300), name=st.sampled_from([str, str.upper, str.title]))
def test_what_was_signed_is_believed_within_the_window(body: bytes, apart: float, name: type[str]) -> None:
    headers = {name(key): value for key, value in sign(ID, AT, body, SECRET).items()}
    assert verify(headers, body, SECRET, now=AT + apart) == ID


@given(data=st.data())
def test_any_change_is_noticed(data: st.DataObject) -> None:
    headers = sign(ID, AT, BODY, SECRET)
    what = data.draw(st.sampled_from(["body", "webhook-id", "webhook-timestamp", "webhook-signature"]))
    whole = BODY if what == "body" else headers[what].encode()
    where = data.draw(st.integers(0, len(whole) - 1))
    byte = data.draw(st.integers(33, 126).filter(lambda value: value != whole[where]))
    changed = whole[:where] + bytes([byte]) + whole[where + 1 :]
    if what != "body":
        headers[what] = changed.decode()
    with pytest.raises(SignatureError):
        verify(headers, changed if what == "body" else BODY, SECRET, tolerance_s=10**12, now=AT)


@pytest.mark.parametrize("now", [AT + 301, AT - 301, AT + 1e9, float("nan")])
def test_an_old_message_and_one_of_the_future_are_refused(now: float) -> None:
    with pytest.raises(SignatureError, match=r"webhook-timestamp: expected 300 s or less from now, got 1614265330"):
        verify(sign(ID, AT, BODY, SECRET), BODY, SECRET, now=now)


def test_the_clock_is_used_where_no_time_is_given() -> None:
    with pytest.raises(SignatureError, match="from now"):
        verify(sign(ID, AT, BODY, SECRET), BODY, SECRET)


@pytest.mark.parametrize("name", ["webhook-id", "webhook-timestamp", "webhook-signature"])
def test_a_missing_header_is_named(name: str) -> None:
    headers = sign(ID, AT, BODY, SECRET)
    del headers[name]
    with pytest.raises(SignatureError, match=f"expected a header {name}"):
        verify(headers, BODY, SECRET, now=AT)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("webhook-timestamp", "1614265330.0"),
        ("webhook-timestamp", "1_614_265_330"),
        ("webhook-timestamp", "١٦١٤٢٦٥٣٣٠"),
        ("webhook-timestamp", "9" * 5000),
        ("webhook-id", f"{ID}.{AT}"),
        ("webhook-signature", ""),
        ("webhook-signature", "v1,"),
        ("webhook-signature", "v1,é"),
        ("webhook-signature", "v1a,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="),
        ("webhook-signature", "g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="),
    ],
)
def test_odd_headers_are_refused_as_ours(name: str, value: str) -> None:
    with pytest.raises(SignatureError):
        verify({**sign(ID, AT, BODY, SECRET), name: value}, BODY, SECRET, now=AT)


def test_no_dot_moves_from_one_part_to_another() -> None:
    # "a.1.2.rest" is the content of (a, 1, "2.rest"); it must not pass for (a.1, 2, "rest").
    signature = sign("a", 1, b"2.rest", SECRET)["webhook-signature"]
    shifted = {"webhook-id": "a.1", "webhook-timestamp": "2", "webhook-signature": signature}
    with pytest.raises(SignatureError):
        verify(shifted, b"rest", SECRET, tolerance_s=10, now=2)
    with pytest.raises(ValueError, match="expected an id"):
        sign("a.1", 2, b"rest", SECRET)


def test_while_a_secret_is_replaced_receivers_may_have_either() -> None:
    both = sign(ID, AT, BODY, f"{OTHER} {SECRET}")
    assert [verify(both, BODY, one, now=AT) for one in (SECRET, OTHER, f"{SECRET} {OTHER}")] == [ID] * 3
    with pytest.raises(SignatureError, match="no webhook-signature fits"):
        verify(sign(ID, AT, BODY, OTHER), BODY, SECRET, now=AT)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "got nothing"),
        ("hunter2", "got something else"),
        ("whsec_%%%", "got no base64"),
        ("whsec_" + b64encode(bytes(23)).decode(), "got 23 bytes"),
        ("whsec_" + b64encode(bytes(65)).decode(), "got 65 bytes"),
        (f"{SECRET} hunter2", "got something else"),
    ],
)
def test_what_is_no_secret_is_refused_and_not_shown(text: str, says: str) -> None:
    with pytest.raises(ConfigError, match=says) as caught:
        sign(ID, AT, BODY, text)
    assert "hunter2" not in str(caught.value)


def test_the_secret_of_the_settings_wins_then_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DETECTOR_WEBHOOK_SECRET", SECRET)
    assert secret.load(Settings(state=tmp_path)) == SECRET
    assert secret.load(Settings(state=tmp_path, webhooks=Webhooks(secret=OTHER))) == OTHER
    assert list(tmp_path.iterdir()) == []


def test_a_bad_secret_is_refused_at_the_start(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="webhook secret"):
        secret.load(Settings(state=tmp_path, webhooks=Webhooks(secret="hunter2")))


@pytest.fixture
def no_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DETECTOR_WEBHOOK_SECRET", raising=False)


@pytest.mark.usefixtures("no_variable")
def test_a_secret_is_made_once_and_only_its_owner_can_read_it(tmp_path: Path) -> None:
    settings = Settings(state=tmp_path / "state")
    with ThreadPoolExecutor(16) as pool:
        made = set(pool.map(secret.load, [settings] * 64))
    (file,) = settings.state.iterdir()
    assert made == {file.read_text().strip()}
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert secret.load(Settings(state=tmp_path / "another")) not in made


@pytest.mark.usefixtures("no_variable")
def test_of_two_that_make_a_secret_at_once_one_wins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    both, make = Barrier(2), secret.make

    def make_together() -> str:
        both.wait(10)
        return make()

    monkeypatch.setattr(secret, "make", make_together)
    with ThreadPoolExecutor(2) as pool:
        first, second = pool.map(secret.load, [Settings(state=tmp_path)] * 2)
    assert first == second
    assert [file.name for file in tmp_path.iterdir()] == ["webhook.secret"]


@pytest.mark.usefixtures("no_variable")
def test_a_secret_that_others_can_read_is_refused(tmp_path: Path) -> None:
    secret.load(Settings(state=tmp_path))
    os.chmod(tmp_path / "webhook.secret", 0o640)  # noqa: PTH101
    with pytest.raises(ConfigError, match="chmod 600"):
        secret.load(Settings(state=tmp_path))
