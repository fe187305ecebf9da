"""DeepfakeBench's lists and folders, on miniature trees that the tests build."""

from __future__ import annotations

import json
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detector.benchmark.datasets import leaks, load_dataset, tell_layout
from detector.benchmark.datasets.deepfakebench import LAYOUTS
from detector.benchmark.datasets.originals import groups, originals
from detector.errors import ConfigError
from detector.types import Sample

FF = "FaceForensics++"
REAL, DEEPFAKES, FACE2FACE = (
    f"{FF}/original_sequences/youtube/{{}}/frames",
    f"{FF}/manipulated_sequences/Deepfakes/{{}}/frames",
    f"{FF}/manipulated_sequences/Face2Face/{{}}/frames",
)


def plant(root: Path, *names: str) -> None:
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()


def frames(folder: str, video: str, count: int = 2) -> list[str]:
    return [f"{folder}/{video}/{number:03}.png" for number in range(count)]


def write(tmp_path: Path, content: Any, name: str = "list") -> Path:
    path = tmp_path / "preprocessing" / "dataset_json" / f"{name}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content), "utf-8")
    return path


def bench(tmp_path: Path, content: dict[str, Any], prefix: str = "./datasets/rgb/", separator: str = "/") -> Path:
    """A list whose frames are on disk in datasets/rgb/ beside it, and which calls them by any prefix."""

    def spelt(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: spelt(inner) for key, inner in value.items()}
        if isinstance(value, list):
            plant(tmp_path / "datasets" / "rgb", *value)
            return [(prefix + frame).replace("/", separator) for frame in value]
        return value

    return write(tmp_path, spelt(content))


def video(label: str, folder: str, name: str) -> dict[str, Any]:
    return {name: {"label": label, "frames": frames(folder, name)}}


def faceforensics(compression: str = "c23") -> dict[str, Any]:
    """Two pairs; 000_003 stands in two manipulations."""
    real, deepfakes, face2face = (place.format(compression) for place in (REAL, DEEPFAKES, FACE2FACE))
    return {
        FF: {
            "FF-real": {
                "train": {compression: video("FF-real", real, "071")},
                "val": {compression: {}},
                "test": {compression: video("FF-real", real, "000") | video("FF-real", real, "003")},
            },
            "FF-DF": {
                "train": {compression: video("FF-DF", deepfakes, "071_054")},
                "test": {compression: video("FF-DF", deepfakes, "000_003") | video("FF-DF", deepfakes, "003_000")},
            },
            "FF-F2F": {"test": {compression: video("FF-F2F", face2face, "000_003")}},
        }
    }


def clips(samples: list[Sample]) -> dict[str, set[Path]]:
    """The folders that the frames of each clip come from."""
    found: defaultdict[str, set[Path]] = defaultdict(set)
    for sample in samples:
        found[sample.video].add(Path(sample.path).parent)
    return found


@pytest.mark.parametrize(
    ("prefix", "separator"),
    [
        ("./datasets/rgb/", "/"),
        ("datasets\\rgb\\", "\\"),
        ("D:\\Daten Müller\\rgb\\", "\\"),
        ("/mnt/other machine/DeepfakeBench/datasets/rgb/", "/"),
        ("", "/"),
    ],
)
def test_a_list_of_any_machine_gives_the_same_samples(prefix: str, separator: str, tmp_path: Path) -> None:
    root = tmp_path / "Bench ü 1"
    path = bench(root, faceforensics(), prefix, separator)
    assert tell_layout(path) == "deepfakebench"
    samples = load_dataset("deepfakebench", path)
    rgb = root / "datasets" / "rgb"
    assert len(samples) == 2 * 7
    assert all(Path(sample.path).is_file() for sample in samples)
    by_path = {Path(sample.path).relative_to(rgb).as_posix(): sample for sample in samples}
    fake = by_path[f"{DEEPFAKES.format('c23')}/000_003/001.png"]
    pair = "faceforensics/000+003"
    assert (fake.label, fake.generator, fake.source, fake.group, fake.split) == (
        *(1, "Deepfakes", "Deepfakes/c23"),
        *(pair, "test"),
    )
    real = by_path[f"{REAL.format('c23')}/003/000.png"]
    assert (real.label, real.generator, real.source, real.group, real.split) == (
        *(0, "camera", "youtube/c23"),
        *(pair, "test"),
    )
    assert by_path[f"{REAL.format('c23')}/071/000.png"].group == "faceforensics/054+071"
    assert by_path[f"{REAL.format('c23')}/071/000.png"].split == "train"
    assert leaks(samples) == {}


