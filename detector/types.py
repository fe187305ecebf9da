"""The nouns that the stages hand to one another.

Frozen dataclasses that check their own shapes. Arrays are NumPy at the boundaries between stages; a
`Reconstruction` holds Torch tensors, which stay on the device between the VAE and the features.
Pixel coordinates are (x, y) with the origin at the top-left corner of the top-left pixel.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Literal

import numpy as np
import numpy.typing as npt

from detector.errors import ShapeError

if TYPE_CHECKING:
    from torch import Tensor

Array = npt.NDArray[np.float32]
Pixels = npt.NDArray[np.uint8]

REASONS: dict[str, str] = {
    "not_found": "there is no such file",
    "empty": "the file has no bytes",
    "unsupported": "the content is no image or video format that is known here",
    "unreadable": "the decoder gave up on the content",
    "truncated": "the content ends before its declared end",
    "too_many_bytes": "the file is larger than the limit",
    "too_many_pixels": "the picture is larger than the limit",
    "too_long": "the video is longer than the limit",
    "timeout": "decoding took longer than the limit",
    "crashed": "the decoder died on the content",
    "failed": "the models failed on the content",
    "no_video": "the container has no video stream",
    "zero_duration": "the video has no frame",
    "no_face": "no face was found",
    "too_small": "every face is smaller than the limit",
    "too_blurry": "every face is blurrier than the limit",
}
"""Every reason code for a file that has no score, and what it means."""

LANDMARKS = ("right_eye", "left_eye", "nose", "right_mouth", "left_mouth")
"""The five landmarks in order; right and left are the person's own, so `right_eye` has the smaller x."""

View = Literal["whole", "native"]
VIEWS: tuple[View, ...] = ("whole", "native")


def check_shape(name: str, array: npt.NDArray[np.generic] | Tensor, shape: Sequence[int | None]) -> None:
    """Raise `ShapeError` unless `array` has `shape`, where None stands for any length."""
    got = tuple(array.shape)
    fits = len(got) == len(shape) and all(want in (None, have) for want, have in zip(shape, got, strict=True))
    if not fits:
        want = ", ".join("*" if n is None else str(n) for n in shape)
        raise ShapeError(f"{name}: expected shape ({want}), got {got}")


@dataclass(frozen=True, eq=False)
class Frame:
    """One picture of a file: pixels (H, W, 3) uint8 RGB, its time in seconds and its index in the file."""

    pixels: Pixels
    time_s: float = 0.0
    index: int = 0

    def __post_init__(self) -> None:
        check_shape("Frame.pixels", self.pixels, (None, None, 3))
        if self.pixels.dtype != np.uint8:
            raise ShapeError(f"Frame.pixels: expected uint8, got {self.pixels.dtype}")


@dataclass(frozen=True, eq=False)
class Face:
    """One face in a frame.

    Attributes:
        box: (4,) float32, x0 y0 x1 y1 in px.
        landmarks: (5, 2) float32, x y in px, in the order of `LANDMARKS`.
        confidence: in [0, 1]; how sure the detector is that this is a face.
        track: the person's number through a video; None before tracking.
    """

    box: Array
    landmarks: Array
    confidence: float
    track: int | None = None

    def __post_init__(self) -> None:
        check_shape("Face.box", self.box, (4,))
        check_shape("Face.landmarks", self.landmarks, (5, 2))

    @property
    def size(self) -> float:
        """The longer side of the box in px."""
        return float(max(self.box[2] - self.box[0], self.box[3] - self.box[1]))


