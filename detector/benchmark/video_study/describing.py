"""From a video file to one row of numbers for each piece of it: of its frames one by one, and of how they go on."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice

import numpy as np

from detector.benchmark.extraction.store import Unit
from detector.benchmark.video_study.containers import file_facts
from detector.errors import MediaError
from detector.faces import FaceDetector, FaceLimits, ShotCutter, Tracker, concat_crops, crop_faces, cut_clips, unusable
from detector.features import Backbone
from detector.features.motion import compute_motion
from detector.media import Sampling, open_media
from detector.score.judge import describe
from detector.types import Array, Clip, Face, FeatureTable, Frame, View
from detector.vae.video.frames import FrameByFrame

Looked = tuple[Frame, tuple[Face, ...], int]
"""A frame, the tracked faces in it, and the number of its shot."""
AT_ONCE = 8


@dataclass(frozen=True)
class Pieces:
    """How a video is cut up.

    Attributes:
        length: frames of a piece; what is left at the end of the file is a piece if it is half as long at least.
        clip: frames of a clip.
        frames: how many frames of a piece are looked at one by one.
        most: pieces of a file; those of a longer file are spread over it.
    """

    length: int = 48
    clip: int = 16
    frames: int = 8
    most: int = 1000

    def starts(self, count: int) -> list[tuple[int, int]]:
        """The first frame of each piece of a file of so many frames, and where the piece ends."""
        places = range(0, count, self.length)
        whole = [(start, min(start + self.length, count)) for start in places]
        whole = [(start, end) for start, end in whole if end - start >= self.length / 2]
        chosen = np.linspace(0, len(whole), min(self.most, len(whole)), endpoint=False).astype(int)
        return [whole[place] for place in chosen]


@dataclass(frozen=True, eq=False)
class Describer:
    """What looks at pieces: the path of single frames, and that of clips beside it.

    Attributes:
        detector: finds the faces.
        model: an autoencoder of pictures, applied frame by frame; its `still` describes single frames.
        backbone: what sees the faces of single frames too.
        pieces: how a video is cut up.
    """

    detector: FaceDetector
    model: FrameByFrame
    backbone: Backbone
    pieces: Pieces = Pieces()

    @property
    def versions(self) -> tuple[str, ...]:
        """Of everything that the numbers depend on."""
        models = (self.detector, self.model, self.backbone)
        return tuple(f"{model.name} {model.version}" for model in models)

    def __call__(self, content: bytes) -> Unit:
        """The person most often seen in each piece: ``mean.*`` and ``spread.*`` of frames, motion, ``file.*``."""
        media = open_media(content)
        spans = self.pieces.starts(media.frame_count)
        facts = [file_facts(content, span) for span in spans]
        reasons, rows = [], []
        for piece, fact in zip(_cut(media.frames(Sampling(every=True)), spans), facts, strict=True):
            try:
                rows.append(self._row(piece).join(fact))
                reasons.append("")
            except MediaError as error:
                reasons.append(error.reason)
        table = FeatureTable(np.concatenate([row.values for row in rows]), rows[0].names) if rows else None
        return Unit(tuple(start for start, _ in spans), tuple(reasons), table)

    def _row(self, frames: Sequence[Frame]) -> FeatureTable:
        looked = list(self.look(frames))
        track = _main(looked)
        return self.still(looked, track).join(self.moving(looked, track))

    def look(self, frames: Sequence[Frame]) -> Iterator[Looked]:
        """Find, track and part into shots."""
        tracker, cutter = Tracker(), ShotCutter()
        for start in range(0, len(frames), AT_ONCE):
            chunk = frames[start : start + AT_ONCE]
            for frame, faces in zip(chunk, self.detector(chunk), strict=True):
                shot = cutter.update(frame)
                yield frame, tracker.update(faces, frame.index, frame.pixels, shot), shot

    def still(self, looked: Sequence[Looked], track: int) -> FeatureTable:
        """(1, 2 F): what single frames say of somebody, its mean and its deviation over frames evenly spread."""
        seen = [(frame, face) for frame, faces, _ in looked for face in faces if face.track == track]
        seen = [(frame, face) for frame, face in seen if unusable(frame, face, FaceLimits()) is None]
        if len(seen) < 2:
            raise MediaError("no_face", "expected two frames of a piece or more with a usable face; take another piece")
        places = np.linspace(0, len(seen), min(self.pieces.frames, len(seen)), endpoint=False).astype(int)
        crops = [crop_faces(seen[place][0], [seen[place][1]], self.model.size) for place in places]
        numbered = [replace(part, faces=part.faces + number) for number, part in enumerate(crops)]
        views: tuple[View, ...] = ("whole",)  # as what is shipped has it
        table, _ = describe(concat_crops(numbered, self.model.size), (self.model.still,), self.backbone, views)
        return over_frames(table)

    def moving(self, looked: Sequence[Looked], track: int) -> FeatureTable:
        """(1, M): how somebody, and the autoencoder's error on them, move."""
        clips = self.clips(looked, track)
        return compute_motion(clips, [self.model(clip.pixels[None]) for clip in clips], self.model.name, rows="tracks")

    def clips(self, looked: Sequence[Looked], track: int) -> list[Clip]:
        """What is cut out of somebody."""
        cut = cut_clips(looked, self.model.size, self.pieces.clip)
        return [clip for clip in cut if clip.track == track]


def over_frames(table: FeatureTable) -> FeatureTable:
    """(1, 2 F): the mean and the standard deviation of every column over rows that are the frames of one piece."""
    parts: dict[str, Callable[..., Array]] = {"mean": np.ma.mean, "spread": np.ma.std}
    known = np.ma.masked_invalid(table.values)
    told: list[Array] = [np.ma.filled(part(known, axis=0), np.nan).astype(np.float32) for part in parts.values()]
    return FeatureTable(np.concatenate(told)[None], tuple(f"{part}.{name}" for part in parts for name in table.names))


def _main(looked: Sequence[Looked]) -> int:
    counts = Counter(face.track for _, faces, _ in looked for face in faces[:1])
    if not counts:
        raise MediaError("no_face", "expected a face in some frame of a piece, found none; take another piece")
    track = max(counts, key=counts.__getitem__)
    assert track is not None
    return track


def _cut(frames: Iterator[Frame], spans: Sequence[tuple[int, int]]) -> Iterator[list[Frame]]:
    """The frames of each span, one span in memory at a time."""
    place = 0
    for start, end in spans:
        yield list(islice(frames, start - place, end - place))
        place = end
