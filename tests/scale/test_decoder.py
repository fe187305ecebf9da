"""A process of its own for the content of files: real ones, that really die."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from PIL import Image

from detector.scale.decoder import Decoder
from detector.scale.wire import End, Row, Told, Unfit
from detector.score import Detector
from tests.scale.loading import mortal, stillborn


@pytest.fixture(scope="module")
def decoder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Decoder]:
    """One with a wall to look at, named as relative paths are."""
    folder = tmp_path_factory.mktemp("decoder")
    for name in ("wall.png", "once.png", "poison.png", "bug.png"):
        Image.new("RGB", (320, 240), "grey").save(folder / name)
    one = Decoder(mortal, str(folder))
    yield one
    one.close()


def ends(rows: Iterator[Row]) -> list[tuple[str | None, int]]:
    return [(row.message.reason, row.message.sights) for row in rows if isinstance(row.message, End)]


def test_a_relative_path_is_looked_at_and_a_wall_needs_no_judge(decoder: Decoder) -> None:
    told, end = decoder("wall.png")
    assert told.message == Told("wall.png", 0, 0.0, ())
    assert isinstance(end.message, End)
    assert (end.message.media, end.message.sights, set(end.message.finder)) == ("image", 1, {"face-net"})
    assert end.seconds > 0


def test_what_kills_the_decoder_twice_crashed_and_the_next_file_is_looked_at(decoder: Decoder) -> None:
    assert ends(decoder("poison.png")) == [("crashed", 0)]
    assert ends(decoder("wall.png")) == [(None, 1)]


def test_what_kills_it_once_is_tried_again(decoder: Decoder) -> None:
    assert ends(decoder("once.png")) == [(None, 1)]


def test_an_exception_is_the_files_own(decoder: Decoder) -> None:
    [row] = decoder("bug.png")
    assert row.message == End("bug.png", 0, "unknown", ("RuntimeError: a bug in a decoder",), "failed")
    assert ends(decoder("gone.png")) == [("not_found", 0)]


def test_who_is_silent_for_too_long_is_killed(decoder: Decoder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decoder, "_silence_s", 0.5)
    assert ends(decoder("endless.png")) == [("crashed", 0)]


def test_models_that_do_not_exist_are_not_blamed_on_the_file(tmp_path: Path) -> None:
    Image.new("RGB", (320, 240), "grey").save(tmp_path / "wall.png")
    lacking = Decoder(partial(Detector.load, faces="no-such-finder"), str(tmp_path))
    [row] = lacking("wall.png")
    lacking.close()
    assert isinstance(row.message, Unfit)
    assert row.message.usage
    assert "unknown face detector 'no-such-finder'" in row.message.message


def test_a_child_that_does_not_come_up_is_no_files_fault() -> None:
    [row] = Decoder(stillborn, "/")("wall.png")
    assert isinstance(row.message, Unfit)
    assert "cannot be started" in row.message.message


def test_a_decoder_dies_with_its_parent(tmp_path: Path) -> None:
    code = f"""
if __name__ == "__main__":
    import time
    from detector.scale.decoder import Decoder
    from tests.scale.loading import mortal, stillborn
    decoder = Decoder(mortal, {str(tmp_path)!r})
    list(decoder("gone.png"))
    print(decoder._child[0].pid, flush=True)
    time.sleep(600)
"""
    script = tmp_path / "parent.py"
    script.write_text(code)
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    with subprocess.Popen([sys.executable, str(script)], stdout=subprocess.PIPE, text=True, env=environment) as parent:
        assert parent.stdout is not None
        child = int(parent.stdout.readline())
        parent.send_signal(signal.SIGKILL)
    deadline = time.monotonic() + 30
    while Path(f"/proc/{child}").exists() and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not Path(f"/proc/{child}").exists()
