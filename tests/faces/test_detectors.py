"""What every face detector must do, whatever it is made of."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
import pytest

from detector.errors import UnknownNameError, WeightsError
from detector.faces import FACE_DETECTORS, FaceDetector, load_face_detector, unusable
from detector.faces.pyramid import iou
from detector.types import Face, Frame, Pixels

EMBEDDED = "face-net"
FACE_FREE = (
    "chelsea",
    "coffee",
    "rocket",
    "moon",
    "brick",
    "grass",
    "page",
    "gravel",
    "text",
    "hubble_deep_field",
    "clock",
)

Detect = Callable[[Pixels], tuple[Face, ...]]


@pytest.fixture(scope="session", params=[pytest.param("yunet", marks=pytest.mark.data), EMBEDDED])
def detector(request: pytest.FixtureRequest) -> FaceDetector:
    """Every detector of the registry."""
    return _load(request, request.param)


@pytest.fixture(scope="session")
def embedded() -> FaceDetector:
    return load_face_detector(EMBEDDED)


def _load(request: pytest.FixtureRequest, name: str) -> FaceDetector:
    if name != "yunet":
        return load_face_detector(name)
    from detector.faces.yunet import YuNet

    return YuNet(request.getfixturevalue("shared") / "models" / "face_detection_yunet_2023mar.onnx")


def find(detector: FaceDetector, pixels: Pixels) -> tuple[Face, ...]:
    return detector([Frame(np.ascontiguousarray(pixels))])[0]


def overlap(face: Face, other: Face) -> float:
    return float(iou(face.box[None], other.box[None])[0, 0])


def test_every_detector_is_tested_here() -> None:
    assert set(FACE_DETECTORS) == {EMBEDDED, "yunet"}


def test_it_says_who_it_is(detector: FaceDetector) -> None:
    assert detector.name in FACE_DETECTORS
    assert len(detector.version) == 12
    int(detector.version, 16)


def test_it_finds_the_astronaut_and_nobody_else(
    detector: FaceDetector, astronaut: Pixels, astronaut_face: Face
) -> None:
    (face,) = find(detector, astronaut)

    assert overlap(face, astronaut_face) >= 0.5
    assert 0.5 <= face.confidence <= 1
    assert face.track is None
    off = np.linalg.norm(face.landmarks - astronaut_face.landmarks, axis=1)
    assert off.max() <= 0.1 * astronaut_face.size


@pytest.mark.parametrize("factor", [0.5, 2.0, 4.0])
def test_it_finds_her_at_other_sizes(
    detector: FaceDetector, astronaut: Pixels, astronaut_face: Face, factor: float
) -> None:
    interpolation = cv2.INTER_AREA if factor < 1 else cv2.INTER_LINEAR
    resized = cv2.resize(astronaut, None, fx=factor, fy=factor, interpolation=interpolation)
    face = find(detector, np.asarray(resized, np.uint8))[0]

    assert iou(face.box[None], astronaut_face.box[None] * np.float32(factor))[0, 0] >= 0.5


def test_it_finds_a_face_that_fills_the_picture(detector: FaceDetector, astronaut: Pixels) -> None:
    faces = find(detector, astronaut[70:175, 180:266])

    assert len(faces) == 1
    assert faces[0].size > 80


def test_it_finds_a_small_face_in_a_large_picture(detector: FaceDetector, astronaut: Pixels) -> None:
    canvas = np.full((1024, 1024, 3), 120, np.uint8)
    small = cv2.resize(astronaut, (180, 180), interpolation=cv2.INTER_AREA)
    canvas[600:780, 300:480] = small
    (face,) = find(detector, canvas)

    middle = (face.box[:2] + face.box[2:]) / 2
    np.testing.assert_allclose(middle, [300 + 223 * 180 / 512, 600 + 119 * 180 / 512], atol=10)


def test_two_astronauts_are_two_faces(detector: FaceDetector, astronaut: Pixels) -> None:
    faces = find(detector, np.hstack([astronaut, astronaut]))

    assert len(faces) == 2
    left, right = sorted(faces, key=lambda face: face.box[0])
    assert right.box[0] - left.box[0] == pytest.approx(512, abs=15)


def test_the_largest_face_comes_first(detector: FaceDetector, astronaut: Pixels) -> None:
    small = np.zeros_like(astronaut)
    small[:400, :400] = cv2.resize(astronaut, (400, 400), interpolation=cv2.INTER_AREA)
    sizes = [face.size for face in find(detector, np.hstack([small, astronaut]))]

    assert len(sizes) == 2
    assert sizes == sorted(sizes, reverse=True)


@pytest.mark.parametrize(("dx", "dy"), [(16, 0), (0, 40), (33, 57), (80, 11)])
def test_where_the_picture_goes_the_face_goes(
    detector: FaceDetector, astronaut: Pixels, astronaut_face: Face, dx: int, dy: int
) -> None:
    face = find(detector, np.pad(astronaut, ((dy, 0), (dx, 0), (0, 0)))[:512, :512])[0]
    expected = astronaut_face.box + np.array([dx, dy, dx, dy], np.float32)

    assert iou(face.box[None], expected[None])[0, 0] >= 0.5


def test_a_batch_gives_what_single_frames_give(detector: FaceDetector, astronaut: Pixels) -> None:
    frames = [Frame(astronaut), Frame(np.zeros((80, 60, 3), np.uint8)), Frame(np.ascontiguousarray(astronaut[:, ::-1]))]
    together, alone = detector(frames), [detector([frame])[0] for frame in frames]

    assert [len(faces) for faces in together] == [1, 0, 1]
    for mine, other in zip(together, alone, strict=True):
        for face, again in zip(mine, other, strict=True):
            np.testing.assert_allclose(face.box, again.box, atol=0.01)


def test_no_frame_gives_nothing(detector: FaceDetector) -> None:
    assert detector([]) == []


@pytest.mark.parametrize("shape", [(1, 1), (1, 3000), (3000, 1), (7, 5), (40, 40), (3000, 4000)])
def test_a_black_picture_of_any_shape_has_no_face(detector: FaceDetector, shape: tuple[int, int]) -> None:
    assert find(detector, np.zeros((*shape, 3), np.uint8)) == ()


def test_noise_has_no_face(detector: FaceDetector) -> None:
    assert find(detector, np.random.default_rng(0).integers(0, 256, (400, 500, 3), np.uint8)) == ()


def test_upside_down_it_finds_her_or_nobody(detector: FaceDetector, astronaut: Pixels, astronaut_face: Face) -> None:
    flipped = astronaut_face.box[[0, 3, 2, 1]] * [1, -1, 1, -1] + [0, 512, 0, 512]
    for face in find(detector, astronaut[::-1]):
        assert iou(face.box[None], flipped[None].astype(np.float32))[0, 0] >= 0.3


def test_pictures_without_a_face_give_at_most_one_face_to_score_in_all(embedded: FaceDetector) -> None:
    from skimage import data

    scored = 0
    for name in FACE_FREE:
        pixels = np.asarray(getattr(data, name)())
        frame = Frame(pixels if pixels.ndim == 3 else np.repeat(pixels[:, :, None], 3, 2))
        scored += sum(unusable(frame, face) is None for face in embedded([frame])[0])

    assert scored <= 1


def test_an_unknown_name_lists_the_known_ones() -> None:
    with pytest.raises(UnknownNameError, match="auto, face-net, yunet"):
        load_face_detector("viola")


def test_without_its_file_yunet_says_how_to_get_it() -> None:
    from detector import weights

    if weights.find("yunet") is None:
        with pytest.raises(WeightsError, match="models pull yunet"):
            load_face_detector("yunet")
        assert load_face_detector("auto").name == EMBEDDED
    else:
        assert load_face_detector("auto").name == "yunet"


def test_a_large_lonely_face_may_be_less_sure() -> None:
    from detector.faces.facenet import choose

    def row(size: float, score: float) -> list[float]:
        return [0, 0, size, size, *[size / 2] * 10, score]

    def scores(*rows: list[float]) -> list[float]:
        return [round(float(score), 2) for score in choose(np.array(rows, np.float32), 100)[:, 14]]

    assert scores(row(30, 0.5), row(10, 0.55)) == [0.5]
    assert scores(row(20, 0.5)) == []
    assert scores(row(30, 0.5), row(10, 0.7)) == [0.7]
