"""What cannot be scored is refused at once, with a reason code, before it costs anything."""

from __future__ import annotations

import io
import json
import resource
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from detector.errors import MediaError
from detector.media import MediaLimits, open_media, read_stream
from detector.types import REASONS
from tests.clips import number_card, write_clip
from tests.hostile import HOSTILE, make_hostile
from tests.memory import PEAK_KB

LOOK = f"""{PEAK_KB}
import json, sys, time
from pathlib import Path
from detector.errors import MediaError
from detector.media import open_media
for name in sys.argv[1:]:
    start = time.process_time()
    try:
        reason, count = None, sum(1 for _ in open_media(Path(name)).frames())
    except MediaError as error:
        reason, count = error.reason, 0
    spent = time.process_time() - start
    print(json.dumps([Path(name).name, reason, count, spent, peak_kb()]))
"""


def test_hostile_files_cost_little_and_say_why(tmp_path: Path) -> None:
    """In a process of its own that may use no more than 2 GiB of addresses: a bomb would end it."""
    files = make_hostile(tmp_path)
    command = [sys.executable, "-W", "error", "-c", LOOK, *(str(path) for path, _ in files.values())]
    cap = 2 * 2**30
    done = subprocess.run(
        command,
        capture_output=True,
        text=True,
        check=True,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (cap, cap)),
    )
    assert done.stderr == ""
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert [line[0] for line in lines] == list(HOSTILE)
    for name, reason, count, seconds, peak_kb in lines:
        of_media = HOSTILE[name][1] not in ("no_face", "too_small", "too_blurry")
        assert reason == (HOSTILE[name][1] if of_media else None), name
        assert (count > 0) != of_media, name
        assert seconds < 2, name
        assert peak_kb < 300 * 1024, name


def test_there_are_twenty_and_their_reasons_are_known() -> None:
    assert len(HOSTILE) >= 20
    assert {reason for _, reason in HOSTILE.values()} <= set(REASONS)


@pytest.mark.parametrize(
    ("saved_as", "named", "warned"),
    [
        ("PNG", "a.jpg", True),
        ("JPEG", "a.mp4", True),
        ("JPEG", "a.txt", True),
        ("JPEG", "a.JPEG", False),
        ("PNG", "a.0001", False),
        ("PNG", "a", False),
        ("MP4", "a.jpg", True),
        ("MP4", "a.mkv", True),
        ("MP4", "a.mov", False),
        ("MP4", "a.MP4", False),
    ],
)
def test_an_extension_that_lies_gives_a_warning(tmp_path: Path, saved_as: str, named: str, warned: bool) -> None:
    path = tmp_path / named
    if saved_as == "MP4":
        shutil.move(write_clip(tmp_path / "clip.mp4", [number_card(1)] * 3), path)
    else:
        Image.new("RGB", (9, 9)).save(path, saved_as)
    media = open_media(path)
    assert media.kind == ("video" if saved_as == "MP4" else "image")
    assert len(list(media.frames())) >= 1
    assert [warning.startswith("mislabelled") for warning in media.warnings] == [True] * warned


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "empty"),
        (b"\0", "unsupported"),
        (b"\xff\xd8\xff", "truncated"),
        (b"ffconcat version 1.0\nfile /etc/passwd\n", "unsupported"),
        (b"\0\0\0\x18ftypheic" + bytes(100), "unsupported"),
        (b"RIFF\x24\0\0\0WAVEfmt ", "unsupported"),
        (b"\0\0\0\x08ftyp", "unreadable"),
        (b"\x1aE\xdf\xa3\x9f", "truncated"),
        (b"RIFF\xff\xff\xff\xffAVI LIST", "truncated"),
    ],
)
def test_bytes_are_refused(content: bytes, reason: str) -> None:
    with pytest.raises(MediaError) as caught:
        open_media(content)
    assert caught.value.reason == reason


@pytest.mark.parametrize("name", ["", ".", "/", "nowhere.jpg", "a.jpg/b.jpg", "x" * 300, "nul\0.jpg"])
def test_paths_that_are_no_files_are_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / "a.jpg").write_bytes(b"x")
    with pytest.raises(MediaError) as caught:
        open_media(tmp_path / name)
    assert caught.value.reason == ("unreadable" if name in ("", ".", "/") else "not_found")


def test_a_file_that_may_not_be_read_is_unreadable(tmp_path: Path) -> None:
    path = tmp_path / "secret.jpg"
    path.write_bytes(b"x")
    path.chmod(0)
    try:
        path.read_bytes()
    except PermissionError:
        with pytest.raises(MediaError, match="cannot be read") as caught:
            open_media(path)
        assert caught.value.reason == "unreadable"
    else:
        pytest.skip("this user may read everything")


def test_a_stream_is_read_to_its_end_or_its_limit() -> None:
    assert read_stream(io.BytesIO(b"abc" * 999)) == b"abc" * 999
    with pytest.raises(MediaError) as caught:
        read_stream(io.BytesIO(bytes(1000)), MediaLimits(max_bytes=999))
    assert caught.value.reason == "too_many_bytes"


def test_a_file_of_the_size_of_the_limit_is_read(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    Image.new("RGB", (9, 9)).save(path)
    size = path.stat().st_size
    assert open_media(path, MediaLimits(max_bytes=size)).kind == "image"
    for source in (path, path.read_bytes()):
        with pytest.raises(MediaError) as caught:
            open_media(source, MediaLimits(max_bytes=size - 1))
        assert caught.value.reason == "too_many_bytes"