def test_clips_of_one_name_in_two_manipulations_and_compressions_stay_apart(tmp_path: Path) -> None:
    both = faceforensics("c23")
    for label, splits in faceforensics("c40")[FF].items():
        for split, compressions in splits.items():
            both[FF][label][split] |= compressions
    samples = load_dataset("deepfakebench", bench(tmp_path, both))
    bare = [folder.name for folder in {Path(sample.path).parent for sample in samples}]
    assert bare.count("000_003") == 4  # what the benchmark's own grouping by the bare name would merge
    found = clips(samples)
    assert len(found) == 2 * 7
    assert all(len(folders) == 1 for folders in found.values())


def test_a_clip_in_several_splits_is_tested_on_and_there_once(tmp_path: Path) -> None:
    place = "Celeb-DF-v2/{}/frames".format
    tested = video("CelebDFv2_fake", place("Celeb-synthesis"), "id0_id1_0004")
    reals = video("CelebDFv2_real", place("Celeb-real"), "id0_0004") | video(
        "CelebDFv2_real", place("YouTube-real"), "00012"
    )
    content = {
        "Celeb-DF-v2": {
            "CelebDFv2_real": {"train": reals, "val": reals, "test": reals},
            "CelebDFv2_fake": {
                "train": tested | video("CelebDFv2_fake", place("Celeb-synthesis"), "id2_id1_0000"),
                "val": tested,
                "test": tested,
            },
        }
    }
    samples = load_dataset("deepfakebench", bench(tmp_path, content))
    assert len({sample.path for sample in samples}) == len(samples) == 8
    found = {Path(s.path).parent.name: (s.split, s.group, s.source) for s in samples}
    celeb = "celeb-df-v2/Celeb-real/id0_0004"
    assert found == {
        "id0_id1_0004": ("test", celeb, "celeb-df-v2/Celeb-synthesis"),
        "id0_0004": ("test", celeb, "celeb-df-v2/Celeb-real"),
        "00012": ("test", "celeb-df-v2/YouTube-real/00012", "celeb-df-v2/YouTube-real"),
        "id2_id1_0000": ("train", "celeb-df-v2/Celeb-real/id2_0000", "celeb-df-v2/Celeb-synthesis"),
    }


def test_the_nameless_clip_in_the_val_of_dfdc_is_left_out(tmp_path: Path) -> None:
    real, fake = video("DFDC_Real", "DFDC/test/frames", "aa"), video("DFDC_Fake", "DFDC/test/frames", "bb")
    content = {
        "DFDC": {
            "DFDC_Real": {"train": {}, "test": real, "val": real["aa"]},
            "DFDC_Fake": {"train": {}, "test": fake, "val": fake["bb"] | video("DFDC_Fake", "DFDC/train/frames", "cc")},
        }
    }
    samples = load_dataset("deepfakebench", bench(tmp_path, content))
    assert {(s.video, s.label, s.split) for s in samples} == {
        ("deepfakebench/dfdc/DFDC_Real/aa", 0, "test"),
        ("deepfakebench/dfdc/DFDC_Fake/bb", 1, "test"),
        ("deepfakebench/dfdc/DFDC_Fake/cc", 1, "val"),
    }


def test_lists_of_df40_tell_the_method_by_the_path(tmp_path: Path) -> None:
    content = {
        "FSAll_ff": {
            "FSAll_Real": {"test": video("FSAll_Real", REAL.format("c23"), "000")},
            "FSAll_Fake": {
                "test": video("FSAll_Fake", "DF40/simswap/ff/frames", "000_003")
                | {"e4s": {"label": "FSAll_Fake", "frames": frames("DF40/e4s/cdf/frames", "id0_id1_0004")}}
            },
        }
    }
    samples = load_dataset("deepfakebench", bench(tmp_path, content, "deepfakes_detection_datasets/"))
    assert {(s.generator, s.source, s.group) for s in samples} == {
        ("camera", "youtube/c23", "faceforensics/000+003"),
        ("simswap", "df40/ff", "faceforensics/000+003"),
        ("e4s", "df40/cdf", "celeb-df-v2/e4s"),
    }


