"""The two kinds of workers, without Ray: together they say what one process says."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pyarrow as pa
import pytest
from PIL import Image

from detector.cli.demo import write_clip
from detector.scale.gather import Gather
from detector.scale.stages import PATH, Judging, Looker
from detector.scale.wire import Row, Told, Unfit, from_table, send_sight, to_table
from detector.score import Detector
from detector.score.look import Sight
from detector.types import Face, Frame, Pixels
from tests.scale.comparing import differences
from tests.scale.loading import failing, unfit


@pytest.fixture
def sights(astronaut_frame: Frame, astronaut_face: Face) -> list[Row]:
    """Of two files, as a looker sends them."""
    sight = Sight(astronaut_frame, (astronaut_face,), (None,))
    return [send_sight(path, 0, sight, 0.1) for path in ("a.jpg", "b.jpg")]


def test_together_they_say_what_one_process_says(tmp_path: Path, astronaut: Pixels) -> None:
    load = partial(Detector.load, faces="face-net")
    Image.fromarray(astronaut).save(tmp_path / "photo.jpg", quality=92)
    Image.new("RGB", (320, 240), "grey").save(tmp_path / "wall.png")
    write_clip(astronaut, tmp_path / "clip.mp4", seconds=1)
    paths = [str(tmp_path / name) for name in ("photo.jpg", "wall.png", "clip.mp4", "gone.jpg")]
    looker, judge, gather = Looker(load, str(tmp_path)), Judging(load), Gather()
    seen = pa.concat_tables(looker(pa.table({PATH: paths})))
    reports = [report for row in from_table(judge(seen)) if (report := gather.take(row)) is not None]
    one = [scored.report for scored in load().score_many([(path, Path(path)) for path in paths])]
    assert differences(reports, one) == []
    assert all(report.elapsed_s > 0 for report in reports if report.media != "unknown")


def test_models_that_do_not_exist_end_the_run(sights: list[Row]) -> None:
    [row] = from_table(Judging(unfit)(to_table(sights)))
    assert isinstance(row.message, Unfit)
    assert row.message.usage
    assert "no-such-vae" in row.message.message


def test_models_that_fail_on_one_sight_fail_for_it(sights: list[Row]) -> None:
    [row] = from_table(Judging(failing)(to_table(sights[:1])))
    assert isinstance(row.message, Told)
    assert row.message.failure == "RuntimeError: out of order"


def test_models_that_fail_on_every_sight_end_the_run(sights: list[Row]) -> None:
    [row] = from_table(Judging(failing)(to_table(sights)))
    assert isinstance(row.message, Unfit)
    assert "the models fail on everything: RuntimeError: out of order" in row.message.message
