"""How a face was pictured: what an audit tells faces apart by, to ask whether a detector is as good for all of them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
import torch

from detector.benchmark.histories.history import Remade
from detector.faces.crops import crop_faces
from detector.faces.limits import sharpness
from detector.features import REGIONS, region_masks
from detector.types import Array, Face

SKIN = ("right_cheek", "left_cheek", "forehead")
"""The regions whose skin has a tone; the others have hair, lips and shadows."""
GREY_CHROMA = 4.0
"""A face with a lower mean chroma is grey, up to the colours that JPEG adds; photographed skin has 10 to 30."""
VIEW_PX = 128
PREFIX = "audit.whole.face.picture."
"""How the name of every fact begins."""

Lab = npt.NDArray[np.float64]


def face_facts(_: Path, made: Remade) -> dict[str, float]:
    """What can be measured of a face as it was found, ``audit.whole.face.picture.<name>``.

    - ``ita``: individual typology angle in degrees, see `typology_angle`; the median of cheeks and forehead, so that a
      fringe, or a side in the shade, does not count. NaN for a grey face.
    - ``size``: the longer side of the box in px.
    - ``sharpness``: in [0, 1], of `detector.faces.limits.sharpness`.
    - ``lightness``: mean CIELAB L* of the face, in [0, 100].
    - ``chroma``: mean CIELAB chroma of the face; 0 is grey.
    - ``yaw``, ``roll``: see `pose`.

    The angle says how skin was *pictured*, in unknown light by an unknown camera: a mask, a beard or make-up counts as
    skin, and a lamp as a tone. It does not say who somebody is.
    """
    crops = crop_faces(made.frame, [made.face], VIEW_PX)
    lab = to_lab(crops.pixels[0].transpose(1, 2, 0))
    masks = region_masks(torch.from_numpy(crops.landmarks[:1]), VIEW_PX)[0].numpy()
    share = dict(zip(REGIONS, masks, strict=True))
    face = lab[share["background"] < 0.5]
    chroma = _mean(np.hypot(face[:, 1], face[:, 2]))
    numbers = {
        "ita": _skin_angle(lab, share) if chroma >= GREY_CHROMA else np.nan,
        "size": made.face.size,
        "sharpness": sharpness(made.frame, made.face),
        "lightness": _mean(face[:, 0]),
        "chroma": chroma,
        **pose(made.face),
    }
    return {PREFIX + name: float(value) for name, value in numbers.items()}


def to_lab(pixels: Array) -> Lab:
    """(H, W, 3) float32 sRGB in [0, 1] -> (H, W, 3) CIELAB under D65: L* in [0, 100], a* and b*."""
    return np.asarray(cv2.cvtColor(pixels, cv2.COLOR_RGB2LAB), np.float64)


def typology_angle(lightness: float, b: float) -> float:
    """Individual typology angle of skin in degrees, in (-90, 90): atan((L* - 50) / b*) (Chardon et al. 1991).

    High for light skin. NaN for b* <= 0: no skin is blue, the light was.
    """
    return float(np.degrees(np.arctan2(lightness - 50, b))) if b > 0 else np.nan


def pose(face: Face) -> dict[str, float]:
    """Where a face looks, from its landmarks; NaN where both eyes are one point.

    ``yaw`` is the place of the nose along the line of the eyes, from their middle, in distances between the eyes: 0 is
    frontal, positive is turned to the person's own left. It is no angle, but grows with one. ``roll`` is the angle of
    that line in degrees: 0 is level, positive is clockwise in the picture.
    """
    right_eye, left_eye, nose = face.landmarks[:3].astype(np.float64)
    across = left_eye - right_eye
    if not (square := float(across @ across)):
        return {"yaw": np.nan, "roll": np.nan}
    yaw = (nose - (right_eye + left_eye) / 2) @ across / square
    return {"yaw": float(yaw), "roll": float(np.degrees(np.arctan2(across[1], across[0])))}


def _skin_angle(lab: Lab, share: Mapping[str, Array]) -> float:
    """The median of the regions' angles, each of its median colour; regions that have none do not count."""
    skin = [lab[share[region] > 0.5] for region in SKIN]
    colours = [np.median(pixels, axis=0) for pixels in skin if len(pixels)]
    angles = [angle for lightness, _, b in colours if np.isfinite(angle := typology_angle(lightness, b))]
    return float(np.median(angles)) if angles else np.nan


def _mean(values: npt.NDArray[np.float64]) -> float:
    return float(values.mean()) if len(values) else np.nan