def test_frames_are_in_natural_order_and_faceless_clips_left_out(tmp_path: Path) -> None:
    content = faceforensics()
    test = content[FF]["FF-DF"]["test"]["c23"]
    test["000_003"]["frames"] = [f"{DEEPFAKES.format('c23')}/000_003/{n}.png" for n in (10, 9, 100)]
    test["003_000"]["frames"] = []
    samples = load_dataset("deepfakebench", bench(tmp_path, content))
    found = [Path(s.path) for s in samples if s.generator == "Deepfakes" and s.split == "test"]
    assert [path.stem for path in found] == ["9", "10", "100"]


def test_a_compression_that_is_not_there_is_left_out_but_no_single_clip(tmp_path: Path) -> None:
    content = faceforensics()
    content[FF]["FF-DF"]["test"]["c40"] = content[FF]["FF-DF"]["test"]["c23"]
    path = bench(tmp_path, content)
    listed = json.loads(path.read_text("utf-8"))
    for clip in listed[FF]["FF-DF"]["test"]["c40"].values():
        clip["frames"] = [frame.replace("c23", "c40") for frame in clip["frames"]]
    path.write_text(json.dumps(listed), "utf-8")
    assert len(load_dataset("deepfakebench", path)) == 2 * 7
    for name in frames(f"datasets/rgb/{REAL.format('c23')}", "003"):
        (tmp_path / name).unlink()
    with pytest.raises(ConfigError, match=r"1 of 7 clips are not there, the first .*/003/000.png; expected it below"):
        load_dataset("deepfakebench", path)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ([], r"the file: expected a mapping, got \[\]"),
        ({}, "no frame is listed"),
        (None, "the file: expected a mapping, got None"),
        ({FF: []}, r"FaceForensics\+\+: expected a mapping, got \[\]"),
        ({FF: {"FF-DF": 1}}, "FF-DF: expected a mapping, got 1"),
        ({FF: {"FF-DF": {"test": "c23"}}}, "FF-DF > test: expected a mapping, got 'c23'"),
        ({FF: {"FF-DF": {"test": {"c23": None}}}}, "test > c23: expected a mapping, got None"),
        ({FF: {"FF-DF": {"test": {"c23": {"000_003": []}}}}}, r"c23 > 000_003: expected a mapping, got \[\]"),
        ({FF: {"FF-DF": {"test": {"000_003": {"label": "FF-DF"}}}}}, "000_003: expected a list of paths .*None"),
        ({FF: {"FF-DF": {"test": {"000_003": {"frames": [1]}}}}}, r"000_003: expected a list of paths .*\[1\]"),
        ({FF: {"FF-DF": {"test": {"000_003": {"frames": {"a": 1}}}}}}, "expected a list of paths"),
        ({FF: {"FF-DF": {"dev": {}}}}, "expected splits train, .*got dev"),
        ({FF: {"FF-DF": {"test": {"000_003": {"frames": ["none/000_003/0.png"]}}}}}, "1 of 1 clips are not there"),
        ({FF: {"FF-DF": {"test": {"000_003": {"frames": [""]}}}}}, "1 of 1 clips are not there"),
    ],
)
def test_a_damaged_list_is_refused_with_its_place(content: Any, message: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=message):
        load_dataset("deepfakebench", write(tmp_path, content))


@pytest.mark.parametrize("text", ["{", "\x00", "[" * 100_000, '{"a": "\udcff"}'])
def test_a_file_that_is_no_json_is_refused(text: str, tmp_path: Path) -> None:
    path = tmp_path / "list.json"
    path.write_bytes(text.encode("utf-8", "surrogateescape"))
    with pytest.raises(ConfigError, match=r"list.json: (no JSON|not UTF-8).*expected a list of DeepfakeBench"):
        load_dataset("deepfakebench", path)
    with pytest.raises(ConfigError, match="expected a list of DeepfakeBench"):
        load_dataset("deepfakebench", tmp_path / "none.json")


def test_an_unknown_label_is_refused(tmp_path: Path) -> None:
    content = {"mine": {"odd": {"test": video("odd", "mine/frames", "a")}}}
    with pytest.raises(ConfigError, match=r"list.json: mine: label 'odd': expected <method>_Real"):
        load_dataset("deepfakebench", bench(tmp_path, content))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from([FF, "FF-DF", "test", "c23", "frames", "label", "v"]), inner, max_size=4)
    ),
    max_leaves=12,
)


