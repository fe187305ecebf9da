"""Datasets of swapped faces, on miniature trees: who is fake, by what, of which clip, in which split."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from detector.benchmark.datasets import leaks, load_dataset, tell_layout
from detector.errors import ConfigError
from detector.types import Sample
from tests.benchmark.datasets import trees

TREES: dict[str, Callable[[Path], Path]] = {
    "faceforensics": trees.faceforensics,
    "faceshifter": lambda root: trees.faceforensics(root, ["FaceShifter"]),
    "dfd": trees.dfd,
    "celeb-df-v2": trees.celebdf,
    "celeb-df-v1": lambda root: trees.celebdf(root, people=13),
    "dfdc": trees.dfdc,
    "dfdc-preview": trees.dfdc_preview,
    "deeperforensics": trees.deeperforensics,
    "wilddeepfake": trees.wilddeepfake,
}
"""A tree of each layout, and the layout that it is told as."""


def load(kind: str, root: Path) -> dict[str, Sample]:
    """The samples of a tree by their path in it."""
    samples = {Path(sample.path).relative_to(root).as_posix(): sample for sample in load_dataset(kind, root)}
    assert len(samples) == len(load_dataset(kind, root)), "a file is there twice"
    return samples


def row(sample: Sample) -> tuple[int, str, str, str, str]:
    """What a sample says, but for its files."""
    return sample.label, sample.generator, sample.source, sample.group, sample.split


def counts(samples: Sequence[Sample]) -> dict[str, int]:
    """How many samples each generator has."""
    names = [sample.generator for sample in samples]
    return {name: names.count(name) for name in sorted(set(names))}


@pytest.mark.parametrize("kind", TREES)
def test_a_tree_tells_its_layout_and_is_read_whole(kind: str, tmp_path: Path) -> None:
    root = TREES[kind](tmp_path / "Größe 漢字 of it")
    assert tell_layout(root) == kind
    samples = load_dataset(kind, root)
    assert {sample.label for sample in samples} == {0, 1}
    assert all(Path(sample.path).is_file() for sample in samples)
    assert all((sample.generator == "camera") == (sample.label == 0) for sample in samples)
    assert all(sample.group and sample.source and sample.split in ("train", "val", "test") for sample in samples)
    assert leaks(samples) == {}


@pytest.mark.parametrize("kind", TREES)
def test_no_two_files_share_a_video_unless_they_are_frames_of_one_clip(kind: str, tmp_path: Path) -> None:
    folders: dict[str, set[str]] = {}
    for sample in load_dataset(kind, TREES[kind](tmp_path)):
        folders.setdefault(sample.video, set()).add(str(Path(sample.path).parent) if sample.clip else sample.path)
    assert all(len(found) == 1 for found in folders.values())


def test_a_swap_its_reverse_and_both_originals_are_one_group_in_the_official_split(tmp_path: Path) -> None:
    samples = load("faceforensics", trees.faceforensics(tmp_path))
    assert len(samples) == 8 * 5
    group = ("faceforensics/054+071", "test")
    deepfakes, youtube = "manipulated_sequences/Deepfakes/c23/videos", "original_sequences/youtube/c23/videos"
    assert row(samples[f"{deepfakes}/071_054.mp4"]) == (1, "Deepfakes", "Deepfakes/c23", *group)
    assert row(samples[f"{deepfakes}/054_071.mp4"]) == (1, "Deepfakes", "Deepfakes/c23", *group)
    assert (
        row(samples[f"{youtube}/071.mp4"]) == row(samples[f"{youtube}/054.mp4"]) == (0, "camera", "youtube/c23", *group)
    )
    assert sum(sample.group == group[0] for sample in samples.values()) == 2 + 2 * 4


def test_a_compression_is_picked_by_the_layouts_name(tmp_path: Path) -> None:
    trees.faceforensics(tmp_path, ["Deepfakes"], ["raw", "c23", "c40"])
    named = {"-c0": {"raw"}, "-c23": {"c23"}, "-c40": {"c40"}, "": {"raw", "c23", "c40"}}
    for ending, expected in named.items():
        samples = load_dataset(f"faceforensics{ending}", tmp_path)
        assert {sample.source.split("/")[1] for sample in samples} == expected
        assert leaks(samples) == {}


def test_originals_at_a_compression_without_fakes_would_only_show_the_compression(tmp_path: Path) -> None:
    trees.faceforensics(tmp_path, ["Deepfakes"], ["raw", "c23"])
    shutil.rmtree(tmp_path / "manipulated_sequences/Deepfakes/c23")
    assert {sample.source for sample in load_dataset("faceforensics", tmp_path)} == {"youtube/raw", "Deepfakes/raw"}


def test_fakes_without_originals_of_their_compression_are_refused(tmp_path: Path) -> None:
    trees.faceforensics(tmp_path, ["Deepfakes"], ["raw", "c23"])
    shutil.rmtree(tmp_path / "original_sequences/youtube/c23")
    with pytest.raises(ConfigError, match="there are no originals of c23"):
        load_dataset("faceforensics", tmp_path)
    assert load_dataset("faceforensics-c0", tmp_path)


def test_frames_stand_for_their_clip_and_clips_of_two_manipulations_do_not_merge(tmp_path: Path) -> None:
    samples = load_dataset("faceforensics", trees.faceforensics(tmp_path, frames=True))
    assert len(samples) == 8 * 5 * 2
    assert len({sample.video for sample in samples}) == 8 * 5
    swap = [
        sample for sample in samples if Path(sample.path).parent.name == "071_054" and sample.generator == "FaceSwap"
    ]
    assert [Path(sample.path).name for sample in swap] == ["2.png", "10.png"]
    assert {sample.clip for sample in swap} == {"faceforensics/manipulated_sequences/FaceSwap/c23/frames/071_054"}


def test_a_video_is_preferred_to_frames_of_the_same_clip(tmp_path: Path) -> None:
    trees.faceforensics(tmp_path)
    before = load_dataset("faceforensics", tmp_path)
    trees.touch(tmp_path / "original_sequences/youtube/c23", ["frames/000/1.png"])
    assert load_dataset("faceforensics", tmp_path) == before


def test_a_named_clip_that_is_missing_is_a_sample_that_cannot_be_read(tmp_path: Path) -> None:
    gone = trees.faceforensics(tmp_path) / "manipulated_sequences/FaceSwap/c23/videos/071_054.mp4"
    gone.unlink()
    assert [s.path for s in load_dataset("faceforensics", tmp_path) if not Path(s.path).exists()] == [str(gone)]


def test_a_clip_that_no_split_names_is_refused(tmp_path: Path) -> None:
    trees.touch(trees.faceforensics(tmp_path), ["manipulated_sequences/FaceSwap/c23/videos/998_999.mp4"])
    with pytest.raises(ConfigError, match=r"998_999\.mp4: not named by train\.json.*1 of the 9"):
        load_dataset("faceforensics", tmp_path)


def test_split_files_are_found_in_either_place_and_missed_by_name(tmp_path: Path) -> None:
    trees.faceforensics(tmp_path)
    before = load_dataset("faceforensics", tmp_path)
    for split in trees.PAIRS:
        (tmp_path / "splits" / f"{split}.json").rename(tmp_path / f"{split}.json")
    assert load_dataset("faceforensics", tmp_path) == before
    (tmp_path / "val.json").unlink()
    with pytest.raises(ConfigError, match=r"val\.json.*expected an official split file"):
        load_dataset("faceforensics", tmp_path)


@pytest.mark.parametrize("text", ["[", '{"000": "003"}', '["000"]', '[["000", "003", "004"]]'])
def test_a_damaged_split_file_is_named(text: str, tmp_path: Path) -> None:
    trees.write(trees.faceforensics(tmp_path) / "splits/val.json", text)
    with pytest.raises(ConfigError, match=r"val\.json.*expected an official split file"):
        load_dataset("faceforensics", tmp_path)


def test_a_clip_in_two_splits_is_refused(tmp_path: Path) -> None:
    trees.write_splits(trees.faceforensics(tmp_path) / "splits", {"test": [["071", "000"]]})
    with pytest.raises(ConfigError, match=r"test\.json: 000 is in train\.json too"):
        load_dataset("faceforensics", tmp_path)


def test_faceshifter_is_read_alone_or_with_the_others(tmp_path: Path) -> None:
    trees.faceforensics(tmp_path, [*trees.CLASSIC, "FaceShifter"])
    assert tell_layout(tmp_path) == "faceforensics"
    assert counts(load_dataset("faceforensics", tmp_path)) == dict.fromkeys(
        [*trees.CLASSIC, "FaceShifter", "camera"], 8
    )
    assert counts(load_dataset("faceshifter", tmp_path)) == {"FaceShifter": 8, "camera": 8}


def test_dfd_groups_by_the_actor_of_the_clip(tmp_path: Path) -> None:
    samples = load("dfd", trees.dfd(tmp_path))
    fakes, originals = "manipulated_sequences/DeepFakeDetection/c23/videos", "original_sequences/actors/c23/videos"
    swap, original = f"{fakes}/01_02__walking outside__A1B2C3D4.mp4", f"{originals}/01__walking outside.mp4"
    assert row(samples[swap]) == (1, "DeepFakeDetection", "DeepFakeDetection/c23", "dfd/01", "test")
    assert row(samples[original]) == (0, "camera", "actors/c23", "dfd/01", "test")
    trees.touch(tmp_path, [f"{fakes}/walking.mp4"])
    with pytest.raises(ConfigError, match=r"walking\.mp4: expected a clip named like 01__walking"):
        load_dataset("dfd", tmp_path)


def test_one_stands_for_real_in_the_list_of_celeb_df(tmp_path: Path) -> None:
    samples = load("celeb-df-v2", trees.celebdf(tmp_path))
    tested = [sample for sample in samples.values() if sample.split == "test"]
    assert sorted(sample.label for sample in tested) == [0, 0, 0, 1, 1]
    youtube = "celeb-df-v2/YouTube-real"
    assert row(samples["YouTube-real/00170.mp4"]) == (0, "camera", youtube, f"{youtube}/00170", "test")
    assert row(samples["YouTube-real/00001.mp4"]) == (0, "camera", youtube, f"{youtube}/00001", "train")


def test_a_swap_of_celeb_df_is_of_the_group_of_the_clip_it_changed(tmp_path: Path) -> None:
    samples = load("celeb-df-v2", trees.celebdf(tmp_path))
    swap = samples["Celeb-synthesis/id0_id1_0000.mp4"]
    assert row(swap) == (1, "celeb-df-v2", "celeb-df-v2/Celeb-synthesis", "celeb-df-v2/Celeb-real/id0_0000", "test")
    assert samples["Celeb-real/id0_0000.mp4"].group == swap.group != samples["Celeb-real/id1_0000.mp4"].group


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("0 YouTube-real/00170.mp4", "1 stands for real"),
        ("1 Celeb-synthesis/id0_id1_0000.mp4", "1 stands for real"),
        ("Celeb-real/id0_0000.mp4", "lines like 1 YouTube-real"),
        ("1 elsewhere/id0_0000.mp4", "lines like 1 YouTube-real"),
    ],
)
def test_a_line_that_does_not_fit_its_folder_is_named(line: str, words: str, tmp_path: Path) -> None:
    trees.write(trees.celebdf(tmp_path) / "List_of_testing_videos.txt", f"1 Celeb-real/id0_0000.mp4\n{line}\n")
    with pytest.raises(ConfigError, match=f"List_of_testing_videos.txt, line 2: .*{words}"):
        load_dataset("celeb-df-v2", tmp_path)


def test_a_test_list_of_either_system_is_read_and_what_it_names_is_kept(tmp_path: Path) -> None:
    trees.celebdf(tmp_path)
    posix = load("celeb-df-v2", tmp_path)
    path = tmp_path / "List_of_testing_videos.txt"
    path.write_bytes(path.read_bytes().replace(b"/", b"\\").replace(b"\n", b"\r\n"))
    assert load("celeb-df-v2", tmp_path) == posix
    (tmp_path / "YouTube-real" / "00170.mp4").unlink()
    assert load("celeb-df-v2", tmp_path) == posix


def test_celeb_df_is_read_as_others_have_rearranged_it(tmp_path: Path) -> None:
    """Self-blended images' README spells a folder in another way and puts the videos one deeper, as do its frames."""
    plain, deep = load("celeb-df-v2", trees.celebdf(tmp_path / "plain")), tmp_path / "deep"
    trees.celebdf(deep)
    for name in ("Celeb-real", "Celeb-synthesis", "YouTube-real"):
        (deep / name).rename(deep / "videos")
        (deep / name.replace("YouTube", "Youtube")).mkdir()
        (deep / "videos").rename(deep / name.replace("YouTube", "Youtube") / "videos")
    assert tell_layout(deep) == "celeb-df-v2"
    assert sorted(map(row, load("celeb-df-v2", deep).values())) == sorted(map(row, plain.values()))


