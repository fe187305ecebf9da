"""`detector train`: each learnt part in one command with one config; interrupted, it goes on where it was."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Callable
from pathlib import Path

from detector import config

STILL_PX = 128
"""Side of the stills that clips are made of: that of the crops of the VAE of single frames."""


def add_arguments(parser: ArgumentParser) -> None:
    """The options of `detector train`."""
    parts = parser.add_subparsers(metavar="PART", required=True)
    for name, (train, summary) in PARTS.items():
        part = parts.add_parser(name, help=summary, description=summary)
        part.add_argument("config", type=Path, help="TOML file; see experiments/")
        part.set_defaults(train=train)


def run(arguments: Namespace) -> int:
    """Train one part and say where it is."""
    print(arguments.train(arguments.config))
    return 0


def _faces(path: Path) -> Path:
    from detector.benchmark.face_study.faces import teach_faces
    from detector.faces.train import FaceTrainConfig

    return teach_faces(config.load(FaceTrainConfig, path))


def _vae(path: Path) -> Path:
    from detector.benchmark.vae_study.vae import VaeStudy, teach_vae

    return teach_vae(config.load(VaeStudy, path))


def _vae_family(path: Path) -> Path:
    from detector.benchmark.vae_study.vae_family import FamilyStudy, teach_family

    return teach_family(config.load(FamilyStudy, path))


def _video_vae(path: Path) -> Path:
    from detector.benchmark.vae_study.crops import CropPlan, face_crops
    from detector.faces import load_face_detector
    from detector.vae.video.config import VideoTrainConfig
    from detector.vae.video.motion import MovingStills
    from detector.vae.video.train import train_video_vae

    training, work, detect = config.load(VideoTrainConfig, path), Path("runs"), load_face_detector("auto")
    length, size = training.model.length, training.model.size
    train, val = (  # the stills that the VAE of single frames learns from, and is measured on
        MovingStills(face_crops(CropPlan(), split, detect, STILL_PX, work / "crops" / split).pixels, length, size)
        for split in ("train", "val")
    )
    return train_video_vae(training, train, val, work / training.name, work)


def _classifier(path: Path) -> Path:
    from detector.benchmark.study.study import Study, teach_classifier

    return teach_classifier(config.load(Study, path))


def _protocol(path: Path) -> Path:
    from detector.benchmark.study.protocol import ProtocolCheck, check_protocol

    return check_protocol(config.load(ProtocolCheck, path))


def _ablation(path: Path) -> Path:
    from detector.benchmark.study.ablation import Ablation, ablate

    return ablate(config.load(Ablation, path))


PARTS: dict[str, tuple[Callable[[Path], Path], str]] = {
    "faces": (_faces, "the embedded face network, distilled from YuNet"),
    "vae": (_vae, "a VAE of our family, on real faces"),
    "vae-family": (_vae_family, "every member of our VAE family for a few steps, side by side with its report"),
    "video-vae": (_video_vae, "the VAE of clips, on real faces in motion"),
    "classifier": (_classifier, "the embedded classifier, with its report and model card"),
    "ablation": (_ablation, "nothing: measures many changes of the classifier against one base"),
    "protocol": (_protocol, "nothing: measures what the protocol leaves to read in the files"),
}
"""part -> (what trains it from a config, what it is)."""
