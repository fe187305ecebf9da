"""`detector vae`: draw what a VAE of our family has learnt."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import TYPE_CHECKING

from detector.errors import MediaError, UsageError
from detector.types import Pixels

if TYPE_CHECKING:
    from torch import Tensor

    from detector.vae.model import FaceVae


def add_arguments(parser: ArgumentParser) -> None:
    """The options of `detector vae`."""
    actions = parser.add_subparsers(metavar="ACTION", required=True)
    sample = actions.add_parser("sample", help="draws from the prior")
    sample.add_argument("--count", type=int, default=16, help="default %(default)s")
    sample.add_argument("--seed", type=int, default=0, help="default %(default)s")
    sample.set_defaults(draw=_sample)
    interpolate = actions.add_parser("interpolate", help="from one face to another, through the latent")
    interpolate.add_argument("first", type=Path)
    interpolate.add_argument("second", type=Path)
    interpolate.set_defaults(draw=_interpolate)
    traverse = actions.add_parser("traverse", help="move one latent channel at a time")
    traverse.add_argument("photo", type=Path)
    traverse.set_defaults(draw=_traverse)
    for action in (sample, interpolate, traverse):
        action.add_argument("--weights", type=Path, help="written by `detector train vae` (default: the embedded ones)")
        action.add_argument("--out", type=Path, required=True, help="PNG file to write")


def run(arguments: Namespace) -> int:
    """Draw one grid."""
    from PIL import Image

    from detector.vae.loading import ASSET, load_model
    from detector.weights import asset

    model = load_model(arguments.weights or asset(ASSET))
    Image.fromarray(arguments.draw(arguments, model)).save(arguments.out)
    print(arguments.out)
    return 0


def _sample(arguments: Namespace, model: FaceVae) -> Pixels:
    from detector.vae import grids

    return grids.samples(model, arguments.count, seed=arguments.seed)


def _interpolate(arguments: Namespace, model: FaceVae) -> Pixels:
    from detector.vae import grids

    size = model.config.size
    return grids.interpolate(model, _face(arguments.first, size), _face(arguments.second, size))


def _traverse(arguments: Namespace, model: FaceVae) -> Pixels:
    from detector.vae import grids

    return grids.traverse(model, _face(arguments.photo, model.config.size))


def _face(path: Path, size: int) -> Tensor:
    """(3, S, S) in [0, 1]: the whole view of the largest face of a photo."""
    import torch

    from detector.faces import crop_faces, load_face_detector
    from detector.media import Sampling, open_media

    try:
        frame = next(iter(open_media(path).frames(Sampling(frames=1))))
    except MediaError as error:
        raise UsageError(str(error)) from error
    [faces] = load_face_detector()([frame])
    if not faces:
        raise UsageError(f"{path}: expected a face, found none; take a photo with one")
    return torch.from_numpy(crop_faces(frame, faces[:1], size).pixels[0])
