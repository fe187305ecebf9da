"""Targets and losses by hand, a few steps of training, and going on after an interruption."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor

from detector.errors import ConfigError
from detector.faces.facenet import peaks
from detector.faces.network import STRIDE, FaceNet, decode
from detector.faces.scenes import Picture, Scene
from detector.faces.targets import batch, focal, giou, loss
from detector.faces.train import FaceTrainConfig, Trainer, train_faces
from detector.types import Array, Face, Pixels


@pytest.fixture(scope="module")
def picture(astronaut: Pixels, astronaut_face: Face) -> Picture:
    row = np.concatenate([astronaut_face.box, astronaut_face.landmarks.ravel(), [0.95]]).astype(np.float32)
    return Picture(astronaut, row[None])


def scene(*faces: tuple[float, float, float, float]) -> Scene:
    rows = [[*box, *np.tile([(box[0] + box[2]) / 2, (box[1] + box[3]) / 2], 5), 1.0] for box in faces]
    return Scene(
        np.zeros((128, 128, 3), np.uint8), np.array(rows, np.float32).reshape(-1, 15), np.empty((0, 4), np.float32)
    )


def boxes(*rows: tuple[float, float, float, float]) -> Tensor:
    return torch.tensor(rows).T[None, :, :, None]


def raw_of(box: tuple[float, float, float, float], row: int, column: int) -> Tensor:
    """Raw maps that say `box`, its middle for each landmark, and a high score in one cell only."""
    raw = torch.zeros(1, 15, 16, 16)
    raw[:, 0] = -20
    x, y = (column + 0.5) * STRIDE, (row + 0.5) * STRIDE
    reach = torch.tensor([x - box[0], y - box[1], box[2] - x, box[3] - y])
    raw[0, 1:5, row, column] = (reach / (4 * STRIDE)).log()
    raw[0, 0, row, column] = 20
    return raw


def test_generalised_iou_by_hand() -> None:
    a = boxes((0, 0, 2, 2), (0, 0, 2, 2), (0, 0, 1, 1))
    b = boxes((0, 0, 2, 2), (1, 0, 3, 2), (2, 0, 3, 1))

    # The same; 2 of 6 within a hull of 6; nothing of 2 within a hull of 3.
    torch.testing.assert_close(giou(a, b)[0, :, 0], torch.tensor([1, 1 / 3, -1 / 3]))


def test_focal_loss_by_hand() -> None:
    scores = torch.logit(torch.tensor([[[0.8, 0.3, 0.6]]]))
    heat = torch.tensor([[[1.0, 0.0, 0.5]]])
    by_hand = -(0.2**2 * np.log(0.8) + 0.3**2 * np.log(0.7) + 0.5**4 * 0.6**2 * np.log(0.4))

    assert float(focal(scores, heat, torch.ones_like(heat))) == pytest.approx(by_hand, rel=1e-5)
    assert float(focal(scores, heat, torch.zeros_like(heat))) == 0


def test_targets_peak_in_the_cell_of_the_middle_and_weigh_each_face_the_same() -> None:
    _, targets = batch([scene((40, 40, 72, 72), (90, 10, 110, 30))])

    assert torch.nonzero(targets.heat[0] == 1).tolist() == [[2, 12], [7, 7]]
    assert float(targets.weight.sum()) == pytest.approx(2)
    assert targets.boxes[0, :, 7, 7].tolist() == [40, 40, 72, 72]
    assert targets.boxes[0, :, 2, 12].tolist() == [90, 10, 110, 30]


def test_where_the_teacher_doubts_nothing_is_asked() -> None:
    open_scene = replace(scene(), open=np.array([[32, 64, 64, 96]], np.float32))
    _, targets = batch([open_scene])

    assert targets.asked[0, 8:12, 4:8].sum() == 0
    assert targets.asked.sum() == 256 - 16


def test_maps_that_say_the_truth_lose_nothing() -> None:
    box = (36.0, 20.0, 84.0, 68.0)
    _, targets = batch([scene(box)])
    peak_only = replace(targets, weight=(targets.heat == 1).float())
    losses = loss(raw_of(box, 5, 7), peak_only)

    assert {name: round(float(value), 4) for name, value in losses.items()} == {"score": 0, "box": 0, "landmarks": 0}


def test_a_peak_becomes_a_candidate() -> None:
    box = (36.0, 20.0, 84.0, 68.0)
    found: Array = peaks(raw_of(box, 5, 7), 0.5)

    assert found.shape == (1, 15)
    np.testing.assert_allclose(found[0], [*box, *[60, 44] * 5, 1], atol=1e-3)


def test_the_network_gives_a_map_of_stride_8() -> None:
    raw = FaceNet().eval()(torch.rand(2, 3, 96, 64))
    scores, found, landmarks = decode(raw)

    assert raw.shape == (2, 15, 12, 8)
    assert (scores.shape, found.shape, landmarks.shape) == ((2, 12, 8), (2, 4, 12, 8), (2, 10, 12, 8))
    assert (found[:, 2:] > found[:, :2]).all()


def test_training_lowers_the_loss(picture: Picture, tmp_path: Path) -> None:
    trainer = Trainer(FaceTrainConfig(out=tmp_path, steps=200, batch=2, side=128))
    scenes = [Scene(picture.pixels[60:188, 150:278], _shifted(picture), np.empty((0, 4), np.float32))] * 2
    first = sum(trainer.learn(scenes).values())
    for _ in range(25):
        last = sum(trainer.learn(scenes).values())

    assert last < 0.7 * first


def _shifted(picture: Picture) -> Array:
    rows = picture.candidates.copy()
    rows[:, :14] -= np.tile([150, 60], 7)
    return rows


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")
def test_an_interrupted_training_goes_on_as_if_it_had_not_been(picture: Picture, tmp_path: Path) -> None:
    config = FaceTrainConfig(out=tmp_path / "whole" / "faces", steps=4, batch=2, side=64, save_every=2)
    whole = load_file(train_faces(config, [picture], [picture]))
    broken = replace(config, out=tmp_path / "broken" / "faces")
    train_faces(replace(broken, steps=2), [picture], [picture])
    resumed = load_file(train_faces(broken, [picture], [picture]))

    assert whole.keys() == resumed.keys()
    assert (tmp_path / "whole" / "mlflow.db").exists()
    for name, value in whole.items():
        torch.testing.assert_close(value, resumed[name], atol=2e-3, rtol=2e-3)


def test_a_checkpoint_of_another_config_is_refused(tmp_path: Path) -> None:
    config = FaceTrainConfig(out=tmp_path, side=64)
    Trainer(config).save()

    with pytest.raises(ConfigError, match="another config"):
        Trainer(replace(config, batch=3)).resume()


def test_an_impossible_config_is_refused() -> None:
    with pytest.raises(ConfigError, match="32 divides"):
        FaceTrainConfig(side=100)