@dataclass(frozen=True, eq=False)
class Crops:
    """Square views of faces, all of one size S, ready for a VAE.

    Attributes:
        pixels: (N, 3, S, S) float32 RGB in [0, 1].
        landmarks: (N, 5, 2) float32, crop px; they may lie outside the crop.
        boxes: (N, 4) float32, what part of its frame the crop shows, x0 y0 x1 y1 in frame px.
        faces: (N,) int64, the row of the face that the crop belongs to.
        whole: (N,) bool, whether the crop shows the whole face.
        native: (N,) bool, whether the crop is a tile at the working scale. A face that fits in one
            crop has a single one, which is both.
    """

    pixels: Array
    landmarks: Array
    boxes: Array
    faces: npt.NDArray[np.int64]
    whole: npt.NDArray[np.bool_]
    native: npt.NDArray[np.bool_]

    def __post_init__(self) -> None:
        count = len(self.pixels)
        check_shape("Crops.pixels", self.pixels, (count, 3, None, self.pixels.shape[-1]))
        check_shape("Crops.landmarks", self.landmarks, (count, 5, 2))
        check_shape("Crops.boxes", self.boxes, (count, 4))
        for name in ("faces", "whole", "native"):
            check_shape(f"Crops.{name}", getattr(self, name), (count,))

    def __len__(self) -> int:
        return len(self.pixels)

    @property
    def size(self) -> int:
        """S, the side of every crop in px."""
        return int(self.pixels.shape[-1])

    def where(self, keep: npt.NDArray[np.bool_]) -> Crops:
        """The crops where (N,) `keep` holds."""
        return Crops(*(getattr(self, column.name)[keep] for column in fields(self)))

    def of(self, views: Collection[View]) -> Crops:
        """The crops of some views: of every face at least one, whatever the view."""
        shown = {"whole": self.whole, "native": self.native}
        return self.where(np.any([shown[view] for view in views], axis=0))


@dataclass(frozen=True, eq=False)
class Clip:
    """One face through one shot, stabilised: the same S x S window of the face's own frame at every time.

    Attributes:
        pixels: (T, 3, S, S) float32 RGB in [0, 1].
        landmarks: (T, 5, 2) float32, clip px (after stabilisation).
        boxes: (T, 4) float32, where the face is in its frame, x0 y0 x1 y1 px.
        times_s: (T,) float64, strictly ascending.
        track: the person's number.
        shot: the number of the shot, from 0.
    """

    pixels: Array
    landmarks: Array
    boxes: Array
    times_s: npt.NDArray[np.float64]
    track: int
    shot: int

    def __post_init__(self) -> None:
        count = len(self.pixels)
        check_shape("Clip.pixels", self.pixels, (count, 3, None, self.pixels.shape[-1]))
        check_shape("Clip.landmarks", self.landmarks, (count, 5, 2))
        check_shape("Clip.boxes", self.boxes, (count, 4))
        check_shape("Clip.times_s", self.times_s, (count,))
        if count == 0 or not (np.diff(self.times_s) > 0).all():
            raise ShapeError(f"Clip.times_s: expected at least one time, strictly ascending, got {self.times_s}")

    def __len__(self) -> int:
        return len(self.pixels)

    @property
    def size(self) -> int:
        """S, the side of the window in px."""
        return int(self.pixels.shape[-1])


@dataclass(frozen=True, eq=False)
class Reconstruction:
    """What a VAE made of N crops; Torch tensors on the model's device.

    A field is None where the model gives no such thing (a plain autoencoder has no posterior, a model
    without a likelihood decoder has no NLL): the features that need it then do not exist for it.

    Attributes:
        pixels: (N, 3, S, S) in [0, 1]; the mean of the decoder's distribution.
        mean: (N, C, h, w), posterior mean (or the code, where there is no posterior).
        logvar: (N, C, h, w), posterior log variance.
        kl: (N, h, w), KL(q(z|x) || p(z)) in bits at each latent position, all channels and scales summed.
        nll: (N, S, S), -log2 p(x|z) in bits per dimension at each pixel (mean over RGB).
        entropy: (N, S, S), entropy of the decoder's distribution, in bits per dimension.
        hidden: (N, K, h', w'), activations inside the encoder, for perceptual distances.
        second: what the model made of `pixels`: the second pass; it may tell its pixels, mean and hidden alone.
    """

    pixels: Tensor
    mean: Tensor
    logvar: Tensor | None = None
    kl: Tensor | None = None
    nll: Tensor | None = None
    entropy: Tensor | None = None
    hidden: Tensor | None = None
    second: Reconstruction | None = None

    def __post_init__(self) -> None:
        count, _, size, _ = self.pixels.shape
        check_shape("Reconstruction.pixels", self.pixels, (count, 3, size, size))
        check_shape("Reconstruction.mean", self.mean, (count, None, None, None))
        for name, shape in {
            "logvar": self.mean.shape,
            "kl": (count, None, None),
            "nll": (count, size, size),
            "entropy": (count, size, size),
            "hidden": (count, None, None, None),
        }.items():
            if (value := getattr(self, name)) is not None:
                check_shape(f"Reconstruction.{name}", value, shape)


