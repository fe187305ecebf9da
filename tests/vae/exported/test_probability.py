"""The exported twin of the embedded VAE before the embedded classifier: taken for its original, with its answers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from detector.classify import FaceClassifier
from detector.errors import FeatureContractError
from detector.faces import concat_crops, crop_faces, load_face_detector
from detector.features import Backbone, load_backbone
from detector.media import Sampling, open_media
from detector.score.judge import Judge, describe, views_in
from detector.types import Array, Crops, Face, Frame
from detector.vae import Reconstructor, load_reconstructor
from detector.vae.exported import ENGINES
from detector.vae.exported.export import export
from detector.vae.loading import ASSET, save_model
from detector.weights import asset
from tests.vae.test_loading import small


@pytest.fixture(scope="module")
def classifier() -> FaceClassifier:
    return FaceClassifier.load(asset("classifier.skops"))


@pytest.fixture(scope="module")
def backbone() -> Backbone:
    return load_backbone()


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("exported") / "twin.onnx"
    export(asset(ASSET), path)
    return path


@pytest.fixture(scope="module", params=ENGINES)
def twin(request: pytest.FixtureRequest, exported: Path) -> Reconstructor:
    return load_reconstructor(f"{request.param}:{exported}")


def chances(crops: Crops, model: Reconstructor, classifier: FaceClassifier, backbone: Backbone) -> Array:
    views = views_in(classifier.names, [model.name])
    return np.asarray(classifier.probability(describe(crops, [model], backbone, views)[0]), np.float32)


def faces(frames: list[tuple[Frame, Face]]) -> Crops:
    parts = [crop_faces(frame, [face]) for frame, face in frames]
    return concat_crops([replace(part, faces=part.faces + row) for row, part in enumerate(parts)], 128)


def shades(frame: Frame, face: Face, levels: tuple[float, ...]) -> Crops:
    return faces([(Frame((frame.pixels * level).astype(np.uint8)), face) for level in levels])


def test_the_astronaut_is_judged_as_by_torch(
    twin: Reconstructor, classifier: FaceClassifier, backbone: Backbone, astronaut_frame: Frame, astronaut_face: Face
) -> None:
    crops = shades(astronaut_frame, astronaut_face, (1.0, 0.9, 0.7, 0.5))
    one, other = (chances(crops, model, classifier, backbone) for model in (load_reconstructor("face-vae"), twin))
    assert np.ptp(one) > 1e-3, "the faces differ"
    np.testing.assert_allclose(other, one, atol=1e-3)


def test_a_batch_of_one_is_judged_as_in_a_batch_of_many(
    twin: Reconstructor, classifier: FaceClassifier, backbone: Backbone, astronaut_frame: Frame, astronaut_face: Face
) -> None:
    levels = tuple(np.linspace(0.5, 1, 9))
    together = chances(shades(astronaut_frame, astronaut_face, levels), twin, classifier, backbone)
    for row in (0, 4, 8):
        alone = shades(astronaut_frame, astronaut_face, levels[row : row + 1])
        assert chances(alone, twin, classifier, backbone) == pytest.approx(together[row], abs=1e-4)


def test_the_classifier_takes_a_twin_for_the_weights_it_was_fitted_with_and_no_other(
    twin: Reconstructor, classifier: FaceClassifier, backbone: Backbone, tmp_path: Path
) -> None:
    assert Judge((twin,), classifier, "0" * 12, backbone).models["face-vae"] == twin.version
    save_model(small("vae"), tmp_path / "other.safetensors", {}, torch.float32)
    export(tmp_path / "other.safetensors", tmp_path / "other.onnx")
    with pytest.raises(FeatureContractError, match="the classifier was fitted with face-vae"):
        Judge((load_reconstructor(f"onnx:{tmp_path / 'other.onnx'}"),), classifier, "0" * 12, backbone)


def found(folder: Path) -> Iterator[tuple[Frame, Face]]:
    """The first face of a few photos, real and made."""
    detector = load_face_detector("face-net")
    for photo in sorted(folder.rglob("*.jpg"))[::250]:
        frame = next(iter(open_media(photo).frames(Sampling(frames=1))))
        for face in detector([frame])[0][:1]:
            yield frame, face


@pytest.mark.data
def test_faces_of_real_photos_and_of_generators_are_judged_as_by_torch(
    twin: Reconstructor, classifier: FaceClassifier, backbone: Backbone, shared: Path
) -> None:
    crops = faces(list(found(shared / "data")))
    assert len(np.unique(crops.faces)) >= 4
    one, other = (chances(crops, model, classifier, backbone) for model in (load_reconstructor("face-vae"), twin))
    np.testing.assert_allclose(other, one, atol=1e-3)