def test_dfdc_groups_by_original_and_reads_the_test_set(tmp_path: Path) -> None:
    samples = load("dfdc", trees.dfdc(tmp_path))
    part = "train/dfdc_train_part_01"
    assert row(samples[f"{part}/dd.mp4"]) == (0, "camera", "dfdc", "dfdc/dd", "train")
    assert row(samples[f"{part}/ff.mp4"]) == (1, "dfdc", "dfdc", "dfdc/dd", "train")
    assert row(samples["test/videos/yy.mp4"]) == (1, "dfdc", "dfdc", "dfdc/yy", "test")
    assert row(samples["test/videos/xx.mp4"])[0] == 0


def test_dfdc_reads_the_test_sets_own_metadata(tmp_path: Path) -> None:
    trees.touch(tmp_path, ["test/xx.mp4", "test/yy.mp4"])
    trees.write(tmp_path / "test/metadata.json", json.dumps({"xx.mp4": {"is_fake": 1}, "yy.mp4": {"is_fake": 0}}))
    samples = load("dfdc", tmp_path)
    assert [(sample.label, sample.split) for sample in samples.values()] == [(1, "test"), (0, "test")]


def test_frames_of_dfdc_are_found_beside_its_list(tmp_path: Path) -> None:
    folder = trees.dfdc(tmp_path) / "train/dfdc_train_part_00"
    (folder / "aa.mp4").unlink()
    trees.touch(folder, ["frames/aa/0.png", "frames/aa/1.png"])
    samples = load("dfdc", tmp_path)
    assert {samples[f"train/dfdc_train_part_00/frames/aa/{i}.png"].clip for i in (0, 1)} == {
        "dfdc/train/dfdc_train_part_00/frames/aa"
    }


