"""Hostile content in a real decoder, and a decoder that was taken over: the parent gets a reason code, and goes on."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Generator, Iterator
from pathlib import Path

import numpy as np
import pytest

from detector.errors import DetectorError, MediaError
from detector.score.look import Eyes, Sight
from detector.service.engine.decoder import load_eyes
from detector.service.engine.sandbox import Sandbox
from detector.service.settings import Limits
from detector.types import Pixels
from tests.hostile import HOSTILE, make_hostile
from tests.service.odd_eyes import LIES

ROOT = Path(__file__).resolve().parents[2]
ODD = "tests.service.odd_eyes:load"


def looked(sandbox: Sandbox, path: Path) -> list[Sight]:
    return list(sandbox.look(sandbox.open(path)))


@pytest.fixture(scope="module")
def real() -> Iterator[Sandbox]:
    sandbox = Sandbox(Limits())
    yield sandbox
    sandbox.close()


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[Path, str]]:
    return make_hostile(tmp_path_factory.mktemp("hostile"))


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_file_has_its_reason_and_leaves_the_decoder_alive(
    real: Sandbox, hostile: dict[str, tuple[Path, str]], name: str
) -> None:
    path, reason = hostile[name]
    before = real.detector and real.pid
    if reason in ("no_face", "too_small", "too_blurry"):
        assert {why for sight in looked(real, path) for why in sight.reasons} <= {reason}
    else:
        with pytest.raises(MediaError) as caught:
            looked(real, path)
        assert caught.value.reason == reason
    assert real.pid == before


def test_what_is_seen_is_what_eyes_see_here(real: Sandbox, astronaut: Pixels, tmp_path: Path) -> None:
    from PIL import Image

    Image.fromarray(astronaut).save(path := tmp_path / "astronaut.png")
    eyes: Eyes = load_eyes("auto", Limits().media())
    [here], [there] = list(eyes.look(eyes.open(path))), looked(real, path)
    assert np.array_equal(here.frame.pixels, there.frame.pixels)
    assert (here.reasons, here.frame.time_s, here.frame.index) == (there.reasons, there.frame.time_s, there.frame.index)
    for one, other in zip(here.faces, there.faces, strict=True):
        assert np.allclose(one.box, other.box, atol=1e-3)
        assert np.allclose(one.landmarks, other.landmarks, atol=1e-3)
        assert (one.confidence, one.track) == (pytest.approx(other.confidence, abs=1e-5), other.track)
    assert (real.detector.name, real.detector.version) == (eyes.detector.name, eyes.detector.version)


def test_an_extension_that_lies_is_warned_of(real: Sandbox, astronaut: Pixels, tmp_path: Path) -> None:
    from PIL import Image

    Image.fromarray(astronaut[:64, :64]).save(path := tmp_path / "0123", "PNG")
    media = real.open(path, "holiday.JPG")
    list(real.look(media))
    assert media.warnings == ["mislabelled: the name ends in .jpg, the content is PNG"]


@pytest.fixture(scope="module")
def odd() -> Iterator[Sandbox]:
    sandbox = Sandbox(Limits(decode_s=1.5, decode_memory=2**28), eyes=ODD)
    yield sandbox
    sandbox.close()


def orders(folder: Path, word: str) -> Path:
    (path := folder / "order").write_text(word)
    return path


def fails(sandbox: Sandbox, path: Path) -> str:
    with pytest.raises(MediaError) as caught:
        looked(sandbox, path)
    return caught.value.reason


@pytest.mark.parametrize(
    ("word", "reason"),
    [
        ("hang", "timeout"),
        ("hang later", "timeout"),
        ("trickle", "timeout"),
        ("stop", "timeout"),
        ("die", "crashed"),
        ("leave", "crashed"),
        ("eat", "crashed"),
        ("raise", "crashed"),
        ("refuse", "too_long"),
    ],
)
def test_whatever_the_content_does_to_the_decoder_the_next_file_is_looked_at(
    odd: Sandbox, tmp_path: Path, word: str, reason: str
) -> None:
    odd.start()
    pid = odd.pid
    began = time.monotonic()
    assert fails(odd, orders(tmp_path, word)) == reason
    assert time.monotonic() - began < 10
    [sight] = looked(odd, orders(tmp_path, "fine"))
    assert sight.frame.pixels.ravel().tolist() == list(range(48))
    assert (sight.frame.time_s, sight.frame.index, sight.faces[0].track) == (0.5, 7, 3)
    assert (odd.pid == pid) == (reason == "too_long"), "a decoder that answered is kept, no other is"
    assert reason == "too_long" or pid is None or not Path(f"/proc/{pid}").exists()


@pytest.mark.parametrize("word", LIES)
def test_a_decoder_that_lies_has_crashed(odd: Sandbox, tmp_path: Path, word: str) -> None:
    assert fails(odd, orders(tmp_path, word)) == "crashed"


def test_it_may_write_no_file(odd: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    odd.close()
    monkeypatch.setenv("HOME", str(tmp_path))
    assert fails(odd, orders(tmp_path, "write")) == "crashed"
    written = tmp_path / "written by a decoder"
    assert not written.exists() or written.stat().st_size == 0


def test_it_is_told_no_secret(odd: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    odd.close()
    monkeypatch.setenv("DETECTOR_WEBHOOK_SECRET", "hush")
    monkeypatch.setenv("PGPASSWORD", "hush")
    with pytest.raises(MediaError) as caught:
        odd.open(orders(tmp_path, "tell"))
    message = str(caught.value)
    assert "PATH" in message
    assert not any(secret in message for secret in ("hush", "SECRET", "PGPASSWORD"))


def test_what_it_says_holds_nothing_that_cannot_be_printed(odd: Sandbox, tmp_path: Path) -> None:
    media = odd.open(orders(tmp_path, "fine"))
    list(odd.look(media))
    assert media.warnings == ["odd\N{REPLACEMENT CHARACTER}\N{REPLACEMENT CHARACTER}[31m"]


def test_a_file_that_is_given_up_does_not_mix_with_the_next(odd: Sandbox, tmp_path: Path) -> None:
    sights = odd.look(odd.open(orders(tmp_path, "fine")))
    next(sights)
    del sights
    assert len(looked(odd, orders(tmp_path, "fine"))) == 1


def test_models_that_cannot_be_loaded_are_told_in_words() -> None:
    with pytest.raises(DetectorError, match="there are no weights"):
        Sandbox(Limits(), eyes="tests.service.odd_eyes:broken").start()


PARENT = """
import sys, time
from detector.service.engine.sandbox import Sandbox
from detector.service.settings import Limits
sandbox = Sandbox(Limits(), eyes="tests.service.odd_eyes:load")
sandbox.start()
print(sandbox.pid, flush=True)
sandbox.open(__import__("pathlib").Path(sys.argv[1]))
"""


@pytest.fixture
def parent(tmp_path: Path) -> Generator[subprocess.Popen[str], None, None]:
    path = orders(tmp_path, "hang")
    command, told = [sys.executable, "-c", PARENT, str(path)], {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=told) as process:
        yield process
        process.kill()


@pytest.mark.parametrize("stopped", [False, True])
def test_it_dies_with_its_parent_even_when_it_does_not_run(parent: subprocess.Popen[str], stopped: bool) -> None:
    assert parent.stdout is not None
    pid = int(parent.stdout.readline())
    if stopped:
        os.kill(pid, signal.SIGSTOP)
    parent.kill()
    until = time.monotonic() + 10
    while _runs(pid) and time.monotonic() < until:
        time.sleep(0.02)
    assert not _runs(pid)


def _runs(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False
