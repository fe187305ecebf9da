"""Extraction: every picture by one protocol, the same numbers however often and in whatever order it runs."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from detector.benchmark.datasets import load_dataset
from detector.benchmark.extraction.crew import Crew
from detector.benchmark.extraction.extract import Extract, extract
from detector.benchmark.extraction.meeting import Conditions, Disturbed, Tools
from detector.benchmark.extraction.task import EVERY_VIEW, OURS
from detector.benchmark.histories.history import History
from detector.errors import DetectorError
from detector.fakes import Fake
from detector.types import MADE, Array, Face, Frame, Reconstruction, Sample
from tests.benchmark.fakes import Blur, MiddleFace, dataset, deadly_tools, picture, small_tools
from tests.clips import write_clip

CONDITIONS = {"bare": History(face_px=(100.0, 140.0)), "as found": None}


@pytest.fixture(scope="module")
def samples(tmp_path_factory: pytest.TempPathFactory) -> list[Sample]:
    return load_dataset("manifest", dataset(tmp_path_factory.mktemp("data"), {"train": 3}))


@pytest.fixture(scope="module")
def rows(samples: list[Sample], tools: Tools, tmp_path_factory: pytest.TempPathFactory) -> Extract:
    return extract(samples, CONDITIONS, tools, tmp_path_factory.mktemp("work"))


def test_each_picture_gives_a_row_for_each_history_or_a_reason(
    samples: list[Sample], rows: Extract, tools: Tools
) -> None:
    assert set(rows.tables) == {OURS, EVERY_VIEW, *tools.baselines}
    black = [samples[0], samples[10]]
    assert [(sample, reason) for sample, _, reason in rows.missed] == [
        (s, "no_face") for s in black for _ in CONDITIONS
    ]
    expected = [(sample, name) for sample in samples if sample not in black for name in CONDITIONS]
    assert list(zip(rows.samples, rows.histories.tolist(), strict=True)) == expected
    assert all(len(table) == len(expected) for table in rows.tables.values())
    assert rows.labels.sum() == sum(sample.label for sample, _ in expected)


def test_a_classifier_of_one_view_is_given_that_and_recipes_all(
    samples: list[Sample], rows: Extract, tools: Tools, tmp_path: Path
) -> None:
    mine = replace(tools, views=("whole",))
    part = extract(samples, CONDITIONS, mine, tmp_path)
    assert {name.split(".")[1] for name in part.tables[OURS].names} == {"whole"}
    assert part.tables[EVERY_VIEW].names == rows.tables[OURS].names
    alone = extract(samples, CONDITIONS, replace(mine, recipes=False), tmp_path).tables
    assert alone[EVERY_VIEW].names == alone[OURS].names == part.tables[OURS].names
    np.testing.assert_allclose(alone[OURS].values, part.tables[OURS].values, rtol=1e-4, atol=1e-5)


def test_a_second_run_reads_what_the_first_has_done(samples: list[Sample], tools: Tools, tmp_path: Path) -> None:
    detector = MiddleFace()
    mine = replace(tools, detectors=(detector,))
    first = extract(samples, CONDITIONS, mine, tmp_path)
    assert detector.seen == len(samples)
    again = extract(samples, CONDITIONS, mine, tmp_path)
    assert detector.seen == len(samples)
    assert (again.samples, again.missed) == (first.samples, first.missed)
    for name, table in first.tables.items():
        assert again.tables[name].names == table.names
        np.testing.assert_array_equal(again.tables[name].values, table.values)


def test_what_the_numbers_depend_on_is_in_the_key(samples: list[Sample], tools: Tools, tmp_path: Path) -> None:
    class Other(Blur):
        version = "1"

    def files(histories: Conditions = CONDITIONS, mine: Tools = tools, seed: int = 0) -> int:
        extract(samples[1:2], histories, mine, tmp_path, seed)
        return len(list(tmp_path.glob("*/*.parquet")))

    parts = 1 + len(tools.baselines)
    assert files() == parts
    assert files(seed=1) == 2 * parts
    assert files({"bare": None}) == 3 * parts
    assert files(mine=replace(tools, reconstructors=(Other(),))) == 3 * parts + 1


def test_another_vae_costs_its_own_time_only(samples: list[Sample], tools: Tools, tmp_path: Path) -> None:
    class Counted(Blur):
        seen = 0

        def __call__(self, pixels: Array | Tensor, second_pass: bool = True) -> Reconstruction:
            Counted.seen += 1
            return super().__call__(pixels, second_pass)

    class Second(Blur):
        name = "second"

    extract(samples, CONDITIONS, replace(tools, reconstructors=(Counted(),)), tmp_path)
    before = Counted.seen
    both = extract(samples, CONDITIONS, replace(tools, reconstructors=(Counted(), Second())), tmp_path)
    assert Counted.seen == before
    models = [name.split(".")[0] for name in both.tables[OURS].names]
    assert models == sorted(models)
    assert set(models) == {"blur", "second"}


def test_a_fake_is_made_of_its_picture_and_given_its_history(
    samples: list[Sample], tools: Tools, tmp_path: Path
) -> None:
    def grey(frame: Frame, face: Face, rng: np.random.Generator) -> Fake:
        pixels = frame.pixels.copy()
        pixels[:60] = rng.integers(0, 255)
        return Fake(replace(frame, pixels=pixels), face, np.ones(pixels.shape[:2], np.float32))

    real = samples[1]
    fake = replace(real, label=1, generator=f"{MADE}grey")
    mine = replace(tools, makers={"grey": grey})
    found = extract([real, fake], CONDITIONS, mine, tmp_path)
    assert found.origins.tolist() == [real.source, real.source, f"{MADE}grey", f"{MADE}grey"]
    assert len(set(found.groups)) == 1
    sizes = found.tables["metadata"].values
    np.testing.assert_array_equal(sizes[:2], sizes[2:])
    assert not np.allclose(found.tables[OURS].values[0], found.tables[OURS].values[2], equal_nan=True)
    again = extract([fake], CONDITIONS, mine, tmp_path)
    np.testing.assert_array_equal(again.tables["metadata"].values, sizes[2:])


def test_a_row_does_not_depend_on_its_company(
    samples: list[Sample], rows: Extract, tools: Tools, tmp_path: Path
) -> None:
    alone = extract(samples[5:6], CONDITIONS, tools, tmp_path)
    place = rows.samples.index(samples[5])
    for name in (OURS, "blur residual"):
        np.testing.assert_allclose(
            alone.tables[name].values, rows.tables[name].values[place : place + 2], rtol=1e-4, atol=1e-5
        )


def test_where_keeps_rows_of_every_table(rows: Extract) -> None:
    kept = rows.where(rows.histories == "bare")
    assert set(kept.histories) == {"bare"}
    assert all(len(table) == len(kept.samples) == len(rows.samples) // 2 for table in kept.tables.values())


def test_a_file_that_cannot_be_read_is_missed_with_its_reason(tools: Tools, tmp_path: Path) -> None:
    (tmp_path / "broken.jpg").write_bytes(b"\xff\xd8\xff\xe0 no more")
    sample = Sample(str(tmp_path / "broken.jpg"), 0, "camera", "s", "g", "test")
    rows = extract([sample], {"as found": None}, tools, tmp_path)
    assert rows.samples == ()
    [(missed, history, reason)] = rows.missed
    assert (missed, history) == (sample, "as found")
    assert reason in ("truncated", "unreadable")


def test_all_frames_of_a_clip_are_given_one_history(tools: Tools, tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "clip.mp4", [picture(seed, fake=False) for seed in range(20)])
    sample = Sample(str(clip), 0, "camera", "s", "g", "test")
    rows = extract([sample], {"bare": History(face_px=(100.0, 140.0))}, tools, tmp_path, frames=5)
    assert rows.frames.tolist() == [2, 6, 10, 14, 18], "evenly spaced over the whole clip, not its first frames"
    assert set(rows.videos) == {str(clip)}
    assert len(np.unique(rows.tables["metadata"].values, axis=0)) == 1
    assert len(np.unique(rows.tables[OURS].values, axis=0)) == 5
    one = extract([sample], {"bare": History(face_px=(100.0, 140.0))}, tools, tmp_path)
    assert one.frames.tolist() == [10]


def test_a_clip_that_ends_too_early_has_no_rows_at_all(tools: Tools, tmp_path: Path) -> None:
    whole = write_clip(tmp_path / "whole.mp4", [picture(seed, fake=False) for seed in range(20)])
    (tmp_path / "cut.mp4").write_bytes(whole.read_bytes()[:-3000])
    rows = extract(
        [Sample(str(tmp_path / "cut.mp4"), 0, "camera", "s", "g", "test")], {"as found": None}, tools, tmp_path
    )
    assert rows.samples == ()
    assert [reason for _, _, reason in rows.missed] in (["truncated"], ["unreadable"])


def test_a_disturbance_is_the_only_difference_to_what_it_disturbs(
    samples: list[Sample], tools: Tools, tmp_path: Path
) -> None:
    history = History(face_px=(100.0, 140.0))
    conditions = {
        "bare": history,
        "resize 1.0": Disturbed(history, "resize 1.0", "bare"),
        "noise 10": Disturbed(history, "noise 10", "bare"),
    }
    rows = extract(samples[1:2], conditions, tools, tmp_path)
    bare, same, noisy = rows.tables["blur residual"].values
    np.testing.assert_array_equal(bare, same)
    assert not np.allclose(bare, noisy)
    sizes = rows.tables["metadata"].values
    np.testing.assert_array_equal(sizes[0], sizes[2])


def test_workers_give_what_one_process_gives(samples: list[Sample], rows: Extract, tmp_path: Path) -> None:
    """To the last bit on as many threads as each worker has: on others, a matrix product sums in another order."""
    with Crew(small_tools, 2) as crew:
        found = extract(samples, CONDITIONS, small_tools(), tmp_path / "crew", crew=crew)
    wide = torch.get_num_threads()
    torch.set_num_threads(max(1, (os.cpu_count() or 1) // 2))
    try:
        alone = extract(samples, CONDITIONS, small_tools(), tmp_path / "alone")
    finally:
        torch.set_num_threads(wide)
    assert (found.samples, found.missed) == (rows.samples, rows.missed)
    for name, table in alone.tables.items():
        np.testing.assert_array_equal(found.tables[name].values, table.values)


def test_killed_again_and_again_it_ends_with_the_same_numbers(
    samples: list[Sample], rows: Extract, tmp_path: Path
) -> None:
    script = (
        "from pathlib import Path; from detector.benchmark.datasets import load_dataset\n"
        "from detector.benchmark.extraction import extract as e\n"
        "from tests.benchmark.extraction.test_extract import CONDITIONS\n"
        "from tests.benchmark.fakes import slow_tools\n"
        "e.WRITE_EVERY_S = 0.0\n"
        f"e.extract(load_dataset('manifest', Path({str(Path(samples[0].path).parent / 'manifest.csv')!r})), CONDITIONS,"
        f" slow_tools(), Path({str(tmp_path)!r}))"
    )
    written = [0]
    for _ in range(3):
        run = subprocess.Popen([sys.executable, "-c", script], stderr=subprocess.DEVNULL)
        while run.poll() is None and len(list(tmp_path.glob("*/*.parquet"))) <= written[-1]:
            time.sleep(0.02)
        run.kill()
        run.wait()
        written.append(len(list(tmp_path.glob("*/*.parquet"))))
    assert written == sorted(set(written)), "each run went on where the one before was killed"
    found = extract(samples, CONDITIONS, small_tools(), tmp_path)
    for name, table in rows.tables.items():
        np.testing.assert_array_equal(found.tables[name].values, table.values)


def test_a_file_that_kills_its_worker_is_named(samples: list[Sample], tmp_path: Path) -> None:
    with Crew(deadly_tools, 1) as crew, pytest.raises(DetectorError, match=r"a worker died while .*\.png"):
        extract(samples[:2], CONDITIONS, small_tools(), tmp_path, crew=crew)