@pytest.mark.parametrize("told", [{"split": "train"}, {"label": "maybe"}, {"label": None}])
def test_a_clip_of_dfdc_without_a_label_is_named(told: dict[str, object], tmp_path: Path) -> None:
    folder = tmp_path / "dfdc_train_part_0"
    trees.touch(folder, ["aa.mp4"])
    trees.write(folder / "metadata.json", json.dumps({"aa.mp4": told}))
    with pytest.raises(ConfigError, match=r"metadata\.json: aa\.mp4: label: expected one of"):
        load_dataset("dfdc", tmp_path)


def test_the_preview_keeps_methods_apart_and_groups_by_person(tmp_path: Path) -> None:
    samples = load("dfdc-preview", trees.dfdc_preview(tmp_path))
    assert counts(list(samples.values())) == {"camera": 2, "method_A": 2, "method_B": 2}
    swap = samples["method_B/456/456_C/8_456_C_001.mp4"]
    assert row(swap) == (1, "method_B", "dfdc-preview", "dfdc-preview/456", "test")
    assert samples["original_videos/456/456_C_001.mp4"].group == swap.group


def test_the_previews_list_is_read_in_either_systems_paths(tmp_path: Path) -> None:
    expected = load("dfdc-preview", trees.dfdc_preview(tmp_path))
    told = json.loads((tmp_path / "dataset.json").read_text())
    trees.write(tmp_path / "dataset.json", json.dumps({name.replace("/", "\\"): one for name, one in told.items()}))
    assert load("dfdc-preview", tmp_path) == expected


