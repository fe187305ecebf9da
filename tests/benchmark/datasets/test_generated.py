"""Datasets of generated pictures: each layout on a miniature tree that the test builds."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from pathlib import Path

import pytest

from detector.benchmark.datasets import generated, leaks, load_dataset, tell_layout
from detector.errors import ConfigError
from detector.types import Sample


def plant(root: Path, *names: str) -> Path:
    """Files of these names below a root; a reader never looks into a picture."""
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return root


def table(samples: list[Sample], root: Path) -> dict[str, tuple[int, str, str, str, str]]:
    """By path: label, generator, source, group, split."""
    return {
        Path(s.path).relative_to(root).as_posix(): (s.label, s.generator, s.source, s.group, s.split) for s in samples
    }


def faces140k(root: Path) -> Path:
    return plant(
        root / "140 k Gesichter ü",
        *(f"real_vs_fake/real-vs-fake/{s}/{c}/0 1.jpg" for s in ("train", "valid", "test") for c in ("real", "fake")),
    )


def diffusionforensics(root: Path) -> Path:
    return plant(
        root,
        "images/test/lsun_bedroom/real/1.jpg",
        "images/test/lsun_bedroom/adm/1.png",
        "images/val/imagenet/real/n01440764/1.jpg",
        "images/val/imagenet/sdv1/tench/1.png",
        "recons/test/lsun_bedroom/real/1.jpg",
        "dire/test/lsun_bedroom/adm/1.png",
    )


def genimage(root: Path) -> Path:
    sd14, glide = "stable_diffusion_v_1_4/imagenet_ai_0419_sdv4", "Stable Diffusion V1.5"
    return plant(
        root,
        f"{sd14}/train/ai/033_sdv4_00137.png",
        f"{sd14}/train/nature/n01440764_10026.JPEG",
        f"{sd14}/val/ai/1.png",
        f"{sd14}/val/nature/ILSVRC2012_val_00000001.JPEG",
        f"{glide}/train/ai/1.png",
        f"{glide}/train/nature/n01440764_10026.JPEG",
        f"{glide}/val/ai/1.png",
        f"{glide}/val/nature/other.JPEG",
    )


def artifact(root: Path) -> Path:
    plant(root, "ffhq/images/a b.jpg", "stylegan2/ffhq/ä.jpg", "stylegan2/0_real/c.jpg")
    head = "filename,image_path,target,category\n"
    (root / "ffhq" / "metadata.csv").write_text(head + "a b.jpg,images/a b.jpg,0,face\n", "utf-8")
    rows = "ä.jpg,ffhq\\ä.jpg,6,face\nc.jpg,0_real/c.jpg,0,face\n"
    (root / "stylegan2" / "metadata.csv").write_text(head + rows, "utf-8")
    return root


def diffusionface(root: Path) -> Path:
    return plant(
        root,
        "Real/7.jpg",
        "MM_CelebA/7.jpg",
        "DDPM/00007.png",
        "SDv15_DS0.5/00007.png",
        "Inpaint/images/00007.png",
        "Inpaint/masks/00007.png",
        "Wild/images_256/x.png",
    )


def df40(root: Path) -> Path:
    return plant(
        root,
        "DF40/simswap/ff/frames/000_003/000.png",
        "DF40/simswap/ff/frames/000_003/010.png",
        "DF40/simswap/ff/landmarks/000_003/000.png",
        "DF40/simswap/cdf/frames/id0_id1_0004/000.png",
        "DF40/fsgan/ff/frames/000_003/000.png",
        "DF40/StyleGAN2/ff/003/seed0188.png",
        "DF40/StyleGAN2/cdf/Fake_from_Celeb-real/id0_0004/seed1.png",
        "DF40/e4e/cdf/Celeb-real/inversions/id0_0004.png",
        "DF40/stargan/fake/fake/000123.png",
        "DF40/stargan/real/real/000123.png",
        "DF40/heygen/fake/frames/v1/0.png",
        "DF40/heygen/real/v1/0.png",
        "DF40_train/simswap/frames/071_054/000.png",
        "DF40_train/StyleGAN2/071/seed1.png",
        "FaceForensics++/original_sequences/youtube/c23/frames/000/000.png",
        "FaceForensics++/original_sequences/youtube/c23/frames/071/000.png",
        "Celeb-DF-v2/Celeb-real/frames/id0_0004/000.png",
        "Celeb-DF-v2/YouTube-real/frames/00012/000.png",
    )


TREES: dict[str, Callable[[Path], Path]] = {
    "140k": faces140k,
    "diffusionforensics": diffusionforensics,
    "genimage": genimage,
    "artifact": artifact,
    "diffusionface": diffusionface,
    "df40": df40,
}


def test_every_layout_has_a_tree() -> None:
    assert set(TREES) == set(generated.LAYOUTS)


@pytest.mark.parametrize("name", TREES)
def test_a_layout_is_told_and_keeps_the_contract(name: str, tmp_path: Path) -> None:
    root = TREES[name](tmp_path)
    assert tell_layout(root) == name
    samples = load_dataset(name, root)
    assert {sample.label for sample in samples} == {0, 1}
    assert {sample.split for sample in samples} <= {"train", "val", "test"}
    assert all((sample.generator == "camera") == (sample.label == 0) for sample in samples)
    assert all(Path(sample.path).is_file() for sample in samples)
    assert len({sample.path for sample in samples}) == len(samples)
    folders = defaultdict(set)
    for sample in samples:
        folders[sample.video].add(Path(sample.path).parent)
    assert all(len(found) == 1 for found in folders.values())


@pytest.mark.parametrize("name", TREES)
def test_a_root_that_holds_nothing_is_refused(name: str, tmp_path: Path) -> None:
    assert not generated.LAYOUTS[name].looks_like(tmp_path)
    for root in (tmp_path, tmp_path / "none"):
        with pytest.raises(ConfigError, match=r"expected"):
            load_dataset(name, root)


def test_every_card_is_there() -> None:
    cards = Path(__file__).parents[3] / "data"
    assert all((cards / layout.card).is_file() for layout in generated.LAYOUTS.values())


def test_140k(tmp_path: Path) -> None:
    outer = faces140k(tmp_path)
    root = outer / "real_vs_fake" / "real-vs-fake"
    found = table(load_dataset("140k", outer), root)
    assert found["valid/real/0 1.jpg"] == (0, "camera", "140k/ffhq", "140k/valid/real/0 1.jpg", "val")
    assert found["test/fake/0 1.jpg"] == (1, "stylegan", "140k/stylegan", "140k/test/fake/0 1.jpg", "test")
    assert len(found) == 6
    assert table(load_dataset("140k", root), root) == found
    (root / "valid" / "fake" / "0 1.jpg").unlink()
    (root / "valid" / "fake").rmdir()
    with pytest.raises(ConfigError, match=r"valid.fake: not found; expected .*all six"):
        load_dataset("140k", outer)


def test_diffusionforensics_reads_pictures_and_no_reconstruction(tmp_path: Path) -> None:
    base = diffusionforensics(tmp_path) / "images"
    found = table(load_dataset("diffusionforensics", tmp_path), base)
    source = "diffusionforensics/lsun_bedroom"
    group = "diffusionforensics/test/lsun_bedroom"
    assert found["test/lsun_bedroom/real/1.jpg"] == (0, "camera", source, f"{group}/real/1.jpg", "test")
    assert found["test/lsun_bedroom/adm/1.png"] == (1, "adm", source, f"{group}/adm/1.png", "test")
    assert found["val/imagenet/sdv1/tench/1.png"][1:3] == ("sdv1", "diffusionforensics/imagenet")
    assert len(found) == 4
    plant(base, "test/celebahq/sdv2/1.png")
    with pytest.raises(ConfigError, match=r"celebahq.real: not found"):
        load_dataset("diffusionforensics", tmp_path)


def test_genimage_names_generators_by_their_archive_and_knows_a_picture_again(tmp_path: Path) -> None:
    found = table(load_dataset("genimage", genimage(tmp_path)), tmp_path)
    sd14 = "stable_diffusion_v_1_4/imagenet_ai_0419_sdv4"
    fake = f"{sd14}/train/ai/033_sdv4_00137.png"
    assert found[fake] == (1, "sdv4", "genimage/ai", f"genimage/{fake}", "train")
    assert found["Stable Diffusion V1.5/val/ai/1.png"][1] == "Stable Diffusion V1.5"
    assert found["Stable Diffusion V1.5/val/ai/1.png"][4] == "val"
    shared = (0, "camera", "genimage/imagenet", "genimage/imagenet/n01440764_10026", "train")
    assert found[f"{sd14}/train/nature/n01440764_10026.JPEG"] == shared
    assert found["Stable Diffusion V1.5/train/nature/n01440764_10026.JPEG"] == shared
    assert len(found) == 8


@pytest.mark.parametrize(
    ("folder", "generator"),
    [
        ("imagenet_midjourney", "midjourney"),
        ("Midjourney/imagenet_midjourney", "midjourney"),
        ("imagenet_ai_0508_adm", "adm"),
        ("ADM", "ADM"),
        ("imagenet_ai", "imagenet_ai"),
        ("glide/part one", "glide"),
    ],
)
def test_genimage_generators(folder: str, generator: str, tmp_path: Path) -> None:
    plant(tmp_path, f"{folder}/val/ai/1.png", f"{folder}/val/nature/1.JPEG")
    assert {s.generator for s in load_dataset("genimage", tmp_path)} == {"camera", generator}


def test_a_generator_of_genimage_without_its_real_pictures_is_refused(tmp_path: Path) -> None:
    plant(genimage(tmp_path), "VQDM/val/ai/1.png")
    with pytest.raises(ConfigError, match=r"VQDM.val.nature: not found; expected both"):
        load_dataset("genimage", tmp_path)


def test_artifact_takes_the_label_from_the_row_and_the_generator_from_the_folder(tmp_path: Path) -> None:
    found = table(load_dataset("artifact", artifact(tmp_path)), tmp_path)
    assert found == {
        "ffhq/images/a b.jpg": (0, "camera", "artifact/ffhq", "artifact/ffhq/images/a b.jpg", "test"),
        "stylegan2/ffhq/ä.jpg": (1, "stylegan2", "artifact/stylegan2", "artifact/stylegan2/ffhq/ä.jpg", "test"),
        "stylegan2/0_real/c.jpg": (0, "camera", "artifact/stylegan2", "artifact/stylegan2/0_real/c.jpg", "test"),
    }


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("filename,target\na.jpg,0\n", "missing image_path"),
        ("image_path,target\nimages/a b.jpg,fake\n", "line 2: expected image_path and a target .*'fake'"),
        ("image_path,target\nimages/a b.jpg,0\nb.jpg,-1\n", "line 3: .*'-1'"),
        ("image_path,target\nimages/a b.jpg\n", "line 2"),
        ("image_path,target\n,0\n", "line 2"),
        ("image_path,target\nnone.jpg,0\n", "none.jpg: not found; expected the pictures"),
        ("image_path,target\nimages/a b.jpg,0\n\xff", "no CSV in UTF-8"),
    ],
)
def test_a_damaged_table_of_artifact_is_refused(text: str, message: str, tmp_path: Path) -> None:
    (artifact(tmp_path) / "ffhq" / "metadata.csv").write_text(text, "latin-1")
    with pytest.raises(ConfigError, match=message):
        load_dataset("artifact", tmp_path)


def test_diffusionface_groups_what_was_made_from_one_face(tmp_path: Path) -> None:
    found = table(load_dataset("diffusionface", diffusionface(tmp_path)), tmp_path)
    face = "diffusionface/celebahq/7"
    assert found["Real/7.jpg"] == (0, "camera", "diffusionface/Real", face, "test")
    assert found["MM_CelebA/7.jpg"][:4] == (0, "camera", "diffusionface/MM_CelebA", face)
    assert found["SDv15_DS0.5/00007.png"] == (1, "SDv15_DS0.5", "diffusionface/SDv15_DS0.5", face, "test")
    assert found["Inpaint/images/00007.png"][3] == face
    assert found["DDPM/00007.png"][3] == "diffusionface/DDPM/00007.png"
    assert found["Wild/images_256/x.png"][0] == 1
    assert "Inpaint/masks/00007.png" not in found
    (tmp_path / "Real" / "7.jpg").unlink()
    (tmp_path / "Real").rmdir()
    with pytest.raises(ConfigError, match="Real: not found; expected the real faces"):
        load_dataset("diffusionface", tmp_path)


def test_df40_tells_methods_domains_and_splits(tmp_path: Path) -> None:
    samples = load_dataset("df40", df40(tmp_path))
    found = table(samples, tmp_path)
    pair, celeb = "faceforensics/000+003", "celeb-df-v2/Celeb-real/id0_0004"
    train = "faceforensics/054+071"
    assert found == {
        "DF40/simswap/ff/frames/000_003/000.png": (1, "simswap", "df40/ff", pair, "test"),
        "DF40/simswap/ff/frames/000_003/010.png": (1, "simswap", "df40/ff", pair, "test"),
        "DF40/simswap/cdf/frames/id0_id1_0004/000.png": (1, "simswap", "df40/cdf", celeb, "test"),
        "DF40/fsgan/ff/frames/000_003/000.png": (1, "fsgan", "df40/ff", pair, "test"),
        "DF40/StyleGAN2/ff/003/seed0188.png": (1, "StyleGAN2", "df40/ff", pair, "test"),
        "DF40/StyleGAN2/cdf/Fake_from_Celeb-real/id0_0004/seed1.png": (1, "StyleGAN2", "df40/cdf", celeb, "test"),
        "DF40/e4e/cdf/Celeb-real/inversions/id0_0004.png": (1, "e4e", "df40/cdf", celeb, "test"),
        "DF40/stargan/fake/fake/000123.png": (1, "stargan", "df40/stargan", "df40/stargan/000123", "test"),
        "DF40/stargan/real/real/000123.png": (0, "camera", "df40/stargan", "df40/stargan/000123", "test"),
        "DF40/heygen/fake/frames/v1/0.png": (1, "heygen", "df40/heygen", "df40/heygen/v1", "test"),
        "DF40/heygen/real/v1/0.png": (0, "camera", "df40/heygen", "df40/heygen/v1", "test"),
        "DF40_train/simswap/frames/071_054/000.png": (1, "simswap", "df40/ff", train, "train"),
        "DF40_train/StyleGAN2/071/seed1.png": (1, "StyleGAN2", "df40/ff", train, "train"),
        "FaceForensics++/original_sequences/youtube/c23/frames/000/000.png": (
            *(0, "camera", "youtube/c23", pair),
            "test",
        ),
        "FaceForensics++/original_sequences/youtube/c23/frames/071/000.png": (
            *(0, "camera", "youtube/c23", train),
            "train",
        ),
        "Celeb-DF-v2/Celeb-real/frames/id0_0004/000.png": (0, "camera", "celeb-df-v2/Celeb-real", celeb, "test"),
        "Celeb-DF-v2/YouTube-real/frames/00012/000.png": (
            *(0, "camera", "celeb-df-v2/YouTube-real"),
            *("celeb-df-v2/YouTube-real/00012", "test"),
        ),
    }
    assert leaks(samples) == {}


def test_df40_puts_frames_of_a_clip_together_and_nothing_else(tmp_path: Path) -> None:
    videos = defaultdict(list)
    for sample in load_dataset("df40", df40(tmp_path)):
        videos[sample.video].append(sample)
    assert sorted(len(frames) for frames in videos.values() if len(frames) > 1) == [2]
    generated_faces = [sample for found in videos.values() for sample in found if sample.generator == "StyleGAN2"]
    assert [sample.clip for sample in generated_faces] == ["", "", ""]


def test_df40_may_be_named_by_its_folder_of_methods(tmp_path: Path) -> None:
    root = df40(tmp_path) / "DF40"
    assert tell_layout(root) == "df40"
    found = load_dataset("df40", root)
    assert {sample.split for sample in found} == {"test"}
    assert {"youtube/c23", "celeb-df-v2/Celeb-real"} <= {sample.source for sample in found}


def test_df40_without_the_real_faces_is_refused(tmp_path: Path) -> None:
    plant(tmp_path, "DF40/simswap/cdf/frames/id0_id1_0004/000.png", "DF40/stargan/real/1.png")
    with pytest.raises(ConfigError, match=r"no real faces .*celeb-df-v2; expected Celeb-DF-v2/Celeb-real/frames"):
        load_dataset("df40", tmp_path)