@given(content=JSON)
def test_whatever_json_says_the_error_is_ours(content: Any, tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.getbasetemp() / "any" / "a" / "b" / "c" / "any.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content), "utf-8")
    with pytest.raises(ConfigError):
        load_dataset("deepfakebench", path)


def rgb(root: Path) -> Path:
    """rgb/ with FaceForensics++, Celeb-DF-v2 and UADFV."""
    for folder, names in {
        REAL: ("000", "003"),
        DEEPFAKES: ("000_003", "003_000"),
        FACE2FACE: ("000_003", "003_000"),
    }.items():
        for name in names:
            plant(root / "rgb", *frames(folder.format("c23"), name))
            plant(root / "rgb", f"{folder.format('c23').replace('frames', 'landmarks')}/{name}/000.npy")
    for split, pairs in (("train", []), ("val", []), ("test", [["000", "003"]])):
        (root / "rgb" / FF / f"{split}.json").write_text(json.dumps(pairs))
    for place, name in (("Celeb-real", "id0_0004"), ("YouTube-real", "00012"), ("Celeb-synthesis", "id0_id1_0004")):
        plant(root / "rgb", *frames(f"Celeb-DF-v2/{place}/frames", name))
    tested = "1 Celeb-real/id0_0004.mp4\n0 Celeb-synthesis/id0_id1_0004.mp4\n"
    (root / "rgb" / "Celeb-DF-v2" / "List_of_testing_videos.txt").write_text(tested)
    plant(root / "rgb", *frames("UADFV/real/frames", "0003"), *frames("UADFV/fake/frames", "0003_fake"))
    return root


@pytest.mark.parametrize("inner", [".", "rgb"])
def test_rgb_is_read_as_each_dataset_lies_there(inner: str, tmp_path: Path) -> None:
    root = rgb(tmp_path / "Datensätze 1") / inner
    assert tell_layout(root) == "deepfakebench"
    samples = load_dataset("deepfakebench", root)
    assert all(Path(sample.path).suffix == ".png" and Path(sample.path).is_file() for sample in samples)
    found = clips(samples)
    assert len(found) == 6 + 3 + 2
    assert all(len(folders) == 1 for folders in found.values())
    told = {(s.label, s.generator, s.group, s.split) for s in samples}
    pair, celeb = "faceforensics/000+003", "celeb-df-v2/Celeb-real/id0_0004"
    assert told == {
        (0, "camera", pair, "test"),
        (1, "Deepfakes", pair, "test"),
        (1, "Face2Face", pair, "test"),
        (0, "camera", celeb, "test"),
        (0, "camera", "celeb-df-v2/YouTube-real/00012", "train"),
        (1, "celeb-df-v2", celeb, "test"),
        (0, "camera", "uadfv/0003", "test"),
        (1, "uadfv", "uadfv/0003", "test"),
    }
    assert leaks(samples) == {}


def test_the_list_and_the_folders_tell_the_same(tmp_path: Path) -> None:
    root = rgb(tmp_path / "datasets").parent
    content = faceforensics()
    for label in content[FF].values():
        label.pop("train", None)
    content[FF]["FF-F2F"]["test"]["c23"] |= video("FF-F2F", FACE2FACE.format("c23"), "003_000")

    def told(samples: list[Sample]) -> set[tuple[Any, ...]]:
        return {(s.path, s.label, s.generator, s.source, s.group, s.split) for s in samples if FF in s.path}

    listed = told(load_dataset("deepfakebench", bench(root, content)))
    assert listed == told(load_dataset("deepfakebench", root / "datasets"))
    assert len(listed) == 12


def test_both_dfdc_sets_as_the_benchmark_rearranges_them(tmp_path: Path) -> None:
    places = ("DFDCP/original_videos/frames", "DFDCP/method_A/frames", "DFDC/test/frames", "DFDC/test/frames")
    for place, name in zip(places, ("11_A", "11_B", "aa", "bb"), strict=True):
        plant(tmp_path, *frames(place, name))
    told = {
        "original_videos/11/11_A.mp4": {"label": "real", "set": "train"},
        "method_A\\11\\22\\11_B.mp4": {"label": "fake", "set": "test"},
        "method_B/11/no_face.mp4": {"label": "fake", "set": "test"},
    }
    (tmp_path / "DFDCP" / "dataset.json").write_text(json.dumps(told))
    (tmp_path / "DFDC" / "test" / "labels.csv").write_text("filename,label\naa.mp4,0\nbb.mp4,1\n")
    samples = load_dataset("deepfakebench", tmp_path)
    missing = [sample for sample in samples if not Path(sample.path).exists()]
    assert [(s.video, s.generator, s.group) for s in missing] == [
        ("dfdc-preview/method_B/no_face", "method_B", "dfdc-preview/11")
    ]
    there = [sample for sample in samples if sample not in missing]
    assert {(Path(s.path).parent.name, s.label, s.generator, s.group, s.split) for s in there} == {
        ("11_A", 0, "camera", "dfdc-preview/11", "train"),
        ("11_B", 1, "method_A", "dfdc-preview/11", "test"),
        ("aa", 0, "camera", "dfdc/aa", "test"),
        ("bb", 1, "dfdc", "dfdc/bb", "test"),
    }
    for damaged in ({"a.mp4": {"set": "test"}}, {"method_A/11/a.mp4": 1}, {"method_A/11/a.mp4": {"set": "dev"}}):
        (tmp_path / "DFDCP" / "dataset.json").write_text(json.dumps(damaged))
        with pytest.raises(ConfigError, match=r"dataset.json: .*: expected <original_videos or"):
            load_dataset("deepfakebench", tmp_path)


@pytest.mark.parametrize(
    ("part", "message"),
    [
        (f"{FF}/test.json", "test.json"),
        ("Celeb-DF-v2/List_of_testing_videos.txt", "List_of_testing_videos.txt"),
        ("UADFV/fake", "fake.frames: not found; expected"),
    ],
)
def test_rgb_without_a_part_is_refused(part: str, message: str, tmp_path: Path) -> None:
    (rgb(tmp_path) / "rgb" / part).rename(tmp_path / "elsewhere")
    with pytest.raises(ConfigError, match=message):
        load_dataset("deepfakebench", tmp_path)


def test_a_root_that_holds_nothing_is_refused(tmp_path: Path) -> None:
    layout = LAYOUTS["deepfakebench"]
    assert not layout.looks_like(tmp_path)
    for root in (tmp_path, tmp_path / "none"):
        with pytest.raises(ConfigError, match=r"found none of .*UADFV; expected them below rgb/"):
            layout.read(root)
    assert (Path(__file__).parents[3] / "data" / layout.card).is_file()


@pytest.mark.parametrize(
    ("family", "video", "expected"),
    [
        ("faceforensics", "000", ("000",)),
        ("faceforensics", "000_003", ("000", "003")),
        ("deeperforensics", "000_M101", ("000", "M101")),
        ("celeb-df-v2", "id0_id16_0003", ("Celeb-real/id0_0003",)),
        ("celeb-df-v1", "id0_0003", ("Celeb-real/id0_0003",)),
        ("celeb-df-v2", "00012", ("YouTube-real/00012",)),
        ("dfd", "01_02__walking__YVGY8LOK", ("01",)),
        ("dfd", "01__walking", ("01",)),
        ("dfdc-preview", "9_123_C_001", ("123",)),
        ("dfdc-preview", "123_C_001", ("123",)),
        ("uadfv", "0003_fake", ("0003",)),
        ("dfdc", "000_003", ("000_003",)),
    ],
)
def test_originals(family: str, video: str, expected: tuple[str, ...]) -> None:
    assert originals(family, video) == expected


def test_pairs_that_share_an_original_are_one_group() -> None:
    chain = [("faceforensics", name) for name in ("003_007", "000_003", "007", "010_011", "012")]
    assert groups([*chain, ("dfdc", "000_003")]) == {
        **dict.fromkeys(chain[:3], "faceforensics/000+003"),
        chain[3]: "faceforensics/010+011",
        chain[4]: "faceforensics/012",
        ("dfdc", "000_003"): "dfdc/000_003",
    }


@given(st.lists(st.from_regex(r"00[0-9](_00[0-9])?", fullmatch=True), max_size=12))
def test_groups_are_those_of_the_graph_of_pairs(videos: list[str]) -> None:
    found = groups(("faceforensics", video) for video in videos)
    for one in set(videos):
        for other in set(videos):
            shared = set(one.split("_")) & set(other.split("_"))
            assert not shared or found["faceforensics", one] == found["faceforensics", other]
    apart = {frozenset(video.split("_")) for video in videos}
    while joined := next(((a, b) for a in apart for b in apart if a != b and a & b), None):
        apart = (apart - set(joined)) | {joined[0] | joined[1]}
    assert len(set(found.values())) == len(apart)