def test_deeperforensics_keeps_together_what_an_actor_links(tmp_path: Path) -> None:
    samples = load("deeperforensics", trees.deeperforensics(tmp_path))
    fakes, reals = "manipulated_videos/end_to_end_level_1", "target_videos"
    linked = ("deeperforensics/M101", "train")
    level = "deeperforensics/end_to_end_level_1"
    assert row(samples[f"{fakes}/000_M101.mp4"]) == (1, "DF-VAE", level, *linked)
    assert row(samples[f"{reals}/001.mp4"]) == (0, "camera", "youtube/c23", *linked)
    assert row(samples[f"{reals}/003.mp4"])[3:] == ("deeperforensics/M004", "test")
    assert counts(list(samples.values())) == {"DF-VAE": 8, "camera": 4}, "one target is of no swap"


def test_deeperforensics_names_the_real_part_that_it_does_not_bring(tmp_path: Path) -> None:
    shutil.rmtree(trees.deeperforensics(tmp_path) / "target_videos")
    with pytest.raises(ConfigError, match=r"FaceForensics\+\+ at c23, in target_videos"):
        load_dataset("deeperforensics", tmp_path)


def test_wilddeepfake_groups_by_archive_and_joins_frames_by_sequence(tmp_path: Path) -> None:
    samples = load("wilddeepfake", trees.wilddeepfake(tmp_path))
    frame = samples["fake_test/0/fake/7/10.png"]
    assert row(frame) == (1, "in-the-wild", "wilddeepfake", "wilddeepfake/fake_test/0", "test")
    assert frame.clip == "wilddeepfake/fake_test/0/fake/7"
    assert len({sample.video for sample in samples.values()}) == 8


