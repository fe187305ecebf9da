"""A film that any player shows: H.264, even sides, the times of the clip, boxes where the faces are."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import av
import numpy as np
import pytest

from detector.explain import film, film_frames, save_film
from detector.explain.style import FAKE, REAL
from detector.types import FaceReport, Frame, Pixels


def frames(times: Sequence[float], shape: tuple[int, int] = (120, 160)) -> Iterator[Frame]:
    for number, time_s in enumerate(times):
        yield Frame(np.full((*shape, 3), 128, np.uint8), time_s, number)


def face(time_s: float, left: float, probability: float | None = 0.9, track: int = 0) -> FaceReport:
    return FaceReport((left, 50, left + 30, 90), 0.9, probability, None, time_s=time_s, track=track)


def read(path: Path) -> list[tuple[float, Pixels]]:
    with av.open(str(path)) as container:
        [video] = container.streams.video
        assert (video.codec_context.name, video.codec_context.pix_fmt) == ("h264", "yuv420p")
        assert video.width % 2 == video.height % 2 == 0
        return [(float(one.time), np.asarray(one.to_ndarray(format="rgb24"))) for one in container.decode(video)]


def left_edge(pixels: Pixels, colour: tuple[int, int, int]) -> float | None:
    """Where the box of a colour begins, below its label."""
    columns = np.flatnonzero((abs(pixels[60:80].astype(int) - np.array(colour)) < 60).all(axis=-1).mean(axis=0) > 0.5)
    return float(columns.min()) if len(columns) else None


def test_the_times_are_those_of_the_clip_and_the_last_frame_stays(tmp_path: Path) -> None:
    """Neither evenly spaced nor in steps of any rate."""
    assert save_film(frames([0.0, 0.1, 0.35, 0.4]), [], None, tmp_path / "a.mp4")
    assert [time_s for time_s, _ in read(tmp_path / "a.mp4")] == pytest.approx([0, 0.1, 0.35, 0.4, 0.45], abs=0.001)
    assert [path.name for path in tmp_path.iterdir()] == ["a.mp4"]


def test_boxes_go_with_the_faces_between_two_looks_and_not_beyond(tmp_path: Path) -> None:
    looks = [face(1.0, 20), face(2.0, 100), face(2.0, 10, 0.1, 1)]
    save_film(frames([0.5, 0.9, 1.0, 1.5, 2.0, 2.1, 2.5]), looks, 0.5, tmp_path / "a.mp4")
    shown = [pixels for _, pixels in read(tmp_path / "a.mp4")]
    assert [left_edge(one, FAKE) for one in shown[:-1]] == [
        None,
        *(pytest.approx(x, abs=3) for x in (20, 20, 60, 100, 100)),
        None,
    ]
    assert [left_edge(one, REAL) is not None for one in shown[:-1]] == [False] * 4 + [True, True, False]


def test_nobody_is_carried_over_a_long_gap(tmp_path: Path) -> None:
    save_film(frames([0.0, 5.0, 10.0]), [face(0.0, 20), face(10.0, 20)], 0.5, tmp_path / "a.mp4")
    assert [left_edge(pixels, FAKE) is not None for _, pixels in read(tmp_path / "a.mp4")] == [True, False, True, True]


@pytest.mark.parametrize("shape", [(33, 51), (1, 1), (2000, 30), (720, 1281)])
def test_any_size_plays(tmp_path: Path, shape: tuple[int, int]) -> None:
    save_film(frames([0.0, 0.5], shape), [face(0.0, 1)], 0.5, tmp_path / "a.mp4")
    assert all(max(pixels.shape) <= film.LONGEST_SIDE for _, pixels in read(tmp_path / "a.mp4"))


def test_frames_that_change_their_size_keep_their_boxes(tmp_path: Path) -> None:
    both = [*frames([0.0]), *frames([1.0], (240, 320))]
    doubled = FaceReport((80, 100, 140, 180), 0.9, 0.9, None, time_s=1.0, track=1)
    save_film(both, [face(0.0, 40), doubled], 0.5, tmp_path / "a.mp4")
    edges = [left_edge(pixels, FAKE) for _, pixels in read(tmp_path / "a.mp4")]
    assert edges[0] == pytest.approx(40, abs=3)
    assert edges[1] == pytest.approx(40, abs=3)


def test_a_clip_without_a_frame_has_no_film(tmp_path: Path) -> None:
    assert not save_film([], [], None, tmp_path / "a.mp4")
    assert list(tmp_path.iterdir()) == []


def test_a_film_is_there_whole_or_not_at_all(tmp_path: Path) -> None:
    (tmp_path / "a.mp4").write_bytes(b"old")

    def broken() -> Iterator[Frame]:
        yield from frames([0.0, 0.1])
        raise RuntimeError("lost")

    with pytest.raises(RuntimeError, match="lost"):
        save_film(broken(), [], None, tmp_path / "a.mp4")
    assert (tmp_path / "a.mp4").read_bytes() == b"old"
    assert len(list(tmp_path.iterdir())) == 1


def test_only_long_clips_lose_frames() -> None:
    assert film_frames(film.MOST_FRAMES) is None
    assert film_frames(film.MOST_FRAMES + 1) == film.MOST_FRAMES
