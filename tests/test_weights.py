"""The store of weights: what is there is right, or it is not there."""

from __future__ import annotations

import hashlib
import socket
import threading
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from detector import weights
from detector.errors import UnknownNameError, WeightsError
from detector.weights import Pinned

CONTENT = bytes(range(256)) * 1000
ANSWERS = {
    "/good": CONTENT,
    "/other": CONTENT[::-1],
    "/long": CONTENT + b"x" * 1_000_000,
    "/short": CONTENT[:1000],
}


class Source(BaseHTTPRequestHandler):
    """Gives the bytes of `ANSWERS`; ``/broken`` ends before its declared end."""

    def do_GET(self) -> None:
        body = ANSWERS.get(self.path, CONTENT[:70_000] if self.path == "/broken" else None)
        self.send_response(404 if body is None else 200)
        self.send_header("Content-Length", str(len(CONTENT if self.path == "/broken" else body or b"")))
        self.end_headers()
        try:
            self.wfile.write(body or b"")
        except ConnectionError:
            self.close_connection = True

    def log_message(self, *args: object) -> None:
        """Say nothing."""


@pytest.fixture(scope="module")
def source() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Source) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join()


@pytest.fixture
def pin(source: str) -> Pinned:
    return Pinned("model.bin", f"{source}/good", hashlib.sha256(CONTENT).hexdigest(), len(CONTENT), "MIT")


def test_a_good_source_is_fetched_whole_with_progress(pin: Pinned, tmp_path: Path) -> None:
    seen: list[tuple[int, int]] = []
    path = weights.fetch(pin, tmp_path / "new" / "store", lambda done, total: seen.append((done, total)))
    assert path.read_bytes() == CONTENT
    assert [p.name for p in path.parent.iterdir()] == ["model.bin"]
    assert seen[-1] == (len(CONTENT), len(CONTENT))
    assert [done for done, _ in seen] == sorted({done for done, _ in seen})


def test_what_is_there_is_not_fetched_again(pin: Pinned, tmp_path: Path) -> None:
    (tmp_path / "model.bin").write_bytes(CONTENT)
    assert weights.fetch(replace(pin, url="https://nowhere.invalid/model"), tmp_path).read_bytes() == CONTENT


def test_a_damaged_file_is_replaced(pin: Pinned, tmp_path: Path) -> None:
    (tmp_path / "model.bin").write_bytes(b"damaged")
    assert weights.fetch(pin, tmp_path).read_bytes() == CONTENT


def test_an_interrupted_fetch_starts_afresh(pin: Pinned, tmp_path: Path) -> None:
    (tmp_path / "model.bin.part").write_bytes(b"half of something")
    assert weights.fetch(pin, tmp_path).read_bytes() == CONTENT
    assert not (tmp_path / "model.bin.part").exists()


@pytest.mark.parametrize(
    ("page", "says"),
    [
        ("other", "expected sha256"),
        ("long", "expected 256000 bytes, got more"),
        ("short", "expected 256000 bytes, got 1000"),
        ("broken", "expected 256000 bytes, got 70000"),
        ("missing", "Not Found"),
    ],
)
def test_a_bad_source_leaves_nothing(pin: Pinned, tmp_path: Path, page: str, says: str) -> None:
    bad = replace(pin, url=pin.url.replace("good", page))
    with pytest.raises(WeightsError, match=says) as error:
        weights.fetch(bad, tmp_path)
    assert list(tmp_path.iterdir()) == []
    assert "\n" not in str(error.value)


def test_no_more_is_read_than_the_pin_allows(pin: Pinned, tmp_path: Path) -> None:
    seen: list[int] = []
    with pytest.raises(WeightsError, match="got more"):
        weights.fetch(replace(pin, url=pin.url.replace("good", "long")), tmp_path, lambda done, _: seen.append(done))
    assert max(seen) == len(CONTENT)


def test_stopping_midway_leaves_nothing(pin: Pinned, tmp_path: Path) -> None:
    def stop(_done: int, _total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        weights.fetch(pin, tmp_path, stop)
    assert list(tmp_path.iterdir()) == []


def test_offline_says_what_to_do(pin: Pinned, tmp_path: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}/good"
    with pytest.raises(WeightsError, match=r"cannot fetch http.*refused.*put it at .*model\.bin"):
        weights.fetch(replace(pin, url=url), tmp_path)


@pytest.mark.parametrize("url", ["http://example.org/model", "file:///etc/hostname", "ftp://example.org/model"])
def test_only_https_is_fetched(pin: Pinned, tmp_path: Path, url: str) -> None:
    with pytest.raises(WeightsError, match="https only"):
        weights.fetch(replace(pin, url=url), tmp_path)


def test_a_store_that_cannot_be_written_is_said(pin: Pinned, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(WeightsError, match="cannot fetch"):
        weights.fetch(pin, tmp_path / "file")


def test_the_store_is_where_the_environment_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DETECTOR_MODELS", str(tmp_path))
    assert weights.store() == tmp_path
    monkeypatch.delenv("DETECTOR_MODELS")
    assert weights.store() == Path.home() / ".cache" / "detector"


def test_find_answers_none_or_the_verified_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DETECTOR_MODELS", str(tmp_path))
    assert weights.find("yunet") is None
    path = tmp_path / weights.PINNED["yunet"].filename
    path.write_bytes(b"no network of ours")
    with pytest.raises(WeightsError, match=r"expected sha256 8f2383e4.*detector models pull yunet"):
        weights.find("yunet")


@pytest.mark.data
@pytest.mark.parametrize("name", weights.PINNED)
def test_every_pin_agrees_with_the_shared_file(shared: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DETECTOR_MODELS", str(shared / "models"))
    path = weights.find(name)
    assert path is not None
    assert path.stat().st_size == weights.PINNED[name].size
    assert weights.pull(name) == path


@pytest.mark.parametrize("pin", weights.PINNED.values(), ids=weights.PINNED)
def test_every_pin_is_complete(pin: Pinned) -> None:
    assert pin.url.startswith("https://")
    assert pin.url.endswith(pin.filename)
    assert len(pin.sha256) == 64
    assert pin.licence in {"MIT", "Apache-2.0"}


@pytest.mark.parametrize("look", [weights.find, weights.pull])
def test_an_unknown_name_lists_the_known(look: object) -> None:
    assert callable(look)
    with pytest.raises(UnknownNameError, match="taef2_decoder, taef2_encoder, yunet"):
        look("resnet")


def test_a_digest_follows_the_file(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"abc")
    assert weights.sha256(path) == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert weights.version(path) == "ba7816bf8f01"
    other = tmp_path / "b"
    other.write_bytes(b"other")
    assert len({weights.version(path), weights.version(path, other), weights.version(other, path)}) == 3
    path.write_bytes(b"abcd")
    assert weights.sha256(path) == hashlib.sha256(b"abcd").hexdigest()


def test_a_missing_asset_is_said_by_name() -> None:
    with pytest.raises(WeightsError, match=r"no asset 'nothing\.bin'"):
        weights.asset("nothing.bin")