def test_wilddeepfake_is_read_with_spaces_and_one_split_alone_but_not_one_class(tmp_path: Path) -> None:
    trees.wilddeepfake(tmp_path)
    (tmp_path / "fake_test").rename(tmp_path / "fake test")
    shutil.rmtree(tmp_path / "real_train")
    with pytest.raises(ConfigError, match="real_train: expected folders of frames"):
        load_dataset("wilddeepfake", tmp_path)
    shutil.rmtree(tmp_path / "fake_train")
    assert counts(load_dataset("wilddeepfake", tmp_path)) == {"camera": 4, "in-the-wild": 4}


@pytest.mark.parametrize(
    ("kind", "gone", "words"),
    [
        ("faceforensics", "original_sequences", "expected manipulated_sequences.*original_sequences/youtube"),
        ("dfd", "manipulated_sequences", "DeepFakeDetection.*there are no such fakes"),
        ("celeb-df-v2", "YouTube-real", "missing YouTube-real"),
        ("celeb-df-v2", "List_of_testing_videos.txt", "List_of_testing_videos.txt: No such file"),
        ("dfdc-preview", "dataset.json", "dataset.json: No such file"),
        ("deeperforensics", "lists/splits/val.txt", "val.txt: No such file"),
        ("deeperforensics", "manipulated_videos", "expected manipulated_videos/<variant>/"),
    ],
)
def test_a_missing_part_is_named(kind: str, gone: str, words: str, tmp_path: Path) -> None:
    path = TREES[kind](tmp_path) / gone
    shutil.rmtree(path) if path.is_dir() else path.unlink()
    with pytest.raises(ConfigError, match=words):
        load_dataset(kind, tmp_path)


def test_a_picture_that_is_no_clips_frame_is_refused(tmp_path: Path) -> None:
    trees.touch(trees.celebdf(tmp_path), ["Celeb-real/frames/id0_0000_1.png"])
    with pytest.raises(ConfigError, match="the frames of each clip in a folder of its own"):
        load_dataset("celeb-df-v2", tmp_path)