@dataclass(frozen=True, eq=False)
class ClipReconstruction:
    """What a spatiotemporal VAE made of N clips of T frames; Torch tensors on the model's device.

    As `Reconstruction`, with a time axis. A model that compresses time has t < T latent times, in order, which share
    out the T frames as it does. A clip that had to be padded comes back cut, while latents that also stand for what
    was padded stay.

    Attributes:
        pixels: (N, T, 3, S, S) in [0, 1]; the mean of the decoder's distribution.
        mean: (N, C, t, h, w), posterior mean (or the code, where there is no posterior).
        logvar: (N, C, t, h, w), posterior log variance.
        kl: (N, t, h, w), KL(q(z|x) || p(z)) in bits at each latent position, all channels summed.
        nll: (N, T, S, S), -log2 p(x|z) in bits per dimension at each pixel (mean over RGB).
        second: what the model made of `pixels`: the second pass.
    """

    pixels: Tensor
    mean: Tensor
    logvar: Tensor | None = None
    kl: Tensor | None = None
    nll: Tensor | None = None
    second: ClipReconstruction | None = None

    def __post_init__(self) -> None:
        count, times, _, size, _ = self.pixels.shape
        check_shape("ClipReconstruction.pixels", self.pixels, (count, times, 3, size, size))
        check_shape("ClipReconstruction.mean", self.mean, (count, None, None, None, None))
        latent = (count, *self.mean.shape[2:])
        for name, shape in {"logvar": self.mean.shape, "kl": latent, "nll": (count, times, size, size)}.items():
            if (value := getattr(self, name)) is not None:
                check_shape(f"ClipReconstruction.{name}", value, shape)


@dataclass(frozen=True, eq=False)
class FeatureTable:
    """One row of named features per face.

    Attributes:
        values: (N, F) float32; NaN where a feature has no value (a region that no crop shows).
        names: (F,), ordered: ``model.view.kind.region.statistic``.
    """

    values: Array
    names: tuple[str, ...]

    def __post_init__(self) -> None:
        check_shape("FeatureTable.values", self.values, (None, len(self.names)))
        if len(set(self.names)) != len(self.names):
            raise ShapeError("FeatureTable.names: every name must be there once")

    def __len__(self) -> int:
        return len(self.values)

    def join(self, other: FeatureTable) -> FeatureTable:
        """The columns of both tables, row by row."""
        return FeatureTable(np.hstack([self.values, other.values]), self.names + other.names)


MADE = "made:"
"""How the generator of a fake begins that we make of a real picture, on the spot: the file of its sample is the real
one. It trains, and is no generator to be found."""


@dataclass(frozen=True)
class Sample:
    """One file of a dataset.

    Attributes:
        path: the picture or the video.
        label: 1 for synthetic.
        generator: what made it; "camera" for a real face.
        source: the set that it comes from: one set, one history of cameras and codecs.
        group: the identity or source clip that it belongs to, a name that no other dataset or set has.
        split: "train", "val" or "test".
        clip: of a picture that is one frame of a clip, the clip, by a name that no other clip has; empty where the
            file is a whole picture or clip by itself.
    """

    path: str
    label: int
    generator: str
    source: str
    group: str
    split: str
    clip: str = ""

    @property
    def video(self) -> str:
        """What the scores of frames are put together by: the clip, or the file."""
        return self.clip or self.path


Status = Literal["ok", "abstained", "error"]
Verdict = Literal["fake", "real"]
MediaKind = Literal["image", "video", "unknown"]


@dataclass(frozen=True)
class RegionEvidence:
    """What one region of a face says.

    Attributes:
        region: its name, one of `detector.features.REGIONS`.
        contribution: how much it moves the log-odds of "fake"; positive is towards fake.
        words: its most unusual feature, e.g. "mouth: error spectrum 3.1 σ above real faces".
    """

    region: str
    contribution: float
    words: str


