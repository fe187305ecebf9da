"""Names are stable, files are whole, folders are left clean."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from detector.errors import UsageError
from detector.explain import FaceEvidence, save_explanation
from detector.types import FaceReport, Frame, RegionEvidence, Report, TimelinePoint

FRAME = Frame(np.full((200, 260, 3), 90, np.uint8))
EVIDENCE = FaceEvidence(
    pixels=np.full((3, 128, 128), 0.5, np.float32),
    reconstruction=np.full((3, 128, 128), 0.45, np.float32),
    error=np.full((128, 128), 0.05, np.float32),
    box=np.array([-20, 30, 108, 158], np.float32),
)


def report(path: str = "holiday/photo.jpg", video: bool = False) -> Report:
    regions = (RegionEvidence("mouth", 0.8, "mouth: error 2.0 σ above real faces"),)
    faces = (
        FaceReport((-10, 40, 90, 150), 1.0, 0.9, None, regions, track=1),
        FaceReport((150, 40, 170, 62), 1.0, None, "too_small", track=2),
        FaceReport((0, 40, 90, 150), 1.0, 0.3, None, regions, time_s=0.5, track=1),
    )
    points = (TimelinePoint(0.0, 0.9), TimelinePoint(0.5, 0.3)) if video else ()
    return Report(
        path, "video" if video else "image", "ok", None, 0.9, "fake", 0.4, faces if video else faces[:2], points
    )


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def test_a_photo_has_four_pictures(tmp_path: Path) -> None:
    paths = save_explanation(report(), FRAME, {0: EVIDENCE}, tmp_path / "new" / "folder")
    assert [path.name for path in paths] == [
        "photo.annotated.png",
        "photo.face0.triptych.png",
        "photo.face0.heatmap.png",
        "photo.face0.regions.png",
    ]
    assert names(tmp_path / "new" / "folder") == {path.name for path in paths}
    for path in paths:
        with Image.open(path) as image:
            assert (image.format, image.mode) == ("PNG", "RGB")
            assert image.width >= 240


def test_a_video_has_a_timeline_too(tmp_path: Path) -> None:
    paths = save_explanation(report(video=True), FRAME, {0: EVIDENCE}, tmp_path)
    assert paths[-1].name == "photo.timeline.png"
    assert len(paths) == 5


def test_the_frame_shows_only_its_own_faces(tmp_path: Path) -> None:
    later = Frame(FRAME.pixels, time_s=0.5, index=1)
    save_explanation(report(video=True), FRAME, {}, tmp_path, "now")
    save_explanation(report(video=True), later, {}, tmp_path, "later")
    now, then = (np.asarray(Image.open(tmp_path / f"{stem}.annotated.png")) for stem in ("now", "later"))
    small = (slice(40, 62), slice(150, 170))
    assert (now[small] != 90).any()
    assert (then[small] == 90).all()
    with pytest.raises(UsageError, match=r"\[2\]"):
        save_explanation(report(video=True), FRAME, {2: EVIDENCE}, tmp_path)


def test_everybody_in_the_frame_is_boxed_whenever_they_were_most_suspicious(tmp_path: Path) -> None:
    later = Frame(FRAME.pixels, time_s=0.5, index=1)
    sighting = FaceReport((150, 40, 200, 100), 0.9, 0.4, time_s=0.5, track=1)
    save_explanation(report(video=True), later, {}, tmp_path, sightings=[sighting])
    annotated = np.asarray(Image.open(tmp_path / "photo.annotated.png"))
    assert (annotated[40:62, 150:170] != 90).any()


def test_nothing_scored_still_shows_what_was_seen(tmp_path: Path) -> None:
    nothing = Report("blank.png", "image", "abstained", "no_face")
    assert [path.name for path in save_explanation(nothing, FRAME, {}, tmp_path)] == ["blank.annotated.png"]


@pytest.mark.parametrize(
    ("path", "stem"),
    [("фото ☃/été.JPG", "été"), ("写真.webp", "写真"), ("-", "stdin"), ("a.b.c.png", "a.b.c"), (".png", "png")],
)
def test_any_name(tmp_path: Path, path: str, stem: str) -> None:
    paths = save_explanation(report(path), FRAME, {}, tmp_path)
    assert [path.name for path in paths] == [f"{stem}.annotated.png"]


def test_a_long_name_is_cut_between_characters(tmp_path: Path) -> None:
    (path,) = save_explanation(report("☃" * 80 + ".jpg"), FRAME, {}, tmp_path)
    assert path.name == "☃" * 60 + ".annotated.png"


def test_the_same_report_gives_the_same_bytes(tmp_path: Path) -> None:
    first, second = (
        [path.read_bytes() for path in save_explanation(report(video=True), FRAME, {0: EVIDENCE}, tmp_path / name)]
        for name in ("one", "two")
    )
    assert first == second


def test_files_are_replaced_whole_or_not_at_all(tmp_path: Path) -> None:
    (tmp_path / "photo.annotated.png").write_bytes(b"old")
    save_explanation(report(), FRAME, {}, tmp_path)
    assert (tmp_path / "photo.annotated.png").read_bytes()[:4] == b"\x89PNG"

    (tmp_path / "taken.annotated.png").mkdir()
    with pytest.raises(OSError, match="taken"):
        save_explanation(report(), FRAME, {}, tmp_path, "taken")
    assert names(tmp_path) == {"photo.annotated.png", "taken.annotated.png"}


def test_evidence_checks_its_shapes() -> None:
    from detector.errors import ShapeError

    with pytest.raises(ShapeError, match=r"FaceEvidence\.error"):
        FaceEvidence(EVIDENCE.pixels, EVIDENCE.reconstruction, EVIDENCE.error[:64], EVIDENCE.box)
