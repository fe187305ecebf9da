"""The composition: many files in one pass give what each gives alone, in order, whatever lies between them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import cast

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from detector.classify import FaceClassifier
from detector.errors import FeatureContractError
from detector.score import Detector
from detector.score.judge import Judge
from detector.score.look import Eyes, Sight
from detector.types import Array, Face, FeatureTable, Frame, Pixels, Reconstruction, RegionEvidence


class Smoothing:
    """A reconstructor that averages 4 x 4 blocks."""

    name, version, size, device = "smoothing", "1", 64, torch.device("cpu")

    def __call__(self, pixels: Array | Tensor, second_pass: bool = True) -> Reconstruction:
        crops = torch.as_tensor(pixels)
        code = torch.nn.functional.avg_pool2d(crops, 4)
        made = torch.nn.functional.interpolate(code, scale_factor=4)
        return Reconstruction(made, code, second=self(made, False) if second_pass else None)


class Centre:
    """A face detector that finds a face in the middle of every picture that is not flat."""

    name, version = "centre", "1"

    def __call__(self, frames: Sequence[Frame]) -> list[tuple[Face, ...]]:
        return [(self._face(frame),) if frame.pixels.std() > 1 else () for frame in frames]

    def _face(self, frame: Frame) -> Face:
        height, width = frame.pixels.shape[:2]
        middle = np.array([width / 2, height / 2], np.float32)
        marks = middle + np.array([[-20, -15], [20, -15], [0, 5], [-15, 25], [15, 25]], np.float32)
        return Face(np.concatenate([middle - 50, middle + 50]), marks, 0.9)


class MeanError:
    """A classifier that calls a face the more synthetic the larger its error is."""

    threshold = 0.5
    versions = {"smoothing": "1"}  # noqa: RUF012
    names = ("smoothing.whole.error.whole.log_abs", "smoothing.native.error.whole.log_abs")

    def probability(self, table: FeatureTable) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
        column = table.names.index("smoothing.whole.error.whole.log_abs")
        return np.asarray(1 / (1 + np.exp(-(table.values[:, column] + 4))), np.float64)

    def evidence(self, table: FeatureTable) -> list[tuple[RegionEvidence, ...]]:
        return [(RegionEvidence("mouth", 1.0, "mouth: odd"),)] * len(table)


def judge(version: str = "1") -> Judge:
    reconstructor = Smoothing()
    reconstructor.version = version
    return Judge((reconstructor,), cast(FaceClassifier, MeanError()), "abc")


@pytest.fixture(scope="module")
def detector() -> Detector:
    return Detector(lambda: Eyes(Centre), judge)


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory, astronaut: Pixels) -> list[Path]:
    """Thirty pictures: faces of the astronaut at other contrasts, among flat and broken ones."""
    folder = tmp_path_factory.mktemp("files")
    for number in range(30):
        path = folder / f"{number:02}.png"
        if number % 7 == 3:
            path.write_bytes(b"\x89PNG broken")
        elif number % 5 == 2:
            Image.new("RGB", (200, 200), "white").save(path)
        else:
            Image.fromarray((astronaut[:256, 96:352] * (0.3 + 0.02 * number)).astype(np.uint8)).save(path)
    return sorted(folder.iterdir())


def test_many_files_give_what_each_gives_alone_in_their_order(detector: Detector, files: list[Path]) -> None:
    together = [scored.report for scored in detector.score_many((str(path), path) for path in files)]
    alone = [detector.score(path) for path in files]
    assert [report.path for report in together] == [str(path) for path in files]
    assert [(report.status, report.reason) for report in together] == [(one.status, one.reason) for one in alone]
    for one, other in zip(together, alone, strict=True):
        if one.fake_probability is not None:
            assert one.fake_probability == pytest.approx(other.fake_probability, abs=1e-4)
    assert {report.status for report in together} == {"ok", "abstained", "error"}


def test_more_error_is_more_synthetic_and_the_threshold_decides(detector: Detector, files: list[Path]) -> None:
    scores = [score for path in files if (score := detector.score(path).fake_probability) is not None]
    assert scores == sorted(scores), "contrast grows with the number, and so does the error"
    report = detector.score(files[-1])
    assert report.verdict == ("fake" if (report.fake_probability or 0) >= 0.5 else "real")


def test_bytes_are_scored_like_their_file(detector: Detector, files: list[Path]) -> None:
    assert detector.score(files[0].read_bytes()).fake_probability == detector.score(files[0]).fake_probability


def test_a_report_names_the_models_it_depends_on(detector: Detector, files: list[Path]) -> None:
    models = [detector.score(files[number]).models for number in (0, 2, 3)]
    assert models == [{"centre": "1", "smoothing": "1", "classifier": "abc"}, {"centre": "1"}, {}]


def test_a_file_that_cannot_be_decoded_loads_no_model(files: list[Path]) -> None:
    def unexpected() -> Judge:
        raise AssertionError("nothing was there to judge")

    assert Detector(lambda: Eyes(Centre), unexpected).score(files[3]).status == "error"
    assert Detector(lambda: Eyes(Centre), unexpected).score(files[2]).reason == "no_face"


def test_the_vae_sees_the_views_that_the_classifier_was_fitted_on(astronaut: Pixels) -> None:
    """A face of 100 px in crops of 64 px has four tiles and a whole view; the answer is the same with and without."""
    frame = Frame(astronaut[:256, 96:352])
    [face] = Centre()([frame])[0]
    both, half = judge(), judge()
    half.classifier.names = ("smoothing.whole.error.whole.log_abs",)  # type: ignore[misc]
    assert (both.views, half.views) == (("whole", "native"), ("whole",))
    [all_seen], [seen] = (one([Sight(frame, (face,), (None,))]) for one in (both, half))
    assert (len(all_seen.crops), len(seen.crops), len(seen.reconstruction)) == (5, 1, 1)
    assert seen.faces[0].probability == pytest.approx(all_seen.faces[0].probability, abs=1e-6)


def test_each_sight_gets_its_own_faces_back(astronaut: Pixels) -> None:
    """Crops, reconstruction and rows, whatever lies between: a face that cannot be judged, a sight without one."""
    frame = Frame(astronaut[:256, 96:352])
    [face] = Centre()([frame])[0]
    other = Frame(np.ascontiguousarray(frame.pixels[::-1]))
    sights = [Sight(frame, (face, face), ("blurry", None)), Sight(frame, (), ()), Sight(other, (face,), (None,))]
    first, empty, last = judge()(sights)
    assert (set(first.crops.faces), len(empty.crops), set(last.crops.faces)) == ({1}, 0, {0})
    assert first.faces[0].probability is None
    [alone] = judge()(sights[2:])
    np.testing.assert_array_equal(last.crops.pixels, alone.crops.pixels)
    np.testing.assert_allclose(last.reconstruction, alone.reconstruction, atol=1e-6)


def test_other_weights_than_the_classifier_was_fitted_with_are_refused() -> None:
    with pytest.raises(FeatureContractError, match="fitted with smoothing 1, these are smoothing 2"):
        judge(version="2")