@dataclass(frozen=True)
class Segment:
    """A time through which a person of a video looks fake.

    Attributes:
        from_s: the time of its first frame that was looked at.
        to_s: the time of its last one.
        probability: the mean over its frames; at the threshold or above.
        frames: how many of them could be judged.
    """

    from_s: float
    to_s: float
    probability: float
    frames: int


@dataclass(frozen=True)
class PersonReport:
    """One person through a video, whose probability is that of the face that stands for them.

    Attributes:
        number: what words and pictures call them, from 1: one more than the track.
        frames: of those looked at, how many show a face of theirs that could be judged.
        first_s: when they were seen first.
        last_s: when they were seen last.
        interval: where their probability would lie with ever more frames like these, 90% of the time; the fewer the
            frames, the wider. None where no frame could be judged.
        verdict: None where nothing could be judged, and for who was seen too rarely beside others to decide.
        segments: when they look fake.
    """

    number: int
    frames: int
    first_s: float
    last_s: float
    interval: tuple[float, float] | None = None
    verdict: Verdict | None = None
    segments: tuple[Segment, ...] = ()


@dataclass(frozen=True)
class FaceReport:
    """The score of one face: box in px, probability in [0, 1] (None with a reason), evidence by region.

    In `Report.faces` of a video it is the most suspicious sighting of a person and has the person's probability and
    `person`; of a picture, and of a single sighting, `person` is None.
    """

    box: tuple[float, float, float, float]
    confidence: float
    probability: float | None
    reason: str | None = None
    regions: tuple[RegionEvidence, ...] = ()
    time_s: float = 0.0
    track: int | None = None
    person: PersonReport | None = None

    @property
    def name(self) -> str | None:
        """What words and pictures call the person, e.g. "person 2" for track 1; None without a track."""
        return None if self.track is None else f"person {self.track + 1}"


@dataclass(frozen=True)
class TimelinePoint:
    """The probability of the most suspicious face at one time of a video; None where no face could be scored.

    `shot` is the number of the shot, from 0; None where frames were not looked at in order.
    """

    time_s: float
    probability: float | None
    shot: int | None = None


@dataclass(frozen=True)
class Report:
    """The answer for one file.

    `fake_probability` and `verdict` are None unless `status` is "ok"; `reason` then says why, a key of
    `REASONS`. "No face" is a state of its own, never 0.5. Higher is always more synthetic.
    """

    path: str
    media: MediaKind
    status: Status
    reason: str | None = None
    fake_probability: float | None = None
    verdict: Verdict | None = None
    threshold: float | None = None
    faces: tuple[FaceReport, ...] = ()
    timeline: tuple[TimelinePoint, ...] = ()
    models: dict[str, str] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    elapsed_s: float = 0.0


Stopped = Literal["time", "decided", "all"]


@dataclass(frozen=True)
class Seen:
    """How much of a video was looked at within a time, and how well its probability is known by that.

    Attributes:
        frames: looked at.
        of_frames: how many there are.
        key_frames: how many of those looked at decoding may start at; they come first.
        covered_s: how long the frames looked at are on the screen, in s.
        gap_s: the longest time without a look, in s.
        duration_s: of the video.
        interval: where the probability lies that all frames together would give, for those who were seen; None where
            nobody could be judged.
        level: how often such intervals hold at least.
        unnoticed: somebody who is in less than this share of the frames may not have been seen often enough to decide.
        budget_s: the time there was.
        spent_s: the time it took, without `loading_s`.
        loading_s: how long the models took to load, which is not part of the budget.
        stopped: "time" was up; it was "decided", as the interval lies on one side of the threshold; or "all" was seen.
    """

    frames: int
    of_frames: int
    key_frames: int
    covered_s: float
    gap_s: float
    duration_s: float
    interval: tuple[float, float] | None
    level: float
    unnoticed: float
    budget_s: float
    spent_s: float
    loading_s: float
    stopped: Stopped


@dataclass(frozen=True)
class PartialReport(Report):
    """The answer for a video of which as much was looked at as a time allowed.

    Attributes:
        seen: how much that was.
    """

    seen: Seen = field(kw_only=True)
