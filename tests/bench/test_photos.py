"""The photos that are made to measure with."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from PIL import Image

from detector.bench.photos import SIDE, make_photos
from detector.bench.profile import usable_photos
from detector.errors import UsageError
from detector.faces import load_face_detector
from detector.score.look import Eyes

COUNT = 6


def test_each_has_one_face_and_no_two_are_alike(tmp_path: Path) -> None:
    paths = make_photos(tmp_path, COUNT)
    found = list(usable_photos(Eyes(lambda: load_face_detector("face-net")), paths))
    assert [path for path, _ in found] == paths
    sizes = []
    for path, [sight] in found:
        with Image.open(path) as picture:
            assert (picture.format, picture.size) == ("JPEG", (SIDE, SIDE))
        assert len(sight.usable) == 1
        sizes.append(sight.faces[sight.usable[0]].size)
    assert max(sizes) > 1.3 * min(sizes)
    assert len({path.read_bytes() for path in paths}) == COUNT


def test_the_same_seed_gives_the_same_photos(tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
    one, two = (make_photos(tmp_path / name, 2, seed=3) for name in ("one", "two"))
    assert [path.read_bytes() for path in one] == [path.read_bytes() for path in two]
    assert make_photos(tmp_path, 1, seed=4)[0].read_bytes() != one[0].read_bytes()


def test_without_scikit_image_files_are_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "skimage", None)
    with pytest.raises(UsageError, match=r"pip install 'detector\[demo\]', or name files"):
        make_photos(tmp_path, 1)


def test_what_is_no_photo_with_a_face_is_left_out(tmp_path: Path) -> None:
    Image.new("RGB", (320, 240), "grey").save(tmp_path / "wall.png")
    (tmp_path / "broken.jpg").write_bytes(b"\xff\xd8\xff")
    [photo] = make_photos(tmp_path, 1)
    eyes = Eyes(lambda: load_face_detector("face-net"))
    paths = [tmp_path / "wall.png", tmp_path / "broken.jpg", tmp_path / "none.jpg", photo]
    assert [path for path, _ in usable_photos(eyes, paths)] == [photo]
